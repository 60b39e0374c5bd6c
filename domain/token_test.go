package domain

import (
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

func marks() *rapid.Generator[Mark] {
	return rapid.Custom(func(t *rapid.T) Mark {
		return Mark{
			Topic:     rapid.SampledFrom([]string{"ugc.playback.commands.v1", "ugc.feedback.commands.v1"}).Draw(t, "topic"),
			Partition: rapid.Int32Range(-1, 3).Draw(t, "partition"),
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

// feedbackOn is the token of a batch on so many movies, with ids of 128 characters of 4 bytes each where they are long.
func feedbackOn(movies, partitions int, movie string) (t Token) {
	marks := make([]Mark, movies)
	for n := range marks {
		marks[n] = Mark{
			Topic: "ugc.feedback.commands.v1", Partition: int32(n % partitions), Movie: fmt.Sprintf(movie, n),
			Version: NewVersion(3, 1<<40+int64(n)*7919*int64(n%partitions)),
		}
	}
	return NewToken(marks...)
}

func TestTokensAreShort(t *testing.T) {
	long := strings.Repeat("\U0001F3AC", 124) + "%04d"
	for _, movie := range []string{"0198c0de-0000-7000-8000-%012d", long} {
		for _, movies := range []int{1, 10, 68, 70, 1000} {
			for _, partitions := range []int{1, 12, 100, 1000} {
				token := feedbackOn(movies, partitions, movie)
				for p := range int32(partitions) {
					token = token.Add(Mark{Topic: "ugc.playback.commands.v1", Partition: p, Version: NewVersion(3, 1<<41+int64(p))})
				}
				text := token.String()
				require.Less(t, len(text), 2048)
				got, err := ParseToken(text)
				require.NoError(t, err, "our own token is always taken back")
				for _, m := range token {
					require.True(t, slices.ContainsFunc(got, func(g Mark) bool {
						wide := g.Partition == AllPartitions && g.Movie == ""
						return g.Topic == m.Topic && g.Version >= m.Version &&
							(wide || g.Partition == m.Partition && (g.Movie == m.Movie || g.Movie == ""))
					}), "it asks for no less than %v", m)
				}
			}
		}
	}
}

func TestTokensNameWhatFits(t *testing.T) {
	few := feedbackOn(30, 4, "0198c0de-0000-7000-8000-%012d")
	got, err := ParseToken(few.String())
	require.NoError(t, err)
	require.Equal(t, few, got, "30 movies are named")
	many := feedbackOn(1000, 100, "0198c0de-0000-7000-8000-%012d")
	got, err = ParseToken(many.String())
	require.NoError(t, err)
	require.Equal(t, many.ByPartition(), got, "100 partitions are named")
	most := feedbackOn(1000, 1000, "0198c0de-0000-7000-8000-%012d")
	got, err = ParseToken(most.String())
	require.NoError(t, err)
	all := Mark{Topic: "ugc.feedback.commands.v1", Partition: AllPartitions, Version: most.byTopic()[0].Version}
	require.Equal(t, Token{all}, got)
}

// sealed is a text with a checksum that holds.
func sealed(b ...byte) string {
	return base64.RawURLEncoding.EncodeToString(binary.LittleEndian.AppendUint64(b, checksum(b)))
}

func TestOtherTokensAreRefused(t *testing.T) {
	require.Empty(t, Token(nil).String())
	none, err := ParseToken("")
	require.NoError(t, err)
	require.Empty(t, none)
	good := Token{{Topic: "t", Partition: 1, Version: 2, Movie: "m"}, {Topic: "t", Partition: 1, Version: 3, Movie: "n"}}
	mark := []byte{newTopic | newPartition | namesMovie, 1, 't', 2, 4, 1, 'm', namesMovie, 2, 1, 'n'}
	require.Equal(t, sealed(append([]byte{tokenForm}, mark...)...), good.String())
	bad := map[string]string{
		"not base64": "%", "padded": good.String() + "=", "too long": strings.Repeat("A", MaxToken+1),
		"another form":    sealed(append([]byte{tokenForm + 1}, mark...)...),
		"an older form":   base64.RawURLEncoding.EncodeToString([]byte("ugc.feedback.commands.v1/1/2/m")),
		"no marks":        sealed(tokenForm),
		"no topic":        sealed(tokenForm, newPartition, 2, 4),
		"an empty topic":  sealed(tokenForm, newTopic|newPartition, 0, 2, 4),
		"unknown flags":   sealed(tokenForm, 8|newTopic|newPartition, 1, 't', 2, 4),
		"no version":      sealed(tokenForm, newTopic|newPartition, 1, 't', 2),
		"before all":      sealed(tokenForm, newTopic|newPartition, 1, 't', 2, 1),
		"a cut movie":     sealed(tokenForm, newTopic|newPartition|namesMovie, 1, 't', 2, 4, 2, 'm'),
		"not in order":    sealed(tokenForm, newTopic|newPartition|namesMovie, 1, 't', 2, 4, 1, 'm', namesMovie, 2, 1, 'a'),
		"said twice":      sealed(tokenForm, newTopic|newPartition, 1, 't', 2, 4, newTopic, 1, 't', 2),
		"a long number":   sealed(tokenForm, newTopic|newPartition, 1, 't', 2, 0x84, 0),
		"far a partition": sealed(tokenForm, newTopic|newPartition, 1, 't', 0xff, 0xff, 0xff, 0xff, 0x0f, 4),
	}
	for i := range good.String() {
		bad[fmt.Sprintf("cut at %d", i)] = good.String()[:i]
		changed := []byte(good.String())
		changed[i] ^= 3
		bad[fmt.Sprintf("changed at %d", i)] = string(changed)
	}
	delete(bad, "cut at 0")
	for name, s := range bad {
		token, err := ParseToken(s)
		require.Equal(t, Invalid, KindOf(err), name)
		require.ErrorIs(t, err, ErrToken, name)
		require.ErrorContains(t, err, "Consistency-Token", name)
		require.Nil(t, token, name)
	}
}

func FuzzParseToken(f *testing.F) {
	f.Add(Token{{Topic: "ugc.playback.commands.v1", Partition: 3, Version: 7, Movie: "m"}, {Topic: "t"}}.String())
	f.Add("")
	f.Add("\x03\x01t\x02\x04")
	f.Fuzz(func(t *testing.T, s string) {
		comesBack(t, s)
		comesBack(t, sealed(append([]byte{tokenForm}, s...)...))
	})
}

func comesBack(t *testing.T, s string) {
	token, err := ParseToken(s)
	if err != nil {
		require.Equal(t, Invalid, KindOf(err))
		return
	}
	again, err := ParseToken(token.String())
	require.NoError(t, err)
	require.Equal(t, token, again)
}
