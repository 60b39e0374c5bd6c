package load

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"ugc/domain"
)

// Result is what a run found.
type Result struct {
	Accepted int64 // deliveries: a 2xx arrived
	Unknown  int64 // given up without knowing whether they are written
	Absent   int64 // given up, certainly not written
	Refused  int64 // called invalid, which none should be

	Took     time.Duration // sending
	Visible  time.Duration // until every view showed everything
	Compared time.Duration // reading and comparing
	Rate     float64       // deliveries accepted a second
	Single   *Histogram    // how long requests of one event took that were accepted, without the pauses between attempts
	Batched  *Histogram    // the same of requests of several
	Uploads  *Histogram    // and of what was recorded offline and is sent at once
	Played   Played        // what was accepted
	Retries  int64
	Reasons  map[string]int64 // why requests did not get everything accepted, and how often

	Users, Movies int // compared
	Pairs         int // of user and movie, compared
	Blurred       int // of these: compared with bounds, because of unknown outcomes or sent_at

	Differences []Difference // the first 1,000
	Found       int64        // all of them
}

// Difference is one thing that the service shows and should not, or the other way round.
type Difference struct {
	Key      string // user/movie, or a movie
	Field    string
	Shown    string
	Expected string
}

// String is one line.
func (d Difference) String() string {
	return fmt.Sprintf("%s %s: shown %s, expected %s", d.Key, d.Field, d.Shown, d.Expected)
}

func (r *Result) differ(d Difference) {
	if r.Found++; len(r.Differences) < maxDifferences {
		r.Differences = append(r.Differences, d)
	}
}

func (r *Result) verdict() error {
	switch {
	case r.Found > 0:
		return fmt.Errorf("load: %w: %d differences", ErrDiffers, r.Found)
	case r.Refused > 0:
		return fmt.Errorf("load: %w: %d valid events were refused", ErrDiffers, r.Refused)
	case r.Accepted == 0:
		return fmt.Errorf("load: nothing was accepted, so nothing is proven")
	}
	return nil
}

func (r *run) result() *Result {
	took := time.Since(r.began)
	result := &Result{Accepted: r.ledger.accepted.Load(), Unknown: r.ledger.unknown.Load(), Absent: r.ledger.absent.Load(), Refused: r.ledger.refused.Load(),
		Took: took, Rate: float64(r.ledger.accepted.Load()) / max(took.Seconds(), 1e-9), Retries: r.retries.Load(), Reasons: r.reasons,
		Single: &r.latency[single], Batched: &r.latency[batched], Uploads: &r.latency[upload], Played: r.played.counts(r.ledger.records)}
	for _, fault := range r.faults {
		result.differ(Difference{Key: "POST /api/v2/events", Field: "answer", Shown: fault, Expected: "what became of each event, in the order of the request"})
	}
	result.Found = r.faulty
	return result
}

func (r *run) progress(stage Stage, done, total int64) Progress {
	elapsed := time.Since(r.began)
	return Progress{Stage: stage, Done: done, Total: total, Rate: float64(r.ledger.accepted.Load()) / max(elapsed.Seconds(), 1e-9),
		Retries: r.retries.Load(), P50: r.latency[r.usual()].Quantile(0.5), P99: r.latency[r.usual()].Quantile(0.99), Elapsed: elapsed}
}

// tell reports progress until the returned function is called, which reports a last time and returns when nothing more will be told.
func (r *run) tell(ctx context.Context, now func() Progress) (stop func()) {
	ctx, cancel := context.WithCancel(ctx)
	done := make(chan struct{})
	go func() {
		defer close(done)
		t := time.NewTicker(r.o.Every)
		defer t.Stop()
		for {
			select {
			case <-t.C:
				r.o.Progress(now())
			case <-ctx.Done():
				r.o.Progress(now())
				return
			}
		}
	}()
	return func() { cancel(); <-done }
}

// why says what went wrong with requests, most frequent first.
func (r *run) why() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return reasons(r.reasons)
}

