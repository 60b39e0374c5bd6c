package schemas

import (
	"math"
	"reflect"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"ugc/domain"
)

// anything generates values of every field, also ones that no rule of the domain would make: the codec has no opinion about them.
func anything[T any]() *rapid.Generator[T] {
	of := func(v any, g *rapid.Generator[any]) (reflect.Type, *rapid.Generator[any]) {
		return reflect.TypeOf(v), g
	}
	types := map[reflect.Type]*rapid.Generator[any]{}
	add := func(t reflect.Type, g *rapid.Generator[any]) { types[t] = g }
	add(of(domain.ReportType(0), rapid.Map(rapid.Uint8Range(uint8(domain.Play), uint8(domain.End)), func(n uint8) domain.ReportType { return domain.ReportType(n) }).AsAny()))
	add(of(domain.Verdict(0), rapid.Map(rapid.Uint8Range(uint8(domain.Applied), uint8(domain.Stale)), func(n uint8) domain.Verdict { return domain.Verdict(n) }).AsAny()))
	add(of(domain.Optional[domain.Millis]{}, rapid.OneOf(
		rapid.Just(domain.Optional[domain.Millis]{}),
		rapid.Map(rapid.Int64(), func(n int64) domain.Optional[domain.Millis] { return domain.Some(domain.Millis(n)) })).AsAny()))
	add(of([]byte(nil), rapid.OneOf(rapid.Just([]byte(nil)), rapid.SliceOfN(rapid.Byte(), 0, 200)).AsAny()))
	return rapid.MakeCustom[T](rapid.MakeConfig{
		Types: types,
		Kinds: map[reflect.Kind]*rapid.Generator[any]{
			reflect.Float64: rapid.OneOf(rapid.Float64(), rapid.SampledFrom([]float64{math.Inf(1), math.Copysign(0, -1), math.MaxFloat64})).AsAny(),
		},
	})
}

// unset makes slices without elements nil, which is how all but nullable bytes are read back.
func unset(v reflect.Value) {
	switch v.Kind() {
	case reflect.Pointer, reflect.Interface:
		unset(v.Elem())
	case reflect.Struct:
		for i := range v.NumField() {
			unset(v.Field(i))
		}
	case reflect.Slice:
		if v.Type().Elem().Kind() == reflect.Uint8 {
			if v.Len() == 0 && v.CanSet() && !v.IsNil() {
				v.Set(reflect.MakeSlice(v.Type(), 0, 0))
			}
			return
		}
		if v.Len() == 0 {
			v.SetZero()
		}
		for i := range v.Len() {
			unset(v.Index(i))
		}
	}
}

func comesBack[T any](t *testing.T, encode func(*Codec, *T) ([]byte, error), decode func(*Codec, []byte) (any, error)) {
	t.Helper()
	t.Run(reflect.TypeFor[T]().Name(), func(t *testing.T) {
		codec, values := Offline(), anything[T]()
		rapid.Check(t, func(t *rapid.T) {
			v := values.Draw(t, "value")
			b, err := encode(codec, &v)
			require.NoError(t, err)
			got, err := decode(codec, b)
			require.NoError(t, err)
			unset(reflect.ValueOf(&v))
			require.Equal(t, any(&v), got)
			for cut := range len(b) { // no shorter record is one, nor a longer
				_, err := decode(codec, b[:cut])
				require.Error(t, err)
			}
			_, err = decode(codec, append(b, 0))
			require.ErrorIs(t, err, ErrUndecodable)
		})
	})
}

func commandComesBack[T any, P interface {
	*T
	domain.Command
}](t *testing.T) {
	comesBack(t,
		func(c *Codec, v *T) ([]byte, error) {
			P(v).Head().Origin = domain.Origin{} // is not written
			return c.EncodeCommand(P(v))
		},
		func(c *Codec, b []byte) (any, error) { return c.DecodeCommand(b) })
}

func eventComesBack[T any, P interface {
	*T
	domain.Event
}](t *testing.T) {
	comesBack(t,
		func(c *Codec, v *T) ([]byte, error) { return c.EncodeEvent(P(v)) },
		func(c *Codec, b []byte) (any, error) { return c.DecodeEvent(b) })
}

