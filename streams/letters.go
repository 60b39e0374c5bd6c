package streams

import (
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"

	"github.com/lovoo/goka"
	"github.com/twmb/franz-go/pkg/kgo"

	"ugc/domain"
	"ugc/schemas"
	"ugc/schemas/topics"
)

// setAside has the record sent to the dead letters, whole, once the state that it left, or else those of the inputs before
// it, is written. The input is committed after that.
func (run *incarnation) setAside(ctx goka.Context, p *partition, in *input, why *refusal, state bool) error {
	letter := run.letter(ctx, in, why)
	value, err := run.codec.EncodeDeadLetter(letter)
	if err != nil {
		return fmt.Errorf("encode dead letter: %w", err)
	}
	record := &kgo.Record{
		Topic: topics.DeadLetters.Name, Key: letter.RecordKey(), Value: value,
		Headers: []kgo.RecordHeader{{Key: topics.HeaderContentType, Value: []byte(topics.ContentTypeAvro)}},
	}
	p.lane.add(in.origin.Version, []*kgo.Record{record}, state, in.finishing(ctx.DeferCommit()))
	run.metrics.deadLetter(why.reason)
	level := slog.LevelWarn
	if why.reason == schemas.ReasonBehind { // the first one was told
		level = slog.LevelDebug
	}
	run.log.Log(in.context(ctx.Context()), level, "record set aside", "topic", letter.Topic, "partition", letter.Partition, "offset", letter.Offset,
		"reason", why.reason, "dead_letter", letter.ID.String(), "err", letter.Message)
	return nil
}

func (run *incarnation) letter(ctx goka.Context, in *input, why *refusal) *schemas.DeadLetter {
	d := schemas.DeadLetter{
		Topic: run.group.Input.Name, Partition: in.origin.Partition, Offset: ctx.Offset(),
		Timestamp: domain.Instant(ctx.Timestamp().UnixMilli()),
		Key:       []byte(in.key), Value: in.value,
		Step: run.step(), Reason: why.reason, Message: why.err.Error(), At: run.clock(),
	}
	for name, value := range ctx.Headers() {
		d.Headers = append(d.Headers, schemas.Header{Key: name, Value: value})
	}
	slices.SortFunc(d.Headers, func(a, b schemas.Header) int { return strings.Compare(a.Key, b.Key) })
	if in.key == "" {
		d.Key = nil // goka does not tell an empty key from none
	}
	return schemas.NewDeadLetter(d, int64(in.origin.Version))
}

// stray says why the record can belong to no key of its partition, whatever is in it; nil where it can. Such a record leaves no state: its key may be of any length.
func (run *incarnation) stray(in *input) *refusal {
	var err error
	switch {
	case in.key == "":
		err = errors.New("the record has no key")
	case domain.Partition(in.key, run.inputs) != in.origin.Partition:
		err = fmt.Errorf("the key %s does not belong to partition %d", schemas.Quote(in.key), in.origin.Partition)
	default:
		if err = run.group.Input.CheckKey(in.key); err == nil {
			return nil
		}
	}
	return &refusal{reason: schemas.ReasonNotApplicable, err: err}
}
