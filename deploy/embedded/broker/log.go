package broker

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"time"
)

// log gathers what kfake's snapshot of a partition says.
type log struct {
	snap          snapshot
	oldStart      int64
	started       bool
	transactional bool // with transactions only kfake itself knows how to read it back
}

func newLog(old snapshot) *log {
	return &log{oldStart: old.LogStartOffset, snap: snapshot{Version: formatVersion}}
}

func (l *log) add(b batch) {
	if !l.started {
		l.started = true
		l.snap.LogStartOffset = b.firstOffset()
		l.snap.CreatedAt = time.UnixMilli(b.firstTimestamp())
	}
	l.transactional = l.transactional || b.transactional()
	l.snap.HighWatermark = b.lastOffset() + 1
	l.snap.MaxTimestamp = max(l.snap.MaxTimestamp, b.maxTimestamp())
	l.snap.Epoch = b.leaderEpoch()
}

func (l *log) segment(base, size int64) {
	l.snap.Segments = append(l.snap.Segments, snapshotSegment{BaseOffset: base, Size: size, MaxEpoch: l.snap.Epoch})
}

func (l *log) save(dir string) error {
	path := filepath.Join(dir, "snapshot.json")
	if l.transactional {
		err := os.Remove(path)
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		return err
	}
	if !l.started {
		// A segment is named after its first offset, so an empty last one says where the log goes on.
		l.snap.HighWatermark = l.snap.Segments[len(l.snap.Segments)-1].BaseOffset
		l.snap.LogStartOffset = l.snap.HighWatermark
	}
	// Records that were deleted by request stay deleted, as far as an orderly end has recorded it.
	if l.oldStart <= l.snap.HighWatermark {
		l.snap.LogStartOffset = max(l.snap.LogStartOffset, l.oldStart)
	}
	l.snap.LastStableOffset = l.snap.HighWatermark
	return writeJSON(path, l.snap)
}
