package schemas

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/hamba/avro/v2"
	"github.com/stretchr/testify/require"

	"ugc/domain"
)

// shelf is a registry in memory that only gives out texts.
type shelf map[int]string

func (s shelf) Name() string                                          { return "shelf" }
func (s shelf) RequireCompatibility(context.Context, string) error    { return nil }
func (s shelf) Compatibility(context.Context, string) (string, error) { return fullTransitive, nil }
func (s shelf) Versions(context.Context, string) ([]string, error)    { return nil, nil }
func (s shelf) Register(context.Context, string, string) (int, error) { return 0, nil }
func (s shelf) Find(context.Context, string, string) (int, error)     { return 0, nil }
func (s shelf) SchemaByID(_ context.Context, id int) (string, error) {
	if text, ok := s[id]; ok {
		return text, nil
	}
	return "", domain.Wrap(domain.NotFound, "shelf", nil)
}

// codecFor knows other versions' schemas by these ids.
func codecFor(texts shelf) *Codec {
	var ids [records]uint32
	for i := range ids {
		ids[i] = uint32(i) + 1
	}
	o := Options{Registry: texts}.withDefaults()
	return newCodec(ids, newWriters(o, openCache("", "shelf", o.Log)))
}

// writtenBy gives the bytes of a sample as a program with the other schema would have written them, under id 1000. change may edit the value.
func writtenBy(t *testing.T, i int, text string, change func(map[string]any)) []byte {
	b, err := wires()[i].encode(Offline())
	require.NoError(t, err)
	var value map[string]any
	require.NoError(t, generic.Unmarshal(parsed()[i], b[headerSize:], &value))
	if change != nil {
		change(value)
	}
	s, err := parse(text)
	require.NoError(t, err)
	body, err := newGeneric().Marshal(s, value)
	require.NoError(t, err)
	return append([]byte{0, 0, 0, 0x03, 0xe8}, body...)
}

// byLibrary brings a value to today's schema as the Avro library does it.
func byLibrary(t *testing.T, r record, text string, body []byte) []byte {
	s, err := parse(text)
	require.NoError(t, err)
	resolved, err := avro.NewSchemaCompatibility().Resolve(parsed()[r], s)
	require.NoError(t, err)
	var value any
	require.NoError(t, newGeneric().Unmarshal(resolved, body, &value))
	out, err := newGeneric().Marshal(parsed()[r], value)
	require.NoError(t, err)
	canonical, err := reblock(parsed()[r], out)
	require.NoError(t, err)
	return canonical
}

// reblock writes arrays the way that we do: one block, without its size.
func reblock(s avro.Schema, body []byte) ([]byte, error) {
	same, err := plan(s, s)
	if err != nil {
		return nil, err
	}
	c := cursor{b: body, of: len(body)}
	out := same(nil, &c)
	return out, c.end()
}

// edit changes a schema as parsed JSON.
func edit(t *testing.T, text string, change func(record map[string]any)) string {
	var tree map[string]any
	require.NoError(t, json.Unmarshal([]byte(text), &tree))
	change(tree)
	out, err := json.Marshal(tree)
	require.NoError(t, err)
	return string(out)
}

// eachRecord visits a record and all records within it.
func eachRecord(tree any, visit func(map[string]any)) {
	switch n := tree.(type) {
	case []any:
		for _, x := range n {
			eachRecord(x, visit)
		}
	case map[string]any:
		for _, x := range n {
			eachRecord(x, visit)
		}
		if n["type"] == "record" {
			visit(n)
		}
	}
}

