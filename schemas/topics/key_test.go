package topics_test

import (
	"strings"
	"testing"
	"testing/quick"

	"github.com/stretchr/testify/require"

	"ugc/domain"
	"ugc/schemas/topics"
)

func TestKeysThatCanBeOurs(t *testing.T) {
	long := strings.Repeat("k", domain.MaxKeyPart)
	wide := strings.Repeat("😀", domain.MaxKeyPart)
	for _, key := range []string{"ann/heat", "a/b", long + "/" + long, wide + "/" + wide, "ann/ h é"} {
		require.NoError(t, topics.PlaybackCommands.CheckKey(key), key)
	}
	for _, movie := range []string{"heat", long, wide} {
		require.NoError(t, topics.MoviesTable.CheckKey(movie), movie)
		require.Error(t, topics.FeedbackEvents.CheckKey(movie), "a movie alone")
	}
	for _, key := range []string{"", "/", "a/", "/b", "a/b/c", "a/b/", long + "k/b", "a/" + long + "k", wide + "k/b", "a\x00/b", "a/b\x7f", "a/\u0085", "a/\xff",
		strings.Repeat("k", 1<<20), strings.Repeat("k", 1<<19) + "/" + strings.Repeat("k", 1<<19), strings.Repeat("/", 1<<20)} {
		err := topics.PlaybackTable.CheckKey(key)
		require.Error(t, err, "%.40q", key)
		require.Less(t, len(err.Error()), 300)
		require.Error(t, topics.MoviesFeedback.CheckKey(key))
	}
	require.NoError(t, topics.DeadLetters.CheckKey("anything\x00"), "the record's own")
}

func TestKeysAreCheckedByTheRuleOfTheirParts(t *testing.T) {
	require.NoError(t, quick.Check(func(user, movie string) bool {
		one, _ := domain.ValidateKeyPart(user)
		two, _ := domain.ValidateKeyPart(movie)
		return (topics.PlaybackEvents.CheckKey(user+"/"+movie) == nil) == (one == "" && two == "")
	}, nil))
}
