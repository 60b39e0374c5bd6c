package main

import (
	"context"
	"time"
)

// rest is a service that nobody asks anything.
func rest() Contest {
	return Contest{
		Name: "rest", What: "a whole service at rest, after it has worked", Unit: "seconds",
		Bounds: []Bound{{Figure: "service", Unit: "% of a core", Goal: 3, Aim: 1}},
		Ours:   Contender{"ugc run", measureRest},
	}
}

func measureRest(ctx context.Context, w *Workplace) (s Sample, err error) {
	service, err := w.Service(ctx)
	if err != nil {
		return s, err
	}
	load, err := w.Start(programLoad, pressure{URL: service.events(), Connections: 4, Batch: 10, Feedback: 5, Warm: time.Second, For: time.Second})
	if err != nil {
		return s, err
	}
	var warm struct{}
	var r relief
	if err := load.Hear(ctx, &warm); err != nil {
		return s, err
	}
	if err := load.Hear(ctx, &r); err != nil {
		return s, err
	}
	if err := load.End(ctx); err != nil {
		return s, err
	}
	if err := pause(ctx, time.Duration(w.Setting("settle", 8))*time.Second); err != nil {
		return s, err
	}
	engine, err := service.engine()
	if err != nil {
		return s, err
	}
	before, err := usageOf(engine)
	if err != nil {
		return s, err
	}
	seconds := w.Setting("seconds", 8)
	s, err = w.MeasureProcess(service.process, func() (int64, error) { return seconds, pause(ctx, time.Duration(seconds)*time.Second) })
	if err != nil {
		return s, err
	}
	after, err := usageOf(engine)
	if err != nil {
		return s, err
	}
	s.Figures["service"] = 100 * s.CPU.Seconds() / s.Took.Seconds()
	s.Figures["ClickHouse child, % of a core"] = 100 * (after.cpu - before.cpu).Seconds() / s.Took.Seconds()
	return s, nil
}
