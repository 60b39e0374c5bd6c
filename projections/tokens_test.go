package projections

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"ugc/domain"
	"ugc/handlers"
	"ugc/schemas/topics"
)

// fakeLog is a broker, and a view that reads from it.
type fakeLog struct {
	mu        sync.Mutex
	ends      map[string]Offsets
	committed map[string]Offsets
	read      Offsets
	asked     map[string]int
	err       error
}

func (l *fakeLog) Ends(_ context.Context, topic string) (Offsets, error) {
	return l.answer("ends of "+topic, func() Offsets { return l.ends[topic] })
}

func (l *fakeLog) Committed(_ context.Context, group, _ string) (Offsets, error) {
	return l.answer("committed of "+group, func() Offsets { return l.committed[group] })
}

func (l *fakeLog) Read(context.Context) (Offsets, error) {
	return l.answer("read", func() Offsets { return l.read })
}

// answer copies what of says, under the lock: the waits that ask run beside the test that sets it.
func (l *fakeLog) answer(what string, of func() Offsets) (Offsets, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.asked[what]++
	out := Offsets{}
	for p, n := range of() {
		out[p] = n
	}
	return out, l.err
}

func (l *fakeLog) set(do func()) { l.mu.Lock(); defer l.mu.Unlock(); do() }

// direct is a view that shows nothing by itself until it is told. Like Visibility it passes over movies that are not named.
type direct struct{ shown chan struct{} }

func (d direct) Wait(ctx context.Context, view handlers.View, token domain.Token) error {
	if view == handlers.ViewSummaries && token[0].Movie == "" {
		return nil
	}
	select {
	case <-d.shown:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

const epoch = 1

// tokens are over a log of two partitions, in which the groups have done nothing yet.
func tokens() (*Tokens, *fakeLog, direct) {
	l := &fakeLog{asked: map[string]int{}, read: Offsets{},
		ends: map[string]Offsets{
			topics.FeedbackCommands.Name: {0: 10, 1: 4}, topics.PlaybackCommands.Name: {0: 5, 1: 5},
			topics.FeedbackEvents.Name: {0: 0, 1: 0},
			topics.MoviesFeedback.Name: {0: 0, 1: 0}, topics.MoviesTable.Name: {0: 0, 1: 0},
		},
		committed: map[string]Offsets{"ugc-feedback": {}, "ugc-movies": {}}}
	d := direct{make(chan struct{})}
	events := Hop{Group: "ugc-feedback", To: topics.FeedbackEvents}
	return NewTokens(epoch, l, map[handlers.View]Way{
		handlers.ViewPositions: {Commands: topics.PlaybackCommands, Read: l.Read},
		handlers.ViewLikes:     {Commands: topics.FeedbackCommands, Hops: []Hop{events}, Read: l.Read},
		handlers.ViewSummaries: {Commands: topics.FeedbackCommands, Read: l.Read, Hops: []Hop{
			{Group: "ugc-feedback", To: topics.MoviesFeedback, Rekeyed: true}, {Group: "ugc-movies", To: topics.MoviesTable}}},
	}, d), l, d
}

func markOf(epoch int16, p int32, offset int64, movie string) domain.Mark {
	return domain.Mark{Topic: topics.FeedbackCommands.Name, Partition: p, Version: domain.NewVersion(epoch, offset), Movie: movie}
}

func one(m domain.Mark) domain.Token { return domain.NewToken(m) }

// soon ends a wait that does not end by itself.
func soon(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	t.Cleanup(cancel)
	return ctx
}

func waitingFor(ctx context.Context, v handlers.Waiting, view handlers.View, marks ...domain.Mark) chan error {
	done := make(chan error, 1)
	go func() { done <- v.Wait(ctx, view, domain.NewToken(marks...)) }()
	synctest.Wait()
	return done
}

func TestTokensThatNoLogHolds(t *testing.T) {
	for name, m := range map[string]domain.Mark{
		"no such partition":  markOf(epoch, 2, 0, "m"),
		"beyond the end":     markOf(epoch, 1, 4, "m"),
		"far beyond the end": markOf(epoch, 0, 1<<40, "m"),
		"the epoch to come":  markOf(epoch+1, 0, 0, "m"),
		"another topic":      {Topic: "ugc.feedback.commands.v2", Version: domain.NewVersion(epoch, 1)},
		"all of the future":  markOf(epoch+1, domain.AllPartitions, 0, ""),
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				v, l, _ := tokens()
				began := time.Now()
				for _, view := range []handlers.View{handlers.ViewLikes, handlers.ViewSummaries, handlers.ViewPositions} {
					err := v.Wait(soon(t), view, domain.NewToken(m, markOf(epoch, 0, 1, "m")))
					require.ErrorIs(t, err, domain.ErrToken)
					require.Equal(t, domain.Invalid, domain.KindOf(err))
				}
				require.Less(t, time.Since(began), 100*time.Millisecond, "at once")
				require.Zero(t, l.asked["read"], "the store is not asked")
			})
		})
	}
}

