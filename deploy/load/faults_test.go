package load

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gofiber/fiber/v2"
	"github.com/stretchr/testify/require"

	"ugc/domain"
	"ugc/transport/http/problem"
)

// every does it to each nth POST, in place of what the service does.
func every(n int64, do func(*fiber.Ctx) error) func(*fiber.Ctx) (bool, error) {
	var posts atomic.Int64
	return func(c *fiber.Ctx) (bool, error) {
		if c.Method() == http.MethodPost && posts.Add(1)%n == 0 {
			return true, do(c)
		}
		return false, nil
	}
}

// afterEvery does it to each nth POST, when it is written already.
func afterEvery(n int64, do func(*fiber.Ctx) error) func(*fiber.Ctx) error {
	is := every(n, do)
	return func(c *fiber.Ctx) error { _, err := is(c); return err }
}

func unavailable(*fiber.Ctx) error { return &problem.Problem{Kind: problem.Unavailable} }

// Whatever goes wrong on the way: the same ids are sent again until all is accepted, and nothing differs.
func TestWhatIsNotTakenIsSentAgain(t *testing.T) {
	for name, tc := range map[string]struct {
		service *service
		twice   bool // some of it was written although no answer said so
	}{
		"unavailable":            {&service{before: every(40, unavailable)}, false},
		"too many requests":      {&service{before: every(15, func(c *fiber.Ctx) error { return c.Status(429).SendString("slow down") })}, false},
		"no answer, not written": {&service{before: every(15, hangUp)}, false},
		"no answer, but written": {&service{after: afterEvery(15, hangUp)}, true},
		"an answer cut short":    {&service{after: afterEvery(15, func(c *fiber.Ctx) error { return c.Status(202).SendString(`{"items":[`) })}, true},
		"a bad gateway":          {&service{after: afterEvery(15, func(c *fiber.Ctx) error { return c.Status(502).SendString("<html>") })}, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel() // most of it is waiting as long as the service asks
			s := serve(t, tc.service)
			o := s.options()
			o.Events = 1500
			result, err := Run(context.Background(), o)
			require.NoError(t, err)
			require.EqualValues(t, o.Events, result.Accepted)
			require.Positive(t, result.Retries)
			require.NotEmpty(t, result.Reasons)
			if tc.twice {
				require.Greater(t, len(s.Log()), o.Events)
			} else {
				require.Len(t, s.Log(), o.Events)
			}
			sent := map[domain.ID]bool{}
			for _, d := range take(NewStream(o.Seed, o.Users, o.Movies), o.Events) {
				sent[d.Command.Head().ID] = true
			}
			for _, c := range s.Log() {
				require.True(t, sent[c.Head().ID], "the same ids")
			}
		})
	}
}

// Of a batch only the items that were not taken are sent again; some of those are written all the same.
func TestItemsThatAreNotTakenAreSentAgain(t *testing.T) {
	t.Parallel()
	var n atomic.Int64
	s := &service{}
	s.House = newHouse(func(domain.Command) error {
		switch n.Add(1) % 400 {
		case 3:
			return domain.Wrap(domain.Unavailable, "append", context.DeadlineExceeded)
		case 203:
			return domain.Wrap(domain.Uncertain, "append", context.DeadlineExceeded)
		}
		return nil
	})
	serve(t, s)
	o := s.options()
	o.Singles = 0
	result, err := Run(context.Background(), o)
	require.NoError(t, err)
	require.EqualValues(t, o.Events, result.Accepted)
	require.Positive(t, result.Reasons["unavailable"])
	require.Positive(t, result.Reasons["uncertain"])
}

// afflicted chooses one event of eleven, by its id.
func afflicted(body []byte) bool {
	_, id, _ := bytes.Cut(body, []byte(`"event_id":"`))
	return len(id) > 36 && id[35]%11 == 0
}

