package kafka_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/ThreeDotsLabs/watermill/message"
	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"

	"ugc/deploy/embedded/broker"
	"ugc/deploy/faults/faultstest"
	"ugc/domain"
	"ugc/transport/kafka"
	"ugc/transport/kafka/kafkatest"
)

const childDir, childAddr = "UGC_TEST_BROKER_DIR", "UGC_TEST_BROKER_ADDR"

// TestMain is also the child that tests kill: a broker and nothing else.
func TestMain(m *testing.M) {
	dir := os.Getenv(childDir)
	if dir == "" {
		os.Exit(m.Run())
	}
	b, err := broker.Open(broker.Options{DataDir: dir, Addr: os.Getenv(childAddr), Logger: quiet})
	if err != nil {
		fmt.Println("failed:", err)
		os.Exit(1)
	}
	fmt.Println("up", b.Addr())
	_ = b.Run(context.Background())
}

// child starts a broker in a process of its own.
func child(t *testing.T, dir, addr string) (kill func(), at string) {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), childDir+"="+dir, childAddr+"="+addr)
	out, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, faultstest.Start(cmd))
	kill = sync.OnceFunc(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
	t.Cleanup(kill)
	line, err := bufio.NewReader(out).ReadString('\n')
	require.NoError(t, err)
	at, ok := strings.CutPrefix(strings.TrimSpace(line), "up ")
	require.True(t, ok, line)
	return kill, at
}

// The publisher lives on while its broker is killed with kill -9 again and again: what it confirmed is there once and in order,
// and what it did not confirm is there at most once.
func TestKilledBrokerUnderLoad(t *testing.T) {
	dir := t.TempDir()
	kill, addr := child(t, dir, "127.0.0.1:0")
	s := kafka.Settings{Brokers: []string{addr}}
	topic := kafkatest.Topic(t, s, 4)
	p, err := kafka.NewPublisher(kafka.PublisherOptions{Settings: s, Timeout: kafkatest.Patience})
	require.NoError(t, err)

	const writers, size, kills, batchesBetween = 4, 10, 3, 300
	var confirmed atomic.Int64
	done := make(chan struct{})
	acked := make([][]string, writers)
	failures := make([]error, writers)
	var wg sync.WaitGroup
	for w := range writers {
		wg.Go(func() {
			for n := 0; ; n++ {
				select {
				case <-done:
					return
				default:
				}
				var msgs []*message.Message
				for i := range size {
					msgs = append(msgs, kafkatest.Message(fmt.Sprintf("writer-%d/m", w), fmt.Sprintf("%d:%d", w, n*size+i)))
				}
				if err := p.Publish(topic, msgs...); err != nil {
					failures[w] = errors.Join(failures[w], err)
					continue
				}
				for _, m := range msgs {
					acked[w] = append(acked[w], string(m.Payload))
				}
				confirmed.Add(1)
			}
		})
	}
	reach := func(n int64) {
		require.Eventually(t, func() bool { return confirmed.Load() >= n }, kafkatest.Patience, time.Millisecond)
	}
	for i := range kills {
		reach(int64(i+1) * batchesBetween)
		kill()
		kill, _ = child(t, dir, addr)
	}
	reach((kills + 1) * batchesBetween)
	close(done)
	wg.Wait()
	require.NoError(t, p.Close())
	for _, err := range failures {
		require.NoError(t, err, "an outage that is shorter than the time-out is waited out")
	}

	seen := map[string]int{}
	next := make([]int, writers)
	for part, rs := range kafkatest.Read(t, s, topic) {
		for _, r := range rs {
			v := string(r.Value)
			seen[v]++
			require.Equal(t, 1, seen[v], "%s is there twice", v)
			var w, n int
			_, err := fmt.Sscanf(v, "%d:%d", &w, &n)
			require.NoError(t, err)
			require.Equal(t, domain.Partition(string(r.Key), 4), part)
			require.Equal(t, next[w], n, "records of writer %d are out of order", w)
			next[w]++
		}
	}
	for w := range writers {
		require.Len(t, acked[w], next[w])
	}
}

// deadAddr is a port that nothing listens on.
func deadAddr(t *testing.T) string {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	require.NoError(t, ln.Close())
	return ln.Addr().String()
}

func TestPublishingWithoutABrokerFailsInTimeAndWorksOnceThereIsOne(t *testing.T) {
	addr := deadAddr(t)
	s := kafka.Settings{Brokers: []string{addr}}
	p := kafkatest.NewPublisher(t, kafka.PublisherOptions{Settings: s, Timeout: time.Second})
	began := time.Now()
	err := p.Publish("t", kafkatest.Message("u/m", "too early"))
	require.Less(t, time.Since(began), kafkatest.Patience)
	var batch *kafka.BatchError
	require.ErrorAs(t, err, &batch)
	require.Len(t, batch.Failed, 1)
	require.Contains(t, []domain.Kind{domain.Unavailable, domain.Uncertain}, domain.KindOf(err))

	_, _ = child(t, t.TempDir(), addr)
	topic := kafkatest.Topic(t, s, 1)
	require.Eventually(t, func() bool { return p.Publish(topic, kafkatest.Message("u/m", "in time")) == nil }, kafkatest.Patience, time.Millisecond)
}

