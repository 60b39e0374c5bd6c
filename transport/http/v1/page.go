package v1

import (
	"math"
	"strconv"

	"github.com/gofiber/fiber/v2"

	"ugc/domain"
	"ugc/handlers"
	"ugc/transport/http/wire"
)

// The limits of a page.
const (
	defaultSize = 50
	maxSize     = handlers.MaxPage
)

// page is what a request asks for.
type page struct {
	number int64
	size   int64
	path   string  // decoded
	raw    string  // the query as it came
	query  []param // the query, decoded
}

func readPage(c *fiber.Ctx, path string) (page, faults) {
	raw := c.Request().URI().QueryString()
	p := page{number: 1, size: defaultSize, path: path, raw: string(raw), query: parseQuery(raw)}
	var all faults
	all.add("query", "page", p.read("page", math.MaxInt64, &p.number))
	all.add("query", "size", p.read("size", maxSize, &p.size))
	return p, all
}

func (p *page) read(name string, most int64, to *int64) (f *fault) {
	if s, ok := last(p.query, name); ok {
		*to, f = toInteger(value{kind: text, text: s}, 1, most)
	}
	return f
}

// sendPage answers with a page of opinions; item appends one.
func sendPage(c *fiber.Ctx, p page, items []handlers.Opinion, total int64, item func([]byte, handlers.Opinion) []byte) error {
	b := []byte(`{"items":[`)
	for i, o := range items {
		if i > 0 {
			b = append(b, ',')
		}
		b = item(b, o)
	}
	pages := (total + p.size - 1) / p.size
	b = strconv.AppendInt(append(b, `],"total":`...), total, 10)
	b = strconv.AppendInt(append(b, `,"page":`...), p.number, 10)
	b = strconv.AppendInt(append(b, `,"size":`...), p.size, 10)
	b = strconv.AppendInt(append(b, `,"pages":`...), pages, 10)
	b = p.appendLink(append(b, `,"links":{"first":`...), 1)
	b = p.appendLink(append(b, `,"last":`...), max(pages, 1))
	b = p.appendSelf(append(b, `,"self":`...))
	b = append(b, `,"next":`...)
	if p.number < pages {
		b = p.appendLink(b, p.number+1)
	} else {
		b = append(b, "null"...)
	}
	b = append(b, `,"prev":`...)
	if p.number > 1 {
		b = p.appendLink(b, p.number-1)
	} else {
		b = append(b, "null"...)
	}
	return sendJSON(c, fiber.StatusOK, append(b, "}}"...))
}

// appendLink links to a page: other parameters are kept, page comes last.
func (p *page) appendLink(b []byte, number int64) []byte {
	kept := make([]param, 0, len(p.query)+1)
	for _, x := range p.query {
		if x.name != "page" {
			kept = append(kept, x)
		}
	}
	kept = append(kept, param{"page", strconv.FormatInt(number, 10)})
	link := append(wire.AppendReadable(nil, p.path, wire.Path), '?')
	return wire.AppendString(b, string(appendQuery(link, kept)))
}

func (p *page) appendSelf(b []byte) []byte {
	link := wire.AppendReadable(nil, p.path, wire.Path)
	if p.raw != "" {
		link = append(append(link, '?'), p.raw...)
	}
	return wire.AppendString(b, string(link))
}

func appendBookmark(b []byte, o handlers.Opinion) []byte {
	return append(appendPair(b, o.User, o.Movie), '}')
}

func appendRating(b []byte, o handlers.Opinion) []byte {
	b = append(appendPair(b, o.User, o.Movie), `,"score":`...)
	return append(strconv.AppendInt(b, int64(o.Value), 10), '}')
}

// appendPair begins an object about a user and a movie; the caller closes it.
func appendPair(b []byte, user, movie string) []byte {
	b = wire.AppendString(append(b, `{"user_id":`...), user)
	return wire.AppendString(append(b, `,"movie_id":`...), movie)
}

// list answers with a page of a user's opinions of one kind.
func (a *API) list(c *fiber.Ctx, r request, kind domain.OpinionKind, item func([]byte, handlers.Opinion) []byte) error {
	var all faults
	all.add("path", "user_id", checkID(r.user))
	p, wrong := readPage(c, r.path)
	if all = append(all, wrong...); all != nil {
		return all
	}
	items, total, err := a.lists.Page(r.ctx, kind, r.user, p.number, int(p.size))
	if err != nil {
		return err
	}
	return sendPage(c, p, items, total, item)
}
