package shardmap_test

import (
	"fmt"
	"iter"
	"math/bits"
	"math/rand/v2"
	"os"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/shardmap-go/shardmap"
)

// The contract suite. Every implementation of ConcurrentMap – Map, with every sort of hash, RWMap and AtomicMap –
// walks with every kind of key and every kind of value through random sequences of operations, and has to agree at
// every step with a plain Go map (the model). This file says what is combined; contract_ops_test.go has the walk.
//
// A walk over 32 keys stays within the first shard; one over 5,000 keys makes shards grow, split and, with a hash
// that does not tell keys apart, move to another hash.

var (
	_ shardmap.ConcurrentMap[string, int] = (*shardmap.Map[string, int])(nil)
	_ shardmap.ConcurrentMap[string, int] = (*shardmap.RWMap[string, int])(nil)
	_ shardmap.ConcurrentMap[string, int] = (*shardmap.AtomicMap[string, int])(nil)
)

// testSeed returns the seed of a randomised test and prints it, so that a failure can be had again with
// SHARDMAP_SEED=<seed> go test -run <test>.
func testSeed(t *testing.T) uint64 {
	t.Helper()
	seed := rand.Uint64()
	if s := os.Getenv("SHARDMAP_SEED"); s != "" {
		var err error
		if seed, err = strconv.ParseUint(s, 10, 64); err != nil {
			t.Fatalf("SHARDMAP_SEED=%s: %v", s, err)
		}
	}
	t.Logf("SHARDMAP_SEED=%d", seed)
	return seed
}

func TestContractHoldsForEveryMapKeyAndValue(t *testing.T) {
	suite := &contractSuite{seed: testSeed(t), ran: make(map[string]int)}

	// Every kind of key meets a value that is stored in the entry (int) and one that is boxed (any), every kind of value
	// meets an int and a string. All 64 pairs found nothing that these 28 do not, and took a minute to compile.
	ints := keyKind[int]{"int", func(i int) int { return i - 2 }}
	texts := keyKind[string]{"string", func(i int) string { return strings.Repeat("x", i%37) + strconv.Itoa(i) }}
	acrossValues(t, suite, ints)
	acrossValues(t, suite, texts)
	acrossKeys(t, suite, intValues())
	acrossKeys(t, suite, anyValues())

	suite.requireEveryMethodRan(t)
}

// acrossKeys runs the suite for one kind of value with every kind of key but int and string.
func acrossKeys[V any](t *testing.T, suite *contractSuite, values valueKind[V]) {
	runContract(t, suite, keyKind[nameKey]{"struct{Namespace,Name}", func(i int) nameKey {
		return nameKey{Namespace: strconv.Itoa(i % 7), Name: strconv.Itoa(i / 7)}
	}}, values)
	runContract(t, suite, keyKind[any]{"any", anyKey}, values)
	runContract(t, suite, keyKind[float64]{"float64", func(i int) float64 { return float64(i) / 8 }}, values)
	runContract(t, suite, keyKind[[2]int32]{"[2]int32", func(i int) [2]int32 { return [2]int32{int32(i % 3), int32(-i)} }}, values)
	pointers := pointerTable(largeSpace)
	runContract(t, suite, keyKind[*int]{"*int", func(i int) *int { return pointers[i] }}, values)
	runContract(t, suite, keyKind[mixedKey]{"struct{int8,string,any}", func(i int) mixedKey {
		return mixedKey{A: int8(i), B: strconv.Itoa(i / 256), C: anyKey(i % 5)}
	}}, values)
}

// acrossValues runs the suite for one kind of key with every kind of value.
func acrossValues[K comparable](t *testing.T, suite *contractSuite, keys keyKind[K]) {
	runContract(t, suite, keys, intValues())
	runContract(t, suite, keys, anyValues())
	pointers := pointerTable(6)
	pointers[0] = nil
	runContract(t, suite, keys, valueKind[*int]{name: "*int", count: len(pointers),
		value: func(i int) *int { return pointers[i] }, index: func(v *int) int { return slices.Index(pointers, v) }})
	runContract(t, suite, keys, valueKind[bool]{name: "bool", count: 2,
		value: func(i int) bool { return i == 1 }, index: func(v bool) int { return slices.Index([]bool{false, true}, v) }})
	runContract(t, suite, keys, valueKind[struct{}]{name: "struct{}", count: 1,
		value: func(int) struct{} { return struct{}{} }, index: func(struct{}) int { return 0 }})
	runContract(t, suite, keys, valueKind[triple]{name: "struct{A,B,C int}", count: 6,
		value: func(i int) triple { return triple{i, 2 * i, 3 * i} },
		index: func(v triple) int {
			if v != (triple{v.A, 2 * v.A, 3 * v.A}) {
				return -1 // torn
			}
			return v.A
		}})
	texts := []string{"", "one", "two", "three", "four", "five"}
	runContract(t, suite, keys, valueKind[string]{name: "string", count: len(texts),
		value: func(i int) string { return texts[i] }, index: func(v string) int { return slices.Index(texts, v) }})
	runContract(t, suite, keys, valueKind[[]int]{name: "[]int", count: 6,
		value: func(i int) []int {
			if i == 0 {
				return nil
			}
			return slices.Repeat([]int{i}, i)
		},
		index: func(v []int) int {
			for _, x := range v {
				if x != len(v) {
					return -1
				}
			}
			return len(v)
		},
		uncomparable: func() []int { return []int{1} }})
}

