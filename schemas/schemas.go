// Package schemas is how ugc writes its records: Avro in the Confluent wire format, one .avsc file for each record. It maps wire to domain and
// back, and is the only package that knows an Avro library.
//
// A record of today's schema is read and written by hand in the order of its fields, without reflection; golden bytes and a second,
// schema-driven reader hold text and code together. A record of another version is first resolved to today's.
package schemas

import (
	"embed"
	"fmt"
	"slices"
	"sync"

	"github.com/hamba/avro/v2"

	"ugc/schemas/topics"
)

//go:embed *.avsc
var files embed.FS

// Kind says what a record is for.
type Kind uint8

// The kinds.
const (
	Command Kind = iota + 1
	Event
	TableValue
	DeadLetterValue
)

var kindNames = [...]string{Command: "command", Event: "event", TableValue: "table", DeadLetterValue: "dead letter"}

// String names the kind for people.
func (k Kind) String() string {
	if int(k) < len(kindNames) && kindNames[k] != "" {
		return kindNames[k]
	}
	return "unknown"
}

// Schema is one record type of this version.
type Schema struct {
	Name    string // full name, such as ugc.playback.RecordPlayback
	Subject string // where the registry keeps its versions: topic, hyphen, full name
	File    string // of this package
	Text    string // as in the file
	Kind    Kind
	Topic   topics.Topic // where it is written first
}

// All lists every record type: commands, events, tables, the dead letter.
func All() []Schema { return slices.Clone(list[:]) }

func schema(file, name string, kind Kind, topic topics.Topic) Schema {
	file += ".avsc"
	text, err := files.ReadFile(file)
	if err != nil {
		panic("schemas: " + err.Error()) // the files are embedded; a test opens them all
	}
	return Schema{Name: name, Subject: topic.Name + "-" + name, File: file, Text: string(text), Kind: kind, Topic: topic}
}

// parsed are today's schemas as the Avro library sees them; only resolving and checking needs them.
var parsed = sync.OnceValue(func() (out [records]avro.Schema) {
	for i, s := range list {
		p, err := parse(s.Text)
		if err != nil {
			panic(fmt.Sprintf("schemas: %s: %v", s.File, err))
		}
		out[i] = p
	}
	return out
})

// parse reads a schema on its own: the library's default cache would make names of one text known in the next.
func parse(text string) (avro.Schema, error) {
	return avro.ParseWithCache(text, "", &avro.SchemaCache{})
}
