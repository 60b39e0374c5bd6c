package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"time"
)

// errMissed is the error of a strict run in which a goal was missed.
var errMissed = errors.New("goals were missed")

// compete runs the contests one after the other and prints each as soon as it is measured. A contest that cannot be measured does not keep
// the others from being run, but is an error in the end.
func compete(ctx context.Context, o options, out, progress io.Writer) error {
	for _, c := range o.contests {
		if err := c.Validate(); err != nil {
			return err
		}
	}
	began := time.Now()
	all := report{Began: began.UTC().Truncate(time.Second), Go: runtime.Version(), Cores: runtime.NumCPU()}
	var errs []error
	missed := 0
	for i := range o.contests {
		r, err := contend(ctx, &o.contests[i], o, progress)
		if err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", o.contests[i].Name, err))
		}
		if ctx.Err() != nil {
			errs = append(errs, errors.New("interrupted"))
			break
		}
		if err == nil {
			missed += r.missed()
			all.Results = append(all.Results, r)
			printResult(out, r)
		}
	}
	all.Took = time.Since(began)
	if o.json != "" {
		errs = append(errs, all.write(o.json))
	}
	if missed > 0 && o.strict {
		errs = append(errs, errMissed)
	}
	return errors.Join(errs...)
}

// contend measures the contenders of one contest in turn.
func contend(ctx context.Context, c *Contest, o options, progress io.Writer) (*result, error) {
	r := &result{Contest: c.Name, What: c.What, Against: c.Against, Unit: c.Unit, contest: c}
	times := c.times(o.times)
	for n := range times {
		for _, side := range []side{ours, peer} {
			if side.of(c).Run == nil {
				continue
			}
			began := time.Now()
			s, err := measure(ctx, c, side, o)
			if err != nil {
				return nil, fmt.Errorf("measurement %d of %s: %w", n+1, side.of(c).Label, err)
			}
			_, _ = fmt.Fprintf(progress, "%s %d/%d %s: %s %s/s, %.1f µs, %.1f s in all\n", c.Name, n+1, times, side, number(s.Rate()), c.Unit, s.CPUPerUnit(), time.Since(began).Seconds())
			if side == ours {
				r.Ours = append(r.Ours, s)
			} else {
				r.Peer = append(r.Peer, s)
			}
		}
	}
	r.judge()
	return r, nil
}

// side is one of the two contenders of a contest.
type side string

const (
	ours side = "ours"
	peer side = "peer"
)

func (s side) of(c *Contest) Contender {
	if s == ours {
		return c.Ours
	}
	return c.Peer
}

// measure lets a process of its own do one measurement.
func measure(ctx context.Context, c *Contest, which side, o options) (s Sample, err error) {
	ctx, cancel := context.WithTimeoutCause(ctx, c.timeout(), fmt.Errorf("it took longer than %s", c.timeout()))
	defer cancel()
	dir, err := os.MkdirTemp("", "ugc-bench-")
	if err != nil {
		return s, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	p, err := startProcess(programMeasure, measurement{Contest: c.Name, Side: which, Dir: dir, Profile: o.profile, Settings: o.settings})
	if err != nil {
		return s, err
	}
	err = p.Hear(ctx, &s)
	if end := p.End(ctx); err == nil {
		err = end
	}
	if err != nil {
		return s, err
	}
	if err = s.check(c); err == nil && which == ours {
		err = s.checkBounds(c)
	}
	return s, err
}

// report is a whole run, for -json.
type report struct {
	Began   time.Time     `json:"began"`
	Took    time.Duration `json:"took_ns"`
	Go      string        `json:"go"`
	Cores   int           `json:"cores"`
	Results []*result     `json:"results"`
}

func (r *report) write(path string) error {
	b, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(path, append(b, '\n'), 0o644)
}
