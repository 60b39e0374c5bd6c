package broker

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"os"
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// batch is one record batch of a segment file as it lies there: Kafka's wire form, version 2.
type batch []byte

const (
	batchPrefix = 12 // offset and length
	batchHeader = 61
	maxBatch    = 1 << 30 // what kfake takes for damage
)

func (b batch) firstOffset() int64    { return int64(binary.BigEndian.Uint64(b)) }
func (b batch) leaderEpoch() int32    { return int32(binary.BigEndian.Uint32(b[12:])) }
func (b batch) attributes() uint16    { return binary.BigEndian.Uint16(b[21:]) }
func (b batch) lastDelta() int32      { return int32(binary.BigEndian.Uint32(b[23:])) }
func (b batch) lastOffset() int64     { return b.firstOffset() + int64(b.lastDelta()) }
func (b batch) firstTimestamp() int64 { return int64(binary.BigEndian.Uint64(b[27:])) }
func (b batch) maxTimestamp() int64   { return int64(binary.BigEndian.Uint64(b[35:])) }
func (b batch) producer() int64       { return int64(binary.BigEndian.Uint64(b[43:])) }
func (b batch) producerEpoch() int16  { return int16(binary.BigEndian.Uint16(b[51:])) }
func (b batch) firstSequence() int32  { return int32(binary.BigEndian.Uint32(b[53:])) }
func (b batch) records() int32        { return int32(binary.BigEndian.Uint32(b[57:])) }

// transactional covers the markers of transactions too.
func (b batch) transactional() bool { return b.attributes()&0x30 != 0 }

func (b batch) whole() bool {
	return len(b) >= batchHeader && b[16] == 2 && binary.BigEndian.Uint32(b[17:]) == crc32.Checksum(b[21:], castagnoli)
}

// readSegment calls visit for every whole batch of a segment file, in order, and returns how many bytes they are. What
// follows them is torn. A batch is valid until visit returns.
//
// A batch whose offset lies before the end of the one ahead of it is torn too: kfake never writes such a one.
func readSegment(path string, visit func(batch) error) (valid int64, err error) {
	f, err := os.Open(path)
	if err != nil {
		return 0, err
	}
	defer f.Close()
	r := bufio.NewReaderSize(f, 1<<20)
	var prefix [batchPrefix]byte
	var buf []byte
	var next int64
	for {
		if _, err := io.ReadFull(r, prefix[:]); err != nil {
			return valid, torn(err)
		}
		length := int64(int32(binary.BigEndian.Uint32(prefix[8:])))
		if length < batchHeader-batchPrefix || length > maxBatch {
			return valid, nil
		}
		// Grown by what is there, not by what a torn length claims.
		b := bytes.NewBuffer(buf[:0])
		b.Write(prefix[:])
		n, err := io.CopyN(b, r, length)
		buf = b.Bytes()
		if err != nil || n < length {
			return valid, torn(err)
		}
		if !batch(buf).whole() || batch(buf).firstOffset() < next {
			return valid, nil
		}
		next = batch(buf).lastOffset() + 1
		if err := visit(buf); err != nil {
			return valid, err
		}
		valid += batchPrefix + length
	}
}

func torn(err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return nil
	}
	return err
}

// cut ends a file after so many bytes and says whether there was more.
func cut(path string, size int64) (bool, error) {
	info, err := os.Stat(path)
	if err != nil || info.Size() <= size {
		return false, err
	}
	f, err := os.OpenFile(path, os.O_WRONLY, 0)
	if err != nil {
		return false, err
	}
	return true, errors.Join(f.Truncate(size), f.Sync(), f.Close())
}

// mendIndex makes a segment's index file as long as it has batches; what it holds of a batch without transactions is its leader epoch.
func mendIndex(path string, epochs []int32) error {
	const entry = 15
	raw, err := os.ReadFile(path)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	good := 0
	for good < len(epochs) && (good+1)*entry <= len(raw) && indexEntryWhole(raw[good*entry:(good+1)*entry]) {
		good++
	}
	if good == len(epochs) && len(raw) == good*entry {
		return nil
	}
	raw = raw[:good*entry]
	for _, e := range epochs[good:] {
		raw = append(raw, indexEntry(e)...)
	}
	return writeFile(path, raw)
}

func indexEntry(epoch int32) []byte {
	e := make([]byte, 15)
	e[0] = formatVersion
	binary.LittleEndian.PutUint32(e[2:], uint32(epoch))
	e[1] = byte(crc32.Checksum(e[2:], castagnoli))
	return e
}

func indexEntryWhole(e []byte) bool { return e[1] == byte(crc32.Checksum(e[2:], castagnoli)) }

// mendFramed cuts the torn tail off one of kfake's framed logs, which it would otherwise append to and never read past:
// [length][checksum][version and data].
func mendFramed(path string) (cutOff bool, err error) {
	raw, err := os.ReadFile(path)
	if errors.Is(err, os.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	pos := 0
	for pos+10 <= len(raw) {
		n := int(binary.LittleEndian.Uint32(raw[pos:]))
		if n < 2 || n > len(raw)-pos-8 || crc32.Checksum(raw[pos+8:pos+8+n], castagnoli) != binary.LittleEndian.Uint32(raw[pos+4:]) {
			break
		}
		pos += 8 + n
	}
	cutOff, err = cut(path, int64(pos))
	if err != nil {
		return false, fmt.Errorf("mend %s: %w", path, err)
	}
	return cutOff, nil
}
