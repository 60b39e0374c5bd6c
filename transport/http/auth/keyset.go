package auth

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/MicahParks/jwkset"
	"github.com/MicahParks/keyfunc/v3"
	"github.com/golang-jwt/jwt/v5"
)

const (
	maxKeySet  = 1 << 20          // bytes
	askAgain   = 10 * time.Second // at most so often an unknown key id has the set read again
	retryAfter = 2 * time.Second  // after a set that could not be read
)

// keySet is the newest set of keys that could be read, from a URL or a file.
type keySet struct {
	mu      sync.RWMutex
	keys    keyfunc.Keyfunc // nil: none yet
	failure error           // of the last try
	wanted  chan struct{}   // somebody asked for a key that is not there
}

var errNoKeysYet = errors.New("the key set has not been read yet")

func (s *keySet) healthy() error {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if s.keys != nil {
		return nil
	}
	return errors.Join(errNoKeysYet, s.failure)
}

// run reads the set again and again. changed is called after one was read: what was verified by keys that are gone must be so again.
func (s *keySet) run(ctx context.Context, o Options, changed func()) error {
	wanted := make(chan struct{}, 1)
	s.mu.Lock()
	s.wanted = wanted
	s.mu.Unlock()
	for {
		err := s.read(ctx, o)
		if err == nil {
			changed()
		}
		pause, ask := o.Refresh, wanted
		if err != nil {
			pause, ask = min(retryAfter, o.Refresh), nil
		}
		if !wait(ctx, min(askAgain, pause), nil) || !wait(ctx, pause-min(askAgain, pause), ask) {
			return nil
		}
	}
}

// wait pauses, or until it is asked for; false when ctx ends.
func wait(ctx context.Context, d time.Duration, asked <-chan struct{}) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-asked:
	case <-ctx.Done():
		return false
	}
	return true
}

func (s *keySet) read(ctx context.Context, o Options) error {
	keys, err := load(ctx, o)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.failure = err; err == nil {
		s.keys = keys
	}
	return err
}

// load reads a set and takes what is for signatures of the algorithms that count.
func load(ctx context.Context, o Options) (keyfunc.Keyfunc, error) {
	ctx, cancel := context.WithTimeout(ctx, o.Timeout)
	defer cancel()
	text, err := fetch(ctx, o.JWKS)
	if err != nil {
		return nil, fmt.Errorf("read the key set: %w", err)
	}
	var set jwkset.JWKSMarshal
	if err := json.Unmarshal(text, &set); err != nil {
		return nil, fmt.Errorf("read the key set: it is no JSON Web Key Set: %w", err)
	}
	storage, usable := jwkset.NewMemoryStorage(), 0
	for _, k := range set.Keys {
		if k.KTY == jwkset.KtyOct || (k.USE != "" && k.USE != jwkset.UseSig) { // who knows a symmetric key can make tokens
			continue
		}
		key, err := jwkset.NewJWKFromMarshal(k, jwkset.JWKMarshalOptions{}, jwkset.JWKValidateOptions{})
		if err != nil {
			return nil, fmt.Errorf("read the key set: key %q: %w", k.KID, err)
		}
		if err := storage.KeyWrite(ctx, key); err != nil {
			return nil, fmt.Errorf("read the key set: key %q: %w", k.KID, err)
		}
		usable++
	}
	if usable == 0 {
		return nil, errors.New("read the key set: it holds no public key for signatures")
	}
	return keyfunc.New(keyfunc.Options{Storage: storage})
}

func fetch(ctx context.Context, from string) ([]byte, error) {
	if !strings.HasPrefix(from, "http://") && !strings.HasPrefix(from, "https://") {
		f, err := os.Open(from)
		if err != nil {
			return nil, err
		}
		defer func() { _ = f.Close() }()
		return bounded(f)
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, from, nil)
	if err != nil {
		return nil, err
	}
	r.Header.Set("Accept", "application/jwk-set+json, application/json")
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		return nil, err
	}
	defer func() { _ = answer.Body.Close() }()
	if answer.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("%s answers %s", r.URL.Redacted(), answer.Status)
	}
	return bounded(answer.Body)
}

func bounded(r io.Reader) ([]byte, error) {
	b, err := io.ReadAll(io.LimitReader(r, maxKeySet+1))
	if err == nil && len(b) > maxKeySet {
		return nil, fmt.Errorf("it is larger than %d bytes", maxKeySet)
	}
	return b, err
}

// find looks up the key that signs a token. An unknown one has the set read soon: keys are rotated by adding the new one first, so a client that sends
// its token again finds it known.
func (s *keySet) find(ctx context.Context) jwt.Keyfunc {
	return func(t *jwt.Token) (any, error) {
		s.mu.RLock()
		keys, wanted := s.keys, s.wanted
		s.mu.RUnlock()
		if keys == nil {
			return nil, errNoKeysYet
		}
		key, err := keys.KeyfuncCtx(ctx)(t)
		if err != nil {
			select {
			case wanted <- struct{}{}:
			default:
			}
		}
		return key, err
	}
}