// What is given up without an answer may be there or not; both are right. What was certainly not written must not be.
func TestUnknownOutcomesAreAllowedEitherWay(t *testing.T) {
	before := func(do func(*fiber.Ctx) (bool, error)) func(*fiber.Ctx) (bool, error) {
		return func(c *fiber.Ctx) (bool, error) {
			if c.Method() == http.MethodPost && afflicted(c.Body()) {
				return do(c)
			}
			return false, nil
		}
	}
	after := func(do func(*fiber.Ctx) error) func(*fiber.Ctx) error {
		is := before(func(c *fiber.Ctx) (bool, error) { return true, do(c) })
		return func(c *fiber.Ctx) error { _, err := is(c); return err }
	}
	lost := func(c *fiber.Ctx) (bool, error) { return true, hangUp(c) }
	var coin atomic.Int64
	for name, tc := range map[string]struct {
		service *service
		absent  bool
	}{
		"written":     {&service{after: after(hangUp)}, false},
		"not written": {&service{before: before(lost)}, false},
		"some": {&service{before: before(func(c *fiber.Ctx) (bool, error) {
			if coin.Add(1)%2 == 0 {
				return lost(c)
			}
			return false, nil
		}), after: after(hangUp)}, false},
		"absent": {&service{before: before(func(c *fiber.Ctx) (bool, error) { return true, unavailable(c) })}, true},
	} {
		t.Run(name, func(t *testing.T) {
			s := serve(t, tc.service)
			o := s.options()
			o.Events, o.Singles, o.Patience, o.Connections = 600, 1, time.Millisecond, 32
			result, err := Run(context.Background(), o)
			require.NoError(t, err)
			require.EqualValues(t, o.Events, result.Accepted+result.Unknown+result.Absent)
			if tc.absent {
				require.Positive(t, result.Absent)
				require.Zero(t, result.Unknown, "%v", result.Reasons)
			} else {
				require.Positive(t, result.Unknown)
			}
		})
	}

	s := serve(t, &service{after: after(unavailable)}) // says that it did not write, and did
	o := s.options()
	o.Events, o.Singles, o.Patience, o.Connections = 600, 1, time.Millisecond, 32
	result, err := Run(context.Background(), o)
	require.ErrorIs(t, err, ErrDiffers)
	require.Positive(t, result.Found)
}

// A service that goes away in the middle and comes back is survived.
func TestARestartIsSurvived(t *testing.T) {
	var posts, away atomic.Int64
	s := serve(t, &service{before: func(c *fiber.Ctx) (bool, error) {
		if c.Method() == http.MethodPost && posts.Add(1) > 100 && away.Add(1) < 20 {
			return true, hangUp(c)
		}
		return false, nil
	}})
	o := s.options()
	result, err := Run(context.Background(), o)
	require.NoError(t, err)
	require.EqualValues(t, o.Events, result.Accepted)
	require.Positive(t, result.Retries)
}

func TestARefusalFailsTheRun(t *testing.T) {
	var once atomic.Bool
	s := serve(t, &service{before: func(c *fiber.Ctx) (bool, error) {
		if c.Method() == http.MethodPost && once.CompareAndSwap(false, true) {
			return true, &problem.Problem{Kind: problem.Invalid, Detail: "not today"}
		}
		return false, nil
	}})
	result, err := Run(context.Background(), s.options())
	require.ErrorIs(t, err, ErrDiffers)
	require.ErrorContains(t, err, "refused")
	require.Positive(t, result.Refused)
	require.Contains(t, fmt.Sprint(result.Reasons), "not today")
}

func TestAnInterruptEndsTheRun(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	s := serve(t, &service{before: every(100, func(*fiber.Ctx) error { cancel(); return nil })})
	_, err := Run(ctx, s.options())
	require.ErrorIs(t, err, context.Canceled)
}

func TestAnAddressWithoutAServiceIsSaid(t *testing.T) {
	gone := httptest.NewServer(http.NotFoundHandler())
	_, err := Run(context.Background(), Options{URL: gone.URL})
	require.ErrorContains(t, err, "no ugc service")
	gone.Close()
	_, err = Run(context.Background(), Options{URL: gone.URL})
	require.ErrorContains(t, err, "is the service running?")
}

func TestAServiceThatAsksWhoComesIsToldByTheKey(t *testing.T) {
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("X-Api-Key") != "the key" {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		w.WriteHeader(http.StatusServiceUnavailable) // known, and away
	}))
	defer s.Close()
	_, err := Run(context.Background(), Options{URL: s.URL, Events: 1, Patience: time.Millisecond})
	require.ErrorContains(t, err, "UGC_API_KEY")
	_, err = Run(context.Background(), Options{URL: s.URL, Events: 1, Patience: time.Millisecond, Visible: time.Millisecond, Key: "the key"})
	require.Error(t, err)
	require.NotContains(t, err.Error(), "UGC_API_KEY")
}

// The loader goes where it was told to and nowhere else.
func TestNoRedirectIsFollowed(t *testing.T) {
	var strayed atomic.Bool
	elsewhere := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { strayed.Store(true) }))
	defer elsewhere.Close()
	s := httptest.NewServer(http.RedirectHandler(elsewhere.URL, http.StatusTemporaryRedirect))
	defer s.Close()
	_, err := Run(context.Background(), Options{URL: s.URL, Events: 1, Patience: time.Second})
	require.ErrorContains(t, err, "307")
	require.False(t, strayed.Load())
}
