package auth

import (
	"math"
	"strconv"
	"sync"
	"time"

	"github.com/gofiber/fiber/v2"
	"golang.org/x/time/rate"

	"ugc/transport/http/exchange"
	"ugc/transport/http/problem"
)

// Limit bounds how many requests a second one caller may send. It forgets callers that have been quiet long enough to have their whole burst again.
type Limit struct {
	perSecond rate.Limit
	burst     int
	now       func() time.Time

	mu      sync.Mutex
	buckets map[string]*bucket
}

type bucket struct {
	*rate.Limiter
	used time.Time
}

const maxBuckets = 100_000

// NewLimit allows perSecond requests a second of each caller, and burst at once.
func NewLimit(perSecond float64, burst int, now func() time.Time) *Limit {
	if now == nil {
		now = time.Now
	}
	return &Limit{perSecond: rate.Limit(perSecond), burst: burst, now: now, buckets: map[string]*bucket{}}
}

// Allow is the middleware, behind Identify: 429 with Retry-After where a caller sends too much. Callers are told apart by who they are, and those that
// nobody knows by their address.
func (l *Limit) Allow(c *fiber.Ctx) error {
	who := exchange.CallerOf(c).Who()
	if who == "" {
		who = address(c)
	}
	if wait := l.take(who); wait > 0 {
		return l.late(wait, "requests a second are taken from one caller; batches of events count as one.")
	}
	return c.Next()
}

// Fail counts a refused request against its address. The error is what to answer instead where there were too many.
func (l *Limit) Fail(c *fiber.Ctx) error {
	if wait := l.take(address(c)); wait > 0 {
		return l.late(wait, failures)
	}
	return nil
}

// Spent is what to answer where the requests of an address were refused too often. It counts nothing.
func (l *Limit) Spent(c *fiber.Ctx) error {
	if wait := l.wait(address(c)); wait > 0 {
		return l.late(wait, failures)
	}
	return nil
}

const failures = "requests a second are refused to one address with 401: see that your token or key holds."

func (l *Limit) late(wait time.Duration, what string) error {
	p := &problem.Problem{Kind: problem.TooMany, Detail: "At most " + strconv.FormatFloat(float64(l.perSecond), 'g', -1, 64) + " " + what}
	p.Retry = int(math.Ceil(wait.Seconds()))
	return p
}

// address is what tells clients apart that nobody knows. Whoever has an IPv6 address has a whole /64 of them.
func address(c *fiber.Ctx) string {
	a := exchange.Address(c)
	if a.Is6() {
		if network, err := a.Prefix(64); err == nil {
			return "address " + network.String()
		}
	}
	return "address " + a.String()
}

// wait is how long until the next one may pass, without taking it.
func (l *Limit) wait(who string) time.Duration {
	l.mu.Lock()
	defer l.mu.Unlock()
	b := l.buckets[who]
	if b == nil {
		return 0
	}
	missing := 1 - b.TokensAt(l.now())
	return time.Duration(missing / float64(l.perSecond) * float64(time.Second))
}

// take is how long to wait, 0 when the request may pass.
func (l *Limit) take(who string) time.Duration {
	now := l.now()
	l.mu.Lock()
	defer l.mu.Unlock()
	b := l.buckets[who]
	if b == nil {
		if len(l.buckets) >= maxBuckets {
			l.sweep(now)
		}
		b = &bucket{Limiter: rate.NewLimiter(l.perSecond, l.burst)}
		l.buckets[who] = b
	}
	b.used = now
	r := b.ReserveN(now, 1)
	wait := r.DelayFrom(now)
	if wait > 0 {
		r.CancelAt(now)
	}
	return wait
}

// sweep makes room: first those who have their whole burst again, otherwise a tenth of all.
func (l *Limit) sweep(now time.Time) {
	full := time.Duration(float64(l.burst) / float64(l.perSecond) * float64(time.Second))
	for who, b := range l.buckets {
		if now.Sub(b.used) > full {
			delete(l.buckets, who)
		}
	}
	for who := range l.buckets {
		if len(l.buckets) < maxBuckets*9/10 {
			break
		}
		delete(l.buckets, who)
	}
}
