package projections

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kgo"
	"pgregory.net/rapid"

	"ugc/deploy/faults/faultstest"
	"ugc/domain"
)

// world is a log, and a store that outlives the engines that project it.
type world struct {
	log    [][]entry // by partition
	store  *memory
	fates  *fates
	client *kgo.Client
}

// fates decide what goes wrong: a call fails before or after its effect, or within a write, and perhaps the process dies with it.
type fates struct {
	t      *rapid.T
	budget int
	die    context.CancelFunc
	dead   bool
}

var errDead = errors.New("this process is dead")

func (f *fates) ask(step string, at int) error {
	if f.dead {
		return errDead
	}
	if f.budget == 0 || rapid.IntRange(0, 7).Draw(f.t, fmt.Sprintf("trouble at %s %d", step, at)) < 7 {
		return nil // seldom enough to get somewhere between two deaths
	}
	f.budget--
	if rapid.Bool().Draw(f.t, "it dies of it") {
		f.dead = true
		f.die()
		return errDead
	}
	return errAway
}

func drawLog(t *rapid.T) [][]entry {
	log := make([][]entry, rapid.IntRange(1, 3).Draw(t, "partitions"))
	for p := range log {
		n := rapid.IntRange(0, 12).Draw(t, "records")
		for offset := range n {
			key := rapid.SampledFrom([]string{"a", "b", "c"}).Draw(t, "key")
			entryOf := rapid.SampledFrom([]func(int32, int64, string) entry{good, good, good, good, bad, gone}).Draw(t, "kind")
			log[p] = append(log[p], entryOf(int32(p), int64(offset), fmt.Sprintf("%s%d", key, p)))
		}
	}
	return log
}

// fold is what the view and the dead letters must be: the log in order, once.
func (w *world) fold() (rows map[string]domain.Version, letters map[string]bool, marks map[int32]Watermark) {
	rows, letters, marks = map[string]domain.Version{}, map[string]bool{}, map[int32]Watermark{}
	for p, log := range w.log {
		blocked := map[string]bool{}
		for _, e := range log {
			m, ok := marks[int32(p)]
			if !ok {
				m.Version = domain.NoVersion
			}
			m.Next = e.Offset + 1
			switch {
			case e.refused != nil:
				letters[fmt.Sprintf("%s %d/%d %s", e.Key, p, e.Offset, e.reason)] = true
				blocked[e.Key] = true
			case blocked[e.Key]:
				letters[fmt.Sprintf("%s %d/%d behind", e.Key, p, e.Offset)] = true
			case !e.tombstone():
				rows[e.Key] = e.Version
				m.Version = e.Version
			}
			marks[int32(p)] = m
		}
	}
	return rows, letters, marks
}

// live is one life of an engine: it starts at the store's watermarks and ends with its death or with the log. finished says which.
func (w *world) live(t *rapid.T) (finished bool) {
	ctx, die := context.WithCancel(context.Background())
	defer die()
	w.fates.die, w.fates.dead = die, false
	e := bench(t, w.store, w.client)
	at, err := e.assigned(ctx, map[string]map[int32]kgo.Offset{"t": offsets(len(w.log))})
	if err != nil {
		return false
	}
	next := make([]int, len(w.log))
	for p := range w.log {
		next[p] = int(max(0, at["t"][int32(p)].EpochOffset().Offset))
	}
	for {
		var batch []entry
		left := 0
		for p, log := range w.log {
			n := rapid.IntRange(0, len(log)-next[p]).Draw(t, "taken")
			batch = append(batch, log[next[p]:next[p]+n]...)
			next[p] += n
			left += len(log) - next[p]
		}
		if len(batch) > 0 {
			if err := e.apply(ctx, ctx, batch); err != nil {
				return false
			}
		}
		if left == 0 {
			return true
		}
	}
}

func offsets(partitions int) map[int32]kgo.Offset {
	m := map[int32]kgo.Offset{}
	for p := range partitions {
		m[int32(p)] = kgo.NewOffset()
	}
	return m
}

// timeless hides the test's deadline, which a bubble of virtual time may not ask for.
type timeless struct{ testing.TB }

// Any split into batches, any failures and deaths at any point, any number of times: the view is the fold of the log, every record that
// cannot be applied is a dead letter once, and the watermarks say so.
func TestTheViewIsTheFoldWhateverDies(t *testing.T) {
	faultstest.Rapid(t, 5000)
	client := idle(t)
	synctest.Test(t, func(t *testing.T) { // back-offs take no time
		rapid.Check(timeless{t}, func(t *rapid.T) {
			w := &world{log: drawLog(t), store: newMemory(), client: client}
			w.fates = &fates{t: t, budget: rapid.IntRange(0, 8).Draw(t, "troubles")}
			w.store.trouble = w.fates.ask
			for range 20 {
				if w.live(t) {
					break
				}
			}
			rows, letters, marks := w.fold()
			require.Equal(t, rows, w.store.rows)
			require.Equal(t, marks, w.store.marks)
			got := map[string]bool{}
			for _, l := range w.store.letters {
				got[l] = true
			}
			require.Equal(t, letters, got)
		})
	})
}
