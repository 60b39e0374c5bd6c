package auth

import (
	"log/slog"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// watch tells operators how the key set is doing.
type watch struct {
	log   *slog.Logger
	now   func() time.Time
	reads *prometheus.CounterVec
	known map[string]bool // ignored keys of which the log has spoken
	last  string          // what was said of the last failure, "" where there was none
	said  time.Time
}

func newWatch(o Options, s *keySet) (*watch, error) {
	w := &watch{log: o.Log, now: o.Now, known: map[string]bool{},
		reads: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "ugc_auth_key_set_reads_total",
			Help: "Times that the key set of tokens was read, by result."}, []string{"result"})}
	if o.Registry == nil {
		return w, nil
	}
	w.reads.WithLabelValues("ok")
	w.reads.WithLabelValues("failed")
	of := func(name, help string, value func() float64) prometheus.Collector {
		return prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: name, Help: help}, func() float64 {
			s.mu.RLock()
			defer s.mu.RUnlock()
			return value()
		})
	}
	began := o.Now()
	for _, c := range []prometheus.Collector{w.reads,
		of("ugc_auth_keys", "Keys of the key set by which tokens are checked.", func() float64 { return float64(len(s.keys)) }),
		of("ugc_auth_key_set_age_seconds", "Time since the key set was last read, or since the start where it never was.", func() float64 {
			switch {
			case o.JWKS == "":
				return 0
			case s.read.IsZero():
				return o.Now().Sub(began).Seconds()
			}
			return o.Now().Sub(s.read).Seconds()
		}),
		of("ugc_auth_key_set_max_age_seconds", "Age at which the keys count no more.", func() float64 { return s.maxAge.Seconds() })} {
		if err := o.Registry.Register(c); err != nil {
			return nil, err
		}
	}
	return w, nil
}

// say logs what is new: each ignored key once, and a failure when it begins, changes or goes on for long.
func (w *watch) say(usable int, ignored []string, err error) {
	result := "ok"
	if err != nil {
		result = "failed"
	}
	w.reads.WithLabelValues(result).Inc()
	if len(w.known) > maxKeys {
		clear(w.known)
	}
	for _, reason := range ignored {
		if !w.known[reason] {
			w.known[reason] = true
			w.log.Warn("a key of the key set is ignored", "reason", reason)
		}
	}
	switch {
	case err != nil && (err.Error() != w.last || w.now().Sub(w.said) >= sayAgain):
		w.last, w.said = err.Error(), w.now()
		w.log.Warn("the key set of tokens cannot be read; the last one counts until it is too old", "error", err)
	case err == nil && w.last != "":
		w.last = ""
		w.log.Info("the key set of tokens is read again", "keys", usable)
	}
}
