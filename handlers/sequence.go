package handlers

import (
	"cmp"
	"hash/maphash"
	"math/bits"
	"slices"

	"ugc/domain"
)

// sitting is whose reports are counted by one sequence: those of one user about one movie in one session.
type sitting struct{ user, movie, session string }

// sittingOf is false for commands that have no place in a sequence of playback reports.
func sittingOf(c domain.Command) (s sitting, sequence int64, ok bool) {
	f := c.Head()
	if f.Sequence <= 0 || f.Session == "" {
		return s, 0, false
	}
	if _, feedback := c.(domain.FeedbackCommand); feedback {
		return s, 0, false
	}
	return sitting{f.User, f.Movie, f.Session}, f.Sequence, true
}

// inSequence says in which order to write a batch: order[i] is the index of the command that comes at i. Reports of one
// sitting take each other's places so that their sequences rise; of equal ones the first stays first, and all other
// commands stay where they are. A sitting whose reports lie far apart in disorder would open as many stretches in the
// state of its key. nil: as it is.
func inSequence(commands []domain.Command) (order []int) {
	if sorted(commands) {
		return nil
	}
	places := map[sitting][]int{}
	order = make([]int, len(commands))
	for i, c := range commands {
		order[i] = i
		if s, _, ok := sittingOf(c); ok {
			places[s] = append(places[s], i)
		}
	}
	for _, at := range places {
		bySequence := slices.Clone(at)
		slices.SortStableFunc(bySequence, func(a, b int) int {
			return cmp.Compare(commands[a].Head().Sequence, commands[b].Head().Sequence)
		})
		for n, from := range bySequence {
			order[at[n]] = from
		}
	}
	return order
}

var sittings = maphash.MakeSeed()

// sorted may be false where two sittings have one hash, and is never true where a sequence falls: what rises as one,
// rises in each of its parts. It keeps the newest sequence by hash, in a table that is half empty at least.
func sorted(commands []domain.Command) bool {
	if len(commands) <= 1 {
		return true
	}
	type newest struct {
		hash     uint64
		sequence int64 // 0: no entry
	}
	table := make([]newest, 2<<bits.Len(uint(len(commands)-1)))
	for _, c := range commands {
		s, sequence, ok := sittingOf(c)
		if !ok {
			continue
		}
		hash := maphash.Comparable(sittings, s)
		i := hash & uint64(len(table)-1)
		for table[i].sequence != 0 && table[i].hash != hash {
			i = (i + 1) & uint64(len(table)-1)
		}
		if sequence < table[i].sequence {
			return false
		}
		table[i] = newest{hash, sequence}
	}
	return true
}
