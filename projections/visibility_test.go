package projections

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"ugc/domain"
	"ugc/handlers"
	"ugc/schemas/topics"
)

// elsewhere is what another process has stored.
type elsewhere struct {
	mu        sync.Mutex
	marks     map[int32]Watermark
	summaries map[string]handlers.Summary
	asked     []time.Time
	err       error
}

func (e *elsewhere) Stored(context.Context) (map[int32]Watermark, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.asked = append(e.asked, time.Now())
	return e.marks, e.err
}

func (e *elsewhere) Summary(_ context.Context, movie string) (handlers.Summary, bool, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.asked = append(e.asked, time.Now())
	s, ok := e.summaries[movie]
	return s, ok, e.err
}

func (e *elsewhere) set(do func()) {
	e.mu.Lock()
	defer e.mu.Unlock()
	do()
}

func reader() (*Watermarks, *elsewhere, *Visibility) {
	w, e := &Watermarks{}, &elsewhere{}
	return w, e, NewVisibility(w, e, Shown{View: handlers.ViewRatings, Source: topics.FeedbackEvents, Stored: e.Stored})
}

func feedbackMark(p int32, v domain.Version, movie string) domain.Token {
	return domain.Token{}.Add(domain.Mark{Topic: topics.FeedbackCommands.Name, Partition: p, Version: v, Movie: movie})
}

// waiting runs a wait and gives what it ended with.
func waiting(ctx context.Context, v *Visibility, view handlers.View, token domain.Token) chan error {
	done := make(chan error, 1)
	go func() { done <- v.Wait(ctx, view, token) }()
	synctest.Wait()
	return done
}

func still(t *testing.T, done chan error) {
	t.Helper()
	synctest.Wait()
	require.Empty(t, done, "it must wait on")
}

func TestWaitingEndsTheMomentTheViewAdvances(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, e, v := reader()
		w.own("ratings", 1, domain.NoVersion)
		began := time.Now()
		done := waiting(t.Context(), v, handlers.ViewRatings, feedbackMark(1, 7, "m"))
		<-time.After(time.Minute) // virtual
		still(t, done)
		w.advanced("ratings", map[int32]Watermark{1: {Next: 7, Version: 6}}, slices.Values([]string{"u/m"}))
		still(t, done)
		w.advanced("ratings", map[int32]Watermark{0: {Next: 9, Version: 9}}, slices.Values([]string{"u/m"}))
		still(t, done)
		w.advanced("likes", map[int32]Watermark{1: {Next: 9, Version: 9}}, slices.Values([]string{"u/m"}))
		still(t, done)
		w.advanced("ratings", map[int32]Watermark{1: {Next: 8, Version: 7}}, slices.Values([]string{"u/m"}))
		require.NoError(t, <-done)
		require.Equal(t, time.Minute, time.Since(began), "no time passes between the advance and the answer")
		require.Empty(t, e.asked, "the store was never asked")
		require.NoError(t, v.Wait(t.Context(), handlers.ViewRatings, feedbackMark(1, 7, "m")), "what is shown stays shown")
	})
}

func TestWaitingForAnotherProcessAsksTheStoreWithRestraint(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, e, v := reader()
		e.err = errors.New("store away") // which may pass
		done := waiting(t.Context(), v, handlers.ViewRatings, feedbackMark(1, 7, "m"))
		<-time.After(time.Second)
		still(t, done)
		e.set(func() { e.err, e.marks = nil, map[int32]Watermark{1: {Next: 8, Version: 7}} })
		shown := time.Now()
		require.NoError(t, <-done)
		require.LessOrEqual(t, time.Since(shown), 50*time.Millisecond)
		require.Equal(t, 2*time.Millisecond, e.asked[1].Sub(e.asked[0]), "soon again at first")
		require.InDelta(t, 25, len(e.asked), 4, "then every 50 ms")
	})
}

func TestWaitingMovesWithThePartition(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, e, v := reader()
		w.own("ratings", 1, domain.NoVersion)
		done := waiting(t.Context(), v, handlers.ViewRatings, feedbackMark(1, 7, ""))
		w.disown("ratings", 1)
		synctest.Wait()
		require.NotEmpty(t, e.asked, "another process has it now: the store is asked")
		w.own("ratings", 1, 7)
		require.NoError(t, <-done)
	})
}

func TestWaitingEndsWithTheContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, e, v := reader()
		w.own("ratings", 2, 3)
		e.err = errors.New("store away")
		for _, c := range []struct {
			view handlers.View
			mark domain.Token
		}{{handlers.ViewRatings, feedbackMark(1, 7, "m")}, {handlers.ViewRatings, feedbackMark(2, 7, "m")}, {handlers.ViewSummaries, feedbackMark(1, 7, "m")}} {
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			err := v.Wait(ctx, c.view, c.mark)
			require.ErrorIs(t, err, context.DeadlineExceeded)
			require.Equal(t, domain.Unavailable, domain.KindOf(err))
			cancel()
		}
	})
}

func TestMarksThatAViewIsNotMadeOfArePassedOver(t *testing.T) {
	_, e, v := reader()
	playback := domain.Token{}.Add(domain.Mark{Topic: topics.PlaybackCommands.Name, Partition: 1, Version: 7, Movie: "m"})
	require.NoError(t, v.Wait(t.Context(), handlers.ViewRatings, nil))
	require.NoError(t, v.Wait(t.Context(), handlers.ViewRatings, playback))
	require.NoError(t, v.Wait(t.Context(), handlers.ViewSummaries, playback))
	require.NoError(t, v.Wait(t.Context(), handlers.ViewSummaries, feedbackMark(1, 7, "")))
	require.Empty(t, e.asked)
	require.Error(t, v.Wait(t.Context(), "nobody's", feedbackMark(1, 7, "")))
}

func TestWaitingForASummaryEndsWhenTheCommandIsFoldedIn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, e, v := reader()
		folded := func(p int32, version domain.Version) {
			e.set(func() {
				e.summaries = map[string]handlers.Summary{"m": {Folded: []domain.Origin{{Partition: p, Version: version}}}}
			})
		}
		tell := func() { w.advanced("movie_summaries", map[int32]Watermark{0: {}}, slices.Values([]string{"m"})) }
		done := waiting(t.Context(), v, handlers.ViewSummaries, feedbackMark(1, 7, "m"))
		folded(2, 9)
		tell()
		still(t, done)
		folded(1, 6)
		tell()
		still(t, done)
		folded(1, 8)
		began := time.Now()
		tell()
		require.NoError(t, <-done)
		require.Zero(t, time.Since(began), "the moment the movie is written")

		done = waiting(t.Context(), v, handlers.ViewSummaries, feedbackMark(1, 9, "m"))
		folded(1, 9) // by another process: nobody tells
		require.NoError(t, <-done)
		require.LessOrEqual(t, time.Since(began), 50*time.Millisecond)
		require.Empty(t, w.views["movie_summaries"].keys, "nothing is kept for those who went")
	})
}

func TestATokenWithManyMoviesWaitsForEachSummaryAndOncePerPartition(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, e, v := reader()
		mark := func(p int32, version domain.Version, movie string) domain.Mark {
			return domain.Mark{Topic: topics.FeedbackCommands.Name, Partition: p, Version: version, Movie: movie}
		}
		token := domain.NewToken(mark(0, 1, "a"), mark(0, 2, "b"), mark(1, 1, "a"))
		shows := func(movie string, folded ...domain.Origin) {
			e.set(func() {
				if e.summaries == nil {
					e.summaries = map[string]handlers.Summary{}
				}
				e.summaries[movie] = handlers.Summary{Folded: folded}
			})
		}
		done := waiting(t.Context(), v, handlers.ViewSummaries, token)
		shows("a", domain.Origin{Partition: 0, Version: 1}, domain.Origin{Partition: 1, Version: 1})
		<-time.After(time.Second)
		still(t, done)
		shows("b", domain.Origin{Partition: 0, Version: 2})
		require.NoError(t, <-done)

		e.set(func() { e.asked, e.marks = nil, map[int32]Watermark{0: {Version: 2}, 1: {Version: 1}} })
		require.NoError(t, v.Wait(t.Context(), handlers.ViewRatings, token))
		require.Len(t, e.asked, 2, "a partition is asked for once")
	})
}

func TestManyWaitForEveryMarkOfAToken(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, _, v := reader()
		w.own("ratings", 0, domain.NoVersion)
		w.own("ratings", 1, domain.NoVersion)
		token := feedbackMark(0, 3, "").Add(domain.Mark{Topic: topics.FeedbackCommands.Name, Partition: 1, Version: 4})
		var all []chan error
		for range 50 {
			all = append(all, waiting(t.Context(), v, handlers.ViewRatings, token))
		}
		none := slices.Values([]string(nil))
		w.advanced("ratings", map[int32]Watermark{1: {Version: 4}}, none)
		for _, done := range all {
			still(t, done)
		}
		w.advanced("ratings", map[int32]Watermark{0: {Version: 3}}, none)
		for _, done := range all {
			require.NoError(t, <-done)
		}
	})
}
