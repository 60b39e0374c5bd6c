package streams

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/IBM/sarama"
	"github.com/lovoo/goka"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"ugc/domain"
)

// What goka is told of Kafka. Each setting here replaces a stock one that loses or delays something; each has a test.

// consumerConfig is the caller's with what goka needs. Every client gets a copy of its own: goka's builders write into it.
func consumerConfig(from *sarama.Config) *sarama.Config {
	c := *from
	// A group without a commit starts at the oldest record; at the newest, what was written before its first start would be skipped.
	c.Consumer.Offsets.Initial = sarama.OffsetOldest
	// Inputs of one group must come from the same partitions to the same member.
	c.Consumer.Group.Rebalance.GroupStrategies = []sarama.BalanceStrategy{goka.CopartitioningStrategy}
	// goka learns of a lost broker through the error channel alone.
	c.Consumer.Return.Errors = true
	// A callback that waits for room must not cost the partition its subscription.
	c.Consumer.MaxProcessingTime = 5 * time.Second
	// Where to go on is found out when a session begins. An offset that the log does not have ends the session; stock begins at the oldest record, so that
	// inputs that are gone would be passed over without a word.
	c.Consumer.Group.ResetInvalidOffsets = false
	return &c
}

// setupConfig is for clients that are opened to ask something once: the supervisor tries again, so they need not do so for long.
func setupConfig(from *sarama.Config) *sarama.Config {
	c := consumerConfig(from)
	c.Metadata.Retry.Max = min(c.Metadata.Retry.Max, 3)
	return c
}

// producerOpts make a client fit for producer, whatever the caller's options say.
func producerOpts() []kgo.Opt {
	return []kgo.Opt{
		// An answer means that every replica in sync has the record; goka's stock setting asks the leader alone.
		kgo.RequiredAcks(kgo.AllISRAcks()),
		// Records leave at once, and gather only while a request is under way; goka's stock setting waits 100 ms.
		kgo.ProducerLinger(0),
		// producer places records itself, by the one rule of the house.
		kgo.RecordPartitioner(kgo.ManualPartitioner()),
		// lane bounds the inputs under way; this bounds what they emit. Nobody waits for room who would have to make it.
		kgo.MaxBufferedRecords(maxBuffered), kgo.MaxBufferedBytes(maxBufferedBytes),
		// producer bounds the time. This limit would compare with the record's time, by the wall clock: a step of that clock would fail whatever is
		// under way.
		kgo.RecordDeliveryTimeout(0),
	}
}

// What one processor may have on its way to Kafka.
const (
	maxBuffered      = 1 << 16
	maxBufferedBytes = 64 << 20
)

// consumerGroup goes on at once after a rebalance. goka itself waits 5 s each time the group's session ends without an error.
type consumerGroup struct {
	sarama.ConsumerGroup
	run *incarnation
}

// shortSession is how long a session must have lasted to be followed by the next at once.
const shortSession = 100 * time.Millisecond

// Consume implements sarama.ConsumerGroup. It returns with an error or when ctx ends.
func (g *consumerGroup) Consume(ctx context.Context, topics []string, h sarama.ConsumerGroupHandler) error {
	for ctx.Err() == nil {
		started := time.Now()
		if err := g.ConsumerGroup.Consume(ctx, topics, &session{ConsumerGroupHandler: h, run: g.run}); err != nil {
			return err
		}
		if short := shortSession - time.Since(started); short > 0 {
			pause(ctx, short)
		}
	}
	return nil
}

// session tells the incarnation what the group's coordinator decides.
type session struct {
	sarama.ConsumerGroupHandler
	run *incarnation
}

// Setup implements sarama.ConsumerGroupHandler; goka restores the tables in it.
func (s *session) Setup(sess sarama.ConsumerGroupSession) error {
	s.run.assigned(sess.Claims()[s.run.group.Input.Name])
	if err := s.ConsumerGroupHandler.Setup(sess); err != nil {
		return err
	}
	if err := s.run.compare(sess); err != nil && sess.Context().Err() == nil {
		s.run.fail(err)
		return err
	}
	s.run.state.up()
	return nil
}

// Cleanup implements sarama.ConsumerGroupHandler; goka waits in it for what is under way, then commits.
func (s *session) Cleanup(sess sarama.ConsumerGroupSession) error {
	s.run.state.down()
	err := s.ConsumerGroupHandler.Cleanup(sess)
	s.run.assigned(nil)
	return err
}

// ConsumeClaim implements sarama.ConsumerGroupHandler.
func (s *session) ConsumeClaim(sess sarama.ConsumerGroupSession, claim sarama.ConsumerGroupClaim) error {
	if p := s.run.partition(claim.Partition()); p != nil {
		p.claim.Store(&claim)
		if err := s.run.own(p); err != nil { // goka has restored the copy, and hands no input out yet
			s.run.fail(err)
			s.run.out.fail(err)
			return err
		}
	}
	return s.ConsumerGroupHandler.ConsumeClaim(sess, claim)
}

