package shardmap_test

import (
	"fmt"
	"math"
	"runtime"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/shardmap-go/shardmap"
)

// Odd keys and values: keys that are not equal to themselves, keys that are equal and look different, keys and values
// that cannot be compared.

type floatKey struct {
	F float64
	S string
}

// eachMapAndHasher runs f as eachMap does, and with Maps whose hashers differ in what they do with odd keys: one
// refuses the same keys as the built-in hash, one never looks at the key.
func eachMapAndHasher[K comparable, V any](t *testing.T, f func(t *testing.T, newMap func() shardmap.ConcurrentMap[K, V])) {
	t.Helper()
	eachMap(t, f)
	for name, hash := range map[string]func(K) uint64{
		"MapHash":  shardmap.MapHash[K],
		"constant": func(K) uint64 { return 42 },
	} {
		t.Run("Map/hash="+name, func(t *testing.T) {
			f(t, func() shardmap.ConcurrentMap[K, V] { return shardmap.New[K, V](shardmap.WithHasher(hash)) })
		})
	}
}

func TestNaNKeysAreStoredAnewAndShownByIterationOnly(t *testing.T) {
	nan := math.NaN()
	t.Run("float64", func(t *testing.T) { testNaN(t, nan, func(i int) float64 { return float64(i) }) })
	t.Run("float32", func(t *testing.T) { testNaN(t, float32(nan), func(i int) float32 { return float32(i) }) })
	t.Run("complex128", func(t *testing.T) {
		testNaN(t, complex(1, nan), func(i int) complex128 { return complex(float64(i), 1) })
	})
	t.Run("any", func(t *testing.T) { testNaN(t, any(nan), func(i int) any { return i }) })
	t.Run("struct", func(t *testing.T) {
		testNaN(t, floatKey{nan, "x"}, func(i int) floatKey { return floatKey{float64(i), "x"} })
	})
	t.Run("[2]any", func(t *testing.T) { testNaN(t, [2]any{1, nan}, func(i int) [2]any { return [2]any{i, "x"} }) })
}

func testNaN[K comparable](t *testing.T, nan K, key func(i int) K) {
	eachMapAndHasher(t, func(t *testing.T, newMap func() shardmap.ConcurrentMap[K, int]) {
		m := newMap()
		m.Store(key(1), 1000)
		m.Store(key(2), 2000)
		m.Store(nan, 1)
		m.Store(nan, 2)

		_, ok := m.Load(nan)
		require.False(t, ok, "Load")
		_, ok = m.LoadAndDelete(nan)
		require.False(t, ok, "LoadAndDelete")
		require.False(t, m.CompareAndSwap(nan, 1, 2), "CompareAndSwap")
		require.False(t, m.CompareAndDelete(nan, 1), "CompareAndDelete")
		m.Delete(nan)
		for _, op := range []shardmap.Op{shardmap.Keep, shardmap.Remove} {
			_, ok = m.Compute(nan, func(_ int, loaded bool) (int, shardmap.Op) {
				require.False(t, loaded, "Compute finds it")
				return 0, op
			})
			require.False(t, ok, "Compute")
		}
		requireNaNs(t, m, nan, 1, 2)

		_, ok = m.LoadOrStore(nan, 3)
		require.False(t, ok, "LoadOrStore")
		_, ok = m.Swap(nan, 4)
		require.False(t, ok, "Swap")
		v, ok := m.Compute(nan, func(int, bool) (int, shardmap.Op) { return 5, shardmap.Set })
		require.True(t, v == 5 && ok, "Compute")
		v, ok, err := m.LoadOrCompute(nan, func() (int, error) { return 6, nil })
		require.True(t, v == 6 && !ok && err == nil, "LoadOrCompute")
		requireNaNs(t, m, nan, 1, 2, 3, 4, 5, 6)

		require.Equal(t, 3, m.DeleteFunc(func(key K, v int) bool { return key != key && v%2 == 0 }))
		requireNaNs(t, m, nan, 1, 3, 5)
		if m, ok := m.(*shardmap.Map[K, int]); ok {
			s := m.Snapshot()
			require.Equal(t, 5, s.Len())
			for key, change := range m.Snapshot().Diff(s) {
				t.Errorf("nothing has changed, but Diff shows %v: %v", key, change)
			}
			requireNaNs(t, m.Clone(), nan, 1, 3, 5)
			m.Shrink()
			requireNaNs(t, m, nan, 1, 3, 5)
			m.Store(nan, 7)
			require.Equal(t, 6, m.Replace(s.All()).Len())
			requireNaNs(t, m, nan, 1, 3, 5)
		}

		many := 3000 // so that shards split
		if _, slow := m.(*shardmap.AtomicMap[K, int]); slow {
			many = 300
		}
		for i := range many {
			m.Store(nan, 10_000+i)
			m.Store(key(10+i), -1)
		}
		require.Equal(t, 2*many+5, m.Len())
		require.Equal(t, many, m.DeleteFunc(func(_ K, v int) bool { return v >= 10_000 }))
		require.Equal(t, many, m.DeleteFunc(func(_ K, v int) bool { return v == -1 }), "keys beside NaNs were lost")
		requireNaNs(t, m, nan, 1, 3, 5)
		m.Clear()
		requireUsable(t, m, key, map[K]int{})
	})
}

