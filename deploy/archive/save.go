package archive

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"ugc/domain"
)

// Registry says what an id of a schema means; *domain.Error of kind NotFound for one that means nothing. schemas.Registry is one.
type Registry interface {
	SchemaByID(ctx context.Context, id int) (text string, err error)
}

// SaveOptions say what to copy to where. All but Progress are required.
type SaveOptions struct {
	Dir      string
	Topics   []string
	Kafka    []kgo.Opt
	Registry Registry
	Epoch    int16 // of the topics
	// Progress is told how many records of a topic's partition, or of all, are done; nil: nobody is.
	Progress func(stage string, done, total int64)

	create func(string) (file, error) // for tests
}

// Save copies what the topics hold when it begins, committed records only, into a folder that is empty or not there. A service may go on writing meanwhile. When it
// returns without an error the whole copy is on the disk; with one the folder is as it was before, and saving again is safe. A process that is killed leaves files behind, which neither
// Save nor Restore takes for a copy.
func Save(ctx context.Context, o SaveOptions) (*Manifest, error) {
	if o.Progress == nil {
		o.Progress = func(string, int64, int64) {}
	}
	client, err := kgo.NewClient(o.Kafka...)
	if err != nil {
		return nil, fmt.Errorf("configure Kafka clients: %w", err)
	}
	defer client.Close()
	adm := kadm.NewClient(client)
	held := make([][]span, len(o.Topics)) // of all topics before the first is read
	for i, t := range o.Topics {
		if held[i], err = spans(ctx, adm, t); err != nil {
			return nil, err
		}
	}
	out, err := newFolder(o.Dir, o.create)
	if err != nil {
		return nil, err
	}
	s := saving{SaveOptions: o, folder: out, meanings: newMeanings(o.Registry), manifest: &Manifest{Form: form, Saved: time.Now().UTC().Truncate(time.Second), Epoch: o.Epoch}}
	if err := s.all(ctx, held); err != nil {
		if left := out.discard(); left != nil {
			err = fmt.Errorf("%w\nwhat was written cannot be taken away, delete %s: %w", err, o.Dir, left)
		}
		return nil, err
	}
	return s.manifest, nil
}

// saving is one Save under way.
type saving struct {
	SaveOptions
	folder   *folder
	meanings *meanings
	manifest *Manifest
}

// all lets the effects happen in this order: 1 the files, 2 the manifest, 3 the sums.
func (s *saving) all(ctx context.Context, held [][]span) error {
	total, done := int64(0), int64(0)
	for _, parts := range held {
		for _, p := range parts {
			total += p.next - p.first
		}
	}
	for i, topic := range s.Topics {
		for p, part := range held[i] {
			f, err := s.partition(ctx, topic, int32(p), part, func(next int64) { s.Progress("save "+topic, done+next-part.first, total) })
			if err != nil {
				return err
			}
			done += part.next - part.first
			s.manifest.Files = append(s.manifest.Files, f)
		}
	}
	if s.manifest.Schemas = s.meanings.known(); len(s.manifest.Schemas) == 0 && len(s.meanings.nothing) > 0 {
		return errors.New("the registry knows none of the schema ids in the records: name the one that they were written with by UGC_REGISTRY")
	}
	text, err := json.MarshalIndent(s.manifest, "", "  ")
	if err != nil {
		return fmt.Errorf("write %s: %w", manifestName, err)
	}
	if err := s.folder.write(manifestName, func(w io.Writer) error { _, err := w.Write(append(text, '\n')); return err }); err != nil {
		return err
	}
	return s.folder.seal()
}

func (s *saving) partition(ctx context.Context, topic string, partition int32, part span, reached func(int64)) (File, error) {
	f := File{Name: fileName(topic, partition), Topic: topic, Partition: partition, First: part.first, Next: part.next}
	err := s.folder.write(f.Name, func(w io.Writer) error {
		encoder, err := newEncoder(w, topic, partition)
		if err != nil {
			return err
		}
		var rec record
		err = read(ctx, s.Kafka, topic, partition, part, func(r *kgo.Record) error {
			rec.from(r)
			f.Records++
			return errors.Join(s.meanings.note(ctx, r.Value), encoder.Encode(&rec))
		}, reached)
		return errors.Join(err, encoder.Close())
	})
	return f, err
}

// meanings gathers what the ids in values mean.
type meanings struct {
	registry Registry
	texts    map[uint32]string
	nothing  map[uint32]bool // ids that the registry does not know
}

// maxNothing bounds the memory of ids that mean nothing: whoever writes such records may use any.
const maxNothing = 1 << 16

func newMeanings(r Registry) *meanings {
	return &meanings{registry: r, texts: map[uint32]string{}, nothing: map[uint32]bool{}}
}

func (m *meanings) note(ctx context.Context, value []byte) error {
	id, ok := schemaID(value)
	if !ok || m.nothing[id] {
		return nil
	}
	if _, known := m.texts[id]; known {
		return nil
	}
	text, found, err := meaning(ctx, m.registry, id)
	switch {
	case err != nil:
		return err
	case found:
		m.texts[id] = text
	case len(m.nothing) < maxNothing:
		m.nothing[id] = true
	}
	return nil
}

func (m *meanings) known() []Schema {
	out := make([]Schema, 0, len(m.texts))
	for id, text := range m.texts {
		out = append(out, Schema{id, text})
	}
	slices.SortFunc(out, func(a, b Schema) int { return int(int64(a.ID) - int64(b.ID)) })
	return out
}

// meaning asks what an id means; found is false for one that means nothing.
func meaning(ctx context.Context, r Registry, id uint32) (text string, found bool, err error) {
	ctx, cancel := context.WithTimeout(ctx, answerWithin)
	defer cancel()
	text, err = r.SchemaByID(ctx, int(id))
	if err != nil && domain.KindOf(err) == domain.NotFound {
		return "", false, nil
	}
	if err != nil {
		return "", false, fmt.Errorf("what the schema id %d means: %w", id, err)
	}
	return text, true, nil
}
