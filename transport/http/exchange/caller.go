package exchange

import (
	"fmt"
	"strings"

	"github.com/gofiber/fiber/v2"

	"ugc/transport/http/problem"
)

// Scope is what a caller may do.
type Scope uint8

// The scopes.
const (
	Read    Scope = 1 << iota // what users have
	Write                     // for users
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

// Caller is who sends a request. The zero value has no rights.
type Caller struct {
	Name    string // for logs and limits: what they are known by, never a secret
	Subject string // the user that they are, "" for a service
	Own     Scope  // what they may do with their own user's data
	All     Scope  // what they may do for every user; only services have it
}

// Nobody is who gives neither token nor key.
var Nobody = &Caller{}

// Everybody is who calls where authentication is off. Only a server that listens on loopback may hand it out.
var Everybody = &Caller{All: Read | Write | Metrics}

// Me stands for the caller's own id in addresses and events.
const Me = "me"

// Known says whether the caller is anybody at all.
func (c *Caller) Known() bool { return c != nil && *c != Caller{} }

// Who tells callers apart, "" where no name is known.
func (c *Caller) Who() string {
	if c == nil {
		return ""
	}
	return c.Name
}

// As is the user that an id means for this caller, and whether they may do this for them. The error is a problem.
func (c *Caller) As(user string, need Scope) (string, error) {
	if !c.Known() {
		return "", ErrNobody
	}
	if user == Me {
		if user = c.Subject; user == "" {
			return "", errNoSelf
		}
	}
	switch {
	case c.All&need != 0:
		return user, nil
	case user == "" || user != c.Subject:
		return "", errAnother
	case c.Own&need == 0:
		return "", lacks(need)
	}
	return user, nil
}

// May says whether they may do this for any user at all: for their own or for every one.
func (c *Caller) May(need Scope) error {
	switch {
	case !c.Known():
		return ErrNobody
	case (c.Own|c.All)&need == 0:
		return lacks(need)
	}
	return nil
}

func lacks(need Scope) error {
	return &problem.Problem{Kind: problem.Forbidden, Detail: "This needs the scope " + need.String() + "."}
}

// ErrNobody refuses who gives neither token nor key.
var ErrNobody error = &problem.Problem{Kind: problem.Unauthorized, Detail: "Send Authorization: Bearer with a token, or X-Api-Key."}

var (
	errAnother = &problem.Problem{Kind: problem.Forbidden, Detail: "This belongs to another user than the one of your token."}
	errNoSelf  = &problem.Problem{Kind: problem.Forbidden, Detail: "`me` is the user of a token, and you have none: name the user by id."}
	errClosed  = &problem.Problem{Kind: problem.Forbidden, Detail: "This address is not open to anybody."}
)

// SetCaller keeps who sends the request.
func SetCaller(c *fiber.Ctx, caller *Caller) { c.Locals(keyCaller, caller) }

// CallerOf is who sends it; Nobody where that was not found out.
func CallerOf(c *fiber.Ctx) *Caller {
	if caller, _ := c.Locals(keyCaller).(*Caller); caller != nil {
		return caller
	}
	return Nobody
}
