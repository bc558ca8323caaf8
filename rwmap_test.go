package shardmap

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math"
	"math/rand/v2"
	"runtime"
	"slices"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// forSimpleMaps runs test over an empty map of each of the two simple types. What they promise alike
// is tested here; what only one of them promises, next to it.
func forSimpleMaps[K comparable, V any](t *testing.T, test func(t *testing.T, m ConcurrentMap[K, V])) {
	t.Run("RWMap", func(t *testing.T) { test(t, new(RWMap[K, V])) })
	t.Run("AtomicMap", func(t *testing.T) { test(t, new(AtomicMap[K, V])) })
}

// requireUsable checks that no lock of m is held.
func requireUsable[K comparable, V any](t *testing.T, m ConcurrentMap[K, V]) {
	t.Helper()
	switch m := m.(type) {
	case *RWMap[K, V]:
		require.True(t, m.mu.TryLock(), "a lock is held")
		m.mu.Unlock()
	case *AtomicMap[K, V]:
		require.True(t, m.writers.TryLock(), "a lock is held")
		m.writers.Unlock()
	default:
		t.Fatalf("unknown type %T", m)
	}
}

// contentOf returns all entries, as shown by Range.
func contentOf[K comparable, V any](t *testing.T, m ConcurrentMap[K, V]) map[K]V {
	t.Helper()
	content := map[K]V{}
	for key, value := range m.All() {
		_, twice := content[key]
		require.False(t, twice, "key %v was shown twice", key)
		content[key] = value
	}
	require.Equal(t, len(content), m.Len())
	return content
}

func TestSimpleMapsDoWhatSyncMapDoes(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	forSimpleMaps(t, func(t *testing.T, m ConcurrentMap[int, any]) {
		var want sync.Map
		r := rand.New(rand.NewPCG(seed, 0))
		for range 20_000 {
			key, value, old := r.IntN(8), any(r.IntN(3)), any(r.IntN(3))
			if value == 2 {
				value = nil
			}
			var got, expected [2]any
			op := r.IntN(80)
			switch op % 8 {
			case 0:
				got[0], got[1] = m.Load(key)
				expected[0], expected[1] = want.Load(key)
			case 1:
				m.Store(key, value)
				want.Store(key, value)
			case 2:
				got[0], got[1] = m.LoadOrStore(key, value)
				expected[0], expected[1] = want.LoadOrStore(key, value)
			case 3:
				got[0], got[1] = m.LoadAndDelete(key)
				expected[0], expected[1] = want.LoadAndDelete(key)
			case 4:
				m.Delete(key)
				want.Delete(key)
			case 5:
				got[0], got[1] = m.Swap(key, value)
				expected[0], expected[1] = want.Swap(key, value)
			case 6:
				got[0] = m.CompareAndSwap(key, old, value)
				expected[0] = want.CompareAndSwap(key, old, value)
			case 7:
				got[0] = m.CompareAndDelete(key, old)
				expected[0] = want.CompareAndDelete(key, old)
			}
			if op == 79 {
				m.Clear()
				want.Clear()
			}
			require.Equal(t, expected, got, "operation %d", op%8)
			content := map[int]any{}
			want.Range(func(key, value any) bool { content[key.(int)] = value; return true })
			require.Equal(t, content, contentOf(t, m))
		}
	})
}

func TestPresenceIsOnlyEverTheSecondResult(t *testing.T) {
	forSimpleMaps(t, func(t *testing.T, m ConcurrentMap[string, *int]) {
		m.Store("nil", nil)
		value, ok := m.Load("nil")
		assert.True(t, ok)
		assert.Nil(t, value)
		_, loaded := m.LoadOrStore("nil", new(int))
		assert.True(t, loaded)
		_, loaded, _ = m.LoadOrCompute("nil", func() (*int, error) { t.Error("loaded"); return nil, nil })
		assert.True(t, loaded)
		_, present := m.Compute("nil", func(_ *int, loaded bool) (*int, Op) {
			assert.True(t, loaded)
			return nil, Set
		})
		assert.True(t, present)
		assert.False(t, m.CompareAndDelete("absent", nil), "absent is not nil")
		assert.False(t, m.CompareAndSwap("absent", nil, nil), "absent is not nil")
		assert.True(t, m.CompareAndSwap("nil", nil, nil))
		assert.True(t, m.CompareAndDelete("nil", nil))
		assert.Zero(t, m.Len())
	})
}

