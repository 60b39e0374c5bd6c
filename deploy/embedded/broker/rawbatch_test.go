package broker_test

import (
	"encoding/binary"
	"hash/crc32"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// rawBatch is a batch of one record as an idempotent producer numbers it.
func rawBatch(producer int64, epoch int16, seq int32) []byte {
	rec := kmsg.NewRecord()
	rec.Value = []byte("v")
	body := rec.AppendTo(nil)
	rec.Length = int32(len(body) - 1)
	now := time.Now().UnixMilli()
	b := kmsg.NewRecordBatch()
	b.Magic, b.NumRecords = 2, 1
	b.ProducerID, b.ProducerEpoch, b.FirstSequence = producer, epoch, seq
	b.FirstTimestamp, b.MaxTimestamp = now, now
	b.Records = rec.AppendTo(nil)
	raw := b.AppendTo(nil)
	binary.BigEndian.PutUint32(raw[8:], uint32(len(raw)-12))
	binary.BigEndian.PutUint32(raw[17:], crc32.Checksum(raw[21:], crc32.MakeTable(crc32.Castagnoli)))
	return raw
}
