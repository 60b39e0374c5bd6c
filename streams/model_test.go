package streams

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"strconv"
	"strings"
	"testing"

	"github.com/IBM/sarama"
	"github.com/stretchr/testify/require"
	"github.com/syndtr/goleveldb/leveldb"
	ldbstorage "github.com/syndtr/goleveldb/leveldb/storage"
	"github.com/twmb/franz-go/pkg/kgo"
	"pgregory.net/rapid"

	"ugc/deploy/faults/faultstest"
	"ugc/domain"
	"ugc/schemas"
	"ugc/schemas/topics"
)

// A model of one partition: an input log, a table's topic, a topic of outcomes, copies of the table. Owners write
// asynchronously; what is durable of each topic is a prefix of what was sent, and of a flush any part from its start.
// Owners die with their copy kept, closed or lost, or are paused, and then write late, as zombies, and may own the
// partition again with the copy that they had. Each owner decides by rules of its own, so that two owners make two
// different events of one input. Everything but Kafka and time is the real thing: rule.step, table, lane, store, keeper,
// the codec, the decider.

type written struct {
	key    string
	value  string // of the table
	header domain.Version
	named  bool // it has a header
	placed string
}

type outcome struct {
	in   domain.Version
	what string
	then func(*kgo.Record, error)
}

type world struct {
	inputs   []input
	rule     rule[domain.FeedbackState, domain.FeedbackCommand]
	keeper   *keeper
	table    []written
	outcomes []outcome
	commit   int
	owners   byte  // so many there were
	begin    int64 // of the inputs

	// Cures to leave out.
	lastWins, greaterWins, noOutbox, atOnce, everyHeader bool
}

// disk is a copy of the table's partition.
type disk struct{ ldbstorage.Storage }

func newDisk() disk { return disk{ldbstorage.NewMemStorage()} }

type owner struct {
	w         *world
	disk      disk
	rule      rule[domain.FeedbackState, domain.FeedbackCommand]
	part      *partition
	table     *table[domain.FeedbackState]
	next      int
	flight    *batch[domain.FeedbackState] // the flush under way
	landed    int                          // so many of its records are durable
	events    []outcome                    // sent, not yet durable
	committed int                          // the input to go on from, as goka may commit it
	fenced    bool                         // it has met another owner's values, and ends
}

func newWorld(inputs []input) *world {
	codec, g := schemas.Offline(), group("ugc-feedback")
	return &world{
		inputs: inputs, rule: decided(domain.Feedback, codec, codec.DecodeFeedbackTable, codec.EncodeFeedbackTable),
		keeper: &keeper{topic: g.Table, codec: codec, log: quietLog(), inputs: 1},
	}
}

// The topics as an owner asks for them.

func (w *world) ends(context.Context, string) (map[int32]int64, error) {
	return map[int32]int64{0: int64(len(w.table))}, nil
}

func (w *world) start(context.Context, string, int32) (int64, error) { return w.begin, nil }

func (w *world) read(_ context.Context, topic string, _ int32, from, to int64, each func(*kgo.Record) error) error {
	for i := from; i < to; i++ {
		r := &kgo.Record{Offset: i}
		if topic == w.keeper.topic.Name {
			r.Key, r.Value = []byte(w.table[i].key), []byte(w.table[i].value)
			r.Headers = []kgo.RecordHeader{{Key: topics.HeaderPlace, Value: []byte(w.table[i].placed)}}
		} else {
			r.Key, r.Value = []byte(w.inputs[i].key), w.inputs[i].value
			if w.inputs[i].release {
				r.Headers = []kgo.RecordHeader{{Key: HeaderRelease}}
			}
		}
		if err := each(r); err != nil {
			return err
		}
	}
	return nil
}

