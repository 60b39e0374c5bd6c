// Package brokertest gives a test a Kafka-protocol broker of its own, in memory and in this process.
package brokertest

import (
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kfake"
)

// Start runs one broker on a free loopback port until the test ends and returns its host:port. It holds no topics, makes none
// by itself (create them, as against a real broker) and keeps nothing on disk. Two calls give two brokers that know nothing of each other.
//
// Group sessions may be as short as 100 ms, so that a test of a dead group member does not wait Kafka's 6 s.
func Start(t testing.TB) string {
	t.Helper()
	c, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.DefaultNumPartitions(1), kfake.GroupMinSessionTimeout(100*time.Millisecond))
	if err != nil {
		t.Fatalf("start a test broker: %v", err)
	}
	t.Cleanup(c.Close)
	return c.ListenAddrs()[0]
}
