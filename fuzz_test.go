package shardmap_test

import (
	"fmt"
	"hash/maphash"
	"math"
	"math/bits"
	"strconv"
	"strings"
	"testing"

	"github.com/shardmap-go/shardmap"
)

// Fuzzing of the maps. The bytes of an input are a program: a header that says which map to make, then operations with
// their arguments, each of which is done to the map and to a Go map, the model, and has to have the same outcome. This
// file says what a program is, fuzz_run_test.go how it is run, and the others what its operations do.
//
// All inputs are valid: a choice of n is made by a byte modulo n, and missing bytes are zero. Operations on runs of
// keys fill and empty whole shards at the cost of five bytes.
//
// An input finds the same maps again if the keys are strings, whose hashes have no seed. The hashes of other keys
// differ from run to run, and with them the shards and buckets that the keys are in.

func FuzzMap(f *testing.F)       { fuzzMaps(f, fuzzSharded) }
func FuzzSnapshot(f *testing.F)  { fuzzMaps(f, fuzzSnapshots) }
func FuzzAtomicMap(f *testing.F) { fuzzMaps(f, fuzzAtomic) }
func FuzzRWMap(f *testing.F)     { fuzzMaps(f, fuzzLocked) }

// A fuzzTarget says which map is fuzzed and with which operations.
type fuzzTarget int

const (
	fuzzSharded   fuzzTarget = iota // a Map, with everything it can do
	fuzzSnapshots                   // a Map, with little more than runs of writes, snapshots and what is similar
	fuzzAtomic                      // an AtomicMap
	fuzzLocked                      // an RWMap
)

func fuzzMaps(f *testing.F, target fuzzTarget) {
	for _, program := range fuzzSeeds(target) {
		f.Add(program)
	}
	f.Fuzz(func(t *testing.T, program []byte) {
		in := &fuzzInput{program}
		switch in.pick(5) {
		case 0:
			fuzzValues(t, in, target, keyKind[string]{"string", fuzzString})
		case 1:
			fuzzValues(t, in, target, keyKind[int]{"int", func(i int) int { return i - 2 }})
		case 2:
			fuzzValues(t, in, target, keyKind[nameKey]{"struct{Namespace,Name}", func(i int) nameKey {
				return nameKey{Namespace: strconv.Itoa(i % 7), Name: strconv.Itoa(i / 7)}
			}})
		case 3:
			fuzzValues(t, in, target, keyKind[any]{"any", anyKey})
		default:
			fuzzValues(t, in, target, keyKind[float64]{"float64", fuzzFloat})
		}
	})
}

func fuzzString(i int) string { return strings.Repeat("x", i%37) + strconv.Itoa(i) }

// fuzzFloat returns +0 and -0 for 0 and 1, which is one key, and for one i in 32 a NaN, which is a key of its own each
// time. The model is a Go map, and treats both as the maps should.
func fuzzFloat(i int) float64 {
	switch {
	case i == 1:
		return math.Copysign(0, -1)
	case i%32 == 31:
		return math.NaN()
	}
	return float64(i) / 8
}

// fuzzValues runs the rest of a program with one of three kinds of value: one that is stored in the entry as a pointer,
// one as a word, and one that is boxed.
func fuzzValues[K comparable](t *testing.T, in *fuzzInput, target fuzzTarget, keys keyKind[K]) {
	switch in.pick(3) {
	case 0:
		fuzzOne(t, in, target, keys, fuzzWord)
	case 1:
		fuzzOne(t, in, target, keys, func(b byte) *int { return fuzzPointers[b] })
	default:
		fuzzOne(t, in, target, keys, func(b byte) triple { return triple{int(b), 2 * int(b), 3 * int(b)} })
	}
}

// fuzzWord spreads its 256 values over all of uint64, the smallest and the largest included.
func fuzzWord(b byte) uint64 {
	if b == math.MaxUint8 {
		return math.MaxUint64
	}
	return bits.RotateLeft64(uint64(b), int(b))
}

var fuzzPointers = func() []*int {
	pointers := pointerTable(256)
	pointers[0] = nil
	return pointers
}()

// fuzzOne makes the map that the rest of the header describes, and runs the program.
func fuzzOne[K, V comparable](t *testing.T, in *fuzzInput, target fuzzTarget, keys keyKind[K], value func(byte) V) {
	hash, size, spread := in.pick(3), in.pick(4), 1
	if in.pick(2) == 1 && target != fuzzAtomic { // each write of an AtomicMap takes time in proportion to its keys
		spread = 8
	}
	r := &fuzzRun[K, V]{t: t, in: in, key: keys.key, spread: spread, value: value, model: make(map[K]V)}
	switch target {
	case fuzzAtomic:
		r.name, r.fresh = "AtomicMap", func() fuzzedMap[K, V] { return new(shardmap.AtomicMap[K, V]) }
	case fuzzLocked:
		r.name, r.fresh = "RWMap", func() fuzzedMap[K, V] { return new(shardmap.RWMap[K, V]) }
	default:
		var names []string
		var options []shardmap.Option
		switch size {
		case 1:
			names, options = append(names, "shards=8"), append(options, shardmap.WithShards(8))
		case 2: // more than one page of the directory has room for
			names, options = append(names, "shards=300"), append(options, shardmap.WithShards(300))
		case 3:
			names, options = append(names, "capacity=1000"), append(options, shardmap.WithCapacity(1000))
		}
		seed := maphash.MakeSeed()
		switch hash {
		case 1:
			names = append(names, "hash=equal")
			options = append(options, shardmap.WithHasher(func(K) uint64 { r.hashed++; return 42 }))
		case 2:
			names = append(names, "hash=bottom3")
			options = append(options, shardmap.WithHasher(func(key K) uint64 {
				r.hashed++
				return maphash.Comparable(seed, key) & 7
			}))
		}
		r.hash = fuzzHash(hash)
		r.name = strings.Join(append([]string{"Map"}, names...), "/")
		r.fresh = func() fuzzedMap[K, V] { return shardmap.New[K, V](options...) }
	}
	r.name += fmt.Sprintf("[%s, %T]", keys.name, value(0))
	r.m = r.fresh()
	r.run(fuzzOperations[K, V](target))
}

// A fuzzHash is what a map hashes its keys with.
type fuzzHash int

const (
	fuzzBuiltIn fuzzHash = iota
	fuzzEqual            // one hash for all keys
	fuzzBottom3          // eight hashes for all keys
)

// A fuzzInput is what is left of the bytes of an input.
type fuzzInput struct{ data []byte }

func (in *fuzzInput) byte() byte {
	if len(in.data) == 0 {
		return 0
	}
	b := in.data[0]
	in.data = in.data[1:]
	return b
}

func (in *fuzzInput) pick(n int) int { return int(in.byte()) % n }
