package main

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"time"
)

// Contest is one line of the table: something that ugc does, beside a peer that does the same without ugc, or held against absolute bounds, or both.
type Contest struct {
	Name    string // what BENCH= and -run name it: lower case, digits, hyphens
	What    string // what is done, in a few words
	Against string // what the peer does, so that a reader can judge whether it is a fair one; "" without a peer
	Unit    string // what is counted, in the plural: events, keys, rows
	Real    bool   // it needs a server that others wrote, which make real installs: run by -real, or by its name

	By        Measure // what the ratio compares
	Goal, Aim float64 // of the ratio of ours to the peer, which is better when greater; without a peer both are 0
	Bounds    []Bound // on figures of our samples

	Ours, Peer Contender

	Times   int           // measurements of each contender; 0: as the command line says
	Timeout time.Duration // of one measurement with everything around it; 2 minutes when 0
}

// Measure is what a ratio compares.
type Measure uint8

// The measures. Both are printed; a contest is judged by one.
const (
	Rate Measure = iota // counted units per second of time: ours / peer
	CPU                 // CPU time per unit, peer / ours: where other processes and not the contender set the pace
)

// Contender is one side of a contest. Run happens in a process of its own, once; ctx ends when its time is over or the run is interrupted.
type Contender struct {
	Label string // for the table, two or three words
	Run   func(ctx context.Context, w *Workplace) (Sample, error)
}

// Bound is a figure that must not be exceeded.
type Bound struct {
	Figure    string  // name among Sample.Figures
	Unit      string  // ms, MB, % of a core …
	Goal, Aim float64 // at most
}

// Sample is what one measurement found.
type Sample struct {
	Units   int64              `json:"units"`             // how many events, keys, rows … were done
	Took    time.Duration      `json:"took_ns"`           // time for them
	CPU     time.Duration      `json:"cpu_ns"`            // user and system time of the contender's process meanwhile
	Peak    int64              `json:"peak_bytes"`        // greatest resident memory of the contender's process meanwhile
	Figures map[string]float64 `json:"figures,omitempty"` // what else was measured, by name; those of Bounds must be there
}

// Rate is units per second.
func (s Sample) Rate() float64 { return float64(s.Units) / s.Took.Seconds() }

// CPUPerUnit is in microseconds.
func (s Sample) CPUPerUnit() float64 { return float64(s.CPU.Nanoseconds()) / 1e3 / float64(s.Units) }

// check refuses samples that say nothing.
func (s Sample) check(c *Contest) error {
	switch {
	case s.Units <= 0:
		return fmt.Errorf("it reported no %s", c.Unit)
	case s.Took <= 0:
		return errors.New("it reported no time")
	case s.CPU <= 0 || s.Peak <= 0:
		return errors.New("it reported no CPU time or no memory")
	}
	return nil
}

// checkBounds refuses a sample of ours that leaves out a figure which is bounded: it would look as if it were kept.
func (s Sample) checkBounds(c *Contest) error {
	for _, b := range c.Bounds {
		if _, ok := s.Figures[b.Figure]; !ok {
			return fmt.Errorf("it reported no %s", b.Figure)
		}
	}
	return nil
}

var contestName = regexp.MustCompile(`^[a-z][a-z0-9]*(-[a-z0-9]+)*$`)

// Validate reports everything that is missing or makes no sense.
func (c Contest) Validate() error {
	var errs []error
	need := func(ok bool, what string) {
		if !ok {
			errs = append(errs, fmt.Errorf("contest %q: %s", c.Name, what))
		}
	}
	need(contestName.MatchString(c.Name), "the name is lower case words, digits and hyphens")
	need(c.What != "", "What is missing")
	need(c.Unit != "", "Unit is missing")
	need(c.Ours.Run != nil && c.Ours.Label != "", "Ours needs a label and Run")
	need(c.Times >= 0 && c.Timeout >= 0, "Times and Timeout are not negative")
	if c.Peer.Run == nil {
		need(c.Goal == 0 && c.Aim == 0 && c.Against == "" && c.Peer.Label == "", "Goal, Aim, Against and the peer's label are of no use without a peer")
		need(len(c.Bounds) > 0, "it has neither a peer nor bounds, so nothing is judged")
	} else {
		need(c.Peer.Label != "", "the peer needs a label")
		need(c.Against != "", "Against does not say what the peer is")
		need(c.Goal > 0 && c.Aim >= c.Goal, "the ratio's Goal is above 0 and its Aim no less than the Goal")
	}
	seen := map[string]bool{}
	for _, b := range c.Bounds {
		need(b.Figure != "" && b.Unit != "", "a bound needs a figure and a unit")
		need(b.Goal > 0 && b.Aim > 0 && b.Aim <= b.Goal, fmt.Sprintf("bound %q: Aim is above 0 and no more than Goal", b.Figure))
		need(!seen[b.Figure], fmt.Sprintf("%q is bounded twice", b.Figure))
		seen[b.Figure] = true
	}
	return errors.Join(errs...)
}

func (c *Contest) timeout() time.Duration {
	if c.Timeout > 0 {
		return c.Timeout
	}
	return 2 * time.Minute
}

func (c *Contest) times(wanted int) int {
	if c.Times > 0 {
		return c.Times
	}
	return wanted
}
