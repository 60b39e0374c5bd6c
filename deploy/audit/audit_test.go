package audit

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"ugc/domain"
	"ugc/projections"
	"ugc/schemas/topics"
	"ugc/streams"
)

func TestHonestWorkHasNoDifference(t *testing.T) {
	w := newWorld(t)
	w.busy()
	r := w.audit()
	require.Empty(t, r.Differences)
	require.Zero(t, r.Total())
	stored := map[string]int64{}
	for _, c := range r.Counts {
		require.Equal(t, c.Accepted, c.Stored, "%+v", c)
		stored[c.Check] += c.Stored
	}
	require.EqualValues(t, 140, stored[topics.PlaybackEvents.Name])
	require.EqualValues(t, 140, stored["playback_events"])
	require.EqualValues(t, 80, stored[topics.FeedbackEvents.Name])
	require.EqualValues(t, 35, stored["viewing"])
	require.EqualValues(t, 5, stored["movie_summaries"])
	require.EqualValues(t, 220, r.Commands)
}

// TestEveryAlterationIsFound makes one fault after the other in what an honest service left, in every view.
func TestEveryAlterationIsFound(t *testing.T) {
	for _, v := range Running().ViewNames() {
		for fault, f := range map[string]struct {
			do   func(rows map[string]Row, id string)
			kind Kind
		}{
			"dropped": {func(rows map[string]Row, id string) { delete(rows, id) }, Missing},
			"altered": {func(rows map[string]Row, id string) { r := rows[id]; r.Text += "0"; rows[id] = r }, Different},
			"alien": {func(rows map[string]Row, id string) {
				r := rows[id]
				r.Key, r.Version = "u0/alien", 1<<40
				rows["alien"] = r
			}, Extra},
			"newer": {func(rows map[string]Row, id string) {
				r := rows[id]
				r.Version, r.Folded = r.Version+1<<40, future(r.Folded)
				rows[id] = r
			}, Extra},
			"doubled": {func(rows map[string]Row, id string) { rows["again"] = rows[id] }, Doubled},
		} {
			t.Run(v+" "+fault, func(t *testing.T) {
				w := newWorld(t)
				w.busy()
				p, id := w.any(v)
				if v == "movie_summaries" && fault == "alien" {
					w.rows[v][p]["alien"] = Row{Key: "alien", Folded: []domain.Origin{{Partition: 0, Version: 3}}}
				} else {
					f.do(w.rows[v][p], id)
				}
				r := w.audit()
				require.NotEmpty(t, r.Differences)
				kinds := map[Kind]bool{}
				for _, d := range r.Differences {
					require.Equal(t, v, d.Check, d)
					kinds[d.Kind] = true
				}
				require.True(t, kinds[f.kind], "%v", r.Differences)
			})
		}
	}
}

func future(folded []domain.Origin) (out []domain.Origin) {
	for _, o := range folded {
		out = append(out, domain.Origin{Partition: o.Partition, Version: o.Version + 1<<40})
	}
	return out
}

// TestEventsAgainstCommands damages the logs.
func TestEventsAgainstCommands(t *testing.T) {
	events := topics.PlaybackEvents.Name
	first := func(w *world) *[]Record { return &w.logs[events][domain.Partition("u1", partitions)] }
	for name, f := range map[string]struct {
		do   func(w *world, log *[]Record)
		kind Kind
	}{
		"repeated":          {func(w *world, log *[]Record) { *log = append(*log, Record{Key: (*log)[0].Key, Value: (*log)[0].Value}) }, ""},
		"lost":              {func(w *world, log *[]Record) { *log = (*log)[1:] }, Missing},
		"no event":          {func(w *world, log *[]Record) { (*log)[0].Value = []byte("rubbish") }, Unreadable},
		"decided otherwise": {func(w *world, log *[]Record) { (*log)[0].Value = w.forge((*log)[0].Value) }, Different},
		"decided twice": {func(w *world, log *[]Record) {
			*log = append(*log, Record{Key: (*log)[0].Key, Value: w.forge((*log)[0].Value)})
		}, Contradicting},
		"of no command": {func(w *world, log *[]Record) {
			*log = append(*log, Record{Key: (*log)[0].Key, Value: w.future((*log)[0].Value)})
		}, Extra},
		"decided twice alike": {func(w *world, log *[]Record) {
			*log = append(*log, Record{Key: (*log)[0].Key, Value: otherBytes((*log)[0].Value)})
		}, Contradicting},
		"under another key": {func(w *world, log *[]Record) { (*log)[0].Key = []byte("u1/other") }, Different},
		"command without fate": {func(w *world, log *[]Record) {
			w.accept(&domain.RecordViewing{Fact: w.fact("u1", "m1"), ViewedSeconds: 1})
		}, Missing},
		"decided and set aside": {func(w *world, log *[]Record) {
			e := must(w.codec.DecodeEvent((*log)[0].Value))
			w.letter(topics.PlaybackCommands.Name, e.Head().Origin, string((*log)[0].Key))
		}, Contradicting},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.busy()
			f.do(w, first(w))
			r := w.audit()
			if f.kind == "" {
				require.Empty(t, r.Differences)
				return
			}
			found := false
			for _, d := range r.Differences {
				found = found || d.Check == events && d.Kind == f.kind
			}
			require.True(t, found, "%v", r.Differences)
		})
	}
}

