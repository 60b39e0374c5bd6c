package schemas

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"ugc/domain"
)

// Registry is what New asks of a schema registry. Every call is one try, bounded by its context, and safe to repeat.
//
// Errors are *domain.Error: Unavailable for what may work when tried again, Conflict for a schema that may not follow the earlier
// ones of its subject, NotFound for an id or subject that the registry does not have; all others are final.
type Registry interface {
	// Name tells registries apart in the cache file: ids of one mean nothing in another. It holds no secrets.
	Name() string
	// RequireCompatibility sets FULL_TRANSITIVE on a subject. It may be NotFound for a subject without schemas.
	RequireCompatibility(ctx context.Context, subject string) error
	// Compatibility gives the level that is set on a subject, or the registry's own where none is. It may be NotFound.
	Compatibility(ctx context.Context, subject string) (level string, err error)
	// Register adds a schema to its subject and gives its id; one that is there already keeps its id.
	Register(ctx context.Context, subject, text string) (id int, err error)
	// Find gives the id of a schema that is in its subject; NotFound where it is not.
	Find(ctx context.Context, subject, text string) (id int, err error)
	// SchemaByID gives the text that was registered under an id.
	SchemaByID(ctx context.Context, id int) (text string, err error)
	// Versions gives the texts of a subject, oldest first.
	Versions(ctx context.Context, subject string) (texts []string, err error)
}

// Options say how New reaches the registry.
type Options struct {
	Registry  Registry        // required
	CacheFile string          // remembers ids and schemas for a start without the registry; empty: nothing is kept
	Timeout   time.Duration   // of each call; 0 is 5 s
	Attempts  int             // of each call; 0 is 3
	Log       *slog.Logger    // nil is slog.Default
	Stop      <-chan struct{} // once closed, no decode waits for the registry any more; nil: never
}

// The waits between attempts double from here; New and a decode never wait longer than Attempts × (Timeout + longestWait) for an answer. What a decode
// waits besides for an id that is not known yet is bounded in writers.go.
const (
	firstWait   = 100 * time.Millisecond
	longestWait = 2 * time.Second
)

// Validate joins everything that is wrong.
func (o Options) Validate() error {
	var errs []error
	if o.Registry == nil {
		errs = append(errs, errors.New("a registry is required"))
	}
	if o.Timeout < 0 {
		errs = append(errs, fmt.Errorf("timeout %s must not be negative", o.Timeout))
	}
	if o.Attempts < 0 || o.Attempts > 100 {
		errs = append(errs, fmt.Errorf("%d attempts must lie between 0 and 100", o.Attempts))
	}
	if len(errs) == 0 {
		return nil
	}
	return domain.Wrap(domain.Invalid, "schemas", errors.Join(errs...))
}

func (o Options) withDefaults() Options {
	if o.Timeout == 0 {
		o.Timeout = 5 * time.Second
	}
	if o.Attempts == 0 {
		o.Attempts = 3
	}
	if o.Log == nil {
		o.Log = slog.Default()
	}
	return o
}

// try calls until it works, fails for good, or has been tried often enough.
func (o Options) try(ctx context.Context, call func(context.Context) error) (err error) {
	wait := firstWait
	for n := 1; ; n++ {
		once, cancel := context.WithTimeout(ctx, o.Timeout)
		err = call(once)
		cancel()
		if err == nil || domain.KindOf(err) != domain.Unavailable || n == o.Attempts {
			return err
		}
		t := time.NewTimer(wait)
		select {
		case <-ctx.Done():
			t.Stop()
			return domain.Wrap(domain.Unavailable, "schema registry", errors.Join(ctx.Err(), err))
		case <-t.C:
		}
		wait = min(2*wait, longestWait)
	}
}
