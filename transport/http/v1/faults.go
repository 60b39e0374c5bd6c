package v1

import (
	"strconv"
	"strings"

	"github.com/gofiber/fiber/v2"

	"ugc/transport/http/wire"
)

// fault is one entry of a 422's detail, as pydantic words it.
type fault struct {
	in, name string // where: body, query or path, and the field; "" for the body as a whole
	pos      int    // of a syntax error in the body; the field's name is empty then
	msg, typ string
	ctx      []byte // JSON, may be absent
}

// faults are all that is wrong with a request, in the order of its fields. It is an error, so that a reader can return it.
type faults []fault

func (f faults) Error() string { return "422 with " + strconv.Itoa(len(f)) + " faults" }

// add keeps a fault of the named field, nil is none.
func (f *faults) add(in, name string, x *fault) {
	if x != nil {
		x.in, x.name = in, name
		*f = append(*f, *x)
	}
}

func notNone() *fault {
	return &fault{msg: "none is not an allowed value", typ: "type_error.none.not_allowed"}
}

func missing() *fault { return &fault{msg: "field required", typ: "value_error.missing"} }

func notDict() *fault { return &fault{msg: "value is not a valid dict", typ: "type_error.dict"} }

func limit(n int64) []byte {
	return append(strconv.AppendInt([]byte(`{"limit_value":`), n, 10), '}')
}

const syntaxType = "value_error.jsondecode"

func (e *syntaxError) fault() *fault {
	ctx := wire.AppendString([]byte(`{"msg":`), e.msg)
	ctx = wire.AppendString(append(ctx, `,"doc":`...), cut(e.doc))
	ctx = strconv.AppendInt(append(ctx, `,"pos":`...), int64(e.pos), 10)
	ctx = strconv.AppendInt(append(ctx, `,"lineno":`...), int64(e.line), 10)
	ctx = strconv.AppendInt(append(ctx, `,"colno":`...), int64(e.column), 10)
	return &fault{pos: e.pos, msg: e.Error(), typ: syntaxType, ctx: append(ctx, '}')}
}

// maxDoc bounds how much of a body that is no JSON is said again, in bytes: answers stay below 64 KiB, and escaping makes six of one.
const maxDoc = 8 << 10

// cut is the beginning of a text.
func cut(doc string) string {
	if len(doc) <= maxDoc {
		return doc
	}
	return strings.ToValidUTF8(doc[:maxDoc], "") + "…"
}

func (f faults) send(c *fiber.Ctx) error {
	b := []byte(`{"detail":[`)
	for i, x := range f {
		if i > 0 {
			b = append(b, ',')
		}
		b = wire.AppendString(append(b, `{"loc":[`...), x.in)
		if x.typ == syntaxType {
			b = strconv.AppendInt(append(b, ','), int64(x.pos), 10)
		} else if x.name != "" {
			b = wire.AppendString(append(b, ','), x.name)
		}
		b = wire.AppendString(append(b, `],"msg":`...), x.msg)
		b = wire.AppendString(append(b, `,"type":`...), x.typ)
		if x.ctx != nil {
			b = append(append(b, `,"ctx":`...), x.ctx...)
		}
		b = append(b, '}')
	}
	return sendJSON(c, fiber.StatusUnprocessableEntity, append(b, "]}"...))
}

// sendDetail is how FastAPI words every other refusal.
func sendDetail(c *fiber.Ctx, status int, detail string) error {
	return sendJSON(c, status, append(wire.AppendString([]byte(`{"detail":`), detail), '}'))
}

func sendJSON(c *fiber.Ctx, status int, body []byte) error {
	c.Set(fiber.HeaderContentType, fiber.MIMEApplicationJSON)
	return c.Status(status).Send(body)
}
