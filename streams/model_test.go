package streams

import (
	"fmt"
	"maps"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/syndtr/goleveldb/leveldb"
	ldbstorage "github.com/syndtr/goleveldb/leveldb/storage"
	"pgregory.net/rapid"

	"ugc/deploy/faults/faultstest"
	"ugc/domain"
	"ugc/schemas"
)

// A model of one partition: an input log, a table's topic, a topic of outcomes, copies of the table. Owners write asynchronously; what is durable
// of each topic is a prefix of what was sent, and of a flush any part from its start. Owners die with their copy kept, closed or lost, or are paused, and
// then write late, as zombies, and may own the partition again with the copy that they had. Everything but Kafka and time is the real thing: rule.step, table,
// lane, store, keep, the codec, the decider.

type written struct {
	key    string
	value  string // of the table
	header domain.Version
	named  bool // it has a header
}

type outcome struct {
	in      domain.Version
	what    string
	promise *promise
}

type world struct {
	inputs   []input
	rule     rule[domain.FeedbackState, domain.FeedbackCommand]
	table    []written
	outcomes []outcome
	commit   int

	// Cures to leave out.
	lastWins, noOutbox, noGap, everyHeader bool
}

// disk is a copy of the table's partition.
type disk struct{ ldbstorage.Storage }

func newDisk() disk { return disk{ldbstorage.NewMemStorage()} }

type owner struct {
	w         *world
	disk      disk
	part      *partition
	table     *table[domain.FeedbackState]
	next      int
	flight    *batch[domain.FeedbackState] // the flush under way
	landed    int                          // so many of its records are durable
	events    []outcome                    // sent, not yet durable
	committed int                          // the input to go on from, as goka may commit it
}

func newWorld(inputs []input) *world {
	codec := schemas.Offline()
	return &world{inputs: inputs, rule: decided(domain.Feedback, codec, codec.DecodeFeedbackTable, codec.EncodeFeedbackTable)}
}

// owner takes the partition over: it restores the copy and goes on from the commit.
func (w *world) owner(t require.TestingT, d disk) *owner {
	db, err := leveldb.Open(d, nil)
	require.NoError(t, err)
	s, err := newStore("copy", db)
	require.NoError(t, err)
	w.restore(t, s)
	part := &partition{lane: newLane(domain.Version(w.commit) - 1)}
	return &owner{w: w, disk: d, part: part, next: w.commit, committed: w.commit,
		table: newOwned(&incarnation{group: group("ugc-feedback")}, part, s, &w.rule)}
}

func (o *owner) step(t require.TestingT) {
	if o.next == len(o.w.inputs) {
		return
	}
	in := o.w.inputs[o.next]
	o.next++
	value, err := o.table.get(in.key)
	require.NoError(t, err)
	if o.w.noOutbox {
		without := *value
		without.Outbox, without.Applied = nil, min(value.Applied, in.origin.Version-1)
		value = &without
	}
	s, err := o.w.rule.step(value, &in, o.part.lane.ackedUpTo())
	require.NoError(t, err)
	o.table.set(&in, s.table)
	what, n := whatOf(&s), 1
	if what == "" {
		n = 0
	}
	promise := o.part.lane.add(in.origin.Version, n, true, func(err error) {
		require.NoError(t, err)
		require.Equal(t, domain.Version(o.committed), in.origin.Version, "promises are kept in order")
		o.committed = int(in.origin.Version) + 1
	})
	if n > 0 {
		o.events = append(o.events, outcome{in.origin.Version, what, promise})
	}
}

// whatOf is the outcome of a step, "" for none.
func whatOf(s *step[domain.FeedbackState]) string {
	if s.refused != nil {
		return "refused: " + s.refused.reason
	}
	return string(s.event)
}

// under is how many table records and outcomes are on their way, after a flush has begun where there is something to write and none is under way.
func (o *owner) under(t require.TestingT) (tables, events int) {
	if o.flight == nil {
		var err error
		o.flight, err = o.table.take()
		require.NoError(t, err)
		o.landed = 0
	}
	if o.flight != nil {
		tables = len(o.flight.records) - o.landed
	}
	return tables, len(o.events)
}

// flush makes a prefix of what is on its way durable; acked says that the owner hears of it.
func (o *owner) flush(t require.TestingT, tables, events int, acked bool) {
	for ; tables > 0; tables-- {
		r := o.flight.records[o.landed]
		r.Offset = int64(len(o.w.table))
		x := written{key: string(r.Key), value: string(r.Value)}
		for _, h := range r.Headers {
			x.header, x.named = parseVersion(h.Value)
		}
		if o.w.everyHeader {
			x.header, x.named = o.flight.newest, true
		}
		o.w.table = append(o.w.table, x)
		o.landed++
	}
	if acked && o.flight != nil && o.landed == len(o.flight.records) {
		last := o.flight.records[o.landed-1].Offset
		require.NoError(t, o.table.written(o.flight))
		if o.w.noGap {
			require.NoError(t, o.table.copy.SetOffset(last))
		}
		o.flight = nil
	}
	for _, x := range o.events[:events] {
		o.w.outcomes = append(o.w.outcomes, x)
		if acked {
			x.promise.written(nil, nil)
		}
	}
	o.events = o.events[events:]
}

