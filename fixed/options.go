package fixed

import (
	"fmt"
	"math/bits"
	"runtime"
)

// An Option sets up a [Map] in [New].
type Option func(*config)

type config struct {
	shards int
	hasher any // nil, or a func(K) uint64
}

const (
	maxShards = 1 << 16

	// maxCapacity is 2³⁰, or 2²⁶ where an int has 32 bits; a slot is known by 32 bits.
	maxCapacity = 1 << (26 + 4*(bits.UintSize/64))

	// minShare is the number of slots below which it is not worth while to have another shard by default. Chosen by
	// hand, not measured.
	minShare = 16
)

// WithShards sets the number of shards, rounded up to a power of two; there are four for each processor that Go may
// use (GOMAXPROCS) otherwise, and fewer if the capacity is small. More shards let more writers in at once. New panics
// if n is not between 1 and 65,536.
func WithShards(n int) Option {
	return func(c *config) {
		if n < 1 || n > maxShards {
			panic(fmt.Sprintf("fixed: WithShards(%d): want 1 to %d", n, maxShards))
		}
		c.shards = n
	}
}

// WithHasher makes the map hash its keys with hash instead of [hash/maphash.Comparable] with a secret seed. Keys that
// are equal must have equal hashes, always. The bits of the result are mixed once more with a secret number, so that
// hash only has to tell keys apart. Where it does not, the map still works, but looks at all keys of the same hash
// one by one.
//
// hash is called once by every operation on a key, with no lock held. It may panic: the operation has not happened
// then. New panics if hash is nil or takes keys of another type than the map's.
func WithHasher[K comparable](hash func(K) uint64) Option {
	return func(c *config) { c.hasher = hash }
}

func newConfig(capacity int, opts []Option) config {
	if capacity < 0 || capacity > maxCapacity {
		panic(fmt.Sprintf("fixed: New(%d): want a capacity of 0 to %d", capacity, maxCapacity))
	}
	c := config{shards: min(4*runtime.GOMAXPROCS(0), max(1, capacity/minShare), maxShards)}
	for _, o := range opts {
		o(&c)
	}
	c.shards = ceilPowerOfTwo(c.shards)
	return c
}

// hasherFor returns the hasher that the options ask for, or nil. It panics if that is not one for keys of type K.
func hasherFor[K comparable](c *config) func(K) uint64 {
	if c.hasher == nil {
		return nil
	}
	hash, ok := c.hasher.(func(K) uint64)
	if !ok {
		panic(fmt.Sprintf("fixed: WithHasher(%T): want a %T, for the map's keys", c.hasher, hash))
	}
	if hash == nil {
		panic("fixed: WithHasher(nil): want a function")
	}
	return hash
}

// ceilPowerOfTwo returns the smallest power of two that is not less than n, for n >= 1.
func ceilPowerOfTwo(n int) int { return 1 << bits.Len(uint(n-1)) }
