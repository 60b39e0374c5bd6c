package load

import (
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"ugc/domain"
)

// Options say what to play, where, and how hard. The zero value of each takes the default that its comment gives.
type Options struct {
	URL         string               // of the service, http://127.0.0.1:8000
	Key         string               // API key, where the service asks for one
	AllowRemote bool                 // load a host that is not this machine
	Seed        uint64               // what the stream follows from, with Users and Movies
	Users       int                  // simulated viewers, 1,000
	Movies      int                  // films, 500
	Events      int                  // deliveries to send, repetitions among them; 10,000 where Duration is not given either
	Duration    time.Duration        // or send for so long
	Rate        float64              // deliveries a second; 0: as fast as it goes
	Connections int                  // requests at once, 16
	Batch       int                  // deliveries in one request of those that come in batches, 100; 1 to 1,000
	Singles     float64              // share of visits whose events are posted one by one, 0 to 1; the others come in batches
	Patience    time.Duration        // how long one request is tried again while the service is away, 1 minute
	Timeout     time.Duration        // of one request, 10 s
	Visible     time.Duration        // how long to wait at the end until reads show everything, 1 minute
	Readers     int                  // reads at once while comparing, 8
	ClockSlack  time.Duration        // how far the service's clock may be from ours, or be stepped meanwhile, 1 s
	Rules       domain.PlaybackRules // of the service, domain.PublishedRules
	Client      *http.Client         // one of its own that keeps Connections open
	Progress    func(Progress)       // told every Every, from one goroutine; may be nil
	Every       time.Duration        // 1 s
}

// Progress is how far a run has come.
type Progress struct {
	Stage    Stage
	Done     int64 // deliveries answered for good, or users compared
	Total    int64 // 0: not known
	Rate     float64
	Retries  int64         // requests that were sent again
	P50, P99 time.Duration // of requests of one event, or of batches where there are no others
	Elapsed  time.Duration
}

// Stage is what a run is doing.
type Stage string

// The stages, in order.
const (
	Sending   Stage = "sending"
	Waiting   Stage = "waiting until everything is visible"
	Comparing Stage = "comparing"
)

func (o Options) withDefaults() Options {
	o.URL = strings.TrimRight(or(o.URL, "http://127.0.0.1:8000"), "/")
	o.Users, o.Movies = or(o.Users, 1_000), or(o.Movies, 500)
	if o.Events == 0 && o.Duration == 0 {
		o.Events = 10_000
	}
	o.Connections, o.Batch, o.Readers = or(o.Connections, 16), or(o.Batch, 100), or(o.Readers, 8)
	o.Patience, o.Timeout, o.Visible = or(o.Patience, time.Minute), or(o.Timeout, 10*time.Second), or(o.Visible, time.Minute)
	o.ClockSlack, o.Every = or(o.ClockSlack, time.Second), or(o.Every, time.Second)
	o.Rules = or(o.Rules, domain.PublishedRules)
	if o.Progress == nil {
		o.Progress = func(Progress) {}
	}
	if o.Client == nil {
		o.Client = newClient(o.Connections + o.Readers)
	}
	return o
}

func or[T comparable](v, instead T) T {
	var zero T
	if v == zero {
		return instead
	}
	return v
}

// Validate says everything that is wrong with the options, their defaults filled in.
func (o Options) Validate() error {
	o = o.withDefaults()
	var faults []error
	bad := func(format string, args ...any) { faults = append(faults, fmt.Errorf(format, args...)) }
	if err := checkURL(o.URL, o.AllowRemote); err != nil {
		faults = append(faults, err)
	}
	for _, n := range []struct {
		name    string
		n, most int
	}{{"users", o.Users, maxUsers}, {"movies", o.Movies, maxMovies}, {"connections", o.Connections, maxConnections}, {"batch", o.Batch, maxBatch}, {"readers", o.Readers, maxConnections}} {
		if n.n < 1 || n.n > n.most {
			bad("%s: %d must lie between 1 and %d", n.name, n.n, n.most)
		}
	}
	if o.Events < 0 || o.Events > maxEvents {
		bad("events: %d must lie between 1 and %d", o.Events, maxEvents)
	}
	if o.Users > 0 && o.Movies > 0 && int64(o.Events) > int64(o.Users)*int64(o.Movies)*visitsPerPair*leastPerVisit {
		bad("events: %d users and %d movies have not so much to do with each other as %d events: take more of either", o.Users, o.Movies, o.Events)
	}
	if !(o.Rate >= 0 && o.Rate <= 1e7) {
		bad("rate: %v must lie between 0 and 10,000,000 events a second", o.Rate)
	}
	if !(o.Singles >= 0 && o.Singles <= 1) {
		bad("singles: %v must lie between 0 and 1", o.Singles)
	}
	for _, d := range []struct {
		name string
		d    time.Duration
	}{{"duration", o.Duration}, {"patience", o.Patience}, {"timeout", o.Timeout}, {"visible", o.Visible}, {"clock slack", o.ClockSlack}} {
		if d.d < 0 || d.d > 7*24*time.Hour {
			bad("%s: %s must lie between 0 and a week", d.name, d.d)
		}
	}
	return errors.Join(faults...)
}

// checkURL refuses to load other machines unless that is allowed.
func checkURL(text string, allowRemote bool) error {
	u, err := url.Parse(text)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" || u.RawQuery != "" || u.User != nil {
		return fmt.Errorf("url: %q is no address such as http://127.0.0.1:8000", text)
	}
	if ip := net.ParseIP(u.Hostname()); allowRemote || u.Hostname() == "localhost" || ip != nil && ip.IsLoopback() {
		return nil
	}
	return fmt.Errorf("url: %s is not this machine: loading it needs its owner's consent; say --allow-remote when you have it", u.Host)
}
