package streams

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/lovoo/goka"
	"github.com/lovoo/goka/storage"
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

func TestTheGreaterAppliedVersionStays(t *testing.T) {
	s := storage.NewMemory()
	h := newHealer("t", quietLog(), nil)
	put := func(applied domain.Version, position domain.Millis) {
		require.NoError(t, keep(s, h, "u/m", tableValue(t, applied, position)))
	}
	position := func() domain.Millis {
		v, err := s.Get("u/m")
		require.NoError(t, err)
		table, err := schemas.Offline().DecodePlaybackTable(v)
		require.NoError(t, err)
		return table.State.Furthest
	}
	put(5, 1)
	put(7, 2)
	require.Equal(t, domain.Millis(2), position())
	put(6, 3) // a zombie's, late
	require.Equal(t, domain.Millis(2), position())
	require.Contains(t, h.suspects, "u/m")
	put(7, 4) // of equals, the later one
	require.Equal(t, domain.Millis(4), position())
	require.Empty(t, h.suspects, "the key's last record is its newest again")

	require.NoError(t, keep(s, h, "u/m", nil))
	v, err := s.Get("u/m")
	require.NoError(t, err)
	require.Nil(t, v, "a tombstone deletes")
}

// Whoever waits for a record reads at once.
func TestARecordIsInTheStoreWhenItIsTold(t *testing.T) {
	s, told := storage.NewMemory(), 0
	update := keepGreater("t", newHealer("t", quietLog(), nil), func(goka.UpdateContext) {
		has, err := s.Has("u/m")
		require.NoError(t, err)
		require.True(t, has)
		told++
	})
	require.NoError(t, update(nil, s, "u/m", tableValue(t, 5, 1)))
	require.Equal(t, 1, told)
}

// A foreign record takes no key's value away and holds up no other key; what it may have replaced is put right.
func TestAForeignRecordOfATableIsPassedOver(t *testing.T) {
	s, h := storage.NewMemory(), newHealer("t", quietLog(), nil)
	right, rubbish := tableValue(t, 5, 1), []byte("rubbish")
	is := func(want []byte) {
		t.Helper()
		v, err := s.Get("u/m")
		require.NoError(t, err)
		require.Equal(t, want, v)
	}
	require.NoError(t, keep(s, h, "", right))
	has, err := s.Has("")
	require.NoError(t, err)
	require.False(t, has, "nothing is kept under no key")

	require.NoError(t, keep(s, h, "u/m", rubbish))
	is(rubbish) // not taken for a key without a state
	require.Empty(t, h.suspects, "nobody knows the right value")
	require.NoError(t, keep(s, h, "u/m", right))
	is(right)
	require.NoError(t, keep(s, h, "u/m", rubbish))
	is(right)
	require.Equal(t, domain.Version(5), h.suspects["u/m"].kept)
	require.NoError(t, keep(s, h, "u/m", tableValue(t, 6, 2)))
	require.Empty(t, h.suspects)
}

func TestAHealerTouchesEachRegressedKeyInBatchesAndNotTooSoon(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		touched := make(chan []string, 10)
		h := newHealer("t", quietLog(), func(_ context.Context, keys []string, _ []domain.Version) error {
			touched <- keys
			return nil
		})
		ctx, cancel := context.WithCancel(t.Context())
		go func() { _ = h.Run(ctx) }()
		for i := range 150 {
			h.regressed(string(rune('a'+i/26))+string(rune('a'+i%26)), 3)
			h.regressed(string(rune('a'+i/26))+string(rune('a'+i%26)), 4)
		}
		h.settled("aa")
		time.Sleep(healAfter - time.Millisecond) //nolint:forbidigo // virtual time
		synctest.Wait()
		require.Empty(t, touched, "a newer record may be on its way")
		time.Sleep(2*touchEvery + 2*time.Millisecond) //nolint:forbidigo // virtual time
		synctest.Wait()
		require.Len(t, touched, 2)
		batch := <-touched
		require.Len(t, batch, touchBatch)
		require.Len(t, <-touched, 49, "no key twice, and not the one that was settled")
		h.settled(batch[0])
		time.Sleep(touchAgain + 2*touchEvery) //nolint:forbidigo // virtual time
		synctest.Wait()
		require.Len(t, touched, 2, "what a touch did not settle is touched again")
		cancel()
		synctest.Wait()
	})
}

func TestTouchesAreCommandsThatTheEdgeWouldTake(t *testing.T) {
	f := touchFact(topics.PlaybackTable.Name, "u", "m", 7, func() domain.Instant { return 1 })
	require.NoError(t, touchPlayback(f).Validate())
	require.NoError(t, touchFeedback(f).Validate())
	require.Equal(t, f.ID, touchFact(topics.PlaybackTable.Name, "u", "m", 7, func() domain.Instant { return 2 }).ID)
	require.NotEqual(t, f.ID, touchFact(topics.PlaybackTable.Name, "u", "m", 8, func() domain.Instant { return 1 }).ID)
}
