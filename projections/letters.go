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

func (e *Engine) letter(en *entry) *schemas.DeadLetter {
	raw := en.raw
	d := schemas.DeadLetter{
		Topic: raw.Topic, Partition: raw.Partition, Offset: raw.Offset, Timestamp: domain.Instant(raw.Timestamp.UnixMilli()),
		Key: raw.Key, Value: raw.Value,
		Step: "projections/" + e.o.View.Name, Reason: en.reason, Message: en.refused.Error(), At: e.o.Now(),
	}
	for _, h := range raw.Headers {
		d.Headers = append(d.Headers, schemas.Header{Key: h.Key, Value: h.Value})
	}
	return schemas.NewDeadLetter(d, raw.Offset)
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
			Topic: topics.DeadLetters.Name, Key: l.RecordKey(), Value: value,
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
