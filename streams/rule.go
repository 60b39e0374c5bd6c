package streams

import (
	"errors"
	"fmt"

	"go.opentelemetry.io/otel/trace"

	"ugc/domain"
	"ugc/schemas"
)

// rule is what a group does, apart from Kafka: all of it pure. S is the state of a key, M what its input records hold.
type rule[S, M any] struct {
	decode func([]byte) (*schemas.Table[S], error) // of the table's value
	encode func(*schemas.Table[S]) ([]byte, error)
	// read gives what the record holds; a *refusal says that no retry will make sense of it.
	read func(*input) (M, error)
	// apply folds it in; event is encoded, and empty where the group emits none.
	apply func(S, M) (next S, event []byte, verdict domain.Verdict, err error)
}

// input is one record of a group's input topic, as far as the rule must know it.
type input struct {
	origin  domain.Origin // where the record stands, with the epoch in its version
	key     string
	value   []byte
	release bool       // the record asks to go on with a blocked key
	span    trace.Span // shows what became of it; nil where nothing is traced
}

// step is what one input makes of its key, and what leaves for the logs.
type step[S any] struct {
	table    *schemas.Table[S] // to be set, also where nothing changed: a repeated input may be the cure of a lost write
	event    []byte            // to be emitted; empty: nothing, or set aside
	refused  *refusal          // to be set aside in the dead letters
	verdict  domain.Verdict    // 0 unless the state was asked
	repeated bool
}

// refusal says why a record goes to the dead letters.
type refusal struct {
	reason string // one of schemas.Reasons
	err    error
}

func (r *refusal) Error() string { return r.reason + ": " + r.err.Error() }
func (r *refusal) Unwrap() error { return r.err }

func notApplicable(format string, args ...any) error {
	return &refusal{reason: schemas.ReasonNotApplicable, err: fmt.Errorf(format, args...)}
}

var errBehind = errors.New("an earlier record of this key is in the dead letters; redrive or waive that one first")

// step folds one input into the value of its key. It changes none of its arguments, and gives the same for the same. acked is the
// version up to which outcomes are known to be written in this partition.
//
// An input at or below Applied was folded in before; its outcome may have been lost since, so it is taken from the outbox and
// emitted again byte for byte. It must not be decided again: the state has moved on, and would decide differently.
//
// An error means that the input can be neither folded in nor set aside now, such as when a schema has to be asked for.
func (r *rule[S, M]) step(t *schemas.Table[S], in *input, acked domain.Version) (step[S], error) {
	if in.origin.Version <= t.Applied {
		return r.again(t, in)
	}
	next := &schemas.Table[S]{
		Applied: in.origin.Version,
		Blocked: t.Blocked && !in.release,
		Outbox:  unacked(t.Outbox, acked),
		State:   t.State,
	}
	out := step[S]{table: next}
	m, err := r.read(in)
	switch {
	case err != nil:
	case next.Blocked:
		err = &refusal{reason: schemas.ReasonBehind, err: errBehind}
	default:
		next.State, out.event, out.verdict, err = r.apply(t.State, m)
	}
	if err != nil {
		if !errors.As(err, &out.refused) {
			return step[S]{}, err
		}
		next.State, next.Blocked, out.event, out.verdict = t.State, true, nil, 0
	}
	if len(out.event) > 0 || out.refused != nil {
		next.Outbox = append(next.Outbox, schemas.Outcome{Version: in.origin.Version, Event: out.event})
	}
	return out, nil
}

// again is the step of an input that was folded in before.
func (r *rule[S, M]) again(t *schemas.Table[S], in *input) (step[S], error) {
	out := step[S]{table: t, repeated: true}
	for i := range t.Outbox {
		if t.Outbox[i].Version != in.origin.Version {
			continue
		}
		if out.event = t.Outbox[i].Event; len(out.event) > 0 {
			return out, nil
		}
		// It was set aside. Why follows from the record itself, or else from its key having been blocked.
		if _, err := r.read(in); err == nil {
			out.refused = &refusal{reason: schemas.ReasonBehind, err: errBehind}
		} else if !errors.As(err, &out.refused) {
			return step[S]{}, err
		}
		return out, nil
	}
	return out, nil // known to be written when the value was
}

// The bounds of one key's outbox. At either, the next input of the key waits until the oldest outcome is acknowledged: a key has at most
// that many inputs under way, and its table value, which carries them, stays small.
const (
	maxOutcomes     = 64
	maxOutcomeBytes = 256 << 10
)

// crowded says which version must be acknowledged before another outcome fits in; ok is false where there is room.
func crowded(outbox []schemas.Outcome, acked domain.Version) (oldest domain.Version, ok bool) {
	n, size := 0, 0
	for i := range outbox {
		if outbox[i].Version <= acked {
			continue
		}
		if n == 0 {
			oldest = outbox[i].Version
		}
		n++
		size += len(outbox[i].Event)
	}
	return oldest, n >= maxOutcomes || size >= maxOutcomeBytes
}

// unacked is a new outbox without what is known to be written, with room for one more.
func unacked(outbox []schemas.Outcome, acked domain.Version) []schemas.Outcome {
	kept := make([]schemas.Outcome, 0, len(outbox)+1)
	for _, o := range outbox {
		if o.Version > acked {
			kept = append(kept, o)
		}
	}
	return kept
}

// refusalOf turns what a codec says about bytes into a refusal, unless they may make sense later.
func refusalOf(err error) error {
	if reason := schemas.ReasonOf(err); reason != "" {
		return &refusal{reason: reason, err: err}
	}
	return err
}
