package deploy

import (
	"io"
	"log/slog"
	"os"

	"github.com/mattn/go-isatty"

	"ugc/deploy/config"
)

// NewLogger logs as configured: one event a line, text for people on a terminal, JSON for machines.
func NewLogger(c *config.Config, w io.Writer) *slog.Logger {
	var level slog.Level
	_ = level.UnmarshalText([]byte(c.LogLevel)) // validated with the configuration
	options := &slog.HandlerOptions{Level: level}
	if c.LogFormat == "text" || c.LogFormat == "auto" && isTerminal(w) {
		return slog.New(slog.NewTextHandler(w, options))
	}
	return slog.New(slog.NewJSONHandler(w, options))
}

func isTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	return ok && isatty.IsTerminal(f.Fd())
}
