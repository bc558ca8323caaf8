package lincheck

import (
	"math/rand/v2"
	"runtime"
	"sync/atomic"

	"github.com/shardmap-go/shardmap"
)

// A subject is one sort of map under test.
type subject struct {
	name  string
	make  func() target
	full  []int    // numbers of entries at which the map changes its shape
	looks []method // that return the content of the whole map
	wipes []method // that replace it
	large bool     // too large to make one for every history
}

// plain says that this is one of the two simpler implementations.
func (s *subject) plain() bool { return len(s.full) == 1 }

// sizes are those at which a Map grows, and at last splits: six entries, and five for each of 4, 16 and 32 buckets.
var sizes = []int{0, 6, 20, 80, 160}

// subjects returns every sort of map: Map with the hash functions for numbers and for strings, with one that tells no
// keys apart and one that tells four classes of keys apart, and the two other implementations; each with every kind of
// value.
func subjects() []*subject {
	var all []*subject
	all = append(all, subjectsOf(pointers())...)
	all = append(all, subjectsOf(words())...)
	return append(all, subjectsOf(boxes())...)
}

func subjectsOf[V comparable](values codec[V]) []*subject {
	of := func(name string, full []int, make func() target) *subject {
		return &subject{name + " of values of kind " + values.name, make, full,
			[]method{snapshot, snapshot, clone}, []method{clear, replace}, false}
	}
	all := []*subject{
		of("Map[int]", sizes, func() target { return newTyped(new(shardmap.Map[int, V]), intKeys(), values) }),
		of("Map[string]", sizes, func() target { return newTyped(new(shardmap.Map[string, V]), stringKeys(), values) }),
		// A chain of 9 buckets is full with 54 entries; the 55th makes the map move to another hash function.
		of("Map with equal hashes", append([]int{54, 54}, sizes...), hashed(values, 1)),
		of("Map with four hashes", append([]int{216}, sizes...), hashed(values, 4)),
		of("Map with 512 shards", []int{0, 0}, func() target { // whose directory has two levels
			return newTyped(shardmap.New[int, V](shardmap.WithShards(512)), intKeys(), values)
		}),
		of("RWMap", []int{0}, func() target { return newTyped(new(shardmap.RWMap[int, V]), intKeys(), values) }),
		of("AtomicMap", []int{0}, func() target { return newTyped(new(shardmap.AtomicMap[int, V]), intKeys(), values) }),
	}
	large, rw, atomic := all[4], all[5], all[6]
	large.large = true
	rw.looks, rw.wipes = []method{snapshot}, []method{clear} // ToMap
	atomic.looks = []method{snapshot}                        // ToMap, and Update in the place of Replace
	return all
}

// hashed returns a function that makes maps with a hasher which tells only so many classes of keys apart.
//
// The hasher lets other goroutines run now and then. A write asks it before it enters its lane, and after it has looked
// at the directory: others can change the directory in between, and do.
func hashed[V comparable](values codec[V], classes int) func() target {
	hash := func(key int) uint64 {
		if !hasherWasUsed.Load() {
			hasherWasUsed.Store(true)
		}
		if rand.Uint32()%8 == 0 {
			runtime.Gosched()
		}
		return uint64(key % classes)
	}
	return func() target {
		return newTyped(shardmap.New[int, V](shardmap.WithHasher(hash)), intKeys(), values)
	}
}

// hasherWasUsed tells whether a map has called the hasher that it was given, without which the tests of bad hashes would
// be tests of good ones.
var hasherWasUsed atomic.Bool
