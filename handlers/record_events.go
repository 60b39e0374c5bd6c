package handlers

import (
	"context"
	"errors"
	"slices"
	"time"

	"ugc/domain"
)

// MaxBatch is how many events are taken at once.
const MaxBatch = 1000

// RecordEvents writes what clients report: playback, viewed seconds, and feedback, in any mixture.
type RecordEvents struct{ Writing }

// Recorded is what became of a batch, in its order.
type Recorded struct {
	Outcomes []Outcome
	Token    domain.Token // of all that was written
	Shown    bool         // every view that the written commands change shows them
}

// Outcome is what became of one command of a batch.
type Outcome struct {
	ID  domain.ID
	Err error // nil: written. Kinds as in CommandLog, and Invalid with every bad field: not tried
}

// Handle stamps, validates and writes; invalid commands hold the others up in nothing. Commands of one user are written
// in their order, but the playback reports of one session in that of their sequence. The batch as a whole fails only as
// TooLarge; what became of each command stands in its outcome.
func (h RecordEvents) Handle(ctx context.Context, commands []domain.Command, wait time.Duration) (Recorded, error) {
	if len(commands) > MaxBatch {
		return Recorded{}, domain.Wrap(domain.TooLarge, "record events", errBatch)
	}
	arrived := h.arrival(ctx)
	out := Recorded{Outcomes: make([]Outcome, len(commands))}
	invalid := 0
	for i, c := range commands {
		err := h.check(c, arrived)
		out.Outcomes[i] = Outcome{ID: c.Head().ID, Err: err}
		if err != nil {
			invalid++
		}
	}
	valid := commands
	if invalid > 0 {
		valid = out.valid(commands, len(commands)-invalid)
	}
	if len(valid) == 0 {
		return out, nil
	}
	views := out.take(valid, h.append(ctx, valid), wait > 0)
	out.Shown = len(out.Token) > 0 && h.await(ctx, out.Token, Await{For: wait, Views: views})
	return out, nil
}

// append writes commands in the order of their sequences; the receipts are in the order of the commands.
func (h *RecordEvents) append(ctx context.Context, commands []domain.Command) []Receipt {
	order := inSequence(commands)
	if order == nil {
		return h.Log.Append(ctx, commands)
	}
	ordered := make([]domain.Command, len(commands))
	for to, from := range order {
		ordered[to] = commands[from]
	}
	receipts := make([]Receipt, len(commands))
	for i, r := range h.Log.Append(ctx, ordered) {
		receipts[order[i]] = r
	}
	return receipts
}

// valid picks the n commands without a fault.
func (r *Recorded) valid(commands []domain.Command, n int) []domain.Command {
	valid := make([]domain.Command, 0, n)
	for i, c := range commands {
		if r.Outcomes[i].Err == nil {
			valid = append(valid, c)
		}
	}
	return valid
}

// take puts the receipts of the valid commands into their outcomes, and returns the views that the written ones change where somebody waits for them.
func (r *Recorded) take(valid []domain.Command, receipts []Receipt, awaited bool) (views []View) {
	marks := make([]domain.Mark, 0, len(valid))
	next := 0
	for i := range r.Outcomes {
		if r.Outcomes[i].Err != nil {
			continue
		}
		c, receipt := valid[next], receipts[next]
		next++
		if receipt.Err != nil {
			r.Outcomes[i].Err = receipt.Err
			continue
		}
		marks = append(marks, receipt.about(c))
		if !awaited {
			continue
		}
		for _, v := range ViewsOf(c) {
			if !slices.Contains(views, v) {
				views = append(views, v)
			}
		}
	}
	r.Token = domain.NewToken(marks...)
	return views
}

var errBatch = errors.New("at most 1000 events are taken at once: send several batches")

// Check stamps and validates a command without writing it, so that a caller can report its faults beside others. The error is nil or
// an *domain.Error of kind Invalid.
func (h RecordEvents) Check(c domain.Command) error {
	now := h.Now()
	return h.check(c, arrival{at: now, earliest: now})
}

func (h *RecordEvents) check(c domain.Command, a arrival) error {
	h.stamp(c, a)
	return c.Validate()
}
