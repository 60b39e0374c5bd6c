package schemas

import (
	"testing"

	"github.com/stretchr/testify/require"

	"ugc/domain"
	"ugc/schemas/topics"
)

// Whatever it is, its first bytes would make some version.
func TestOnlyAValueOfTheTableHasAnAppliedVersion(t *testing.T) {
	codec := Offline()
	own, err := codec.EncodeFeedbackTable(&Table[domain.FeedbackState]{Applied: 7})
	require.NoError(t, err)
	other, err := codec.EncodeMoviesTable(&Table[domain.MovieState]{Applied: 7})
	require.NoError(t, err)
	command, err := codec.EncodeCommand(&domain.TouchFeedback{Fact: sampleFact(3)})
	require.NoError(t, err)

	applied, err := codec.AppliedIn(topics.FeedbackTable, own)
	require.NoError(t, err)
	require.Equal(t, domain.Version(7), applied)
	require.NoError(t, codec.CheckTable(topics.FeedbackTable, own))
	for name, value := range map[string][]byte{
		"a value of another table": other, "a command": command, "an unknown schema": {0, 0, 0, 77, 77, 14}, "no Avro": []byte("rubbish"), "nothing": nil,
	} {
		_, err := codec.AppliedIn(topics.FeedbackTable, value)
		require.Equal(t, domain.Invalid, domain.KindOf(err), name)
	}
	require.Error(t, codec.CheckTable(topics.FeedbackTable, own[:7]))
	require.Error(t, codec.CheckTable(topics.FeedbackCommands, own))
}

func TestARecordOfATableStandsWhereItWasMeantTo(t *testing.T) {
	require.True(t, Stands("12", 12))
	require.False(t, Stands([]byte("12"), 13))
	require.False(t, Stands("x", 13))
	require.True(t, Stands("", 13), "of an earlier version")
}
