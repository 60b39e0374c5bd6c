// Package auth says who sends a request and what they may do. A person comes with a token (JWT) whose subject is the user that they are, and
// speaks for that user alone. A service comes with an API key, or with a token of a client that was named, and may do for every user what its
// scopes say.
package auth

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"github.com/gofiber/fiber/v2"
	"github.com/golang-jwt/jwt/v5"
	"github.com/prometheus/client_golang/prometheus"

	"ugc/transport/http/exchange"
	"ugc/transport/http/problem"
)

// HeaderKey carries an API key.
const HeaderKey = "X-Api-Key"

// Options say what is accepted. With neither JWKS nor Keys nobody is.
type Options struct {
	JWKS       string        // URL or file of the JSON Web Key Set that signs tokens; "": no tokens
	PlainJWKS  bool          // it may come by http: from another machine
	MaxAge     time.Duration // of the key set that was read last; then no token is taken until it is read again. Default 1 h
	Algorithms []string      // the only ones that count; default RS256, ES256 and EdDSA. Symmetric ones are refused
	Issuer     string        // what iss must be; "": not looked at
	Audience   string        // what aud must hold; "": not looked at
	Services   []string      // client_id of the clients whose own tokens are those of services
	Leeway     time.Duration // how far clocks may differ
	Keys       []Key

	Failures *Limit // bounds how many requests of one address are refused with 401; then 429. nil: nothing does

	Refresh  time.Duration // how often the key set is read again; default 5 min. An unknown key id has it read at once, at most every 10 s
	Timeout  time.Duration // of reading it, default 5 s
	Now      func() time.Time
	Log      *slog.Logger          // nil: none
	Registry prometheus.Registerer // of the metrics about the key set; nil: none
}

