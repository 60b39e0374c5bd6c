package clickhouse

import "syscall"

// yielding is by how much nicer than this process the engine is: what it stores may be seen a moment later, what this process answers may not. On
// a machine with room for both it changes nothing.
const yielding = 5

// yield lets this process go before all threads of the child, which leads a process group of its own.
func yield(child int) error {
	ours, err := syscall.Getpriority(syscall.PRIO_PROCESS, 0) // the system call says 20 - nice
	if err != nil {
		return err
	}
	return syscall.Setpriority(syscall.PRIO_PGRP, child, min(20-ours+yielding, 19))
}
