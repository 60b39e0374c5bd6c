package faultstest

import "os/exec"

// Start starts cmd as its own Start does, so that the process does not outlive this one, however this one ends: a test binary that go test's time-out ends, or a
// kill -9, cleans nothing up. The kernel sees to it where it can, which is on Linux; elsewhere the process is left to the test's own clean-up.
func Start(cmd *exec.Cmd) error { return start(cmd) }
