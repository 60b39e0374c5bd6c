package clickhouse

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// Two locks, both held by the kernel and so gone with their process, however it died: the parent's says whose the
// directory is and is refused at once; the child's keeps a new child waiting while one whose parent was killed is
// still on its way out.
const (
	ownerLock = "owner.lock"
	childLock = "engine.lock"
)

var errLocked = errors.New("locked")

// lock is a locked file. Its content, the owner's process id, is for people.
type lock struct{ f *os.File }

func (l lock) release() { _ = l.f.Close() }

// own takes the data directory for this process.
func own(dir string) (lock, error) {
	l, err := tryLock(filepath.Join(dir, ownerLock))
	if errors.Is(err, errLocked) {
		return lock{}, fmt.Errorf("embedded ClickHouse: %w: %s belongs to process %s: stop it, or choose another directory with UGC_DATA_DIR",
			ErrInUse, dir, holder(filepath.Join(dir, ownerLock)))
	}
	return l, err
}

// lockChild waits up to timeout for an earlier child on the directory to end.
func lockChild(dir string, timeout time.Duration) (lock, error) {
	late := time.NewTimer(timeout)
	defer late.Stop()
	again := time.NewTicker(20 * time.Millisecond)
	defer again.Stop()
	for {
		l, err := tryLock(filepath.Join(dir, childLock))
		if !errors.Is(err, errLocked) {
			return l, err
		}
		select {
		case <-again.C:
		case <-late.C:
			return lock{}, fmt.Errorf("%w: the engine of process %s is still running on %s", ErrInUse, holder(filepath.Join(dir, childLock)), dir)
		}
	}
}

func tryLock(path string) (lock, error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return lock{}, fmt.Errorf("embedded ClickHouse: lock the data directory: %w", err)
	}
	if err := lockFile(f); err != nil {
		_ = f.Close()
		return lock{}, err
	}
	if err := errors.Join(f.Truncate(0), writePID(f)); err != nil {
		_ = f.Close()
		return lock{}, fmt.Errorf("embedded ClickHouse: lock the data directory: %w", err)
	}
	return lock{f}, nil
}

func writePID(w io.Writer) error {
	_, err := io.WriteString(w, strconv.Itoa(os.Getpid())+"\n")
	return err
}

func holder(path string) string {
	if b, err := os.ReadFile(path); err == nil && len(b) > 0 {
		return strings.TrimSpace(string(b))
	}
	return "unknown"
}
