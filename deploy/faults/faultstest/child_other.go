//go:build !linux

package faultstest

import "os/exec"

func start(cmd *exec.Cmd) error { return cmd.Start() }
