package streams

import (
	"strconv"
	"testing"
	"time"

	"github.com/lovoo/goka"
	"github.com/stretchr/testify/require"

	"ugc/domain"
	"ugc/schemas"
	"ugc/schemas/topics"
)

func tableValue(t *testing.T, applied domain.Version, position domain.Millis) []byte {
	t.Helper()
	v, err := schemas.Offline().EncodePlaybackTable(&schemas.Table[domain.PlaybackState]{Applied: applied, State: domain.PlaybackState{Furthest: position}})
	require.NoError(t, err)
	return v
}

// kept is a copy of one partition of the playback table, of which the test is the topic.
type kept struct {
	*store
	t      *testing.T
	keeper *keeper
	next   int64
}

func newKept(t *testing.T, owner bool) *kept {
	t.Helper()
	k := &kept{store: open(t, t.TempDir()), t: t}
	t.Cleanup(func() { require.NoError(t, k.Close()) })
	k.keeper = &keeper{topic: topics.PlaybackTable, codec: schemas.Offline(), log: quietLog(), metrics: newMetrics(nil).of("g")}
	if owner {
		k.keeper.inputs = 1
	}
	return k
}

// put gives it the next record; meant is how far from there its owner meant it to stand, nil for no such word.
func (k *kept) put(key string, value []byte, meant *int64) judgement {
	k.t.Helper()
	r := tableRecord{offset: k.next, key: key, value: value}
	if meant != nil {
		r.placed = strconv.FormatInt(k.next+*meant, 10)
	}
	k.next++
	j, err := k.keeper.keep(k.store, r, lostValue)
	require.NoError(k.t, err)
	require.NoError(k.t, k.SetOffset(r.offset))
	return j
}

func (k *kept) marked(kind byte) []string {
	k.t.Helper()
	keys, err := k.store.marked(kind, 10)
	require.NoError(k.t, err)
	return keys
}

func TestOnlyARecordThatStandsWhereItWasMeantToCounts(t *testing.T) {
	k := newKept(t, true)
	here, elsewhere := new(int64(0)), new(int64(-1))
	right, other := tableValue(t, 7, 2), tableValue(t, 9, 3)
	require.Equal(t, counts, k.put("u/m", right, here))
	require.Equal(t, late, k.put("u/m", other, elsewhere), "though it is greater")
	require.Equal(t, string(right), get(t, k.store, "u/m"))
	require.Equal(t, []string{"u/m"}, k.marked(markRepair))
	require.Equal(t, counts, k.put("u/m", other, here))
	require.Equal(t, string(other), get(t, k.store, "u/m"))
	require.Empty(t, k.marked(markRepair), "the key's last record is the one that counts again")
}

// Records of earlier versions do not say where they were meant to stand.
func TestOfRecordsWithoutAPlaceTheGreaterAppliedCounts(t *testing.T) {
	k := newKept(t, true)
	first := tableValue(t, 7, 2)
	require.Equal(t, counts, k.put("u/m", tableValue(t, 5, 1), nil))
	require.Equal(t, counts, k.put("u/m", first, nil))
	require.Equal(t, late, k.put("u/m", tableValue(t, 6, 3), nil))
	require.Equal(t, late, k.put("u/m", tableValue(t, 7, 4), nil), "of equals the first")
	require.Equal(t, string(first), get(t, k.store, "u/m"))
	require.Equal(t, []string{"u/m"}, k.marked(markRepair))
	require.Equal(t, same, k.put("u/m", first, nil))
	require.Empty(t, k.marked(markRepair))
}

func TestForeignRecordsOfATableArePassedOver(t *testing.T) {
	codec := schemas.Offline()
	event, err := codec.EncodeEvent(&domain.PlaybackRecorded{RecordPlayback: *report("u", "m", 1), Verdict: domain.Applied})
	require.NoError(t, err)
	feedback, err := codec.EncodeFeedbackTable(newFeedback(9))
	require.NoError(t, err)
	for name, value := range map[string][]byte{
		"a tombstone": nil, "no Avro": []byte("rubbish"), "an event": event, "a value of another table": feedback,
		"an unknown schema": {0, 0, 0, 77, 77, 18}, "half a value": tableValue(t, 9, 1)[:7],
	} {
		t.Run(name, func(t *testing.T) {
			k := newKept(t, true)
			right := tableValue(t, 5, 1)
			require.Equal(t, foreign, k.put("u/m", value, nil))
			require.Equal(t, string(lostValue), get(t, k.store, "u/m"), "not taken for a key without a state")
			require.Equal(t, []string{"u/m"}, k.marked(markLost))
			require.Equal(t, counts, k.put("u/m", right, nil))
			require.Empty(t, k.marked(markLost))
			require.Equal(t, foreign, k.put("u/m", value, nil))
			require.Equal(t, string(right), get(t, k.store, "u/m"))
			require.Equal(t, []string{"u/m"}, k.marked(markRepair))
		})
	}
}