// A later version adds fields of every shape, everywhere, and moves others about: today's code reads what it wrote and leaves out what it does not know.
func TestRecordsOfALaterVersionAreRead(t *testing.T) {
	for i, s := range All() {
		t.Run(s.Name, func(t *testing.T) {
			n := 0
			extra := map[string]any{}
			later := edit(t, s.Text, func(tree map[string]any) {
				eachRecord(tree, func(r map[string]any) {
					add := func(typ any, def, value any) map[string]any {
						n++
						name := fmt.Sprintf("later_%d", n)
						extra[name] = value
						return map[string]any{"name": name, "type": typ, "default": def}
					}
					fields := []any{
						add("string", "", "x"),
						add(map[string]any{"type": "array", "items": "long"}, []any{}, []any{int64(1), int64(2)}),
						add(map[string]any{"type": "map", "values": "double"}, map[string]any{}, map[string]any{"a": 1.5}),
						add([]any{"null", "string"}, nil, map[string]any{"string": "there"}),
					}
					for j, f := range r["fields"].([]any) {
						fields = append(fields, f)
						if j%3 == 0 {
							fields = append(fields, add("boolean", false, true), add("float", 0, float32(2)))
						}
					}
					r["fields"] = fields
				})
			})
			require.NoError(t, Compatible(s.Text, later))
			b := writtenBy(t, i, later, func(value map[string]any) { deepAdd(value, extra) })
			got, err := wires()[i].decode(codecFor(shelf{1000: later}), b)
			require.NoError(t, err)
			require.Equal(t, wires()[i].sample, got)
		})
	}
}

// deepAdd puts the extra fields into every record of a value; those a record's schema does not name are not written.
func deepAdd(value any, extra map[string]any) {
	switch v := value.(type) {
	case []any:
		for _, x := range v {
			deepAdd(x, extra)
		}
	case map[string]any:
		for _, x := range v {
			deepAdd(x, extra)
		}
		if len(v) > 1 { // a map of one is a branch of a union
			maps.Copy(v, extra)
		}
	}
}

// namedTypes are the types that a text defines, by full name.
func namedTypes(text string) map[string]any {
	defs := map[string]any{}
	var walk func(any)
	walk = func(n any) {
		switch n := n.(type) {
		case []any:
			for _, x := range n {
				walk(x)
			}
		case map[string]any:
			if ns, ok := n["namespace"].(string); ok {
				defs[ns+"."+n["name"].(string)] = n
			}
			for _, x := range n {
				walk(x)
			}
		}
	}
	var tree any
	_ = json.Unmarshal([]byte(text), &tree)
	walk(tree)
	return defs
}

// redefine puts definitions where a name is used first, and names where it is used again.
func redefine(n any, defs map[string]any, seen map[string]bool) any {
	switch n := n.(type) {
	case string:
		if def, ok := defs[n]; ok && !seen[n] {
			return redefine(def, defs, seen)
		}
	case []any:
		for i := range n {
			n[i] = redefine(n[i], defs, seen)
		}
	case map[string]any:
		if ns, ok := n["namespace"].(string); ok {
			name := ns + "." + n["name"].(string)
			if seen[name] {
				return name
			}
			seen[name] = true
		}
		for _, at := range []string{"items", "fields", "type"} {
			if n[at] != nil {
				n[at] = redefine(n[at], defs, seen)
			}
		}
	}
	return n
}

