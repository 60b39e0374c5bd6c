package load

import (
	"context"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/gofiber/fiber/v2"
	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"ugc/domain"
	"ugc/handlers"
)

// drop writes nothing of the first event that is so, however often it comes.
func drop(is func(domain.Command) bool) func(domain.Command) []domain.Command {
	var mu sync.Mutex
	var gone domain.ID
	return func(c domain.Command) []domain.Command {
		mu.Lock()
		defer mu.Unlock()
		if gone.IsZero() && is(c) {
			gone = c.Head().ID
		}
		if c.Head().ID == gone {
			return nil
		}
		return []domain.Command{c}
	}
}

func isType(typ string) func(domain.Command) bool {
	return func(c domain.Command) bool { return wireType(c) == typ }
}

// chosen is true for the first key that it is asked about, and for that one always.
func chosen() func(user, movie string) bool {
	var key atomic.Pointer[string]
	return func(user, movie string) bool {
		k := domain.Key(user, movie)
		key.CompareAndSwap(nil, &k)
		return *key.Load() == k
	}
}

// alter changes one position, the first that can be changed so.
func alter(change func(*handlers.Position) bool) func(handlers.Position) (handlers.Position, bool) {
	is := chosen()
	return func(p handlers.Position) (handlers.Position, bool) {
		if changed := p; change(&changed) && is(p.User, p.Movie) {
			return changed, true
		}
		return p, true
	}
}

// An answer that was mixed up with another's is told, although all is written in the end.
func TestAnswersThatAreMixedUpAreFound(t *testing.T) {
	id := uuid.New().String()
	s := serve(t, &service{after: afterEvery(50, func(c *fiber.Ctx) error {
		return c.Status(202).SendString(`{"event_id":"` + id + `","status":"accepted"}`)
	})})
	o := s.options()
	o.Singles = 1
	result, err := Run(context.Background(), o)
	require.ErrorIs(t, err, ErrDiffers)
	require.Equal(t, "answer", result.Differences[0].Field)
	require.Contains(t, result.Differences[0].Shown, id)
}

