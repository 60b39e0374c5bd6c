package broker_test

import (
	"context"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"

	"ugc/deploy/embedded/broker"
)

func TestAFullDiskRefusesWritesUntilThereIsSpace(t *testing.T) {
	var free atomic.Int64
	free.Store(1 << 40)
	b := open(t, t.TempDir(), broker.WithDisk(free.Load))
	create(t, b, "t", 1, nil)
	produce(t, b, "t", "a", "1")
	require.NoError(t, b.Err())

	free.Store(1 << 20)
	b.CheckDisk()
	require.ErrorContains(t, b.Err(), "disk full")
	require.ErrorContains(t, b.Err(), "free some space")
	impatient := client(t, b, kgo.RecordRetries(1), kgo.DisableIdempotentWrite(), kgo.RequiredAcks(kgo.LeaderAck()))
	require.Eventually(t, func() bool { // the guard steps in a moment later
		err := impatient.ProduceSync(within(t), &kgo.Record{Topic: "t", Value: []byte("refused")}).FirstErr()
		return err != nil
	}, patience, time.Millisecond)
	_, err := kadm.NewClient(impatient).CreateTopic(within(t), 1, 1, nil, "refused")
	require.ErrorIs(t, err, kerr.KafkaStorageError)
	_, before := bounds(t, b, "t")

	// A patient producer waits and is served when there is space again.
	patientClient := client(t, b)
	waiting := make(chan error, 1)
	go func() {
		waiting <- patientClient.ProduceSync(within(t), &kgo.Record{Topic: "t", Value: []byte("waited")}).FirstErr()
	}()
	free.Store(1 << 40)
	b.CheckDisk()
	require.NoError(t, <-waiting)
	require.NoError(t, b.Err())
	require.Equal(t, "=waited", read(t, b, "t")[before])
}

func TestAWriteThatFailsIsNotAcknowledgedAndEndsTheBroker(t *testing.T) {
	dir := t.TempDir()
	b := open(t, dir)
	create(t, b, "t", 1, nil)
	create(t, b, "broken", 1, nil)
	produce(t, b, "t", "a", "1")
	// A file where the partition's directory should be: the write fails, whoever runs the test.
	path := filepath.Join(dir, "partitions", "broken-0")
	require.NoError(t, os.RemoveAll(path))
	require.NoError(t, os.WriteFile(path, nil, 0o644))
	done := make(chan error, 1)
	go func() { done <- b.Run(t.Context()) }()

	ctx, cancel := context.WithCancel(within(t))
	acked := make(chan error, 1)
	cl := client(t, b)
	go func() { acked <- cl.ProduceSync(ctx, &kgo.Record{Topic: "broken", Value: []byte("v")}).FirstErr() }()
	var err error
	select {
	case err = <-done:
	case <-time.After(10 * time.Second): // a broker that goes on, not a slow one: the write has failed long before
		require.Fail(t, "the broker goes on after a write that failed")
	}
	cancel()
	require.ErrorContains(t, err, "a write to its data directory failed")
	require.ErrorContains(t, err, "free space or mend the disk")
	require.Error(t, <-acked)
	require.NoFileExists(t, filepath.Join(dir, "CLEAN"), "what kfake remembers can't be trusted")

	require.NoError(t, os.Remove(path))
	b = open(t, dir)
	require.Equal(t, map[int64]string{0: "a=1"}, read(t, b, "t"))
	produce(t, b, "broken", "k", "v")
}

func TestExpiredSegmentsGoAndTheLastStays(t *testing.T) {
	now := time.Now()
	dir := t.TempDir()
	b := open(t, dir, broker.WithClock(func() time.Time { return now }))
	small := map[string]string{"segment.bytes": "100", "retention.ms": "3600000"}
	create(t, b, "t", 1, small)
	create(t, b, "sized", 1, map[string]string{"segment.bytes": "100", "retention.ms": "-1", "retention.bytes": "250"})
	create(t, b, "table", 1, map[string]string{"segment.bytes": "100", "retention.ms": "1", "cleanup.policy": "compact"})
	create(t, b, "unlimited", 1, map[string]string{"segment.bytes": "100"})
	for _, topic := range []string{"t", "sized", "table", "unlimited"} {
		for range 10 {
			produce(t, b, topic, "k", "some value of some length")
		}
	}
	require.NoError(t, b.Expire())
	for topic, gone := range map[string]bool{"t": false, "sized": true, "table": false, "unlimited": false} {
		start, _ := bounds(t, b, topic)
		require.Equal(t, gone, start > 0, topic)
	}
	now = now.Add(2 * time.Hour)
	require.NoError(t, b.Expire())
	for topic, gone := range map[string]bool{"t": true, "sized": true, "table": false, "unlimited": false} {
		start, end := bounds(t, b, topic)
		require.Equal(t, gone, start > 0, topic)
		require.Less(t, start, end, "%s is empty", topic)
		require.EqualValues(t, 10, end)
	}
	start, _ := bounds(t, b, "t")
	b = open(t, crash(t, dir))
	got, end := bounds(t, b, "t")
	require.Equal(t, start, got)
	require.EqualValues(t, 10, end, "offsets go on after a crash")
}
