package domain_test

import (
	"hash/fnv"
	"strings"
	"testing"

	"github.com/IBM/sarama"
	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kgo"
	"pgregory.net/rapid"

	"ugc/domain"
)

// Where keys live is written on disks all over: a change here would lose the order of every key.
func TestPartitionGolden(t *testing.T) {
	for _, c := range []struct {
		key       string
		of4, of12 int32
		highest   bool // the plain hash of the key's head has the highest bit set, which libraries treat each in its own way
	}{
		{"", 1, 5, true},
		{"/", 1, 5, true},
		{"/movie", 1, 5, true},
		{"user", 2, 6, false},
		{"user/movie", 2, 6, false},
		{"a", 0, 8, true},
		{"b/x/y", 1, 5, true},
		{"ivan/tt0111161", 1, 1, true},
		{"зритель/фильм", 1, 9, true},
		{"0193a7b4-7d5e-7000-8000-000000000001/7b2f0b8e-94b3-4a52-a06b-8b5b5e6f5d11", 3, 11, false},
		{"0193a7b4-7d5e-7000-8000-000000000002/7b2f0b8e-94b3-4a52-a06b-8b5b5e6f5d11", 2, 10, false},
	} {
		require.Equal(t, c.of4, domain.Partition(c.key, 4), "%q of 4", c.key)
		require.Equal(t, c.of12, domain.Partition(c.key, 12), "%q of 12", c.key)
		plain := fnv.New32a()
		head, _, _ := strings.Cut(c.key, "/")
		_, _ = plain.Write([]byte(head))
		require.Equal(t, c.highest, plain.Sum32()>>31 == 1, "%q", c.key)
	}
}

// A record is written by one library and looked for by another: all must mean the same partition.
func TestEveryLibraryAgreesOnThePartition(t *testing.T) {
	ofSarama := sarama.NewCustomHashPartitioner(domain.NewKeyHasher)("t")
	rapid.Check(t, func(t *rapid.T) {
		key := rapid.StringMatching(`[a-zA-Zа-я0-9-]{0,12}(/[a-z0-9/-]{0,12})?`).Draw(t, "key")
		n := rapid.Int32Range(1, 64).Draw(t, "partitions")
		want := domain.Partition(key, n)

		got, err := ofSarama.Partition(&sarama.ProducerMessage{Key: sarama.StringEncoder(key)}, n)
		require.NoError(t, err)
		require.Equal(t, want, got, "sarama")

		sum := func(b []byte) uint32 {
			h := domain.NewKeyHasher()
			_, _ = h.Write(b)
			return h.Sum32()
		}
		ofKgo := kgo.StickyKeyPartitioner(kgo.SaramaCompatHasher(sum)).ForTopic("t")
		require.Equal(t, int(want), ofKgo.Partition(&kgo.Record{Key: []byte(key)}, int(n)), "kgo")

		// goka's processors and views: the hash as int32, negated where it is negative.
		ofGoka := int32(sum([]byte(key)))
		if ofGoka < 0 {
			ofGoka = -ofGoka
		}
		require.Equal(t, want, ofGoka%n, "goka")
	})
}

// Libraries feed a hasher in pieces and use it again.
func TestKeyHasherInPiecesAndAgain(t *testing.T) {
	h := domain.NewKeyHasher()
	rapid.Check(t, func(t *rapid.T) {
		key := rapid.StringMatching(`[ab]{0,6}/?[ab/]{0,6}`).Draw(t, "key")
		cut := rapid.IntRange(0, len(key)).Draw(t, "cut")
		h.Reset()
		for _, piece := range []string{key[:cut], key[cut:]} {
			n, err := h.Write([]byte(piece))
			require.NoError(t, err)
			require.Equal(t, len(piece), n)
		}
		require.Equal(t, domain.Partition(key, 1<<30), int32(h.Sum32())%(1<<30))
		s := h.Sum32()
		require.Equal(t, []byte{byte(s >> 24), byte(s >> 16), byte(s >> 8), byte(s)}, h.Sum(nil))
	})
}