// Whatever a service does wrong is found and named.
func TestEveryLieIsFound(t *testing.T) {
	for name, tc := range map[string]struct {
		service *service
		field   string
		says    string
	}{
		"a dropped start":   {&service{log: drop(isType("play"))}, "plays", ""},
		"a dropped viewing": {&service{log: drop(isType("viewing"))}, "viewed_seconds", ""},
		"a doubled viewing": {&service{log: func() func(domain.Command) []domain.Command {
			once := first()
			return func(c domain.Command) []domain.Command {
				if wireType(c) == "viewing" && once() {
					again := clone(c)
					again.Head().ID = domain.ID(uuid.New())
					return []domain.Command{c, again}
				}
				return []domain.Command{c}
			}
		}()}, "viewed_seconds", ""},
		"repetitions that count": {&service{log: func() func(domain.Command) []domain.Command {
			var seen sync.Map
			return func(c domain.Command) []domain.Command {
				if _, again := seen.LoadOrStore(c.Head().ID, true); again {
					c.Head().ID = domain.ID(uuid.New())
					c.Head().Session += "'" // a place is an identity too
				}
				return []domain.Command{c}
			}
		}()}, "plays", ""},
		"the time of arrival in place of the time of the fact": {&service{log: func(c domain.Command) []domain.Command {
			c.Head().OccurredAt = 0
			return []domain.Command{c}
		}}, "position_ms", ""},
		"jumps that are lost": {&service{log: func(c domain.Command) []domain.Command {
			if p, is := c.(*domain.RecordPlayback); is {
				p.From = domain.Optional[domain.Millis]{}
			}
			return []domain.Command{c}
		}}, "watched_ms", ""},
		"bookmarks that are never taken away": {&service{log: func(c domain.Command) []domain.Command {
			if wireType(c) == "clear_bookmark" {
				return nil
			}
			return []domain.Command{c}
		}}, "bookmark", "expected nothing"},
		"a position moved back":  {&service{position: alter(func(p *handlers.Position) bool { p.Position -= 1000; return p.Position > 0 })}, "position_ms", ""},
		"another time":           {&service{position: alter(func(p *handlers.Position) bool { p.PositionAt -= 5_000; return p.PositionAt > 0 })}, "position_ms", ""},
		"a resume point erased":  {&service{position: alter(func(p *handlers.Position) bool { done := p.ResumeAt != 0; p.Resume, p.ResumeAt = 0, 0; return done })}, "resume_ms", "shown nothing"},
		"a length not known":     {&service{position: alter(func(p *handlers.Position) bool { done := p.Duration != 0; p.Duration = 0; return done })}, "duration_ms", "shown null"},
		"a millisecond more":     {&service{position: alter(func(p *handlers.Position) bool { p.WatchedTime++; return true })}, "watched_ms", ""},
		"completed or not":       {&service{position: alter(func(p *handlers.Position) bool { p.Completed = !p.Completed; return true })}, "completed", ""},
		"first seen later":       {&service{position: alter(func(p *handlers.Position) bool { p.FirstSeen += 5_000; return p.FirstSeen > 5_000 })}, "first_seen_at", ""},
		"last seen earlier":      {&service{position: alter(func(p *handlers.Position) bool { p.LastSeen -= 5_000; return p.LastSeen > 0 })}, "last_seen_at", ""},
		"somebody else's row":    {&service{position: alter(func(p *handlers.Position) bool { p.User = "mallory"; return true })}, "user_id", "shown mallory"},
		"a row that is nobody's": {&service{position: alter(func(p *handlers.Position) bool { p.Movie = "zzz"; return true })}, "position", "expected none"},
		"a row missing": {&service{position: func() func(handlers.Position) (handlers.Position, bool) {
			is := chosen()
			return func(p handlers.Position) (handlers.Position, bool) { return p, !is(p.User, p.Movie) }
		}()}, "position", "shown none"},
		"stretches moved": {&service{one: func(p *handlers.Position) {
			p.Watched = slices.Clone(p.Watched)
			for i := range p.Watched {
				p.Watched[i].Start, p.Watched[i].End = p.Watched[i].Start+1, p.Watched[i].End+1
			}
		}}, "watched", ""},
		"another score": {&service{opinion: func(k domain.OpinionKind, o handlers.Opinion) (handlers.Opinion, bool) {
			if k == domain.RatingKind {
				o.Value = (o.Value + 1) % 11
			}
			return o, true
		}}, "rating", ""},
		"likes as dislikes": {&service{opinion: func(k domain.OpinionKind, o handlers.Opinion) (handlers.Opinion, bool) {
			if k == domain.LikeKind {
				o.Value = -o.Value
			}
			return o, true
		}}, "like", ""},
		"a like missing": {&service{opinion: func() func(domain.OpinionKind, handlers.Opinion) (handlers.Opinion, bool) {
			is := chosen()
			return func(k domain.OpinionKind, o handlers.Opinion) (handlers.Opinion, bool) {
				return o, k != domain.LikeKind || !is(o.User, o.Movie)
			}
		}()}, "like", "shown nothing"},
		"an opinion a minute old": {&service{opinion: func(_ domain.OpinionKind, o handlers.Opinion) (handlers.Opinion, bool) {
			o.UpdatedAt -= 60_000
			return o, true
		}}, "bookmark", ""},
		"a vote too many":   {&service{summary: func(s *handlers.Summary) { s.Histogram[3]++; s.Ratings++ }}, "ratings.histogram[3]", ""},
		"a count too great": {&service{summary: func(s *handlers.Summary) { s.Ratings++ }}, "ratings.count", ""},
		"likes of nobody":   {&service{summary: func(s *handlers.Summary) { s.Likes++ }}, "likes", ""},
		"lost dislikes":     {&service{summary: func(s *handlers.Summary) { s.Dislikes-- }}, "dislikes", ""},
		"lost bookmarks":    {&service{summary: func(s *handlers.Summary) { s.Bookmarks-- }}, "bookmarks", ""},
	} {
		t.Run(name, func(t *testing.T) {
			s := serve(t, tc.service)
			o := s.options()
			o.Events = 1500
			result, err := Run(context.Background(), o)
			require.ErrorIs(t, err, ErrDiffers)
			require.Positive(t, result.Found)
			require.True(t, slices.ContainsFunc(result.Differences, func(d Difference) bool {
				return d.Field == tc.field && d.Key != "" && strings.Contains(d.String(), tc.says)
			}), "%v", result.Differences)
			var said strings.Builder
			_, err = result.WriteTo(&said)
			require.NoError(t, err)
			require.Contains(t, said.String(), " differences\n  load-")
		})
	}
}
