package clickhouse

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"
)

// The engine does not notice that a write failed because the disk is full: it acknowledges the INSERT, or deletes the sources of a merge, and the part has
// empty files (seen in 26.7.2.1: of 400 inserts into a disk that was filled meanwhile it refused none). So it must not go on when the last bytes are gone, and what it stored is
// not to be trusted after that. All of it is made of the events, and is made of them again.
const (
	leastFree = 16 << 20              // with less than this the engine ends
	lookEvery = 50 * time.Millisecond // at what is free
)

var errDiskFull = errors.New("its disk is full, and it does not notice that writes fail: free space or mend the disk, then start again; its tables are then made anew from the events")

// The mark says "trusted" and is emptied on a full disk: that takes no space, which a new file does. A folder without one is of an older ugc.
func trustMark(dir string) string { return filepath.Join(dir, "trust") }

// oldMark is what an older ugc wrote for the opposite.
func oldMark(dir string) string { return filepath.Join(dir, "distrusted") }

// watchSpace calls end, at once, when the disk of the folder is full. It looks for as long as the process lives: the engine merges while it is stopped, too.
func watchSpace(dir string, end func()) {
	for range time.Tick(lookEvery) {
		if free, err := freeBytes(dir); err != nil || free >= leastFree {
			continue
		}
		_ = os.Truncate(trustMark(dir), 0)
		end()
		return
	}
}

// distrusted says whether the disk was full since the tables were made.
func distrusted(dir string) bool {
	if _, err := os.Stat(oldMark(dir)); err == nil {
		return true
	}
	info, err := os.Stat(trustMark(dir))
	return err == nil && info.Size() == 0
}

// trustAgain throws away what was stored when the disk was full, once there is space again, and what a copy of the folder made useless. It says why, "" where
// everything is trusted.
func trustAgain(dir string) (why string, err error) {
	free, err := freeBytes(dir)
	if err == nil && free < 2*leastFree {
		return "", fmt.Errorf("embedded ClickHouse: %w", errDiskFull)
	}
	switch {
	case distrusted(dir):
		why = "the disk was full while the clickhouse engine wrote"
	case linksFollowed(dir):
		why = "the folder of the clickhouse engine was copied with its links followed, which it does not open; copy with links kept (cp -a)"
	}
	if why != "" {
		if err := os.RemoveAll(filepath.Join(dir, "store")); err != nil {
			return "", fmt.Errorf("embedded ClickHouse: throw away what was stored: %w", err)
		}
	}
	if err := errors.Join(mark(dir), os.RemoveAll(oldMark(dir))); err != nil {
		return "", fmt.Errorf("embedded ClickHouse: %w", err)
	}
	return why, nil
}

// mark writes that what is stored is trusted; a crash in between leaves no mark, or one that is right.
func mark(dir string) error {
	fresh := trustMark(dir) + ".new"
	if err := os.WriteFile(fresh, []byte("trusted\n"), 0o600); err != nil {
		return err
	}
	return os.Rename(fresh, trustMark(dir))
}

// linksFollowed says whether the metadata of a database is a folder where the engine makes a link: a copy followed it.
func linksFollowed(dir string) bool {
	entries, _ := os.ReadDir(filepath.Join(dir, "store", "metadata"))
	for _, e := range entries {
		if e.IsDir() {
			return true
		}
	}
	return false
}
