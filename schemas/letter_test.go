package schemas

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"

	"ugc/domain"
)

// letterBytes is what the letter takes as a record, by the same sum as a producer's.
func letterBytes(t testing.TB, d *DeadLetter) int {
	t.Helper()
	value, err := Offline().EncodeDeadLetter(d)
	require.NoError(t, err)
	got, err := Offline().DecodeDeadLetter(value)
	require.NoError(t, err)
	require.Equal(t, d.Message, got.Message)
	require.Equal(t, string(d.Value), string(got.Value))
	return 256 + len(d.RecordKey()) + len(value) + len("content-type") + len("application/vnd.confluent.avro")
}

func TestLettersOfWholeRecordsAreWhole(t *testing.T) {
	whole := DeadLetter{Topic: "t", Partition: 2, Offset: 5, Timestamp: 7, Key: []byte("ann/heat"), Value: bytes.Repeat([]byte("x"), 800<<10),
		Headers: []Header{{Key: "h", Value: []byte("1")}, {Key: "h"}}, Step: "streams/playback", Reason: ReasonUndecodable, Message: "no record", At: 9}
	d := NewDeadLetter(whole, 5)
	require.False(t, d.ID.IsZero())
	want := whole
	want.ID = d.ID
	require.Equal(t, &want, d)
	require.Equal(t, "ann/heat", string(d.RecordKey()))
	require.Equal(t, d.ID, NewDeadLetter(whole, 5).ID, "set aside twice")
	require.NotEqual(t, d.ID, NewDeadLetter(whole, 6).ID)
	require.Nil(t, NewDeadLetter(DeadLetter{}, 0).RecordKey(), "no key is not an empty one")
	require.NotNil(t, NewDeadLetter(DeadLetter{Key: []byte{}}, 0).RecordKey())
}

func TestLettersFitWhateverTheyAreAbout(t *testing.T) {
	mib := 1 << 20
	headers := func(n, name, value int) (h []Header) {
		for range n {
			h = append(h, Header{Key: strings.Repeat("\xff", name), Value: make([]byte, value)})
		}
		return h
	}
	for name, d := range map[string]DeadLetter{
		"key":            {Key: make([]byte, mib)},
		"value":          {Value: make([]byte, mib)},
		"far over":       {Key: make([]byte, 64*mib), Value: make([]byte, 64*mib)},
		"message":        {Message: strings.Repeat("\xff", 3*mib)},
		"mended message": {Message: strings.Repeat("\xffa", mib)},
		"one header":     {Headers: headers(1, 1, mib)},
		"header name":    {Headers: headers(1, mib, 1)},
		"mended names":   {Headers: headers(1000, 3, 900)},
		"many headers":   {Headers: headers(300_000, 1, 1)},
		"names of ours":  {Topic: strings.Repeat("t", mib), Step: strings.Repeat("s", mib), Reason: strings.Repeat("r", mib)},
		"all": {Key: make([]byte, mib), Value: make([]byte, mib), Message: strings.Repeat("m", mib), Headers: headers(2000, 100, 900),
			Topic: strings.Repeat("t", mib), Step: strings.Repeat("s", mib), Reason: strings.Repeat("r", mib)},
	} {
		t.Run(name, func(t *testing.T) {
			cut := NewDeadLetter(d, 1)
			require.LessOrEqual(t, letterBytes(t, cut), MaxLetterBytes)
			require.LessOrEqual(t, len(cut.RecordKey()), maxLetterRecordKey)
			require.True(t, utf8.ValidString(cut.Message))
		})
	}
	random := rand.New(rand.NewPCG(1, 2))
	size := func() int { return int(float64(2*mib) * random.Float64() * random.Float64() * random.Float64()) }
	for range 200 {
		d := NewDeadLetter(DeadLetter{Key: make([]byte, size()), Value: make([]byte, size()), Message: strings.Repeat("é", size()/2),
			Headers: headers(random.IntN(200), random.IntN(2000), random.IntN(2000))}, 1)
		require.LessOrEqual(t, letterBytes(t, d), MaxLetterBytes)
	}
}

func TestLettersSayWhatIsCut(t *testing.T) {
	key := bytes.Repeat([]byte("k"), 600<<10)
	d := NewDeadLetter(DeadLetter{Key: key, Value: make([]byte, 5<<20), Message: strings.Repeat("m", 5000),
		Headers: []Header{{Key: "h", Value: make([]byte, 1<<20)}, {Key: "kept"}}}, 1)
	for _, want := range []string{"the key to 16384 of 614400 bytes", "to 4096 of 5000 bytes", "the headers to 1 of 2, without 1048577 bytes",
		fmt.Sprintf("the value to %d of 5242880 bytes", len(d.Value)), "stands whole at its origin"} {
		require.Contains(t, d.Message, want)
	}
	require.Equal(t, []Header{{Key: "kept"}}, d.Headers)
	require.Equal(t, key[:16384], d.Key)
	require.Greater(t, len(d.Value), 800<<10)

	require.Regexp(t, `^/sha256/[0-9a-f]{64}$`, string(d.RecordKey()))
	require.Equal(t, d.RecordKey(), NewDeadLetter(DeadLetter{Key: key}, 2).RecordKey(), "the same key has the same short form")
	require.NotEqual(t, d.RecordKey(), NewDeadLetter(DeadLetter{Key: key[1:]}, 1).RecordKey())
	longest := strings.Repeat("😀", domain.MaxKeyPart) + "/" + strings.Repeat("😀", domain.MaxKeyPart)
	require.Equal(t, longest, string(NewDeadLetter(DeadLetter{Key: []byte(longest)}, 1).RecordKey()), "a key of ours is never cut")
}

func TestReasonsOfRefusedBytes(t *testing.T) {
	c := Offline()
	_, err := c.DecodeCommand([]byte("poison"))
	require.Equal(t, ReasonUndecodable, ReasonOf(err))
	_, err = c.DecodeCommand([]byte{0, 0, 0, 9, 9, 1})
	require.Equal(t, ReasonUnknownSchema, ReasonOf(err))
	require.Empty(t, ReasonOf(domain.Wrap(domain.Unavailable, "registry", nil)))
	require.Empty(t, ReasonOf(nil))
	require.Equal(t, []string{"undecodable", "unknown_schema", "not_applicable", "behind", "displaced"}, Reasons(), "stored and selected by")
}
