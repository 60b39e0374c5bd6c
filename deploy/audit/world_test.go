package audit

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"ugc/deploy/reference"
	"ugc/deploy/reference/translate"
	"ugc/domain"
	"ugc/projections"
	"ugc/schemas"
	"ugc/schemas/topics"
)

const partitions = 3

// world is a log and its views in memory, made by the real rules: what a service without a fault leaves behind.
type world struct {
	t         *testing.T
	codec     *schemas.Codec
	logs      map[string][][]Record
	rows      map[string][]map[string]Row // by view and partition; of history views the key is the version
	committed map[string]map[int32]int64
	playback  map[string]domain.PlaybackState
	opinions  map[string]domain.FeedbackState
	movies    map[string]domain.MovieState
	now       domain.Instant
	onScan    func(view string) // called before each scan
	derived   worldDerived
	decided   []domain.PlaybackEvent
	rules     domain.PlaybackRules
}

func newWorld(t *testing.T) *world {
	w := &world{t: t, codec: schemas.Offline(), logs: map[string][][]Record{}, rows: map[string][]map[string]Row{}, committed: map[string]map[int32]int64{},
		playback: map[string]domain.PlaybackState{}, opinions: map[string]domain.FeedbackState{}, movies: map[string]domain.MovieState{}, now: 1_750_000_000_000, rules: domain.PublishedRules}
	w.derived.world = w
	for _, topic := range topics.All() {
		w.logs[topic.Name] = make([][]Record, partitions)
	}
	for _, v := range Running().ViewNames() {
		for range partitions {
			w.rows[v] = append(w.rows[v], map[string]Row{})
		}
	}
	for _, g := range []string{"ugc-playback", "ugc-feedback", "ugc-movies"} {
		w.committed[g] = map[int32]int64{}
	}
	return w
}

func (w *world) Ends(_ context.Context, topic string) (first, next []int64, err error) {
	for _, p := range w.logs[topic] {
		first, next = append(first, 0), append(next, int64(len(p)))
	}
	return first, next, nil
}

func (w *world) Committed(_ context.Context, group, _ string) (map[int32]int64, error) {
	return w.committed[group], nil
}

func (w *world) Read(_ context.Context, topic string, p int32, to int64, each func(Record) error) error {
	for _, r := range w.logs[topic][p][:to] {
		if err := each(r); err != nil {
			return err
		}
	}
	return nil
}

type worldRows struct {
	*world
	view string
}

func (r worldRows) Watermarks(context.Context) (map[int32]projections.Watermark, error) {
	marks := map[int32]projections.Watermark{}
	for p, records := range r.logs[sourceOf(r.view)] {
		mark := projections.Watermark{Next: int64(len(records)), Version: domain.NoVersion}
		for _, record := range records {
			if e, err := r.codec.DecodeEvent(record.Value); err == nil {
				mark.Version = max(mark.Version, e.Head().Origin.Version)
			}
		}
		marks[int32(p)] = mark
	}
	return marks, nil
}

func (r worldRows) Scan(_ context.Context, p int32, each func(Row) error) error {
	if r.onScan != nil {
		r.onScan(r.view)
	}
	for _, row := range r.rows[r.view][p] {
		if err := each(row); err != nil {
			return err
		}
	}
	return nil
}

