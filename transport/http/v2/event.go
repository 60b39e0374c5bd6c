package v2

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"ugc/domain"
	"ugc/transport/http/problem"
	"ugc/transport/http/wire"
)

// event is a body, or an item of one, as it was sent: any of the known fields.
type event struct {
	fact          domain.Fact
	typ           string
	position      int64
	from          int64
	duration      int64
	rate          float64
	viewedSeconds int64
	score         int64
	like          bool
	watched       []domain.Interval
	given         fieldSet // with a value that is not null
	faulty        fieldSet // with a value that is wrong
	faults        []problem.Fault
	beyond        int  // how many more there are
	brief         bool // one fault is enough
	at            int  // index in a batch, -1 for a body of its own
}

// maxFaults bounds what is said about one event.
const maxFaults = 32

// maxName bounds how much of a name that is unknown is said again, in bytes.
const maxName = 64

// fault keeps one fault; a path below the event, such as /score, says where.
func (e *event) fault(path, code, detail string) {
	if !e.full() {
		e.faults = append(e.faults, problem.Fault{Pointer: e.pointer(path), Code: code, Detail: detail})
	}
}

// full says whether no more faults are kept; another one is counted. Whoever words a fault at some cost asks before.
func (e *event) full() bool {
	if len(e.faults) < maxFaults && (!e.brief || len(e.faults) == 0) {
		return false
	}
	e.beyond++
	return true
}

func (e *event) pointer(path string) string {
	if e.at < 0 {
		return path
	}
	return "/" + strconv.Itoa(e.at) + path
}

// wrong keeps a fault of a field.
func (e *event) wrong(f fieldSet, name, code, detail string) {
	e.faulty |= f
	e.fault("/"+name, code, detail)
}

// read takes one value, which should be an object of these fields. Only broken JSON stops it; whatever else is wrong is kept as a fault.
func (e *event) read(s *scanner, allowed fieldSet) {
	if s.peek() != '{' {
		s.skip(0)
		e.fault("", "wrong_type", "must be an object")
		return
	}
	s.at++
	var seen fieldSet
	for first := true; s.more('}', &first); {
		name := s.name()
		if s.err != nil {
			return
		}
		f := fieldOf(name) & allowed
		switch {
		case f == 0:
			e.unknown(name, allowed)
			s.skip(0)
		case seen&f != 0:
			e.wrong(f, name, "duplicate", "is given more than once")
			s.skip(0)
		case s.peek() == 'n':
			s.word("null") // not given
		default:
			e.given |= f
			e.value(s, f, name)
		}
		seen |= f
	}
}

func (e *event) unknown(name string, allowed fieldSet) {
	if e.full() {
		return
	}
	detail := "is not a field of this body"
	if near := nearest(name, allowed.names()); near != "" {
		detail += fmt.Sprintf("; did you mean %q?", near)
	} else {
		detail += "; it takes " + strings.Join(allowed.names(), ", ")
	}
	if len(name) > maxName {
		name = strings.ToValidUTF8(name[:maxName], "") + "…"
	}
	e.fault("/"+strings.NewReplacer("~", "~0", "/", "~1").Replace(name), "unknown", detail)
}

// value takes the value of one field.
func (e *event) value(s *scanner, f fieldSet, name string) {
	switch f {
	case fType:
		e.text(s, f, name, &e.typ)
	case fEventID:
		var text string
		if !e.text(s, f, name, &text) {
			return
		}
		id, err := domain.ParseID(text)
		switch {
		case err != nil:
			e.wrong(f, name, "not_a_uuid", err.Error())
		case id.IsZero():
			e.wrong(f, name, "not_a_uuid", "must not be the nil UUID")
		}
		e.fact.ID = id
	case fUserID:
		e.text(s, f, name, &e.fact.User)
	case fMovieID:
		e.text(s, f, name, &e.fact.Movie)
	case fSessionID:
		e.text(s, f, name, &e.fact.Session)
	case fDeviceID:
		e.text(s, f, name, &e.fact.Device)
	case fSequence:
		e.integer(s, f, name, &e.fact.Sequence)
	case fOccurredAt:
		e.instant(s, f, name, &e.fact.OccurredAt)
	case fSentAt:
		e.instant(s, f, name, &e.fact.SentAt)
	case fPosition:
		e.integer(s, f, name, &e.position)
	case fFromPosition:
		e.integer(s, f, name, &e.from)
	case fDuration:
		e.integer(s, f, name, &e.duration)
	case fRate:
		e.number(s, f, name, &e.rate)
	case fWatched:
		e.ranges(s, f, name)
	case fViewedSeconds:
		e.integer(s, f, name, &e.viewedSeconds)
	case fScore:
		if e.integer(s, f, name, &e.score) && (e.score < 0 || e.score > domain.MaxScore) {
			e.wrong(f, name, "out_of_range", "must lie between 0 and 10")
		}
	case fLike:
		e.truth(s, f, name, &e.like)
	}
}

