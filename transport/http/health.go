package edge

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/gofiber/fiber/v2"

	"ugc/transport/http/exchange"
	"ugc/transport/http/wire"
)

// check is one thing that readiness asks for.
type check struct {
	name    string
	ask     func(context.Context) error
	running atomic.Bool
}

func newChecks(byName map[string]func(context.Context) error) []*check {
	var out []*check
	for name, ask := range byName {
		out = append(out, &check{name: name, ask: ask})
	}
	slices.SortFunc(out, func(a, b *check) int { return strings.Compare(a.name, b.name) })
	return out
}

var (
	errCheckBusy    = errors.New("the last check has not returned yet")
	errCheckTimeout = errors.New("no answer in time")
)

// run asks, and gives up when ctx ends even where the check does not. One that hangs is not asked a second time meanwhile, so that polling piles
// up no goroutines.
func (k *check) run(ctx context.Context) error {
	if !k.running.CompareAndSwap(false, true) {
		return errCheckBusy
	}
	answer := make(chan error, 1)
	go func() {
		defer k.running.Store(false)
		answer <- k.ask(ctx)
	}()
	select {
	case err := <-answer:
		return err
	case <-ctx.Done():
		return errCheckTimeout
	}
}

// live says that the process answers.
func (s *Server) live(c *fiber.Ctx) error {
	return sendStatus(c, fiber.StatusOK, []byte(`{"status":"live"}`))
}

// ready says whether requests can be served now, and what is missing where they cannot.
func (s *Server) ready(c *fiber.Ctx) error {
	if s.draining.Load() {
		return sendStatus(c, fiber.StatusServiceUnavailable, []byte(`{"status":"draining"}`))
	}
	ctx, cancel := context.WithTimeout(exchange.Context(c), s.o.CheckTimeout)
	defer cancel()
	all := append(slices.Clone(s.checks), s.reports...)
	errs := make([]error, len(all))
	var answers sync.WaitGroup
	for i, k := range all {
		answers.Go(func() { errs[i] = k.run(ctx) })
	}
	answers.Wait()
	needed := len(s.checks)
	status, word := fiber.StatusOK, "ready"
	if errors.Join(errs[:needed]...) != nil {
		status, word = fiber.StatusServiceUnavailable, "not ready"
	}
	b := append(wire.AppendString([]byte(`{"status":`), word), `,"checks":`...)
	b = appendAnswers(b, s.checks, errs[:needed])
	if len(s.reports) > 0 {
		b = appendAnswers(append(b, `,"reports":`...), s.reports, errs[needed:])
	}
	return sendStatus(c, status, append(b, '}'))
}

func appendAnswers(b []byte, checks []*check, errs []error) []byte {
	b = append(b, '{')
	for i, k := range checks {
		if i > 0 {
			b = append(b, ',')
		}
		answer := "ok"
		if errs[i] != nil {
			answer = errs[i].Error()
		}
		b = wire.AppendString(append(wire.AppendString(b, k.name), ':'), answer)
	}
	return append(b, '}')
}

func sendStatus(c *fiber.Ctx, status int, body []byte) error {
	c.Set(fiber.HeaderContentType, fiber.MIMEApplicationJSON)
	c.Set(fiber.HeaderCacheControl, "no-store")
	return c.Status(status).Send(body)
}
