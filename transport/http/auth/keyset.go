package auth

import (
	"context"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/MicahParks/jwkset"
	"github.com/golang-jwt/jwt/v5"
)

const (
	maxKeySet  = 1 << 20          // bytes
	maxKeys    = 256              // of a set
	maxTried   = 4                // keys for one token that names none, or one that several have
	askAgain   = 10 * time.Second // at most so often an unknown key id has the set read again
	retryAfter = 2 * time.Second  // after a set that could not be read
	sayAgain   = 10 * time.Minute // that it still cannot be read
)

// publicKey is one key of a set that tokens can be checked with.
type publicKey struct {
	id, algorithm string // algorithm "": any that fits the key
	key           any
}

// fits says whether a signature by the algorithm can be this key's (RFC 7518, 3.1).
func (k publicKey) fits(algorithm string) bool {
	if k.algorithm != "" && k.algorithm != algorithm {
		return false
	}
	switch key := k.key.(type) {
	case *rsa.PublicKey:
		return strings.HasPrefix(algorithm, "RS") || strings.HasPrefix(algorithm, "PS")
	case *ecdsa.PublicKey:
		return algorithm == map[int]string{256: "ES256", 384: "ES384", 521: "ES512"}[key.Curve.Params().BitSize]
	case ed25519.PublicKey:
		return algorithm == "EdDSA"
	}
	return false
}

// keySet is the newest set of keys that could be read, from a URL or a file.
type keySet struct {
	watch  *watch
	maxAge time.Duration
	now    func() time.Time
	wanted chan struct{} // somebody asked for a key that is not there

	mu      sync.RWMutex
	keys    []publicKey
	read    time.Time // when; zero: never
	failure error     // of the last try
}

var errNoKeysYet = errors.New("the key set has not been read yet")

// healthy says why no token can be checked, nil where they can.
func (s *keySet) healthy() error {
	s.mu.RLock()
	defer s.mu.RUnlock()
	switch {
	case s.read.IsZero():
		return errors.Join(errNoKeysYet, s.failure)
	case s.now().Sub(s.read) > s.maxAge:
		return errors.Join(fmt.Errorf("the key set could not be read for %s, so its keys count no more", s.maxAge), s.failure)
	}
	return nil
}

// run reads the set again and again. changed is called after one was read: what was verified by keys that are gone must be so again.
func (s *keySet) run(ctx context.Context, o Options, changed func()) error {
	for {
		keys, ignored, err := load(ctx, o)
		if ctx.Err() != nil {
			return nil //nolint:nilerr // it ends because it was told to
		}
		s.keep(keys, err)
		pause, ask := o.Refresh, s.wanted
		if err == nil {
			changed()
		} else {
			pause, ask = min(retryAfter, o.Refresh), nil
		}
		s.watch.say(len(keys), ignored, err)
		if !wait(ctx, min(askAgain, pause), nil) || !wait(ctx, pause-min(askAgain, pause), ask) {
			return nil
		}
	}
}

