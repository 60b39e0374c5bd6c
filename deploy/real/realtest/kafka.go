package realtest

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
)

const kafkaScript = "kafka.sh"

// quick are broker settings that make waiting short: a dead member of a group is gone as soon as its own session is over, and a cleaner
// looks every second.
var quick = []string{
	"UGC_REAL_KAFKA_PORT=0", "UGC_REAL_KAFKA_CLEAN_MS=1000", "UGC_REAL_KAFKA_HEAP=384m",
	"UGC_REAL_KAFKA_EXTRA=group.min.session.timeout.ms=100\nlog.initial.task.delay.ms=100",
}

// Kafka is a cluster of real brokers.
type Kafka struct {
	held    *held
	brokers []string
}

// StartKafka starts 1 or 3 brokers for a test; env are further settings of kafka.sh. They end with the test.
func StartKafka(t testing.TB, nodes int, env ...string) *Kafka {
	t.Helper()
	Need(t, kafkaScript)
	k, err := startKafka(nodes, env...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := k.held.release(); err != nil {
			t.Errorf("stop kafka: %v", err)
		}
	})
	return k
}

func startKafka(nodes int, env ...string) (*Kafka, error) {
	h, err := hold(kafkaScript, append(append([]string(nil), quick...), env...), strconv.Itoa(nodes))
	if err != nil {
		return nil, err
	}
	k := &Kafka{held: h, brokers: strings.Split(h.said, ",")}
	if err := k.warm(); err != nil {
		return nil, errors.Join(err, h.release())
	}
	return k, nil
}

// warm makes the brokers make the topic where groups are kept, which they do when they are first asked for one.
func (k *Kafka) warm() error {
	client, err := kgo.NewClient(kgo.SeedBrokers(k.brokers...), kgo.MetadataMinAge(100*time.Millisecond))
	if err != nil {
		return err
	}
	defer client.Close()
	ctx, cancel := context.WithTimeout(context.Background(), startWithin)
	defer cancel()
	for {
		_, err := kadm.NewClient(client).FetchOffsets(ctx, "nobody")
		if err == nil || errors.Is(err, kerr.GroupIDNotFound) {
			return nil
		}
		select {
		case <-time.After(100 * time.Millisecond):
		case <-ctx.Done():
			return fmt.Errorf("wait for the coordinator of groups: %w", err)
		}
	}
}

// shared is the one broker that the tests of a package share. It lives as long as the process.
var shared = sync.OnceValues(func() (*Kafka, error) { return startKafka(1) })

// Broker is the address of one real broker that all tests of a package share: topics need names of their own.
func Broker(t testing.TB) string {
	t.Helper()
	Need(t, kafkaScript)
	k, err := shared()
	if err != nil {
		t.Fatal(err)
	}
	return k.brokers[0]
}

// EmptyBroker is the same broker without any topic and group, for tests of topics that have a fixed name. They can't run side by side.
func EmptyBroker(t testing.TB) string {
	t.Helper()
	broker := Broker(t)
	k, err := shared()
	if err != nil {
		t.Fatal(err)
	}
	k.Empty(t)
	return broker
}

// Brokers are the bootstrap servers.
func (k *Kafka) Brokers() []string { return k.brokers }

// Listeners that exist where UGC_REAL_KAFKA_TLS is set.
const (
	Mutual  = 200 // TLS with a client certificate
	Account = 300 // TLS and SASL
	Open    = 400 // SASL alone
)

// Listener are the bootstrap servers of another listener.
func (k *Kafka) Listener(offset int) (addrs []string) {
	for _, b := range k.brokers {
		host, port, _ := net.SplitHostPort(b)
		n, _ := strconv.Atoi(port)
		addrs = append(addrs, net.JoinHostPort(host, strconv.Itoa(n+offset)))
	}
	return addrs
}

// Kill ends node 1 to 3 as a power cut would.
func (k *Kafka) Kill(t testing.TB, node int) {
	t.Helper()
	k.held.tell(t, kafkaScript, "kill", strconv.Itoa(node))
}

// Restart starts a node again, in order where it runs, and returns when it serves.
func (k *Kafka) Restart(t testing.TB, node int) {
	t.Helper()
	k.held.tell(t, kafkaScript, "restart", strconv.Itoa(node))
}

// Admin is a client of the test's own.
func (k *Kafka) Admin(t testing.TB) *kadm.Client {
	t.Helper()
	client, err := kgo.NewClient(kgo.SeedBrokers(k.brokers...), kgo.MetadataMinAge(100*time.Millisecond))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	return kadm.NewClient(client)
}

// Empty deletes all groups and topics, and returns when they are gone.
func (k *Kafka) Empty(t testing.TB) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	adm := k.Admin(t)
	for {
		left, err := empty(ctx, adm)
		if err == nil && left == 0 {
			return
		}
		select {
		case <-time.After(50 * time.Millisecond):
		case <-ctx.Done():
			t.Fatalf("empty the broker: %d topics and groups are left: %v", left, err)
		}
	}
}

// empty asks for the end of all there is, and says how much there was. Groups can only go when their last member has.
func empty(ctx context.Context, adm *kadm.Client) (left int, err error) {
	groups, err := adm.ListGroups(ctx)
	if err != nil {
		return 0, fmt.Errorf("list groups: %w", err)
	}
	if names := groups.Groups(); len(names) > 0 {
		if _, err := adm.DeleteGroups(ctx, names...); err != nil {
			return len(names), fmt.Errorf("delete groups: %w", err)
		}
	}
	topics, err := adm.ListTopics(ctx) // internal ones are not listed
	if err != nil {
		return 0, fmt.Errorf("list topics: %w", err)
	}
	if names := topics.Names(); len(names) > 0 {
		if _, err := adm.DeleteTopics(ctx, names...); err != nil {
			return len(names), fmt.Errorf("delete topics: %w", err)
		}
	}
	return len(groups) + len(topics), nil
}