// held is a broker that keeps produce requests until it is let go.
func held(t *testing.T) (s kafka.Settings, arrived <-chan struct{}, release func()) {
	c, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.SeedTopics(1, "t"), kfake.SleepOutOfOrder())
	require.NoError(t, err)
	t.Cleanup(c.Close)
	gate, in := make(chan struct{}), make(chan struct{}, 1000)
	c.ControlKey(int16(kmsg.Produce), func(kmsg.Request) (kmsg.Response, error, bool) {
		c.KeepControl()
		in <- struct{}{}
		c.SleepControl(func() { <-gate })
		return nil, nil, false
	})
	release = sync.OnceFunc(func() { close(gate) })
	t.Cleanup(release)
	return kafka.Settings{Brokers: c.ListenAddrs()}, in, release
}

// One message at a time would take as many round trips as the batch has messages.
func TestABatchIsUnderWayAtOnce(t *testing.T) {
	s, arrived, release := held(t)
	defer release() // or a test that fails would wait for its publisher
	p := kafkatest.NewPublisher(t, kafka.PublisherOptions{Settings: s, Timeout: kafkatest.Patience})
	var msgs []*message.Message
	for range 100 {
		msgs = append(msgs, kafkatest.Message("u/m", "x"))
	}
	written := make(chan error, 1)
	go func() { written <- p.Publish("t", msgs...) }()
	<-arrived
	require.Eventually(t, func() bool { return p.Buffered() == 100 }, 10*time.Second, time.Millisecond, "none of them waits for the answer to another")
	release()
	require.NoError(t, <-written)
}

func TestACallerWhoGivesUpDoesNotTakeOthersAlong(t *testing.T) {
	s, arrived, release := held(t)
	p := kafkatest.NewPublisher(t, kafka.PublisherOptions{Settings: s, Timeout: kafkatest.Patience})
	ctx, cancel := context.WithCancel(t.Context())
	impatient, patient := kafkatest.Message("u/m", "impatient"), kafkatest.Message("u/m", "patient")
	impatient.SetContext(ctx)
	gaveUp, waited := make(chan error, 1), make(chan error, 1)
	go func() { gaveUp <- p.Publish("t", impatient) }()
	<-arrived
	go func() { waited <- p.Publish("t", patient) }()
	cancel()
	err := <-gaveUp
	require.ErrorIs(t, err, context.Canceled)
	require.Equal(t, domain.Uncertain, domain.KindOf(err), "the broker has it and may write it")
	require.Empty(t, impatient.Metadata[kafka.MetadataOffset])
	release()
	require.NoError(t, <-waited)
	rs := kafkatest.Read(t, s, "t")[0]
	require.Len(t, rs, 2)
	require.Equal(t, "impatient", string(rs[0].Value), "what was handed over is written, once and in order")
}

// A broker that has forgotten where it put a repeated batch confirms it without an offset.
func TestAConfirmationWithoutAnOffsetLeavesNoWrongOne(t *testing.T) {
	c, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.SeedTopics(1, "t"))
	require.NoError(t, err)
	defer c.Close()
	p := kafkatest.NewPublisher(t, kafka.PublisherOptions{Settings: kafka.Settings{Brokers: c.ListenAddrs()}})
	msgs := []*message.Message{kafkatest.Message("u/m", "1"), kafkatest.Message("u/m", "2")}
	require.NoError(t, p.Publish("t", msgs...))
	c.ControlKey(int16(kmsg.Produce), func(req kmsg.Request) (kmsg.Response, error, bool) {
		return answer(req, kerr.DuplicateSequenceNumber), nil, true
	})
	require.NoError(t, p.Publish("t", msgs...))
	for _, m := range msgs {
		_, _, ok := kafka.Position(m)
		require.False(t, ok)
	}
}

// answer gives one error for partition 0 of each topic.
func answer(req kmsg.Request, e *kerr.Error) kmsg.Response {
	resp := req.ResponseKind().(*kmsg.ProduceResponse)
	for _, t := range req.(*kmsg.ProduceRequest).Topics {
		rt := kmsg.NewProduceResponseTopic()
		rt.Topic, rt.TopicID = t.Topic, t.TopicID
		rp := kmsg.NewProduceResponseTopicPartition()
		rp.ErrorCode, rp.BaseOffset = e.Code, -1
		rt.Partitions = append(rt.Partitions, rp)
		resp.Topics = append(resp.Topics, rt)
	}
	return resp
}

