package deploy

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"syscall"
)

// owner is the right of one process to a data folder. The kernel takes it back when the process dies, however it dies.
type owner struct{ file *os.File }

// errInUse is in the chain of the error of a claim to a folder that another process has.
var errInUse = errors.New("is in use by process")

// own claims a data folder, making it where it is missing. A second claim fails and names the process that has it.
func own(dir string) (*owner, error) {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, fmt.Errorf("make the data folder: %w; set UGC_DATA_DIR to a folder that can be written", err)
	}
	path := filepath.Join(dir, "ugc.pid")
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o644)
	if err != nil {
		return nil, fmt.Errorf("claim the data folder: %w; set UGC_DATA_DIR to a folder that can be written", err)
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		by, _ := io.ReadAll(io.LimitReader(f, 32))
		_ = f.Close()
		if !errors.Is(err, syscall.EWOULDBLOCK) {
			return nil, fmt.Errorf("claim the data folder: lock %s: %w", path, err)
		}
		return nil, fmt.Errorf("the data folder %s %w %s: stop that one first, or set UGC_DATA_DIR to another folder (and UGC_HTTP_ADDR and UGC_KAFKA to other ports)", dir, errInUse, strings.TrimSpace(string(by)))
	}
	if err := errors.Join(f.Truncate(0), writeAt(f, fmt.Sprintf("%d\n", os.Getpid()))); err != nil {
		_ = f.Close()
		return nil, fmt.Errorf("claim the data folder: write %s: %w", path, err)
	}
	return &owner{file: f}, nil
}

func writeAt(f *os.File, s string) error { _, err := f.WriteAt([]byte(s), 0); return err }

// release gives the folder up.
func (o *owner) release() error { return o.file.Close() }
