package auth

import (
	"crypto/sha256"
	"sync"
	"time"

	"ugc/transport/http/exchange"
)

const (
	maxVerified = 16 << 10
	trustFor    = time.Minute // a token that held is not checked again for so long
)

// verified remembers tokens that held, by their hash: a signature costs more than the request. It is emptied whenever the key set is read, so a key
// that is taken back counts no longer than that.
type verified struct {
	mu     sync.RWMutex
	tokens map[[sha256.Size]byte]trusted
}

type trusted struct {
	caller *exchange.Caller
	until  time.Time
}

func newVerified() *verified { return &verified{tokens: map[[sha256.Size]byte]trusted{}} }

func (v *verified) get(token [sha256.Size]byte, now time.Time) *exchange.Caller {
	v.mu.RLock()
	defer v.mu.RUnlock()
	if t, ok := v.tokens[token]; ok && now.Before(t.until) {
		return t.caller
	}
	return nil
}

func (v *verified) add(token [sha256.Size]byte, caller *exchange.Caller, expires, now time.Time) {
	until := now.Add(trustFor)
	if expires.Before(until) {
		until = expires
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	for old := range v.tokens { // any one makes room
		if len(v.tokens) < maxVerified {
			break
		}
		delete(v.tokens, old)
	}
	v.tokens[token] = trusted{caller, until}
}

func (v *verified) forget() {
	v.mu.Lock()
	defer v.mu.Unlock()
	clear(v.tokens)
}
