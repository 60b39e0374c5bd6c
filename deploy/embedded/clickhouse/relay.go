package clickhouse

import (
	"bytes"
	"log/slog"
	"strings"
	"sync"
)

const (
	maxLine  = 4 << 10 // longer lines of the child are cut
	maxWords = 5       // lines kept to explain a death

	greeting = "Logging warning to " // said at every start
)

// relay logs what the child writes to standard output and error, a line an event, and remembers the last lines.
type relay struct {
	logger *slog.Logger

	mu   sync.Mutex
	part []byte
	last []string
}

// Write never fails and never blocks on more than the log.
func (r *relay) Write(b []byte) (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for rest := b; len(rest) > 0; {
		line, after, whole := bytes.Cut(rest, []byte("\n"))
		if room := maxLine - len(r.part); room > 0 {
			r.part = append(r.part, line[:min(len(line), room)]...)
		}
		if whole {
			r.emit()
		}
		rest = after
	}
	return len(b), nil
}

func (r *relay) emit() {
	line := strings.TrimSpace(string(r.part))
	r.part = r.part[:0]
	if line == "" || strings.HasPrefix(line, greeting) {
		return
	}
	r.logger.Warn("clickhouse engine says", "line", line)
	if r.last = append(r.last, line); len(r.last) > maxWords {
		r.last = r.last[1:]
	}
}

func (r *relay) tail() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return strings.Join(r.last, " | ")
}
