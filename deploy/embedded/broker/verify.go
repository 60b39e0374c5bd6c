package broker

import (
	"encoding/binary"
	"fmt"
	"os"
)

// wholeBehind says whether a whole batch stands behind the bytes of a segment that were read: then they end in damage, and not in what a kill tore.
func wholeBehind(path string, valid int64) (bool, error) {
	raw, err := os.ReadFile(path) // 32 MiB and one batch at most, and only where something is wrong
	if err != nil {
		return false, err
	}
	next := int64(0)
	for at := int64(0); at < valid; {
		b := batch(raw[at:])
		next = b.lastOffset() + 1
		at += batchPrefix + int64(int32(binary.BigEndian.Uint32(b[8:])))
	}
	for rest := raw[min(valid+1, int64(len(raw))):]; len(rest) >= batchHeader; rest = rest[1:] {
		length := int64(int32(binary.BigEndian.Uint32(rest[8:])))
		if rest[16] != 2 || length < batchHeader-batchPrefix || length+batchPrefix > int64(len(rest)) {
			continue
		}
		if b := batch(rest[:batchPrefix+length]); b.firstOffset() >= next && b.whole() {
			return true, nil
		}
	}
	return false, nil
}

// verifySegment reads a segment of a log that ended in order, where nothing is torn: kfake would cut a changed byte off, with all that lies behind it, and
// say nothing.
func verifySegment(path string) error {
	info, err := os.Stat(path)
	if err != nil {
		return err
	}
	valid, err := readSegment(path, func(batch) error { return nil })
	if err != nil || valid == info.Size() {
		return err
	}
	return errDamaged(path, valid)
}

func errDamaged(path string, at int64) error {
	return fmt.Errorf("%s is damaged at byte %d, which the end of a process can't do (a power cut can, where writes are not synced); restore the file from a backup, or delete what lies behind that byte to go on without those records", path, at)
}
