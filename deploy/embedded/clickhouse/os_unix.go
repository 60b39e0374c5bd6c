//go:build unix

package clickhouse

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"syscall"
)

// ownGroup keeps the terminal's Ctrl-C from the child: the parent decides when it ends.
func ownGroup(cmd *exec.Cmd) { cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} }

// deafen makes this process end by SIGTERM or its lifeline only.
func deafen() { signal.Ignore(syscall.SIGINT, syscall.SIGHUP) }

func lockFile(f *os.File) error {
	err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	if errors.Is(err, syscall.EWOULDBLOCK) {
		return errLocked
	}
	if err != nil {
		return fmt.Errorf("embedded ClickHouse: lock %s: %w", f.Name(), err)
	}
	return nil
}

// freeBytes is what is left on the disk of a folder for those who are not root.
func freeBytes(dir string) (uint64, error) {
	var s syscall.Statfs_t
	if err := syscall.Statfs(dir, &s); err != nil {
		return 0, fmt.Errorf("embedded ClickHouse: free space of %s: %w", dir, err)
	}
	return s.Bavail * uint64(s.Bsize), nil
}
