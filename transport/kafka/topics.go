package kafka

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
)

// Topic is a topic as it should be.
type Topic struct {
	Name        string
	Partitions  int32
	Replication int16             // copies; the broker's default when zero
	Configs     map[string]string // settings by Kafka's names; those not named are left as they are
	Remade      bool              // what is gone from it is made again from other topics
}

// Change is one thing that EnsureTopics did, or with DryRun would do.
type Change struct {
	Topic   string
	Setting string // "" where the topic itself is created
	From    string
	To      string
}

// String is the change in words.
func (c Change) String() string {
	if c.Setting == "" {
		return fmt.Sprintf("create topic %s: %s", c.Topic, c.To)
	}
	return fmt.Sprintf("topic %s: set %s from %q to %q", c.Topic, c.Setting, c.From, c.To)
}

// TopicConflict is a topic that exists with a setting that can't be changed without losing data or order.
type TopicConflict struct {
	Topic, Setting, Is, Want, Why string
}

// Error says what is there, what should be, and why it is not changed.
func (e *TopicConflict) Error() string {
	return fmt.Sprintf("topic %s has %s %s, it should be %s: %s", e.Topic, e.Setting, e.Is, e.Want, e.Why)
}

// EnsureOption changes what EnsureTopics does.
type EnsureOption func(*ensure)

// DryRun makes no change and returns those that would be made.
func DryRun() EnsureOption { return func(e *ensure) { e.dry = true } }

// visibleWithin bounds the wait for every broker to know a new topic, which takes some 100 ms.
const visibleWithin = 30 * time.Second

type ensure struct {
	cl  *kgo.Client
	adm *kadm.Client
	dry bool
}

// EnsureTopics creates the topics that are missing and sets the settings that differ, and returns when every broker lists every topic (a
// topic is unknown to other brokers for a moment after it is made). Doing it again changes nothing. A topic with another number of
// partitions, whose cleanup or retention would have to be changed so that records go away, or that has lost records which are wanted, is left alone and
// is a *TopicConflict; nothing at all is changed when there is one. All conflicts are joined. A retention that is too short is raised where nothing has
// expired yet, or where the topic is Remade.
//
// It is bounded by the context and waits at most 30 s for the brokers.
func EnsureTopics(ctx context.Context, cl *kgo.Client, topics []Topic, opts ...EnsureOption) ([]Change, error) {
	e := ensure{cl: cl, adm: kadm.NewClient(cl)}
	for _, o := range opts {
		o(&e)
	}
	for try := 0; ; try++ {
		plan, err := e.plan(ctx, topics)
		if err != nil {
			return nil, err
		}
		if e.dry {
			return plan.changes, nil
		}
		err = e.apply(ctx, plan)
		// Another process has made one in the meantime, perhaps otherwise than we want it: look again.
		if errors.Is(err, kerr.TopicAlreadyExists) && try < 3 {
			continue
		}
		if err != nil {
			return plan.changes, err
		}
		return plan.changes, e.awaitVisible(ctx, topics)
	}
}

// plan is what has to be done, in the order of the topics asked for.
type plan struct {
	create  []Topic
	alter   map[string][]kadm.AlterConfig
	changes []Change
}

func (e ensure) plan(ctx context.Context, topics []Topic) (plan, error) {
	p := plan{alter: map[string][]kadm.AlterConfig{}}
	names := make([]string, len(topics))
	for i, t := range topics {
		if t.Name == "" || t.Partitions < 1 {
			return p, fmt.Errorf("topic %q with %d partitions: a topic needs a name and at least one partition", t.Name, t.Partitions)
		}
		names[i] = t.Name
	}
	if len(names) == 0 {
		return p, nil
	}
	there, err := partitionsOf(ctx, e.cl, names)
	if err != nil {
		return p, err
	}
	var errs []error
	for _, t := range topics {
		switch is := there[t.Name].listed; {
		case is == 0:
			p.create = append(p.create, t)
			p.changes = append(p.changes, Change{Topic: t.Name, To: t.describe()})
		case is != int(t.Partitions):
			errs = append(errs, &TopicConflict{t.Name, "partitions", strconv.Itoa(is), strconv.Itoa(int(t.Partitions)),
				"keys would move to other partitions and lose their order; use new topics and a new epoch, or set the number back"})
		case t.Replication > 0 && there[t.Name].copies < int(t.Replication):
			errs = append(errs, &TopicConflict{t.Name, "replicas", strconv.Itoa(there[t.Name].copies), strconv.Itoa(int(t.Replication)),
				"what is accepted would be lost with fewer disks than you ask for; add replicas (kafka-reassign-partitions), or ask for fewer by UGC_KAFKA_REPLICATION"})
		default:
			errs = append(errs, e.compare(ctx, t, &p))
		}
	}
	return p, errors.Join(errs...)
}

