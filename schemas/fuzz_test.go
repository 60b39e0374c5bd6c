package schemas

import (
	"testing"

	"github.com/stretchr/testify/require"

	"ugc/domain"
)

// seeds are the golden bytes of the kinds, as they are, cut, and with a byte flipped.
func seeds(f *testing.F, kinds ...Kind) {
	for i, w := range wires() {
		for _, kind := range kinds {
			if All()[i].Kind != kind {
				continue
			}
			b, err := w.encode(Offline())
			require.NoError(f, err)
			f.Add(b)
			f.Add(b[:len(b)/2])
			for at := headerSize; at < len(b); at += 7 {
				flipped := append([]byte(nil), b...)
				flipped[at] ^= 0xff
				f.Add(flipped)
			}
		}
	}
	f.Add([]byte(nil))
}

// Whatever is read can be written, and is then read as the same.
func fuzz(f *testing.F, decode func(*Codec, []byte) (any, error), encode func(*Codec, any) ([]byte, error)) {
	codec := Offline()
	f.Fuzz(func(t *testing.T, b []byte) {
		v, err := decode(codec, b)
		if err != nil {
			require.Equal(t, domain.Invalid, domain.KindOf(err))
			return
		}
		canonical, err := encode(codec, v)
		require.NoError(t, err)
		again, err := decode(codec, canonical)
		require.NoError(t, err)
		twice, err := encode(codec, again)
		require.NoError(t, err)
		require.Equal(t, canonical, twice)
		s := parsed()[codec.own[uint32(b[4])]]
		c := cursor{b: b[headerSize:], of: len(b) - headerSize}
		c.walk(s)
		require.NoError(t, c.end(), "decoded, but is no value of its schema")
	})
}

func FuzzDecodeCommand(f *testing.F) {
	seeds(f, Command, Event)
	fuzz(f, func(c *Codec, b []byte) (any, error) { return c.DecodeCommand(b) },
		func(c *Codec, v any) ([]byte, error) { return c.EncodeCommand(v.(domain.Command)) })
}

func FuzzDecodeEvent(f *testing.F) {
	seeds(f, Command, Event)
	fuzz(f, func(c *Codec, b []byte) (any, error) { return c.DecodeEvent(b) },
		func(c *Codec, v any) ([]byte, error) { return c.EncodeEvent(v.(domain.Event)) })
}

func FuzzDecodeDeadLetter(f *testing.F) {
	seeds(f, DeadLetterValue)
	fuzz(f, func(c *Codec, b []byte) (any, error) { return c.DecodeDeadLetter(b) },
		func(c *Codec, v any) ([]byte, error) { return c.EncodeDeadLetter(v.(*DeadLetter)) })
}

func FuzzDecodeTable(f *testing.F) {
	seeds(f, TableValue)
	fuzz(f, func(c *Codec, b []byte) (any, error) {
		applied, peekErr := AppliedOf(b)
		for _, w := range wires() {
			if r, _ := recordNamed(w.name); list[r].Kind != TableValue || len(b) < headerSize || uint32(b[4]) != uint32(r)+1 {
				continue
			}
			v, err := w.decode(c, b)
			if err == nil && (peekErr != nil || appliedIn(v) != applied) {
				return nil, domain.Wrap(domain.Internal, "the peek differs from the record", peekErr)
			}
			return v, err
		}
		_, err := c.DecodePlaybackTable(b)
		return nil, err
	}, func(c *Codec, v any) ([]byte, error) {
		switch v := v.(type) {
		case *Table[domain.PlaybackState]:
			return c.EncodePlaybackTable(v)
		case *Table[domain.FeedbackState]:
			return c.EncodeFeedbackTable(v)
		}
		return c.EncodeMoviesTable(v.(*Table[domain.MovieState]))
	})
}

func appliedIn(v any) domain.Version {
	switch v := v.(type) {
	case *Table[domain.PlaybackState]:
		return v.Applied
	case *Table[domain.FeedbackState]:
		return v.Applied
	}
	return v.(*Table[domain.MovieState]).Applied
}

// FuzzToToday reads bytes by another version's schema: what comes out is a value of today's, and the same as the Avro library makes of it.
func FuzzToToday(f *testing.F) {
	text := All()[playbackRecorded].Text
	later := `{"type": "record", "namespace": "ugc.playback", "name": "PlaybackRecorded", "fields": [
		{"name": "extra", "type": {"type": "array", "items": ["null", "string", {"type": "map", "values": "bytes"}]}, "default": []},` +
		text[len(`{
  "type": "record", "namespace": "ugc.playback", "name": "PlaybackRecorded",
  "doc": "What a playback report became.",
  "fields": [`):]
	w, err := resolve(later)
	require.NoError(f, err)
	b, err := wires()[playbackRecorded].encode(Offline())
	require.NoError(f, err)
	f.Add(append([]byte{0}, b[headerSize:]...))
	f.Add(append([]byte{6, 0, 2, 4, 'a', 'b', 4, 2, 2, 'k', 4, 1, 2, 0, 0}, b[headerSize:]...))
	f.Fuzz(func(t *testing.T, b []byte) {
		out, err := w.toToday(b)
		if err != nil {
			return
		}
		c := cursor{b: out, of: len(out)}
		c.walk(parsed()[playbackRecorded])
		require.NoError(t, c.end())
		require.Equal(t, byLibrary(t, w.record, later, b), out)
	})
}
