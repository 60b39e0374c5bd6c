package streams

import "hash/maphash"

// seen remembers which keys a copy that began empty may hold while it is restored, so that the first record of a key need not be looked up on disk: most
// keys have but one. It may take a key for another, never miss one; a nil seen knows nothing, so that every key may be there.
type seen struct {
	seed   maphash.Seed
	hashes map[uint64]struct{}
	full   bool
}

// maxSeen bounds the memory of one partition, some 20 bytes a key; what is beyond it is looked up.
const maxSeen = 1 << 20

func newSeen() *seen {
	return &seen{seed: maphash.MakeSeed(), hashes: make(map[uint64]struct{})}
}

func (s *seen) add(key string) {
	switch {
	case s == nil || s.full:
	case len(s.hashes) >= maxSeen:
		s.full, s.hashes = true, nil
	default:
		s.hashes[maphash.String(s.seed, key)] = struct{}{}
	}
}

func (s *seen) maybe(key string) bool {
	if s == nil || s.full {
		return true
	}
	_, ok := s.hashes[maphash.String(s.seed, key)]
	return ok
}