// some flushes a part that is drawn.
func (o *owner) some(t *rapid.T, acked bool) {
	tables, events := o.under(t)
	o.flush(t, rapid.IntRange(0, tables).Draw(t, "tables"), rapid.IntRange(0, events).Draw(t, "events"), acked)
}

// die leaves the copy as it is on disk, or, where it is closed, as it was in memory.
func (o *owner) die(t require.TestingT, closed bool) {
	if closed {
		require.NoError(t, o.table.copy.Close())
		return
	}
	require.NoError(t, o.table.copy.db.Close())
}

// restore reads the table's topic from where the copy ends.
func (w *world) restore(t require.TestingT, s *store) {
	for i := s.offset.Load() + 1; i < int64(len(w.table)); i++ {
		x := w.table[i]
		if w.lastWins {
			require.NoError(t, s.Set(x.key, []byte(x.value)))
		} else {
			require.NoError(t, keep(s, newHealer("t", quietLog(), cannotTouch), x.key, []byte(x.value)))
		}
		require.NoError(t, s.SetOffset(i))
	}
	require.NoError(t, s.MarkRecovered())
}

// live goes through one history.
func (w *world) live(t *rapid.T) {
	o := w.owner(t, newDisk())
	type zombie struct {
		*owner
		wakes int
	}
	var zombies []zombie
	var left []disk // of zombies that have gone; whoever comes back there has such a copy
	busy := func() bool {
		tables, events := o.under(t)
		return tables+events > 0
	}
	for moves := 0; o.next < len(w.inputs) || busy() || len(zombies) > 0; moves++ {
		switch move := rapid.IntRange(0, 99).Draw(t, "move"); {
		case move < 80 && o.next < len(w.inputs):
			o.step(t)
		case moves > 20*len(w.inputs):
			tables, events := o.under(t)
			o.flush(t, tables, events, true)
		case move < 97:
			o.some(t, true)
		default:
			w.commit = rapid.IntRange(w.commit, max(w.commit, o.committed)).Draw(t, "commit")
			d := newDisk()
			switch kind := rapid.SampledFrom([]string{"killed", "stopped", "copy lost", "paused"}).Draw(t, "end"); kind {
			case "paused":
				zombies = append(zombies, zombie{o, rapid.IntRange(5, 60).Draw(t, "wakes")})
			default:
				o.some(t, false)
				o.die(t, kind == "stopped")
				if kind != "copy lost" {
					d = o.disk
				}
			}
			if len(left) > 0 && rapid.Bool().Draw(t, "comes back") {
				d, left = left[0], left[1:]
			}
			o = w.owner(t, d)
		}
		for i := 0; i < len(zombies); i++ {
			if zombies[i].wakes--; zombies[i].wakes <= 0 {
				z := zombies[i].owner
				z.some(t, true) // it does not know that it is one
				z.some(t, false)
				z.die(t, rapid.Bool().Draw(t, "stopped"))
				left = append(left, z.disk)
				zombies = append(zombies[:i], zombies[i+1:]...)
				i--
			}
		}
		w.commit = max(w.commit, o.committed)
	}
	o.die(t, false) // an open copy holds 4 MiB, and there are thousands of histories
}

// check says what is wrong with the world, compared with one owner that never fails.
func (w *world) check(t require.TestingT) error {
	ideal := newWorld(w.inputs)
	o := ideal.owner(t, newDisk())
	defer o.die(t, false)
	for range w.inputs {
		o.step(t)
		tables, events := o.under(t)
		o.flush(t, tables, events, true)
	}
	want := map[domain.Version]string{}
	for _, x := range ideal.outcomes {
		want[x.in] = x.what
	}
	got := map[domain.Version]string{}
	for _, x := range w.outcomes {
		if old, ok := got[x.in]; ok && old != x.what {
			return fmt.Errorf("input %d has two different outcomes", x.in)
		}
		got[x.in] = x.what
	}
	if !maps.Equal(got, want) {
		return fmt.Errorf("the outcomes of %d inputs are not those of a life without crashes", len(want))
	}
	wanted, found := ideal.owner(t, newDisk()), w.owner(t, newDisk())
	defer wanted.die(t, false)
	defer found.die(t, false)
	for _, in := range w.inputs {
		if a, b := stateOf(t, w, wanted.table.copy, in.key), stateOf(t, w, found.table.copy, in.key); a != b {
			return fmt.Errorf("key %s: the table says %s, the fold %s", in.key, b, a)
		}
	}
	return w.checkWatermark()
}

