package main

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"
)

// list names the contests.
func list(out io.Writer, all []Contest) {
	t := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	for _, c := range all {
		against := c.Against
		if against == "" {
			against = "absolute bounds"
		}
		_, _ = fmt.Fprintf(t, "%s\t%s\tagainst %s\n", c.Name, c.What, against)
	}
	_ = t.Flush()
}

// printResult prints one contest as a block of the table.
func printResult(out io.Writer, r *result) {
	c := r.contest
	_, _ = fmt.Fprintf(out, "\n%s: %s\n", c.Name, c.What)
	if c.Against != "" {
		_, _ = fmt.Fprintf(out, "against %s\n", c.Against)
	}
	t := tabwriter.NewWriter(out, 0, 0, 2, ' ', tabwriter.AlignRight)
	row := func(cells ...string) { _, _ = fmt.Fprintln(t, strings.Join(cells, "\t")+"\t") }
	row("", "", "min", "median", "max", "CPU µs each", "peak MB", "")
	contender := func(who string, samples []Sample) {
		rate := over(samples, Sample.Rate)
		row(who, c.Unit+"/s", number(rate.Min), number(rate.Median), number(rate.Max), number(over(samples, Sample.CPUPerUnit).Median),
			number(over(samples, func(s Sample) float64 { return float64(s.Peak) / (1 << 20) }).Max), "")
	}
	contender(c.Ours.Label, r.Ours)
	if len(r.Peer) > 0 {
		contender(c.Peer.Label, r.Peer)
		row("ratio", "rate", number(r.ByRate.Min), number(r.ByRate.Median), number(r.ByRate.Max), "", "", judged(r.Verdicts, "ratio of rates"))
		row("", "CPU", number(r.ByCPU.Min), number(r.ByCPU.Median), number(r.ByCPU.Max), "", "", judged(r.Verdicts, "ratio of CPU"))
	}
	figures(row, "", r.Ours, r.Verdicts)
	if len(r.Peer) > 0 {
		figures(row, c.Peer.Label, r.Peer, nil)
	}
	_ = t.Flush()
}

// figures prints what else the samples carry.
func figures(row func(...string), who string, samples []Sample, verdicts []verdict) {
	names := map[string]bool{}
	for _, s := range samples {
		for name := range s.Figures {
			names[name] = true
		}
	}
	for _, name := range slices.Sorted(maps.Keys(names)) {
		f := over(samples, func(s Sample) float64 { return s.Figures[name] })
		unit := ""
		for _, v := range verdicts {
			if v.Name == name {
				unit = v.Unit
			}
		}
		row(who, strings.TrimSpace(name+" "+unit), number(f.Min), number(f.Median), number(f.Max), "", "", judged(verdicts, name))
	}
}

// judged says what became of the goal and the aim of that name, "" where there is none.
func judged(verdicts []verdict, name string) string {
	for _, v := range verdicts {
		if v.Name != name {
			continue
		}
		sign, say := "≥", map[bool]string{true: "met", false: "MISSED"}
		if v.Most {
			sign = "≤"
		}
		aim := "met"
		if !v.AimMet {
			aim = "not yet"
		}
		return fmt.Sprintf("goal %s %s %s, aim %s %s", sign, number(v.Goal), say[v.Met], number(v.Aim), aim)
	}
	return ""
}

// number prints three digits that count, and groups of three in great ones.
func number(v float64) string {
	switch {
	case v < 0:
		return "-" + number(-v)
	case v >= 1000:
		s := strconv.FormatFloat(v, 'f', 0, 64)
		for i := len(s) - 3; i > 0; i -= 3 {
			s = s[:i] + "," + s[i:]
		}
		return s
	case v >= 100:
		return strconv.FormatFloat(v, 'f', 0, 64)
	case v >= 10:
		return strconv.FormatFloat(v, 'f', 1, 64)
	}
	return strconv.FormatFloat(v, 'f', 2, 64)
}
