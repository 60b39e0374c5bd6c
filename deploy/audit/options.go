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
	Views   map[string]Rows // by name, all of Service
	Derived Derived
	Service Service              // Running when empty
	Rules   domain.PlaybackRules // by which positions are shown, and what has no event yet is decided
	Epoch   int16
	Wait    time.Duration // for processors and views to reach the snapshot; 0: they are compared as they are
	Limit   int           // differences listed of each check; 100 when 0
	// Progress is told how far it is; nil: nobody is.
	Progress func(stage string, done, total int64)
	Now      func() time.Time // time.Now when nil
}

// Validate joins everything that is wrong.
func (o Options) Validate() error {
	o = o.withDefaults()
	var errs []error
	if o.Log == nil || o.Codec == nil {
		errs = append(errs, errors.New("a log and a codec are required"))
	}
	if err := o.Service.checked(); err != nil {
		errs = append(errs, err)
	}
	for _, name := range o.Service.ViewNames() {
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
	if len(o.Service.Views) == 0 {
		o.Service = Running()
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
