package domain

import (
	"encoding/base64"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

func marks() *rapid.Generator[Mark] {
	return rapid.Custom(func(t *rapid.T) Mark {
		return Mark{
			Topic:     rapid.SampledFrom([]string{"ugc.playback.commands.v1", "ugc.feedback.commands.v1"}).Draw(t, "topic"),
			Partition: rapid.Int32Range(0, 3).Draw(t, "partition"),
			Version:   Version(rapid.Int64Range(0, 1<<62).Draw(t, "version")),
			Movie:     rapid.SampledFrom([]string{"", "m", "фильм", "a b"}).Draw(t, "movie"),
		}
	})
}

func TestTokensComeBack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var token Token
		given := rapid.SliceOf(marks()).Draw(t, "marks")
		for _, m := range given {
			token = token.Add(m)
		}
		require.Equal(t, NewToken(given...), NewToken(token...), "one by one or all at once")
		got, err := ParseToken(token.String())
		require.NoError(t, err)
		require.Equal(t, token, got)
		for _, m := range given { // it asks for no less than any of its writes
			found := 0
			for _, k := range token {
				if k.Topic == m.Topic && k.Partition == m.Partition && k.Movie == m.Movie {
					found++
					require.GreaterOrEqual(t, k.Version, m.Version)
				}
			}
			require.Equal(t, 1, found)
		}
	})
}

func TestATokenNamesFiftyMoviesAndGoesWithoutThemWhereTheyAreTooMany(t *testing.T) {
	var token Token
	movie := func(n int) string { return fmt.Sprintf("0198c0de-0000-7000-8000-%012d", n) }
	for n := range 50 {
		token = token.Add(Mark{Topic: "ugc.feedback.commands.v1", Partition: int32(n % 4), Version: NewVersion(3, int64(n)), Movie: movie(n)})
	}
	got, err := ParseToken(token.String())
	require.NoError(t, err)
	require.Equal(t, token, got)

	for n := range 1000 {
		token = token.Add(Mark{Topic: "ugc.feedback.commands.v1", Partition: int32(n % 4), Version: NewVersion(3, int64(n)), Movie: movie(n)})
	}
	got, err = ParseToken(token.String())
	require.NoError(t, err, "our own token is always taken back")
	require.Len(t, got, 4)
	for p, m := range got {
		require.Equal(t, Mark{Topic: "ugc.feedback.commands.v1", Partition: int32(p), Version: NewVersion(3, int64(996+p))}, m, "it asks for no less of any partition")
	}
	require.Equal(t, token.ByPartition(), got)
}

func TestALineThatGoesOnHasABeginning(t *testing.T) {
	text := func(s string) string { return base64.RawURLEncoding.EncodeToString([]byte(s)) }
	got, err := ParseToken(text("t/1/2/a\n//3/b"))
	require.NoError(t, err)
	require.Equal(t, Token{{Topic: "t", Partition: 1, Version: 2, Movie: "a"}, {Topic: "t", Partition: 1, Version: 3, Movie: "b"}}, got)
	_, err = ParseToken(text("//3/b"))
	require.Equal(t, Invalid, KindOf(err))
}

func TestOtherTokensAreRefused(t *testing.T) {
	require.Empty(t, Token(nil).String())
	none, err := ParseToken("")
	require.NoError(t, err)
	require.Empty(t, none)
	enc := func(s string) string { return base64.RawURLEncoding.EncodeToString([]byte(s)) }
	good := enc("topic/1/2/movie")
	_, err = ParseToken(good)
	require.NoError(t, err)
	for name, s := range map[string]string{
		"not base64": "%", "padded": good + "=", "too few parts": enc("topic/1/2"), "no topic": enc("/1/2/m"), "no partition": enc("t//2/m"), "no version": enc("t/1//m"),
		"negative partition": enc("t/-1/2/m"), "negative version": enc("t/1/-2/m"), "partition too large": enc("t/2147483648/2/m"), "version too large": enc("t/1/9223372036854775808/m"),
		"an empty line": enc("t/1/2/m\n"), "too long": strings.Repeat("A", maxTokenText+1),
	} {
		token, err := ParseToken(s)
		require.Equal(t, Invalid, KindOf(err), name)
		require.ErrorContains(t, err, "Consistency-Token", name)
		require.Nil(t, token, name)
	}
}

func FuzzParseToken(f *testing.F) {
	f.Add(Token{{Topic: "ugc.playback.commands.v1", Partition: 3, Version: 7, Movie: "m"}, {Topic: "t"}}.String())
	f.Add("")
	f.Fuzz(func(t *testing.T, s string) {
		token, err := ParseToken(s)
		if err != nil {
			require.Equal(t, Invalid, KindOf(err))
			return
		}
		again, err := ParseToken(token.String())
		require.NoError(t, err)
		require.Equal(t, token, again)
	})
}
