package kafka

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"
)

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
	req := kmsg.NewPtrMetadataRequest()
	for _, t := range topics {
		rt := kmsg.NewMetadataRequestTopic()
		rt.Topic = kmsg.StringPtr(t.Name)
		req.Topics = append(req.Topics, rt)
	}
	for _, b := range brokers.NodeIDs() {
		resp, err := req.RequestWith(ctx, e.cl.Broker(int(b)))
		if err != nil {
			return fmt.Errorf("ask broker %d: %w", b, err)
		}
		ready := map[string]int{}
		for _, t := range resp.Topics {
			for _, p := range t.Partitions {
				if t.ErrorCode == 0 && t.Topic != nil && p.ErrorCode == 0 && p.Leader >= 0 {
					ready[*t.Topic]++
				}
			}
		}
		for _, t := range topics {
			if ready[t.Name] != int(t.Partitions) {
				return fmt.Errorf("broker %d lists %d of %d partitions of topic %s", b, ready[t.Name], t.Partitions, t.Name)
			}
		}
	}
	return nil
}
