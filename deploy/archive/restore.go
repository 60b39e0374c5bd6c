package archive

import (
	"bufio"
	"cmp"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"ugc/domain"
)

// RestoreOptions say what to write to where. All but Progress are required.
type RestoreOptions struct {
	Dir      string
	Topics   []string // that are written
	New      []string // topics that must hold nothing, those among them
	Groups   []string // that must not be at work
	Kafka    []kgo.Opt
	Registry Registry
	Epoch    int16 // of the new topics, greater than that of the folder
	// Progress is told how far it is; nil: nobody is.
	Progress func(stage string, done, total int64)

	stall time.Duration // for tests: how long a chunk may take; 0 is stallAfter
}

// Restored is what Restore wrote.
type Restored struct {
	Topics    []Written
	Misplaced int64 // records of Topics that had lain in a partition which is not their key's, and do again
}

// Written is what a topic was given.
type Written struct {
	Topic      string
	Before     int32   // partitions that it had
	Partitions []int64 // records in each
}

// ErrIncomplete is in the chain of an error that came when the first record was on its way: the topics then hold a part of the log, from which nothing may be made.
var ErrIncomplete = errors.New("the topics hold a part of the log")

// Restore writes a folder's records into new topics: each by its key into the partition where the house looks for it, the records of one user in their order. It changes
// nothing before it has found every file whole, every schema id to mean in the registry what it meant, and all topics new. It is done when every replica in sync has
// every record. After an error with ErrIncomplete the topics have to be deleted and made anew before the next try.
func Restore(ctx context.Context, o RestoreOptions) (*Restored, error) {
	if o.Progress == nil {
		o.Progress = func(string, int64, int64) {}
	}
	m, err := openFolder(ctx, o.Dir, o.Topics, func(done, total int64) { o.Progress("check files", done, total) })
	if err != nil {
		return nil, err
	}
	if o.Epoch <= m.Epoch {
		return nil, fmt.Errorf("the folder is of epoch %d: offsets are given anew, so versions would run backwards; set UGC_KAFKA_EPOCH to %d, here and for all roles", m.Epoch, m.Epoch+1)
	}
	if err := sameMeanings(ctx, o.Registry, m.Schemas); err != nil {
		return nil, err
	}
	client, err := kgo.NewClient(append(append([]kgo.Opt{}, o.Kafka...),
		kgo.RecordPartitioner(kgo.ManualPartitioner()),
		kgo.RecordDeliveryTimeout(0))...) // it would count from the record's own time, which is long ago
	if err != nil {
		return nil, fmt.Errorf("configure Kafka clients: %w", err)
	}
	defer client.Close()
	adm := kadm.NewClient(client)
	if err := inUse(ctx, adm, o.New, o.Groups); err != nil {
		return nil, fmt.Errorf("%w\ndelete all topics of `ugc topology`, run `ugc init`, and restore into those", err)
	}
	r := restoring{o: o, client: client, total: m.Records(), written: &Restored{}}
	for _, t := range o.Topics {
		parts, err := spans(ctx, adm, t)
		if err != nil {
			return nil, err
		}
		r.written.Topics = append(r.written.Topics, Written{Topic: t, Before: m.Partitions(t), Partitions: make([]int64, len(parts))})
	}
	for _, f := range m.Files {
		if err := r.file(ctx, f); err != nil {
			if r.begun {
				err = fmt.Errorf("%w after %d of %d records: %w", ErrIncomplete, r.done, r.total, err)
			}
			return nil, err
		}
	}
	return r.written, nil
}

// sameMeanings holds what ids meant against what they mean.
func sameMeanings(ctx context.Context, r Registry, schemas []Schema) error {
	var errs []error
	for _, s := range schemas {
		text, found, err := meaning(ctx, r, s.ID)
		switch {
		case err != nil:
			return err
		case !found:
			errs = append(errs, fmt.Errorf("the registry does not know the schema id %d, which is in the records", s.ID))
		case !sameSchema(text, s.Schema):
			errs = append(errs, fmt.Errorf("the schema id %d, which is in the records, means another schema in this registry", s.ID))
		}
	}
	if len(errs) > 0 {
		errs = append(errs, errors.New("use the registry that the records were written with, or restore it first"))
	}
	return errors.Join(errs...)
}

