// Package reference is a second reading of "The rules" in README.md: what the service must have decided, and what it must show. It was written from that
// text alone. It shares no code with the service and imports the standard library alone (house_test holds both), so that a wrong rule in the
// service is a difference here. It takes the plain way everywhere: exact ids instead of fingerprints, maps, and sums from the start.
//
// Where the two disagree, one of three is wrong: README, the service, or this package. README decides; where it leaves the question open, it is mended.
//
// Times are Unix milliseconds; 0 is "not given".
package reference
