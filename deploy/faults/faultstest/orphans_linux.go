package faultstest

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// orphanPatience is for what drains before it ends.
const orphanPatience = 60 * time.Second

// Kill ends a process at once and gives the children that it leaves behind, by process id. The process is stopped before, so that it starts
// no other one meanwhile.
func Kill(p *os.Process) (orphans []int) {
	_ = p.Signal(syscall.SIGSTOP)
	lists, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/children", p.Pid))
	for _, list := range lists {
		pids, _ := os.ReadFile(list)
		for _, pid := range strings.Fields(string(pids)) {
			if n, err := strconv.Atoi(pid); err == nil {
				orphans = append(orphans, n)
			}
		}
	}
	_ = p.Kill()
	return orphans
}

// AwaitEnd waits until none of the processes runs any more: their folder is to be removed.
func AwaitEnd(t testing.TB, pids []int) {
	t.Helper()
	late := time.Now().Add(orphanPatience)
	for _, pid := range pids {
		for runs(pid) {
			if time.Now().After(late) {
				t.Errorf("process %d, which a killed process left behind, still runs", pid)
				return
			}
			<-time.After(10 * time.Millisecond)
		}
	}
}

// runs is false for what has ended and was not waited for, too.
func runs(pid int) bool {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return false
	}
	_, state, found := bytes.Cut(stat, []byte(") "))
	return !found || state[0] != 'Z' && state[0] != 'X'
}
