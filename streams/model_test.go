package streams

import (
	"fmt"
	"maps"
	"testing"

	"github.com/lovoo/goka/storage"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"ugc/deploy/faults/faultstest"
	"ugc/domain"
	"ugc/schemas"
)

// A model of one partition: an input log, a table's topic, a topic of outcomes, a copy of the table. Owners send asynchronously; what is durable
// of each topic is a prefix of what was sent. Owners crash with their copy kept, lost, or ahead of the table's topic, or are paused and flush
// late, as zombies. Everything but Kafka and time is the real thing: rule.step, keep, the codec, the decider.

type written struct {
	key   string
	value string // of the table
	in    domain.Version
}

type outcome struct {
	in   domain.Version
	what string
}

type world struct {
	inputs   []input
	rule     rule[domain.Opinions, domain.FeedbackCommand]
	table    []written
	outcomes []outcome
	commit   int

	// Cures to leave out.
	lastWins, noOutbox bool
}

type owner struct {
	w           *world
	copy        storage.Storage
	start, next int
	tables      []written // sent, not yet durable
	events      []outcome
	tableAck    domain.Version
	eventAck    domain.Version
}

func newWorld(inputs []input) *world {
	codec := schemas.Offline()
	return &world{inputs: inputs, rule: decided(domain.Feedback, codec, codec.DecodeFeedbackTable, codec.EncodeFeedbackTable)}
}

func (w *world) owner(copy storage.Storage) *owner {
	before := domain.Version(w.commit) - 1
	return &owner{w: w, copy: copy, start: w.commit, next: w.commit, tableAck: before, eventAck: before}
}

func (o *owner) step(t require.TestingT) {
	if o.next == len(o.w.inputs) {
		return
	}
	in := o.w.inputs[o.next]
	o.next++
	value, err := o.copy.Get(in.key)
	require.NoError(t, err)
	table := newTable[domain.Opinions]()
	if value != nil {
		table, err = o.w.rule.decode(value)
		require.NoError(t, err)
	}
	if o.w.noOutbox {
		table.Outbox = nil
		table.Applied = min(table.Applied, in.origin.Version-1)
	}
	s, err := o.w.rule.step(table, &in, o.eventAck)
	require.NoError(t, err)
	encoded, err := o.w.rule.encode(s.table)
	require.NoError(t, err)
	require.NoError(t, o.copy.Set(in.key, encoded))
	o.tables = append(o.tables, written{in.key, string(encoded), in.origin.Version})
	switch {
	case s.refused != nil:
		o.events = append(o.events, outcome{in.origin.Version, "refused: " + s.refused.reason})
	case len(s.event) > 0:
		o.events = append(o.events, outcome{in.origin.Version, string(s.event)})
	default:
		o.events = append(o.events, outcome{in.origin.Version, ""})
	}
}

// flush makes a prefix of what was sent durable.
func (o *owner) flush(tables, events int, acked bool) {
	for _, x := range o.tables[:tables] {
		o.w.table = append(o.w.table, x)
		if acked {
			o.tableAck = x.in
		}
	}
	for _, x := range o.events[:events] {
		if x.what != "" {
			o.w.outcomes = append(o.w.outcomes, x)
		}
		if acked {
			o.eventAck = x.in
		}
	}
	o.tables, o.events = o.tables[tables:], o.events[events:]
}

func (o *owner) committable() int { return int(min(o.tableAck, o.eventAck)) + 1 }

// restore reads the table's topic from a place on, over a copy that may be there.
func (w *world) restore(t require.TestingT, copy storage.Storage, from int) storage.Storage {
	for _, x := range w.table[from:] {
		if w.lastWins {
			require.NoError(t, copy.Set(x.key, []byte(x.value)))
			continue
		}
		require.NoError(t, keep(copy, newHealer("t", quietLog(), cannotTouch), x.key, []byte(x.value)))
	}
	return copy
}

// live goes through one history.
func (w *world) live(t *rapid.T) {
	o := w.owner(storage.NewMemory())
	type zombie struct {
		*owner
		wakes int
	}
	var zombies []zombie
	for moves := 0; o.next < len(w.inputs) || len(o.tables)+len(o.events)+len(zombies) > 0; moves++ {
		switch move := rapid.IntRange(0, 99).Draw(t, "move"); {
		case move < 80 && o.next < len(w.inputs):
			o.step(t)
		case move < 97 || moves > 20*len(w.inputs):
			o.flush(rapid.IntRange(0, len(o.tables)).Draw(t, "tables"), rapid.IntRange(0, len(o.events)).Draw(t, "events"), true)
			if moves > 20*len(w.inputs) {
				o.flush(len(o.tables), len(o.events), true)
			}
		default:
			w.commit = rapid.IntRange(w.commit, max(w.commit, o.committable())).Draw(t, "commit")
			kind := rapid.SampledFrom([]string{"copy kept", "copy lost", "zombie"}).Draw(t, "crash")
			if kind == "zombie" {
				zombies = append(zombies, zombie{o, rapid.IntRange(5, 60).Draw(t, "wakes")})
			} else {
				o.flush(rapid.IntRange(0, len(o.tables)).Draw(t, "tables"), rapid.IntRange(0, len(o.events)).Draw(t, "events"), false)
			}
			if kind == "copy kept" {
				o = w.owner(w.restore(t, o.copy, rapid.IntRange(0, len(w.table)).Draw(t, "from")))
			} else {
				o = w.owner(w.restore(t, storage.NewMemory(), 0))
			}
		}
		for i := 0; i < len(zombies); i++ {
			if zombies[i].wakes--; zombies[i].wakes <= 0 {
				z := zombies[i].owner
				z.flush(rapid.IntRange(0, len(z.tables)).Draw(t, "tables"), rapid.IntRange(0, len(z.events)).Draw(t, "events"), false)
				zombies = append(zombies[:i], zombies[i+1:]...)
				i--
			}
		}
		w.commit = max(w.commit, o.committable())
	}
}

// check says what is wrong with the world, compared with one owner that never fails.
func (w *world) check(t require.TestingT) error {
	ideal := newWorld(w.inputs)
	o := ideal.owner(storage.NewMemory())
	for range w.inputs {
		o.step(t)
		o.flush(1, 1, true)
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
	wanted, found := ideal.restore(t, storage.NewMemory(), 0), w.restore(t, storage.NewMemory(), 0)
	for _, in := range w.inputs {
		if a, b := stateOf(t, w, wanted, in.key), stateOf(t, w, found, in.key); a != b {
			return fmt.Errorf("key %s: the table says %s, the fold %s", in.key, b, a)
		}
	}
	return nil
}

func stateOf(t require.TestingT, w *world, s storage.Storage, key string) string {
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
