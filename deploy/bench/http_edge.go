package main

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"

	"ugc/deploy"
	"ugc/deploy/config"
)

// startEdge runs the edge as `ugc run` with that role alone would, everything around a request included.
func startEdge(ctx context.Context, w *Workplace, b Backbone) (s server, err error) {
	settings, _, err := config.Load([]string{
		"UGC_ROLES=edge", "UGC_KAFKA=kafka://" + b.Kafka, "UGC_KAFKA_REPLICATION=1", fmt.Sprint("UGC_KAFKA_PARTITIONS=", partitions), "UGC_REGISTRY=" + b.Registry,
		"UGC_HTTP_ADDR=127.0.0.1:0", "UGC_DATA_DIR=" + filepath.Join(w.Dir, "ugc"),
	}, "")
	if err != nil {
		return s, err
	}
	house := deploy.New(settings, "bench", deploy.NewLogger(settings, &tail{}))
	running, stop := context.WithCancel(ctx)
	ready, ended := make(chan string, 1), make(chan error, 1)
	go func() { ended <- house.Run(running, func(at deploy.Where) { ready <- at.HTTP }) }()
	s.stop = func() error { stop(); return <-ended }
	select {
	case s.addr = <-ready:
		return s, nil
	case err := <-ended:
		stop()
		return s, errors.Join(errors.New("the edge did not start"), err)
	}
}