func TestUncomparableOldValuePanicsBeforeAnythingHappens(t *testing.T) {
	message := func(method string) string {
		return "shardmap: " + method + ": old value of type []int is not comparable"
	}
	forSimpleMaps(t, func(t *testing.T, m ConcurrentMap[string, []int]) {
		m.Store("k", nil)
		for _, key := range []string{"k", "absent"} {
			assert.PanicsWithValue(t, message("CompareAndSwap"), func() { m.CompareAndSwap(key, nil, []int{1}) })
			assert.PanicsWithValue(t, message("CompareAndDelete"), func() { m.CompareAndDelete(key, nil) })
		}
		requireUsable(t, m)
		assert.Equal(t, map[string][]int{"k": nil}, contentOf(t, m))
	})
	forSimpleMaps(t, func(t *testing.T, m ConcurrentMap[string, any]) {
		m.Store("k", []int{})
		assert.PanicsWithValue(t, message("CompareAndSwap"), func() { m.CompareAndSwap("k", []int{}, 1) })
		assert.PanicsWithValue(t, message("CompareAndDelete"), func() { m.CompareAndDelete("k", []int{}) })
		assert.False(t, m.CompareAndSwap("k", 1, 2), "only old must be comparable")
		assert.False(t, m.CompareAndDelete("k", 1))
		requireUsable(t, m)
	})
}

func TestUncomparableKeyPanicsAndLeavesNoLockHeld(t *testing.T) {
	bad := any([]int{1})
	for name, use := range map[string]func(m ConcurrentMap[any, int]){
		"Load":             func(m ConcurrentMap[any, int]) { m.Load(bad) },
		"Store":            func(m ConcurrentMap[any, int]) { m.Store(bad, 1) },
		"LoadOrStore":      func(m ConcurrentMap[any, int]) { m.LoadOrStore(bad, 1) },
		"LoadAndDelete":    func(m ConcurrentMap[any, int]) { m.LoadAndDelete(bad) },
		"Delete":           func(m ConcurrentMap[any, int]) { m.Delete(bad) },
		"Swap":             func(m ConcurrentMap[any, int]) { m.Swap(bad, 1) },
		"CompareAndSwap":   func(m ConcurrentMap[any, int]) { m.CompareAndSwap(bad, 1, 2) },
		"CompareAndDelete": func(m ConcurrentMap[any, int]) { m.CompareAndDelete(bad, 1) },
		"Compute":          func(m ConcurrentMap[any, int]) { m.Compute(bad, func(int, bool) (int, Op) { return 1, Set }) },
		"LoadOrCompute":    func(m ConcurrentMap[any, int]) { m.LoadOrCompute(bad, func() (int, error) { return 1, nil }) },
	} {
		t.Run(name, func(t *testing.T) {
			forSimpleMaps(t, func(t *testing.T, m ConcurrentMap[any, int]) {
				assert.Panics(t, func() { use(m) }, "empty map")
				requireUsable(t, m)
				m.Store("k", 1)
				assert.Panics(t, func() { use(m) })
				requireUsable(t, m)
				assert.Equal(t, map[any]int{"k": 1}, contentOf(t, m))
			})
		})
	}
}

