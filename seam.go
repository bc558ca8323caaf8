//go:build !explore

package shardmap

import (
	"hash/maphash"
	"math/rand/v2"
)

// exploring is 1 when the schedules of small maps are explored (see internal/sched), and 0 in every normal build. With
// it, sizes are such that a handful of entries gets everywhere: into overflow buckets, splits, pages, a flood.
const exploring = 0

// random returns what must not repeat: seeds and tombstones. When exploring it must.
func random() uint64 { return rand.Uint64() }

// secretHash returns a hash function that nobody can foresee.
func secretHash[K comparable]() func(K) uint64 {
	seed := maphash.MakeSeed()
	return func(key K) uint64 { return maphash.Comparable(seed, key) }
}
