package projections

import (
	"context"
	"errors"
	"maps"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"ugc/domain"
)

// Offsets are offsets by partition.
type Offsets map[int32]int64

// Log says how far topics reach and how far groups have come. Both ask the broker: who calls Log bounds how often.
type Log interface {
	// Ends are the offsets behind the last record of every partition.
	Ends(ctx context.Context, topic string) (Offsets, error)
	// Committed are the offsets up to which the group has done all its work on the topic; a partition without a commit
	// is not there.
	Committed(ctx context.Context, group, topic string) (Offsets, error)
}

// KafkaLog implements Log over a client, which stays the caller's.
type KafkaLog struct{ Client *kgo.Client }

// askWithin bounds one question to the broker.
const askWithin = time.Second

// Ends implements Log.
func (l KafkaLog) Ends(ctx context.Context, topic string) (Offsets, error) {
	ctx, cancel := context.WithTimeout(ctx, askWithin)
	defer cancel()
	listed, err := kadm.NewClient(l.Client).ListEndOffsets(ctx, topic)
	if err == nil {
		err = listed.Error()
	}
	if err != nil {
		return nil, domain.Wrap(domain.Unavailable, "ask for the ends of "+topic, err)
	}
	ends := Offsets{}
	listed.Each(func(o kadm.ListedOffset) { ends[o.Partition] = o.Offset })
	if len(ends) == 0 {
		return nil, domain.Wrap(domain.Unavailable, "ask for the ends of "+topic, errors.New("the broker names no partition"))
	}
	return ends, nil
}

// Committed implements Log.
func (l KafkaLog) Committed(ctx context.Context, group, topic string) (Offsets, error) {
	ctx, cancel := context.WithTimeout(ctx, askWithin)
	defer cancel()
	fetched, err := kadm.NewClient(l.Client).FetchOffsets(ctx, group)
	if err == nil {
		err = fetched.Error()
	}
	if err != nil {
		return nil, domain.Wrap(domain.Unavailable, "ask how far the group "+group+" is", err)
	}
	committed := Offsets{}
	fetched.Each(func(o kadm.OffsetResponse) {
		if o.Topic == topic && o.At >= 0 {
			committed[o.Partition] = o.At
		}
	})
	return committed, nil
}

// The least time between two questions of one kind, whatever waits for their answers.
const (
	endsEvery      = 10 * time.Millisecond
	committedEvery = 50 * time.Millisecond
)

// asker puts the questions of all who wait once.
type asker struct {
	log Log

	mu        sync.Mutex
	ends      map[string]*shared[Offsets]
	committed map[string]*shared[Offsets] // by group: each has one input
	known     map[string]Offsets          // ends that are no less now
	first     map[string]Offsets          // ends when first asked
}

func newAsker(log Log) *asker {
	return &asker{
		log: log, ends: map[string]*shared[Offsets]{}, committed: map[string]*shared[Offsets]{},
		known: map[string]Offsets{}, first: map[string]Offsets{},
	}
}

func sharedOf(all map[string]*shared[Offsets], name string, every time.Duration) *shared[Offsets] {
	s, ok := all[name]
	if !ok {
		s = &shared[Offsets]{every: every}
		all[name] = s
	}
	return s
}

// endsOf are ends that were asked for after the call began.
func (a *asker) endsOf(ctx context.Context, topic string) (Offsets, error) {
	a.mu.Lock()
	s := sharedOf(a.ends, topic, endsEvery)
	a.mu.Unlock()
	ends, err := s.get(ctx, time.Now(), func(ctx context.Context) (Offsets, error) { return a.log.Ends(ctx, topic) })
	if err != nil {
		return nil, err
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.first[topic] == nil {
		a.first[topic] = ends
	}
	for p, end := range ends {
		a.see(topic, p, end)
	}
	return maps.Clone(ends), nil // the answer is that of others too
}

// see keeps that the partition reaches that far at least.
func (a *asker) see(topic string, p int32, end int64) {
	known, ok := a.known[topic]
	if !ok {
		known = Offsets{}
		a.known[topic] = known
	}
	known[p] = max(known[p], end)
}

// knows says whether the partition is known to be there, and to reach that far.
func (a *asker) knows(topic string, p int32, end int64) (there, reaches bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	known, there := a.known[topic][p]
	return there, known >= end
}

// atFirst are the ends of the topic as they were when this process first asked for them.
func (a *asker) atFirst(ctx context.Context, topic string) (Offsets, error) {
	a.mu.Lock()
	first := a.first[topic]
	a.mu.Unlock()
	if first == nil {
		if _, err := a.endsOf(ctx, topic); err != nil {
			return nil, err
		}
		a.mu.Lock()
		first = a.first[topic]
		a.mu.Unlock()
	}
	return first, nil
}

// committedOf is how far a group is, asked for after since.
func (a *asker) committedOf(ctx context.Context, since time.Time, group, topic string) (Offsets, error) {
	a.mu.Lock()
	s := sharedOf(a.committed, group, committedEvery)
	a.mu.Unlock()
	return s.get(ctx, since, func(ctx context.Context) (Offsets, error) { return a.log.Committed(ctx, group, topic) })
}
