package fixed_test

import (
	"errors"
	"maps"
	"math/rand/v2"
	"os"
	"strconv"
	"testing"

	"github.com/shardmap-go/shardmap/fixed"
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

type (
	name   struct{ space, name string }
	triple struct{ a, b, c int }
)

// A sort is a sort of keys and values. Both functions are injective on the numbers that are used.
type sort[K, V comparable] struct {
	key   func(n int) K
	value func(n int) V
}

// TestMapDoesWhatTheModelDoes takes maps of several capacities, with more or fewer shards, and with hashes that tell
// all, some or no keys apart, through random operations, side by side with a Go map.
func TestMapDoesWhatTheModelDoes(t *testing.T) {
	seed := testSeed(t)
	number := func(n int) int { return n - 3 }
	text := func(n int) string { return "text-" + strconv.Itoa(n) }
	t.Run("K=int/V=triple", func(t *testing.T) {
		testModel(t, seed, sort[int, triple]{number, func(n int) triple { return triple{n, 2 * n, 3 * n} }})
	})
	t.Run("K=string/V=any", func(t *testing.T) {
		testModel(t, seed, sort[string, any]{text, func(n int) any { return []any{nil, n, text(n)}[n%3] }})
	})
	t.Run("K=struct/V=*int", func(t *testing.T) {
		values := make([]*int, 10_000)
		for i := range values[1:] {
			values[i+1] = new(i)
		}
		testModel(t, seed, sort[name, *int]{func(n int) name { return name{text(n % 7), text(n / 7)} },
			func(n int) *int { return values[n%len(values)] }})
	})
	t.Run("K=any/V=struct{}", func(t *testing.T) {
		testModel(t, seed, sort[any, struct{}]{func(n int) any { return []any{n, text(n), float64(n), triple{a: n}}[n%4] },
			func(n int) struct{} { return struct{}{} }})
	})
}

func testModel[K, V comparable](t *testing.T, seed uint64, s sort[K, V]) {
	numbers := make(map[K]int)
	for i := range 20_000 {
		numbers[s.key(i)] = i
	}
	for name, opts := range map[string][]fixed.Option{
		"hash=good":            nil,
		"hash=good/shards=1":   {fixed.WithShards(1)},
		"hash=good/shards=100": {fixed.WithShards(100)},
		"hash=equal":           {fixed.WithHasher(func(K) uint64 { return 7 })},
		"hash=equal/shards=64": {fixed.WithHasher(func(K) uint64 { return 7 }), fixed.WithShards(64)},
		"hash=10":              {fixed.WithHasher(func(key K) uint64 { return uint64(numbers[key] % 10) }), fixed.WithShards(16)},
	} {
		for _, capacity := range []int{0, 1, 2, 7, 64, 65, 300} {
			m := fixed.New[K, V](capacity, opts...)
			w := &walk[K, V]{t, s, m, make(map[K]V), rand.New(rand.NewPCG(seed, uint64(capacity))), name}
			w.run(20 + 6*capacity)
		}
	}
}

// A walk is a random sequence of operations on a Map and its model.
type walk[K, V comparable] struct {
	*testing.T
	sort[K, V]
	m     *fixed.Map[K, V]
	model map[K]V
	rng   *rand.Rand
	name  string
}

func (w *walk[K, V]) run(steps int) {
	for phase := range 4 { // by turns more inserts and more deletions; the space of keys is larger than the capacity
		for range steps {
			w.step(phase%2 == 0)
		}
		w.requireContent()
		if phase == 1 {
			w.m.Clear()
			clear(w.model)
			w.requireContent()
		}
	}
}

func (w *walk[K, V]) check(what string, key K, got, want any) {
	if w.Helper(); got != want {
		w.Fatalf("%s, capacity %d: %s(%v) = %v, want %v", w.name, w.m.Cap(), what, key, got, want)
	}
}

// A result is what an operation returns.
type result[V comparable] struct {
	value V
	ok    bool
	err   error
}

func (w *walk[K, V]) step(growing bool) {
	key, value := w.key(w.rng.IntN(w.m.Cap()+w.m.Cap()/3+3)), w.value(w.rng.IntN(1000))
	old, present := w.model[key]
	was := result[V]{old, present, nil}
	full := !present && len(w.model) == w.m.Cap()
	operation := w.rng.IntN(6)
	if !growing {
		operation += 4
	}
	var got result[V]
	switch operation {
	case 0, 1:
		got.value, got.ok, got.err = w.m.Swap(key, value)
		w.check("Swap", key, got, w.stored(was, full))
	case 2:
		err := w.m.Store(key, value)
		w.check("Store", key, err, w.stored(was, full).err)
	case 3, 4:
		got.value, got.ok, got.err = w.m.LoadOrStore(key, value)
		want := w.stored(was, full)
		if !present && !full {
			want.value = value
		}
		w.check("LoadOrStore", key, got, want)
		if present {
			return
		}
	case 5:
		if w.rng.IntN(2) > 0 {
			old = w.value(w.rng.IntN(1000))
		}
		swap := present && old == w.model[key]
		w.check("CompareAndSwap", key, w.m.CompareAndSwap(key, old, value), swap)
		if !swap {
			return
		}
	case 6:
		if w.rng.IntN(2) > 0 {
			old = w.value(w.rng.IntN(1000))
		}
		match := present && old == w.model[key]
		w.check("CompareAndDelete", key, w.m.CompareAndDelete(key, old), match)
		if match {
			delete(w.model, key)
		}
	case 7:
		w.m.Delete(key)
		delete(w.model, key)
	default:
		got.value, got.ok = w.m.LoadAndDelete(key)
		w.check("LoadAndDelete", key, got, was)
		delete(w.model, key)
	}
	if operation < 6 && !full {
		w.model[key] = value
	}
	got = result[V]{}
	got.value, got.ok = w.m.Load(key)
	now, is := w.model[key]
	w.check("Load", key, got, result[V]{now, is, nil})
	w.check("Len after", key, w.m.Len(), len(w.model))
}

// stored returns what an operation that stores says.
func (w *walk[K, V]) stored(was result[V], full bool) result[V] {
	if full {
		was.err = fixed.ErrFull
	}
	return was
}

func (w *walk[K, V]) requireContent() {
	w.Helper()
	seen := make(map[K]V)
	for key, value := range w.m.All() {
		if _, twice := seen[key]; twice {
			w.Fatalf("%s, capacity %d: Range shows %v twice", w.name, w.m.Cap(), key)
		}
		seen[key] = value
	}
	if !maps.Equal(seen, w.model) {
		w.Fatalf("%s, capacity %d: Range shows %v, want %v", w.name, w.m.Cap(), seen, w.model)
	}
}

// As many entries as the capacity fit, whatever the number of shards and however the keys are hashed, and no more;
// and again after some of them have been deleted.
func TestExactlyTheCapacityFits(t *testing.T) {
	rng := rand.New(rand.NewPCG(testSeed(t), 1))
	equal := fixed.WithHasher(func(int) uint64 { return 7 })
	few := fixed.WithHasher(func(key int) uint64 { return uint64(key % 3) })
	for _, c := range []struct {
		capacities []int
		opts       []fixed.Option
	}{
		{[]int{0, 1, 63, 64, 65, 1000, 4096, 4097, 20_000}, nil},
		{[]int{0, 1, 63, 64, 65, 1000, 4096, 4097, 20_000}, []fixed.Option{fixed.WithShards(1)}},
		{[]int{0, 1, 65, 1000, 1025, 20_000}, []fixed.Option{fixed.WithShards(1 << 9)}},
		{[]int{0, 1, 65, 700}, []fixed.Option{equal, fixed.WithShards(1)}},
		{[]int{0, 1, 65, 700}, []fixed.Option{equal, fixed.WithShards(32)}},
		{[]int{0, 1, 65, 1000}, []fixed.Option{few, fixed.WithShards(32)}},
	} {
		for _, capacity := range c.capacities {
			m := fixed.New[int, int](capacity, c.opts...)
			next := 0
			for range 3 {
				for n := m.Len(); n < capacity; n++ {
					if err := m.Store(next, next); err != nil {
						t.Fatalf("capacity %d: Store says %v with %d entries", capacity, err, n)
					}
					next++
				}
				requireFull(t, m, next)
				for key := range m.All() {
					if rng.IntN(3) > 0 {
						m.Delete(key)
					}
				}
			}
		}
	}
}

// requireFull: a full map refuses the new key, keeps what it has, and lets it be updated.
func requireFull(t *testing.T, m *fixed.Map[int, int], absent int) {
	t.Helper()
	before := maps.Collect(m.All())
	if len(before) != m.Cap() || m.Len() != m.Cap() {
		t.Fatalf("%d entries, Len %d, want %d", len(before), m.Len(), m.Cap())
	}
	_, loaded, err := m.LoadOrStore(absent, 1)
	_, swapped, err2 := m.Swap(absent, 1)
	if err3 := m.Store(absent, 1); !errors.Is(err, fixed.ErrFull) || err2 != err || err3 != err || loaded || swapped {
		t.Fatalf("a full map says %v, %v, %v", err, err2, err3)
	}
	if _, ok := m.Load(absent); ok || !maps.Equal(maps.Collect(m.All()), before) {
		t.Fatal("what was refused has changed the map")
	}
	for key, value := range before {
		if err := m.Store(key, value+1); err != nil {
			t.Fatalf("update in a full map: %v", err)
		}
		if v, loaded, err := m.LoadOrStore(key, 0); v != value+1 || !loaded || err != nil {
			t.Fatalf("LoadOrStore of a present key in a full map: %d, %v, %v", v, loaded, err)
		}
		if !m.CompareAndSwap(key, value+1, value) {
			t.Fatalf("CompareAndSwap in a full map fails")
		}
	}
}

func TestTheDefaultNumberOfShardsSuitsTheCapacity(t *testing.T) {
	for _, capacity := range []int{0, 1, 15, 100, 1 << 16} { // none may panic or divide by zero
		m := fixed.New[string, string](capacity)
		if m.Cap() != capacity || m.Len() != 0 {
			t.Errorf("New(%d): Cap %d, Len %d", capacity, m.Cap(), m.Len())
		}
		if err := m.Store("a", "b"); (err != nil) != (capacity == 0) {
			t.Errorf("New(%d): Store says %v", capacity, err)
		}
	}
}