func intValues() valueKind[int] {
	return valueKind[int]{name: "int", count: 6, value: func(i int) int { return -i }, index: func(v int) int { return -v }}
}

func anyValues() valueKind[any] {
	values := []any{nil, 1, "two", triple{3, 3, 3}, 4.0, new(5)}
	return valueKind[any]{name: "any", count: len(values),
		value: func(i int) any { return values[i] },
		index: func(v any) int {
			return slices.IndexFunc(values, func(a any) bool { return reflect.TypeOf(a) == reflect.TypeOf(v) && a == v })
		},
		uncomparable: func() any { return []int{1} }}
}

type (
	nameKey  struct{ Namespace, Name string }
	triple   struct{ A, B, C int }
	mixedKey struct {
		A int8
		B string
		C any
	}
)

// keyKind is one kind of key: key is injective on [0, largeSpace).
type keyKind[K comparable] struct {
	name string
	key  func(i int) K
}

// valueKind is one kind of value: value(0) … value(count-1) are distinct, value(0) is the zero value, index is the
// inverse of value and tells a value that is none of them by an index out of range.
type valueKind[V any] struct {
	name         string
	count        int
	value        func(i int) V
	index        func(v V) int
	uncomparable func() V // if there is one: a value that == panics for
}

// allUncomparable says that no value of this kind can be compared, not even the zero value.
func (k valueKind[V]) allUncomparable() bool { return !reflect.TypeFor[V]().Comparable() }

func pointerTable(n int) []*int {
	table := make([]*int, n)
	for i := range table {
		table[i] = new(i)
	}
	return table
}

func anyKey(i int) any {
	switch i % 6 {
	case 0:
		return i
	case 1:
		return strconv.Itoa(i)
	case 2:
		return float64(i)
	case 3:
		return nameKey{"any", strconv.Itoa(i)}
	case 4:
		return [2]any{i, "array"}
	default:
		if i == 5 {
			return nil
		}
		return uint16(i)
	}
}

// A candidate is one implementation under test, made by one constructor.
type candidate[K comparable, V any] struct {
	name   string
	m      shardmap.ConcurrentMap[K, V]
	hashed *atomic.Uint64 // calls of the hasher given WithHasher, or nil
}

// candidates returns every implementation, empty: Map by every constructor and with every sort of hash, and the others.
func candidates[K comparable, V any]() iter.Seq[candidate[K, V]] {
	good := shardmap.MapHash[K]
	hashers := []struct {
		name string
		hash func(K) uint64
	}{
		{"good", good},
		{"equal", func(K) uint64 { return 0 }},
		{"top3", func(key K) uint64 { return good(key) &^ (1<<61 - 1) }},
		{"bottom3", func(key K) uint64 { return good(key) & 7 }},
		{"reversed", func(key K) uint64 { return bits.Reverse64(good(key) % 4096) }},
	}
	return func(yield func(candidate[K, V]) bool) {
		ok := yield(candidate[K, V]{name: "Map", m: new(shardmap.Map[K, V])}) &&
			yield(candidate[K, V]{name: "Map/shards=8", m: shardmap.New[K, V](shardmap.WithShards(8))}) &&
			yield(candidate[K, V]{name: "Map/shards=600", m: shardmap.New[K, V](shardmap.WithShards(600))}) &&
			yield(candidate[K, V]{name: "Map/capacity=1000", m: shardmap.New[K, V](shardmap.WithCapacity(1000))}) &&
			yield(candidate[K, V]{name: "RWMap", m: new(shardmap.RWMap[K, V])}) &&
			yield(candidate[K, V]{name: "AtomicMap", m: new(shardmap.AtomicMap[K, V])})
		for i := 0; ok && i < len(hashers); i++ {
			h, calls := hashers[i], new(atomic.Uint64)
			counted := shardmap.WithHasher(func(key K) uint64 { calls.Add(1); return h.hash(key) })
			ok = yield(candidate[K, V]{"Map/hash=" + h.name, shardmap.New[K, V](counted), calls}) &&
				yield(candidate[K, V]{"Map/shards=8/hash=" + h.name, shardmap.New[K, V](counted, shardmap.WithShards(8)), calls})
		}
	}
}

