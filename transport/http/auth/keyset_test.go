package auth

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/MicahParks/jwkset"
	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"
	"github.com/stretchr/testify/require"
)

const patience = 30 * time.Second

// jwk is a public key as a set holds it, with some members changed.
func jwk(t *testing.T, kid string, key any, change map[string]any) string {
	t.Helper()
	k, err := jwkset.NewJWKFromKey(key, jwkset.JWKOptions{Metadata: jwkset.JWKMetadataOptions{KID: kid}})
	require.NoError(t, err)
	text, err := json.Marshal(k.Marshal())
	require.NoError(t, err)
	m := map[string]any{}
	require.NoError(t, json.Unmarshal(text, &m))
	for name, v := range change {
		m[name] = v
	}
	text, err = json.Marshal(m)
	require.NoError(t, err)
	return string(text)
}

// RFC 7517, 5: keys that are not understood, lack members or have values out of range are ignored; one of them takes no other away.
func TestKeysThatCannotBeUsedAreIgnored(t *testing.T) {
	public, _, err := ed25519.GenerateKey(nil)
	require.NoError(t, err)
	small, err := rsa.GenerateKey(rand.Reader, 1024) //nolint:gosec // that is the point
	require.NoError(t, err)
	curve, err := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	require.NoError(t, err)
	good := jwk(t, "good", public, nil)
	for name, other := range map[string]string{
		"ML-DSA":                 `{"kty":"AKP","kid":"pq","use":"sig","alg":"ML-DSA-44","pub":"AAAA"}`,
		"Ed448":                  `{"kty":"OKP","crv":"Ed448","kid":"e","x":"AAAA"}`,
		"X25519":                 `{"kty":"OKP","crv":"X25519","kid":"x","x":"` + strings.Repeat("A", 43) + `"}`,
		"secp256k1":              `{"kty":"EC","crv":"secp256k1","kid":"k1","use":"sig","alg":"ES256K","x":"AAAA","y":"AAAA"}`,
		"a point beside":         `{"kty":"EC","crv":"P-256","kid":"p","x":"AAAA","y":"AAAA"}`,
		"broken x5c":             jwk(t, "c", public, map[string]any{"x5c": []string{"AAAA"}}),
		"symmetric":              `{"kty":"oct","kid":"s","k":"AAAA"}`,
		"no kty":                 `{"kid":"n"}`,
		"kty of another type":    `{"kty":7,"kid":"n"}`,
		"KTY has case":           strings.Replace(jwk(t, "b", public, nil), `"kty"`, `"KTY"`, 1),
		"a member twice":         strings.Replace(jwk(t, "b", public, nil), `{`, `{"kty":"RSA",`, 1),
		"no object":              `7`,
		"null":                   `null`,
		"for encryption":         jwk(t, "b", public, map[string]any{"use": "enc"}),
		"for signing":            jwk(t, "b", public, map[string]any{"key_ops": []string{"sign"}}),
		"too small":              jwk(t, "b", &small.PublicKey, nil),
		"algorithm not taken":    jwk(t, "b", &curve.PublicKey, nil),
		"another algorithm":      jwk(t, "b", public, map[string]any{"alg": "RS256"}),
		"kid of another type":    jwk(t, "b", public, map[string]any{"kid": 7}),
		"modulus of another day": `{"kty":"RSA","kid":"r","n":"!","e":"AQAB"}`,
	} {
		t.Run(name, func(t *testing.T) {
			file := filepath.Join(t.TempDir(), "keys.json")
			write := func(keys ...string) Options {
				require.NoError(t, os.WriteFile(file, []byte(`{"keys":[`+strings.Join(keys, ",")+`],"more":1}`), 0o600))
				o := Options{JWKS: file}
				o.setDefaults()
				return o
			}
			usable, ignored, err := load(t.Context(), write(other, good))
			require.NoError(t, err)
			require.Len(t, usable, 1)
			require.Equal(t, "good", usable[0].id)
			require.Len(t, ignored, 1)
			_, _, err = load(t.Context(), write(other))
			require.ErrorContains(t, err, "no public key for signatures")
			require.Error(t, CheckFile(write(other)), "a service that could take no token does not start")
			require.NoError(t, CheckFile(write(other, good)))
		})
	}
	for name, text := range map[string]string{"empty": ``, "no set": `{}`, "an array": `[]`, "no keys": `{"keys":[]}`, "keys of no kind": `{"keys":7}`, "KEYS has case": `{"KEYS":[` + good + `]}`,
		"twice": `{"keys":[` + good + `],"keys":[]}`, "too many": `{"keys":[` + strings.Repeat(good+",", maxKeys) + good + `]}`} {
		file := filepath.Join(t.TempDir(), "keys.json")
		require.NoError(t, os.WriteFile(file, []byte(text), 0o600))
		require.Error(t, CheckFile(Options{JWKS: file}), name)
	}
}

// RFC 7518, 3.1: an algorithm belongs to keys of one type, and ES256 to one curve.
func TestAlgorithmsFitTheirKeys(t *testing.T) {
	r, err := rsa.GenerateKey(rand.Reader, 2048)
	require.NoError(t, err)
	for _, c := range []struct {
		key  publicKey
		fits string
	}{
		{publicKey{key: &r.PublicKey}, "RS256 RS384 RS512 PS256 PS384 PS512"}, {publicKey{key: &r.PublicKey, algorithm: "PS256"}, "PS256"},
		{publicKey{key: &ecdsa.PublicKey{Curve: elliptic.P256()}}, "ES256"}, {publicKey{key: &ecdsa.PublicKey{Curve: elliptic.P384()}}, "ES384"},
		{publicKey{key: &ecdsa.PublicKey{Curve: elliptic.P521()}}, "ES512"}, {publicKey{key: &ecdsa.PublicKey{Curve: elliptic.P224()}}, ""},
		{publicKey{key: ed25519.PublicKey{}}, "EdDSA"}, {publicKey{key: []byte("secret")}, ""}, {publicKey{key: r}, ""},
	} {
		var fits []string
		for _, a := range asymmetric {
			if c.key.fits(a) {
				fits = append(fits, a)
			}
		}
		require.Equal(t, c.fits, strings.Join(fits, " "), "%T", c.key.key)
	}
}

