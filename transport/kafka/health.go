package kafka

import (
	"context"
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

// Health asks whether a broker answers. One connection is kept open for it, so that a readiness probe costs a round trip.
type Health struct {
	client  *kgo.Client
	brokers []string
	timeout time.Duration
}

// NewHealth makes a check that takes no longer than the time-out, 2 s when zero. It opens no connection before the first Ping.
func NewHealth(s Settings, timeout time.Duration) (*Health, error) {
	if timeout <= 0 {
		timeout = 2 * time.Second
	}
	opts, err := s.Kgo(kgo.RequestRetries(0), kgo.DialTimeout(timeout), kgo.RetryTimeout(timeout))
	if err != nil {
		return nil, err
	}
	cl, err := kgo.NewClient(opts...)
	if err != nil {
		return nil, fmt.Errorf("kafka: make a client: %w", err)
	}
	return &Health{client: cl, brokers: s.Brokers, timeout: timeout}, nil
}

// Ping is nil when any broker answered in time, with the account and certificates of the settings. Safe for many goroutines.
func (h *Health) Ping(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, h.timeout)
	defer cancel()
	if err := h.client.Ping(ctx); err != nil {
		return fmt.Errorf("no broker at %v answers: %w", h.brokers, err)
	}
	return nil
}

// Close ends the connection.
func (h *Health) Close() { h.client.Close() }