// requireNaNs demands that m has the entries key 1 → 1000, key 2 → 2000, which are no NaNs, and NaNs with these values.
func requireNaNs[K comparable](t *testing.T, m shardmap.ConcurrentMap[K, int], nan K, values ...int) {
	t.Helper()
	var got, gotValues []int
	for key, value := range m.All() {
		if key != key {
			got = append(got, value)
		}
	}
	for value := range m.Values() {
		gotValues = append(gotValues, value)
	}
	require.ElementsMatch(t, values, got)
	require.ElementsMatch(t, append([]int{1000, 2000}, values...), gotValues)
	require.Equal(t, len(values)+2, m.Len())
}

func TestPositiveAndNegativeZeroAreOneKey(t *testing.T) {
	negative := math.Copysign(0, -1)
	t.Run("float64", func(t *testing.T) { testEqualKeys(t, 0, negative) })
	t.Run("float32", func(t *testing.T) { testEqualKeys(t, 0, float32(negative)) })
	t.Run("complex64", func(t *testing.T) { testEqualKeys(t, 0, complex(float32(negative), 0)) })
	t.Run("any", func(t *testing.T) { testEqualKeys[any](t, 0.0, negative) })
	t.Run("struct", func(t *testing.T) { testEqualKeys(t, floatKey{0, "x"}, floatKey{negative, "x"}) })
	t.Run("array", func(t *testing.T) { testEqualKeys(t, [3]float64{1, 0, 2}, [3]float64{1, negative, 2}) })
	t.Run("struct with any", func(t *testing.T) { testEqualKeys(t, mixedKey{C: 0.0}, mixedKey{C: negative}) })
}

// testEqualKeys demands that a and b, which are equal, are the same key to every map.
func testEqualKeys[K comparable](t *testing.T, a, b K) {
	require.True(t, a == b)
	eachMap(t, func(t *testing.T, newMap func() shardmap.ConcurrentMap[K, int]) {
		m := newMap()
		m.Store(a, 1)
		old, ok := m.Swap(b, 2)
		require.True(t, ok && old == 1)
		v, ok := m.Load(a)
		require.True(t, ok && v == 2)
		require.Equal(t, 1, m.Len())
		require.True(t, m.CompareAndDelete(b, 2))
		require.Zero(t, m.Len())
	})
}

