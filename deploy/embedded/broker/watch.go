package broker

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
)

const (
	diskEvery      = time.Second
	retentionEvery = 10 * time.Minute
)

func (b *Broker) watch(ctx context.Context) error {
	b.checkDisk()
	b.expire(ctx)
	disk, retention := time.NewTicker(diskEvery), time.NewTicker(retentionEvery)
	defer disk.Stop()
	defer retention.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-b.guard.failed:
			return b.guard.err()
		case <-disk.C:
			b.checkDisk()
		case <-retention.C:
			b.expire(ctx)
		}
	}
}

// CheckDisk looks at once at what is free, which Run does every second.
func (b *Broker) CheckDisk() { b.checkDisk() }

func (b *Broker) checkDisk() {
	if b.opts.Reserve < 0 {
		return
	}
	free, err := b.opts.freeSpace(b.opts.DataDir)
	switch {
	case err != nil:
		b.opts.Logger.Warn("embedded broker can't ask for free disk space", "error", err)
	case free < b.opts.Reserve:
		b.guard.setFull(fmt.Errorf("disk full: %d MiB are free for %s and %d MiB are kept in reserve; free some space, and writing goes on by itself",
			free>>20, b.opts.DataDir, b.opts.Reserve>>20))
	default:
		b.guard.setFull(nil)
	}
}

// expire deletes the oldest segments of topics that say how long or how much they keep. Always whole segments and never the
// last, so that a log is never empty.
func (b *Broker) expire(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	if err := b.deleteExpired(ctx); err != nil && ctx.Err() == nil {
		b.opts.Logger.Warn("embedded broker could not delete expired records", "error", err)
	}
}

func (b *Broker) deleteExpired(ctx context.Context) error {
	var topics topicFile
	if _, err := readJSON(filepath.Join(b.opts.DataDir, "topics.json"), &topics); err != nil {
		return err
	}
	targets := kadm.Offsets{}
	for _, t := range topics.Topics {
		if !t.policy("delete") || !t.limited() {
			continue
		}
		for p := range t.Partitions {
			to, err := b.expiredUntil(t, p)
			if err != nil {
				return err
			}
			if to >= 0 {
				targets.Add(kadm.Offset{Topic: t.Name, Partition: p, At: to})
			}
		}
	}
	if len(targets) == 0 {
		return nil
	}
	cl, err := kgo.NewClient(kgo.SeedBrokers(b.addr))
	if err != nil {
		return err
	}
	defer cl.Close()
	resps, err := kadm.NewClient(cl).DeleteRecords(ctx, targets)
	if err != nil {
		return err
	}
	return resps.Error()
}

func (t topic) limited() bool { return t.limit("retention.ms") >= 0 || t.limit("retention.bytes") >= 0 }

// limit is negative where the topic sets none.
func (t topic) limit(setting string) int64 {
	n, err := strconv.ParseInt(t.Configs[setting], 10, 64)
	if err != nil {
		return -1
	}
	return n
}

// expiredUntil is the offset before which everything has expired, negative where nothing has.
func (b *Broker) expiredUntil(t topic, p int32) (int64, error) {
	dir := t.dir(b.opts.DataDir, p)
	bases, err := segmentsOf(dir)
	if err != nil || len(bases) < 2 {
		return -1, err
	}
	var sizes []int64
	var total int64
	for _, base := range bases {
		info, err := os.Stat(segmentPath(dir, base))
		if err != nil {
			return -1, err
		}
		sizes = append(sizes, info.Size())
		total += info.Size()
	}
	until := int64(-1)
	for i := range bases[:len(bases)-1] {
		old, err := b.tooOld(t, segmentPath(dir, bases[i]))
		if err != nil {
			return -1, err
		}
		tooMuch := t.limit("retention.bytes") >= 0 && total-sizes[i] >= t.limit("retention.bytes")
		if !old && !tooMuch {
			break
		}
		total -= sizes[i]
		until = bases[i+1]
	}
	return until, nil
}

// tooOld looks at the file's last write: it is finished, so that its records are no younger.
func (b *Broker) tooOld(t topic, path string) (bool, error) {
	ms := t.limit("retention.ms")
	if ms < 0 {
		return false, nil
	}
	info, err := os.Stat(path)
	if err != nil {
		return false, err
	}
	return b.opts.now().Sub(info.ModTime()) >= time.Duration(ms)*time.Millisecond, nil
}
