package exchange

import (
	"fmt"
	"strings"

	"github.com/gofiber/fiber/v2"

	"ugc/transport/http/problem"
)

// Scope is what a service may do for every user. A person needs none for their own data.
type Scope uint8

// The scopes.
const (
	Read    Scope = 1 << iota // what any user has
	Write                     // for any user
	Metrics                   // what operators see
)

var scopeNames = []struct {
	scope Scope
	name  string
}{{Read, "read"}, {Write, "write"}, {Metrics, "metrics"}}

// ParseScope reads names with + between them.
func ParseScope(text string) (s Scope, err error) {
next:
	for name := range strings.SplitSeq(text, "+") {
		for _, known := range scopeNames {
			if name == known.name {
				s |= known.scope
				continue next
			}
		}
		return 0, fmt.Errorf("%q is no scope: choose from read, write and metrics, with + between them", name)
	}
	return s, nil
}

// String is what ParseScope reads.
func (s Scope) String() string {
	var names []string
	for _, known := range scopeNames {
		if s&known.scope != 0 {
			names = append(names, known.name)
		}
	}
	return strings.Join(names, "+")
}

// Caller is who sends a request. The nil caller is everybody: nobody asks.
type Caller struct {
	Name    string // for logs and limits: what they are known by, never a secret
	Subject string // the user that they are, "" for a service
	Scopes  Scope
}

// Nobody is who gives neither token nor key where one is asked for.
var Nobody = &Caller{}

// Me stands for the caller's own id in addresses and events.
const Me = "me"

// Who tells callers apart, "" for nobody.
func (c *Caller) Who() string {
	if c == nil {
		return ""
	}
	return c.Name
}

// As is the user that an id means for this caller, and whether they may do this for them. The error is a problem.
func (c *Caller) As(user string, need Scope) (string, error) {
	switch {
	case c == nil:
		return user, nil
	case c == Nobody:
		return "", errNobody
	case user == Me && c.Subject != "":
		return c.Subject, nil
	case user == c.Subject && user != "", c.Scopes&need != 0:
		return user, nil
	}
	return "", errAnother
}

// May says whether they may do what concerns no user in particular: a person may read what all may see.
func (c *Caller) May(need Scope) error {
	switch {
	case c == nil, c.Scopes&need != 0, c.Subject != "" && need == Read:
		return nil
	case c == Nobody:
		return errNobody
	}
	return &problem.Problem{Kind: problem.Forbidden, Detail: "This needs the scope " + need.String() + "."}
}

var (
	errNobody  = &problem.Problem{Kind: problem.Unauthorized, Detail: "Send Authorization: Bearer with a token, or X-Api-Key."}
	errAnother = &problem.Problem{Kind: problem.Forbidden, Detail: "This belongs to another user than the one of your token."}
)

// SetCaller keeps who sends the request.
func SetCaller(c *fiber.Ctx, caller *Caller) { c.Locals(keyCaller, caller) }

// CallerOf is who sends it, nil where nobody asks.
func CallerOf(c *fiber.Ctx) *Caller { caller, _ := c.Locals(keyCaller).(*Caller); return caller }
