package edge_test

import (
	"bytes"
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/MicahParks/jwkset"
	"github.com/golang-jwt/jwt/v5"
	"github.com/stretchr/testify/require"

	"ugc/handlers/handlerstest"
	edge "ugc/transport/http"
	"ugc/transport/http/auth"
	"ugc/transport/http/exchange"
	v1 "ugc/transport/http/v1"
	v2 "ugc/transport/http/v2"
)

var (
	signer   = must(rsa.GenerateKey(rand.Reader, 2048))
	stranger = must(rsa.GenerateKey(rand.Reader, 2048))
	curve    = must(ecdsa.GenerateKey(elliptic.P256(), rand.Reader))
)

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

// issuer is who makes tokens: it serves the set of its public keys, which a test may change.
type issuer struct {
	*httptest.Server
	mu   sync.Mutex
	keys map[string]crypto.PublicKey
	down bool
}

func newIssuer(t *testing.T, keys map[string]crypto.PublicKey) *issuer {
	i := &issuer{keys: keys}
	i.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		i.mu.Lock()
		defer i.mu.Unlock()
		if i.down {
			http.Error(w, "away", http.StatusBadGateway)
			return
		}
		_, _ = w.Write(jwks(t, i.keys))
	}))
	t.Cleanup(i.Close)
	return i
}

func (i *issuer) change(do func()) {
	i.mu.Lock()
	defer i.mu.Unlock()
	do()
}

func jwks(t *testing.T, keys map[string]crypto.PublicKey) []byte {
	t.Helper()
	var set jwkset.JWKSMarshal
	for id, key := range keys {
		k, err := jwkset.NewJWKFromKey(key, jwkset.JWKOptions{Metadata: jwkset.JWKMetadataOptions{KID: id, USE: jwkset.UseSig}})
		require.NoError(t, err)
		set.Keys = append(set.Keys, k.Marshal())
	}
	b, err := json.Marshal(set)
	require.NoError(t, err)
	return b
}

// claimed are claims that hold, changed.
func claimed(subject string, change ...func(jwt.MapClaims)) jwt.MapClaims {
	c := jwt.MapClaims{"sub": subject, "iss": "https://id.example", "aud": []string{"ugc", "other"}, "exp": time.Now().Add(time.Hour).Unix(), "iat": time.Now().Unix()}
	for _, do := range change {
		do(c)
	}
	return c
}

func set(name string, value any) func(jwt.MapClaims) {
	return func(c jwt.MapClaims) { c[name] = value }
}
func without(name string) func(jwt.MapClaims) { return func(c jwt.MapClaims) { delete(c, name) } }

func sign(method jwt.SigningMethod, key any, kid string, c jwt.MapClaims) string {
	token := jwt.NewWithClaims(method, c)
	token.Header["kid"] = kid
	return must(token.SignedString(key))
}

func tokenOf(user string, change ...func(jwt.MapClaims)) string {
	return sign(jwt.SigningMethodRS256, signer, "one", claimed(user, change...))
}

// secretKeys are two services' keys and what the service knows of them.
func secretKeys(t *testing.T) (reads, metrics string, known []auth.Key) {
	t.Helper()
	reads, a, err := auth.NewKey("recommendations", exchange.Read)
	require.NoError(t, err)
	metrics, b, err := auth.NewKey("prometheus", exchange.Metrics)
	require.NoError(t, err)
	return reads, metrics, []auth.Key{a, b}
}

