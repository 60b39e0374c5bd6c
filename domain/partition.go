package domain

import (
	"hash"
	"hash/fnv"
)

// Partition is where a record with this key lives in a topic of n partitions: FNV-1a of the key up to the first '/', so
// that all keys of one user (user/movie) share a partition, and with them one order. It is the only such rule in the
// house; the publisher, goka's processors, views and emitters, and every tool use it or NewKeyHasher.
// It panics when n is not positive.
func Partition(key string, n int32) int32 { return partition(key, n) }

// PartitionOf is Partition of a key as it stands in a record.
func PartitionOf(key []byte, n int32) int32 { return partition(key, n) }

func partition[T string | []byte](key T, n int32) int32 {
	const offset, prime = 2166136261, 16777619 // of FNV-1a, 32 bits; hash/fnv would make the key escape, and this is asked for each record
	h := uint32(offset)
	for i := 0; i < len(key) && key[i] != '/'; i++ {
		h = (h ^ uint32(key[i])) * prime
	}
	return int32(h&0x7fffffff) % n
}

// NewKeyHasher is the same rule for libraries that ask for a hash.Hash32 and reduce it modulo the partition count
// themselves. Its sum never has the highest bit: goka negates a negative int32, sarama masks it, and only where
// the bit is never set do both land on the same partition.
func NewKeyHasher() hash.Hash32 { return &keyHasher{sum: fnv.New32a()} }

type keyHasher struct {
	sum  hash.Hash32
	done bool // the first '/' has been seen: the rest of the key does not count
}

func (h *keyHasher) Write(p []byte) (int, error) {
	n := len(p)
	if h.done {
		return n, nil
	}
	for i, c := range p {
		if c == '/' {
			p, h.done = p[:i], true
			break
		}
	}
	_, _ = h.sum.Write(p)
	return n, nil
}

func (h *keyHasher) Sum(b []byte) []byte {
	s := h.Sum32()
	return append(b, byte(s>>24), byte(s>>16), byte(s>>8), byte(s))
}

func (h *keyHasher) Sum32() uint32  { return h.sum.Sum32() & 0x7fffffff }
func (h *keyHasher) Reset()         { h.sum.Reset(); h.done = false }
func (h *keyHasher) Size() int      { return 4 }
func (h *keyHasher) BlockSize() int { return 1 }