func (e ensure) compare(ctx context.Context, t Topic, p *plan) error {
	if len(t.Configs) == 0 {
		return nil
	}
	rcs, err := e.adm.DescribeTopicConfigs(ctx, t.Name)
	if err != nil {
		return fmt.Errorf("read settings of topic %s: %w", t.Name, err)
	}
	rc, err := rcs.On(t.Name, nil)
	if err = errors.Join(err, rc.Err); err != nil {
		return fmt.Errorf("read settings of topic %s: %w", t.Name, err)
	}
	is := map[string]string{}
	for _, c := range rc.Configs {
		is[c.Key] = c.MaybeValue()
	}
	var errs []error
	for _, k := range slices.Sorted(maps.Keys(t.Configs)) {
		want := t.Configs[k]
		if is[k] == want {
			continue
		}
		why, err := e.refused(ctx, t, k, is[k], want)
		if err != nil {
			return err
		}
		if why != "" {
			errs = append(errs, &TopicConflict{t.Name, k, is[k], want, why})
			continue
		}
		p.alter[t.Name] = append(p.alter[t.Name], kadm.AlterConfig{Op: kadm.SetConfig, Name: k, Value: &want})
		p.changes = append(p.changes, Change{t.Name, k, is[k], want})
	}
	return errors.Join(errs...)
}

// refused says why a setting is not changed, "" where changing it is safe.
func (e ensure) refused(ctx context.Context, t Topic, setting, is, want string) (string, error) {
	why := lossy(setting, is, want)
	if why == "" {
		return loses(setting, is, want), nil
	}
	if !strings.HasPrefix(setting, "retention.") {
		return why, nil
	}
	if t.Remade {
		return "", nil
	}
	gone, err := e.expired(ctx, t.Name)
	if err != nil || !gone {
		return "", err
	}
	return why, nil
}

// expired says whether records of the topic are gone: then somebody has to know before the setting that did it is mended.
func (e ensure) expired(ctx context.Context, topic string) (bool, error) {
	first, err := e.adm.ListStartOffsets(ctx, topic)
	if err == nil {
		err = first.Error()
	}
	if err != nil {
		return false, fmt.Errorf("look where topic %s begins: %w", topic, err)
	}
	gone := false
	first.Each(func(o kadm.ListedOffset) { gone = gone || o.Offset > 0 })
	return gone, nil
}

func (e ensure) apply(ctx context.Context, p plan) error {
	for _, t := range p.create {
		configs := map[string]*string{}
		for k, v := range t.Configs {
			configs[k] = &v
		}
		replication := t.Replication
		if replication == 0 {
			replication = -1
		}
		_, err := e.adm.CreateTopic(ctx, t.Partitions, replication, configs, t.Name)
		if errors.Is(err, kerr.InvalidReplicationFactor) {
			return fmt.Errorf("create topic %s with %d replicas: %w: the cluster has fewer brokers; add some, or ask for fewer replicas by UGC_KAFKA_REPLICATION", t.Name, t.Replication, err)
		}
		if err != nil {
			return fmt.Errorf("create topic %s: %w", t.Name, err)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(p.alter)) {
		rs, err := e.adm.AlterTopicConfigs(ctx, p.alter[name], name)
		if err == nil {
			_, err = rs.On(name, func(r *kadm.AlterConfigsResponse) error { return r.Err })
		}
		if err != nil {
			return fmt.Errorf("change settings of topic %s: %w", name, err)
		}
	}
	return nil
}

func (t Topic) describe() string {
	parts := []string{fmt.Sprintf("%d partitions", t.Partitions)}
	if t.Replication > 0 {
		parts = append(parts, fmt.Sprintf("%d replicas", t.Replication))
	}
	for _, k := range slices.Sorted(maps.Keys(t.Configs)) {
		parts = append(parts, k+"="+t.Configs[k])
	}
	return strings.Join(parts, ", ")
}
