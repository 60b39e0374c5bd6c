package audit

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"time"

	"ugc/deploy/reference"
	"ugc/domain"
	"ugc/projections"
)

// Derived reads the views that are computed from stored ones when somebody asks.
type Derived interface {
	// Scan gives all rows of one in any order; their versions mean nothing. Its error ends the scan.
	Scan(ctx context.Context, view string, each func(Row) error) error
	// Beyond is how many rows a stored view has of commands beyond its watermarks: of a batch that is being written.
	Beyond(ctx context.Context, stored string, marks map[int32]projections.Watermark) (int64, error)
}

// derived compares derived views with what the fold makes of them. A derived view shows its stored views as they are at the moment, so it is
// read at a moment when these stand exactly at their watermarks, and compared with the fold up to there.
type derived struct {
	*reference.Derived
	steady bool // there was such a moment, or rows beyond the watermarks that nobody is writing
	marks  map[string]map[int32]projections.Watermark
	rows   map[string]map[string]string // what is there: text by key, by view
	sheets map[string]*sheet            // by view; a derived view has no partitions
}

// readDerived waits for the moment as long as an audit may wait, and reads.
func (a *audit) readDerived(ctx context.Context) (*derived, error) {
	waiting, cancel := context.WithTimeout(ctx, a.o.Wait)
	defer cancel()
	for first := (*derived)(nil); ; {
		d := &derived{Derived: reference.NewDerived(), sheets: map[string]*sheet{}}
		for view := range a.o.Service.Derived {
			d.sheets[view] = a.sheet(view, 0)
		}
		if err := d.read(ctx, a); err != nil {
			return nil, err
		}
		if d.steady {
			return d, nil
		}
		if first == nil {
			first = d
		}
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-waiting.Done():
			d.steady = d != first && equal(first.marks, d.marks)
			return d, ctx.Err()
		case <-time.After(ask):
		}
	}
}

func (d *derived) read(ctx context.Context, a *audit) (err error) {
	if d.marks, err = a.derivedMarks(ctx); err != nil {
		return err
	}
	d.rows = map[string]map[string]string{}
	for view, sh := range d.sheets {
		rows := map[string]string{}
		d.rows[view] = rows
		err := a.o.Derived.Scan(ctx, view, func(r Row) error {
			sh.Stored++
			if _, ok := rows[r.Key]; ok {
				sh.found(Difference{Kind: Doubled, Key: r.Key})
			}
			rows[r.Key] = r.Text
			return nil
		})
		if err != nil {
			return fmt.Errorf("read %s: %w", view, err)
		}
	}
	for stored, marks := range d.marks {
		beyond, err := a.o.Derived.Beyond(ctx, stored, marks)
		if err != nil {
			return fmt.Errorf("read %s: %w", stored, err)
		}
		if beyond > 0 {
			return nil
		}
	}
	after, err := a.derivedMarks(ctx)
	d.steady = equal(d.marks, after)
	return err
}

func equal(a, b map[string]map[int32]projections.Watermark) bool {
	return maps.EqualFunc(a, b, maps.Equal[map[int32]projections.Watermark, map[int32]projections.Watermark])
}

func (a *audit) derivedMarks(ctx context.Context) (map[string]map[int32]projections.Watermark, error) {
	marks := map[string]map[int32]projections.Watermark{}
	for _, from := range a.o.Service.Derived {
		for _, stored := range from {
			m, err := a.rows(stored).Watermarks(ctx)
			if err != nil {
				return nil, fmt.Errorf("watermarks of %s: %w", stored, err)
			}
			marks[stored] = m
		}
	}
	return marks, nil
}

// shows says whether the stored view showed an event when the derived ones were read.
func (d *derived) shows(a *audit, stored string, o domain.Origin) bool {
	m, ok := d.marks[stored][o.Partition]
	return ok && o.Version <= m.Version && !a.letters.exempt(stored)[o]
}

// playback gives what is to be shown every playback command of a partition.
func (d *derived) playback(a *audit) func(*moment, bool) {
	before, seats := map[string]*reference.Viewing{}, reference.Seats{}
	return func(m *moment, _ bool) {
		if m.report.Kind != reference.Touch && d.shows(a, "playback_events", m.Origin) {
			d.Report(m.report, m.decision.NewlyWatched, seats)
		}
		if after := m.decision.After; after.FirstSeen != 0 && d.shows(a, "viewing", m.Origin) {
			d.Viewed(m.report.Movie, before[m.key], &after)
			before[m.key] = &after
		}
	}
}

// feedback gives what is to be shown every feedback command of a partition.
func (d *derived) feedback(a *audit) func(*moment, bool) {
	before := map[string]*reference.Opinions{}
	return func(m *moment, _ bool) {
		if after := m.known.user.Opinions; after != (reference.Opinions{}) && d.shows(a, "feedback", m.Origin) {
			d.Given(m.feedback.Movie, before[m.key], &after)
			before[m.key] = &after
		}
	}
}

// settle compares once everything is folded.
func (d *derived) settle() {
	for view, should := range derivedTexts(d.Derived) {
		sh, is := d.sheets[view], d.rows[view]
		if !d.steady {
			sh.Note, sh.Accepted, sh.Uncompared = "NOT COMPARED: was written to all the while", sh.Stored, true
			continue
		}
		sh.Note = "all partitions together"
		sh.Accepted = int64(len(should))
		for key, text := range should {
			there, ok := is[key]
			switch {
			case !ok:
				sh.found(Difference{Kind: Missing, Key: key, Should: shownText(text)})
			case there != text:
				is, should := apart(there, text)
				sh.found(Difference{Kind: Different, Key: key, Is: is, Should: should})
			}
		}
		for key, text := range is {
			if _, ok := should[key]; !ok {
				sh.found(Difference{Kind: Extra, Key: key, Is: shownText(text)})
			}
		}
	}
}

var errNoDerived = errors.New("no source for the derived views")
