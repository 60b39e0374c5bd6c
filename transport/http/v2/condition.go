package v2

import (
	"github.com/gofiber/fiber/v2"

	"ugc/transport/http/problem"
)

// unconditional refuses a condition that cannot hold or cannot be judged here: nothing of this version has an ETag, so If-Match matches
// nothing (RFC 9110, 13.1.1), and whether something is there yet is known only after the log. To do it all the same would lose what the
// client means to protect. If-None-Match with an ETag holds always, and dates are passed over where there is no Last-Modified (13.1.3, 13.1.4).
func unconditional(c *fiber.Ctx) error {
	h := &c.Request().Header
	unsafe := !h.IsGet() && !h.IsHead()
	if len(h.Peek(fiber.HeaderIfMatch)) == 0 && (!unsafe || string(h.Peek(fiber.HeaderIfNoneMatch)) != "*") {
		return nil
	}
	return &problem.Problem{Kind: problem.Precondition}
}
