// Package problem is RFC 9457: errors that programs can tell apart and people can act on. The kinds of problems are listed once,
// here; the edge serves a page about each under its type.
package problem

import (
	"errors"
	"strconv"

	"github.com/gofiber/fiber/v2"

	"ugc/domain"
	"ugc/handlers"
	"ugc/transport/http/wire"
)

// ContentType of every problem.
const ContentType = "application/problem+json"

// Kind is one kind of problem.
type Kind struct {
	Code   string // stable: the last part of its type
	Status int
	Title  string
	Help   string // what a caller can do
	Retry  int    // seconds to wait before trying again, 0: trying again changes nothing
}

// The kinds of problems.
var (
	Malformed        = Kind{"malformed", 400, "The request cannot be read", "Send what the API's description asks for: valid JSON in UTF-8, each field once.", 0}
	Unauthorized     = Kind{"unauthorized", 401, "It is not known who sends this", "Send Authorization: Bearer with a token whose subject is the user, or an API key as X-Api-Key.", 0}
	Forbidden        = Kind{"forbidden", 403, "This is not yours to read or change", "A token speaks for its own user alone; for others an API key with the scope is needed.", 0}
	NotFound         = Kind{"not-found", 404, "There is nothing here", "See the API's description for what there is.", 0}
	MethodNotAllowed = Kind{"method-not-allowed", 405, "The method is not allowed here", "The Allow header lists the methods that are.", 0}
	Timeout          = Kind{"request-timeout", 408, "The request took too long to arrive", "Send the whole request at once.", 0}
	Precondition     = Kind{"precondition-failed", 412, "The condition does not hold", "Nothing here has an ETag, so conditions cannot be judged: send the request without If-Match and If-None-Match: *.", 0}
	TooLarge         = Kind{"too-large", 413, "The request is too large", "Send less at once: at most 1,000 events and the size that the detail says.", 0}
	Unsupported      = Kind{"unsupported-media-type", 415, "The media type is not supported", "Send application/json without a Content-Encoding.", 0}
	Invalid          = Kind{"invalid", 422, "The request is well-formed but invalid", "Each entry of errors says which field is wrong and what would be right. Nothing was written.", 0}
	TooMany          = Kind{"too-many-requests", 429, "Too many requests", "Send fewer, or several events in one request. Try again after the time that Retry-After says.", 1}
	HeadersTooLarge  = Kind{"headers-too-large", 431, "The header fields are too large", "Send smaller headers.", 0}
	Internal         = Kind{"internal", 500, "Something went wrong on our side", "Try again; if it stays, tell us the request_id.", 0}
	Unavailable      = Kind{"unavailable", 503, "A part of the service is away", "Nothing was written. Try again after the time that Retry-After says.", 1}
	Uncertain        = Kind{"uncertain", 503, "It is not known whether this was written", "It may or may not be written. Send it again with the same event_id: it then counts once.", 1}
	NotVisible       = Kind{"not-visible-yet", 503, "The write is safe but not shown yet", "Read again after the time that Retry-After says, or allow more time with Prefer: wait=n.", 1}
)

// Kinds lists them all, by status.
func Kinds() []Kind {
	return []Kind{Malformed, Unauthorized, Forbidden, NotFound, MethodNotAllowed, Timeout, Precondition, TooLarge, Unsupported, Invalid, TooMany, HeadersTooLarge, Internal, Unavailable, Uncertain, NotVisible}
}

// Type is the problem's type, a relative reference to the page about it.
func (k Kind) Type() string { return "/problems/" + k.Code }

// Fault is one thing that is wrong with a request.
type Fault struct {
	Pointer   string // JSON pointer into the body; or
	Parameter string // the name of a parameter in the path, the query or the headers
	Code      string // stable; see domain.FieldError
	Detail    string
}

// Problem is one occurrence. It is an error, so that a handler can return it.
type Problem struct {
	Kind
	Detail string
	Faults []Fault
	Beyond int                     // how many more faults there are than Faults holds
	More   func(dst []byte) []byte // appends further members, each with a comma before it; may be nil
	Err    error                   // the cause, for logs only
}

// Error implements error.
func (p *Problem) Error() string {
	s := p.Title
	if p.Detail != "" {
		s += ": " + p.Detail
	}
	if p.Err != nil {
		s += ": " + p.Err.Error()
	}
	return s
}

// Unwrap gives the cause.
func (p *Problem) Unwrap() error { return p.Err }

// TooLargeRecord says what to do about a command that the log does not take.
const TooLargeRecord = "It is larger than a record may be: send less in one event."

// BadToken is what is wrong with a Consistency-Token that no write of this log was answered with.
var BadToken = Fault{
	Parameter: "Consistency-Token", Code: "bad_token",
	Detail: "is not a consistency token: hand back the value of a Consistency-Token header unchanged",
}