// guarded is a service that asks who comes, and its issuer.
func guarded(t *testing.T, o auth.Options, change ...func(*edge.Options)) (*service, *issuer) {
	t.Helper()
	i := newIssuer(t, map[string]crypto.PublicKey{"one": signer.Public(), "curve": curve.Public()})
	if o.JWKS == "" {
		o.JWKS = i.URL
	}
	o.Issuer, o.Audience = "https://id.example", "ugc"
	if o.Refresh == 0 {
		o.Refresh = 10 * time.Millisecond
	}
	guard, err := auth.New(o)
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- guard.Run(ctx) }()
	t.Cleanup(func() { cancel(); require.NoError(t, <-ended) })
	s := start(t, &handlerstest.House{}, func(e *edge.Options) {
		e.Guard, e.Open = guard, false
		for _, do := range change {
			do(e)
		}
	})
	require.Eventually(t, func() bool { return guard.Healthy() == nil || i.down }, patience, time.Millisecond)
	return s, i
}

func bearer(token string) []string { return []string{"Authorization", "Bearer " + token} }

// Every route, of both versions, as a stranger.
func TestNobodyGetsInWithoutAToken(t *testing.T) {
	s, _ := guarded(t, auth.Options{})
	open := map[string]bool{"/api/v1/healthcheck/ping": true, "/api/v1/openapi.json": true, "/api/v1/openapi": true, "/api/v1/redoc": true, "/api/v2/openapi.json": true, "/api/v2/docs": true}
	fill := strings.NewReplacer("{user_id}", "ann", "{movie_id}", "heat")
	routes := 0
	try := func(method, template string) {
		routes++
		body := ""
		if method == "POST" || method == "PUT" {
			body = `{"user_id":"ann","movie_id":"heat","event_type":"play","playback_position":5,"viewed_seconds":5,"score":5,"like":true}`
		}
		a := s.ask(method, fill.Replace(template), body)
		if open[template] {
			require.Less(t, a.status, 400, "%s %s", method, template)
			return
		}
		require.Equal(t, 401, a.status, "%s %s", method, template)
		require.Contains(t, a.header.Get("WWW-Authenticate"), "Bearer")
	}
	for _, r := range v1.Routes() {
		try(r.Method, v1.Prefix+r.Path)
	}
	for _, r := range v2.Routes() {
		try(r.Method, v2.Prefix+r.Path)
	}
	try("GET", "/metrics")
	require.Greater(t, routes, 30)
	require.Empty(t, s.house.Log(), "nothing was written")
	require.Equal(t, 200, s.ask("GET", "/healthz/live", "").status, "probes have no token")
}

