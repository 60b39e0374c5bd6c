package broker

import (
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// guard refuses writes while the disk is nearly full, and for good once a write has failed. It is kfake's logger, because kfake
// tells nobody else that a write failed: it answers a failed produce with an error, but lets topics and commits pass.
type guard struct {
	logger *slog.Logger
	failed chan struct{} // closed at the first write that failed

	mu      sync.Mutex
	cluster *kfake.Cluster
	full    error // the disk is nearly full
	failure error // a write has failed
}

func newGuard(o Options) *guard { return &guard{logger: o.Logger, failed: make(chan struct{})} }

// Logf is kfake's log; of it, warnings and errors go on.
func (g *guard) Logf(level kfake.LogLevel, format string, args ...any) {
	if level != kfake.LogLevelWarn && level != kfake.LogLevelError {
		return
	}
	msg := fmt.Sprintf(format, args...)
	if strings.HasPrefix(msg, "persist ") {
		g.fail(errors.New(msg))
		return
	}
	g.logger.Warn("embedded broker: " + msg)
}

func (g *guard) fail(err error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.failure != nil {
		return
	}
	g.failure = fmt.Errorf("embedded broker: a write to its data directory failed, so it takes no more; free space or mend the disk, then start again: %w", err)
	g.logger.Error("embedded broker stops taking writes", "error", err)
	close(g.failed)
	g.refuse()
}

// setFull is called with nil once there is space again.
func (g *guard) setFull(err error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	was := g.full
	g.full = err
	switch {
	case was == nil && err != nil:
		g.logger.Error("embedded broker refuses writes", "error", err)
		g.refuse()
	case was != nil && err == nil:
		g.logger.Info("embedded broker takes writes again")
	}
}

func (g *guard) err() error {
	g.mu.Lock()
	defer g.mu.Unlock()
	return errors.Join(g.failure, g.full)
}

func (g *guard) broken() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.failure != nil
}

// attach gives the guard what it guards.
func (g *guard) attach(c *kfake.Cluster) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.cluster = c
	if g.failure != nil || g.full != nil {
		g.refuse()
	}
}

// refuse steps in before kfake for requests that write. It is there only while it is needed: every request would pay for it. A
// failed write is reported from within kfake's own loop, which must not wait for itself.
func (g *guard) refuse() {
	c := g.cluster
	if c == nil {
		return
	}
	go func() {
		for _, key := range []kmsg.Key{kmsg.Produce, kmsg.CreateTopics, kmsg.CreatePartitions, kmsg.IncrementalAlterConfigs, kmsg.AlterConfigs, kmsg.InitProducerID} {
			c.ControlKey(int16(key), func(req kmsg.Request) (kmsg.Response, error, bool) { return g.answer(c, req) })
		}
	}()
}

func (g *guard) answer(c *kfake.Cluster, req kmsg.Request) (kmsg.Response, error, bool) {
	if g.err() == nil {
		c.DropControl()
		return nil, nil, false
	}
	c.KeepControl()
	return refusal(req), nil, true
}

// refusal answers with an error that clients try again on.
func refusal(req kmsg.Request) kmsg.Response {
	code := kerr.KafkaStorageError.Code
	resp := req.ResponseKind()
	switch req := req.(type) {
	case *kmsg.ProduceRequest:
		resp := resp.(*kmsg.ProduceResponse)
		for _, t := range req.Topics {
			rt := kmsg.NewProduceResponseTopic()
			rt.Topic, rt.TopicID = t.Topic, t.TopicID
			for _, p := range t.Partitions {
				rp := kmsg.NewProduceResponseTopicPartition()
				rp.Partition, rp.ErrorCode, rp.BaseOffset = p.Partition, code, -1
				rt.Partitions = append(rt.Partitions, rp)
			}
			resp.Topics = append(resp.Topics, rt)
		}
	case *kmsg.CreateTopicsRequest:
		resp := resp.(*kmsg.CreateTopicsResponse)
		for _, t := range req.Topics {
			rt := kmsg.NewCreateTopicsResponseTopic()
			rt.Topic, rt.ErrorCode = t.Topic, code
			resp.Topics = append(resp.Topics, rt)
		}
	case *kmsg.CreatePartitionsRequest:
		resp := resp.(*kmsg.CreatePartitionsResponse)
		for _, t := range req.Topics {
			rt := kmsg.NewCreatePartitionsResponseTopic()
			rt.Topic, rt.ErrorCode = t.Topic, code
			resp.Topics = append(resp.Topics, rt)
		}
	case *kmsg.IncrementalAlterConfigsRequest:
		resp := resp.(*kmsg.IncrementalAlterConfigsResponse)
		for _, r := range req.Resources {
			rr := kmsg.NewIncrementalAlterConfigsResponseResource()
			rr.ResourceType, rr.ResourceName, rr.ErrorCode = r.ResourceType, r.ResourceName, code
			resp.Resources = append(resp.Resources, rr)
		}
	case *kmsg.AlterConfigsRequest:
		resp := resp.(*kmsg.AlterConfigsResponse)
		for _, r := range req.Resources {
			rr := kmsg.NewAlterConfigsResponseResource()
			rr.ResourceType, rr.ResourceName, rr.ErrorCode = r.ResourceType, r.ResourceName, code
			resp.Resources = append(resp.Resources, rr)
		}
	case *kmsg.InitProducerIDRequest:
		resp.(*kmsg.InitProducerIDResponse).ErrorCode = kerr.CoordinatorNotAvailable.Code
	}
	return resp
}