func TestAViewPassesOverWithoutMarks(t *testing.T) {
	k := newKept(t, false)
	require.Equal(t, foreign, k.put("u/m", []byte("?"), nil))
	require.Equal(t, string(lostValue), get(t, k.store, "u/m"))
	require.Zero(t, k.marks.Load(), "it repairs nothing")
}

func TestNothingIsKeptUnderNoKeyNorUnderThatOfAnotherPartition(t *testing.T) {
	k := newKept(t, true)
	require.Equal(t, foreign, k.put("", tableValue(t, 5, 1), nil))
	k.keeper.inputs = partitions
	stray := "u/m"
	for n := 0; domain.Partition(stray, partitions) == 0; n++ {
		stray = strconv.Itoa(n) + "/m"
	}
	require.Equal(t, foreign, k.put(stray, []byte("?"), nil))
	for _, key := range []string{"", stray} {
		has, err := k.Has(key)
		require.NoError(t, err)
		require.False(t, has)
	}
	require.Zero(t, k.marks.Load())
}

// What a restore passes over is found again after a crash, until the right value stands behind it.
func TestMarksOutliveTheProcessAsTheOffsetDoes(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir)
	require.NoError(t, s.Set("u/m", []byte("right")))
	require.NoError(t, s.mark("u/m", markRepair))
	require.NoError(t, s.mark("\x00odd", markLost))
	require.NoError(t, s.Set("\x00odd", lostValue))
	require.NoError(t, s.SetOffset(3))
	require.NoError(t, s.MarkRecovered())
	require.NoError(t, s.db.Close()) // the end of the process: nothing is said to the store

	s = open(t, dir)
	defer func() { require.NoError(t, s.Close()) }()
	require.Equal(t, int64(3), s.offset.Load())
	require.Equal(t, int64(2), s.marks.Load())
	keys, err := s.marked(markRepair, 10)
	require.NoError(t, err)
	require.Equal(t, []string{"u/m"}, keys)
	keys, err = s.marked(markLost, 10)
	require.NoError(t, err)
	require.Equal(t, []string{"\x00odd"}, keys)
	require.Equal(t, string(lostValue), get(t, s, "\x00odd"), "a key that begins as the store's own places do is one like others")
	require.NoError(t, s.MarkRecovered())
	require.NoError(t, s.wrote(recordsAt(4, "u/m")))
	require.Equal(t, int64(1), s.marks.Load(), "what is written again is settled")
}

// Whoever waits for a record reads at once.
func TestARecordIsInTheStoreWhenItIsTold(t *testing.T) {
	k, told := newKept(t, false), 0
	update := k.keeper.restore(func(int32) *store { return k.store }, func(goka.UpdateContext) {
		has, err := k.Has("u/m")
		require.NoError(t, err)
		require.True(t, has)
		told++
	})
	require.NoError(t, update(at{offset: 4, placed: "4"}, nil, "u/m", tableValue(t, 5, 1)))
	require.Equal(t, 1, told)
	require.NoError(t, update(at{offset: 5, placed: "4"}, nil, "u/m", tableValue(t, 6, 1)))
	require.Equal(t, 1, told, "what does not count shows nothing")
}

// at is goka's context of a record of a table.
type at struct {
	goka.UpdateContext
	offset int64
	placed string
}

func (a at) Partition() int32      { return 0 }
func (a at) Offset() int64         { return a.offset }
func (a at) Headers() goka.Headers { return goka.Headers{topics.HeaderPlace: []byte(a.placed)} }

func TestForeignRecordsAreLoggedInBounds(t *testing.T) {
	var l logLimit
	now := time.Unix(1_800_000_000, 0)
	passed := 0
	for range 1000 {
		if _, ok := l.next(now); ok {
			passed++
		}
	}
	require.Equal(t, logsMost, passed)
	more, ok := l.next(now.Add(logsEvery))
	require.True(t, ok)
	require.Equal(t, 1000-logsMost, more, "the rest is counted")
}

func TestNoKeyLiesInTheStoresOwnPlaces(t *testing.T) {
	s := open(t, t.TempDir())
	defer func() { require.NoError(t, s.Close()) }()
	require.NoError(t, s.MarkRecovered())
	require.NoError(t, s.Set(marksPlace+"u/m", []byte("r")))
	require.NoError(t, s.countMarks())
	require.NoError(t, s.flush())
	require.NoError(t, s.countMarks())
	require.Zero(t, s.marks.Load())
	require.Equal(t, "r", get(t, s, marksPlace+"u/m"))
}
