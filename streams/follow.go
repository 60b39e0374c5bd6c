package streams

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/IBM/sarama"
	"github.com/lovoo/goka"
	"github.com/lovoo/goka/storage"

	"ugc/domain"
	"ugc/schemas/topics"
)

// once opens goka's view of the table and follows it to its end.
func (v *Positions) once(ctx context.Context) error {
	o := &v.options
	ctx, end := context.WithCancelCause(ctx)
	defer end(nil)
	layout, err := inspect(ctx, o.Kgo, Group{Input: topics.PlaybackCommands, Table: topics.PlaybackTable})
	if err != nil {
		return err
	}
	dir, err := positionsDir(o.DataDir, layout)
	if err != nil {
		return err
	}
	n := layout.partitions[topics.PlaybackTable.Name]
	v.mu.Lock()
	v.stores, v.count = make(map[int32]*store), n
	v.mu.Unlock()
	v.marks.size(n)
	defer func() { // readers must not come upon a closed store
		v.mu.Lock()
		defer v.mu.Unlock()
		v.stores = nil
	}()

	var clients closers
	defer clients.close()
	view, err := goka.NewView(o.Brokers, goka.Table(topics.PlaybackTable.Name), raw{},
		goka.WithViewClientID("ugc-positions"),
		goka.WithViewHasher(domain.NewKeyHasher),
		goka.WithViewLogger(quiet{v.log}),
		goka.WithViewAutoReconnect(), // stock: the view ends when a broker hangs up
		goka.WithViewBackoffBuilder(reconnect),
		goka.WithViewBackoffResetTimeout(healthyRun),
		goka.WithViewStorageBuilder(func(topic string, partition int32) (storage.Storage, error) {
			s, err := openStore(dir, topic, partition)
			if err != nil {
				return nil, err
			}
			s.spoilt = func(why error) {
				v.log.Error("the copy of the table is damaged: it is made anew from the topic", "partition", partition, "err", why)
				end(fmt.Errorf("the copy of partition %d is damaged: %w", partition, why))
			}
			v.open(s, partition)
			return s, nil
		}),
		goka.WithViewCallback(v.keeper.restore(v.copyOf, v.stored)),
		goka.WithViewTopicManagerBuilder(func(brokers []string) (goka.TopicManager, error) {
			tm, err := topicManager(setupConfig(o.Sarama))(brokers)
			return clients.topicManager(tm), err
		}),
		goka.WithViewConsumerSaramaBuilder(func(brokers []string, clientID string) (sarama.Consumer, error) {
			c, err := goka.SaramaConsumerBuilderWithConfig(consumerConfig(o.Sarama))(brokers, clientID)
			if err == nil {
				clients.add(c)
			}
			return c, err
		}),
	)
	if err != nil {
		return err
	}
	stop := v.watch(view)
	defer stop()
	if err := view.Run(ctx); err != nil || context.Cause(ctx) != nil {
		return errors.Join(err, context.Cause(ctx))
	}
	return errors.New("it ended without saying why")
}

const (
	reconnectStep = 500 * time.Millisecond
	reconnectMax  = 5 * time.Second
)

// reconnect paces the view's attempts to reach its broker; goka's own steps are 10 s.
func reconnect() (goka.Backoff, error) {
	return goka.NewSimpleBackoff(reconnectStep, reconnectMax), nil
}

func (v *Positions) copyOf(partition int32) *store {
	v.mu.RLock()
	defer v.mu.RUnlock()
	return v.stores[partition]
}

// stored lifts the watermark once the record is in the store, where readers find it.
func (v *Positions) stored(ctx goka.UpdateContext) {
	s := v.copyOf(ctx.Partition())
	if s == nil {
		return
	}
	if version, ok := headerVersion(ctx, topics.HeaderVersion); ok {
		s.watermark.Store(int64(v.marks.of(ctx.Partition()).raise(version)))
	}
	if v.options.Tracer != nil && s.restored.Load() {
		traceShown(v.options.Tracer, ctx)
	}
}

// watch keeps the state up to date with the view's until stop is called.
func (v *Positions) watch(view *goka.View) (stop func()) {
	observer := view.ObserveStateChanges()
	var wg sync.WaitGroup
	wg.Go(func() {
		for state := range observer.C() {
			if goka.ViewState(state) == goka.ViewStateRunning {
				v.state.up()
			} else {
				v.state.down()
			}
		}
	})
	return func() {
		observer.Stop()
		wg.Wait()
	}
}

// closers are the clients that goka's view opens and never closes.
type closers struct {
	mu  sync.Mutex
	all []io.Closer
}

func (c *closers) add(x io.Closer) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.all = append(c.all, x)
}

// topicManager gives goka one that it may close as well, or not.
func (c *closers) topicManager(tm goka.TopicManager) goka.TopicManager {
	if tm == nil {
		return nil
	}
	once := &closeOnce{TopicManager: tm}
	c.add(once)
	return once
}

func (c *closers) close() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, x := range c.all {
		_ = x.Close() // nothing was written through it
	}
}

type closeOnce struct {
	goka.TopicManager
	once sync.Once
	err  error
}

// Close implements goka.TopicManager.
func (c *closeOnce) Close() error {
	c.once.Do(func() { c.err = c.TopicManager.Close() })
	return c.err
}