func (e *event) text(s *scanner, f fieldSet, name string, to *string) bool {
	if s.peek() != '"' {
		s.skip(0)
		e.wrong(f, name, "wrong_type", "must be a string")
		return false
	}
	text, whole := s.string()
	if !whole && s.err == nil {
		e.wrong(f, name, "bad_characters", "holds half of a surrogate pair")
		return false
	}
	*to = text
	return s.err == nil
}

func (e *event) truth(s *scanner, f fieldSet, name string, to *bool) {
	switch s.peek() {
	case 't':
		*to = s.word("true")
	case 'f':
		s.word("false")
	default:
		s.skip(0)
		e.wrong(f, name, "wrong_type", "must be true or false")
	}
}

func isNumber(c byte) bool { return c == '-' || c >= '0' && c <= '9' }

func (e *event) integer(s *scanner, f fieldSet, name string, to *int64) bool {
	if !isNumber(s.peek()) {
		s.skip(0)
		e.wrong(f, name, "wrong_type", "must be a whole number")
		return false
	}
	n, size := wire.Integer(s.number())
	switch {
	case s.err != nil:
		return false
	case size == wire.Fraction:
		e.wrong(f, name, "wrong_type", "must be a whole number")
		return false
	case size != wire.Exact:
		e.wrong(f, name, "out_of_range", "must fit into 64 bits")
		return false
	}
	*to = n
	return true
}

func (e *event) number(s *scanner, f fieldSet, name string, to *float64) {
	if !isNumber(s.peek()) {
		s.skip(0)
		e.wrong(f, name, "wrong_type", "must be a number")
		return
	}
	n, err := strconv.ParseFloat(s.number(), 64)
	if err != nil && s.err == nil {
		e.wrong(f, name, "out_of_range", "must lie between 0 and 16")
		return
	}
	*to = n
}

// copy is one that may be kept: an event that is read stays where it is.
func (e *event) copy() *event { c := *e; return &c }

// instant takes a moment: RFC 3339, or whole Unix milliseconds.
func (e *event) instant(s *scanner, f fieldSet, name string, to *domain.Instant) {
	const what = "must be a time such as 2026-03-01T20:15:00.250Z, or whole Unix milliseconds"
	var ms int64
	switch c := s.peek(); {
	case c == '"':
		var text string
		if !e.text(s, f, name, &text) {
			return
		}
		t, err := time.Parse(time.RFC3339, text)
		if err != nil {
			e.wrong(f, name, "not_a_time", what)
			return
		}
		ms = t.UnixMilli()
	case isNumber(c):
		n, size := wire.Integer(s.number())
		if size != wire.Exact {
			e.wrong(f, name, "not_a_time", what)
			return
		}
		ms = n
	default:
		s.skip(0)
		e.wrong(f, name, "wrong_type", what)
		return
	}
	if s.err == nil && (ms <= 0 || ms > domain.LastInstant) { // 0 would say that nobody said when
		e.wrong(f, name, "out_of_range", "must lie between 1970 and 2261")
		return
	}
	*to = domain.Instant(ms)
}

// ranges takes what was watched, [[start, end], …] in milliseconds of film.
func (e *event) ranges(s *scanner, f fieldSet, name string) {
	if s.peek() != '[' {
		s.skip(0)
		e.wrong(f, name, "wrong_type", "must be an array of [start, end] pairs")
		return
	}
	s.at++
	i := 0
	for first := true; s.more(']', &first); i++ {
		if r, ok := pair(s); ok && len(e.watched) <= domain.MaxRanges { // one more than is taken, for the rules to refuse
			e.watched = append(e.watched, r)
		} else if !ok && s.err == nil {
			e.wrong(f, name+"/"+strconv.Itoa(i), "wrong_type", "must be a pair [start, end] of whole milliseconds")
		}
	}
}

// pair takes [start, end]; whatever else stands there is skipped.
func pair(s *scanner) (r domain.Interval, ok bool) {
	if s.peek() != '[' {
		s.skip(0)
		return r, false
	}
	s.at++
	n, ok := 0, true
	for first := true; s.more(']', &first); n++ {
		if n > 1 || !isNumber(s.peek()) {
			s.skip(0)
			ok = false
			continue
		}
		v, size := wire.Integer(s.number())
		ok = ok && size == wire.Exact
		if n == 0 {
			r.Start = domain.Millis(v)
		} else {
			r.End = domain.Millis(v)
		}
	}
	return r, ok && n == 2
}