const (
	smallSpace = 32
	largeSpace = 5000
)

// contractSuite is what all combinations of one run share.
type contractSuite struct {
	seed uint64
	mu   sync.Mutex
	ran  map[string]int // operations run, by name
}

// size returns the number of keys and of operations of a walk. The race detector has little to find in one
// goroutine, and a write to an AtomicMap takes time in proportion to its keys.
func (s *contractSuite) size(implementation string, large bool) (space, steps int) {
	space, steps = smallSpace, 1000
	if large {
		space, steps = largeSpace, 4000
		if implementation == "AtomicMap" {
			space, steps = 300, 1000
		}
	}
	if testing.Short() || raceDetector {
		steps /= 5
	}
	return space, steps
}

// runContract runs the suite for one kind of key and one kind of value over every implementation.
func runContract[K comparable, V any](t *testing.T, suite *contractSuite, keys keyKind[K], values valueKind[V]) {
	t.Run(fmt.Sprintf("K=%s/V=%s", keys.name, values.name), func(t *testing.T) {
		t.Parallel()
		for c := range candidates[K, V]() {
			checkZeroValueIsPresent(t, c.m, keys, values)
		}
		for _, large := range []bool{false, true} {
			for c := range candidates[K, V]() {
				space, steps := suite.size(c.name, large)
				w := newWalk(t, suite, c, keys, values, space)
				w.run(steps)
				w.requireHasherWasUsed(c.hashed)
				w.requireInvariants(true) // which calls the hasher, too
			}
		}
	})
}

// checkZeroValueIsPresent: the second result alone says whether a key is present, never the value.
func checkZeroValueIsPresent[K comparable, V any](t *testing.T, m shardmap.ConcurrentMap[K, V], keys keyKind[K], values valueKind[V]) {
	key, zero, other := keys.key(3), values.value(0), values.value(values.count-1)
	check := func(what string, got V, present, wantPresent bool) {
		t.Helper()
		if values.index(got) != 0 || present != wantPresent {
			t.Fatalf("%T: %s = %v, %v, want the zero value, %v", m, what, got, present, wantPresent)
		}
	}
	checkLen := func(want int) {
		t.Helper()
		n := 0
		for range m.All() {
			n++
		}
		if m.Len() != want || n != want {
			t.Fatalf("%T: Len() = %d and All shows %d entries, want %d", m, m.Len(), n, want)
		}
	}
	value, ok := m.Load(key)
	check("Load of an absent key", value, ok, false)
	value, ok = m.LoadAndDelete(key)
	check("LoadAndDelete of an absent key", value, ok, false)
	if !values.allUncomparable() && (m.CompareAndSwap(key, zero, other) || m.CompareAndDelete(key, zero)) {
		t.Fatalf("%T: an absent key was taken for one with the zero value", m)
	}
	checkLen(0)
	value, ok = m.Swap(key, zero)
	check("Swap of an absent key", value, ok, false)
	value, ok = m.Load(key)
	check("Load of a stored zero value", value, ok, true)
	value, ok = m.LoadOrStore(key, other)
	check("LoadOrStore over a stored zero value", value, ok, true)
	value, ok, _ = m.LoadOrCompute(key, func() (V, error) { return other, nil })
	check("LoadOrCompute over a stored zero value", value, ok, true)
	value, ok = m.Swap(key, zero)
	check("Swap of a stored zero value", value, ok, true)
	value, ok = m.Compute(key, func(V, bool) (V, shardmap.Op) { return other, shardmap.Keep })
	check("Compute that keeps a stored zero value", value, ok, true)
	checkLen(1)
	value, ok = m.LoadAndDelete(key)
	check("LoadAndDelete of a stored zero value", value, ok, true)
	checkLen(0)
}

// requireEveryMethodRan demands that the walks took every method of the interface at least once.
func (s *contractSuite) requireEveryMethodRan(t *testing.T) {
	t.Cleanup(func() { // after the parallel subtests
		if t.Failed() {
			return
		}
		methods := reflect.TypeFor[shardmap.ConcurrentMap[int, int]]()
		for i := range methods.NumMethod() {
			if name := methods.Method(i).Name; s.ran[name] == 0 {
				t.Errorf("no walk has called %s", name)
			}
		}
		for _, name := range []string{"Snapshot", "Clone", "Shrink", "Replace", "Update"} {
			if s.ran[name] == 0 {
				t.Errorf("no walk has called %s", name)
			}
		}
	})
}
