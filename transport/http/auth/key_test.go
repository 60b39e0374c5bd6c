package auth

import (
	"context"
	"crypto/ed25519"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/MicahParks/jwkset"
	"github.com/stretchr/testify/require"

	"ugc/transport/http/exchange"
)

func TestKeysAreKeptAsHashes(t *testing.T) {
	secret, k, err := NewKey("web", exchange.Read|exchange.Write)
	require.NoError(t, err)
	require.NotContains(t, k.String(), strings.TrimPrefix(secret, "ugc_"))
	again, err := ParseKey(k.String())
	require.NoError(t, err)
	require.Equal(t, k, again)
	require.Equal(t, again.Hash, HashOf(secret))
	other, _, err := NewKey("web", exchange.Read)
	require.NoError(t, err)
	require.NotEqual(t, secret, other)
	_, _, err = NewKey("two words", exchange.Read)
	require.Error(t, err)
}

func TestKeysThatAreNone(t *testing.T) {
	hash := strings.Repeat("ab", 32)
	for _, text := range []string{"web", "web:read", "web:own:" + hash, ":read:" + hash, "web:read:ugc_secret", "web:read:" + hash + "ab", "a b:read:" + hash} {
		_, err := ParseKeys(text)
		require.Error(t, err, text)
		require.NotContains(t, err.Error(), "ugc_secret", "it may be a key that somebody forgot to hash")
	}
	keys, err := ParseKeys("# services\n\nweb:read:" + hash + "\njob:write+metrics:" + strings.Repeat("cd", 32))
	require.NoError(t, err)
	require.Len(t, keys, 2)
	require.ErrorContains(t, Options{Keys: append(keys, keys[0])}.Validate(), "the same")
}

func TestSymmetricAlgorithmsAreRefused(t *testing.T) {
	for _, a := range []string{"HS256", "none", ""} {
		require.Error(t, Options{JWKS: "x", Algorithms: []string{a}}.Validate(), a)
	}
}

// Who knows a symmetric key can make tokens, and a set that was read by mistake may hold one.
func TestOnlyPublicKeysForSignaturesAreTaken(t *testing.T) {
	file := filepath.Join(t.TempDir(), "keys.json")
	key := func(kid, use string, private any) jwkset.JWKMarshal {
		k, err := jwkset.NewJWKFromKey(private, jwkset.JWKOptions{
			Metadata: jwkset.JWKMetadataOptions{KID: kid, USE: jwkset.USE(use)}, Marshal: jwkset.JWKMarshalOptions{Private: kid == "symmetric"}})
		require.NoError(t, err)
		return k.Marshal()
	}
	public, _, err := ed25519.GenerateKey(nil)
	require.NoError(t, err)
	usable := func(keys ...jwkset.JWKMarshal) (ids []string, err error) {
		text, err := json.Marshal(jwkset.JWKSMarshal{Keys: keys})
		require.NoError(t, err)
		require.NoError(t, os.WriteFile(file, text, 0o600))
		kept, _, err := load(t.Context(), Options{JWKS: file, Timeout: time.Minute, Algorithms: []string{"EdDSA"}})
		for _, k := range kept {
			ids = append(ids, k.id)
		}
		return ids, err
	}
	symmetric, encrypts := key("symmetric", "sig", []byte("a secret of thirty-two characters")), key("encrypts", "enc", public)
	ids, err := usable(symmetric, encrypts, key("signs", "sig", public), key("unsaid", "", public))
	require.NoError(t, err)
	require.ElementsMatch(t, []string{"signs", "unsaid"}, ids)
	_, err = usable(symmetric, encrypts)
	require.ErrorContains(t, err, "no public key for signatures")
}

// A key that was taken back counts for no token that held before.
func TestTokensAreCheckedAgainWhenTheKeySetWasRead(t *testing.T) {
	file := filepath.Join(t.TempDir(), "keys.json")
	public, _, err := ed25519.GenerateKey(nil)
	require.NoError(t, err)
	key, err := jwkset.NewJWKFromKey(public, jwkset.JWKOptions{Metadata: jwkset.JWKMetadataOptions{KID: "one"}})
	require.NoError(t, err)
	text, err := json.Marshal(jwkset.JWKSMarshal{Keys: []jwkset.JWKMarshal{key.Marshal()}})
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(file, text, 0o600))
	g, err := New(Options{JWKS: file, Refresh: time.Hour})
	require.NoError(t, err)
	now, held := time.Now(), HashOf("held")
	g.known.add(held, &exchange.Caller{Subject: "ann"}, now.Add(time.Hour), now)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- g.Run(ctx) }()
	require.Eventually(t, func() bool { return g.Healthy() == nil && g.known.get(held, now) == nil }, 10*time.Second, time.Millisecond)
	cancel()
	require.NoError(t, <-ended)
}

// Callers are many: what is known of them is bounded, and the busy ones are not forgotten for the quiet.
func TestALimitIsBounded(t *testing.T) {
	now := time.Unix(1_800_000_000, 0)
	l := NewLimit(1, 2, func() time.Time { return now })
	for i := range maxBuckets {
		require.Zero(t, l.take(strings.Repeat("x", 1+i%7)+time.Duration(i).String()))
	}
	now = now.Add(3 * time.Second)
	require.Zero(t, l.take("busy"))
	require.Zero(t, l.take("busy"))
	require.Equal(t, time.Second, l.take("busy"))
	require.LessOrEqual(t, len(l.buckets), 1, "those with a whole burst again are forgotten")
	for i := range 2 * maxBuckets {
		l.take(time.Duration(i).String())
	}
	require.LessOrEqual(t, len(l.buckets), maxBuckets)
}

func TestRememberedTokensAreBounded(t *testing.T) {
	v, now := newVerified(), time.Unix(1_800_000_000, 0)
	caller := &exchange.Caller{Subject: "ann"}
	v.add(HashOf("short"), caller, now.Add(time.Second), now)
	require.Equal(t, caller, v.get(HashOf("short"), now))
	require.Nil(t, v.get(HashOf("short"), now.Add(time.Second)), "never longer than the token itself")
	v.add(HashOf("long"), caller, now.Add(time.Hour), now)
	require.Nil(t, v.get(HashOf("long"), now.Add(trustFor)), "and never longer than a minute")
	for i := range maxVerified + 100 {
		v.add(HashOf(time.Duration(i).String()), caller, now.Add(time.Hour), now)
	}
	require.LessOrEqual(t, len(v.tokens), maxVerified)
	v.forget()
	require.Empty(t, v.tokens)
}
