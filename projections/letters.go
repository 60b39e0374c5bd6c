package projections

import (
	"context"
	"errors"
	"fmt"

	"github.com/twmb/franz-go/pkg/kgo"

	"ugc/domain"
	"ugc/schemas"
	"ugc/schemas/topics"
)

// DeadLetters keeps records that can never be applied.
type DeadLetters interface {
	// Send writes all of them, in order, and returns nil when every replica that counts has them. After an error any of them may be written;
	// sending again is right, as a letter's id is always the same.
	Send(ctx context.Context, letters []*schemas.DeadLetter) error
}

var errBehind = errors.New("an earlier record of this key could not be applied and waits in the dead letters")

// letterSpace names dead letters by what they are about, so that one that is written again after a crash has the same id.
var letterSpace = domain.NamedID(domain.ID{}, "ugc/dead-letters")

// A dead letter must fit into a record of its own. What is cut off still stands at the origin that the letter names.
const (
	maxLetterValue   = 900 << 10
	maxLetterHeaders = 64 << 10
)

func (e *Engine) letter(en *entry) *schemas.DeadLetter {
	step := "projections/" + e.o.View.Name
	raw := en.raw
	d := &schemas.DeadLetter{
		ID:    domain.NamedID(letterSpace, fmt.Sprintf("%s/%s/%d/%d", step, raw.Topic, raw.Partition, raw.Offset)),
		Topic: raw.Topic, Partition: raw.Partition, Offset: raw.Offset, Timestamp: domain.Instant(raw.Timestamp.UnixMilli()),
		Key: raw.Key, Value: raw.Value,
		Step: step, Reason: en.reason, Message: en.refused.Error(), At: e.o.Now(),
	}
	if len(d.Value) > maxLetterValue {
		d.Message += fmt.Sprintf(" (the value is cut from %d to %d bytes; it stands whole at its origin)", len(d.Value), maxLetterValue)
		d.Value = d.Value[:maxLetterValue]
	}
	size := 0
	for _, h := range raw.Headers {
		size += len(h.Key) + len(h.Value)
		d.Headers = append(d.Headers, schemas.Header{Key: h.Key, Value: h.Value})
	}
	if size > maxLetterHeaders {
		d.Message += " (the headers are left out; they stand at the origin)"
		d.Headers = nil
	}
	return d
}

// letterTopic writes to the topic of dead letters with the engine's own client.
type letterTopic struct{ *Engine }

// Send implements DeadLetters.
func (t letterTopic) Send(ctx context.Context, letters []*schemas.DeadLetter) error {
	results := make(chan error, len(letters))
	for _, l := range letters {
		value, err := t.o.Codec.EncodeDeadLetter(l)
		if err != nil {
			return fmt.Errorf("encode dead letter: %w", err)
		}
		t.client.Produce(ctx, &kgo.Record{
			Topic: topics.DeadLetters.Name, Key: l.Key, Value: value,
			Headers: []kgo.RecordHeader{{Key: topics.HeaderContentType, Value: []byte(topics.ContentTypeAvro)}},
		}, func(_ *kgo.Record, err error) { results <- err })
	}
	var failed error
	for range letters {
		select {
		case err := <-results:
			failed = errors.Join(failed, err)
		case <-ctx.Done(): // a record that is on its way cannot be called back; the client goes on with it, and a second copy is harmless
			return domain.Wrap(domain.Unavailable, "write dead letters to "+topics.DeadLetters.Name, ctx.Err())
		}
	}
	if failed != nil {
		return domain.Wrap(domain.Unavailable, "write dead letters to "+topics.DeadLetters.Name, failed)
	}
	return nil
}
