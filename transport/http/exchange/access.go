package exchange

// Access is who may enter a route. The zero value is nobody: a route is closed until it says otherwise.
type Access uint8

// The ways in.
const (
	Closed   Access = iota
	Public          // anybody: nobody is asked who they are
	Reads           // whoever may read a user's data; the route asks whose
	Writes          // whoever may write for a user; the route asks for whom
	Operates        // whoever may see what operators see
)

// Scope is what a caller needs to enter, 0 where none helps.
func (a Access) Scope() Scope {
	switch a {
	case Reads:
		return Read
	case Writes:
		return Write
	case Operates:
		return Metrics
	}
	return 0
}

// Enter is nil where the caller may enter. A route calls it before it reads anything of the request.
func (a Access) Enter(c *Caller) error {
	switch {
	case a == Public:
		return nil
	case !c.Known():
		return ErrNobody
	case a.Scope() == 0:
		return errClosed
	}
	return c.May(a.Scope())
}