func TestUncomparableKeysPanicBeforeAnythingIsLockedOrChanged(t *testing.T) {
	bad := map[string]any{
		"slice":  []int{1},
		"map":    map[int]int{},
		"func":   func() {},
		"struct": struct{ A any }{[]int{1}},
		"array":  [2]any{1, []int{1}},
	}
	calls := map[string]func(m shardmap.ConcurrentMap[any, int], key any){
		"Load":             func(m shardmap.ConcurrentMap[any, int], key any) { m.Load(key) },
		"Store":            func(m shardmap.ConcurrentMap[any, int], key any) { m.Store(key, 1) },
		"LoadOrStore":      func(m shardmap.ConcurrentMap[any, int], key any) { m.LoadOrStore(key, 1) },
		"LoadAndDelete":    func(m shardmap.ConcurrentMap[any, int], key any) { m.LoadAndDelete(key) },
		"Delete":           func(m shardmap.ConcurrentMap[any, int], key any) { m.Delete(key) },
		"Swap":             func(m shardmap.ConcurrentMap[any, int], key any) { m.Swap(key, 1) },
		"CompareAndSwap":   func(m shardmap.ConcurrentMap[any, int], key any) { m.CompareAndSwap(key, 1, 2) },
		"CompareAndDelete": func(m shardmap.ConcurrentMap[any, int], key any) { m.CompareAndDelete(key, 1) },
		"Compute": func(m shardmap.ConcurrentMap[any, int], key any) {
			m.Compute(key, func(int, bool) (int, shardmap.Op) { return 1, shardmap.Set })
		},
		"LoadOrCompute": func(m shardmap.ConcurrentMap[any, int], key any) {
			m.LoadOrCompute(key, func() (int, error) { return 1, nil })
		},
	}
	eachMapAndHasher(t, func(t *testing.T, newMap func() shardmap.ConcurrentMap[any, int]) {
		for kind, key := range bad {
			for method, call := range calls {
				m := newMap() // which has never been used before
				requireRuntimePanic(t, fmt.Sprintf("%s of a key with a %s in it on an empty map", method, kind), func() { call(m, key) })
				requireUsable(t, m, func(i int) any { return i }, map[any]int{})
			}
		}
		for _, n := range []int{3, 500} {
			m, want := newMap(), make(map[any]int)
			for i := range n {
				m.Store(i, i)
				want[i] = i
			}
			for kind, key := range bad {
				for method, call := range calls {
					requireRuntimePanic(t, fmt.Sprintf("%s of a key with a %s in it on a map of %d", method, kind, n), func() { call(m, key) })
				}
			}
			requireUsable(t, m, func(i int) any { return i }, want)
		}
	})
}

func requireRuntimePanic(t *testing.T, what string, f func()) {
	t.Helper()
	defer func() {
		t.Helper()
		if err, ok := recover().(runtime.Error); !ok {
			t.Errorf("%s: panic %v, want a runtime error", what, err)
		}
	}()
	f()
}

func TestUncomparableOldValuesPanicBeforeAnythingIsLockedOrChanged(t *testing.T) {
	bad := []any{[]int{1}, map[int]int{}, func() {}, struct{ A any }{[]int{1}}, [2]any{1, []int{1}}}
	eachMap(t, func(t *testing.T, newMap func() shardmap.ConcurrentMap[int, any]) {
		for _, old := range bad {
			m := newMap()
			m.Store(1, old)
			m.Store(2, 2)
			for _, key := range []int{1, 2, 3} { // stored as it is, other, absent
				require.PanicsWithValue(t, fmt.Sprintf("shardmap: CompareAndSwap: old value of type %T is not comparable", old),
					func() { m.CompareAndSwap(key, old, 3) })
				require.PanicsWithValue(t, fmt.Sprintf("shardmap: CompareAndDelete: old value of type %T is not comparable", old),
					func() { m.CompareAndDelete(key, old) })
			}
			inTime(t, "a method called afterwards", func() {
				if m.Len() != 2 || m.CompareAndSwap(1, 2, 3) || m.CompareAndDelete(1, nil) || !m.CompareAndSwap(2, 2, 3) {
					t.Error("the map has changed")
				}
				m.Store(1, 1)
				if v, _ := m.LoadAndDelete(1); v != 1 {
					t.Error("the map is not usable any more")
				}
				m.Clear()
			})
		}
	})
}

func TestUncomparableValuesCanBeStored(t *testing.T) {
	eachMap(t, func(t *testing.T, newMap func() shardmap.ConcurrentMap[string, []int]) {
		m := newMap()
		m.Store("nil", nil)
		m.Store("full", []int{1, 2})
		require.PanicsWithValue(t, "shardmap: CompareAndSwap: old value of type []int is not comparable", func() { m.CompareAndSwap("nil", nil, nil) })
		require.PanicsWithValue(t, "shardmap: CompareAndDelete: old value of type []int is not comparable", func() { m.CompareAndDelete("absent", nil) })
		v, ok := m.Load("nil")
		require.True(t, ok)
		require.Nil(t, v)
		v, ok = m.Compute("full", func(old []int, _ bool) ([]int, shardmap.Op) {
			return append(old[:len(old):len(old)], 3), shardmap.Set
		})
		require.True(t, ok)
		require.Equal(t, []int{1, 2, 3}, v)
		require.Equal(t, 1, m.DeleteFunc(func(_ string, v []int) bool { return v == nil }))
		require.Equal(t, 1, m.Len())
	})
}
