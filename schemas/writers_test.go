package schemas

import (
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"ugc/domain"
)

// stray is a record of a schema id.
func stray(id uint32) []byte {
	return append(Offline().appendHeader(nil, 0)[:1], byte(id>>24), byte(id>>16), byte(id>>8), byte(id), 1)
}

// underVirtualTime runs a test with a codec over a registry in memory.
func underVirtualTime(t *testing.T, test func(t *testing.T, m *memory, c *Codec)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		m := newMemory()
		c, err := New(t.Context(), options(t, m))
		require.NoError(t, err)
		test(t, m, c)
	})
}

// lost makes the registry forget a schema, until it is given back.
func (m *memory) lost(id uint32) (back func()) {
	m.mu.Lock()
	defer m.mu.Unlock()
	text := m.texts[int(id)]
	delete(m.texts, int(id))
	return func() {
		m.mu.Lock()
		defer m.mu.Unlock()
		m.texts[int(id)] = text
	}
}

func idOf(t *testing.T, record []byte) uint32 {
	t.Helper()
	id, err := schemaID(record)
	require.NoError(t, err)
	return id
}

func TestAnIDThatIsNotKnownYetIsWaitedFor(t *testing.T) {
	underVirtualTime(t, func(t *testing.T, m *memory, c *Codec) {
		b := otherVersion(t, m, "note")
		back := m.lost(idOf(t, b))
		began := time.Now()
		time.AfterFunc(7*time.Second, back)
		_, err := c.DecodeCommand(b)
		require.NoError(t, err)
		require.Less(t, time.Since(began), 9*time.Second)
		before := m.calls.Load()
		_, err = c.DecodeCommand(b)
		require.NoError(t, err)
		require.Equal(t, before, m.calls.Load())
	})
}

func TestAnIDThatNeverComesIsWaitedForOnce(t *testing.T) {
	underVirtualTime(t, func(t *testing.T, m *memory, c *Codec) {
		began, before := time.Now(), m.calls.Load()
		_, err := c.DecodeCommand(stray(777))
		require.ErrorIs(t, err, ErrUnknownSchema)
		require.Equal(t, 10*time.Second, time.Since(began))
		require.Less(t, m.calls.Load()-before, int64(20))

		before = m.calls.Load()
		for range 50 {
			_, err = c.DecodeCommand(stray(777))
			require.ErrorIs(t, err, ErrUnknownSchema)
		}
		require.Equal(t, before, m.calls.Load(), "asked a moment ago")
		time.Sleep(askAgain) //nolint:forbidigo // virtual time
		began = time.Now()
		for range 50 {
			_, err = c.DecodeCommand(stray(777))
			require.ErrorIs(t, err, ErrUnknownSchema)
		}
		require.Equal(t, before+1, m.calls.Load())
		require.Zero(t, time.Since(began), "and not waited for again")
	})
}

func TestAnIDThatComesLateIsKnownFromThenOn(t *testing.T) {
	underVirtualTime(t, func(t *testing.T, m *memory, c *Codec) {
		b := otherVersion(t, m, "note")
		back := m.lost(idOf(t, b))
		_, err := c.DecodeCommand(b)
		require.ErrorIs(t, err, ErrUnknownSchema)
		back()
		time.Sleep(askAgain) //nolint:forbidigo // virtual time
		_, err = c.DecodeCommand(b)
		require.NoError(t, err, "a 404 is never final")
	})
}

func TestManyWaitForOneID(t *testing.T) {
	underVirtualTime(t, func(t *testing.T, m *memory, c *Codec) {
		b := otherVersion(t, m, "note")
		time.AfterFunc(5*time.Second, m.lost(idOf(t, b)))
		began, before := time.Now(), m.calls.Load()
		var all sync.WaitGroup
		for range 40 {
			all.Go(func() {
				_, err := c.DecodeCommand(b)
				require.NoError(t, err)
			})
		}
		all.Wait()
		require.Less(t, time.Since(began), 7*time.Second)
		require.Less(t, m.calls.Load()-before, int64(12))
	})
}

func TestARegistryThatGoesAwayWhileAnIDIsWaitedForIsAStall(t *testing.T) {
	underVirtualTime(t, func(t *testing.T, m *memory, c *Codec) {
		b := otherVersion(t, m, "note")
		back := m.lost(idOf(t, b))
		time.AfterFunc(3*time.Second, func() { m.fail(away) })
		_, err := c.DecodeCommand(b)
		require.Equal(t, domain.Unavailable, domain.KindOf(err))
		time.Sleep(time.Minute) //nolint:forbidigo // virtual time
		m.fail(nil)
		time.AfterFunc(5*time.Second, back)
		_, err = c.DecodeCommand(b)
		require.NoError(t, err, "the minute without an answer does not count")
	})
}

// Bytes of no record at all look like ids: one poisoned topic must not hold up a partition for 10 s with each record.
func TestManyIDsThatNeverComeAreNotWaitedForEach(t *testing.T) {
	underVirtualTime(t, func(t *testing.T, m *memory, c *Codec) {
		b := otherVersion(t, m, "note")
		_, err := c.DecodeCommand(b)
		require.NoError(t, err)
		began, before := time.Now(), m.calls.Load()
		for id := range uint32(3000) {
			_, err := c.DecodeCommand(stray(10_000 + id))
			require.ErrorIs(t, err, ErrUnknownSchema)
		}
		require.Equal(t, maxFruitless*waitForID, time.Since(began))
		require.Less(t, m.calls.Load()-before, int64(3100))
		require.LessOrEqual(t, len(c.writers.searches), maxWriters)
		before = m.calls.Load()
		_, err = c.DecodeCommand(b)
		require.NoError(t, err)
		require.Equal(t, before, m.calls.Load(), "what is known stays known")

		time.Sleep(fruitlessFor) //nolint:forbidigo // virtual time
		late := otherVersion(t, m, "remark")
		time.AfterFunc(5*time.Second, m.lost(idOf(t, late)))
		_, err = c.DecodeCommand(late)
		require.NoError(t, err, "waited for as ever")
	})
}

func TestIDsThatNoRegistryGivesAreNotAskedFor(t *testing.T) {
	underVirtualTime(t, func(t *testing.T, m *memory, c *Codec) {
		began, before := time.Now(), m.calls.Load()
		for _, id := range []uint32{0, 1 << 31, 1<<32 - 1} {
			_, err := c.DecodeCommand(stray(id))
			require.ErrorIs(t, err, ErrUnknownSchema)
		}
		require.Equal(t, before, m.calls.Load())
		require.Zero(t, time.Since(began))
	})
}

func TestStopEndsTheWaitForAnID(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m, stop := newMemory(), make(chan struct{})
		o := options(t, m)
		o.Stop = stop
		c, err := New(t.Context(), o)
		require.NoError(t, err)
		began := time.Now()
		time.AfterFunc(time.Second, func() { close(stop) })
		var all sync.WaitGroup
		for range 3 {
			all.Go(func() {
				_, err := c.DecodeCommand(stray(777))
				require.Equal(t, domain.Unavailable, domain.KindOf(err), "nothing is settled by it")
			})
		}
		all.Wait()
		require.Equal(t, time.Second, time.Since(began))
	})
}
