package cli

import (
	"fmt"
	"io"
	"strings"
	"time"
)

// stages shows how far work in stages is: one line that changes on a terminal, a plain one every few seconds elsewhere.
type stages struct {
	out  io.Writer
	live bool
	told time.Time
	wide int
}

func newStages(out io.Writer) *stages {
	return &stages{out: out, live: terminal(out), told: time.Now()}
}

func (l *stages) tell(stage string, done, total int64) {
	now, every := time.Now(), tellEvery
	if l.live {
		every = 100 * time.Millisecond
	}
	if now.Sub(l.told) < every {
		return
	}
	l.told = now
	text := fmt.Sprintf("%s: %d of %d", stage, done, total)
	if !l.live {
		_, _ = fmt.Fprintln(l.out, text)
		return
	}
	_, _ = fmt.Fprintf(l.out, "\r%s%s", text, strings.Repeat(" ", max(0, l.wide-len(text))))
	l.wide = len(text)
}

func (l *stages) end() {
	if l.live && l.wide > 0 {
		_, _ = fmt.Fprintf(l.out, "\r%s\r", strings.Repeat(" ", l.wide))
	}
}
