package kafkatest

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"ugc/transport/kafka"
)

// session is the shortest that a broker allows a member unless it is told otherwise.
const session = 6 * time.Second

// Groups is what the house asks of consumer groups.
func Groups(t *testing.T, s kafka.Settings) {
	for name, test := range map[string]func(*testing.T, kafka.Settings){
		"a group that is new starts at the first record":                 groupStartsAtFirst,
		"a group goes on where it committed":                             groupGoesOn,
		"commits can be read and set from outside while nobody is there": commitsFromOutside,
		"a commit of a member that is none any more is refused":          strangerCommits,
		"members share the partitions, and take over from one that left": membersShare,
		"a member that falls silent is replaced":                         silentMember,
	} {
		t.Run("groups: "+name, func(t *testing.T) { test(t, s) })
	}
}

// member consumes in a group until it is stopped, and commits what it has read.
type member struct {
	cl   *kgo.Client
	stop func()

	mu   sync.Mutex
	read map[string]int // by value
	owns map[int32]bool
}

func join(t testing.TB, s kafka.Settings, group, topic string) *member {
	t.Helper()
	m := &member{read: map[string]int{}, owns: map[int32]bool{}}
	owning := func(yes bool) func(context.Context, *kgo.Client, map[string][]int32) {
		return func(_ context.Context, _ *kgo.Client, changed map[string][]int32) {
			m.mu.Lock()
			defer m.mu.Unlock()
			for _, p := range changed[topic] {
				if m.owns[p] = yes; !yes {
					delete(m.owns, p)
				}
			}
		}
	}
	m.cl = Client(t, s, kgo.ConsumerGroup(group), kgo.ConsumeTopics(topic), kgo.DisableAutoCommit(), kgo.FetchMaxWait(100*time.Millisecond),
		kgo.SessionTimeout(session), kgo.HeartbeatInterval(100*time.Millisecond), kgo.RebalanceTimeout(5*time.Second),
		kgo.OnPartitionsAssigned(owning(true)), kgo.OnPartitionsRevoked(owning(false)), kgo.OnPartitionsLost(owning(false)))
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		for ctx.Err() == nil {
			fs := m.cl.PollFetches(ctx)
			m.mu.Lock()
			fs.EachRecord(func(r *kgo.Record) { m.read[string(r.Value)]++ })
			m.mu.Unlock()
			if fs.NumRecords() > 0 {
				_ = m.cl.CommitUncommittedOffsets(ctx) // a member that is fenced reads it again
			}
		}
	}()
	m.stop = sync.OnceFunc(func() { cancel(); <-done; m.cl.Close() })
	t.Cleanup(m.stop)
	return m
}

func (m *member) has(n int) bool { m.mu.Lock(); defer m.mu.Unlock(); return len(m.read) >= n }
func (m *member) owned() int     { m.mu.Lock(); defer m.mu.Unlock(); return len(m.owns) }

func eventually(t testing.TB, what string, holds func() bool) {
	t.Helper()
	require.Eventually(t, holds, Patience, 10*time.Millisecond, what)
}

func committedAt(t testing.TB, s kafka.Settings, group, topic string, partition int32) int64 {
	t.Helper()
	offsets, err := admin(t, s).FetchOffsets(within(t), group)
	if errors.Is(err, kerr.GroupIDNotFound) { // nobody has committed yet
		return -1
	}
	require.NoError(t, err)
	o, ok := offsets.Lookup(topic, partition)
	if !ok {
		return -1
	}
	return o.At
}

func groupStartsAtFirst(t *testing.T, s kafka.Settings) {
	topic, group := Topic(t, s, 2), uuid.NewString()
	produce(t, s, append(numbered(topic, 0, 0, 50), numbered(topic, 1, 50, 100)...)...)
	require.EqualValues(t, -1, committedAt(t, s, group, topic, 0))
	m := join(t, s, group, topic)
	eventually(t, "everything that was there before it", func() bool { return m.has(100) })
}

func groupGoesOn(t *testing.T, s kafka.Settings) {
	topic, group := Topic(t, s, 1), uuid.NewString()
	produce(t, s, numbered(topic, 0, 0, 50)...)
	first := join(t, s, group, topic)
	eventually(t, "all read", func() bool { return first.has(50) })
	eventually(t, "all committed", func() bool { return committedAt(t, s, group, topic, 0) == 50 })
	first.stop()
	produce(t, s, numbered(topic, 0, 50, 60)...)
	second := join(t, s, group, topic)
	eventually(t, "the rest", func() bool { return second.has(10) })
	second.stop()
	require.Len(t, second.read, 10, "and nothing of what was committed")
}

