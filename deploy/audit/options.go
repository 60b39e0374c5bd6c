package audit

import (
	"errors"
	"fmt"
	"time"

	"ugc/domain"
	"ugc/schemas"
)

// Options say what to compare. Log, Codec, Views and Derived are required.
type Options struct {
	Log     Log
	Codec   *schemas.Codec
	Views   map[string]Rows // by name; see ViewNames
	Derived Derived
	Rules   domain.PlaybackRules
	Epoch   int16
	Wait    time.Duration // for processors and views to reach the snapshot; 0: they are compared as they are
	Limit   int           // differences listed of each check; 100 when 0
	// Progress is told how far it is; nil: nobody is.
	Progress func(stage string, done, total int64)
	Now      func() time.Time // time.Now when nil
}

// ViewNames are the stored views that an audit compares.
func ViewNames() []string {
	return []string{"playback_events", "viewing", "feedback_events", "feedback", "likes", "bookmarks", "ratings", "movie_summaries"}
}

// Validate joins everything that is wrong.
func (o Options) Validate() error {
	var errs []error
	if o.Log == nil || o.Codec == nil {
		errs = append(errs, errors.New("a log and a codec are required"))
	}
	for _, name := range ViewNames() {
		if o.Views[name] == nil {
			errs = append(errs, fmt.Errorf("no source for the view %s", name))
		}
	}
	if o.Derived == nil {
		errs = append(errs, errNoDerived)
	}
	if o.Wait < 0 || o.Wait > time.Hour {
		errs = append(errs, fmt.Errorf("wait: %s, must be 0 to 1h", o.Wait))
	}
	if o.Limit < 0 || o.Limit > 100_000 {
		errs = append(errs, fmt.Errorf("limit: %d, must be 1 to 100000, or 0 for the default", o.Limit))
	}
	return errors.Join(errs...)
}

func (o Options) withDefaults() Options {
	if o.Limit == 0 {
		o.Limit = 100
	}
	if o.Rules == (domain.PlaybackRules{}) {
		o.Rules = domain.PublishedRules
	}
	if o.Progress == nil {
		o.Progress = func(string, int64, int64) {}
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	return o
}
