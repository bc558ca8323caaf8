package fixed_test

import (
	"fmt"
	"math/rand/v2"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/shardmap-go/shardmap"
	"github.com/shardmap-go/shardmap/fixed"
)

// A table is what the benchmarks need of a map. Values are of three words, so that they do not fit an interface.
type table[K comparable] interface {
	Load(key K) (triple, bool)
	store(key K, value triple)
	Delete(key K)
}

type fixedTable[K comparable] struct{ *fixed.Map[K, triple] }

func (m fixedTable[K]) store(key K, value triple) {
	if err := m.Store(key, value); err != nil {
		panic(err)
	}
}

type shardTable[K comparable] struct{ *shardmap.Map[K, triple] }

func (m shardTable[K]) store(key K, value triple) { m.Store(key, value) }

// goTable is a Go map with room for all, behind a lock.
type goTable[K comparable] struct {
	mu sync.RWMutex
	m  map[K]triple
}

func (m *goTable[K]) Load(key K) (triple, bool) {
	m.mu.RLock()
	defer m.mu.RUnlock()
	value, ok := m.m[key]
	return value, ok
}

func (m *goTable[K]) store(key K, value triple) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.m[key] = value
}

func (m *goTable[K]) Delete(key K) {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.m, key)
}

type syncTable[K comparable] struct{ m sync.Map }

func (m *syncTable[K]) Load(key K) (value triple, ok bool) {
	v, ok := m.m.Load(key)
	if ok {
		value = v.(triple)
	}
	return value, ok
}

func (m *syncTable[K]) store(key K, value triple) { m.m.Store(key, value) }
func (m *syncTable[K]) Delete(key K)              { m.m.Delete(key) }

func BenchmarkFixed(b *testing.B) {
	for _, n := range []int{1_000, 100_000} {
		benchmark(b, "int", n, func(i int) int { return i * 7919 })
		benchmark(b, "string", n, func(i int) string { return "key-" + strconv.Itoa(i*7919) })
	}
}

// benchmark measures each map, three quarters full: loads and updates of present keys, and a deletion with an insert.
func benchmark[K comparable](b *testing.B, kind string, n int, key func(i int) K) {
	keys := make([]K, n)
	for i := range keys {
		keys[i] = key(i)
	}
	rand.Shuffle(n, func(i, j int) { keys[i], keys[j] = keys[j], keys[i] })
	for _, im := range []struct {
		name string
		m    table[K]
	}{
		{"fixed", fixedTable[K]{fixed.New[K, triple](n)}},
		{"Map", shardTable[K]{shardmap.New[K, triple](shardmap.WithCapacity(n))}},
		{"go+RWMutex", &goTable[K]{m: make(map[K]triple, n)}},
		{"sync.Map", new(syncTable[K])},
	} {
		present := keys[:n/4*3]
		for i, k := range present {
			im.m.store(k, triple{a: i})
		}
		for _, op := range []struct {
			name string
			run  func(key K, i int)
		}{
			{"hit", func(key K, _ int) { im.m.Load(key) }},
			{"update", func(key K, i int) { im.m.store(key, triple{a: i}) }},
			{"delete+insert", func(key K, i int) { im.m.Delete(key); im.m.store(key, triple{a: i}) }},
		} {
			b.Run(fmt.Sprintf("impl=%s/op=%s/keys=%s/n=%d", im.name, op.name, kind, n), func(b *testing.B) {
				b.ReportAllocs()
				var workers atomic.Int32
				b.RunParallel(func(pb *testing.PB) {
					at := int(workers.Add(1)) * len(present) / 16 // each begins somewhere else
					for i := 0; pb.Next(); i++ {
						op.run(present[(at+i)%len(present)], i)
					}
				})
			})
		}
	}
}

// BenchmarkFullMap shows what it costs to be told ErrFull.
func BenchmarkFullMap(b *testing.B) {
	const n = 10_000
	m := fixed.New[int, int](n)
	for i := range n {
		if err := m.Store(i, i); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportAllocs()
	b.ResetTimer()
	for i := range b.N {
		_ = m.Store(n+i, i)
	}
}
