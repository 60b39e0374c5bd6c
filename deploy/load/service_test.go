package load

import (
	"context"
	"net"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gofiber/fiber/v2"
	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"ugc/domain"
	"ugc/handlers"
	"ugc/handlers/handlerstest"
	"ugc/transport/http/exchange"
	"ugc/transport/http/problem"
	v2 "ugc/transport/http/v2"
)

// service is the real /api/v2 over the real deciders in memory, and what a test makes it do wrong.
type service struct {
	*handlerstest.House
	url string

	before   func(*fiber.Ctx) (answered bool, err error)       // nil, or asked before every request
	after    func(*fiber.Ctx) error                            // nil, or asked after every request that was handled
	log      func(domain.Command) []domain.Command             // nil, or what is written in place of a command
	position func(handlers.Position) (handlers.Position, bool) // nil, or what is shown in place of a position
	one      func(*handlers.Position)                          // nil, or changes a position that is read by itself
	opinion  func(domain.OpinionKind, handlers.Opinion) (handlers.Opinion, bool)
	summary  func(*handlers.Summary)
}

// serve starts it on a free port.
func serve(t *testing.T, s *service) *service {
	t.Helper()
	if s.House == nil {
		s.House = &handlerstest.House{}
	}
	app := fiber.New(fiber.Config{DisableStartupMessage: true, BodyLimit: 4 << 20, ErrorHandler: func(c *fiber.Ctx, err error) error { return problem.Of(err).Send(c, "") }})
	app.Use(func(c *fiber.Ctx) error {
		if s.before != nil {
			if answered, err := s.before(c); answered {
				return err
			}
		}
		exchange.SetCaller(c, exchange.Everybody)
		err := c.Next()
		if err == nil && s.after != nil {
			err = s.after(c)
		}
		return err
	})
	now := func() domain.Instant { return domain.Instant(time.Now().UnixMilli()) }
	v2.New(v2.Options{Writing: handlers.Writing{Log: s, Views: s.House, Now: now, NewID: func() domain.ID { return domain.ID(uuid.New()) }},
		Positions: s, Opinions: s, Summaries: s}).Mount(app)
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	done := make(chan struct{})
	go func() { defer close(done); _ = app.Listener(ln) }()
	t.Cleanup(func() {
		_ = app.ShutdownWithTimeout(time.Second)
		_ = ln.Close() // where the app had not begun to serve it
		<-done
	})
	s.url = "http://" + ln.Addr().String()
	return s
}

// Append implements handlers.CommandLog.
func (s *service) Append(ctx context.Context, commands []domain.Command) []handlers.Receipt {
	if s.log == nil {
		return s.House.Append(ctx, commands)
	}
	receipts := make([]handlers.Receipt, len(commands))
	for i, c := range commands {
		receipts[i].Mark = domain.Mark{Topic: handlerstest.PlaybackTopic}
		for _, instead := range s.log(c) {
			receipts[i] = s.House.Append(ctx, []domain.Command{instead})[0]
		}
	}
	return receipts
}

// Positions implements handlers.Positions.
func (s *service) Positions(ctx context.Context, user, after string, limit int) ([]handlers.Position, error) {
	items, err := s.House.Positions(ctx, user, after, limit)
	if s.position == nil {
		return items, err
	}
	var out []handlers.Position
	for _, p := range items {
		if p, keep := s.position(p); keep {
			out = append(out, p)
		}
	}
	return out, err
}

// Position implements handlers.Positions.
func (s *service) Position(ctx context.Context, user, movie string) (handlers.Position, bool, error) {
	p, ok, err := s.House.Position(ctx, user, movie)
	if s.one != nil && ok {
		s.one(&p)
	}
	return p, ok, err
}

// Opinions implements handlers.Opinions.
func (s *service) Opinions(ctx context.Context, q handlers.OpinionQuery) ([]handlers.Opinion, error) {
	items, err := s.House.Opinions(ctx, q)
	if s.opinion == nil {
		return items, err
	}
	var out []handlers.Opinion
	for _, o := range items {
		if o, keep := s.opinion(q.Kind, o); keep {
			out = append(out, o)
		}
	}
	return out, err
}

// Summary implements handlers.Summaries.
func (s *service) Summary(ctx context.Context, movie string) (handlers.Summary, bool, error) {
	out, ok, err := s.House.Summary(ctx, movie)
	if s.summary != nil && ok {
		s.summary(&out)
	}
	return out, ok, err
}

// options are those of a small run against it.
func (s *service) options() Options {
	return Options{URL: s.url, Seed: 1, Users: 20, Movies: 15, Events: 3000, Connections: 8, Batch: 20, Singles: 0.3, Patience: 30 * time.Second}
}

// newHouse is one that refuses some commands.
func newHouse(refuse func(domain.Command) error) *handlerstest.House {
	return &handlerstest.House{Refuse: refuse}
}

// first makes a function true once, for the first call that asks.
func first() func() bool {
	var done atomic.Bool
	return func() bool { return done.CompareAndSwap(false, true) }
}

// hangUp ends the connection of a request instead of answering it.
func hangUp(c *fiber.Ctx) error {
	_ = c.Context().Conn().Close()
	return nil
}
