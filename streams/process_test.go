package streams

import (
	"strings"
	"testing"
	"time"

	"github.com/IBM/sarama"
	"github.com/lovoo/goka"
	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kgo"

	"ugc/domain"
	"ugc/schemas"
	"ugc/schemas/topics"
)

// deciding is goka's context of one input.
type deciding struct {
	stopping
	offset  int64
	headers goka.Headers
}

func (d *deciding) Offset() int64         { return d.offset }
func (d *deciding) Headers() goka.Headers { return d.headers }
func (d *deciding) Timestamp() time.Time  { return time.UnixMilli(1) }

// process decides the command of a rating at that offset, as goka would have it done.
func (a *alone) process(t *testing.T, offset int64) (*deciding, error) {
	t.Helper()
	ctx, do := a.processing(t, offset)
	return ctx, do()
}

// processing prepares it, for a test that lets it wait.
func (a *alone) processing(t *testing.T, offset int64) (*deciding, func() error) {
	t.Helper()
	in := commandInput(t, domain.NewVersion(0, offset), rating("u", "m", 1, 8))
	in.origin.Partition = domain.Partition(in.key, partitions)
	ctx := &deciding{offset: offset}
	return ctx, func() error { return processWith(a.run, a.rule)(ctx, a.part, in) }
}

// known puts a value of the rating's key into the copy.
func (a *alone) known(t *testing.T, value *schemas.Table[domain.FeedbackState]) {
	t.Helper()
	b, err := a.encode(value)
	require.NoError(t, err)
	require.NoError(t, a.copy.Set("u/m", b))
}

// The table's record may be what was lost, and whoever waits for the input waits for a record that names it.
func TestARepeatedInputsValueIsWrittenAgain(t *testing.T) {
	a := newAlone(t)
	a.known(t, &schemas.Table[domain.FeedbackState]{Applied: 9})
	ctx, err := a.process(t, 7)
	require.NoError(t, err)
	require.NoError(t, a.flush())
	require.Len(t, a.topic, 1)
	require.Equal(t, "u/m 9 7", a.shown(t, a.topic[0]), "it names its input, and not what the value includes")
	require.Equal(t, []error{nil}, ctx.deferred)
}

func TestAnInputIsDoneWhenEachOutputHasItsOutcome(t *testing.T) {
	a := newAlone(t)
	ctx, err := a.process(t, 0)
	require.NoError(t, err)
	require.NoError(t, a.flush())
	require.Len(t, a.sent, 2)
	a.sent[1]()
	require.Empty(t, ctx.deferred)
	a.sent[0]()
	require.Equal(t, []error{nil}, ctx.deferred)
}

func TestNothingIsDecidedOnceTheLaneIsDead(t *testing.T) {
	a := newAlone(t)
	a.part.lane.fail(errTest)
	_, err := a.process(t, 0)
	require.ErrorIs(t, err, errTest)
	require.Empty(t, a.slots)
}

// Its own outcome is what the outbox is full of: it would wait for itself.
func TestARepeatedInputWaitsForNoRoomInItsOutbox(t *testing.T) {
	a := newAlone(t)
	full := &schemas.Table[domain.FeedbackState]{Applied: maxOutcomes - 1}
	for v := range domain.Version(maxOutcomes) {
		full.Outbox = append(full.Outbox, schemas.Outcome{Version: v, Event: []byte("e")})
	}
	a.known(t, full)
	defer a.part.lane.fail(errTest)
	done := make(chan error, 1)
	_, process := a.processing(t, 0)
	go func() { done <- process() }()
	l := a.part.lane
	require.Eventually(t, func() bool {
		l.mu.Lock()
		defer l.mu.Unlock()
		return len(done) > 0 || l.waiting > 0
	}, patience, tick)
	require.Len(t, done, 1, "it waits")
	require.NoError(t, <-done)
	require.Empty(t, a.sent, "its value is written first")
	require.NoError(t, a.flush())
	require.Len(t, a.sent, 2, "its outcome is on its way again")
}

// claimed is a partition of the input that ends there.
type claimed struct {
	sarama.ConsumerGroupClaim
	end, initial int64
}

func (c claimed) InitialOffset() int64 { return c.initial }

func (c claimed) HighWaterMarkOffset() int64 { return c.end }

func TestATopicThatEndsBeforeWhatItsTableKnowsIsAnother(t *testing.T) {
	for end, why := range map[int64]string{500: "raise the epoch", 501: ""} {
		a := newAlone(t)
		a.known(t, &schemas.Table[domain.FeedbackState]{Applied: 500})
		var claim sarama.ConsumerGroupClaim = claimed{end: end}
		a.part.claim.Store(&claim)
		_, err := a.process(t, 7)
		if why == "" {
			require.NoError(t, err, "the newest input is repeated")
			continue
		}
		require.ErrorContains(t, err, why)
		require.Empty(t, a.slots)
	}
}

func TestALetterFitsIntoARecord(t *testing.T) {
	huge := strings.Repeat("\x00", 2<<20)
	run := &incarnation{group: group("ugc-feedback"), inputs: partitions, clock: func() domain.Instant { return 1 }}
	out := newProducerOver(nil, func() {}, map[string]int32{topics.DeadLetters.Name: partitions})
	out.maxBytes = schemas.MaxLetterBytes
	for cut, in := range map[string]*input{
		"the value to ":   {key: "u/m", value: []byte(huge)},
		"the key to ":     {key: huge},
		"the headers to ": {key: "u/m"},
	} {
		letter := run.letter(&deciding{headers: goka.Headers{"h": []byte(huge), huge: nil}}, in, run.stray(&input{key: huge}))
		require.Contains(t, letter.Message, cut)
		value, err := schemas.Offline().EncodeDeadLetter(letter)
		require.NoError(t, err)
		require.NoError(t, out.place(&kgo.Record{Topic: topics.DeadLetters.Name, Key: letter.RecordKey(), Value: value}))
	}
}
