package streams

import (
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

// letterSpace names dead letters by what they are about, so that one that is written again after a crash has the same id.
var letterSpace = domain.NamedID(domain.ID{}, "ugc/dead-letters")

// A dead letter must fit into a record of its own. What is cut off still stands at the origin that the letter names.
const (
	maxLetterValue   = 900 << 10
	maxLetterHeaders = 64 << 10
)

// setAside sends the record to the dead letters, whole. The input is committed after that is written, and its state where it left one.
func (run *incarnation) setAside(ctx goka.Context, p *partition, in *input, why *refusal, state bool) error {
	letter := run.letter(ctx, in, why)
	value, err := run.codec.EncodeDeadLetter(letter)
	if err != nil {
		return fmt.Errorf("encode dead letter: %w", err)
	}
	promise := p.lane.add(in.origin.Version, 1, state, in.finishing(ctx.DeferCommit()))
	run.out.emit(&kgo.Record{
		Topic: topics.DeadLetters.Name, Key: []byte(in.key), Value: value,
		Headers: []kgo.RecordHeader{{Key: topics.HeaderContentType, Value: []byte(topics.ContentTypeAvro)}},
	}, promise.written)
	run.metrics.deadLetter(why.reason)
	level := slog.LevelWarn
	if why.reason == reasonBehind { // the first one was told
		level = slog.LevelDebug
	}
	run.log.Log(in.context(ctx.Context()), level, "record set aside", "topic", letter.Topic, "partition", letter.Partition, "offset", letter.Offset,
		"reason", why.reason, "dead_letter", letter.ID, "err", why.err)
	return nil
}

func (run *incarnation) letter(ctx goka.Context, in *input, why *refusal) *schemas.DeadLetter {
	step := "streams/" + strings.TrimPrefix(run.group.Name, "ugc-")
	d := &schemas.DeadLetter{
		ID:    domain.NamedID(letterSpace, fmt.Sprintf("%s/%s/%d/%d", step, run.group.Input.Name, in.origin.Partition, in.origin.Version)),
		Topic: run.group.Input.Name, Partition: in.origin.Partition, Offset: ctx.Offset(),
		Timestamp: domain.Instant(ctx.Timestamp().UnixMilli()),
		Key:       []byte(in.key), Value: in.value,
		Step: step, Reason: why.reason, Message: why.err.Error(), At: run.clock(),
	}
	size := 0
	for name, value := range ctx.Headers() {
		d.Headers = append(d.Headers, schemas.Header{Key: name, Value: value})
		size += len(name) + len(value)
	}
	slices.SortFunc(d.Headers, func(a, b schemas.Header) int { return strings.Compare(a.Key, b.Key) })
	if in.key == "" {
		d.Key = nil // goka does not tell an empty key from none
	}
	if len(d.Value) > maxLetterValue {
		d.Message += fmt.Sprintf(" (the value is cut from %d to %d bytes; it stands whole at its origin)", len(d.Value), maxLetterValue)
		d.Value = d.Value[:maxLetterValue]
	}
	if size > maxLetterHeaders {
		d.Message += " (the headers are left out; they stand at the origin)"
		d.Headers = nil
	}
	return d
}