// Of is the problem that an error of a use case is, by its kind. Causes are for logs: they stay out of the answer.
func Of(err error) *Problem {
	var p *Problem
	if errors.As(err, &p) {
		return p
	}
	var f *fiber.Error
	if errors.As(err, &f) {
		return ofStatus(f)
	}
	var e *domain.Error
	if !errors.As(err, &e) {
		return &Problem{Kind: Internal, Err: err}
	}
	p = &Problem{Err: err}
	switch e.Kind {
	case domain.Invalid:
		p.Kind, p.Faults = Invalid, Body(e.Fields)
		if errors.Is(err, domain.ErrToken) {
			p.Faults = []Fault{BadToken}
		} else if len(e.Fields) == 0 {
			p.Detail = e.Message
		}
	case domain.NotFound:
		p.Kind, p.Detail = NotFound, e.Message
	case domain.TooLarge:
		p.Kind, p.Detail = TooLarge, TooLargeRecord
	case domain.Unavailable:
		p.Kind = Unavailable
		if errors.Is(err, handlers.ErrNotVisible) {
			p.Kind = NotVisible
		}
	case domain.Uncertain:
		p.Kind = Uncertain
	default:
		p.Kind = Internal
	}
	return p
}

func ofStatus(f *fiber.Error) *Problem {
	for _, k := range Kinds() {
		if k.Status == f.Code && k.Status < 500 {
			return &Problem{Kind: k}
		}
	}
	if f.Code >= 400 && f.Code < 500 {
		return &Problem{Kind: Malformed, Detail: f.Message}
	}
	return &Problem{Kind: Internal, Err: f}
}

// Body says where in the body each fault lies.
func Body(fields []domain.FieldError) []Fault {
	faults := make([]Fault, len(fields))
	for i, f := range fields {
		faults[i] = Fault{Pointer: f.Pointer, Code: f.Code, Detail: f.Message}
	}
	return faults
}

// Send writes the problem as the answer.
func (p *Problem) Send(c *fiber.Ctx, requestID string) error {
	if p.Retry > 0 {
		c.Set(fiber.HeaderRetryAfter, strconv.Itoa(p.Retry))
	}
	if p.Status == fiber.StatusUnauthorized && len(c.Response().Header.Peek(fiber.HeaderWWWAuthenticate)) == 0 {
		c.Set(fiber.HeaderWWWAuthenticate, `Bearer realm="ugc"`)
	}
	c.Set(fiber.HeaderContentType, ContentType)
	c.Set(fiber.HeaderCacheControl, "no-store")
	return c.Status(p.Status).Send(p.append(nil, c.Path(), requestID))
}

func (p *Problem) append(b []byte, instance, requestID string) []byte {
	b = wire.AppendString(append(b, `{"type":`...), p.Type())
	b = wire.AppendString(append(b, `,"title":`...), p.Title)
	b = strconv.AppendInt(append(b, `,"status":`...), int64(p.Status), 10)
	detail := p.Detail
	if detail == "" {
		detail = p.Help
	}
	b = wire.AppendString(append(b, `,"detail":`...), detail)
	b = wire.AppendString(append(b, `,"instance":`...), instance[:min(len(instance), maxInstance)])
	if requestID != "" {
		b = wire.AppendString(append(b, `,"request_id":`...), requestID)
	}
	if len(p.Faults) > 0 {
		left := FaultBytes
		b = AppendFaults(append(b, ','), p.Faults, p.Beyond, &left)
	}
	if p.More != nil {
		b = p.More(b)
	}
	return append(b, '}')
}

// FaultBytes is how much of an answer faults take; then they are counted. It keeps problem documents below 64 KiB.
const FaultBytes = 24 << 10

const maxInstance = 1 << 10 // of a path that may have 16 KiB and grow when it is escaped

// AppendFaults appends the member errors, and more where there are more faults than fit: beyond, and those for which nothing is left.
// left is shared by all faults of an answer.
func AppendFaults(b []byte, faults []Fault, beyond int, left *int) []byte {
	start := len(b)
	b = append(b, `"errors":[`...)
	for i, f := range faults {
		before := len(b)
		if i > 0 {
			b = append(b, ',')
		}
		if b = f.append(b); len(b)-before > *left {
			b, *left = b[:before], 0 // smaller ones would leave gaps
			beyond += len(faults) - i
			if i == 0 {
				return appendMore(b[:start], beyond)
			}
			break
		}
		*left -= len(b) - before
	}
	b = append(b, ']')
	if beyond > 0 {
		b = appendMore(append(b, ','), beyond)
	}
	return b
}

func appendMore(b []byte, n int) []byte {
	return strconv.AppendInt(append(b, `"more":`...), int64(n), 10)
}

func (f Fault) append(b []byte) []byte {
	if f.Parameter != "" {
		b = wire.AppendString(append(b, `{"parameter":`...), f.Parameter)
	} else {
		b = wire.AppendString(append(b, `{"pointer":`...), f.Pointer)
	}
	b = wire.AppendString(append(b, `,"code":`...), f.Code)
	return append(wire.AppendString(append(b, `,"detail":`...), f.Detail), '}')
}