func TestAnythingComesBack(t *testing.T) {
	commandComesBack[domain.RecordPlayback](t)
	commandComesBack[domain.RecordViewing](t)
	commandComesBack[domain.TouchPlayback](t)
	commandComesBack[domain.SetLike](t)
	commandComesBack[domain.ClearLike](t)
	commandComesBack[domain.SetBookmark](t)
	commandComesBack[domain.ClearBookmark](t)
	commandComesBack[domain.SetRating](t)
	commandComesBack[domain.ClearRating](t)
	commandComesBack[domain.TouchFeedback](t)

	eventComesBack[domain.PlaybackRecorded](t)
	eventComesBack[domain.ViewingRecorded](t)
	eventComesBack[domain.PlaybackTouched](t)
	eventComesBack[domain.LikeSet](t)
	eventComesBack[domain.LikeCleared](t)
	eventComesBack[domain.BookmarkSet](t)
	eventComesBack[domain.BookmarkCleared](t)
	eventComesBack[domain.RatingSet](t)
	eventComesBack[domain.RatingCleared](t)
	eventComesBack[domain.FeedbackTouched](t)

	comesBack(t, func(c *Codec, v *DeadLetter) ([]byte, error) { return c.EncodeDeadLetter(v) }, func(c *Codec, b []byte) (any, error) { return c.DecodeDeadLetter(b) })
	comesBack(t, withApplied(encodePlaybackOfToday),
		func(c *Codec, b []byte) (any, error) { return c.DecodePlaybackTable(b) })
	comesBack(t, withApplied(encodeFeedbackOfToday),
		func(c *Codec, b []byte) (any, error) { return c.DecodeFeedbackTable(b) })
	comesBack(t, withApplied((*Codec).EncodeMoviesTable), func(c *Codec, b []byte) (any, error) { return c.DecodeMoviesTable(b) })
}

// encodePlaybackOfToday makes the value one that today's program could have written: what it knows of version 1, and of
// reports before a piece, is not written.
func encodePlaybackOfToday(c *Codec, t *Table[domain.PlaybackState]) ([]byte, error) {
	if t.State.Reports == 0 {
		t.State.Reports = 1
	}
	for _, s := range t.State.Sessions {
		for i := range s.Pieces {
			switch p := &s.Pieces[i]; p.First.Sequence {
			case p.Last.Sequence:
				p.First = p.Last
			case 1:
				p.First = domain.Edge{Sequence: 1}
			}
		}
	}
	return c.EncodePlaybackTable(t)
}

func encodeFeedbackOfToday(c *Codec, t *Table[domain.FeedbackState]) ([]byte, error) {
	if len(t.State.Seen) == 0 {
		t.State.Seen = domain.Seen{1}
	}
	return c.EncodeFeedbackTable(t)
}

// withApplied checks on the way that the peek agrees with what was written.
func withApplied[S any](encode func(*Codec, *Table[S]) ([]byte, error)) func(*Codec, *Table[S]) ([]byte, error) {
	return func(c *Codec, t *Table[S]) ([]byte, error) {
		for i := range t.Outbox {
			if len(t.Outbox[i].Event) == 0 {
				t.Outbox[i].Event = nil // an outcome without an event has no other form
			}
		}
		b, err := encode(c, t)
		if applied, err := AppliedOf(b); err != nil || applied != t.Applied {
			return nil, domain.Wrap(domain.Internal, "the peek differs from the record", err)
		}
		return b, err
	}
}

func TestAppliedIsTheFirstFieldOfEveryTable(t *testing.T) {
	for _, s := range All() {
		if s.Kind == TableValue {
			require.Regexp(t, `^\{[^\[]*"fields": \[\s*\{"name": "applied", "type": "long"`, s.Text, "%s: AppliedOf reads it without a schema", s.File)
		}
	}
	for _, b := range [][]byte{nil, {0, 0, 0, 0, 1}, {1, 0, 0, 0, 1, 2}, {0, 0, 0, 0, 1, 0x80}} {
		applied, err := AppliedOf(b)
		require.ErrorIs(t, err, ErrUndecodable)
		require.Equal(t, domain.NoVersion, applied)
	}
}

