package main

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// usage is what a process has used since it began.
type usage struct {
	cpu      time.Duration // user and system time
	resident int64         // bytes of memory now
	peak     int64         // the most bytes, since forgetPeak
}

// ticks a second in which the kernel counts other processes' time; fixed on Linux as programs see it.
const ticks = 100

// usageOf asks the kernel. Of this process it knows the time to the microsecond.
func usageOf(pid int) (u usage, err error) {
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return u, err
	}
	if u.resident, err = kilobytes(status, "VmRSS:"); err != nil {
		return u, err
	}
	if u.peak, err = kilobytes(status, "VmHWM:"); err != nil {
		return u, err
	}
	if pid == os.Getpid() {
		var r syscall.Rusage
		if err := syscall.Getrusage(syscall.RUSAGE_SELF, &r); err != nil {
			return u, err
		}
		u.cpu = time.Duration(r.Utime.Nano() + r.Stime.Nano())
		return u, nil
	}
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return u, err
	}
	u.cpu, err = processTime(stat)
	return u, err
}

// kilobytes finds a line of /proc/PID/status, in bytes.
func kilobytes(status []byte, name string) (int64, error) {
	for line := range bytes.Lines(status) {
		if rest, ok := bytes.CutPrefix(line, []byte(name)); ok {
			n, err := strconv.ParseInt(strings.TrimSuffix(strings.TrimSpace(string(rest)), " kB"), 10, 64)
			return n << 10, err
		}
	}
	return 0, errors.New("/proc says nothing of " + name)
}

// processTime reads /proc/PID/stat: the 14th and 15th fields, counted behind the name, which may hold anything.
func processTime(stat []byte) (time.Duration, error) {
	f := strings.Fields(string(stat[bytes.LastIndexByte(stat, ')')+1:]))
	if len(f) < 13 {
		return 0, errors.New("/proc/PID/stat is too short")
	}
	user, err1 := strconv.ParseInt(f[11], 10, 64)
	system, err2 := strconv.ParseInt(f[12], 10, 64)
	return time.Duration(user+system) * (time.Second / ticks), errors.Join(err1, err2)
}

// forgetPeak makes the kernel count the peak of a process's memory anew, from what it holds now.
func forgetPeak(pid int) error {
	if err := os.WriteFile(fmt.Sprintf("/proc/%d/clear_refs", pid), []byte("5"), 0); err != nil {
		return fmt.Errorf("have the peak of memory counted anew: %w", err)
	}
	return nil
}
