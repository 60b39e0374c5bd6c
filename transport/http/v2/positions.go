package v2

import (
	"strconv"
	"time"

	"github.com/gofiber/fiber/v2"

	"ugc/domain"
	"ugc/handlers"
	"ugc/transport/http/exchange"
)

// getPosition shows where a user stands in a movie, where to go on, and what of it was watched.
func (a *API) getPosition(c *fiber.Ctx) error {
	p := params{c: c}
	user, movie := p.user(exchange.Read), p.id("movie_id")
	p.query()
	see := a.atLeast(&p)
	if err := p.err(); err != nil {
		return err
	}
	at, err := a.position.Handle(exchange.Context(c), user, movie, see)
	if err != nil {
		return err
	}
	b := append(appendPosition(nil, at), `,"watched":[`...)
	for i, w := range at.Watched {
		if i > 0 {
			b = append(b, ',')
		}
		b = appendInt(append(b, '['), int64(w.Start))
		b = append(appendInt(append(b, ','), int64(w.End)), ']')
	}
	return sendJSON(c, fiber.StatusOK, append(b, "]}"...))
}

// listPositions shows where a user stands in every movie, by movie id. What of each was watched is left to getPosition.
func (a *API) listPositions(c *fiber.Ctx) error {
	p := params{c: c}
	user := p.user(exchange.Read)
	query := p.query("after", "limit")
	after, limit := query["after"], p.limit(query)
	if code, message := domain.ValidateKeyPart(after); after != "" && code != "" {
		p.fault("after", code, message)
	}
	see := a.atLeast(&p)
	if err := p.err(); err != nil {
		return err
	}
	items, more, err := a.positions.Handle(exchange.Context(c), user, after, limit, see)
	if err != nil {
		return err
	}
	b := []byte(`{"items":[`)
	for i, at := range items {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(appendPosition(b, at), '}')
	}
	next := ""
	if more {
		next = items[len(items)-1].Movie
	}
	return sendJSON(c, fiber.StatusOK, appendNext(append(b, ']'), Prefix+"/users/", user, "/positions", next, limit))
}

// appendPosition begins an object; the caller closes it.
func appendPosition(b []byte, p handlers.Position) []byte {
	b = appendPair(b, p.User, p.Movie)
	b = appendInt(append(b, `,"position_ms":`...), int64(p.Position))
	b = appendInstant(append(b, `,"position_at":`...), p.PositionAt)
	b = appendInt(append(b, `,"resume_ms":`...), int64(p.Resume))
	b = appendInstant(append(b, `,"resume_at":`...), p.ResumeAt)
	b = append(b, `,"duration_ms":`...)
	if p.Duration > 0 {
		b = appendInt(b, int64(p.Duration))
	} else {
		b = append(b, "null"...)
	}
	b = appendInt(append(b, `,"watched_ms":`...), int64(p.WatchedTime))
	b = appendInt(append(b, `,"plays":`...), p.Plays)
	b = appendBool(append(b, `,"completed":`...), p.Completed)
	b = appendInt(append(b, `,"viewed_seconds":`...), p.ViewedSeconds)
	b = appendInstant(append(b, `,"first_seen_at":`...), p.FirstSeen)
	return appendInstant(append(b, `,"last_seen_at":`...), p.LastSeen)
}

// appendInstant appends a moment as RFC 3339 in UTC with milliseconds, null where nobody said when.
func appendInstant(b []byte, t domain.Instant) []byte {
	if t == 0 {
		return append(b, "null"...)
	}
	b = time.UnixMilli(int64(t)).UTC().AppendFormat(append(b, '"'), "2006-01-02T15:04:05.000Z")
	return append(b, '"')
}

func appendInt(b []byte, n int64) []byte     { return strconv.AppendInt(b, n, 10) }
func appendBool(b []byte, v bool) []byte     { return strconv.AppendBool(b, v) }
func appendFloat(b []byte, f float64) []byte { return strconv.AppendFloat(b, f, 'f', -1, 64) }
