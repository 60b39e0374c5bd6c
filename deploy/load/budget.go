package load

// The fold needs no order as long as a state forgets nothing, so the stream keeps each pair of user and movie within what a state
// remembers, counted for the worst order of arrival. TestStreamStaysWithinWhatAStateRemembers holds this against the bounds of README.
const (
	visitsPerPair   = 6  // pieces of sessions: visitsPerPair × (1 + latesPerVisit) = 30 ≤ reference.MostGaps
	latesPerVisit   = 4  // each opens one gap in a session's sequence until it arrives
	playsPerVisit   = 5  // remembered ids: visitsPerPair × (playsPerVisit + viewsPerVisit) = 42 ≤ reference.RememberedIDs
	viewsPerVisit   = 2  //
	jumpsPerVisit   = 12 // stretches of film: visitsPerPair × 2 × (1 + jumpsPerVisit + latesPerVisit) = 204 ≤ reference.MostStretches
	leastPerVisit   = 3  // deliveries that a visit has at least; with it Validate says how many events a world can hold
	maxEvents       = 100_000_000
	maxUsers        = 1_000_000
	maxMovies       = 1_000_000
	maxConnections  = 1024
	maxBatch        = 1000 // what the service takes at once
	maxDifferences  = 1000 // that are kept; all are counted
	maxFaults       = 20   // answers that are kept; all are counted
	maxAnswer       = 8 << 20
	pageSize        = 50 // small, so that paging is used
	laneDeliveries  = 256
	offlinePerMille = 40
	clockPerMille   = 80  // visits of players that say sent_at with each report
	undatedPerMille = 100 // visits whose feedback says no time
)
