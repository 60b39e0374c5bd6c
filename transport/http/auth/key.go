package auth

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"strings"

	"ugc/transport/http/exchange"
)

// Key is an API key as it is kept: its hash, never itself. Keys are 256 random bits, so a plain SHA-256 cannot be searched.
type Key struct {
	Name   string
	Scopes exchange.Scope
	Hash   [sha256.Size]byte
}

// HashOf is what is kept of a key.
func HashOf(key string) [sha256.Size]byte { return sha256.Sum256([]byte(key)) }

// NewKey makes a key: what its owner keeps, and what the service is told.
func NewKey(name string, scopes exchange.Scope) (secret string, key Key, err error) {
	var random [32]byte
	_, _ = rand.Read(random[:]) // never fails, says its documentation
	secret = "ugc_" + base64.RawURLEncoding.EncodeToString(random[:])
	key = Key{Name: name, Scopes: scopes, Hash: HashOf(secret)}
	_, err = ParseKey(key.String())
	return secret, key, err
}

// String is the form that ParseKey reads: name:scope+scope:hash.
func (k Key) String() string {
	return k.Name + ":" + k.Scopes.String() + ":" + hex.EncodeToString(k.Hash[:])
}

// ParseKey reads name:scope+scope:hash, the hash being the SHA-256 of the key in hex. The error never holds the text: it may be a key that
// somebody forgot to hash.
func ParseKey(text string) (Key, error) {
	parts := strings.Split(strings.TrimSpace(text), ":")
	if len(parts) != 3 {
		return Key{}, fmt.Errorf("an API key is given as name:scopes:hash; `ugc key NAME` makes one")
	}
	k := Key{Name: parts[0]}
	if k.Name == "" || len(k.Name) > 64 || strings.ContainsAny(k.Name, " \t\",") {
		return Key{}, fmt.Errorf("the name of an API key must have 1 to 64 characters without spaces, commas and quotes")
	}
	var err error
	if k.Scopes, err = exchange.ParseScope(parts[1]); err != nil {
		return Key{}, fmt.Errorf("API key %s: %w", k.Name, err)
	}
	sum, err := hex.DecodeString(parts[2])
	if err != nil || len(sum) != len(k.Hash) {
		return Key{}, fmt.Errorf("API key %s: the hash must be the SHA-256 of the key, 64 hexadecimal digits; `ugc key NAME` makes one", k.Name)
	}
	copy(k.Hash[:], sum)
	return k, nil
}

// ParseKeys reads one key a line or comma; empty lines and those that begin with # are passed over.
func ParseKeys(text string) (keys []Key, err error) {
	for line := range strings.SplitSeq(strings.ReplaceAll(text, ",", "\n"), "\n") {
		line = strings.TrimSpace(line)
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		k, err := ParseKey(line)
		if err != nil {
			return nil, err
		}
		keys = append(keys, k)
	}
	return keys, nil
}
