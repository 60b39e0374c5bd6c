package broker

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
)

// A partition is replaced in these steps, each of which can be the last before a kill:
//  1. the new one is written to <dir>.new
//  2. <dir>.new/READY says that it is whole
//  3. <dir> becomes <dir>.old
//  4. <dir>.new becomes <dir>
//  5. <dir>.old and READY go
//
// No partition has such a name: they end in a number.
func swapNew(dir string) string { return dir + ".new" }
func swapOld(dir string) string { return dir + ".old" }

const swapReady = "READY"

// commitSwap is step 2: from here on the new partition counts.
func commitSwap(dir string) error {
	return writeFile(filepath.Join(swapNew(dir), swapReady), nil)
}

// settleSwap goes on from wherever the steps ended. Where there is no swap it does nothing.
func settleSwap(dir string) error {
	if there(filepath.Join(swapNew(dir), swapReady)) {
		if there(dir) && !there(swapOld(dir)) {
			if err := os.Rename(dir, swapOld(dir)); err != nil {
				return err
			}
		}
		if err := os.Rename(swapNew(dir), dir); err != nil {
			return err
		}
		if err := syncDir(filepath.Dir(dir)); err != nil {
			return err
		}
	}
	if err := os.RemoveAll(swapNew(dir)); err != nil {
		return err
	}
	if !there(dir) && there(swapOld(dir)) {
		// Not a state that the steps pass through, but records are records.
		return os.Rename(swapOld(dir), dir)
	}
	if err := os.RemoveAll(swapOld(dir)); err != nil {
		return err
	}
	if err := os.Remove(filepath.Join(dir, swapReady)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

func there(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}
