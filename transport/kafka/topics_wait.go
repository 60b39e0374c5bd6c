package kafka

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// lossy says why a topic as it is loses records that are wanted, "" where it does not. Such a topic is not mended by itself: what it has
// lost already is not to be had back by a setting, and somebody has to know.
func lossy(setting, is, want string) string {
	switch setting {
	case "cleanup.policy":
		if has, asked := policies(is), policies(want); has["delete"] && asked["compact"] && !asked["delete"] {
			return "newest records of keys expire there; look at what is gone, then set it to " + want + " yourself, or delete the topic to begin anew"
		} else if has["compact"] && !asked["compact"] {
			return "all but the newest record of each key goes away there; look at what is gone, then set it to " + want + " yourself, or delete the topic to begin anew"
		}
	case "retention.ms", "retention.bytes":
		if unlimited(want) && !unlimited(is) {
			return "records are deleted there that must be kept for ever; look at what is gone, then set it to " + want + " yourself"
		}
	}
	return ""
}

func unlimited(limit string) bool {
	n, err := strconv.ParseInt(limit, 10, 64)
	return err == nil && n < 0
}

// loses says why changing a setting would make records go away, "" where it does not.
func loses(setting, is, want string) string {
	switch setting {
	case "cleanup.policy":
		had, has := policies(is), policies(want)
		if has["delete"] && !had["delete"] {
			return "records that were kept for ever would expire"
		}
		if has["compact"] && !had["compact"] {
			return "all but the newest record of each key would go away"
		}
	case "retention.ms", "retention.bytes":
		if shorter(is, want) {
			return "records that are kept now would be deleted; delete the topic yourself if that is what you want"
		}
	}
	return ""
}

func policies(s string) map[string]bool {
	m := map[string]bool{}
	for p := range strings.SplitSeq(s, ",") {
		m[strings.TrimSpace(p)] = true
	}
	return m
}

// shorter compares limits, of which a negative one means none.
func shorter(is, want string) bool {
	w, err := strconv.ParseInt(want, 10, 64)
	if err != nil || w < 0 {
		return false
	}
	i, err := strconv.ParseInt(is, 10, 64)
	return err != nil || i < 0 || w < i
}

// awaitVisible asks every broker, because each learns of a topic for itself.
func (e ensure) awaitVisible(ctx context.Context, topics []Topic) error {
	if len(topics) == 0 {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, visibleWithin)
	defer cancel()
	var missing error
	for {
		if missing = e.missing(ctx, topics); missing == nil {
			return nil
		}
		pause := time.NewTimer(50 * time.Millisecond)
		select {
		case <-ctx.Done():
			pause.Stop()
			return fmt.Errorf("wait until every broker knows the topics: %w", missing)
		case <-pause.C:
		}
	}
}

func (e ensure) missing(ctx context.Context, topics []Topic) error {
	brokers, err := e.adm.ListBrokers(ctx)
	if err != nil {
		return fmt.Errorf("list brokers: %w", err)
	}
	names := make([]string, len(topics))
	for i, t := range topics {
		names[i] = t.Name
	}
	for _, b := range brokers.NodeIDs() {
		there, err := partitionsOf(ctx, e.cl.Broker(int(b)), names)
		if err != nil {
			return fmt.Errorf("ask broker %d: %w", b, err)
		}
		for _, t := range topics {
			if there[t.Name].led != int(t.Partitions) {
				return fmt.Errorf("broker %d lists %d of %d partitions of topic %s", b, there[t.Name].led, t.Partitions, t.Name)
			}
		}
	}
	return nil
}

// seen is how many partitions of a topic a broker knows, how many of them have a leader, and the fewest copies that one has.
type seen struct{ listed, led, copies int }

// partitionsOf asks a broker and not what the client remembers, which may be half a second old.
func partitionsOf(ctx context.Context, broker kmsg.Requestor, names []string) (map[string]seen, error) {
	req := kmsg.NewPtrMetadataRequest()
	for _, name := range names {
		rt := kmsg.NewMetadataRequestTopic()
		rt.Topic = kmsg.StringPtr(name)
		req.Topics = append(req.Topics, rt)
	}
	resp, err := req.RequestWith(ctx, broker)
	if err != nil {
		return nil, fmt.Errorf("list topics: %w", err)
	}
	there := map[string]seen{}
	for _, t := range resp.Topics {
		if t.Topic == nil {
			continue
		}
		err := kerr.ErrorForCode(t.ErrorCode)
		if err != nil && !errors.Is(err, kerr.UnknownTopicOrPartition) && !kerr.IsRetriable(err) {
			return nil, fmt.Errorf("look at topic %s: %w", *t.Topic, err)
		}
		s := seen{listed: len(t.Partitions)}
		for i, p := range t.Partitions {
			if i == 0 || len(p.Replicas) < s.copies {
				s.copies = len(p.Replicas)
			}
			if err == nil && p.ErrorCode == 0 && p.Leader >= 0 {
				s.led++
			}
		}
		there[*t.Topic] = s
	}
	return there, nil
}