// Tokens that must not hold, each a way in somewhere.
func TestTokensThatDoNotHold(t *testing.T) {
	s, _ := guarded(t, auth.Options{})
	public := pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: must(x509.MarshalPKIXPublicKey(signer.Public()))})
	good := tokenOf("ann")
	parts := strings.Split(good, ".")
	admin := must(json.Marshal(claimed("bob")))
	embedded := func() string {
		token := jwt.NewWithClaims(jwt.SigningMethodRS256, claimed("ann"))
		var own struct{ Keys []any }
		require.NoError(t, json.Unmarshal(jwks(t, map[string]crypto.PublicKey{"mine": stranger.Public()}), &own))
		token.Header["jwk"], token.Header["kid"], token.Header["jku"] = own.Keys[0], "mine", "http://127.0.0.1:1/keys"
		return must(token.SignedString(stranger))
	}
	none := jwt.NewWithClaims(jwt.SigningMethodNone, claimed("ann"))
	none.Header["kid"] = "one"
	for name, token := range map[string]string{
		"no algorithm":              must(none.SignedString(jwt.UnsafeAllowNoneSignatureType)),
		"public key as a secret":    sign(jwt.SigningMethodHS256, public, "one", claimed("ann")),
		"another algorithm":         sign(jwt.SigningMethodRS512, signer, "one", claimed("ann")),
		"another's key":             sign(jwt.SigningMethodRS256, stranger, "one", claimed("ann")),
		"the key it brings itself":  embedded(),
		"unknown key":               sign(jwt.SigningMethodRS256, signer, "../../etc/passwd", claimed("ann")),
		"no key id":                 must(jwt.NewWithClaims(jwt.SigningMethodRS256, claimed("ann")).SignedString(stranger)),
		"a key of another kind":     sign(jwt.SigningMethodRS256, signer, "curve", claimed("ann")),
		"no signature":              parts[0] + "." + parts[1] + ".",
		"another's claims":          parts[0] + "." + base64.RawURLEncoding.EncodeToString(admin) + "." + parts[2],
		"expired":                   tokenOf("ann", set("exp", time.Now().Add(-time.Minute).Unix())),
		"never expires":             tokenOf("ann", without("exp")),
		"not yet":                   tokenOf("ann", set("nbf", time.Now().Add(time.Hour).Unix())),
		"another issuer":            tokenOf("ann", set("iss", "https://evil.example")),
		"no issuer":                 tokenOf("ann", without("iss")),
		"another audience":          tokenOf("ann", set("aud", "shop")),
		"no audience":               tokenOf("ann", without("aud")),
		"nobody":                    tokenOf(""),
		"a subject that is no user": tokenOf("ann/heat"),
		"a subject with a newline":  tokenOf("ann\nbob"),
		"garbage":                   "a.b.c",
		"a key":                     "ugc_" + strings.Repeat("x", 43),
	} {
		t.Run(name, func(t *testing.T) {
			a := s.ask("GET", "/api/v2/users/ann/positions", "", bearer(token)...)
			require.Equal(t, 401, a.status, a.body)
			require.Contains(t, a.header.Get("WWW-Authenticate"), "invalid_token")
			require.NotContains(t, a.body, token)
			a = s.ask("PUT", "/api/v2/users/ann/bookmarks/heat", "", bearer(token)...)
			require.Equal(t, 401, a.status)
		})
	}
	for name, headers := range map[string][]string{
		"another scheme": {"Authorization", "Basic " + good}, "no scheme": {"Authorization", good}, "empty": {"Authorization", "Bearer "},
		"two at once": {"Authorization", "Bearer " + good, auth.HeaderKey, "x"}, "unknown key": {auth.HeaderKey, "x"},
	} {
		require.Equal(t, 401, s.ask("GET", "/api/v2/users/ann/positions", "", headers...).status, name)
	}
	require.Equal(t, 401, s.ask("GET", "/api/v2/users/ann/positions?access_token="+good, "").status, "addresses are logged: no token in them")
	require.Equal(t, 200, s.ask("GET", "/api/v2/users/ann/positions", "", bearer(good)...).status, "and the good one still holds")
	require.Equal(t, 200, s.ask("GET", "/api/v2/users/ann/positions", "", bearer(sign(jwt.SigningMethodES256, curve, "curve", claimed("ann")))...).status)
	require.Empty(t, s.house.Log())
}

func TestAUserSeesAndChangesTheirOwnDataAlone(t *testing.T) {
	s, _ := guarded(t, auth.Options{})
	ann := bearer(tokenOf("ann"))
	fill := strings.NewReplacer("{user_id}", "bob", "{movie_id}", "heat")
	for prefix, routes := range map[string][][2]string{v1.Prefix: pairs(v1.Routes()), v2.Prefix: pairs(v2.Routes())} {
		for _, r := range routes {
			if !strings.Contains(r[1], "{user_id}") {
				continue
			}
			body := ""
			if r[0] == "PUT" || r[0] == "POST" {
				body = `{"score":5}`
			}
			require.Equal(t, 403, s.ask(r[0], prefix+fill.Replace(r[1]), body, ann...).status, "%s %s", r[0], r[1])
		}
	}
	for _, body := range []string{
		`{"type":"play","user_id":"bob","movie_id":"heat","position_ms":1}`,
		`[{"type":"play","user_id":"ann","movie_id":"heat","position_ms":1},{"type":"bookmark","user_id":"bob","movie_id":"heat"}]`,
		`[{"type":"nonsense"},{"type":"bookmark","user_id":"bob","movie_id":"heat"}]`,
	} {
		require.Equal(t, 403, s.ask("POST", "/api/v2/events", body, ann...).status, body)
	}
	require.Equal(t, 403, s.ask("POST", "/api/v1/movies/playback-event", `{"user_id":"bob","movie_id":"heat","event_type":"play","playback_position":5}`, ann...).status)
	require.Equal(t, 403, s.ask("GET", "/metrics", "", ann...).status)
	require.Empty(t, s.house.Log(), "not even what was ann's own in a batch")

	require.Equal(t, 202, s.ask("POST", "/api/v2/events", `{"type":"play","user_id":"ann","movie_id":"heat","position_ms":1}`, ann...).status)
	require.Equal(t, 202, s.ask("PUT", "/api/v2/users/ann/bookmarks/heat", "", ann...).status)
	require.Equal(t, 200, s.ask("POST", "/api/v1/movies/playback-event", `{"user_id":"ann","movie_id":"heat","event_type":"play","playback_position":5}`, ann...).status)
	require.Len(t, s.house.Log(), 3)
}