// Records are sent in chunks, each when every replica in sync has the one before: that bounds the memory, and what a failure leaves open.
const (
	chunkRecords = 10_000
	chunkBytes   = 8 << 20
)

// restoring is one Restore under way.
type restoring struct {
	o       RestoreOptions
	client  *kgo.Client
	total   int64
	done    int64
	begun   bool // something may have been written
	written *Restored
}

func (r *restoring) file(ctx context.Context, f File) error {
	in, err := os.Open(filepath.Join(r.o.Dir, f.Name))
	if err != nil {
		return err
	}
	defer func() { _ = in.Close() }()
	decoder, err := newDecoder(bufio.NewReaderSize(in, 1<<18))
	if err != nil {
		return fmt.Errorf("read %s: %w", f.Name, err)
	}
	defer func() { _ = decoder.Close() }()
	var chunk []*kgo.Record
	to, size, n := r.topic(f.Topic), 0, int64(0)
	flush := func() error {
		err := r.send(ctx, to, chunk)
		chunk, size = chunk[:0], 0
		return err
	}
	for decoder.HasNext() {
		var rec record
		if err := decoder.Decode(&rec); err != nil {
			return fmt.Errorf("read %s: %w", f.Name, err)
		}
		n++
		chunk = append(chunk, r.place(rec.kafka(f.Topic), f, to))
		if size += rec.size(); len(chunk) == chunkRecords || size >= chunkBytes {
			if err := flush(); err != nil {
				return err
			}
		}
	}
	if err := decoder.Error(); err != nil {
		return fmt.Errorf("read %s: %w", f.Name, err)
	}
	if n != f.Records {
		return fmt.Errorf("%s holds %d records, and %d by %s", f.Name, n, f.Records, manifestName)
	}
	return flush()
}

func (r *restoring) topic(name string) *Written {
	for i := range r.written.Topics {
		if t := &r.written.Topics[i]; t.Topic == name {
			return t
		}
	}
	panic("archive: a file of a topic that nobody asked for") // parseManifest refuses it
}

// place gives a record its partition. One that lay where its key does not belong was set aside by the processors, and must be again: it stood in no
// order with the others of its user. Where there is no other partition it goes without its key, which is set aside as well; what it holds stays.
func (r *restoring) place(k *kgo.Record, f File, to *Written) *kgo.Record {
	n := int32(len(to.Partitions))
	k.Partition = domain.PartitionOf(k.Key, n)
	if domain.PartitionOf(k.Key, to.Before) != f.Partition {
		r.written.Misplaced++
		if k.Partition = (k.Partition + 1) % n; n == 1 {
			k.Key = nil
		}
	}
	return k
}

// send writes a chunk and waits until every replica in sync has it.
func (r *restoring) send(ctx context.Context, to *Written, chunk []*kgo.Record) error {
	if len(chunk) == 0 {
		return nil
	}
	within := cmp.Or(r.o.stall, stallAfter)
	ctx, cancel := context.WithTimeoutCause(ctx, within, &domain.Error{Kind: domain.Unavailable, Message: fmt.Sprintf("the broker did not confirm records within %s", within)})
	defer cancel()
	r.begun = true
	settled := make(chan error, len(chunk))
	for _, k := range chunk {
		r.client.Produce(ctx, k, func(_ *kgo.Record, err error) { settled <- err })
	}
	for range chunk {
		select {
		case err := <-settled:
			if err != nil && ctx.Err() != nil {
				err = context.Cause(ctx)
			}
			if err != nil {
				return fmt.Errorf("write %s: %w", to.Topic, err)
			}
		case <-ctx.Done(): // a record whose answer is missing settles only when the broker is back
			return fmt.Errorf("write %s: %w", to.Topic, context.Cause(ctx))
		}
	}
	for _, k := range chunk {
		to.Partitions[k.Partition]++
	}
	r.done += int64(len(chunk))
	r.o.Progress("restore "+to.Topic, r.done, r.total)
	return nil
}

// schemaID is the id in a value in the Confluent wire format.
func schemaID(value []byte) (id uint32, ok bool) {
	if len(value) < 5 || value[0] != 0 {
		return 0, false
	}
	return binary.BigEndian.Uint32(value[1:]), true
}