func (s *keySet) keep(keys []publicKey, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.failure = err; err == nil {
		s.keys, s.read = keys, s.now()
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

// load reads a set and takes what tokens can be checked with. The rest is ignored, as RFC 7517, section 5 asks, and said in ignored.
func load(ctx context.Context, o Options) (usable []publicKey, ignored []string, err error) {
	ctx, cancel := context.WithTimeout(ctx, o.Timeout)
	defer cancel()
	text, err := fetch(ctx, o)
	if err != nil {
		return nil, nil, fmt.Errorf("read the key set: %w", err)
	}
	var set struct{ Keys []json.RawMessage }
	m, err := outer(text) // what is wrong within a key takes that key alone away
	if err == nil {
		err = json.Unmarshal(m["keys"], &set.Keys)
	}
	if err != nil {
		return nil, nil, fmt.Errorf("read the key set: it is no JSON Web Key Set: %w", err)
	}
	if len(set.Keys) > maxKeys {
		return nil, nil, fmt.Errorf("read the key set: it holds %d keys, more than %d", len(set.Keys), maxKeys)
	}
	for i, raw := range set.Keys {
		k, err := readKey(raw, o.Algorithms)
		if err != nil {
			ignored = append(ignored, fmt.Sprintf("key %d (%.64q): %.256s", i+1, k.id, err))
			continue
		}
		usable = append(usable, k)
	}
	if len(usable) == 0 {
		return nil, ignored, errors.New("read the key set: it holds no public key for signatures by the algorithms that count")
	}
	return usable, ignored, nil
}

// CheckFile says what is wrong with a key set in a file, so that a service that could take no token does not start. A URL is not asked: it
// may be away for now.
func CheckFile(o Options) error {
	if o.JWKS == "" || isURL(o.JWKS) {
		return nil
	}
	o.setDefaults()
	_, ignored, err := load(context.Background(), o)
	if err != nil && len(ignored) > 0 {
		return fmt.Errorf("%w; ignored: %s", err, strings.Join(ignored, "; "))
	}
	return err
}

// knownMembers are the members of a key that are looked at. Private ones are not among them.
var knownMembers = []string{"kty", "use", "key_ops", "alg", "kid", "crv", "x", "y", "n", "e", "x5c", "x5t", "x5t#S256"}

const minRSA, maxRSA = 2048, 8192 // bits; RFC 7518, 3.3 asks for 2048, and more than 8192 make checking a way to keep us busy

// readKey reads one key of a set. The error says why it is not used.
func readKey(raw json.RawMessage, algorithms []string) (publicKey, error) {
	m, err := object(raw)
	if err != nil {
		return publicKey{}, err
	}
	out := publicKey{}
	if out.id, err = m.text("kid"); err != nil {
		return out, err
	}
	exact := members{}
	for _, name := range knownMembers {
		if value, there := m[name]; there {
			exact[name] = value
		}
	}
	text, err := json.Marshal(exact)
	if err != nil {
		return out, err
	}
	var k jwkset.JWKMarshal
	if err := json.Unmarshal(text, &k); err != nil {
		return out, err
	}
	switch {
	case k.KTY == jwkset.KtyOct: // who knows a symmetric key can make tokens
		return out, errors.New("it is symmetric")
	case k.USE != "" && k.USE != jwkset.UseSig:
		return out, errors.New("it is not for signatures")
	case len(k.KEYOPS) > 0 && !contains(k.KEYOPS, jwkset.KeyOpsVerify):
		return out, errors.New("it is not for checking signatures")
	}
	parsed, err := jwkset.NewJWKFromMarshal(k, jwkset.JWKMarshalOptions{}, jwkset.JWKValidateOptions{SkipKeyOps: true})
	if err != nil {
		return out, err
	}
	out.algorithm, out.key = k.ALG.String(), parsed.Key()
	if r, ok := out.key.(*rsa.PublicKey); ok && (r.N.BitLen() < minRSA || r.N.BitLen() > maxRSA || r.E < 3) {
		return out, fmt.Errorf("it has %d bits: from %d to %d are taken", r.N.BitLen(), minRSA, maxRSA)
	}
	for _, a := range algorithms {
		if out.fits(a) {
			return out, nil
		}
	}
	return out, errors.New("it is for none of the algorithms that count")
}

// fetch reads a file or a URL.
func fetch(ctx context.Context, o Options) ([]byte, error) {
	if !isURL(o.JWKS) {
		f, err := os.Open(o.JWKS)
		if err != nil {
			return nil, err
		}
		defer func() { _ = f.Close() }()
		return bounded(f)
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, o.JWKS, nil)
	if err != nil {
		return nil, err
	}
	r.Header.Set("Accept", "application/jwk-set+json, application/json")
	client := http.Client{CheckRedirect: func(r *http.Request, via []*http.Request) error {
		if len(via) > 3 {
			return errors.New("it redirects more than three times")
		}
		return plainAddress(r.URL.String(), o.PlainJWKS)
	}}
	answer, err := client.Do(r)
	if err != nil {
		return nil, err
	}
	defer func() { _ = answer.Body.Close() }()
	if answer.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("%s answers %s", r.URL.Redacted(), answer.Status)
	}
	return bounded(answer.Body)
}

func isURL(from string) bool {
	scheme, _, ok := strings.Cut(from, "://")
	return ok && (strings.EqualFold(scheme, "http") || strings.EqualFold(scheme, "https"))
}

// plainAddress refuses a key set that anybody on the way can change, unless that was consented to.
func plainAddress(from string, consent bool) error {
	if consent || !isURL(from) {
		return nil
	}
	u, err := url.Parse(from)
	if err != nil || strings.EqualFold(u.Scheme, "https") {
		return err
	}
	if ip := net.ParseIP(u.Hostname()); u.Hostname() == "localhost" || ip != nil && ip.IsLoopback() {
		return nil
	}
	return errors.New("anybody on the way can change a key set that comes by http: from another machine: use https, or allow it")
}

func bounded(r io.Reader) ([]byte, error) {
	b, err := io.ReadAll(io.LimitReader(r, maxKeySet+1))
	if err == nil && len(b) > maxKeySet {
		return nil, fmt.Errorf("it is larger than %d bytes", maxKeySet)
	}
	return b, err
}

// find looks up the key that signs a token. An unknown one has the set read soon: keys are rotated by adding the new one first, so a
// client that sends its token again finds it known. A token that names no key (RFC 7515, 4.1.4) is checked with a few at most.
func (s *keySet) find(t *jwt.Token) (any, error) {
	s.mu.RLock()
	keys := s.keys
	s.mu.RUnlock()
	id, named := t.Header["kid"].(string)
	var fit []jwt.VerificationKey
	for _, k := range keys {
		if (!named || k.id == id) && k.fits(t.Method.Alg()) {
			fit = append(fit, k.key)
		}
	}
	switch {
	case len(fit) == 0:
		select {
		case s.wanted <- struct{}{}:
		default:
		}
		return nil, errors.New("no key of the set can have signed it")
	case len(fit) == 1:
		return fit[0], nil
	case len(fit) > maxTried:
		return nil, badToken("The token must name its key: kid.")
	}
	return jwt.VerificationKeySet{Keys: fit}, nil
}