func pairs[R interface{ v1.Route | v2.Route }](routes []R) (out [][2]string) {
	for _, r := range routes {
		switch x := any(r).(type) {
		case v1.Route:
			out = append(out, [2]string{x.Method, x.Path})
		case v2.Route:
			out = append(out, [2]string{x.Method, x.Path})
		}
	}
	return out
}

func TestMeIsTheSubject(t *testing.T) {
	s, _ := guarded(t, auth.Options{})
	ann := bearer(tokenOf("ann"))
	require.Equal(t, 202, s.ask("PUT", "/api/v2/users/me/bookmarks/heat", "", ann...).status)
	require.Equal(t, 202, s.ask("POST", "/api/v2/events", `{"type":"play","user_id":"me","movie_id":"heat","position_ms":70000}`, ann...).status)
	require.Equal(t, 201, s.ask("POST", "/api/v1/favorites/users/me/movies/heat", "", ann...).status)
	for _, c := range s.house.Log() {
		require.Equal(t, "ann", c.Head().User, "what is written names the user")
	}
	require.Equal(t, 200, s.ask("GET", "/api/v2/users/me/bookmarks", "", ann...).status)
	reads, _, keys := secretKeys(t)
	service, _ := guarded(t, auth.Options{Keys: keys})
	require.Equal(t, 200, service.ask("GET", "/api/v2/users/ann/bookmarks", "", auth.HeaderKey, reads).status)
	require.Equal(t, 403, service.ask("GET", "/api/v2/users/me/bookmarks", "", auth.HeaderKey, reads).status, "a key is no user")
	open := start(t, &handlerstest.House{}, nil)
	require.Equal(t, 403, open.ask("PUT", "/api/v2/users/me/bookmarks/heat", "").status, "nobody is me where nobody is asked")
	require.Equal(t, 403, open.ask("POST", "/api/v2/events", `{"type":"bookmark","user_id":"me","movie_id":"heat"}`).status)
	require.Equal(t, 403, open.ask("POST", "/api/v1/favorites/users/me/movies/heat", "").status)
	require.Empty(t, open.house.Log())
}

func TestKeysAllowWhatTheirScopesSay(t *testing.T) {
	reads, metrics, keys := secretKeys(t)
	s, _ := guarded(t, auth.Options{Keys: keys})
	for _, c := range []struct {
		key, method, target string
		want                int
	}{
		{reads, "GET", "/api/v2/users/ann/positions", 200}, {reads, "GET", "/api/v1/likes/users/bob", 200},
		{reads, "PUT", "/api/v2/users/ann/bookmarks/heat", 403}, {reads, "POST", "/api/v1/favorites/users/ann/movies/heat", 403}, {reads, "GET", "/metrics", 403},
		{metrics, "GET", "/metrics", 200}, {metrics, "GET", "/api/v2/users/ann/positions", 403},
	} {
		require.Equal(t, c.want, s.ask(c.method, c.target, "", auth.HeaderKey, c.key).status, "%s %s", c.method, c.target)
	}
	require.Equal(t, 200, s.ask("GET", "/metrics", "", bearer(metrics)...).status, "scrapers know Bearer alone")
}