// owner takes the partition over: it restores the copy and goes on from the commit.
func (w *world) owner(t require.TestingT, d disk) *owner {
	db, err := leveldb.Open(d, nil)
	require.NoError(t, err)
	s, err := newStore("copy", db)
	require.NoError(t, err)
	w.restore(t, s)
	o := &owner{w: w, disk: d, rule: w.rule, next: w.commit, committed: w.commit}
	w.owners++
	mine := w.owners
	o.rule.apply = func(s domain.FeedbackState, c domain.FeedbackCommand) (domain.FeedbackState, []byte, domain.Verdict, error) {
		s, event, verdict, err := w.rule.apply(s, c)
		return s, append(event, mine), verdict, err
	}
	o.part = &partition{lane: newLane(domain.Version(w.commit)-1, o.emit)}
	var claim sarama.ConsumerGroupClaim = claimed{initial: int64(w.commit)}
	o.part.claim.Store(&claim)
	run := &incarnation{group: group("ugc-feedback"), tables: w, keeper: w.keeper, metrics: newMetrics(nil).of("g"), log: quietLog()}
	require.NoError(t, rebuildLost(run, o.part, s, &w.rule))
	o.table = newOwned(run, o.part, s, &o.rule)
	return o
}

func (o *owner) emit(r *kgo.Record, then func(*kgo.Record, error)) {
	v, _ := parseVersion(r.Key)
	o.events = append(o.events, outcome{v, string(r.Value), then})
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
	s, err := o.rule.step(value, &in, o.part.lane.ackedUpTo())
	require.NoError(t, err)
	o.table.set(&in, s.table)
	var outcomes []*kgo.Record
	if what := whatOf(&s); what != "" {
		outcomes = append(outcomes, &kgo.Record{Key: versionText(in.origin.Version), Value: []byte(what)})
	}
	if o.w.atOnce {
		for _, r := range outcomes {
			o.emit(r, func(*kgo.Record, error) {})
		}
	}
	o.part.lane.add(in.origin.Version, outcomes, true, func(err error) {
		require.NoError(t, err)
		require.Equal(t, domain.Version(o.committed), in.origin.Version, "promises are kept in order")
		o.committed = int(in.origin.Version) + 1
	})
}

// whatOf is the outcome of a step, "" for none.
func whatOf[S any](s *step[S]) string {
	if s.refused != nil {
		return "refused: " + s.refused.reason
	}
	return string(s.event)
}

