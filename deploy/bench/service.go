package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	ch "github.com/ClickHouse/clickhouse-go/v2"
	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"

	"ugc/deploy"
	"ugc/deploy/embedded/clickhouse"
)

// Service is a whole `ugc run` in a process of its own, everything embedded, as it comes without settings.
type Service struct {
	Addr    string // host:port of the edge
	Data    string // its data folder
	process *Process
	client  *http.Client
}

// Service starts one and waits until it is ready. It ends with the measurement.
func (w *Workplace) Service(ctx context.Context) (*Service, error) {
	s := &Service{Data: filepath.Join(w.Dir, "ugc"), client: &http.Client{Timeout: requestWithin}}
	library, err := clickhouse.FindLibrary("", "")
	if err != nil {
		return nil, err
	}
	s.process, err = w.Start(programService, []string{"run", "--env-file", ""}, "UGC_DATA_DIR="+s.Data, "UGC_HTTP_ADDR=127.0.0.1:0", "UGC_KAFKA=embedded://127.0.0.1:0",
		"UGC_CHDB_LIB="+library, profileVariable+"="+w.ProfilePath())
	if err != nil {
		return nil, err
	}
	for {
		if s.Addr, err = deploy.Note(s.Data, deploy.NoteHTTP); err == nil && s.ready(ctx) {
			return s, nil
		}
		select {
		case <-s.process.exited:
			return nil, fmt.Errorf("the service did not start%s", s.process.printed)
		default:
		}
		if err := pause(ctx, 50*time.Millisecond); err != nil {
			return nil, fmt.Errorf("the service is not ready: %w%s", err, s.process.printed)
		}
	}
}

func (s *Service) ready(ctx context.Context) bool {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+s.Addr+"/healthz/ready", nil)
	if err != nil {
		return false
	}
	resp, err := s.client.Do(req)
	if err != nil {
		return false
	}
	_ = resp.Body.Close()
	return resp.StatusCode == http.StatusOK
}

// events is where events are posted.
func (s *Service) events() string { return "http://" + s.Addr + "/api/v2/events" }

// backbone is the service's own broker.
func (s *Service) backbone() (Backbone, error) {
	addr, err := deploy.Note(s.Data, deploy.NoteKafka)
	return Backbone{Kafka: addr}, err
}

// analytics is a client of the service's ClickHouse.
func (s *Service) analytics() (driver.Conn, error) {
	socket, err := deploy.Note(s.Data, deploy.NoteEngine)
	if err != nil {
		return nil, err
	}
	return ch.Open(clickhouse.SocketOptions(socket, "ugc"))
}

// engine is the service's ClickHouse child, its only one, whichever thread started it.
func (s *Service) engine() (pid int, err error) {
	all, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/children", s.process.PID()))
	if err != nil {
		return 0, err
	}
	for _, path := range all {
		if children, err := os.ReadFile(path); err == nil && len(children) > 0 {
			return strconv.Atoi(strings.Fields(string(children))[0])
		}
	}
	return 0, errors.New("the service has no ClickHouse child")
}

// pause waits, and says so where ctx ended meanwhile.
func pause(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
