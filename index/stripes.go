package index

import (
	"hash/maphash"
	"math/bits"
	"sync"
)

// A stripes is a set of 64 locks. Every entry and every bucket of every index belongs to one of them, chosen by hash. A
// set of stripes is a word with a bit for each, so that what a write needs to lock is the union of a few words.
//
// Stripes are locked in ascending order, by everybody, and all that a write needs are locked at once: there can be no
// deadlock. No function of the user's runs while one is held. The locks are padded so that two of them do not share
// a cache line.
type stripes [64]struct {
	sync.Mutex
	_ [64 - 8]byte
}

// allStripes keeps every writer away.
const allStripes = ^uint64(0)

func (s *stripes) lock(set uint64) {
	for ; set != 0; set &= set - 1 {
		s[bits.TrailingZeros64(set)].Lock()
	}
}

func (s *stripes) unlock(set uint64) {
	for ; set != 0; set &= set - 1 {
		s[bits.TrailingZeros64(set)].Unlock()
	}
}

// stripeOf returns the stripe for a hash. It takes the upper bits, for sets are divided by the lower ones.
func stripeOf(hash uint64) uint64 { return 1 << (hash >> 58) }

var seed = maphash.MakeSeed()

// hashOf returns the hash of a key or an index key. It panics if the key has a dynamic type that is not comparable.
func hashOf[K comparable](key K) uint64 { return maphash.Comparable(seed, key) }
