// Package auth says who sends a request and what they may do. A person comes with a token (JWT) whose subject is the user that they are; a service
// comes with an API key, or with a token that has scopes, and may act for every user.
package auth

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/gofiber/fiber/v2"
	"github.com/golang-jwt/jwt/v5"

	"ugc/transport/http/exchange"
	"ugc/transport/http/problem"
)

// HeaderKey carries an API key.
const HeaderKey = "X-Api-Key"

// Options say what is accepted. With neither JWKS nor Keys everybody may do everything.
type Options struct {
	JWKS       string        // URL or file of the JSON Web Key Set that signs tokens; "": no tokens
	Algorithms []string      // the only ones that count; default RS256, ES256 and EdDSA. Symmetric ones are refused
	Issuer     string        // what iss must be; "": not looked at
	Audience   string        // what aud must hold; "": not looked at
	Leeway     time.Duration // how far clocks may differ
	Keys       []Key

	Refresh time.Duration // how often the key set is read again; default 5 min. An unknown key id has it read at once, at most every 10 s
	Timeout time.Duration // of reading it, default 5 s
	Now     func() time.Time
}

// asymmetric are the algorithms with which whoever can check a token cannot make one.
var asymmetric = []string{"RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"}

// Validate says everything that is wrong.
func (o Options) Validate() error {
	var errs []error
	for _, a := range o.Algorithms {
		if !contains(asymmetric, a) {
			errs = append(errs, fmt.Errorf("algorithm %q: choose from %s", a, strings.Join(asymmetric, ", ")))
		}
	}
	if o.Leeway < 0 || o.Leeway > 5*time.Minute {
		errs = append(errs, fmt.Errorf("leeway %s: must lie between 0 and 5m", o.Leeway))
	}
	if o.JWKS == "" && (o.Issuer != "" || o.Audience != "") {
		errs = append(errs, errors.New("an issuer or audience is of no use without the key set that signs tokens"))
	}
	seen := map[[32]byte]string{}
	for _, k := range o.Keys {
		if other, twice := seen[k.Hash]; twice {
			errs = append(errs, fmt.Errorf("API keys %q and %q are the same", other, k.Name))
		}
		seen[k.Hash] = k.Name
	}
	return errors.Join(errs...)
}

// On says whether anything is asked for at all.
func (o Options) On() bool { return o.JWKS != "" || len(o.Keys) > 0 }

// Guard finds out who sends a request. Run must run for tokens to be known.
type Guard struct {
	o      Options
	keys   map[[32]byte]*exchange.Caller
	parser *jwt.Parser
	set    keySet
	known  *verified
}

