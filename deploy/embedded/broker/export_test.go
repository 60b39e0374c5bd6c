package broker

import (
	"context"
	"time"
)

// WithDisk makes a broker see a disk of a test's choosing.
func WithDisk(free func() int64) func(*Options) {
	return func(o *Options) { o.freeSpace = func(string) (int64, error) { return free(), nil } }
}

// WithClock makes a broker see a time of a test's choosing.
func WithClock(now func() time.Time) func(*Options) { return func(o *Options) { o.now = now } }

// Expire is what Run does from time to time.
func (b *Broker) Expire() error { return b.deleteExpired(context.Background()) }

// Rewrite is a compaction of the partition in dir, in the middle of which something happens.
func Rewrite(dir string, between func()) error {
	c := compaction{dir: dir, now: time.Now()}
	bases, err := segmentsOf(dir)
	if err != nil {
		return err
	}
	if _, err := c.survey(bases); err != nil {
		return err
	}
	between()
	return c.rewrite(bases)
}
