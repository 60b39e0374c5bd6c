package broker

import (
	"bufio"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"time"
)

// compaction rewrites one partition of a compacted topic: of each key only the newest record stays, among those older than
// the lag; what is younger, and the last batch, stay as they are. Offsets never change.
//
// The new partition is written beside the old and takes its place in one swap, so that a kill at any point leaves one or the other whole.
type compaction struct {
	dir        string
	now        time.Time
	lag        time.Duration
	tombstones time.Duration // how long a deletion stays to be seen

	newest     map[string]int64 // offset of a key's newest record among the old ones
	until      int64            // first offset that stays as it is
	superseded int
	total      int
}

// worthwhile is the share of superseded records from which on a partition is rewritten.
const worthwhile = 0.2

func (c *compaction) run(logger *slog.Logger) error {
	bases, err := segmentsOf(c.dir)
	if err != nil {
		return err
	}
	ok, err := c.survey(bases)
	if err != nil || !ok || float64(c.superseded) < worthwhile*float64(c.total) {
		return err
	}
	began := time.Now()
	if err := c.rewrite(bases); err != nil {
		// The old partition is untouched. A disk too full for a second copy must not keep the broker from starting.
		logger.Warn("embedded broker could not compact", "dir", c.dir, "error", err)
		return os.RemoveAll(swapNew(c.dir))
	}
	if err := settleSwap(c.dir); err != nil {
		return err
	}
	logger.Info("embedded broker compacted", "dir", filepath.Base(c.dir), "records", c.total, "superseded", c.superseded, "took", time.Since(began))
	return nil
}

// survey finds where the old part ends and which of its records are superseded. It is false where there is nothing to do.
func (c *compaction) survey(bases []int64) (bool, error) {
	last := int64(-1)
	c.until = -1
	transactional := false
	err := eachBatch(c.dir, bases, func(b batch) error {
		transactional = transactional || b.transactional()
		if c.until < 0 && c.now.Sub(time.UnixMilli(b.maxTimestamp())) < c.lag {
			c.until = b.firstOffset()
		}
		last = b.firstOffset()
		return nil
	})
	if err != nil || transactional || last < 0 {
		return false, err
	}
	if c.until < 0 {
		c.until = last
	}
	c.newest = map[string]int64{}
	err = eachBatch(c.dir, bases, func(b batch) error {
		if b.firstOffset() >= c.until {
			return errDone
		}
		return eachRecord(b, func(r record) error {
			c.total++
			if r.Key == nil {
				return nil // Kafka takes no such record into a compacted topic; it stays
			}
			if _, again := c.newest[string(r.Key)]; again || c.expired(r) {
				c.superseded++
			}
			c.newest[string(r.Key)] = r.offset
			return nil
		})
	})
	if err != nil && !errors.Is(err, errDone) {
		return false, err
	}
	return c.superseded > 0, nil
}

var errDone = errors.New("done")

func (c *compaction) expired(r record) bool {
	return r.Value == nil && c.now.Sub(r.time) >= c.tombstones
}

func (c *compaction) keeps(r record) bool {
	return r.Key == nil || c.newest[string(r.Key)] == r.offset && !c.expired(r)
}

func (c *compaction) rewrite(bases []int64) error {
	dir := swapNew(c.dir)
	if err := errors.Join(os.RemoveAll(dir), os.MkdirAll(dir, 0o755)); err != nil {
		return err
	}
	var old snapshot
	if _, err := readJSON(filepath.Join(c.dir, "snapshot.json"), &old); err != nil {
		old = snapshot{}
	}
	w := &segmentWriter{dir: dir, log: newLog(old)}
	err := eachBatch(c.dir, bases, func(b batch) error {
		if b.firstOffset() >= c.until {
			return w.write(b)
		}
		kept, err := filter(b, c.keeps)
		if err != nil || kept == nil {
			return err
		}
		return w.write(kept)
	})
	if err := errors.Join(err, w.finish()); err != nil {
		return err
	}
	if err := w.log.save(dir); err != nil {
		return err
	}
	return commitSwap(c.dir)
}

func eachBatch(dir string, bases []int64, visit func(batch) error) error {
	for _, base := range bases {
		path := segmentPath(dir, base)
		valid, err := readSegment(path, visit)
		if err != nil {
			return err
		}
		if info, err := os.Stat(path); err != nil || info.Size() != valid {
			return errors.Join(err, fmt.Errorf("%s is damaged at byte %d", path, valid))
		}
	}
	return nil
}

// segmentWriter writes batches into segment files as kfake would.
type segmentWriter struct {
	dir  string
	log  *log
	base int64
	size int64
	dat  *os.File
	idx  *os.File
	bufD *bufio.Writer
	bufI *bufio.Writer
}

func (w *segmentWriter) write(b batch) error {
	if w.dat == nil || w.size >= segmentBytes {
		if err := errors.Join(w.finish(), w.open(b.firstOffset())); err != nil {
			return err
		}
	}
	w.log.add(b)
	w.size += int64(len(b))
	_, errD := w.bufD.Write(b)
	_, errI := w.bufI.Write(indexEntry(b.leaderEpoch()))
	return errors.Join(errD, errI)
}

func (w *segmentWriter) open(base int64) (err error) {
	w.base, w.size = base, 0
	if w.dat, err = os.Create(segmentPath(w.dir, base)); err != nil {
		return err
	}
	if w.idx, err = os.Create(indexPath(w.dir, base)); err != nil {
		return err
	}
	w.bufD, w.bufI = bufio.NewWriterSize(w.dat, 1<<20), bufio.NewWriter(w.idx)
	return nil
}

func (w *segmentWriter) finish() error {
	if w.dat == nil {
		return nil
	}
	var errs []error
	for _, f := range []struct {
		*bufio.Writer
		*os.File
	}{{w.bufD, w.dat}, {w.bufI, w.idx}} {
		if f.File != nil {
			errs = append(errs, f.Flush(), f.Sync(), f.File.Close())
		}
	}
	w.dat, w.idx = nil, nil
	w.log.segment(w.base, w.size)
	return errors.Join(errs...)
}
