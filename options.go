package shardmap

import (
	"fmt"
	"hash/maphash"
	"math/bits"
	"reflect"
)

// An Option sets up a [Map] in [New].
type Option func(*config)

// config collects what the options ask for; New checks it as a whole.
type config struct {
	shards   int
	capacity int
	hasher   any // nil, or a func(K) uint64
	hasHash  bool
	hasShard bool
}

const (
	maxShards = 1 << 16 // one shard of 2.25 KiB each: 147 MB; more is a mistake in the caller's arithmetic

	// maxCapacity is 2³⁰, or 2²⁶ where an int has 32 bits: 24 and 1.5 GB of empty shards.
	maxCapacity = 1 << (26 + 4*(bits.UintSize/64))
)

// WithShards sets the number of shards to start with, rounded up to a power of two. A map starts with one shard
// otherwise, and splits its shards as they fill or are fought over; WithShards is for maps that are known to be
// written by many goroutines from the first moment on. Each shard costs 2.25 KiB.
//
// New panics if n is not between 1 and 65,536.
func WithShards(n int) Option {
	return func(c *config) { c.shards, c.hasShard = n, true }
}

// WithCapacity makes room for n entries in advance, so that hardly any of the first n inserts has to split a shard.
// The room is not kept through [Map.Clear] or [Map.Shrink].
//
// The room costs about 22 bytes for each of the n entries, at once. New panics if n is negative, or above 1,073,741,824
// (67,108,864 on 32-bit machines); a map can grow larger than that.
func WithCapacity(n int) Option {
	return func(c *config) { c.capacity = n }
}

// WithHasher makes the map hash its keys with hash instead of the built-in function for their type. Keys that are
// equal must have equal hashes, always. The map mixes the bits of the result once more, so hash need not be a good
// hash function; it only has to tell keys apart. Where it does not – more than about fifty keys in one bucket, with
// far fewer expected – the map leaves it for a seeded [hash/maphash], once and for good (see Stats.Rehashes).
//
// hash is called by every operation on a key, with no lock held; again for the keys of a shard that grows or splits, with
// that shard's lock held; and for all keys by Shrink and whatever else moves the whole map, with all writers waiting: it
// must not use the map. If it panics, the insert or the move that called it has not happened, and no lock is held.
//
// New panics if hash is nil or takes keys of another type than the map's.
func WithHasher[K comparable](hash func(K) uint64) Option {
	return func(c *config) { c.hasher, c.hasHash = hash, true }
}

// MapHash returns the hash of key by [hash/maphash] with a seed that this process keeps secret. It is meant for
// [WithHasher]:
//
//	shardmap.New[string, int](shardmap.WithHasher(shardmap.MapHash[string]))
//
// Nobody can foresee it, so that no choice of keys makes a map slow, not even once, as an attack on XXH64 does until
// the map has noticed. And with strings of more than 32 bytes it is faster than XXH64 on processors with AES instructions: a
// lookup of 64 bytes takes 18 ns instead of 20, one of 256 bytes 26 instead of 37. With shorter ones it is slower: 16 instead of
// 13 ns with 24 bytes (BenchmarkStringKeys).
//
// It allocates nothing, but for keys that are or hold interfaces. It panics if key holds a dynamic value that is not
// comparable. The hash of a NaN is random.
func MapHash[K comparable](key K) uint64 { return maphash.Comparable(anySeed, key) }

// check panics with a sentence that names the first bad option and its value.
func (c *config) check() {
	if c.hasShard && (c.shards < 1 || c.shards > maxShards) {
		panic(fmt.Sprintf("shardmap: WithShards(%d): want 1 to %d", c.shards, maxShards))
	}
	if c.capacity < 0 || c.capacity > maxCapacity {
		panic(fmt.Sprintf("shardmap: WithCapacity(%d): want 0 to %d", c.capacity, maxCapacity))
	}
}

// hasherFor returns the hasher that the options ask for, or nil. It panics if that is not one for keys of type K.
func hasherFor[K comparable](c *config) func(K) uint64 {
	if !c.hasHash {
		return nil
	}
	hash, ok := c.hasher.(func(K) uint64)
	if !ok {
		panic(fmt.Sprintf("shardmap: WithHasher(%T): the map's keys are %v", c.hasher, reflect.TypeFor[K]()))
	}
	if hash == nil {
		panic("shardmap: WithHasher(nil): want a function")
	}
	return hash
}

// ceilLog2 returns the smallest d with 1<<d >= n, for n >= 1.
func ceilLog2(n uint64) uint8 { return uint8(bits.Len64(n - 1)) }