func TestKeysNotEqualToThemselvesBehaveAsInAGoMap(t *testing.T) {
	nan := math.NaN()
	forSimpleMaps(t, func(t *testing.T, m ConcurrentMap[float64, int]) {
		for i := range 6 {
			m.Store(nan, i)
			m.Store(float64(i), i)
		}
		assert.Equal(t, 12, m.Len())
		_, ok := m.Load(nan)
		assert.False(t, ok)
		m.Delete(nan)
		assert.Equal(t, 12, m.Len())
		even := func(_ float64, value int) bool { return value%2 == 0 }
		assert.Equal(t, 6, m.DeleteFunc(even))
		assert.ElementsMatch(t, []int{1, 1, 3, 3, 5, 5}, slices.Collect(m.Values()))
		assert.Equal(t, 0, m.DeleteFunc(even))

		assert.Equal(t, 1, m.DeleteFunc(func(key float64, _ int) bool { return key == 1 }))
		assert.ElementsMatch(t, []int{1, 3, 3, 5, 5}, slices.Collect(m.Values()))

		// The map changes while pred is asked: it must be asked about the others again.
		asked := 0
		assert.Equal(t, 2, m.DeleteFunc(func(key float64, value int) bool {
			if asked++; asked == 1 {
				m.Store(nan, 7)
			}
			return key != key && value < 5
		}))
		assert.ElementsMatch(t, []int{3, 5, 5, 7}, slices.Collect(m.Values()))
		m.Clear()
		assert.Zero(t, m.Len())
	})
}

func TestNilSimpleMapsPanicLikeANilSyncMap(t *testing.T) {
	for name, m := range map[string]ConcurrentMap[int, int]{"RWMap": (*RWMap[int, int])(nil), "AtomicMap": (*AtomicMap[int, int])(nil)} {
		t.Run(name, func(t *testing.T) {
			for i, use := range []func(){
				func() { m.Load(1) }, func() { m.Store(1, 1) }, func() { m.LoadOrStore(1, 1) }, func() { m.LoadAndDelete(1) },
				func() { m.Delete(1) }, func() { m.Swap(1, 1) }, func() { m.CompareAndSwap(1, 1, 1) }, func() { m.CompareAndDelete(1, 1) },
				func() { m.Range(func(int, int) bool { return true }) }, m.Clear, func() { m.Len() },
				func() { _ = maps.Collect(m.All()) }, func() { _ = slices.Collect(m.Keys()) }, func() { _ = slices.Collect(m.Values()) },
				func() { m.Compute(1, func(int, bool) (int, Op) { return 1, Set }) },
				func() { m.LoadOrCompute(1, func() (int, error) { return 1, nil }) },
				func() { m.DeleteFunc(func(int, int) bool { return true }) },
			} {
				var err runtime.Error
				func() {
					defer func() { err, _ = recover().(runtime.Error) }()
					use()
				}()
				if assert.Error(t, err, "method %d", i) {
					assert.Contains(t, err.Error(), "nil pointer dereference", "method %d", i)
				}
			}
		})
	}
}

func TestToMapReturnsACopyOfTheCallersOwn(t *testing.T) {
	forSimpleMaps(t, func(t *testing.T, m ConcurrentMap[string, int]) {
		toMap := m.(interface{ ToMap() map[string]int }).ToMap
		empty := toMap()
		require.NotNil(t, empty)
		empty["x"] = 1
		assert.Zero(t, m.Len())
		m.Store("a", 1)
		full := toMap()
		assert.Equal(t, map[string]int{"a": 1}, full)
		full["b"] = 2
		m.Store("c", 3)
		assert.Equal(t, map[string]int{"a": 1, "c": 3}, toMap())
		assert.Equal(t, map[string]int{"a": 1, "b": 2}, full)
	})
}

