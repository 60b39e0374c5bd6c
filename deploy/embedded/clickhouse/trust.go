package clickhouse

import (
	"errors"
	"fmt"
	"io/fs"
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

func distrustMark(dir string) string { return filepath.Join(dir, "distrusted") }

// watchSpace calls end, at once, when the disk of the folder is full. It looks for as long as the process lives: the engine merges while it is stopped, too. The mark
// stays; a file without content needs no space.
func watchSpace(dir string, end func()) {
	for range time.Tick(lookEvery) {
		if free, err := freeBytes(dir); err != nil || free >= leastFree {
			continue
		}
		if f, err := os.Create(distrustMark(dir)); err == nil {
			_ = f.Close()
		}
		end()
		return
	}
}

// distrusted says whether the disk was full since the tables were made.
func distrusted(dir string) bool {
	_, err := os.Stat(distrustMark(dir))
	return err == nil
}

// trustAgain throws away what was stored when the disk was full, once there is space again. It says whether it did.
func trustAgain(dir string) (bool, error) {
	free, err := freeBytes(dir)
	if err == nil && free < 2*leastFree {
		return false, fmt.Errorf("embedded ClickHouse: %w", errDiskFull)
	}
	if !distrusted(dir) {
		return false, nil
	}
	if err := os.RemoveAll(filepath.Join(dir, "store")); err != nil {
		return false, fmt.Errorf("embedded ClickHouse: throw away what was stored while the disk was full: %w", err)
	}
	if err := os.Remove(distrustMark(dir)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return false, fmt.Errorf("embedded ClickHouse: %w", err)
	}
	return true, nil
}