// An older version lacked every field that has a default: they read as "not given".
func TestRecordsOfAnOlderVersionAreRead(t *testing.T) {
	drop := func(text string) string {
		return edit(t, text, func(tree map[string]any) {
			var kept []any
			for _, f := range tree["fields"].([]any) {
				if _, optional := f.(map[string]any)["default"]; !optional {
					kept = append(kept, f)
				}
			}
			tree["fields"] = kept
			redefine(tree, namedTypes(text), map[string]bool{})
		})
	}
	bare := func(n byte) domain.Fact {
		f := sampleFact(n)
		return domain.Fact{ID: f.ID, User: f.User, Movie: f.Movie, ReceivedAt: f.ReceivedAt}
	}
	withOrigin := func(f domain.Fact, n byte) domain.Fact { f.Origin = sampleOrigin(n); return f }
	want := map[string]any{
		"ugc.playback.RecordPlayback":   &domain.RecordPlayback{Fact: bare(1), Type: domain.Seek},
		"ugc.playback.RecordViewing":    &domain.RecordViewing{Fact: bare(2)},
		"ugc.playback.TouchPlayback":    &domain.TouchPlayback{Fact: bare(3)},
		"ugc.feedback.SetLike":          &domain.SetLike{Fact: bare(4)},
		"ugc.feedback.ClearLike":        &domain.ClearLike{Fact: bare(5)},
		"ugc.feedback.SetBookmark":      &domain.SetBookmark{Fact: bare(6)},
		"ugc.feedback.ClearBookmark":    &domain.ClearBookmark{Fact: bare(7)},
		"ugc.feedback.SetRating":        &domain.SetRating{Fact: bare(8), Score: 9},
		"ugc.feedback.ClearRating":      &domain.ClearRating{Fact: bare(9)},
		"ugc.feedback.TouchFeedback":    &domain.TouchFeedback{Fact: bare(10)},
		"ugc.playback.PlaybackRecorded": &domain.PlaybackRecorded{RecordPlayback: domain.RecordPlayback{Fact: withOrigin(bare(1), 1), Type: domain.Seek}, Verdict: domain.Stale, After: sampleViewing(), Rules: domain.PublishedRules},
		"ugc.playback.ViewingRecorded":  &domain.ViewingRecorded{RecordViewing: domain.RecordViewing{Fact: withOrigin(bare(2), 2)}, Verdict: domain.Duplicate, After: sampleViewing(), Rules: domain.PublishedRules},
		"ugc.playback.PlaybackTouched":  &domain.PlaybackTouched{TouchPlayback: domain.TouchPlayback{Fact: withOrigin(bare(3), 3)}, After: sampleViewing(), Rules: domain.PublishedRules},
		"ugc.feedback.LikeSet":          &domain.LikeSet{SetLike: domain.SetLike{Fact: withOrigin(bare(4), 4)}, Change: sampleChange()},
		"ugc.feedback.LikeCleared":      &domain.LikeCleared{ClearLike: domain.ClearLike{Fact: withOrigin(bare(5), 5)}, Change: sampleChange()},
		"ugc.feedback.BookmarkSet":      &domain.BookmarkSet{SetBookmark: domain.SetBookmark{Fact: withOrigin(bare(6), 6)}, Change: sampleChange()},
		"ugc.feedback.BookmarkCleared":  &domain.BookmarkCleared{ClearBookmark: domain.ClearBookmark{Fact: withOrigin(bare(7), 7)}, Change: sampleChange()},
		"ugc.feedback.RatingSet":        &domain.RatingSet{SetRating: domain.SetRating{Fact: withOrigin(bare(8), 8), Score: 9}, Change: sampleChange()},
		"ugc.feedback.RatingCleared":    &domain.RatingCleared{ClearRating: domain.ClearRating{Fact: withOrigin(bare(9), 9)}, Change: sampleChange()},
		"ugc.feedback.FeedbackTouched":  &domain.FeedbackTouched{TouchFeedback: domain.TouchFeedback{Fact: withOrigin(bare(10), 10)}, Change: sampleChange()},
		"ugc.playback.PlaybackTable":    &Table[domain.PlaybackState]{Applied: samplePlaybackTable().Applied, State: samplePlaybackTable().State},
		"ugc.feedback.FeedbackTable": &Table[domain.FeedbackState]{Applied: 43,
			State: domain.FeedbackState{Opinions: sampleOpinions(), Seen: sampleFeedbackTable().State.Seen}},
		"ugc.movies.MoviesTable": &Table[domain.MovieState]{Applied: 44, State: sampleMoviesTable().State},
		"ugc.DeadLetter": &DeadLetter{ID: sampleID(1), Topic: "ugc.playback.commands.v1", Partition: 3, Offset: 99, Timestamp: 1_750_000_000_000,
			Step: "streams/playback", Reason: "undecodable", At: 1_750_000_000_001},
	}
	for i, s := range All() {
		t.Run(s.Name, func(t *testing.T) {
			older := drop(s.Text)
			require.NoError(t, Compatible(s.Text, older))
			got, err := wires()[i].decode(codecFor(shelf{1000: older}), writtenBy(t, i, older, nil))
			require.NoError(t, err)
			require.Equal(t, want[s.Name], got)
		})
	}
}