// Rights across users come from the own tokens of named clients alone; a person's scopes restrict what is theirs.
func TestScopesOfPersonsAndServices(t *testing.T) {
	s, _ := guarded(t, auth.Options{Services: []string{"importer", "reports"}})
	const read, write, other = 0, 1, 2
	for name, c := range map[string]struct {
		token string
		want  [3]int // reads ann's data, writes ann's, reads bob's
	}{
		"a person without scope":           {tokenOf("ann"), [3]int{200, 202, 403}},
		"a person who may read":            {tokenOf("ann", set("scope", "openid ugc:read")), [3]int{200, 403, 403}},
		"a person who may write":           {tokenOf("ann", set("scope", "ugc:write")), [3]int{403, 202, 403}},
		"a person who may both":            {tokenOf("ann", set("scope", "ugc:write ugc:read")), [3]int{200, 202, 403}},
		"a person with others' scopes":     {tokenOf("ann", set("scope", "openid read")), [3]int{403, 403, 403}},
		"a person with an empty scope":     {tokenOf("ann", set("scope", "")), [3]int{403, 403, 403}},
		"a person through a service":       {tokenOf("ann", set("scope", "ugc:read"), set("client_id", "importer")), [3]int{200, 403, 403}},
		"a person named as no service":     {tokenOf("web", set("scope", "ugc:read"), set("client_id", "web")), [3]int{403, 403, 403}},
		"a service":                        {tokenOf("importer", set("scope", "openid ugc:write"), set("client_id", "importer")), [3]int{403, 202, 403}},
		"a service without a subject":      {tokenOf("", set("scope", "ugc:read"), set("client_id", "reports")), [3]int{200, 403, 200}},
		"a service without a scope":        {tokenOf("", set("client_id", "reports")), [3]int{403, 403, 403}},
		"a client that is not named":       {tokenOf("", set("scope", "ugc:read"), set("client_id", "evil")), [3]int{401, 401, 401}},
		"scopes without client or subject": {tokenOf("", set("scope", "ugc:read")), [3]int{401, 401, 401}},
		"a user called like a service":     {tokenOf("importer", set("scope", "ugc:read")), [3]int{403, 403, 403}},
	} {
		require.Equal(t, c.want[read], s.ask("GET", "/api/v2/users/ann/positions", "", bearer(c.token)...).status, name)
		require.Equal(t, c.want[write], s.ask("PUT", "/api/v2/users/ann/bookmarks/heat", "", bearer(c.token)...).status, name)
		require.Equal(t, c.want[other], s.ask("GET", "/api/v1/likes/users/bob", "", bearer(c.token)...).status, name)
	}
	unnamed := bearer(tokenOf("", set("scope", "ugc:read")))
	require.Contains(t, s.ask("GET", "/api/v2/users/ann/positions", "", unnamed...).body, "has no subject")
	metrics := bearer(tokenOf("", set("scope", "ugc:metrics"), set("client_id", "reports")))
	require.Equal(t, 200, s.ask("GET", "/metrics", "", metrics...).status)
	require.Equal(t, 403, s.ask("GET", "/metrics", "", bearer(tokenOf("ann", set("scope", "ugc:metrics")))...).status)
}