func reasons(m map[string]int64) string {
	type reason struct {
		why string
		n   int64
	}
	var all []reason
	for why, n := range m {
		all = append(all, reason{why, n})
	}
	slices.SortFunc(all, func(a, b reason) int {
		if a.n != b.n {
			return int(min(1, max(-1, b.n-a.n)))
		}
		return strings.Compare(a.why, b.why)
	})
	var b strings.Builder
	for i, r := range all {
		if i > 0 {
			b.WriteString(", ")
		}
		fmt.Fprintf(&b, "%d × %s", r.n, r.why)
	}
	return b.String()
}

// shownDifferences bounds what is printed.
const shownDifferences = 20

// WriteTo prints the result for people.
func (r *Result) WriteTo(w io.Writer) (int64, error) {
	var b strings.Builder
	fmt.Fprintf(&b, "%d events accepted in %s (%.0f/s)", r.Accepted, r.Took.Round(time.Millisecond), r.Rate)
	for _, other := range []struct {
		n    int64
		what string
	}{{r.Refused, "refused"}, {r.Unknown, "unknown"}, {r.Absent, "not written"}} {
		if other.n > 0 {
			fmt.Fprintf(&b, ", %d %s", other.n, other.what)
		}
	}
	fmt.Fprintf(&b, "\n%s", r.Played)
	for _, kind := range []struct {
		of   string
		took *Histogram
	}{{"requests of one event", r.Single}, {"batches", r.Batched}, {"offline uploads", r.Uploads}} {
		if n := kind.took.Count(); n > 0 {
			fmt.Fprintf(&b, "\n%d %s: p50 %s, p90 %s, p99 %s, p99.9 %s, max %s", n, kind.of, short(kind.took.Quantile(.5)), short(kind.took.Quantile(.9)),
				short(kind.took.Quantile(.99)), short(kind.took.Quantile(.999)), short(kind.took.Max()))
		}
	}
	if r.Retries > 0 || len(r.Reasons) > 0 {
		fmt.Fprintf(&b, "\n%d requests sent again", r.Retries)
	}
	if len(r.Reasons) > 0 {
		fmt.Fprintf(&b, " (%s)", reasons(r.Reasons))
	}
	if r.Users > 0 {
		fmt.Fprintf(&b, "\neverything visible after %s; compared %d users, %d pairs of user and movie (%d of them within bounds), %d movies in %s",
			r.Visible.Round(time.Millisecond), r.Users, r.Pairs, r.Blurred, r.Movies, r.Compared.Round(time.Millisecond))
		fmt.Fprintf(&b, "\n%d differences\n", r.Found)
	} else {
		b.WriteString("\nnothing was compared\n")
	}
	for i, d := range r.Differences {
		if i == shownDifferences {
			fmt.Fprintf(&b, "  … and %d more\n", r.Found-shownDifferences)
			break
		}
		fmt.Fprintf(&b, "  %s\n", d)
	}
	n, err := io.WriteString(w, b.String())
	return int64(n), err
}

func short(d time.Duration) time.Duration {
	if d > time.Second {
		return d.Round(10 * time.Millisecond)
	}
	return d.Round(10 * time.Microsecond)
}

// text says a shown or expected value for people.
func text(v any) string {
	switch v := v.(type) {
	case span:
		if v.lo == v.hi {
			return fmt.Sprint(v.lo)
		}
		return fmt.Sprintf("%d to %d", v.lo, v.hi)
	case candidate:
		if !v.set {
			return "nothing"
		}
		s := fmt.Sprintf("%d at %s", v.value, instant(v.lo))
		if v.lo != v.hi {
			s += " to " + instant(v.hi)
		}
		return s
	case *register:
		var all []string
		for _, c := range v.candidates {
			if t := text(c); !slices.Contains(all, t) && len(all) < 4 {
				all = append(all, t)
			}
		}
		if !v.certain {
			all = append(all, "nothing")
		}
		return strings.Join(all, " or ")
	}
	return fmt.Sprint(v)
}

func instant(t domain.Instant) string {
	return time.UnixMilli(int64(t)).UTC().Format("2006-01-02T15:04:05.000Z")
}
