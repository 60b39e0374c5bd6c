package v1

import (
	"math"
	"strconv"

	"github.com/gofiber/fiber/v2"

	"ugc/domain"
	"ugc/transport/http/exchange"
	"ugc/transport/http/wire"
)

func (a *API) ping(c *fiber.Ctx, _ request) error {
	return sendJSON(c, fiber.StatusOK, []byte(`"pong"`))
}

// playbackEvent takes what a player does, and where in the film, in seconds.
func (a *API) playbackEvent(c *fiber.Ctx, r request) error {
	b, err := readBody(c)
	if err != nil {
		return err
	}
	user, movie := b.id("user_id"), b.id("movie_id")
	name, position := b.eventType("event_type"), b.seconds("playback_position")
	if b.faults != nil {
		return b.faults
	}
	typ, _ := domain.ParseReportType(name)
	if user, err = exchange.CallerOf(c).As(user, exchange.Write); err != nil {
		return err
	}
	err = a.report(c, r, &domain.RecordPlayback{Fact: domain.Fact{User: user, Movie: movie}, Type: typ, Position: millis(position)})
	if err != nil {
		return err
	}
	out := wire.AppendString(append(appendIDs(nil, user, movie), `,"event_type":`...), name)
	out = strconv.AppendInt(append(out, `,"playback_position":`...), position, 10)
	return sendJSON(c, fiber.StatusOK, append(out, '}'))
}

// movieViewing takes how many seconds of a film were viewed.
func (a *API) movieViewing(c *fiber.Ctx, r request) error {
	b, err := readBody(c)
	if err != nil {
		return err
	}
	user, movie, seconds := b.id("user_id"), b.id("movie_id"), b.seconds("viewed_seconds")
	if b.faults != nil {
		return b.faults
	}
	if user, err = exchange.CallerOf(c).As(user, exchange.Write); err != nil {
		return err
	}
	err = a.report(c, r, &domain.RecordViewing{Fact: domain.Fact{User: user, Movie: movie}, ViewedSeconds: seconds})
	if err != nil {
		return err
	}
	out := strconv.AppendInt(append(appendIDs(nil, user, movie), `,"viewed_seconds":`...), seconds, 10)
	return sendJSON(c, fiber.StatusOK, append(out, '}'))
}

// report writes a report, and waits until the position that is read next, by /api/v2, shows it.
func (a *API) report(c *fiber.Ctx, r request, command domain.Command) error {
	done, err := a.record.Handle(r.ctx, []domain.Command{command}, a.shown)
	if err == nil {
		err = done.Outcomes[0].Err
	}
	if err != nil {
		return unwritten(err)
	}
	setToken(c, done.Token)
	return nil
}

// millis turns seconds into the milliseconds that positions are kept in; at the top it stays there.
func millis(seconds int64) domain.Millis {
	if seconds > math.MaxInt64/1000 {
		return math.MaxInt64
	}
	return domain.Millis(seconds * 1000)
}

func appendIDs(b []byte, user, movie string) []byte {
	b = wire.AppendString(append(b, `{"user":{"id":`...), user)
	return append(wire.AppendString(append(b, `},"movie":{"id":`...), movie), '}')
}
