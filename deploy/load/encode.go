package load

import (
	"strconv"

	"ugc/domain"
)

// appendEvent appends an event as POST /api/v2/events takes it. sentAt 0 is not said. Every text in the stream is plain ASCII of our own.
func appendEvent(b []byte, c domain.Command, sentAt domain.Instant) []byte {
	f := c.Head()
	b = append(append(append(b, `{"type":"`...), wireType(c)...), '"')
	b = appendText(b, "event_id", f.ID.String())
	b = appendText(b, "user_id", f.User)
	b = appendText(b, "movie_id", f.Movie)
	if f.Session != "" {
		b = appendText(b, "session_id", f.Session)
	}
	b = appendText(b, "device_id", f.Device)
	if f.Sequence > 0 {
		b = appendWhole(b, "sequence", f.Sequence)
	}
	if f.OccurredAt != 0 {
		b = appendWhole(b, "occurred_at", int64(f.OccurredAt))
	}
	if sentAt != 0 {
		b = appendWhole(b, "sent_at", int64(sentAt))
	}
	switch c := c.(type) {
	case *domain.RecordPlayback:
		b = appendPlayback(b, c)
	case *domain.RecordViewing:
		b = appendWhole(b, "viewed_seconds", c.ViewedSeconds)
	case *domain.SetRating:
		b = appendWhole(b, "score", int64(c.Score))
	}
	return append(b, '}')
}

func appendPlayback(b []byte, c *domain.RecordPlayback) []byte {
	b = appendWhole(b, "position_ms", int64(c.Position))
	if c.From.Present {
		b = appendWhole(b, "from_position_ms", int64(c.From.Value))
	}
	if c.Duration > 0 {
		b = appendWhole(b, "duration_ms", int64(c.Duration))
	}
	if c.Rate > 0 {
		b = strconv.AppendFloat(append(b, `,"rate":`...), c.Rate, 'f', -1, 64)
	}
	for i, r := range c.Watched {
		if i == 0 {
			b = append(b, `,"watched":[`...)
		} else {
			b = append(b, ',')
		}
		b = appendRange(b, r)
		if i == len(c.Watched)-1 {
			b = append(b, ']')
		}
	}
	return b
}

func appendRange(b []byte, r domain.Interval) []byte {
	b = strconv.AppendInt(append(b, '['), int64(r.Start), 10)
	return append(strconv.AppendInt(append(b, ','), int64(r.End), 10), ']')
}

func appendText(b []byte, name, value string) []byte {
	b = append(append(append(b, `,"`...), name...), `":"`...)
	return append(append(b, value...), '"')
}

func appendWhole(b []byte, name string, n int64) []byte {
	b = append(append(append(b, `,"`...), name...), `":`...)
	return strconv.AppendInt(b, n, 10)
}

// wireType is the event's type on the wire.
func wireType(c domain.Command) string {
	switch c := c.(type) {
	case *domain.RecordPlayback:
		return c.Type.String()
	case *domain.RecordViewing:
		return "viewing"
	case *domain.SetLike:
		if c.Dislike {
			return "dislike"
		}
		return "like"
	case *domain.ClearLike:
		return "clear_like"
	case *domain.SetBookmark:
		return "bookmark"
	case *domain.ClearBookmark:
		return "clear_bookmark"
	case *domain.SetRating:
		return "rating"
	case *domain.ClearRating:
		return "clear_rating"
	}
	return "unknown" // the stream makes no other; the service would refuse it
}