func TestEnumsOfAnotherVersion(t *testing.T) {
	text := All()[recordPlayback].Text
	later := strings.Replace(text, `"seek", "heartbeat"`, `"scrub", "heartbeat", "seek"`, 1)
	require.NotEqual(t, text, later)
	codec := codecFor(shelf{1000: later})

	got, err := codec.DecodeCommand(writtenBy(t, int(recordPlayback), later, nil))
	require.NoError(t, err)
	require.Equal(t, sampleCommands()[0], got, "a symbol is its name, not its place")

	_, err = codec.DecodeCommand(writtenBy(t, int(recordPlayback), later, func(v map[string]any) { v["type"] = "scrub" }))
	require.ErrorIs(t, err, ErrUndecodable)
	require.ErrorContains(t, err, "report type 0 is not one that this version knows", "what a reader does not know becomes its default")
	require.Equal(t, domain.Invalid, domain.KindOf(err))
}

func TestFieldsInAnotherOrder(t *testing.T) {
	for i, s := range All() {
		t.Run(s.Name, func(t *testing.T) {
			other := edit(t, s.Text, func(tree map[string]any) {
				slices.Reverse(tree["fields"].([]any))
				redefine(tree, namedTypes(s.Text), map[string]bool{})
			})
			b := writtenBy(t, i, other, nil)
			w, codec := wires()[i], codecFor(shelf{1000: other})
			got, err := w.decode(codec, b)
			require.NoError(t, err)
			require.Equal(t, w.sample, got)
			for cut := headerSize; cut < len(b); cut++ {
				_, err := w.decode(codec, b[:cut])
				require.ErrorIs(t, err, ErrUndecodable)
			}
		})
	}
}

func TestTypesThatBecomeOthers(t *testing.T) {
	for name, c := range map[string]struct {
		record record
		field  string
		typ    string
		value  any
		want   func(any) bool
	}{
		"int to long":     {recordPlayback, "sequence", `"int"`, 8, func(v any) bool { return v.(*domain.RecordPlayback).Sequence == 8 }},
		"int to double":   {recordPlayback, "rate", `"int"`, 2, func(v any) bool { return v.(*domain.RecordPlayback).Rate == 2 }},
		"long to double":  {recordPlayback, "rate", `"long"`, int64(3), func(v any) bool { return v.(*domain.RecordPlayback).Rate == 3 }},
		"float to double": {recordPlayback, "rate", `"float"`, float32(1.5), func(v any) bool { return v.(*domain.RecordPlayback).Rate == 1.5 }},
		"bytes to string": {recordPlayback, "device_id", `"bytes"`, []byte("tv2"), func(v any) bool { return v.(*domain.RecordPlayback).Device == "tv2" }},
		"string to bytes": {deadLetter, "value", `["null", "string"]`, map[string]any{"string": "hey"}, func(v any) bool { return string(v.(*DeadLetter).Value) == "hey" }},
		"value to union":  {recordPlayback, "from_position_ms", `"int"`, 5, func(v any) bool { return v.(*domain.RecordPlayback).From == domain.Some[domain.Millis](5) }},
		"union to value":  {recordPlayback, "sequence", `["int", "long"]`, map[string]any{"long": int64(9)}, func(v any) bool { return v.(*domain.RecordPlayback).Sequence == 9 }},
	} {
		t.Run(name, func(t *testing.T) {
			other := edit(t, All()[c.record].Text, func(tree map[string]any) {
				for _, f := range tree["fields"].([]any) {
					if f := f.(map[string]any); f["name"] == c.field {
						f["type"] = json.RawMessage(c.typ)
						delete(f, "default")
					}
				}
			})
			b := writtenBy(t, int(c.record), other, func(v map[string]any) { v[c.field] = c.value })
			got, err := wires()[c.record].decode(codecFor(shelf{1000: other}), b)
			require.NoError(t, err)
			require.True(t, c.want(got), "%+v", got)
		})
	}
}

