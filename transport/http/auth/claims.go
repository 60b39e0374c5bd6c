package auth

import (
	"errors"
	"strings"

	"github.com/golang-jwt/jwt/v5"

	"ugc/domain"
	"ugc/transport/http/exchange"
)

// claims are what we read of a token.
type claims struct {
	jwt.RegisteredClaims
	Scope string `json:"scope"` // RFC 8693: names with spaces between them
}

// scopePrefix is before ours among the scopes of a token, which may hold those of other services.
const scopePrefix = "ugc:"

// caller is who a token speaks for: its subject, and with scopes a service.
func (c *claims) caller() (*exchange.Caller, error) {
	out := &exchange.Caller{Name: "token of " + c.Subject}
	for name := range strings.FieldsSeq(c.Scope) {
		if scope, ok := strings.CutPrefix(name, scopePrefix); ok {
			s, _ := exchange.ParseScope(scope) // one that we do not know allows nothing
			out.Scopes |= s
		}
	}
	if c.Subject == "" && out.Scopes == 0 {
		return nil, errors.New("the token has no subject: sub must be the user's id")
	}
	if c.Subject != "" {
		if code, message := domain.ValidateKeyPart(c.Subject); code != "" {
			return nil, errors.New("the token's subject cannot be a user's id: it " + message)
		}
	}
	out.Subject = c.Subject
	return out, nil
}
