package domain

import "encoding/binary"

// Fingerprint stands for an id in a memory that must stay small. Two different ids have the same one with a probability
// of 2⁻⁶⁴. An id always has the same: so a known id is never taken for a new one, and a new one is taken for one of
// 1,000 known with a probability below 10⁻¹⁶.
//
// Fingerprints are stored in tables: how they are made never changes.
type Fingerprint uint64

const (
	idSeed      uint64 = 0x9e3779b97f4a7c15
	sessionSeed uint64 = 0xc2b2ae3d27d4eb4f
)

// FingerprintOfID is that of a report's id.
func FingerprintOfID(id ID) Fingerprint {
	h := scramble(idSeed ^ binary.LittleEndian.Uint64(id[:8]))
	return Fingerprint(scramble(h ^ binary.LittleEndian.Uint64(id[8:])))
}

// FingerprintOfSession is that of a session's id, which is any text.
func FingerprintOfSession(s string) Fingerprint {
	h := scramble(sessionSeed ^ uint64(len(s)))
	for ; len(s) > 8; s = s[8:] {
		h = scramble(h ^ word(s[:8]))
	}
	return Fingerprint(scramble(h ^ word(s)))
}

// word reads up to eight bytes; what is missing is zero.
func word(s string) (w uint64) {
	for i := range len(s) {
		w |= uint64(s[i]) << (8 * i)
	}
	return w
}

// scramble lets every bit of x change about half of the result's. It is a bijection: the finalizer of MurmurHash3.
func scramble(x uint64) uint64 {
	x = (x ^ x>>33) * 0xff51afd7ed558ccd
	x = (x ^ x>>33) * 0xc4ceb9fe1a85ec53
	return x ^ x>>33
}

// MaxSeen is how many ids of reports without a place are remembered.
const MaxSeen = 1000

// Seen remembers the newest MaxSeen ids of reports, in the order of the log, newest last.
type Seen []Fingerprint

// has says whether an id is remembered. Most retries come soon, so it looks at the newest first.
func (s Seen) has(f Fingerprint) bool {
	for i := len(s) - 1; i >= 0; i-- {
		if s[i] == f {
			return true
		}
	}
	return false
}

// with is the memory with one more id; beyond MaxSeen the oldest is forgotten. The receiver, whose array older states
// share, is not changed.
func (s Seen) with(f Fingerprint) Seen {
	if len(s) >= MaxSeen {
		s = s[len(s)-MaxSeen+1:]
	}
	return append(append(make(Seen, 0, len(s)+1), s...), f)
}
