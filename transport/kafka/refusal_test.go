package kafka_test

import (
	"errors"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kadm"

	"ugc/deploy/embedded/broker/brokertest"
	"ugc/domain"
	"ugc/transport/kafka"
	"ugc/transport/kafka/kafkatest"
)

var errFull = errors.New("disk full")

// switched refuses while it is on, and tells of every time that it was asked.
type switched struct {
	on    atomic.Bool
	asked chan struct{}
}

func (s *switched) refuses() error {
	select {
	case s.asked <- struct{}{}:
	default:
	}
	if s.on.Load() {
		return errFull
	}
	return nil
}

func TestALogThatRefusesIsSentNothing(t *testing.T) {
	s := kafka.Settings{Brokers: []string{brokertest.Start(t)}}
	topic := kafkatest.Topic(t, s, 1)
	full := &switched{}
	full.on.Store(true)
	p := kafkatest.NewPublisher(t, kafka.PublisherOptions{Settings: s, Timeout: kafkatest.Patience, Refuses: full.refuses})
	err := p.Publish(topic, kafkatest.Message("u/m", "refused"))
	require.ErrorIs(t, err, errFull)
	require.Equal(t, domain.Unavailable, domain.KindOf(err), "it is certain that nothing was written")

	full.on.Store(false)
	require.NoError(t, p.Publish(topic, kafkatest.Message("u/m", "taken")))
	ends, err := kadm.NewClient(kafkatest.Client(t, s)).ListEndOffsets(t.Context(), topic)
	require.NoError(t, err)
	require.EqualValues(t, 1, ends[topic][0].Offset)
}

func TestWhatIsUnderWayWhenTheLogRefusesIsNotWaitedFor(t *testing.T) {
	full := &switched{asked: make(chan struct{}, 1)}
	p := kafkatest.NewPublisher(t, kafka.PublisherOptions{
		Settings: kafka.Settings{Brokers: []string{"127.0.0.1:1"}}, Timeout: 10 * kafkatest.Patience, Refuses: full.refuses,
	})
	answer := make(chan error, 1)
	go func() { answer <- p.Publish("topic", kafkatest.Message("u/m", "under way")) }()
	<-full.asked // before it was sent
	full.on.Store(true)
	err := <-answer
	require.ErrorIs(t, err, errFull)
	p.Abort(errFull) // or closing would wait for it
}

func TestAnAbortedPublisherWaitsForNothing(t *testing.T) {
	sent := &switched{asked: make(chan struct{}, 1)}
	p := kafkatest.NewPublisher(t, kafka.PublisherOptions{
		Settings: kafka.Settings{Brokers: []string{"127.0.0.1:1"}}, Timeout: 10 * kafkatest.Patience, Refuses: sent.refuses,
	})
	answer := make(chan error, 1)
	go func() { answer <- p.Publish("topic", kafkatest.Message("u/m", "under way")) }()
	<-sent.asked
	<-sent.asked // and while it was waited for
	p.Abort(errFull)
	err := <-answer
	require.ErrorIs(t, err, errFull)
	require.Equal(t, domain.Uncertain, domain.KindOf(err))
	require.NoError(t, p.Close(), "whoever waited was told")
}
