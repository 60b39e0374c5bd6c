package v2

import (
	"strings"

	"ugc/domain"
)

// fieldSet is a set of the fields that bodies of this API are made of.
type fieldSet uint32

// The fields, in the order in which they are listed to people.
const (
	fType fieldSet = 1 << iota
	fEventID
	fUserID
	fMovieID
	fSessionID
	fDeviceID
	fSequence
	fOccurredAt
	fSentAt
	fPosition
	fFromPosition
	fDuration
	fRate
	fWatched
	fViewedSeconds
	fScore
	fLike
)

var fieldNames = [...]string{"type", "event_id", "user_id", "movie_id", "session_id", "device_id", "sequence", "occurred_at", "sent_at",
	"position_ms", "from_position_ms", "duration_ms", "rate", "watched", "viewed_seconds", "score", "like"}

// The bodies.
const (
	whenFields     = fEventID | fOccurredAt | fSentAt
	factFields     = whenFields | fType | fUserID | fMovieID | fSessionID | fDeviceID | fSequence
	playFields     = fPosition | fFromPosition | fDuration | fRate | fWatched
	eventFields    = factFields | playFields | fViewedSeconds | fScore
	ratingFields   = whenFields | fScore
	likeFields     = whenFields | fLike
	bookmarkFields = whenFields
)

// fieldOf is the field of that name, 0 where there is none. The compiler turns the switch into a search over length and text.
func fieldOf(name string) fieldSet {
	switch name {
	case "type":
		return fType
	case "event_id":
		return fEventID
	case "user_id":
		return fUserID
	case "movie_id":
		return fMovieID
	case "session_id":
		return fSessionID
	case "device_id":
		return fDeviceID
	case "sequence":
		return fSequence
	case "occurred_at":
		return fOccurredAt
	case "sent_at":
		return fSentAt
	case "position_ms":
		return fPosition
	case "from_position_ms":
		return fFromPosition
	case "duration_ms":
		return fDuration
	case "rate":
		return fRate
	case "watched":
		return fWatched
	case "viewed_seconds":
		return fViewedSeconds
	case "score":
		return fScore
	case "like":
		return fLike
	}
	return 0
}

// names lists the names of a set.
func (s fieldSet) names() (out []string) {
	for i, n := range fieldNames {
		if s&(1<<i) != 0 {
			out = append(out, n)
		}
	}
	return out
}

// eventTypes lists what the type of an event can be: what players report, and explicit feedback.
var eventTypes = append(domain.ReportTypes(), "viewing", "like", "dislike", "clear_like", "bookmark", "clear_bookmark", "rating", "clear_rating")

// nearest finds the known name that an unknown one was probably meant to be, "" where none is near.
func nearest(name string, known []string) string {
	const longest = 32
	if len(name) > longest {
		return ""
	}
	most := max(2, len(name)/3) // two letters changed places are two
	if len(name) < 4 {
		most = 1
	}
	best, at := "", most+1
	for _, k := range known {
		d := distance(strings.ToLower(name), k)
		if len(name) >= 3 && strings.HasPrefix(k, strings.ToLower(name)) {
			d = 1 // an ending was left out, such as _ms
		}
		if d < at {
			best, at = k, d
		}
	}
	return best
}

// distance is how many letters must be changed, added or removed to get from a to b.
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := 1
			if a[i] == b[j] {
				cost = 0
			}
			diagonal, row[j+1] = row[j+1], min(diagonal+cost, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}
