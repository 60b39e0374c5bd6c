package cli

import (
	"fmt"
	"io"
	"os"
	"sync"
	"time"

	"github.com/mattn/go-isatty"
	"github.com/schollz/progressbar/v3"
)

// progress shows long work with rate and time left: a bar on a terminal, a plain line every few seconds elsewhere.
type progress struct {
	bar  *progressbar.ProgressBar // nil elsewhere
	out  io.Writer
	what string

	mu          sync.Mutex
	done, total int
	began, told time.Time
}

// tellEvery is the time between two plain lines.
const tellEvery = 5 * time.Second

func newProgress(out io.Writer, total int, what string) *progress {
	now := time.Now()
	p := &progress{out: out, what: what, total: total, began: now, told: now}
	if terminal(out) {
		p.bar = progressbar.NewOptions(total, progressbar.OptionSetWriter(out), progressbar.OptionSetDescription(what), progressbar.OptionShowCount(),
			progressbar.OptionShowIts(), progressbar.OptionSetItsString(what), progressbar.OptionSetPredictTime(true), progressbar.OptionThrottle(100*time.Millisecond),
			progressbar.OptionSetTheme(progressbar.Theme{Saucer: "█", SaucerPadding: "░", BarStart: "", BarEnd: ""}))
	}
	return p
}

// add counts n more as done; any goroutine may call it.
func (p *progress) add(n int) {
	if p.bar != nil {
		_ = p.bar.Add(n)
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.done += n
	if now := time.Now(); now.Sub(p.told) >= tellEvery {
		p.told = now
		rate := float64(p.done) / now.Sub(p.began).Seconds()
		left := time.Duration(float64(p.total-p.done) / rate * float64(time.Second))
		_, _ = fmt.Fprintf(p.out, "%d of %d %s, %.0f/s, %s left\n", p.done, p.total, p.what, rate, left.Round(time.Second))
	}
}

func (p *progress) finish() {
	if p.bar != nil {
		_ = p.bar.Exit()
		_, _ = fmt.Fprintln(p.out)
	}
}

func terminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	return ok && (isatty.IsTerminal(f.Fd()) || isatty.IsCygwinTerminal(f.Fd()))
}
