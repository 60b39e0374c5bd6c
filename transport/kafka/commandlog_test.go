package kafka_test

import (
	"errors"
	"strconv"
	"sync"
	"testing"

	"github.com/ThreeDotsLabs/watermill/message"
	"github.com/stretchr/testify/require"

	"ugc/domain"
	"ugc/schemas"
	"ugc/schemas/topics"
	"ugc/transport/kafka"
)

// shelf is a publisher that writes the messages of each topic to partition 3, but for those that it is told to refuse.
// As publishers must be, it is safe for several goroutines: topics are written to at the same time.
type shelf struct {
	refuse string // the key

	mu      sync.Mutex
	written map[string][]*message.Message
}

func (s *shelf) Close() error { return nil }

func (s *shelf) Publish(topic string, msgs ...*message.Message) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	batch := &kafka.BatchError{Topic: topic, Total: len(msgs)}
	for i, m := range msgs {
		if m.Metadata[kafka.MetadataKey] == s.refuse {
			batch.Failed = append(batch.Failed, kafka.Failure{Index: i, Message: m, Err: domain.Wrap(domain.Unavailable, "publish", errors.New("not now"))})
			continue
		}
		m.Metadata[kafka.MetadataPartition], m.Metadata[kafka.MetadataOffset] = "3", strconv.Itoa(len(s.written[topic]))
		s.written[topic] = append(s.written[topic], m)
	}
	if batch.Failed != nil {
		return batch
	}
	return nil
}

func TestCommandsAreWrittenUnderTheirKey(t *testing.T) {
	like := func(user string) domain.Command {
		return &domain.SetLike{Fact: domain.Fact{ID: domain.NamedID(domain.ID{}, user), User: user, Movie: "m", ReceivedAt: 1}}
	}
	report := &domain.RecordPlayback{Fact: domain.Fact{ID: domain.ID{7}, User: "u", Movie: "m", ReceivedAt: 1}, Type: domain.Play}
	s := &shelf{refuse: "b/m", written: map[string][]*message.Message{}}
	receipts := kafka.NewCommandLog(s, schemas.Offline(), 2).Append(t.Context(), []domain.Command{like("a"), report, like("b"), like("c")})

	require.Len(t, s.written[topics.PlaybackCommands.Name], 1)
	feedback := s.written[topics.FeedbackCommands.Name]
	require.Len(t, feedback, 2)
	require.Equal(t, []string{"a/m", "c/m"}, []string{feedback[0].Metadata[kafka.MetadataKey], feedback[1].Metadata[kafka.MetadataKey]})
	require.Equal(t, like("a").Head().ID.String(), feedback[0].UUID)
	for i, offset := range []int64{0, 0, -1, 1} {
		if offset < 0 {
			require.Equal(t, domain.Unavailable, domain.KindOf(receipts[i].Err), "a command that was not written")
			continue
		}
		require.NoError(t, receipts[i].Err)
		require.Equal(t, domain.NewVersion(2, offset), receipts[i].Mark.Version)
		require.Equal(t, int32(3), receipts[i].Mark.Partition)
	}
}