func TestKeysOfTheIssuerMayChange(t *testing.T) {
	s, i := guarded(t, auth.Options{})
	old, next := tokenOf("ann"), sign(jwt.SigningMethodRS256, stranger, "two", claimed("ann"))
	status := func(token string) int {
		return s.ask("GET", "/api/v2/users/ann/positions", "", bearer(token)...).status
	}
	require.Equal(t, 200, status(old))
	require.Equal(t, 401, status(next))
	i.change(func() { i.keys["two"] = stranger.Public() })
	require.Eventually(t, func() bool { return status(next) == 200 }, patience, time.Millisecond, "a new key is taken up")
	require.Equal(t, 200, status(old), "while the old one counts")
	i.change(func() { delete(i.keys, "one") })
	require.Eventually(t, func() bool { return status(old) == 401 }, patience, time.Millisecond, "a key that was taken back counts no more, for known tokens either")
	i.change(func() { i.down = true })
	require.Equal(t, 200, status(next), "an issuer that is away changes nothing")
}

func TestKeySetFromAFile(t *testing.T) {
	file := filepath.Join(t.TempDir(), "keys.json")
	require.NoError(t, os.WriteFile(file, jwks(t, map[string]crypto.PublicKey{"one": signer.Public()}), 0o600))
	s, _ := guarded(t, auth.Options{JWKS: file})
	require.Equal(t, 200, s.ask("GET", "/api/v2/users/ann/positions", "", bearer(tokenOf("ann"))...).status)
}

func TestTokensCannotBeCheckedWithoutKeys(t *testing.T) {
	guard, err := auth.New(auth.Options{JWKS: filepath.Join(t.TempDir(), "none.json"), Refresh: time.Hour})
	require.NoError(t, err)
	s := start(t, &handlerstest.House{}, func(o *edge.Options) { o.Guard, o.Open = guard, false })
	a := s.ask("GET", "/api/v2/users/ann/positions", "", bearer(tokenOf("ann"))...)
	require.Equal(t, 503, a.status, "it is not the client's fault")
	require.NotEmpty(t, a.header.Get("Retry-After"))
	require.Error(t, guard.Healthy())
}

// Refused requests are counted by address: a flood of them costs no signature and holds up nobody whose token is known.
func TestRefusalsOfOneAddressAreLimited(t *testing.T) {
	now := time.Unix(1_800_000_000, 0)
	limit := auth.NewLimit(1, 5, func() time.Time { return now })
	proxies, err := exchange.NewProxies([]string{"127.0.0.0/8"}, "")
	require.NoError(t, err)
	reads, _, keys := secretKeys(t)
	s, _ := guarded(t, auth.Options{Failures: limit, Keys: keys, Refresh: time.Hour}, func(o *edge.Options) { o.Proxies = proxies })
	from := func(address string, headers ...string) int {
		return s.ask("GET", "/api/v2/users/ann/positions", "", append(headers, "X-Forwarded-For", address)...).status
	}
	good, bad := bearer(tokenOf("ann")), bearer(sign(jwt.SigningMethodRS256, stranger, "one", claimed("ann")))
	require.Equal(t, 200, from("192.0.2.1", good...))
	for _, wrong := range [][]string{bad, {auth.HeaderKey, "x"}, {"Authorization", "Basic x"}, nil, {"Authorization", "Bearer x", auth.HeaderKey, "x"}} {
		require.Equal(t, 401, from("192.0.2.1", wrong...))
	}
	for range 300 {
		require.Equal(t, 429, from("192.0.2.1", bad...))
	}
	require.Equal(t, 429, from("192.0.2.1"), "who gives nothing is counted too")
	require.Equal(t, 429, from("192.0.2.1", bearer(tokenOf("bob"))...), "a token that is not known is not even checked")
	require.Equal(t, 200, from("192.0.2.1", good...), "one that is known goes on")
	require.Equal(t, 200, from("192.0.2.1", auth.HeaderKey, reads), "a key too")
	require.Equal(t, 401, from("192.0.2.2", bad...), "other addresses are not held up")
	require.Equal(t, 429, from("192.0.2.9, 192.0.2.1", bad...), "what a client says about itself does not count")
	for range 5 {
		from("2001:db8::1", bad...)
	}
	require.Equal(t, 429, from("2001:db8::2:1", bad...), "a /64 is one client")
	require.Equal(t, 401, from("2001:db8:0:1::1", bad...))
	now = now.Add(time.Second)
	require.Equal(t, 403, from("192.0.2.1", bearer(tokenOf("bob"))...), "later it is")
}

