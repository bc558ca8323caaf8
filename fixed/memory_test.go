package fixed_test

import (
	"reflect"
	"runtime"
	"strconv"
	"sync/atomic"
	"testing"

	"github.com/shardmap-go/shardmap/fixed"
)

// No operation allocates, in a map with room and in a full one, for keys and values of any sort.
func TestNothingAllocates(t *testing.T) {
	text := func(n int) string { return "text-" + strconv.Itoa(n) }
	t.Run("int/int", func(t *testing.T) {
		testAllocs(t, func(n int) int { return n }, func(n int) int { return n })
	})
	t.Run("string/string", func(t *testing.T) { testAllocs(t, text, text) })
	t.Run("struct/triple", func(t *testing.T) {
		testAllocs(t, func(n int) name { return name{"space", text(n)} }, func(n int) triple { return triple{n, n, n} })
	})
	t.Run("any/any", func(t *testing.T) {
		testAllocs(t, func(n int) any { return text(n) }, func(n int) any { return triple{a: n} })
	})
	t.Run("pointer/pointer", func(t *testing.T) {
		testAllocs(t, func(n int) *int { return &n }, func(n int) *triple { return &triple{a: n} })
	})
	t.Run("float/1024 bytes", func(t *testing.T) {
		testAllocs(t, func(n int) float64 { return float64(n) }, func(n int) [1024]byte { return [1024]byte{byte(n)} })
	})
	t.Run("float/4000 bytes", func(t *testing.T) { // but for comparisons, see the package comment
		testAllocs(t, func(n int) float64 { return float64(n) }, func(n int) [4000]byte { return [4000]byte{byte(n)} })
	})
}

func testAllocs[K, V comparable](t *testing.T, key func(n int) K, value func(n int) V) {
	const capacity = 100
	compare := reflect.TypeFor[V]().Size() <= 1024
	keys, values := make([]K, 2*capacity), make([]V, 3)
	for i := range keys {
		keys[i] = key(i)
	}
	for i := range values {
		values[i] = value(i)
	}
	first := keys[0]
	for what, opts := range map[string][]fixed.Option{
		"built in":   nil,
		"one shard":  {fixed.WithShards(1)},
		"all equal":  {fixed.WithShards(16), fixed.WithHasher(func(K) uint64 { return 0 })},
		"two hashes": {fixed.WithShards(16), fixed.WithHasher(func(k K) uint64 { return oneIf(k == first) })},
	} {
		m := fixed.New[K, V](capacity, opts...)
		pin := func(operation string, f func(i int)) {
			t.Helper()
			i := 0
			if n := testing.AllocsPerRun(2*capacity, func() { f(i % len(keys)); i++ }); n != 0 {
				t.Errorf("hash %s: %s allocates %v times, with %d of %d entries", what, operation, n, m.Len(), capacity)
			}
		}
		for range 2 {
			pin("Store", func(i int) { _ = m.Store(keys[i], values[0]) }) // new, present, and in the second half refused
			pin("Swap", func(i int) { m.Swap(keys[i], values[1]) })
			pin("Load", func(i int) { m.Load(keys[i]) })
			pin("LoadOrStore", func(i int) { m.LoadOrStore(keys[i], values[0]) })
			if compare {
				pin("CompareAndSwap", func(i int) { m.CompareAndSwap(keys[i], values[1], values[2]) })
			}
			pin("Range", func(int) { m.Range(func(K, V) bool { return true }) })
			pin("All", func(int) {
				for range m.All() {
				}
			})
			pin("Len", func(int) { m.Len() })
			if compare {
				pin("CompareAndDelete", func(i int) { m.CompareAndDelete(keys[i], values[i%3]) })
			}
			pin("LoadAndDelete and LoadOrStore", func(i int) {
				m.LoadAndDelete(keys[i])
				m.LoadOrStore(keys[i], values[0])
			})
			pin("Delete", func(i int) { m.Delete(keys[i]) })
			pin("Store and Clear", func(i int) {
				_ = m.Store(keys[i], values[0])
				m.Clear()
			})
		}
	}
}

func oneIf(b bool) uint64 {
	if b {
		return 1
	}
	return 0
}

// watched makes objects and counts those that have been collected.
type watched struct{ made, collected atomic.Int32 }

func (w *watched) make() *[64]byte {
	p := new([64]byte)
	w.made.Add(1)
	runtime.AddCleanup(p, func(struct{}) { w.collected.Add(1) }, struct{}{})
	return p
}

// requireAllCollected collects garbage until all objects are gone.
func (w *watched) requireAllCollected(t *testing.T, what string) {
	t.Helper()
	for range 1000 {
		if runtime.GC(); w.collected.Load() == w.made.Load() {
			return
		}
		runtime.Gosched()
	}
	t.Errorf("%s: %d of %d objects have been collected", what, w.collected.Load(), w.made.Load())
}

func TestDeletedAndReplacedKeysAndValuesAreCollected(t *testing.T) {
	const capacity = 60
	for what, drop := range map[string]func(m *fixed.Map[*[64]byte, *[64]byte], key *[64]byte){
		"Delete":        func(m *fixed.Map[*[64]byte, *[64]byte], key *[64]byte) { m.Delete(key) },
		"LoadAndDelete": func(m *fixed.Map[*[64]byte, *[64]byte], key *[64]byte) { m.LoadAndDelete(key) },
		"CompareAndDelete": func(m *fixed.Map[*[64]byte, *[64]byte], key *[64]byte) {
			value, _ := m.Load(key)
			m.CompareAndDelete(key, value)
		},
		"Clear": func(m *fixed.Map[*[64]byte, *[64]byte], _ *[64]byte) { m.Clear() },
	} {
		for _, opts := range [][]fixed.Option{nil, {fixed.WithShards(8), fixed.WithHasher(func(*[64]byte) uint64 { return 0 })}} {
			var w watched
			m := fixed.New[*[64]byte, *[64]byte](capacity, opts...)
			func() { // whose frame holds the keys
				var keys []*[64]byte
				for range capacity {
					key := w.make()
					keys = append(keys, key)
					_ = m.Store(key, w.make())
					_ = m.Store(key, w.make())
					m.Swap(key, w.make())
					value, _ := m.Load(key)
					m.CompareAndSwap(key, value, w.make())
				}
				_ = m.Store(w.make(), w.make()) // refused
				m.LoadOrStore(w.make(), w.make())
				for _, key := range keys {
					drop(m, key)
				}
			}()
			w.requireAllCollected(t, what)
			runtime.KeepAlive(m)
		}
	}
}