// verifier is goka's topic manager without the right to create: topics have an owner who chooses retention, partitions and replicas.
type verifier struct{ goka.TopicManager }

func topicManager(config *sarama.Config) goka.TopicManagerBuilder {
	return func(brokers []string) (goka.TopicManager, error) {
		tmc := goka.NewTopicManagerConfig()
		tmc.NoCreate = true
		tm, err := goka.NewTopicManager(brokers, config, tmc)
		if err != nil {
			return nil, err
		}
		return verifier{tm}, nil
	}
}

// EnsureTableExists implements goka.TopicManager.
func (v verifier) EnsureTableExists(topic string, n int) error { return v.ensure(topic, n) }

// EnsureStreamExists implements goka.TopicManager.
func (v verifier) EnsureStreamExists(topic string, n int) error { return v.ensure(topic, n) }

// EnsureTopicExists implements goka.TopicManager; how it is replicated is its owner's to say.
func (v verifier) EnsureTopicExists(topic string, n, _ int, _ map[string]string) error {
	return v.ensure(topic, n)
}

func (v verifier) ensure(topic string, n int) error {
	partitions, err := v.Partitions(topic)
	if err != nil {
		return fmt.Errorf("look at topic %s: %w", topic, err)
	}
	if len(partitions) != n {
		return fmt.Errorf("topic %s has %d partitions and needs %d, as many as the group's input", topic, len(partitions), n)
	}
	return nil
}

// layout is what the broker says of a group's topics.
type layout struct {
	partitions map[string]int32
	tableID    kadm.TopicID // of the table's topic: one made anew under the same name has another
}

// table names the table's topic for good, in folder names.
func (l layout) table() string { return hex.EncodeToString(l.tableID[:8]) }

// inspectTimeout bounds one look at the topics.
const inspectTimeout = 10 * time.Second

// inspect looks at the topics before anything is started over them: they are there, and what shares partitions has the same number.
// An error says what to do.
func inspect(ctx context.Context, opts []kgo.Opt, g Group) (layout, error) {
	ctx, cancel := context.WithTimeout(ctx, inspectTimeout)
	defer cancel()
	client, err := kgo.NewClient(opts...)
	if err != nil {
		return layout{}, fmt.Errorf("look at topics: %w", err)
	}
	defer client.Close()
	adm := kadm.NewClient(client)

	var all []string
	for _, t := range g.topics() {
		all = append(all, t.Name)
	}
	details, err := adm.ListTopics(ctx, all...)
	if err != nil {
		return layout{}, domain.Wrap(domain.Unavailable, "look at topics", err)
	}
	l := layout{partitions: make(map[string]int32, len(all)), tableID: details[g.Table.Name].ID}
	var errs []error
	for _, name := range all {
		if err := details[name].Err; err != nil || len(details[name].Partitions) == 0 {
			errs = append(errs, fmt.Errorf("topic %s is not there (%w): create the topics with `ugc init`", name, cmpErr(err)))
		}
		l.partitions[name] = int32(len(details[name].Partitions))
	}
	if in, table := l.partitions[g.Input.Name], l.partitions[g.Table.Name]; len(errs) == 0 && in != table {
		errs = append(errs, fmt.Errorf("topic %s has %d partitions, table %s has %d: they must have the same number; make new ones and raise the epoch",
			g.Input.Name, in, g.Table.Name, table))
	}
	if len(errs) == 0 {
		errs = append(errs, compacted(ctx, adm, g.Table.Name))
	}
	return l, errors.Join(errs...)
}

func cmpErr(err error) error {
	if err == nil {
		return errors.New("it has no partitions")
	}
	return err
}

// compacted says what is wrong when the table's records would expire.
func compacted(ctx context.Context, adm *kadm.Client, table string) error {
	configs, err := adm.DescribeTopicConfigs(ctx, table)
	if err != nil {
		return domain.Wrap(domain.Unavailable, "look at the settings of "+table, err)
	}
	for _, resource := range configs {
		if resource.Err != nil {
			return domain.Wrap(domain.Unavailable, "look at the settings of "+table, resource.Err)
		}
		for _, c := range resource.Configs {
			if c.Key == "cleanup.policy" && c.Value != nil && (!strings.Contains(*c.Value, "compact") || strings.Contains(*c.Value, "delete")) {
				return fmt.Errorf("table %s has cleanup.policy=%s, so that states would expire: set it to compact", table, *c.Value)
			}
		}
	}
	return nil
}

// pause waits, unless ctx ends first.
func pause(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}