func TestSimpleMapsAreEncodedAsGoMapsAre(t *testing.T) {
	forSimpleMaps(t, func(t *testing.T, m ConcurrentMap[string, []int]) {
		encoded := func() string {
			data, err := json.Marshal(m)
			require.NoError(t, err)
			return string(data)
		}
		assert.Equal(t, `{}`, encoded())
		require.NoError(t, json.Unmarshal([]byte(`{"b":[2],"a":[1]}`), m))
		assert.Equal(t, `{"a":[1],"b":[2]}`, encoded())
		require.NoError(t, json.Unmarshal([]byte(`{"b":null,"c":[3]}`), m), "entries that the object lacks stay")
		require.NoError(t, json.Unmarshal([]byte(`null`), m))
		require.NoError(t, json.Unmarshal([]byte(`{}`), m))
		const merged = `{"a":[1],"b":null,"c":[3]}`
		assert.Equal(t, merged, encoded())
		for _, bad := range []string{`{"a":[9],"d":7}`, `[]`, `7`, `{"a":[9]`, ``} {
			assert.Error(t, json.Unmarshal([]byte(bad), m), bad)
			assert.Error(t, m.(json.Unmarshaler).UnmarshalJSON([]byte(bad)), bad)
			assert.Equal(t, merged, encoded(), "after %s", bad)
		}
	})
}

func TestSimpleMapsPrintTheirContent(t *testing.T) {
	forSimpleMaps(t, func(t *testing.T, m ConcurrentMap[string, int]) {
		name := map[bool]string{true: "RWMap", false: "AtomicMap"}[fmt.Sprintf("%T", m) == "*shardmap.RWMap[string,int]"]
		assert.Equal(t, "shardmap."+name+"[]", fmt.Sprint(m))
		assert.Equal(t, "shardmap."+name+"[string,int]{}", fmt.Sprintf("%#v", m))
		m.Store("b", 2)
		m.Store("a", 1)
		assert.Equal(t, "shardmap."+name+"[a:1 b:2]", fmt.Sprint(m))
		assert.Equal(t, "shardmap."+name+`[string,int]{"a":1, "b":2}`, fmt.Sprintf("%#v", m))
	})
}

// selfish is a value whose methods use the map that it is in.
type selfish struct {
	m *ConcurrentMap[string, selfish]
}

func (s selfish) String() string               { (*s.m).Store("k", s); return "!" }
func (s selfish) GoString() string             { return s.String() }
func (s selfish) MarshalJSON() ([]byte, error) { return nil, errors.New(s.String()) }

func TestValuesMayUseTheMapWhileTheyAreEncodedOrPrinted(t *testing.T) {
	forSimpleMaps(t, func(t *testing.T, m ConcurrentMap[string, selfish]) {
		m.Store("k", selfish{&m})
		assert.Contains(t, fmt.Sprint(m), "[k:!]")
		assert.Contains(t, fmt.Sprintf("%#v", m), `{"k":!}`)
		_, err := json.Marshal(m)
		assert.ErrorContains(t, err, "!")
		requireUsable(t, m)
	})
}

func TestReadsOfSimpleMapsDoNotAllocate(t *testing.T) {
	forSimpleMaps(t, func(t *testing.T, m ConcurrentMap[string, int]) {
		m.Store("k", 1)
		load := func() (int, error) { return 0, nil }
		assert.Zero(t, testing.AllocsPerRun(100, func() {
			m.Load("k")
			m.Load("absent")
			m.LoadOrStore("k", 2)
			m.LoadOrCompute("k", load)
			m.LoadAndDelete("absent")
			m.CompareAndSwap("k", 7, 8)
			m.CompareAndDelete("k", 7)
			m.Compute("k", func(old int, _ bool) (int, Op) { return old, Keep })
			m.Len()
		}))
	})
}

func TestWritesOfRWMapAllocateOnlyWhenItGrows(t *testing.T) {
	var m RWMap[int, int]
	for i := range 10 {
		m.Store(i, i)
	}
	assert.Zero(t, testing.AllocsPerRun(100, func() {
		m.Store(1, 1)
		m.Swap(1, 2)
		m.CompareAndSwap(1, 2, 3)
		m.Compute(1, func(old int, _ bool) (int, Op) { return old + 1, Set })
		m.LoadAndDelete(1)
		m.LoadOrStore(1, 1)
	}))
}