func TestForgedTokensAskNowAndThen(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v, l, _ := tokens()
		began, before := time.Now(), l.asked["ends of "+topics.FeedbackCommands.Name]
		for range 50 {
			require.ErrorIs(t, v.Wait(soon(t), handlers.ViewLikes, one(markOf(epoch, 0, 10, ""))), domain.ErrToken)
		}
		require.GreaterOrEqual(t, time.Since(began), 50*endsEvery/2, "the rate of questions is bounded")
		require.Equal(t, 50, l.asked["ends of "+topics.FeedbackCommands.Name]-before)
	})
}

func TestTokenThatAnotherEdgeMadeAMomentAgo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v, l, d := tokens()
		close(d.shown)
		require.NoError(t, v.Wait(soon(t), handlers.ViewLikes, one(markOf(epoch, 0, 9, "m"))))
		l.set(func() { l.ends[topics.FeedbackCommands.Name][0] = 11 })
		require.NoError(t, v.Wait(soon(t), handlers.ViewLikes, one(markOf(epoch, 0, 10, "m"))), "the end is asked for again")
		asked := l.asked["ends of "+topics.FeedbackCommands.Name]
		v.Saw(markOf(epoch, 0, 11, "m"))
		require.NoError(t, v.Wait(soon(t), handlers.ViewLikes, one(markOf(epoch, 0, 11, "m"))))
		require.Equal(t, asked, l.asked["ends of "+topics.FeedbackCommands.Name], "it was written here")
	})
}

func TestTokensWhileTheBrokerIsAway(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v, l, d := tokens()
		l.err = errors.New("away")
		close(d.shown)
		require.NoError(t, v.Wait(soon(t), handlers.ViewLikes, one(markOf(epoch, 0, 9, "m"))), "the view shows it")
	})
}

// What an older epoch's token stands for was in the log before this process began, so nothing newer is waited for.
func TestTokensOfAnOlderEpoch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v, l, _ := tokens()
		old := markOf(epoch-1, 7, 1<<30, "m")
		done := waitingFor(soon(t), v, handlers.ViewLikes, old)
		still(t, done)
		l.set(func() {
			l.ends[topics.FeedbackCommands.Name] = Offsets{0: 1000, 1: 1000} // new commands
			l.committed["ugc-feedback"] = Offsets{0: 10, 1: 3}
		})
		<-time.After(time.Second)
		still(t, done)
		l.set(func() {
			l.committed["ugc-feedback"] = Offsets{0: 10, 1: 4}
			l.ends[topics.FeedbackEvents.Name] = Offsets{0: 9, 1: 0} // all of partition 1 was set aside
			l.read = Offsets{0: 8}
		})
		<-time.After(time.Second)
		still(t, done)
		l.set(func() { l.read = Offsets{0: 9} })
		require.NoError(t, <-done)
		began := time.Now()
		require.NoError(t, v.Wait(soon(t), handlers.ViewLikes, domain.NewToken(old)))
		require.Less(t, time.Since(began), 100*time.Millisecond, "at once")
	})
}