func (w *world) append(topic string, p int32, key string, value []byte) int64 {
	n := int64(len(w.logs[topic][p]))
	w.logs[topic][p] = append(w.logs[topic][p], Record{Offset: n, Key: []byte(key), Value: value})
	return n
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

// fact is a fact of its own time and id.
func (w *world) fact(user, movie string) domain.Fact {
	w.now += 1000
	return domain.Fact{ID: domain.NamedID(domain.ID{}, fmt.Sprint(w.now)), User: user, Movie: movie, OccurredAt: w.now, ReceivedAt: w.now + 5}
}

// give accepts a command and does all that follows from it.
func (w *world) give(c domain.Command) domain.Origin {
	origin := w.accept(c)
	key := c.Head().Key()
	switch c := c.(type) {
	case domain.PlaybackCommand:
		e := w.rules.Decider().Decide(w.playback[key], c)
		w.playback[key] = w.rules.Decider().Evolve(w.playback[key], e)
		w.decided = append(w.decided, e)
		w.append(topics.PlaybackEvents.Name, origin.Partition, key, must(w.codec.EncodeEvent(e)))
		w.append(topics.PlaybackTable.Name, origin.Partition, key, must(w.codec.EncodePlaybackTable(&schemas.Table[domain.PlaybackState]{Applied: origin.Version, State: w.playback[key]})))
		w.show("playback_events", origin, fmt.Sprint(origin.Version), key, rowOf(splitPlayback, e))
		w.show("viewing", origin, key, key, viewingText(translate.Viewing(e.Viewed())))
	case domain.FeedbackCommand:
		w.feedback(c, origin, key)
	}
	return origin
}

func (w *world) feedback(c domain.FeedbackCommand, origin domain.Origin, key string) {
	e := domain.Feedback.Decide(w.opinions[key], c)
	w.opinions[key] = domain.Feedback.Evolve(w.opinions[key], e)
	after, head := w.opinions[key], e.Head()
	w.append(topics.FeedbackEvents.Name, origin.Partition, key, must(w.codec.EncodeEvent(e)))
	w.append(topics.FeedbackTable.Name, origin.Partition, key,
		must(w.codec.EncodeFeedbackTable(&schemas.Table[domain.FeedbackState]{Applied: origin.Version, State: after})))
	w.show("feedback_events", origin, fmt.Sprint(origin.Version), key, rowOf(splitFeedback, e))
	w.show("feedback", origin, key, key, opinionsText(translate.Opinions(&after.Opinions)))
	kind, _, _ := e.Opinion()
	o := after.Of(kind)
	w.show(kind.String()+"s", origin, key, key, opinionText(head.User, head.Movie, !o.Set, uint64(o.Since), int64(o.Stamp.At), int64(o.Value), kind != domain.BookmarkKind))

	p := domain.Partition(head.Movie, partitions)
	s := domain.FoldMovie(w.movies[head.Movie], e)
	w.movies[head.Movie] = s
	n := w.append(topics.MoviesFeedback.Name, p, head.Movie, must(w.codec.EncodeEvent(e)))
	w.committed["ugc-movies"][p] = n + 1
	w.append(topics.MoviesTable.Name, p, head.Movie, must(w.codec.EncodeMoviesTable(&schemas.Table[domain.MovieState]{Applied: domain.Version(n), State: s})))
	w.rows["movie_summaries"][p][head.Movie] = Row{Key: head.Movie, Version: domain.Version(n), Text: summaryText(translate.Summary(&s.Summary), s.Summary.Mean()), Folded: s.Folded}
}

// rowOf is the row of a history view: the first fields of an event's text.
func rowOf(split func(domain.Event) (string, reference.Rules, bool), e domain.Event) string {
	text, _, _ := split(e)
	i := strings.Index(text, fieldEnd+"verdict=")
	n := strings.Index(text[i+1:], fieldEnd)
	return text[:i+1+n]
}

func sourceOf(view string) string {
	for _, v := range Running().Views {
		if v.Name == view {
			return v.Source.Name
		}
	}
	return ""
}

// accept only writes the command, and says that its group has come past it.
func (w *world) accept(c domain.Command) domain.Origin {
	key, topic, group := c.Head().Key(), topics.Of(c).Name, "ugc-playback"
	if topic == topics.FeedbackCommands.Name {
		group = "ugc-feedback"
	}
	p := domain.Partition(key, partitions)
	n := w.append(topic, p, key, must(w.codec.EncodeCommand(c)))
	c.Head().Origin = domain.Origin{Partition: p, Version: domain.Version(n)}
	w.committed[group][p] = n + 1
	return c.Head().Origin
}

func (w *world) show(view string, o domain.Origin, id, key, text string) {
	w.rows[view][o.Partition][id] = Row{Key: key, Version: o.Version, Text: text}
}

// letter sets a command aside.
func (w *world) letter(topic string, o domain.Origin, key string) {
	w.letterOf("streams/playback", topic, o.Partition, o.Version.Offset(), key)
}

// letterOf sets a record aside, as a step does.
func (w *world) letterOf(step, topic string, p int32, offset int64, key string) {
	w.letterAs("behind", step, topic, p, offset, key)
}

func (w *world) letterAs(reason, step, topic string, p int32, offset int64, key string) {
	w.append(topics.DeadLetters.Name, 0, key, must(w.codec.EncodeDeadLetter(&schemas.DeadLetter{
		Topic: topic, Partition: p, Offset: offset, Step: step, Reason: reason, Key: []byte(key), Value: w.logs[topic][p][offset].Value})))
}

// blocked writes the table value of a key whose command was set aside.
func (w *world) blocked(o domain.Origin, key string) {
	w.append(topics.PlaybackTable.Name, o.Partition, key, must(w.codec.EncodePlaybackTable(&schemas.Table[domain.PlaybackState]{Applied: o.Version, Blocked: true, State: w.playback[key]})))
}

// bad writes a record that is no command of its key, and sets it aside.
func (w *world) bad(key string, value []byte) domain.Origin {
	p := domain.Partition(key, partitions)
	n := w.append(topics.PlaybackCommands.Name, p, key, value)
	w.committed["ugc-playback"][p] = n + 1
	o := domain.Origin{Partition: p, Version: domain.Version(n)}
	w.letter(topics.PlaybackCommands.Name, o, key)
	w.blocked(o, key)
	return o
}

func (w *world) audit() *Result { w.t.Helper(); return w.auditWith(Options{}) }

func (w *world) auditWith(o Options) *Result {
	w.t.Helper()
	views := map[string]Rows{}
	for _, v := range Running().ViewNames() {
		views[v] = worldRows{w, v}
	}
	o.Log, o.Codec, o.Views, o.Derived, o.Now = w, w.codec, views, w.derived, func() time.Time { return time.Time{} }
	r, err := Run(w.t.Context(), o)
	require.NoError(w.t, err)
	return r
}

// busy gives some of everything.
func (w *world) busy() {
	for n := range 120 {
		user, movie := fmt.Sprintf("u%d", n%7), fmt.Sprintf("m%d", n%5)
		w.give(&domain.RecordPlayback{Fact: w.fact(user, movie), Type: domain.Heartbeat, Position: domain.Millis(n) * 1000, Duration: 6_000_000, Watched: []domain.Interval{{Start: domain.Millis(n) * 1000, End: domain.Millis(n)*1000 + 500}}})
		switch n % 6 {
		case 0:
			w.give(&domain.RecordViewing{Fact: w.fact(user, movie), ViewedSeconds: int64(n) + 1})
		case 1:
			w.give(&domain.SetRating{Fact: w.fact(user, movie), Score: int32(n % 11)})
		case 2:
			w.give(&domain.SetLike{Fact: w.fact(user, movie), Dislike: n%4 == 0})
		case 3:
			w.give(&domain.SetBookmark{Fact: w.fact(user, movie)})
		case 4:
			w.give(&domain.ClearBookmark{Fact: w.fact(user, movie)})
		}
	}
}

// any gives a row of a view with its place, the least key of the first partition that has one.
func (w *world) any(view string) (p int, id string) {
	for p, rows := range w.rows[view] {
		ids := make([]string, 0, len(rows))
		for id := range rows {
			ids = append(ids, id)
		}
		if len(ids) > 0 {
			return p, slices.Min(ids)
		}
	}
	w.t.Fatalf("no row in %s", view)
	return 0, ""
}
