package broker

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"time"
)

// recoverDir brings a data directory into a state that kfake reads rightly, whatever the last process was doing when it ended:
//  1. a swap of compacted partitions is finished or undone
//  2. torn tails of the logs are cut off
//  3. what producers have written is read back from the logs, so that repeats are known
//  4. compacted topics are compacted
//  5. the mark of a clean end goes, until there is one again
func recoverDir(o Options) error {
	var topics topicFile
	if _, err := readJSON(filepath.Join(o.DataDir, "topics.json"), &topics); err != nil {
		return err
	}
	if err := settlePartitions(o, topics.Topics); err != nil {
		return err
	}
	for _, name := range []string{"groups.log", "pids.log"} {
		cutOff, err := mendFramed(filepath.Join(o.DataDir, name))
		if err != nil {
			return err
		}
		if cutOff {
			o.Logger.Warn("embedded broker cut off a torn entry", "file", name)
		}
	}
	r := recovery{opts: o, clean: wasClean(o.DataDir), windows: map[windowKey]*window{}}
	for _, t := range topics.Topics {
		for p := range t.Partitions {
			if err := r.partition(t, p); err != nil {
				return fmt.Errorf("partition %s-%d: %w", t.Name, p, err)
			}
		}
	}
	if !r.clean {
		if err := r.writeWindows(); err != nil {
			return err
		}
	}
	return unmarkClean(o.DataDir)
}

type recovery struct {
	opts    Options
	clean   bool
	windows map[windowKey]*window
}

type windowKey struct {
	pid   int64
	topic string
	part  int32
}

func (r *recovery) partition(t topic, p int32) error {
	dir := t.dir(r.opts.DataDir, p)
	bases, err := segmentsOf(dir)
	if err != nil {
		return err
	}
	var snap snapshot
	if _, err := readJSON(filepath.Join(dir, "snapshot.json"), &snap); err != nil {
		// Only an aid: without it the partition is read from its segments.
		snap = snapshot{}
	}
	if len(bases) == 0 {
		return keepOffsets(dir, snap)
	}
	if !r.clean || !matches(snap, dir, bases) {
		if err := r.mend(t, p, dir, bases, snap); err != nil {
			return err
		}
	} else {
		for _, base := range bases {
			if err := verifySegment(segmentPath(dir, base)); err != nil {
				return err
			}
		}
	}
	if t.policy("compact") {
		lag := max(r.opts.CompactionLag, t.duration("min.compaction.lag.ms", 0))
		c := compaction{dir: dir, now: r.opts.now(), lag: lag, tombstones: t.duration("delete.retention.ms", 24*time.Hour)}
		if err := c.run(r.opts.Logger); err != nil {
			return fmt.Errorf("compact: %w", err)
		}
	}
	return nil
}

// keepOffsets lets a log whose records were all deleted go on where it was: kfake would start it again at 0, and consumers would
// wait for offsets that come years later, or never.
func keepOffsets(dir string, snap snapshot) error {
	if snap.HighWatermark == 0 {
		return nil
	}
	if err := writeFile(segmentPath(dir, snap.HighWatermark), nil); err != nil {
		return err
	}
	snap.LogStartOffset, snap.LastStableOffset = snap.HighWatermark, snap.HighWatermark
	snap.Segments = []snapshotSegment{{BaseOffset: snap.HighWatermark}}
	return writeJSON(filepath.Join(dir, "snapshot.json"), snap)
}

func matches(snap snapshot, dir string, bases []int64) bool {
	if snap.Version != formatVersion || len(snap.Segments) != len(bases) {
		return false
	}
	for i, s := range snap.Segments {
		info, err := os.Stat(segmentPath(dir, bases[i]))
		if s.BaseOffset != bases[i] || err != nil || info.Size() != s.Size {
			return false
		}
	}
	return true
}