// A summary of a movie that the token does not name has everything once each step on the way has done what stood before
// it.
func TestSummaryOfAMovieThatIsNotNamed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v, l, _ := tokens()
		done := waitingFor(soon(t), v, handlers.ViewSummaries, markOf(epoch, 0, 7, ""))
		for _, step := range []func(){
			func() { l.committed["ugc-feedback"] = Offsets{0: 7} },
			func() {
				l.ends[topics.MoviesFeedback.Name] = Offsets{0: 3, 1: 5}
				l.committed["ugc-feedback"] = Offsets{0: 8}
			},
			func() { l.committed["ugc-movies"] = Offsets{0: 3, 1: 4} },
			func() {
				l.ends[topics.MoviesTable.Name] = Offsets{0: 2, 1: 6}
				l.committed["ugc-movies"] = Offsets{0: 3, 1: 5}
			},
			func() { l.read = Offsets{0: 2, 1: 5} },
		} {
			l.set(step)
			<-time.After(time.Second)
			still(t, done)
		}
		l.set(func() { l.read = Offsets{0: 2, 1: 6} })
		require.NoError(t, <-done)
	})
}

func TestTokenForEverything(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v, l, _ := tokens()
		l.committed["ugc-feedback"] = Offsets{0: 10, 1: 3}
		done := waitingFor(soon(t), v, handlers.ViewLikes, markOf(epoch, domain.AllPartitions, 0, ""))
		<-time.After(time.Second)
		still(t, done)
		l.set(func() { l.committed["ugc-feedback"] = Offsets{0: 10, 1: 4} })
		require.NoError(t, <-done)
	})
}

// A command that was set aside makes no event, so the view never reaches its version by itself.
func TestTokenOfACommandThatWasSetAside(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v, l, _ := tokens()
		l.ends[topics.FeedbackEvents.Name] = Offsets{0: 9, 1: 1000}
		l.committed["ugc-feedback"] = Offsets{0: 10}
		l.read = Offsets{0: 9}
		began := time.Now()
		require.NoError(t, v.Wait(soon(t), handlers.ViewLikes, one(markOf(epoch, 0, 9, "m"))))
		require.Less(t, time.Since(began), time.Second, "the other partition is not waited for")
	})
}

func TestSureWayEndsWithTheContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v, _, _ := tokens()
		for _, m := range []domain.Mark{markOf(epoch, 0, 9, "m"), markOf(epoch-1, 0, 9, "m"), markOf(epoch, 0, 9, "")} {
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			err := v.Wait(ctx, handlers.ViewSummaries, domain.NewToken(m))
			require.ErrorIs(t, err, context.DeadlineExceeded)
			require.Error(t, ctx.Err())
			cancel()
		}
		require.Zero(t, v.waiting.Load())
	})
}

func TestManyWaitersShareTheirQuestions(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, e, v := reader()
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
		defer cancel()
		var all []chan error
		for range 500 {
			for _, view := range []handlers.View{handlers.ViewRatings, handlers.ViewSummaries} {
				all = append(all, waiting(ctx, v, view, feedbackMark(1, 7, "m")))
			}
		}
		<-time.After(time.Second)
		var before int
		e.set(func() { before = len(e.asked) })
		<-time.After(2 * time.Second)
		e.set(func() { require.LessOrEqual(t, len(e.asked)-before, 2*2*25, "as one would of each") })
		cancel()
		for _, done := range all {
			require.Error(t, <-done)
		}
		require.Empty(t, v.movies)
	})
}

func TestConcerns(t *testing.T) {
	v, _, _ := tokens()
	token := one(markOf(epoch, 0, 9, ""))
	require.True(t, v.Concerns(handlers.ViewLikes, token))
	require.True(t, v.Concerns(handlers.ViewSummaries, token))
	require.False(t, v.Concerns(handlers.ViewPositions, token))
	require.False(t, v.Concerns(handlers.ViewLikes, nil))
}
