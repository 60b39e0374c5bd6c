package edge

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"encoding/json"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/MicahParks/jwkset"
	"github.com/golang-jwt/jwt/v5"
	"github.com/stretchr/testify/require"
	"github.com/valyala/fasthttp"

	"ugc/domain"
	"ugc/handlers"
	"ugc/handlers/handlerstest"
	"ugc/transport/http/auth"
	"ugc/transport/http/exchange"
)

// away takes commands and forgets them.
type away struct{}

func (away) Append(_ context.Context, commands []domain.Command) []handlers.Receipt {
	receipts := make([]handlers.Receipt, len(commands))
	for i := range receipts {
		receipts[i].Mark = domain.Mark{Topic: "ugc.playback.commands.v1", Partition: 3, Version: 123456}
	}
	return receipts
}

// BenchmarkSingleEvent is what the edge itself costs for one event, without network and log.
func BenchmarkSingleEvent(b *testing.B) {
	benchmarkEvent(b, nil, func(*fasthttp.Request) {}, func() {})
}

// benchmarkEvent sends one event again and again; without a guard everybody may.
func benchmarkEvent(b *testing.B, guard *auth.Guard, as func(*fasthttp.Request), before func()) {
	house := &handlerstest.House{}
	w := house.Writing()
	w.Log, w.Now = away{}, func() domain.Instant { return domain.Instant(time.Now().UnixMilli()) }
	s, err := New(Options{Writing: w, Positions: house, Opinions: house, Summaries: house, Guard: guard, Open: guard == nil})
	require.NoError(b, err)
	handle := s.app.Handler()
	request := new(fasthttp.Request)
	request.Header.SetMethod(fasthttp.MethodPost)
	request.Header.SetContentType("application/json")
	request.SetRequestURI("/api/v2/events")
	request.SetBodyString(`{"type":"heartbeat","event_id":"0198c0de-0000-7000-8000-000000000001","user_id":"user-123","movie_id":"tt1000012","session_id":"living-room-1","device_id":"tv","sequence":12,"occurred_at":1767225600000,"sent_at":1767225600040,"position_ms":120000,"duration_ms":7200000}`)
	as(request)
	ctx := new(fasthttp.RequestCtx)
	ctx.Init(request, nil, nil)
	b.ReportAllocs()
	for b.Loop() {
		before()
		ctx.ResetUserValues()
		ctx.Response.Reset()
		handle(ctx)
	}
	require.Equal(b, fasthttp.StatusAccepted, ctx.Response.StatusCode(), "%s", ctx.Response.Body())
}

// BenchmarkCaller is what it costs to find out who calls, beside the same event without.
func BenchmarkCaller(b *testing.B) {
	private, err := rsa.GenerateKey(rand.Reader, 2048)
	require.NoError(b, err)
	public, err := jwkset.NewJWKFromKey(&private.PublicKey, jwkset.JWKOptions{Metadata: jwkset.JWKMetadataOptions{KID: "one"}})
	require.NoError(b, err)
	set, err := json.Marshal(jwkset.JWKSMarshal{Keys: []jwkset.JWKMarshal{public.Marshal()}})
	require.NoError(b, err)
	file := filepath.Join(b.TempDir(), "keys.json")
	require.NoError(b, os.WriteFile(file, set, 0o600))
	secret, key, err := auth.NewKey("web", exchange.Read|exchange.Write)
	require.NoError(b, err)
	clock := time.Now()
	guard, err := auth.New(auth.Options{JWKS: file, Keys: []auth.Key{key}, Refresh: time.Hour, MaxAge: 1e6 * time.Hour,
		Issuer: "https://id.example", Audience: "ugc", Now: func() time.Time { return clock }})
	require.NoError(b, err)
	ctx, cancel := context.WithCancel(b.Context())
	ended := make(chan error, 1)
	go func() { ended <- guard.Run(ctx) }()
	defer func() { cancel(); require.NoError(b, <-ended) }()
	require.Eventually(b, func() bool { return guard.Healthy() == nil }, time.Minute, time.Millisecond)
	claims := jwt.MapClaims{"sub": "user-123", "iss": "https://id.example", "aud": "ugc", "exp": clock.Add(1e5 * time.Hour).Unix(),
		"scope": "openid ugc:read ugc:write"}
	unsigned := jwt.NewWithClaims(jwt.SigningMethodRS256, claims)
	unsigned.Header["kid"] = "one"
	token, err := unsigned.SignedString(private)
	require.NoError(b, err)
	for _, c := range []struct {
		name, header, value string
		guard               *auth.Guard
		later               time.Duration // between requests: a token is checked again after a minute
	}{
		{"everybody", "X-None", "x", nil, 0},
		{"key", auth.HeaderKey, secret, guard, 0},
		{"token", "Authorization", "Bearer " + token, guard, 0},
		{"token-checked", "Authorization", "Bearer " + token, guard, 2 * time.Minute},
	} {
		b.Run(c.name, func(b *testing.B) {
			benchmarkEvent(b, c.guard, func(r *fasthttp.Request) { r.Header.Set(c.header, c.value) }, func() { clock = clock.Add(c.later) })
		})
	}
}