// checkWatermark goes through the table's topic as a reader does: what a header names must be shown by then.
func (w *world) checkWatermark() error {
	shown := map[string]domain.Version{}
	for _, x := range w.table {
		applied, err := schemas.AppliedOf([]byte(x.value))
		if err != nil {
			return err
		}
		if old, ok := shown[x.key]; !ok || applied > old {
			shown[x.key] = applied
		}
		if !x.named {
			continue
		}
		for _, in := range w.inputs[:x.header+1] {
			if v, ok := shown[in.key]; !ok || v < in.origin.Version {
				return fmt.Errorf("the watermark is %d, and input %d of key %s is not shown", x.header, in.origin.Version, in.key)
			}
		}
	}
	return nil
}

func stateOf(t require.TestingT, w *world, s *store, key string) string {
	value, err := s.Get(key)
	require.NoError(t, err)
	if value == nil {
		return "nothing"
	}
	table, err := w.rule.decode(value)
	require.NoError(t, err)
	return fmt.Sprintf("%d %t %+v", table.Applied, table.Blocked, table.State)
}

func drawInputs(t *rapid.T) []input {
	codec := schemas.Offline()
	n := rapid.IntRange(1, 120).Draw(t, "inputs")
	inputs := make([]input, n)
	for i := range inputs {
		movie := fmt.Sprint("m", rapid.IntRange(0, 4).Draw(t, "movie"))
		cmd := rating("u", movie, rapid.IntRange(0, 50).Draw(t, "n"), int32(rapid.IntRange(0, 10).Draw(t, "score")))
		value, err := codec.EncodeCommand(cmd)
		require.NoError(t, err)
		inputs[i] = input{origin: domain.Origin{Version: domain.Version(i)}, key: cmd.Key(), value: value}
		switch rapid.IntRange(0, 60).Draw(t, "kind") {
		case 0:
			inputs[i].value = []byte("poison")
		case 1:
			inputs[i].release = true
		}
	}
	return inputs
}

func TestAnyHistoryOfCrashesGivesThePureFold(t *testing.T) {
	faultstest.Rapid(t, 3000)
	rapid.Check(t, func(t *rapid.T) {
		w := newWorld(drawInputs(t))
		w.live(t)
		require.NoError(t, w.check(t))
	})
}

// The model must see what the cures are for: without either of them some history goes wrong.
func TestTheModelFindsTheFaultsThatTheCuresAreFor(t *testing.T) {
	for name, without := range map[string]func(*world){
		"no outbox":        func(w *world) { w.noOutbox = true },
		"last record wins": func(w *world) { w.lastWins = true },
		"each record of a flush names the last input": func(w *world) { w.everyHeader = true },
	} {
		t.Run(name, func(t *testing.T) {
			found := false
			for seed := 0; seed < 300 && !found; seed++ {
				w := rapid.Custom(func(t *rapid.T) *world {
					w := newWorld(drawInputs(t))
					without(w)
					w.live(t)
					return w
				}).Example(seed)
				found = w.check(t) != nil
			}
			require.True(t, found, "no history went wrong")
		})
	}
}

// A process sleeps while another owns its partition, writes late, is told that its record stands at an offset past the other's, and owns the partition again
// with the copy that it had. A copy that called itself complete up to that offset would never read what the other wrote.
func TestAZombieThatOwnsThePartitionAgainReadsWhatItMissed(t *testing.T) {
	for name, noGap := range map[string]bool{"with the cure": false, "without": true} {
		t.Run(name, func(t *testing.T) {
			codec := schemas.Offline()
			inputs := make([]input, 4)
			for i := range inputs {
				cmd := rating("u", fmt.Sprint("m", i%2), i, int32(i))
				value, err := codec.EncodeCommand(cmd)
				require.NoError(t, err)
				inputs[i] = input{origin: domain.Origin{Version: domain.Version(i)}, key: cmd.Key(), value: value}
			}
			w := newWorld(inputs)
			w.noGap = noGap
			all := func(o *owner) {
				tables, events := o.under(t)
				o.flush(t, tables, events, true)
			}
			zombie := w.owner(t, newDisk())
			zombie.step(t)
			zombie.under(t) // sent, and not there yet
			other := w.owner(t, newDisk())
			for range 3 {
				other.step(t)
				all(other)
			}
			w.commit = other.committed
			all(zombie)
			zombie.die(t, true)
			back := w.owner(t, zombie.disk)
			back.step(t)
			all(back)
			if noGap {
				require.Error(t, w.check(t))
			} else {
				require.NoError(t, w.check(t))
			}
		})
	}
}
