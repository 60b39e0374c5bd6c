package v2

import (
	"hash/maphash"
	"strings"
	"sync"
	"time"

	"github.com/gofiber/fiber/v2"

	"ugc/domain"
	"ugc/transport/http/problem"
)

// HeaderKey names the report of a single write, as event_id does in a body.
const HeaderKey = "Idempotency-Key"

const maxKey = 255 // characters

var (
	// keySpace is where ids of keys lie that are no UUIDs. It never changes: a key must give the same id for ever.
	keySpace = domain.NamedID(domain.ID{}, "ugc Idempotency-Key")

	errKey = &problem.Fault{
		Parameter: HeaderKey, Code: "bad_key",
		Detail: "must be 1 to 255 printable ASCII characters, bare or as a string in double quotes, given once",
	}
	errKeyOfMany = &problem.Fault{
		Parameter: HeaderKey, Code: "not_applicable",
		Detail: "names a single report: give each event of an array its own event_id",
	}
	errKeyReused = &problem.Fault{
		Parameter: HeaderKey, Code: "reused",
		Detail: "was the key of another request: take a new key for each report, and the same one to send it again",
	}
)

const (
	conflictCode   = "conflict"
	conflictDetail = "differs from the id that the Idempotency-Key names: give one of the two"
)

// readKey reads the key of a request, "" where it has none: a string as RFC 8941 has it, or the same characters bare.
func readKey(c *fiber.Ctx) (key string, fault *problem.Fault) {
	given := c.Request().Header.PeekAll(HeaderKey)
	if len(given) == 0 {
		return "", nil
	}
	text := strings.Trim(string(given[0]), " \t")
	ok := len(given) == 1
	if strings.HasPrefix(text, `"`) {
		text, ok = unquote(text, ok)
	}
	unprintable := func(r rune) bool { return r < ' ' || r > '~' }
	if !ok || text == "" || len(text) > maxKey || strings.ContainsFunc(text, unprintable) {
		return "", errKey
	}
	return text, nil
}

// unquote takes a string of RFC 8941 out of its quotes.
func unquote(text string, ok bool) (string, bool) {
	var b strings.Builder
	for i := 1; i < len(text); i++ {
		switch text[i] {
		case '"':
			return b.String(), ok && i == len(text)-1
		case '\\':
			if i++; i == len(text) || text[i] != '"' && text[i] != '\\' {
				return "", false
			}
		}
		b.WriteByte(text[i])
	}
	return "", false
}

// idOf is the id of the report that a user's key names. Two users' equal keys name two reports, unless they are UUIDs.
func idOf(user, key string) domain.ID {
	if id, err := domain.ParseID(key); err == nil && !id.IsZero() {
		return id
	}
	return domain.NamedID(keySpace, user+"/"+key) // no user id holds a slash
}

// named gives the event the id of the key.
func (e *event) named(key string) {
	id := idOf(e.fact.User, key)
	if !e.fact.ID.IsZero() && e.fact.ID != id {
		e.wrong(fEventID, "event_id", conflictCode, conflictDetail)
	}
	e.fact.ID = id
}

// The bounds of what one edge remembers of keys.
const (
	keptKeys = 1 << 16
	keptFor  = 24 * time.Hour
)

// usedKeys remembers what the newest keys were used for: keptKeys of them, keptFor long, as 64-bit hashes. It finds a
// client that uses a key again for something else; that a report counts once does not depend on it.
type usedKeys struct {
	now  func() time.Time
	seed maphash.Seed

	mu    sync.Mutex
	index map[uint64]int32 // into uses
	uses  []keyUse         // a ring once it is full
	next  int32
}

type keyUse struct {
	key, request uint64
	at           time.Time
}

func newUsedKeys(now func() time.Time) *usedKeys {
	return &usedKeys{now: now, seed: maphash.MakeSeed(), index: map[uint64]int32{}}
}

// of is the use of the key for this request. What a retry may change is left out of it: sent_at.
func (u *usedKeys) of(route string, e *event) (use keyUse) {
	type content struct {
		route, typ, user, movie, session, device string
		sequence                                 int64
		occurredAt                               domain.Instant
		position, from, duration                 int64
		rate                                     float64
		viewedSeconds, score                     int64
		like                                     bool
		given                                    fieldSet
		watched                                  int
	}
	f := &e.fact
	use.key = maphash.Comparable(u.seed, struct {
		user string
		id   domain.ID
	}{f.User, f.ID})
	var h maphash.Hash
	h.SetSeed(u.seed)
	maphash.WriteComparable(&h, content{
		route: route, typ: e.typ, user: f.User, movie: f.Movie, session: f.Session, device: f.Device,
		sequence: f.Sequence, occurredAt: f.OccurredAt, position: e.position, from: e.from, duration: e.duration,
		rate: e.rate, viewedSeconds: e.viewedSeconds, score: e.score, like: e.like,
		given: e.given &^ (fEventID | fSentAt), watched: len(e.watched),
	})
	for _, w := range e.watched {
		maphash.WriteComparable(&h, w)
	}
	use.request = h.Sum64()
	return use
}

// elsewhere says whether the key was used for another request.
func (u *usedKeys) elsewhere(use keyUse) bool {
	u.mu.Lock()
	defer u.mu.Unlock()
	i, ok := u.index[use.key]
	return ok && u.uses[i].request != use.request && u.now().Sub(u.uses[i].at) < keptFor
}

// keep remembers the use of a key for a request that was written, or perhaps was.
func (u *usedKeys) keep(use keyUse) {
	u.mu.Lock()
	defer u.mu.Unlock()
	use.at = u.now()
	if i, ok := u.index[use.key]; ok {
		if u.uses[i].request == use.request || use.at.Sub(u.uses[i].at) < keptFor {
			return
		}
		u.uses[i] = use
		return
	}
	if len(u.uses) < keptKeys {
		u.index[use.key] = int32(len(u.uses))
		u.uses = append(u.uses, use)
		return
	}
	if old := u.uses[u.next].key; u.index[old] == u.next {
		delete(u.index, old)
	}
	u.uses[u.next], u.index[use.key] = use, u.next
	u.next = (u.next + 1) % keptKeys
}

// written says whether a command is in the log, or may be.
func written(err error) bool { return err == nil || domain.KindOf(err) == domain.Uncertain }