// While a partition has no leader its records wait in the client, those of many callers in one line.
func TestACallerWhoGivesUpWhileThereIsNoLeaderDoesNotTakeOthersAlong(t *testing.T) {
	c, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.SeedTopics(1, "t"))
	require.NoError(t, err)
	defer c.Close()
	var leader atomic.Bool
	c.ControlKey(int16(kmsg.Produce), func(req kmsg.Request) (kmsg.Response, error, bool) {
		if leader.Load() {
			c.DropControl()
			return nil, nil, false
		}
		c.KeepControl()
		return answer(req, kerr.LeaderNotAvailable), nil, true
	})
	s := kafka.Settings{Brokers: c.ListenAddrs()}
	p := kafkatest.NewPublisher(t, kafka.PublisherOptions{Settings: s, Timeout: kafkatest.Patience})
	buffered := func(n int64) {
		require.Eventually(t, func() bool { return p.Buffered() == n }, kafkatest.Patience, time.Millisecond)
	}
	ctx, cancel := context.WithCancel(t.Context())
	impatient, patient := kafkatest.Message("u/m", "impatient"), kafkatest.Message("u/m", "patient")
	impatient.SetContext(ctx)
	gaveUp, waited := make(chan error, 1), make(chan error, 1)
	go func() { gaveUp <- p.Publish("t", impatient) }()
	buffered(1)
	go func() { waited <- p.Publish("t", patient) }()
	buffered(2)
	cancel()
	require.ErrorIs(t, <-gaveUp, context.Canceled)
	select {
	case err := <-waited:
		require.Fail(t, "the patient caller was taken along", "%v", err)
	case <-time.After(500 * time.Millisecond): // the client looks at contexts when it tries again; a caller taken along is seen, no other is blamed
	}
	leader.Store(true)
	require.NoError(t, <-waited)
}

func TestWhatWaitsForTheBrokerIsBounded(t *testing.T) {
	s, _, release := held(t)
	p := kafkatest.NewPublisher(t, kafka.PublisherOptions{Settings: s, Timeout: time.Second, MaxInFlight: kafka.MaxMessageBytes})
	big := strings.Repeat("x", kafka.MaxMessageBytes*2/3)
	err := p.Publish("t", kafkatest.Message("u/m", big))
	require.Equal(t, domain.Uncertain, domain.KindOf(err), "the caller is gone, the client still has it")
	err = p.Publish("t", kafkatest.Message("u/m", big))
	require.ErrorContains(t, err, "too much is waiting for the broker")
	require.Equal(t, domain.Unavailable, domain.KindOf(err))
	err = p.Publish("t", kafkatest.Message("u/m", "there is room for this one"))
	require.Equal(t, domain.Uncertain, domain.KindOf(err))
	release()
	require.Eventually(t, func() bool { return p.Publish("t", kafkatest.Message("u/m", big)) == nil }, kafkatest.Patience, time.Millisecond, "the room is given back")
	require.NoError(t, p.Publish("t", kafkatest.Message("u/m", big), kafkatest.Message("u/m", big)), "a batch greater than the room has it to itself")
}

func TestATimeOutIsKept(t *testing.T) {
	s, _, release := held(t)
	p := kafkatest.NewPublisher(t, kafka.PublisherOptions{Settings: s, Timeout: time.Second})
	msgs := []*message.Message{kafkatest.Message("u/m", "1"), kafkatest.Message("u/m", "2")}
	err := p.Publish("t", msgs...)
	var batch *kafka.BatchError
	require.ErrorAs(t, err, &batch)
	require.Len(t, batch.Failed, 2)
	require.Equal(t, domain.Uncertain, domain.KindOf(err))
	require.ErrorContains(t, err, "may or may not be written")
	release()
	require.NoError(t, p.Publish("t", kafkatest.Message("u/m", "3")))
	rs := kafkatest.Read(t, s, "t")[0]
	require.Len(t, rs, 3)
	require.Equal(t, "3", string(rs[2].Value))
}

func TestCloseFlushesWhatIsUnderWay(t *testing.T) {
	s, arrived, release := held(t)
	p, err := kafka.NewPublisher(kafka.PublisherOptions{Settings: s, Timeout: kafkatest.Patience})
	require.NoError(t, err)
	published, closed := make(chan error, 1), make(chan error, 1)
	go func() { published <- p.Publish("t", kafkatest.Message("u/m", "under way")) }()
	<-arrived
	go func() { closed <- p.Close() }()
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	late := kafkatest.Message("u/m", "too late")
	late.SetContext(gone) // so that it waits for nothing where Close has not begun
	require.Eventually(t, func() bool { return errors.Is(p.Publish("t", late), kafka.ErrClosed) }, kafkatest.Patience, time.Millisecond)
	select {
	case err := <-closed:
		require.Fail(t, "Close did not wait", "%v", err)
	case <-time.After(100 * time.Millisecond): // a Close that does not wait is seen here; one that does is never blamed
	}
	release()
	require.NoError(t, <-published)
	require.NoError(t, <-closed)
}

func TestPublisherOptions(t *testing.T) {
	_, err := kafka.NewPublisher(kafka.PublisherOptions{Timeout: time.Millisecond, MaxInFlight: 5})
	require.ErrorContains(t, err, "no brokers")
	require.ErrorContains(t, err, "less than 1s")
	require.ErrorContains(t, err, "5 bytes in flight")
}