func TestKeySetComesBySafeWays(t *testing.T) {
	for from, plain := range map[string]bool{
		"http://id.example/keys": true, "HTTP://id.example/keys": true, "http://10.0.0.1/keys": true, "http://localhost.example/keys": true,
		"https://id.example/keys": false, "http://127.0.0.1:1/keys": false, "http://[::1]/keys": false, "http://localhost/keys": false, "/etc/keys.json": false,
	} {
		require.Equal(t, plain, Options{JWKS: from}.Validate() != nil, from)
		require.NoError(t, Options{JWKS: from, PlainJWKS: true}.Validate(), "that was consented to")
	}
	far := httptest.NewServer(http.RedirectHandler("http://id.example/keys", http.StatusFound))
	defer far.Close()
	o := Options{JWKS: far.URL}
	o.setDefaults()
	_, _, err := load(t.Context(), o)
	require.ErrorContains(t, err, "use https", "a redirect is held to it")
	var loop *httptest.Server
	loop = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, loop.URL, http.StatusFound) }))
	defer loop.Close()
	o.JWKS = loop.URL
	_, _, err = load(t.Context(), o)
	require.ErrorContains(t, err, "three times")
}

// A set that cannot be read any more is told of, and counts no longer than it may.
func TestAKeySetThatFailsIsNoticedAndAges(t *testing.T) {
	public, _, err := ed25519.GenerateKey(nil)
	require.NoError(t, err)
	var state atomic.Int32 // 0: good, 1: away
	var asked atomic.Int32
	issuer := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		asked.Add(1)
		if state.Load() == 1 {
			http.Error(w, "away", http.StatusBadGateway)
			return
		}
		_, _ = fmt.Fprintf(w, `{"keys":[{"kty":"AKP","kid":"pq"},%s]}`, jwk(t, "good", public, nil))
	}))
	defer issuer.Close()
	var now atomic.Int64
	now.Store(1_800_000_000)
	var said log
	registry := prometheus.NewRegistry()
	g, err := New(Options{JWKS: issuer.URL, MaxAge: time.Hour, Refresh: time.Millisecond, Registry: registry,
		Now: func() time.Time { return time.Unix(now.Load(), 0) }, Log: slog.New(slog.NewTextHandler(&said, nil))})
	require.NoError(t, err)
	require.Error(t, g.Healthy())
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- g.Run(ctx) }()
	defer func() { cancel(); require.NoError(t, <-ended) }()
	more := func() { // it is read three times more
		until := asked.Load() + 4
		require.Eventually(t, func() bool { return asked.Load() >= until }, patience, time.Millisecond)
	}
	more()
	require.NoError(t, g.Healthy())
	require.Equal(t, 1, said.count("is ignored"), "each ignored key is said once")
	require.Contains(t, said.String(), "pq")
	require.InDelta(t, 1, metric(t, registry, "ugc_auth_keys", ""), 0)
	require.NotZero(t, metric(t, registry, "ugc_auth_key_set_reads_total", "ok"))
	require.Zero(t, metric(t, registry, "ugc_auth_key_set_reads_total", "failed"))

	state.Store(1)
	more()
	require.NoError(t, g.Healthy(), "the last one counts on")
	require.Equal(t, 1, said.count("cannot be read"), "once, not each time")
	require.NotZero(t, metric(t, registry, "ugc_auth_key_set_reads_total", "failed"))
	now.Add(3600)
	require.NoError(t, g.Healthy())
	require.InDelta(t, 3600, metric(t, registry, "ugc_auth_key_set_age_seconds", ""), 0)
	require.InDelta(t, 3600, metric(t, registry, "ugc_auth_key_set_max_age_seconds", ""), 0)
	now.Add(1)
	require.ErrorContains(t, g.Healthy(), "count no more")
	more()
	require.Equal(t, 2, said.count("cannot be read"), "and again while it goes on")
	state.Store(0)
	require.Eventually(t, func() bool { return g.Healthy() == nil && said.count("read again") == 1 }, patience, time.Millisecond)
}

type log struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *log) Write(b []byte) (int, error) { l.mu.Lock(); defer l.mu.Unlock(); return l.text.Write(b) }
func (l *log) String() string              { l.mu.Lock(); defer l.mu.Unlock(); return l.text.String() }
func (l *log) count(what string) int       { return strings.Count(l.String(), what) }

func metric(t *testing.T, r *prometheus.Registry, name, result string) float64 {
	t.Helper()
	families, err := r.Gather()
	require.NoError(t, err)
	for _, f := range families {
		for _, m := range f.GetMetric() {
			if f.GetName() == name && (result == "" || label(m) == result) {
				return m.GetGauge().GetValue() + m.GetCounter().GetValue()
			}
		}
	}
	t.Fatalf("no metric %s %s", name, result)
	return 0
}

func label(m *dto.Metric) string {
	for _, l := range m.GetLabel() {
		return l.GetValue()
	}
	return ""
}
