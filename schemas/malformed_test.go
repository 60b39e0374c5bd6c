package schemas

import (
	"bytes"
	"testing"

	"github.com/stretchr/testify/require"

	"ugc/domain"
)

// Each of these is one fault in a value that is good otherwise; the error says which and where.
func TestMalformedValues(t *testing.T) {
	codec := Offline()
	fact := sampleFact(1)
	fact.User = "USER"
	encode := func(cmd domain.Command) []byte {
		b, err := codec.EncodeCommand(cmd)
		require.NoError(t, err)
		return b
	}
	like, rating, report := encode(&domain.SetLike{Fact: fact}), encode(&domain.SetRating{Fact: fact, Score: 1}), encode(&domain.RecordPlayback{Fact: fact, Type: domain.Play})
	end := func(b []byte, tail ...byte) []byte { return append(bytes.Clone(b[:len(b)-1]), tail...) }
	swap := func(b []byte, old, next string) []byte {
		require.Contains(t, string(b), old)
		return bytes.Replace(b, []byte(old), []byte(next), 1)
	}
	for name, c := range map[string]struct {
		record []byte
		says   string
	}{
		"a boolean that is neither":    {end(like, 2), "2 is not a boolean"},
		"a number beyond 32 bits":      {end(rating, 0x80, 0x80, 0x80, 0x80, 0x10), "2147483648 does not fit 32 bits"},
		"a number beyond 64 bits":      {end(rating, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01), "not a number of at most 64 bits"},
		"a number without end":         {end(rating, 0x80), "not a number"},
		"text that is none":            {swap(like, "USER", "US\xffR"), "text that is not UTF-8"},
		"text longer than the record":  {swap(like, "\x08USER", "\x88\x08USER"), "bytes are announced where"},
		"text of negative length":      {swap(like, "\x08USER", "\x07USER"), "-4 bytes are announced"},
		"something behind it":          {append(bytes.Clone(like), 0), "1 bytes follow the value"},
		"more ranges than bytes":       {end(report, 8, 1, 2), "4 elements are announced where 2 bytes are left"},
		"the greatest number of them":  {end(report, 0xfe, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01), "elements are announced"},
		"the least number of them":     {end(report, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01, 0), "elements are announced"},
		"a block larger than the rest": {end(report, 1, 0x20, 0, 0, 0), "a block of 16 bytes is announced"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := codec.DecodeCommand(c.record)
			require.ErrorIs(t, err, ErrUndecodable)
			require.Equal(t, domain.Invalid, domain.KindOf(err))
			require.ErrorContains(t, err, c.says)
			require.ErrorContains(t, err, "at byte ")
		})
	}
	inBlocks := end(report, 1, 4, 0, 2, 2, 2, 4, 0) // as other writers do: one block with its size, one without
	got, err := codec.DecodeCommand(inBlocks)
	require.NoError(t, err)
	require.Equal(t, []domain.Interval{{Start: 0, End: 1}, {Start: 1, End: 2}}, got.(*domain.RecordPlayback).Watched)
	for n := int32(-1); n <= int32(domain.End)+1; n++ {
		b := encode(&domain.RecordPlayback{Fact: fact, Type: domain.Play})
		b[len(b)-13] = byte(uint32(n)<<1 ^ uint32(n>>31))
		_, err := codec.DecodeCommand(b)
		require.Equal(t, n >= int32(domain.Play) && n <= int32(domain.End), err == nil, "report type %d: %v", n, err)
	}
}

func TestAHistogramOfMoreScoresThanThereAre(t *testing.T) {
	codec := Offline()
	b, err := codec.EncodeMoviesTable(&Table[domain.MovieState]{})
	require.NoError(t, err)
	scores := append([]byte{22}, make([]byte, 11)...) // a block of 11
	require.True(t, bytes.Contains(b, scores))
	_, err = codec.DecodeMoviesTable(bytes.Replace(b, scores, append([]byte{24}, make([]byte, 12)...), 1))
	require.ErrorContains(t, err, "a histogram of 12 scores, at most 11 are known")
	_, err = codec.DecodeMoviesTable(bytes.Replace(b, scores, []byte{2, 0}, 1))
	require.NoError(t, err, "scores that nobody gave may be left out")
}
