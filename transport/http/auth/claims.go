package auth

import (
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"ugc/domain"
	"ugc/transport/http/exchange"
)

// errToken is a token that is not written as its RFC asks; clients are told.
type errToken struct{ error }

func badToken(format string, args ...any) error { return errToken{fmt.Errorf(format, args...)} }

// readHeader looks at the JOSE header of a token before anything else reads it.
func readHeader(token string) error {
	encoded, _, _ := strings.Cut(token, ".")
	text, err := base64.RawURLEncoding.Strict().DecodeString(encoded)
	if err != nil {
		return badToken("The token is no JWT.")
	}
	h, err := object(text)
	if err != nil {
		return badToken("The header of the token does not hold: %w.", err)
	}
	if _, there := h["crit"]; there { // RFC 7515, 4.1.11: what is critical must be understood, and there is nothing that we do
		return badToken("The token has crit, and none of its extensions is understood here.")
	}
	typ, err := h.text("typ")
	if err != nil {
		return badToken("The header of the token does not hold: %w.", err)
	}
	if _, there := h["typ"]; there && !accessToken(typ) {
		return badToken("The token is of another type: JWT and at+jwt are taken.")
	}
	for _, name := range []string{"alg", "kid"} {
		if _, err := h.text(name); err != nil {
			return badToken("The header of the token does not hold: %w.", err)
		}
	}
	return nil
}

// accessToken says whether a typ is one of an access token: JWT (RFC 7519, 5.1) or at+jwt (RFC 9068, 2.1). Media types have no case, and
// application/ is left out or not (RFC 7515, 4.1.9). Other types are for other ends (RFC 8725, 3.11).
func accessToken(typ string) bool {
	typ = strings.TrimPrefix(strings.ToLower(typ), "application/")
	return typ == "jwt" || typ == "at+jwt"
}

// claims are what we read of a token.
type claims struct {
	issuer, subject, client string
	audience                []string
	expires, from, issued   *jwt.NumericDate
	scopes                  exchange.Scope // those of ours that the token names
	scoped                  bool           // it has the claim scope at all
}

// UnmarshalJSON reads the claims by their exact names.
func (c *claims) UnmarshalJSON(text []byte) error {
	m, err := object(text)
	if err != nil {
		return badToken("The claims of the token do not hold: %w.", err)
	}
	var errs [5]error
	var scope string
	c.issuer, errs[0] = m.text("iss")
	c.subject, errs[1] = m.text("sub")
	c.client, errs[2] = m.text("client_id")
	c.audience, errs[3] = m.texts("aud")
	scope, errs[4] = m.text("scope")
	all := errs[:]
	for name, to := range map[string]**jwt.NumericDate{"exp": &c.expires, "nbf": &c.from, "iat": &c.issued} {
		seconds, there, err := m.date(name)
		all = append(all, err)
		if there {
			*to = jwt.NewNumericDate(time.UnixMilli(int64(seconds * 1000)))
		}
	}
	if err := errors.Join(all...); err != nil {
		return badToken("The claims of the token do not hold: %w.", err)
	}
	_, c.scoped = m["scope"]
	for name := range strings.FieldsSeq(scope) {
		if name, ok := strings.CutPrefix(name, scopePrefix); ok {
			s, _ := exchange.ParseScope(name) // one that we do not know allows nothing
			c.scopes |= s
		}
	}
	return nil
}

// GetExpirationTime and the other five are what jwt's validator asks for.
func (c *claims) GetExpirationTime() (*jwt.NumericDate, error) { return c.expires, nil }

// GetNotBefore implements jwt.Claims.
func (c *claims) GetNotBefore() (*jwt.NumericDate, error) { return c.from, nil }

// GetIssuedAt implements jwt.Claims.
func (c *claims) GetIssuedAt() (*jwt.NumericDate, error) { return c.issued, nil }

// GetIssuer implements jwt.Claims.
func (c *claims) GetIssuer() (string, error) { return c.issuer, nil }

// GetSubject implements jwt.Claims.
func (c *claims) GetSubject() (string, error) { return c.subject, nil }

// GetAudience implements jwt.Claims.
func (c *claims) GetAudience() (jwt.ClaimStrings, error) { return c.audience, nil }

// scopePrefix is before ours among the scopes of a token, which may hold those of other services.
const scopePrefix = "ugc:"

// caller is who a token speaks for.
//
// A token is a service's where its client_id is one of those that were named, and its subject is that client or none (RFC 9068, 2.2: a
// client that acts for itself is its own subject). Its scopes hold for every user. Every other token is a person's: it speaks for its
// subject alone, whatever scopes it has. A scope claim restricts a person to the ugc: scopes that it names; without the claim a person
// may read and write what is theirs.
func (c *claims) caller(services []string) (*exchange.Caller, error) {
	if c.client != "" && slices.Contains(services, c.client) && (c.subject == "" || c.subject == c.client) {
		return &exchange.Caller{Name: "service " + c.client, All: c.scopes}, nil
	}
	if c.subject == "" {
		return nil, badToken("The token has no subject: sub must be the user's id.")
	}
	if code, message := domain.ValidateKeyPart(c.subject); code != "" {
		return nil, badToken("The token's subject cannot be a user's id: it %s.", message)
	}
	const own = exchange.Read | exchange.Write
	out := &exchange.Caller{Name: "token of " + c.subject, Subject: c.subject, Own: own}
	if c.scoped {
		out.Own &= c.scopes
	}
	return out, nil
}