// under is how many table records and outcomes are on their way, after a flush has begun where there is something to
// write and none is under way.
func (o *owner) under(t require.TestingT) (tables, events int) {
	if o.flight == nil && !o.fenced {
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

// look hears where the table ends, while no flush is under way.
func (o *owner) look(t require.TestingT) {
	if o.flight == nil && !o.fenced {
		o.fence(t, o.table.lookAround(int64(len(o.w.table))))
	}
}

// fence ends the owner where it has met another.
func (o *owner) fence(t require.TestingT, err error) {
	if err == nil {
		return
	}
	require.ErrorIs(t, err, errOtherOwner)
	o.fenced, o.flight = true, nil
}

// flush makes a prefix of what is on its way durable; acked says that the owner hears of it.
func (o *owner) flush(t require.TestingT, tables, events int, acked bool) {
	for ; tables > 0; tables-- {
		r := o.flight.records[o.landed]
		r.Offset = int64(len(o.w.table))
		x := written{key: string(r.Key), value: string(r.Value), placed: string(r.Headers[0].Value)}
		if v := header(r, topics.HeaderVersion); v != "" {
			x.header, x.named = parseVersion([]byte(v))
		}
		if o.w.everyHeader {
			x.header, x.named = o.flight.newest, true
		}
		o.w.table = append(o.w.table, x)
		o.landed++
	}
	sent := o.events[:events]
	o.events = o.events[events:]
	if acked && o.flight != nil && o.landed == len(o.flight.records) {
		missed, err := o.table.written(o.flight)
		o.flight, o.landed = missed, 0
		o.fence(t, err)
	}
	for _, x := range sent {
		o.w.outcomes = append(o.w.outcomes, x)
		if acked {
			x.then(nil, nil)
		}
	}
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
		switch {
		case w.lastWins:
			require.NoError(t, s.Set(x.key, []byte(x.value)))
		case w.greaterWins:
			_, err := w.keeper.keep(s, tableRecord{offset: i, key: x.key, value: []byte(x.value)}, lostValue)
			require.NoError(t, err)
		default:
			_, err := w.keeper.keep(s, tableRecord{offset: i, key: x.key, value: []byte(x.value), placed: x.placed}, lostValue)
			require.NoError(t, err)
		}
		require.NoError(t, s.SetOffset(i))
	}
	require.NoError(t, s.MarkRecovered())
}

// live goes through one history, at the end of which the last owner has repaired what it found.
func (w *world) live(t *rapid.T) {
	o := w.owner(t, newDisk())
	type zombie struct {
		*owner
		wakes int
	}
	var zombies []zombie
	var left []disk // of zombies that have gone; whoever comes back there has such a copy
	busy := func() bool {
		o.look(t)
		tables, events := o.under(t)
		return tables+events > 0 || o.fenced || o.table.copy.marks.Load() > 0
	}
	for moves := 0; o.next < len(w.inputs) || len(zombies) > 0 || busy(); moves++ {
		switch move := rapid.IntRange(0, 99).Draw(t, "move"); {
		case o.fenced:
			o.die(t, true)
			o = w.owner(t, o.disk)
		case move < 80 && o.next < len(w.inputs):
			o.step(t)
		case moves > 20*len(w.inputs):
			tables, events := o.under(t)
			o.flush(t, tables, events, true)
		case move < 85:
			o.look(t)
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
		for range 2 { // the value, then the outcome
			tables, events := o.under(t)
			o.flush(t, tables, events, true)
		}
	}
	want := map[domain.Version]string{}
	for _, x := range ideal.outcomes {
		want[x.in] = w.unruled(x.what)
	}
	got, seen := map[domain.Version]string{}, map[domain.Version]string{}
	for _, x := range w.outcomes {
		if old, ok := seen[x.in]; ok && old != x.what {
			return fmt.Errorf("input %d has two different outcomes", x.in)
		}
		seen[x.in], got[x.in] = x.what, w.unruled(x.what)
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
	return errors.Join(w.checkLast(), w.checkWatermark())
}

// unruled is an outcome without the mark of who decided it.
func (w *world) unruled(what string) string {
	if strings.HasPrefix(what, "refused: ") {
		return what
	}
	return what[:len(what)-1]
}

// counts says whether a record of the table stands where it was meant to.
func (w *world) counts(i int) bool {
	return w.table[i].placed == strconv.Itoa(i) || w.table[i].placed == ""
}

// checkLast sees what compaction would leave.
func (w *world) checkLast() error {
	last := map[string]int{}
	for i, x := range w.table {
		last[x.key] = i
	}
	for key, i := range last {
		if !w.counts(i) {
			return fmt.Errorf("the last record of key %s is one that does not count", key)
		}
	}
	return nil
}

// checkWatermark goes through the table's topic as a reader does: what a header names must be shown by then.
func (w *world) checkWatermark() error {
	shown := map[string]domain.Version{}
	for i, x := range w.table {
		if !w.counts(i) {
			continue
		}
		applied, err := schemas.AppliedOf([]byte(x.value))
		if err != nil {
			return err
		}
		shown[x.key] = applied
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
		"no outbox":                                   func(w *world) { w.noOutbox = true },
		"last record wins":                            func(w *world) { w.lastWins = true },
		"greater version wins":                        func(w *world) { w.greaterWins = true },
		"outcome before the value":                    func(w *world) { w.atOnce = true },
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

// A process sleeps while another owns its partition, and writes late. It meets what the other wrote, emits nothing, and
// reads it when it owns the partition again with the copy that it had.
func TestAPausedOwnerMeetsItsSuccessorsRecords(t *testing.T) {
	codec := schemas.Offline()
	inputs := make([]input, 4)
	for i := range inputs {
		cmd := rating("u", fmt.Sprint("m", i%2), i, int32(i))
		value, err := codec.EncodeCommand(cmd)
		require.NoError(t, err)
		inputs[i] = input{origin: domain.Origin{Version: domain.Version(i)}, key: cmd.Key(), value: value}
	}
	w := newWorld(inputs)
	all := func(o *owner) {
		for range 2 { // the value, then the outcome
			tables, events := o.under(t)
			o.flush(t, tables, events, true)
		}
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
	require.True(t, zombie.fenced)
	require.Empty(t, zombie.events)
	zombie.die(t, true)
	back := w.owner(t, zombie.disk)
	back.step(t)
	all(back)
	require.NoError(t, w.check(t))
	back.die(t, false)
	other.die(t, false)
}
