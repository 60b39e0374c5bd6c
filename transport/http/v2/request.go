package v2

import (
	"encoding/base64"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/gofiber/fiber/v2"

	"ugc/domain"
	"ugc/handlers"
	"ugc/transport/http/exchange"
	"ugc/transport/http/problem"
)

// Headers of this version.
const (
	HeaderToken   = "Consistency-Token"
	headerPrefer  = "Prefer"
	headerApplied = "Preference-Applied"
)

// wantJSON refuses bodies in another form; none at all is taken for JSON.
func wantJSON(c *fiber.Ctx) error {
	if enc := c.Get(fiber.HeaderContentEncoding); enc != "" && !strings.EqualFold(enc, "identity") {
		c.Set(fiber.HeaderAcceptEncoding, "identity")
		return &problem.Problem{Kind: problem.Unsupported, Detail: "Send the body without a Content-Encoding."}
	}
	contentType := c.Get(fiber.HeaderContentType)
	if contentType == "" || contentType == fiber.MIMEApplicationJSON {
		return nil
	}
	mime, params, _ := strings.Cut(contentType, ";")
	_, charset, hasCharset := strings.Cut(strings.ToLower(params), "charset=")
	if !strings.EqualFold(strings.TrimSpace(mime), fiber.MIMEApplicationJSON) || hasCharset && strings.Trim(charset, "\" ") != "utf-8" {
		c.Set(fiber.HeaderAccept, fiber.MIMEApplicationJSON)
		return &problem.Problem{Kind: problem.Unsupported, Detail: "Send application/json in UTF-8."}
	}
	return nil
}

// prefer is what a request prefers (RFC 7240). Preferences that are not known or not understood are passed over, as the RFC asks.
type prefer struct {
	wait  time.Duration
	given bool
}

func readPrefer(c *fiber.Ctx) (p prefer) {
	for _, v := range c.Request().Header.PeekAll(headerPrefer) {
		for one := range strings.SplitSeq(string(v), ",") {
			name, _, _ := strings.Cut(one, ";")
			name, value, _ := strings.Cut(name, "=")
			if p.given || !strings.EqualFold(strings.TrimSpace(name), "wait") {
				continue // the first of several counts
			}
			n, err := strconv.ParseUint(strings.Trim(strings.TrimSpace(value), `"`), 10, 31)
			if err == nil {
				p = prefer{wait: time.Duration(n) * time.Second, given: true}
			}
		}
	}
	return p
}

// bounded is how long a request waits at most.
func (a *API) bounded(p prefer) time.Duration { return min(p.wait, a.maxWait) }

// applied says that a preference was honoured, and how far.
func (a *API) applied(c *fiber.Ctx, p prefer) {
	c.Set(headerApplied, "wait="+strconv.Itoa(int(a.bounded(p)/time.Second)))
}

// params reads the parameters of a path, a query and headers, and keeps every fault. What it returns are copies.
type params struct {
	c      *fiber.Ctx
	faults []problem.Fault
	beyond int   // how many more there are
	denied error // they may not, whatever else is wrong
}

func (p *params) fault(name, code, detail string) {
	if p.full() {
		return
	}
	if len(name) > maxName {
		name = strings.ToValidUTF8(name[:maxName], "") + "…"
	}
	p.faults = append(p.faults, problem.Fault{Parameter: name, Code: code, Detail: detail})
}

// full says whether no more faults are kept; another one is counted.
func (p *params) full() bool {
	if len(p.faults) < maxFaults {
		return false
	}
	p.beyond++
	return true
}

// err is the problem with what was read so far, nil where there is none.
func (p *params) err() error {
	if p.denied != nil {
		return p.denied
	}
	if len(p.faults) == 0 {
		return nil
	}
	return &problem.Problem{Kind: problem.Invalid, Faults: p.faults, Beyond: p.beyond}
}