func TestTooManyRequestsOfOneCaller(t *testing.T) {
	now := time.Unix(1_800_000_000, 0)
	limit := auth.NewLimit(2, 3, func() time.Time { return now })
	s, _ := guarded(t, auth.Options{}, func(o *edge.Options) { o.Limit = limit })
	get := func(user string) answer {
		return s.ask("GET", "/api/v2/users/"+user+"/positions", "", bearer(tokenOf(user))...)
	}
	for range 3 {
		require.Equal(t, 200, get("ann").status)
	}
	a := get("ann")
	require.Equal(t, 429, a.status)
	require.Equal(t, "1", a.header.Get("Retry-After"))
	require.Equal(t, 429, get("ann").status, "asking again does not make it worse, nor better")
	require.Equal(t, 200, get("bob").status, "others are not held up")
	require.Equal(t, 200, s.ask("GET", "/healthz/live", "").status)
	now = now.Add(500 * time.Millisecond)
	require.Equal(t, 200, get("ann").status)
	require.Equal(t, 429, get("ann").status)
}

func TestSecretsAreNeverLogged(t *testing.T) {
	var said bytes.Buffer
	var mu sync.Mutex
	reads, _, keys := secretKeys(t)
	s, _ := guarded(t, auth.Options{Keys: keys}, func(o *edge.Options) {
		o.Log = slog.New(slog.NewJSONHandler(lockedWriter{&mu, &said}, &slog.HandlerOptions{Level: slog.LevelDebug}))
	})
	good, bad := tokenOf("ann"), sign(jwt.SigningMethodRS256, stranger, "one", claimed("ann"))
	for _, headers := range [][]string{bearer(good), bearer(bad), {auth.HeaderKey, reads}, {auth.HeaderKey, "wrong-key"}} {
		s.ask("GET", "/api/v2/users/ann/positions", "", headers...)
	}
	mu.Lock()
	defer mu.Unlock()
	text := said.String()
	require.Contains(t, text, "token of ann", "who came is logged")
	require.Contains(t, text, "key recommendations")
	for _, secret := range []string{good, bad, reads, "wrong-key", strings.Split(good, ".")[2]} {
		require.NotContains(t, text, secret)
	}
}

type lockedWriter struct {
	mu *sync.Mutex
	w  *bytes.Buffer
}

func (l lockedWriter) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.w.Write(b)
}

func TestBrowsersAskFirst(t *testing.T) {
	s, _ := guarded(t, auth.Options{}, func(o *edge.Options) { o.CORSOrigins = []string{"https://cinema.example"} })
	preflight := func(origin string) answer {
		return s.ask("OPTIONS", "/api/v2/users/ann/bookmarks/heat", "", "Origin", origin, "Access-Control-Request-Method", "PUT", "Access-Control-Request-Headers", "authorization")
	}
	a := preflight("https://cinema.example")
	require.Equal(t, 204, a.status, "a browser asks without a token")
	require.Equal(t, "https://cinema.example", a.header.Get("Access-Control-Allow-Origin"))
	require.Contains(t, a.header.Get("Access-Control-Allow-Headers"), "Authorization")
	require.Empty(t, a.header.Get("Access-Control-Allow-Credentials"), "no cookies are looked at")
	require.Empty(t, preflight("https://evil.example").header.Get("Access-Control-Allow-Origin"))
	a = s.ask("GET", "/api/v2/users/ann/positions", "", "Origin", "https://evil.example", "Authorization", "Bearer "+tokenOf("ann"))
	require.Empty(t, a.header.Get("Access-Control-Allow-Origin"))
}
