package main

import "slices"

// spread is the least, middle and greatest of some numbers.
type spread struct {
	Min    float64 `json:"min"`
	Median float64 `json:"median"`
	Max    float64 `json:"max"`
}

// spreadOf leaves its argument as it is. Of an even number of values the median lies between the two in the middle; none give zeros.
func spreadOf(values []float64) spread {
	if len(values) == 0 {
		return spread{}
	}
	v := slices.Sorted(slices.Values(values))
	n := len(v)
	return spread{Min: v[0], Median: (v[(n-1)/2] + v[n/2]) / 2, Max: v[n-1]}
}

// over is the spread of a number that each sample has.
func over(samples []Sample, number func(Sample) float64) spread {
	values := make([]float64, len(samples))
	for i, s := range samples {
		values[i] = number(s)
	}
	return spreadOf(values)
}

// ratios of neighbours: the first measurement of ours with the first of the peer, and so on. Greater is better for us.
func ratios(ours, peer []Sample, by Measure) []float64 {
	out := make([]float64, min(len(ours), len(peer)))
	for i := range out {
		if by == CPU {
			out[i] = peer[i].CPUPerUnit() / ours[i].CPUPerUnit()
		} else {
			out[i] = ours[i].Rate() / peer[i].Rate()
		}
	}
	return out
}

// verdict is what became of a goal and an aim.
type verdict struct {
	Name   string  `json:"name"`
	Unit   string  `json:"unit,omitempty"`
	Figure spread  `json:"figure"`
	Goal   float64 `json:"goal"`
	Aim    float64 `json:"aim"`
	Most   bool    `json:"at_most"` // the goal is a bound from above
	Met    bool    `json:"goal_met"`
	AimMet bool    `json:"aim_met"`
}

// atLeast judges a ratio by its median.
func atLeast(name string, f spread, goal, aim float64) verdict {
	return verdict{Name: name, Figure: f, Goal: goal, Aim: aim, Met: f.Median >= goal, AimMet: f.Median >= aim}
}

// atMost judges a bounded figure by its median.
func atMost(b Bound, f spread) verdict {
	return verdict{Name: b.Figure, Unit: b.Unit, Figure: f, Goal: b.Goal, Aim: b.Aim, Most: true, Met: f.Median <= b.Goal, AimMet: f.Median <= b.Aim}
}

// result is one contest, measured.
type result struct {
	Contest  string    `json:"contest"`
	What     string    `json:"what"`
	Against  string    `json:"against,omitempty"`
	Unit     string    `json:"unit"`
	Ours     []Sample  `json:"ours"`
	Peer     []Sample  `json:"peer,omitempty"`
	ByRate   spread    `json:"rate_ratio"`
	ByCPU    spread    `json:"cpu_ratio"`
	Verdicts []verdict `json:"verdicts"`

	contest *Contest
}

// judge fills in what follows from the samples.
func (r *result) judge() {
	c := r.contest
	if c.Peer.Run != nil {
		r.ByRate, r.ByCPU = spreadOf(ratios(r.Ours, r.Peer, Rate)), spreadOf(ratios(r.Ours, r.Peer, CPU))
		if c.By == CPU {
			r.Verdicts = append(r.Verdicts, atLeast("ratio of CPU", r.ByCPU, c.Goal, c.Aim))
		} else {
			r.Verdicts = append(r.Verdicts, atLeast("ratio of rates", r.ByRate, c.Goal, c.Aim))
		}
	}
	for _, b := range c.Bounds {
		r.Verdicts = append(r.Verdicts, atMost(b, over(r.Ours, func(s Sample) float64 { return s.Figures[b.Figure] })))
	}
}

// missed is how many goals were not met.
func (r *result) missed() (n int) {
	for _, v := range r.Verdicts {
		if !v.Met {
			n++
		}
	}
	return n
}