// otherBytes is the same event with its last number written longer than it need be.
func otherBytes(value []byte) []byte {
	last := len(value) - 1
	return append(append([]byte(nil), value[:last]...), value[last]|0x80, 0)
}

func (w *world) forge(value []byte) []byte {
	e := must(w.codec.DecodeEvent(value)).(*domain.PlaybackRecorded)
	e.After.Plays++
	return must(w.codec.EncodeEvent(e))
}

func (w *world) future(value []byte) []byte {
	e := must(w.codec.DecodeEvent(value)).(*domain.PlaybackRecorded)
	e.Origin.Version += 1 << 40
	return must(w.codec.EncodeEvent(e))
}

// TestTheTableIsTheFold writes a table record of a wrong state, and an older one late, which counts for nothing.
func TestTheTableIsTheFold(t *testing.T) {
	w := newWorld(t)
	w.busy()
	p := domain.Partition("u1", partitions)
	log := &w.logs[topics.PlaybackTable.Name][p]
	*log = append(*log, (*log)[0]) // a zombie's
	require.Zero(t, w.audit().Total())
	last := must(w.codec.DecodePlaybackTable((*log)[len(*log)-2].Value))
	last.State.Plays += 3
	key := string((*log)[len(*log)-2].Key)
	w.append(topics.PlaybackTable.Name, p, key, must(w.codec.EncodePlaybackTable(last)))
	r := w.audit()
	require.Len(t, r.Differences, 1)
	require.Equal(t, Different, r.Differences[0].Kind)
	require.Equal(t, key, r.Differences[0].Key)
}

// TestForeignRecordsAreNamed puts bytes among the dead letters and into the tables that are none of ours: they are findings, once each, and keep nobody
// from comparing the rest.
func TestForeignRecordsAreNamed(t *testing.T) {
	w := newWorld(t)
	w.busy()
	var want []string
	for _, topic := range []topics.Topic{topics.DeadLetters, topics.PlaybackTable, topics.FeedbackTable, topics.MoviesTable} {
		p := domain.Partition("u1/m1", partitions)
		w.append(topic.Name, p, "u1/m1", []byte("not Avro"))
		want = append(want, fmt.Sprintf("%s/%d/%d", topic.Name, p, len(w.logs[topic.Name][p])-1))
	}
	w.rows["viewing"][domain.Partition("u1/m1", partitions)]["u1/m1"] = Row{Key: "u1/m1", Version: 1 << 40} // lets everything be read twice
	var got []string
	for _, d := range w.audit().Differences {
		if d.Kind == Unreadable {
			got = append(got, d.Origin)
			require.Equal(t, "u1/m1", d.Key)
		}
	}
	require.ElementsMatch(t, want, got)
}

// TestWritingMayGoOn gives more commands while the audit reads: what is newer than the snapshot is compared too, and nothing is missed.
func TestWritingMayGoOn(t *testing.T) {
	w := newWorld(t)
	w.busy()
	more := 0
	w.onScan = func(string) {
		if more++; more <= 40 {
			w.give(&domain.RecordPlayback{Fact: w.fact("u1", "m1"), Type: domain.Play, Position: domain.Millis(more)})
			w.give(&domain.SetRating{Fact: w.fact("u2", "m2"), Score: int32(more % 11)})
			w.give(&domain.SetRating{Fact: w.fact("u3", "m2"), Score: int32(more % 11)})
			w.give(&domain.SetLike{Fact: w.fact("late"+string(rune('a'+more%26)), "m9")})
		}
	}
	r := w.audit()
	require.Empty(t, r.Differences)
	require.Greater(t, more, 10)
}

// TestARightButOldRowIsFound gives views what they rightly showed before a last command, as a store does that was set back.
func TestARightButOldRowIsFound(t *testing.T) {
	w := newWorld(t)
	w.busy()
	p, m := domain.Partition("u1", partitions), domain.Partition("m1", partitions)
	viewing, summary := w.rows["viewing"][p]["u1/m1"], w.rows["movie_summaries"][m]["m1"]
	w.give(&domain.RecordPlayback{Fact: w.fact("u1", "m1"), Type: domain.Play})
	w.give(&domain.SetRating{Fact: w.fact("u1", "m1"), Score: 3})
	require.Empty(t, w.audit().Differences)
	w.rows["viewing"][p]["u1/m1"], w.rows["movie_summaries"][m]["m1"] = viewing, summary
	r := w.audit()
	require.Len(t, r.Differences, 2, "%v", r.Differences)
	for _, d := range r.Differences {
		require.Equal(t, Older, d.Kind, d)
	}
}

