package main

import (
	"context"
	"fmt"
	"time"

	"ugc/schemas/topics"
)

const bareHandler = "a bare Fiber handler: encoding/json, the same Avro record, kgo with acks=all, answers when it is written"

// httpSingle is one event in each request.
func httpSingle(connections int) Contest {
	return httpContest(fmt.Sprintf("http-single-%d", connections), fmt.Sprintf("single JSON events over HTTP, %d connections", connections), 0.85, 0.95,
		pressure{Connections: connections, Batch: 1})
}

// httpBatch is a hundred events in each request.
func httpBatch() Contest {
	return httpContest("http-batch-100", "batches of 100 JSON events over HTTP, 16 connections", 0.8, 0.95, pressure{Connections: 16, Batch: 100})
}

func httpContest(name, what string, goal, aim float64, p pressure) Contest {
	return Contest{
		Name: name, What: what, Against: bareHandler, Unit: "events", Goal: goal, Aim: aim,
		Ours: Contender{"ugc's edge", func(ctx context.Context, w *Workplace) (Sample, error) { return measureServer(ctx, w, startEdge, p) }},
		Peer: Contender{"bare handler", func(ctx context.Context, w *Workplace) (Sample, error) { return measureServer(ctx, w, startBare, p) }},
	}
}

// server is what answers requests in the measured process.
type server struct {
	addr string
	stop func() error
}

// measureServer puts a server under pressure from another process, and checks afterwards that the log holds what was accepted.
func measureServer(ctx context.Context, w *Workplace, start func(context.Context, *Workplace, Backbone) (server, error), p pressure) (s Sample, err error) {
	b, err := w.Backbone(ctx)
	if err != nil {
		return s, err
	}
	srv, err := start(ctx, w, b)
	if err != nil {
		return s, err
	}
	defer func() {
		if end := srv.stop(); err == nil {
			err = end
		}
	}()
	p.URL = "http://" + srv.addr + "/api/v2/events"
	p.Warm, p.For = time.Second, time.Duration(w.Setting("seconds", 3))*time.Second
	load, err := w.Start(programLoad, p)
	if err != nil {
		return s, err
	}
	var warm struct{}
	if err := load.Hear(ctx, &warm); err != nil {
		return s, err
	}
	var r relief
	s, err = w.Measure(func() (int64, error) {
		err := load.Hear(ctx, &r)
		return r.Events, err
	})
	if err != nil {
		return s, err
	}
	s.Took = r.Took
	s.Figures["p50 ms"], s.Figures["p99 ms"] = milliseconds(r.P50), milliseconds(r.P99)
	written, err := b.Records(ctx, topics.PlaybackCommands)
	if err == nil && written < r.Accepted {
		err = fmt.Errorf("%d events were accepted, but the log holds %d", r.Accepted, written)
	}
	return s, err
}

func milliseconds(d time.Duration) float64 { return float64(d.Microseconds()) / 1e3 }
