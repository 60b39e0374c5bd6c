package bridge

import (
	"net/url"
	"strconv"
	"sync"
	"time"

	"ugc/deploy/embedded/clickhouse/engine"
)

// Time-outs of named sessions, as the server has them.
const (
	sessionTimeout    = time.Minute
	maxSessionTimeout = time.Hour
)

// sessions keeps the named ones; a request without session_id gets a fresh session of its own, so that no SET, USE or
// temporary table of another request shows.
type sessions struct {
	open func() (engine.Session, error)
	max  int

	mu    sync.Mutex
	named map[string]*named
}

type named struct {
	session engine.Session
	busy    bool
	expiry  *time.Timer
}

func newSessions(open func() (engine.Session, error), limit int) *sessions {
	return &sessions{open: open, max: limit, named: map[string]*named{}}
}

// acquire returns the session that the parameters ask for, and what gives it back.
func (p *sessions) acquire(values url.Values) (engine.Session, func(), error) {
	id := values.Get("session_id")
	if id == "" {
		s, err := p.open()
		if err != nil {
			return nil, nil, err
		}
		return s, s.Close, nil
	}
	timeout, err := timeoutOf(values)
	if err != nil {
		return nil, nil, err
	}
	n, err := p.take(id, values.Get("session_check") == "1")
	if err != nil {
		return nil, nil, err
	}
	return n.session, func() { p.giveBack(id, n, timeout) }, nil
}

func timeoutOf(values url.Values) (time.Duration, error) {
	text := values.Get("session_timeout")
	if text == "" {
		return sessionTimeout, nil
	}
	seconds, err := strconv.Atoi(text)
	if err != nil || seconds <= 0 || time.Duration(seconds)*time.Second > maxSessionTimeout {
		return 0, exception(codeBadArguments, "BAD_ARGUMENTS", "Invalid session timeout: %s, give 1 to %.0f seconds", quote(text), maxSessionTimeout.Seconds())
	}
	return time.Duration(seconds) * time.Second, nil
}

func (p *sessions) take(id string, mustExist bool) (*named, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	n := p.named[id]
	switch {
	case n != nil && n.busy:
		return nil, exception(codeSessionLocked, "SESSION_IS_LOCKED", "Session %s is locked by a concurrent client", id)
	case n != nil:
		n.expiry.Stop()
		n.busy = true
		return n, nil
	case mustExist:
		return nil, exception(codeNoSession, "SESSION_NOT_FOUND", "Session %s not found", id)
	case len(p.named) >= p.max:
		return nil, exception(codeTooManyQueries, "TOO_MANY_SIMULTANEOUS_QUERIES", "%d sessions are kept already, try again when one has expired", p.max)
	}
	s, err := p.open()
	if err != nil {
		return nil, err
	}
	n = &named{session: s, busy: true}
	p.named[id] = n
	return n, nil
}

func (p *sessions) giveBack(id string, n *named, timeout time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	n.busy = false
	n.expiry = time.AfterFunc(timeout, func() { p.expire(id, n) })
}

func (p *sessions) expire(id string, n *named) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !n.busy && p.named[id] == n {
		delete(p.named, id)
		n.session.Close()
	}
}

func (p *sessions) close() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for id, n := range p.named {
		if n.expiry != nil {
			n.expiry.Stop()
		}
		n.session.Close()
		delete(p.named, id)
	}
}
