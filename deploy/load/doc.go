// Package load plays simulated viewers against a running service and then checks, through the same API that clients use,
// that what the service shows is what it accepted.
//
// # The stream
//
// What the viewers do is a Stream: one total order of deliveries that follows from the seed and the numbers of users and movies alone, on
// every machine. A longer run of the same seed begins with the shorter one. Nothing of it is kept: after the run the stream is made again, user by user,
// and folded with what the ledger remembers of each delivery (one byte), so that memory stays small for any number of events.
//
// Deliveries of one visit (one viewer, one film, one sitting on one device) are sent in their order, one after the other; different devices
// go at the same time, so the log may hold them in any order. The fold needs no order: registers, sets and sums of the domain
// merge, as long as a state stays within MaxSessions, MaxPieces, MaxIntervals and MaxSeen, and the stream keeps every pair
// of user and movie within these, whatever the order (see budget.go).
//
// # Time
//
// received_at is stamped by the edge and told to nobody, so the simulation must not depend on it:
//
//   - Most visits say no sent_at. The time of their facts is occurred_at, years in the past, so the cap at received_at never cuts it: every
//     register is decided to the millisecond, whatever the network did.
//   - Offline uploads, and some players with wrong clocks, say sent_at, stamped by the device's own clock when the delivery is really sent (it
//     is the one thing that is not in the stream). The time of such a fact is the true time plus what the request took up to the stamp at the edge: it lies between the true time and the true
//     time plus the time until the answer came, give or take the difference of two machines' clocks (Options.ClockSlack). Reports in such a
//     visit are a minute or more apart, so their order is decided all the same, and their times are compared with that range.
//   - The device's clock error is in both occurred_at and sent_at and cancels out; where no sent_at is given it stays in, on both sides of the comparison.
//
// # What is allowed
//
// A delivery whose 2xx arrived is certain: it must be shown. One that was refused or never reached the service must not be. Where no answer came, or one that
// does not know itself, it may be shown or not: sums and sets then have a lower and an upper bound, and a register may hold any of the values that could have won. Everything
// is compared with such bounds (see expected.go); without unknown outcomes lower and upper are the same and the comparison is exact.
package load