func commitsFromOutside(t *testing.T, s kafka.Settings) {
	topic, group := Topic(t, s, 1), uuid.NewString()
	produce(t, s, numbered(topic, 0, 0, 10)...)
	offsets := kadm.Offsets{}
	offsets.Add(kadm.Offset{Topic: topic, Partition: 0, At: 7, LeaderEpoch: -1, Metadata: "by hand"})
	done, err := admin(t, s).CommitOffsets(within(t), group, offsets)
	require.NoError(t, err)
	require.NoError(t, done.Error())
	require.EqualValues(t, 7, committedAt(t, s, group, topic, 0))
	all, err := admin(t, s).FetchOffsets(within(t), group)
	require.NoError(t, err)
	require.Equal(t, "by hand", all[topic][0].Metadata)
	m := join(t, s, group, topic)
	eventually(t, "the last three", func() bool { return m.has(3) })
	m.stop()
	require.Len(t, m.read, 3)
	gone, err := admin(t, s).DeleteGroups(within(t), group)
	require.NoError(t, err)
	require.NoError(t, gone[group].Err)
	require.EqualValues(t, -1, committedAt(t, s, group, topic, 0))
}

func strangerCommits(t *testing.T, s kafka.Settings) {
	topic, group := Topic(t, s, 1), uuid.NewString()
	produce(t, s, numbered(topic, 0, 0, 10)...)
	m := join(t, s, group, topic)
	eventually(t, "committed", func() bool { return committedAt(t, s, group, topic, 0) == 10 })
	id, generation := m.cl.GroupMetadata()
	commit := func(id string, generation int32) error {
		req := kmsg.NewPtrOffsetCommitRequest()
		req.Group, req.MemberID, req.Generation = group, id, generation
		rp := kmsg.NewOffsetCommitRequestTopicPartition()
		rp.Offset = 3
		rt := kmsg.NewOffsetCommitRequestTopic()
		rt.Topic, rt.Partitions = topic, []kmsg.OffsetCommitRequestTopicPartition{rp}
		req.Topics = []kmsg.OffsetCommitRequestTopic{rt}
		versions := upTo(9)
		versions.SetMaxKeyVersion(int16(kmsg.OffsetCommit), 8) // names topics and not their ids
		resp, err := req.RequestWith(within(t), Client(t, s, kgo.MaxVersions(versions)))
		require.NoError(t, err)
		return kerr.ErrorForCode(resp.Topics[0].Partitions[0].ErrorCode)
	}
	require.ErrorIs(t, commit("nobody", generation), kerr.UnknownMemberID)
	require.ErrorIs(t, commit(id, generation-1), kerr.IllegalGeneration)
	require.Error(t, commit("", -1), "from outside, while somebody is there")
	require.EqualValues(t, 10, committedAt(t, s, group, topic, 0))
}

func membersShare(t *testing.T, s kafka.Settings) {
	topic, group := Topic(t, s, 4), uuid.NewString()
	one := join(t, s, group, topic)
	eventually(t, "one owns all", func() bool { return one.owned() == 4 })
	other := join(t, s, group, topic)
	eventually(t, "they share", func() bool { return one.owned() == 2 && other.owned() == 2 })
	other.stop()
	eventually(t, "one owns all again", func() bool { return one.owned() == 4 })
	for p := range int32(4) {
		produce(t, s, numbered(topic, p, int(p)*10, int(p)*10+10)...)
	}
	eventually(t, "one reads all", func() bool { return one.has(40) })
}

func silentMember(t *testing.T, s kafka.Settings) {
	topic, group := Topic(t, s, 1), uuid.NewString()
	// A member that joins and never says anything again.
	cl := Client(t, s, kgo.RequestRetries(0))
	request := kmsg.NewPtrJoinGroupRequest()
	request.Group, request.SessionTimeoutMillis, request.RebalanceTimeoutMillis, request.ProtocolType = group, int32(session.Milliseconds()), 5000, "consumer"
	meta := kmsg.NewConsumerMemberMetadata()
	meta.Topics = []string{topic}
	protocol := kmsg.NewJoinGroupRequestProtocol()
	protocol.Name, protocol.Metadata = "cooperative-sticky", meta.AppendTo(nil)
	request.Protocols = []kmsg.JoinGroupRequestProtocol{protocol}
	resp, err := request.RequestWith(within(t), cl)
	require.NoError(t, err)
	if errors.Is(kerr.ErrorForCode(resp.ErrorCode), kerr.MemberIDRequired) {
		request.MemberID = resp.MemberID
		resp, err = request.RequestWith(within(t), cl)
		require.NoError(t, err)
	}
	require.NoError(t, kerr.ErrorForCode(resp.ErrorCode))

	produce(t, s, numbered(topic, 0, 0, 10)...)
	began := time.Now()
	m := join(t, s, group, topic)
	eventually(t, "the new member reads", func() bool { return m.has(10) })
	require.Less(t, time.Since(began), 30*time.Second, "within the session and the rebalance")
}