const refresh = 5 * time.Minute

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
	if o.JWKS == "" && (o.Issuer != "" || o.Audience != "" || len(o.Services) > 0) {
		errs = append(errs, errors.New("an issuer, an audience or services are of no use without the key set that signs tokens"))
	}
	if contains(o.Services, "") {
		errs = append(errs, errors.New("services: a client has a client_id, which is not empty"))
	}
	if err := plainAddress(o.JWKS, o.PlainJWKS); err != nil {
		errs = append(errs, err)
	}
	if o.MaxAge < 0 || o.MaxAge > 0 && o.MaxAge < 2*refresh {
		errs = append(errs, fmt.Errorf("age of the key set %s: must be %s or more, two of its readings", o.MaxAge, 2*refresh))
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

func (o *Options) setDefaults() {
	if len(o.Algorithms) == 0 {
		o.Algorithms = []string{"RS256", "ES256", "EdDSA"}
	}
	if o.Refresh == 0 {
		o.Refresh = refresh
	}
	if o.Timeout == 0 {
		o.Timeout = 5 * time.Second
	}
	if o.MaxAge == 0 {
		o.MaxAge = time.Hour
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
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
	o.setDefaults()
	g := &Guard{o: o, keys: map[[32]byte]*exchange.Caller{}, known: newVerified(),
		set: keySet{maxAge: o.MaxAge, now: o.Now, wanted: make(chan struct{}, 1)}}
	var err error
	if g.set.watch, err = newWatch(o, &g.set); err != nil {
		return nil, fmt.Errorf("authentication: metrics: %w", err)
	}
	for _, k := range o.Keys {
		g.keys[k.Hash] = &exchange.Caller{Name: "key " + k.Name, All: k.Scopes}
	}
	rules := []jwt.ParserOption{jwt.WithValidMethods(o.Algorithms), jwt.WithExpirationRequired(), jwt.WithLeeway(o.Leeway),
		jwt.WithTimeFunc(o.Now), jwt.WithStrictDecoding()}
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

// Identify is who sends a request: Nobody where it names nobody. The error is a problem: what it names does not hold, or too many
// requests of its address did not. Known keys and tokens that held lately are never held up by that.
func (g *Guard) Identify(c *fiber.Ctx) (*exchange.Caller, error) {
	token, err := credentials(c)
	if err != nil {
		return nil, g.failed(c, err)
	}
	if len(token.text) == 0 {
		return exchange.Nobody, nil
	}
	if caller := g.keys[token.hash]; caller != nil { // as a token too: scrapers know no other header
		return caller, nil
	}
	if token.key {
		return nil, g.failed(c, refuse(c, "The API key is not known.", nil))
	}
	caller, err := g.token(c, token)
	if err != nil {
		return nil, g.failed(c, err)
	}
	return caller, nil
}

// failed is the answer to a request that names nobody who is known: err, or that its address sends too many of them.
func (g *Guard) failed(c *fiber.Ctx, err error) error {
	if p := problem.Of(err); g.o.Failures == nil || p.Status != fiber.StatusUnauthorized {
		return err
	}
	if late := g.o.Failures.Fail(c); late != nil {
		return late
	}
	return err
}

// Unknown refuses a request that names nobody.
func (g *Guard) Unknown(c *fiber.Ctx) error { return g.failed(c, exchange.ErrNobody) }

// credential is what a request names its sender by.
type credential struct {
	text []byte // in Fiber's buffer; empty: nothing
	hash [sha256.Size]byte
	key  bool // it can be no token
}

func credentials(c *fiber.Ctx) (credential, error) {
	h := &c.Request().Header
	key, authorization := h.Peek(HeaderKey), h.Peek(fiber.HeaderAuthorization)
	switch {
	case len(key) > 0 && len(authorization) > 0:
		return credential{}, refuse(c, "Give a token or an API key, not both.", nil)
	case len(key) > 0:
		return credential{key, sha256.Sum256(key), true}, nil
	case len(authorization) == 0:
		return credential{}, nil
	}
	scheme, token, _ := bytes.Cut(authorization, []byte{' '})
	token = bytes.Trim(token, " ")
	if !bytes.EqualFold(scheme, bearer) || len(token) == 0 || len(h.PeekAll(fiber.HeaderAuthorization)) > 1 {
		return credential{}, refuse(c, "Send Authorization: Bearer with one token.", nil)
	}
	return credential{text: token, hash: sha256.Sum256(token)}, nil
}

var bearer = []byte("Bearer")

// token finds out whose a token is.
func (g *Guard) token(c *fiber.Ctx, token credential) (*exchange.Caller, error) {
	if g.o.JWKS == "" {
		return nil, refuse(c, "The API key is not known, and tokens are not taken here.", nil)
	}
	if err := g.set.healthy(); err != nil {
		return nil, &problem.Problem{Kind: problem.Unavailable, Detail: "Tokens cannot be checked now.", Err: err}
	}
	now := g.o.Now()
	if caller := g.known.get(token.hash, now); caller != nil {
		return caller, nil
	}
	if g.o.Failures != nil { // before a signature is checked, which costs more than the request
		if late := g.o.Failures.Spent(c); late != nil {
			return nil, late
		}
	}
	caller, expires, err := g.read(string(token.text))
	if err != nil {
		return nil, refuse(c, reason(err), err)
	}
	g.known.add(token.hash, caller, expires.Add(g.o.Leeway), now)
	return caller, nil
}

// read takes a token apart and checks everything about it.
func (g *Guard) read(token string) (caller *exchange.Caller, expires time.Time, err error) {
	if err := readHeader(token); err != nil {
		return nil, expires, err
	}
	var c claims
	if _, err := g.parser.ParseWithClaims(token, &c, g.set.find); err != nil {
		return nil, expires, err
	}
	caller, err = c.caller(g.o.Services)
	return caller, c.expires.Time, err
}

// reason says what a client can do about a token that does not hold; what is wrong with a signature is nobody's business.
func reason(err error) string {
	if bad, ok := errors.AsType[errToken](err); ok {
		return bad.Error()
	}
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

func contains[T comparable](all []T, one T) bool {
	for _, a := range all {
		if a == one {
			return true
		}
	}
	return false
}