func TestWhatNoReaderTakesIsNotWritten(t *testing.T) {
	codec := Offline()
	type own struct{ domain.SetLike }
	for name, cmd := range map[string]domain.Command{
		"text":        &domain.SetLike{Fact: domain.Fact{User: "\xff"}},
		"report type": &domain.RecordPlayback{Type: domain.End + 1},
		"no type":     &domain.RecordPlayback{},
	} {
		b, err := codec.AppendCommand([]byte("before"), cmd)
		require.Equal(t, domain.Invalid, domain.KindOf(err), name)
		require.Equal(t, "before", string(b), name)
	}
	for name, e := range map[string]domain.Event{
		"verdict":     &domain.LikeSet{},
		"report type": &domain.PlaybackRecorded{Verdict: domain.Applied},
		"text":        &domain.LikeSet{SetLike: domain.SetLike{Fact: domain.Fact{Device: "\xff"}}, Change: domain.Change{Verdict: domain.Applied}},
	} {
		b, err := codec.AppendEvent([]byte("before"), e)
		require.Equal(t, domain.Invalid, domain.KindOf(err), name)
		require.Equal(t, "before", string(b), name)
	}
	_, err := codec.EncodeCommand(&own{})
	require.Equal(t, domain.Internal, domain.KindOf(err))
	_, err = codec.EncodeCommand(nil)
	require.Error(t, err)
	_, err = codec.EncodeEvent(nil)
	require.Error(t, err)
}

func TestADeadLetterTakesAnyText(t *testing.T) {
	d := sampleDeadLetter()
	d.Message, d.Headers = "bad \xff bytes", []Header{{Key: "\xfe", Value: []byte{0xff}}}
	b, err := Offline().EncodeDeadLetter(d)
	require.NoError(t, err)
	got, err := Offline().DecodeDeadLetter(b)
	require.NoError(t, err)
	require.Equal(t, "bad \uFFFD bytes", got.Message)
	require.Equal(t, []Header{{Key: "\uFFFD", Value: []byte{0xff}}}, got.Headers)
}

func TestARecordOfAnotherKindIsRefused(t *testing.T) {
	codec := Offline()
	decoders := map[Kind]func([]byte) (any, error){
		Command:         func(b []byte) (any, error) { return codec.DecodeCommand(b) },
		Event:           func(b []byte) (any, error) { return codec.DecodeEvent(b) },
		DeadLetterValue: func(b []byte) (any, error) { return codec.DecodeDeadLetter(b) },
		TableValue:      func(b []byte) (any, error) { return codec.DecodePlaybackTable(b) },
	}
	for i, w := range wires() {
		b, err := w.encode(codec)
		require.NoError(t, err)
		for kind, decode := range decoders {
			if kind == All()[i].Kind {
				continue
			}
			_, err := decode(b)
			require.ErrorIs(t, err, ErrUndecodable)
			require.ErrorContains(t, err, w.name)
		}
	}
	b, err := codec.EncodeFeedbackTable(sampleFeedbackTable())
	require.NoError(t, err)
	_, err = codec.DecodePlaybackTable(b)
	require.ErrorContains(t, err, "this is a ugc.feedback.FeedbackTable")
	_, err = codec.DecodeMoviesTable(b)
	require.ErrorIs(t, err, ErrUndecodable)
	_, err = codec.DecodeCommand([]byte{0, 0, 0, 1, 0})
	require.ErrorIs(t, err, ErrUnknownSchema, "no registry is connected")
}

func TestAppendKeepsWhatIsThere(t *testing.T) {
	codec := Offline()
	b, err := codec.AppendCommand([]byte("before"), sampleCommands()[0])
	require.NoError(t, err)
	alone, err := codec.EncodeCommand(sampleCommands()[0])
	require.NoError(t, err)
	require.Equal(t, "before"+string(alone), string(b))
	b, err = codec.AppendEvent([]byte("before"), sampleEvents()[0])
	require.NoError(t, err)
	alone, err = codec.EncodeEvent(sampleEvents()[0])
	require.NoError(t, err)
	require.Equal(t, "before"+string(alone), string(b))
}