// mend reads a partition's segments, cuts a torn end off the last, and describes the log for kfake.
func (r *recovery) mend(t topic, p int32, dir string, bases []int64, old snapshot) error {
	log := newLog(old)
	for i, base := range bases {
		path := segmentPath(dir, base)
		var epochs []int32
		valid, err := readSegment(path, func(b batch) error {
			log.add(b)
			epochs = append(epochs, b.leaderEpoch())
			r.remember(t.Name, p, b)
			return nil
		})
		if err != nil {
			return err
		}
		torn, err := r.cutSegment(path, valid, i == len(bases)-1)
		if err != nil {
			return err
		}
		if torn {
			r.opts.Logger.Warn("embedded broker cut off a torn batch", "file", path)
		}
		if log.transactional {
			continue // its index says which batches are undecided, kfake mends it
		}
		if err := mendIndex(indexPath(dir, base), epochs); err != nil {
			return err
		}
		log.segment(base, valid)
	}
	return log.save(dir)
}

// cutSegment refuses damage in a segment that was finished long ago, and damage with whole batches behind it: a kill tears the end of the last
// one only, and cutting elsewhere would lose acknowledged records without a word.
func (r *recovery) cutSegment(path string, valid int64, last bool) (bool, error) {
	info, err := os.Stat(path)
	if err != nil || info.Size() == valid {
		return false, err
	}
	if last {
		behind, err := wholeBehind(path, valid)
		if err != nil {
			return false, err
		}
		last = !behind
	}
	if !last {
		return false, errDamaged(path, valid)
	}
	return cut(path, valid)
}

// remember is what the broker does when it takes a batch: the last five of each producer are known again.
func (r *recovery) remember(topic string, part int32, b batch) {
	if b.producer() < 0 || b.transactional() {
		return
	}
	const forgetAfter = 24 * time.Hour // as Kafka's producer.id.expiration.ms
	if r.opts.now().Sub(time.UnixMilli(b.maxTimestamp())) > forgetAfter {
		return
	}
	k := windowKey{b.producer(), topic, part}
	w := r.windows[k]
	if w == nil || w.Epoch != b.producerEpoch() {
		w = &window{PID: k.pid, Topic: topic, Part: part, Epoch: b.producerEpoch(), Seen: true}
		r.windows[k] = w
	}
	const wrap = 1<<31 - 1
	next := int32((int64(b.firstSequence()) + int64(b.lastDelta()) + 1) % wrap)
	w.Entries[w.At] = windowEntry{FirstSeq: b.firstSequence(), NextSeq: next, Offset: b.firstOffset()}
	w.At = (w.At + 1) % uint8(len(w.Entries))
	w.Count = min(w.Count+1, uint8(len(w.Entries)))
	w.NextSeq = next
}

func (r *recovery) writeWindows() error {
	f := windowFile{Version: formatVersion}
	for _, w := range r.windows {
		f.Windows = append(f.Windows, *w)
	}
	slices.SortFunc(f.Windows, func(a, b window) int {
		return cmp.Or(cmp.Compare(a.PID, b.PID), cmp.Compare(a.Topic, b.Topic), cmp.Compare(a.Part, b.Part))
	})
	// What kfake saved at an earlier, orderly end is older than the logs.
	if err := os.Remove(filepath.Join(r.opts.DataDir, "session_state.json")); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return writeJSON(filepath.Join(r.opts.DataDir, "seq_windows.json"), f)
}

// settlePartitions ends swaps that were under way and removes the directories of deleted topics, whose records would otherwise
// come back in a new topic of the same name.
func settlePartitions(o Options, topics []topic) error {
	known := map[string]bool{}
	for _, t := range topics {
		for p := range t.Partitions {
			dir := t.dir(o.DataDir, p)
			if err := settleSwap(dir); err != nil {
				return err
			}
			known[filepath.Base(dir)] = true
		}
	}
	root := filepath.Join(o.DataDir, "partitions")
	entries, err := os.ReadDir(root)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	for _, e := range entries {
		if known[e.Name()] {
			continue
		}
		o.Logger.Warn("embedded broker removes what is left of a deleted topic", "dir", e.Name())
		if err := os.RemoveAll(filepath.Join(root, e.Name())); err != nil {
			return err
		}
	}
	return nil
}

const cleanMark = "CLEAN"

func wasClean(dir string) bool {
	_, err := os.Stat(filepath.Join(dir, cleanMark))
	return err == nil
}

func markClean(dir string) error {
	if err := writeFile(filepath.Join(dir, cleanMark), nil); err != nil {
		return fmt.Errorf("embedded broker: %w", err)
	}
	return nil
}

func unmarkClean(dir string) error {
	err := os.Remove(filepath.Join(dir, cleanMark))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return errors.Join(err, syncDir(dir))
}