// New checks the options; it reads no key set yet.
func New(o Options) (*Guard, error) {
	if err := o.Validate(); err != nil {
		return nil, fmt.Errorf("authentication: %w", err)
	}
	if len(o.Algorithms) == 0 {
		o.Algorithms = []string{"RS256", "ES256", "EdDSA"}
	}
	if o.Refresh == 0 {
		o.Refresh = 5 * time.Minute
	}
	if o.Timeout == 0 {
		o.Timeout = 5 * time.Second
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	g := &Guard{o: o, keys: map[[32]byte]*exchange.Caller{}, known: newVerified()}
	for _, k := range o.Keys {
		g.keys[k.Hash] = &exchange.Caller{Name: "key " + k.Name, Scopes: k.Scopes}
	}
	rules := []jwt.ParserOption{jwt.WithValidMethods(o.Algorithms), jwt.WithExpirationRequired(), jwt.WithLeeway(o.Leeway), jwt.WithTimeFunc(o.Now)}
	if o.Issuer != "" {
		rules = append(rules, jwt.WithIssuer(o.Issuer))
	}
	if o.Audience != "" {
		rules = append(rules, jwt.WithAudience(o.Audience))
	}
	g.parser = jwt.NewParser(rules...)
	return g, nil
}

// Run reads the key set and keeps it new until ctx ends. A set that cannot be read is tried again; the one that was read last counts meanwhile.
func (g *Guard) Run(ctx context.Context) error {
	if g.o.JWKS == "" {
		<-ctx.Done()
		return nil
	}
	return g.set.run(ctx, g.o, g.known.forget)
}

// Healthy says why tokens cannot be checked, nil when they can.
func (g *Guard) Healthy() error {
	if g.o.JWKS == "" {
		return nil
	}
	return g.set.healthy()
}

// Identify is the middleware: it keeps who sends the request, for the routes to ask. Who gives nothing is nobody; whoever gives something that does
// not hold is refused at once, whatever the route.
func (g *Guard) Identify(c *fiber.Ctx) error {
	caller, err := g.caller(c)
	if err != nil {
		return err
	}
	exchange.SetCaller(c, caller)
	return c.Next()
}

func (g *Guard) caller(c *fiber.Ctx) (*exchange.Caller, error) {
	key, authorization := c.Get(HeaderKey), c.Get(fiber.HeaderAuthorization)
	switch {
	case key != "" && authorization != "":
		return nil, refuse(c, "Give a token or an API key, not both.", nil)
	case key != "":
		if caller := g.keys[HashOf(key)]; caller != nil {
			return caller, nil
		}
		return nil, refuse(c, "The API key is not known.", nil)
	case authorization != "":
		scheme, token, _ := strings.Cut(authorization, " ")
		token = strings.TrimSpace(token)
		if !strings.EqualFold(scheme, "Bearer") || token == "" {
			return nil, refuse(c, "Send Authorization: Bearer with a token.", nil)
		}
		if caller := g.keys[HashOf(token)]; caller != nil { // for scrapers, which know no other header
			return caller, nil
		}
		return g.token(c, token)
	}
	return exchange.Nobody, nil
}

// token finds out whose a token is.
func (g *Guard) token(c *fiber.Ctx, token string) (*exchange.Caller, error) {
	if g.o.JWKS == "" {
		return nil, refuse(c, "The API key is not known, and tokens are not taken here.", nil)
	}
	now := g.o.Now()
	if caller := g.known.get(token, now); caller != nil {
		return caller, nil
	}
	if err := g.set.healthy(); err != nil {
		return nil, &problem.Problem{Kind: problem.Unavailable, Detail: "Tokens cannot be checked now.", Err: err}
	}
	var claims claims
	if _, err := g.parser.ParseWithClaims(token, &claims, g.set.find(c.UserContext())); err != nil {
		return nil, refuse(c, reason(err), err)
	}
	caller, err := claims.caller()
	if err != nil {
		return nil, refuse(c, err.Error(), nil)
	}
	g.known.add(token, caller, claims.ExpiresAt.Add(g.o.Leeway), now)
	return caller, nil
}

// reason says what a client can do about a token that does not hold; what is wrong with a signature is nobody's business.
func reason(err error) string {
	switch {
	case errors.Is(err, jwt.ErrTokenExpired):
		return "The token has expired: get a new one."
	case errors.Is(err, jwt.ErrTokenNotValidYet), errors.Is(err, jwt.ErrTokenUsedBeforeIssued):
		return "The token is not valid yet: look at your clock."
	case errors.Is(err, jwt.ErrTokenInvalidIssuer):
		return "The token is of another issuer."
	case errors.Is(err, jwt.ErrTokenInvalidAudience):
		return "The token is for another audience."
	case errors.Is(err, jwt.ErrTokenRequiredClaimMissing):
		return "The token lacks a claim that is needed here, such as exp."
	}
	return "The token does not hold."
}

// refuse says that whoever it is, it is not known (RFC 6750).
func refuse(c *fiber.Ctx, detail string, err error) error {
	c.Set(fiber.HeaderWWWAuthenticate, `Bearer realm="ugc", error="invalid_token"`)
	return &problem.Problem{Kind: problem.Unauthorized, Detail: detail, Err: err}
}

func contains(all []string, one string) bool {
	for _, a := range all {
		if a == one {
			return true
		}
	}
	return false
}