func TestBehindIsADifference(t *testing.T) {
	w := newWorld(t)
	w.busy()
	w.committed["ugc-feedback"][1] = 0
	r := w.audit()
	require.Len(t, r.Differences, 1)
	require.Equal(t, Behind, r.Differences[0].Kind)
	require.Contains(t, r.Differences[0].Check, "ugc-feedback")
}

// TestEventsAreJudgedByTheRulesThatTheyName changes a setting while a film is watched: what was decided before stands, in every view.
func TestEventsAreJudgedByTheRulesThatTheyName(t *testing.T) {
	w := newWorld(t)
	watch := func(user string, position domain.Millis) *domain.RecordPlayback {
		return &domain.RecordPlayback{Fact: w.fact(user, "heat"), Type: domain.Pause, Position: position, Duration: 100_000}
	}
	first := watch("ann", 92_000)
	w.give(first)
	w.give(watch("bob", 92_000))
	strict := domain.PublishedRules
	strict.CompletedReached = 0.95
	w.rules = strict
	again := *first
	w.give(&again) // a duplicate names the rules of what it repeats
	w.give(watch("bob", 50_000))
	w.give(watch("ann", 10))
	w.give(watch("cid", 92_000))
	require.False(t, w.playback["cid/heat"].Viewing().Completed)
	for _, now := range []domain.PlaybackRules{domain.PublishedRules, strict} {
		require.Empty(t, w.auditWith(Options{Rules: now}).Differences)
	}
	log := w.logs[topics.PlaybackEvents.Name][domain.Partition("cid/heat", partitions)]
	e := must(w.codec.DecodeEvent(log[len(log)-1].Value)).(*domain.PlaybackRecorded)
	e.After.Completed = true // as the other rules would have it
	log[len(log)-1].Value = must(w.codec.EncodeEvent(e))
	r := w.audit()
	require.Len(t, r.Differences, 1, "%v", r.Differences)
	require.Contains(t, r.Differences[0].Is, "completed=true")
}

// TestNothingOfTheServiceIsWithoutACheck asks for what the service runs on, and for more.
func TestNothingOfTheServiceIsWithoutACheck(t *testing.T) {
	require.NoError(t, Running().checked())
	for what, add := range map[string]func(*Service){
		"view":         func(s *Service) { s.Views = append(s.Views, projections.View{Name: "fake"}) },
		"topic":        func(s *Service) { s.Topics = append(s.Topics, topics.Topic{Name: "fake"}) },
		"group":        func(s *Service) { s.Groups = append(s.Groups, streams.Group{Name: "fake"}) },
		"derived view": func(s *Service) { s.Derived["fake"] = nil },
	} {
		s := Running()
		add(&s)
		require.ErrorContains(t, Options{Service: s}.Validate(), "there is no check for the "+what+" fake")
	}
}

// TestProgressStaysWithinItsTotal gives more commands while the audit reads.
func TestProgressStaysWithinItsTotal(t *testing.T) {
	w := newWorld(t)
	w.busy()
	more, told := 0, 0
	w.onScan = func(string) {
		if more++; more < 5 {
			for range 1500 {
				w.give(&domain.RecordPlayback{Fact: w.fact("u1", "m1"), Type: domain.Play})
			}
		}
	}
	w.auditWith(Options{Progress: func(stage string, done, total int64) {
		told++
		require.LessOrEqual(t, done, total, stage)
	}})
	require.Positive(t, told)
}

func TestTheListIsBounded(t *testing.T) {
	r, sh := &Result{}, &sheet{Count: Count{Check: "c"}, limit: 3}
	for range 10 {
		sh.found(Difference{Kind: Missing, Key: "k"})
	}
	r.add(sh, 3)
	r.add(sh, 3)
	var out bytes.Buffer
	n, err := r.WriteTo(&out)
	require.NoError(t, err)
	require.EqualValues(t, out.Len(), n)
	require.EqualValues(t, 20, r.Total())
	require.Equal(t, 3, strings.Count(out.String(), "missing, key k"))
	require.Contains(t, out.String(), "and 17 more\n20 differences; ")
}

func TestOptionsSayEverything(t *testing.T) {
	err := Options{Wait: -1, Limit: -1}.Validate()
	for _, text := range []string{"log and a codec", "the view viewing", "wait", "limit"} {
		require.ErrorContains(t, err, text)
	}
}

func TestFindingsAboutAnybodysBytesAreShortLines(t *testing.T) {
	s := &sheet{limit: 1}
	s.found(Difference{Kind: Unreadable, Key: strings.Repeat("k", 1<<20), Is: "two\nlines" + strings.Repeat("x", 1<<20), Should: strings.Repeat("y", 1<<20)})
	line := s.list[0].String()
	require.Less(t, len(line), 3*maxShown)
	require.NotContains(t, line, "\n")
	require.Contains(t, line, "(1048576 bytes)")
	require.Less(t, len(s.list[0].Key), maxShown)
	require.Contains(t, Difference{Key: "ann/heat", Is: "9, not 3"}.String(), "key ann/heat, is 9, not 3")
}