// id is a user or movie id from the path.
func (p *params) id(name string) string {
	text, err := url.PathUnescape(p.c.Params(name))
	if err != nil {
		p.fault(name, "bad_characters", "has a broken percent escape")
		return ""
	}
	if code, message := domain.ValidateKeyPart(text); code != "" {
		p.fault(name, code, message)
		return ""
	}
	return strings.Clone(text)
}

// user is the user from the path, which the caller must be, or have the scope for; me is the caller's own.
func (p *params) user(need exchange.Scope) string {
	id := p.id("user_id")
	if id == "" {
		id = "-" // is at fault already; who may nothing at all is told that first
	}
	id, err := exchange.CallerOf(p.c).As(id, need)
	if err != nil {
		p.denied = err
	}
	return id
}

// query reads the query, in which only these parameters may stand, each once.
func (p *params) query(known ...string) map[string]string {
	out := map[string]string{}
	for part := range strings.SplitSeq(string(p.c.Request().URI().QueryString()), "&") {
		if part == "" {
			continue
		}
		rawName, rawValue, _ := strings.Cut(part, "=")
		name, err1 := url.QueryUnescape(rawName)
		value, err2 := url.QueryUnescape(rawValue)
		_, twice := out[name]
		switch {
		case err1 != nil || err2 != nil:
			p.fault(rawName, "bad_characters", "has a broken percent escape")
		case !slices.Contains(known, name) && p.full():
		case !slices.Contains(known, name):
			detail := "is not a parameter here"
			if near := nearest(name, known); near != "" {
				detail += "; did you mean " + strconv.Quote(near) + "?"
			}
			p.fault(name, "unknown", detail)
		case twice:
			p.fault(name, "duplicate", "is given more than once")
		}
		out[name] = value
	}
	return out
}

const defaultLimit = 50

func (p *params) limit(query map[string]string) int {
	text, ok := query["limit"]
	if !ok {
		return defaultLimit
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 || n > handlers.MaxPage {
		p.fault("limit", "out_of_range", "must be a whole number from 1 to 100")
	}
	return n
}

// atLeast is what a read must show: the token of the request, and how long it may take.
func (a *API) atLeast(p *params) handlers.AtLeast {
	token, err := domain.ParseToken(p.c.Get(HeaderToken))
	if err != nil {
		p.faults = append(p.faults, problem.BadToken)
	}
	wait := readPrefer(p.c)
	out := handlers.AtLeast{Token: token, For: a.defaultWait}
	if wait.given {
		out.For = a.bounded(wait)
		out.Waited = func() { a.applied(p.c, wait) }
	}
	return out
}

// A cursor is the place in a list of opinions, for the caller to hand back.
func encodeCursor(v domain.Version) string {
	return base64.RawURLEncoding.EncodeToString(strconv.AppendInt(nil, int64(v), 36))
}

func (p *params) cursor(query map[string]string) domain.Optional[domain.Version] {
	text, ok := query["after"]
	if !ok {
		return domain.Optional[domain.Version]{}
	}
	raw, err := base64.RawURLEncoding.DecodeString(text)
	if err == nil {
		var n int64
		if n, err = strconv.ParseInt(string(raw), 36, 64); err == nil && n >= 0 && encodeCursor(domain.Version(n)) == text {
			return domain.Some(domain.Version(n))
		}
	}
	p.fault("after", "bad_cursor", "is not a place in this list: follow the next link of a page")
	return domain.Optional[domain.Version]{}
}

// readBody reads the body of a single write, an object of these fields. An empty body is an empty object.
func readBody(c *fiber.Ctx, allowed fieldSet) (*event, error) {
	e := &event{at: -1}
	raw := exchange.Body(c)
	if len(raw) == 0 {
		return e, nil
	}
	if err := wantJSON(c); err != nil {
		return nil, err
	}
	in := scanner{src: string(raw)} // a copy: Fiber uses raw again
	if !utf8.ValidString(in.src) {
		return nil, errNotUTF8
	}
	e.read(&in, allowed)
	in.end()
	if in.err != nil {
		return nil, malformed(in.err)
	}
	return e, nil
}
