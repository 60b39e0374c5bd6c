package schemas

import (
	"testing"

	"github.com/hamba/avro/v2"
	"github.com/stretchr/testify/require"

	"ugc/domain"
)

// wire is one record type with a sample, as bytes and as value, so that tests can go over all of them.
type wire struct {
	name   string
	sample any
	encode func(*Codec) ([]byte, error)
	decode func(*Codec, []byte) (any, error)
}

func wires() (out []wire) {
	add := func(sample any, encode func(*Codec) ([]byte, error), decode func(*Codec, []byte) (any, error)) {
		out = append(out, wire{sample: sample, encode: encode, decode: decode})
	}
	for _, cmd := range sampleCommands() {
		add(cmd, func(c *Codec) ([]byte, error) { return c.EncodeCommand(cmd) }, func(c *Codec, b []byte) (any, error) { return c.DecodeCommand(b) })
	}
	for _, e := range sampleEvents() {
		add(e, func(c *Codec) ([]byte, error) { return c.EncodeEvent(e) }, func(c *Codec, b []byte) (any, error) { return c.DecodeEvent(b) })
	}
	p, f, m, d := samplePlaybackTable(), sampleFeedbackTable(), sampleMoviesTable(), sampleDeadLetter()
	add(p, func(c *Codec) ([]byte, error) { return c.EncodePlaybackTable(p) }, func(c *Codec, b []byte) (any, error) { return c.DecodePlaybackTable(b) })
	add(f, func(c *Codec) ([]byte, error) { return c.EncodeFeedbackTable(f) }, func(c *Codec, b []byte) (any, error) { return c.DecodeFeedbackTable(b) })
	add(m, func(c *Codec) ([]byte, error) { return c.EncodeMoviesTable(m) }, func(c *Codec, b []byte) (any, error) { return c.DecodeMoviesTable(b) })
	add(d, func(c *Codec) ([]byte, error) { return c.EncodeDeadLetter(d) }, func(c *Codec, b []byte) (any, error) { return c.DecodeDeadLetter(b) })
	for i := range out {
		out[i].name = All()[i].Name
	}
	return out
}

func TestEveryRecordComesBackAsItWas(t *testing.T) {
	codec := Offline()
	require.Len(t, wires(), len(All()))
	for i, w := range wires() {
		t.Run(w.name, func(t *testing.T) {
			b, err := w.encode(codec)
			require.NoError(t, err)
			require.Equal(t, []byte{0, 0, 0, 0, byte(i + 1)}, b[:headerSize])
			got, err := w.decode(codec, b)
			require.NoError(t, err)
			require.Equal(t, w.sample, got)
		})
	}
}

// newGeneric reads and writes by schema alone. The library remembers its decoders by a fingerprint in which a name stands for what it names, so
// that two versions of one record look alike to it: each needs a memory of its own.
func newGeneric() avro.API { return avro.Config{MaxByteSliceSize: -1}.Freeze() }

// generic is for today's schemas.
var generic = newGeneric()

// The codec writes by hand; a reader that knows nothing but the .avsc text must see the same fields in the same places.
func TestTheTextsSayWhatIsWritten(t *testing.T) {
	codec := Offline()
	for i, w := range wires() {
		t.Run(w.name, func(t *testing.T) {
			b, err := w.encode(codec)
			require.NoError(t, err)
			s := parsed()[i]
			c := cursor{b: b[headerSize:], of: len(b) - headerSize}
			c.walk(s)
			require.NoError(t, c.end(), "the text has other fields than the bytes")
			var value any
			require.NoError(t, generic.Unmarshal(s, b[headerSize:], &value))
			again, err := generic.Marshal(s, value)
			require.NoError(t, err)
			got, err := w.decode(codec, append(append([]byte(nil), b[:headerSize]...), again...))
			require.NoError(t, err)
			require.Equal(t, w.sample, got)
		})
	}
}

// Other readers see null, not 1970, for what was not given, and nothing for what was never written.
func TestWhatIsNotGivenIsNull(t *testing.T) {
	codec := Offline()
	nulls := func(r record, b []byte, err error) map[string]any {
		require.NoError(t, err)
		var value map[string]any
		require.NoError(t, generic.Unmarshal(parsed()[r], b[headerSize:], &value))
		return value
	}
	b, err := codec.EncodeCommand(&domain.RecordPlayback{Type: domain.Play})
	v := nulls(recordPlayback, b, err)
	require.Nil(t, v["occurred_at"])
	require.Nil(t, v["sent_at"])
	require.Nil(t, v["from_position_ms"])
	b, err = codec.EncodeEvent(&domain.PlaybackTouched{})
	v = nulls(playbackTouched, b, err)["after"].(map[string]any)
	for _, field := range []string{"position_at", "resume_at", "first_seen", "last_seen"} {
		require.Nil(t, v[field], field)
	}
	b, err = codec.EncodeFeedbackTable(&Table[domain.FeedbackState]{})
	v = nulls(feedbackTable, b, err)["state"].(map[string]any)
	require.Equal(t, map[string]any{"like": nil, "bookmark": nil, "rating": nil}, v)
	b, err = codec.EncodePlaybackTable(&Table[domain.PlaybackState]{})
	v = nulls(playbackTable, b, err)["state"].(map[string]any)
	require.Nil(t, v["position"])
	b, err = codec.EncodeDeadLetter(&DeadLetter{Key: []byte{}})
	v = nulls(deadLetter, b, err)
	require.Nil(t, v["value"])
	require.Equal(t, []byte{}, v["key"], "empty is not nothing")
}
