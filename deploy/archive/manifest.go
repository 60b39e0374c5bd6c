package archive

import (
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"reflect"
	"time"
)

// The names of what is no partition's file.
const (
	manifestName = "manifest.json"
	sumsName     = "SHA256SUMS"
)

// form is the number of this form of folder.
const form = 1

// Manifest says what a folder holds.
type Manifest struct {
	Form    int       `json:"form"`
	Saved   time.Time `json:"saved"` // when it was begun
	Epoch   int16     `json:"epoch"` // of the topics that it was read from
	Files   []File    `json:"files"`
	Schemas []Schema  `json:"schemas"`
}

// File is what one file holds: the records of a partition.
type File struct {
	Name      string `json:"name"`
	Topic     string `json:"topic"`
	Partition int32  `json:"partition"`
	First     int64  `json:"first"` // the first offset that was there
	Next      int64  `json:"next"`  // the one after the last
	Records   int64  `json:"records"`
}

// Schema is what an id in the values meant. Ids that the registry did not know are not among them: records with those were set aside by whoever read them.
type Schema struct {
	ID     uint32 `json:"id"`
	Schema string `json:"schema"`
}

// Records is how many there are in all files.
func (m *Manifest) Records() (n int64) {
	for _, f := range m.Files {
		n += f.Records
	}
	return n
}

// Partitions is how many a topic had.
func (m *Manifest) Partitions(topic string) (n int32) {
	for _, f := range m.Files {
		if f.Topic == topic {
			n++
		}
	}
	return n
}

func fileName(topic string, partition int32) string {
	return fmt.Sprintf("%s-%d.avro", topic, partition)
}

// parseManifest reads the manifest of a folder, which must be that of exactly these topics.
func parseManifest(b []byte, topics []string) (*Manifest, error) {
	m := &Manifest{}
	if err := json.Unmarshal(b, m); err != nil {
		return nil, fmt.Errorf("%s: %w", manifestName, err)
	}
	if m.Form != form {
		return nil, fmt.Errorf("%s: this version of ugc reads folders of form %d, this one has form %d", manifestName, form, m.Form)
	}
	var errs []error
	next, wanted := map[string]int32{}, map[string]bool{}
	for _, t := range topics {
		wanted[t] = true
	}
	for _, f := range m.Files {
		switch {
		case !wanted[f.Topic]:
			errs = append(errs, fmt.Errorf("%s: the topic %s is no command topic", manifestName, f.Topic))
		case f.Name != fileName(f.Topic, f.Partition) || f.Name != filepath.Base(f.Name) || f.Partition != next[f.Topic]:
			errs = append(errs, fmt.Errorf("%s: %s cannot be the file of partition %d of %s", manifestName, f.Name, f.Partition, f.Topic))
		}
		next[f.Topic]++
	}
	for _, t := range topics {
		if next[t] == 0 {
			errs = append(errs, fmt.Errorf("%s: no file of the topic %s", manifestName, t))
		}
	}
	return m, errors.Join(errs...)
}

// sameSchema compares texts as JSON: registries may write one in their own way.
func sameSchema(a, b string) bool {
	var x, y any
	if json.Unmarshal([]byte(a), &x) != nil || json.Unmarshal([]byte(b), &y) != nil {
		return a == b
	}
	return reflect.DeepEqual(x, y)
}