func TestEveryDefaultIsKnown(t *testing.T) {
	var visit func(s avro.Schema)
	visit = func(s avro.Schema) {
		switch s := deref(s).(type) {
		case *avro.RecordSchema:
			for _, f := range s.Fields() {
				visit(f.Type())
				if !f.HasDefault() {
					continue
				}
				b, err := appendDefault(nil, f.Type(), f.Default())
				require.NoError(t, err, "%s.%s", s.FullName(), f.Name())
				c := cursor{b: b, of: len(b)}
				c.walk(f.Type())
				require.NoError(t, c.end(), "%s.%s", s.FullName(), f.Name())
			}
		case *avro.ArraySchema:
			visit(s.Items())
		case *avro.UnionSchema:
			for _, branch := range s.Types() {
				visit(branch)
			}
		}
	}
	for _, s := range parsed() {
		visit(s)
	}
}

func TestSchemasThatAreNotOurs(t *testing.T) {
	other := strings.Replace(All()[setRating].Text, `"name": "SetRating"`, `"name": "SetPrice"`, 1)
	unreadable := edit(t, All()[setRating].Text, func(tree map[string]any) {
		tree["fields"] = tree["fields"].([]any)[1:] // no event_id, which has no default
	})
	plus := func(typ string) string {
		return strings.Replace(All()[setRating].Text, `{"name": "score"`, `{"name": "more", "type": `+typ+`, "default": []}, {"name": "score"`, 1)
	}
	codec := codecFor(shelf{1000: other, 1001: unreadable, 1002: `"string"`, 1003: `{`, 1005: plus(`{"type": "array", "items": "null"}`),
		1006: plus(`{"type": "array", "items": {"type": "record", "name": "Nothing", "fields": []}}`), 1007: plus(`{"type": "array", "items": "ugc.feedback.SetRating"}`)})
	for id, says := range map[uint32]string{1000: "no record of ours is named ugc.feedback.SetPrice", 1001: "event_id", 1002: "no record but a string", 1003: "cannot be read",
		1005: "arrays of null, which take no bytes", 1006: "arrays of record, which take no bytes", 1007: "names itself"} {
		_, err := codec.DecodeCommand([]byte{0, 0, 0, byte(id >> 8), byte(id), 1, 2, 3})
		require.ErrorIs(t, err, ErrUnknownSchema)
		require.ErrorContains(t, err, says)
		require.Equal(t, domain.Invalid, domain.KindOf(err))
	}
}

// Lengths are what the sender says they are.
func TestHostileValuesOfAnotherVersion(t *testing.T) {
	later := edit(t, All()[touchPlayback].Text, func(tree map[string]any) {
		tree["fields"] = append([]any{
			map[string]any{"name": "list", "type": map[string]any{"type": "array", "items": "long"}, "default": []any{}},
			map[string]any{"name": "blob", "type": "bytes", "default": ""},
		}, tree["fields"].([]any)...)
	})
	codec := codecFor(shelf{1000: later})
	huge := []byte{0xfe, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01}  // 2^63-1
	least := []byte{0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01} // -2^63
	for name, body := range map[string][]byte{
		"endless list": huge, "least count": least, "huge blob": append([]byte{0}, huge...), "least blob": append([]byte{0}, least...), "nothing": nil,
	} {
		t.Run(name, func(t *testing.T) {
			_, err := codec.DecodeCommand(append([]byte{0, 0, 0, 0x03, 0xe8}, body...))
			require.ErrorIs(t, err, ErrUndecodable)
		})
	}
}
