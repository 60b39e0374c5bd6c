//go:build !unix

package clickhouse

import (
	"os"
	"os/exec"
)

func ownGroup(*exec.Cmd) {}

func deafen() {}

func lockFile(*os.File) error { return ErrPlatform }

func freeBytes(string) (uint64, error) { return 0, ErrPlatform }
