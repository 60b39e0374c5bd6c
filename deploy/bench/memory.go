package main

import (
	"context"
	"fmt"
	"time"

	"ugc/schemas/topics"
)

// memory is what a service holds while many events pass through all of it.
func memory() Contest {
	return Contest{
		Name: "memory", What: "memory while events pass, all roles in one process, without the ClickHouse child (-set events=10000000 for the whole of it)", Unit: "events",
		Bounds: []Bound{{Figure: "greatest", Unit: "MB", Goal: 700, Aim: 400}, {Figure: "growth over the second half", Unit: "%", Goal: 10, Aim: 5}},
		Ours:   Contender{"ugc run", measureMemory}, Times: 1, Timeout: 2 * time.Hour,
	}
}

const (
	memoryEvery = 500 * time.Millisecond
	backlog     = 200_000 // events that may wait to be decided: more would measure how patient the log is
	passWithin  = 5 * time.Minute
)

func measureMemory(ctx context.Context, w *Workplace) (s Sample, err error) {
	service, err := w.Service(ctx)
	if err != nil {
		return s, err
	}
	log, err := service.backbone()
	if err != nil {
		return s, err
	}
	wanted := w.Setting("events", 1_000_000)
	g, err := newGenerator(pressure{URL: service.events(), Connections: 8, Batch: 100, Users: 20_000, Feedback: 10})
	if err != nil {
		return s, err
	}
	var resident []float64 // in MB
	s, err = w.MeasureProcess(service.process, func() (int64, error) {
		stop := g.start()
		defer stop()
		for last, moved := int64(0), time.Now(); ; {
			if err := g.wait(ctx, memoryEvery); err != nil {
				return 0, err
			}
			u, err := usageOf(service.process.PID())
			if err != nil {
				return 0, err
			}
			resident = append(resident, megabytes(u.resident))
			decided, err := log.Records(ctx, topics.PlaybackEvents, topics.FeedbackEvents)
			if err != nil {
				return 0, err
			}
			accepted := g.accepted.Load()
			if accepted >= wanted {
				stop()
				if accepted = g.accepted.Load(); decided >= accepted {
					return accepted, nil
				}
			}
			g.hold.Store(accepted-decided > backlog)
			if decided > last {
				last, moved = decided, time.Now()
			}
			if time.Since(moved) > passWithin {
				return 0, fmt.Errorf("of %d events only %d are decided, and no more in %s", accepted, decided, passWithin)
			}
		}
	})
	if err != nil {
		return s, err
	}
	s.Figures["greatest"] = megabytes(s.Peak)
	s.Figures["growth over the second half"] = growth(resident)
	return s, nil
}

// growth is by how many percent the last quarter's mean is above that of the quarter before.
func growth(v []float64) float64 {
	n := len(v)
	return 100 * (mean(v[n*3/4:])/mean(v[n/2:n*3/4]) - 1)
}

func mean(v []float64) (m float64) {
	for _, x := range v {
		m += x / float64(len(v))
	}
	return m
}

func megabytes(bytes int64) float64 { return float64(bytes) / (1 << 20) }
