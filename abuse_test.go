package shardmap_test

import (
	"fmt"
	"math"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/shardmap-go/shardmap"
)

// What happens to those who use the maps as they must not, or in ways that few do. Each has a promised outcome. This
// file has nil maps and bad options, abuse_vet_test.go copied maps, abuse_keys_test.go odd keys and values,
// abuse_callback_test.go and abuse_reentry_test.go callbacks, and abuse_hasher_test.go bad hash functions and snapshots
// by the ten thousand.

// eachMap runs f with a constructor of each of the three maps.
func eachMap[K comparable, V any](t *testing.T, f func(t *testing.T, newMap func() shardmap.ConcurrentMap[K, V])) {
	t.Helper()
	t.Run("Map", func(t *testing.T) {
		f(t, func() shardmap.ConcurrentMap[K, V] { return new(shardmap.Map[K, V]) })
	})
	t.Run("RWMap", func(t *testing.T) {
		f(t, func() shardmap.ConcurrentMap[K, V] { return new(shardmap.RWMap[K, V]) })
	})
	t.Run("AtomicMap", func(t *testing.T) {
		f(t, func() shardmap.ConcurrentMap[K, V] { return new(shardmap.AtomicMap[K, V]) })
	})
}

// inTime runs f in a goroutine of its own. If f has not returned after some minutes, it waits for a lock that somebody
// has left behind, and the test fails with the stacks of all goroutines. f must not call t.FailNow.
func inTime(t *testing.T, what string, f func()) {
	t.Helper()
	done := make(chan struct{})
	go func() {
		defer close(done)
		f()
	}()
	watchdog := time.NewTimer(5 * time.Minute)
	defer watchdog.Stop()
	select {
	case <-done:
	case <-watchdog.C:
		stacks := make([]byte, 1<<20)
		t.Fatalf("%s hangs\n%s", what, stacks[:runtime.Stack(stacks, true)])
	}
}

// requireUsable demands that m has exactly the entries of want and that every method works, in another goroutine.
// What it adds it takes away again; the keys that it needs for that are key(i) for i from 1<<20 on.
func requireUsable[K comparable](t *testing.T, m shardmap.ConcurrentMap[K, int], key func(i int) K, want map[K]int) {
	t.Helper()
	const base = 1 << 20
	mine := make(map[K]bool)
	steps := []struct {
		method string
		ok     func() bool
	}{
		{"Load", func() bool { v, ok := m.Load(key(base + 1)); return v == 1 && ok }},
		{"LoadOrStore", func() bool { v, ok := m.LoadOrStore(key(base+2), 0); return v == 2 && ok }},
		{"Swap", func() bool { v, ok := m.Swap(key(base+3), 33); return v == 3 && ok }},
		{"CompareAndSwap", func() bool { return m.CompareAndSwap(key(base+3), 33, 3) }},
		{"CompareAndDelete", func() bool { return m.CompareAndDelete(key(base+4), 4) }},
		{"LoadAndDelete", func() bool { v, ok := m.LoadAndDelete(key(base + 5)); return v == 5 && ok }},
		{"Delete", func() bool { m.Delete(key(base + 6)); _, ok := m.Load(key(base + 6)); return !ok }},
		{"Compute", func() bool {
			v, ok := m.Compute(key(base+7), func(old int, _ bool) (int, shardmap.Op) { return old + 1, shardmap.Set })
			return v == 8 && ok
		}},
		{"LoadOrCompute", func() bool {
			v, loaded, err := m.LoadOrCompute(key(base+8), func() (int, error) { return 0, nil })
			return v == 8 && loaded && err == nil
		}},
		{"Len", func() bool { return m.Len() == len(want)+37 }},
		{"DeleteFunc", func() bool { return m.DeleteFunc(func(k K, _ int) bool { return mine[k] }) == 37 }},
	}
	inTime(t, "a method called afterwards", func() {
		if err := checkContent(m, want); err != nil {
			t.Error(err)
		}
		for i := range 40 {
			mine[key(base+i)] = true
			m.Store(key(base+i), i)
		}
		for _, step := range steps {
			if !step.ok() {
				t.Errorf("%s does not work afterwards", step.method)
			}
		}
		if err := checkContent(m, want); err != nil {
			t.Error(err)
		}
		if m, ok := m.(*shardmap.Map[K, int]); ok {
			s := m.Snapshot()
			if err := shardmap.CheckInvariants(m, false, s); err != nil { // the hasher may be one that panics
				t.Error(err)
			}
			m.Shrink()
			if s.Len() != len(want) || m.Clone().Len() != len(want) || m.Replace(s.All()).Len() != len(want) {
				t.Error("Snapshot, Shrink, Clone or Replace does not work afterwards")
			}
		}
		m.Clear()
		if m.Len() != 0 {
			t.Error("Clear does not work afterwards")
		}
		for key, value := range want {
			m.Store(key, value)
		}
	})
}

// intKey is the key of requireUsable for maps with int keys.
func intKey(i int) int { return i }

// checkContent compares what m shows, in all ways, with want.
func checkContent[K comparable, V comparable](m shardmap.ConcurrentMap[K, V], want map[K]V) error {
	if m.Len() != len(want) {
		return fmt.Errorf("Len() = %d, want %d", m.Len(), len(want))
	}
	seen := make(map[K]bool)
	for key, value := range m.All() {
		if v, ok := want[key]; !ok || v != value || seen[key] {
			return fmt.Errorf("All shows %v → %v, want %v, %v; shown before: %v", key, value, v, ok, seen[key])
		}
		seen[key] = true
	}
	if len(seen) != len(want) {
		return fmt.Errorf("All shows %d entries, want %d", len(seen), len(want))
	}
	for key, value := range want {
		if v, ok := m.Load(key); !ok || v != value {
			return fmt.Errorf("Load(%v) = %v, %v, want %v", key, v, ok, value)
		}
	}
	return nil
}

// fill stores n entries, i → 10*i, and returns them as a Go map.
func fill(m shardmap.ConcurrentMap[int, int], n int) map[int]int {
	want := make(map[int]int, n)
	for i := range n {
		m.Store(i, 10*i)
		want[i] = 10 * i
	}
	return want
}

func TestNilReceiverPanicsLikeNilSyncMap(t *testing.T) {
	var (
		sharded *shardmap.Map[int, int]
		ptr     *shardmap.VersionedPtr[int]
		update  *shardmap.AtomicMap[int, int]
	)
	maps := []shardmap.ConcurrentMap[int, int]{sharded, (*shardmap.RWMap[int, int])(nil), update}
	calls := map[string]func(m shardmap.ConcurrentMap[int, int]){
		"Load":             func(m shardmap.ConcurrentMap[int, int]) { m.Load(1) },
		"Store":            func(m shardmap.ConcurrentMap[int, int]) { m.Store(1, 1) },
		"LoadOrStore":      func(m shardmap.ConcurrentMap[int, int]) { m.LoadOrStore(1, 1) },
		"LoadAndDelete":    func(m shardmap.ConcurrentMap[int, int]) { m.LoadAndDelete(1) },
		"Delete":           func(m shardmap.ConcurrentMap[int, int]) { m.Delete(1) },
		"Swap":             func(m shardmap.ConcurrentMap[int, int]) { m.Swap(1, 1) },
		"CompareAndSwap":   func(m shardmap.ConcurrentMap[int, int]) { m.CompareAndSwap(1, 1, 2) },
		"CompareAndDelete": func(m shardmap.ConcurrentMap[int, int]) { m.CompareAndDelete(1, 1) },
		"Range":            func(m shardmap.ConcurrentMap[int, int]) { m.Range(func(int, int) bool { return true }) },
		"Clear":            func(m shardmap.ConcurrentMap[int, int]) { m.Clear() },
		"Len":              func(m shardmap.ConcurrentMap[int, int]) { m.Len() },
		"All":              func(m shardmap.ConcurrentMap[int, int]) { m.All()(func(int, int) bool { return true }) },
		"Keys":             func(m shardmap.ConcurrentMap[int, int]) { m.Keys()(func(int) bool { return true }) },
		"Values":           func(m shardmap.ConcurrentMap[int, int]) { m.Values()(func(int) bool { return true }) },
		"Compute": func(m shardmap.ConcurrentMap[int, int]) {
			m.Compute(1, func(int, bool) (int, shardmap.Op) { return 0, shardmap.Keep })
		},
		"LoadOrCompute": func(m shardmap.ConcurrentMap[int, int]) { m.LoadOrCompute(1, func() (int, error) { return 1, nil }) },
		"DeleteFunc":    func(m shardmap.ConcurrentMap[int, int]) { m.DeleteFunc(func(int, int) bool { return true }) },
	}
	for name, call := range calls {
		for _, m := range maps {
			requireNilPanic(t, fmt.Sprintf("%T.%s", m, name), func() { call(m) })
		}
	}
	requireNilPanic(t, "Map.Snapshot", func() { sharded.Snapshot() })
	requireNilPanic(t, "Map.Replace", func() { sharded.Replace(func(func(int, int) bool) {}) })
	requireNilPanic(t, "Map.Clone", func() { sharded.Clone() })
	requireNilPanic(t, "Map.Shrink", func() { sharded.Shrink() })
	requireNilPanic(t, "Map.Stats", func() { sharded.Stats() })
	requireNilPanic(t, "AtomicMap.Update", func() { update.Update(func(map[int]int) {}) })
	requireNilPanic(t, "VersionedPtr.Load", func() { ptr.Load() })
	requireNilPanic(t, "VersionedPtr.Store", func() { ptr.Store(nil) })
	requireNilPanic(t, "VersionedPtr.Swap", func() { ptr.Swap(nil) })
	requireNilPanic(t, "VersionedPtr.CompareAndSwap", func() { ptr.CompareAndSwap(0, nil) })
}

func requireNilPanic(t *testing.T, what string, f func()) {
	t.Helper()
	defer func() {
		t.Helper()
		err, ok := recover().(runtime.Error)
		if !ok || !strings.Contains(err.Error(), "nil pointer dereference") {
			t.Errorf("%s on nil: panic %v, want a nil pointer dereference", what, err)
		}
	}()
	f()
}

func TestBadOptionsPanicAndNameTheValue(t *testing.T) {
	requirePanic := func(want string, option func() shardmap.Option) {
		t.Helper()
		require.PanicsWithValue(t, want, func() { shardmap.New[int, string](option()) })
		require.PanicsWithValue(t, want, func() {
			shardmap.New[int, string](shardmap.WithShards(2), option(), shardmap.WithCapacity(10))
		})
	}
	for _, n := range []int{-1, 0, 65537, math.MaxInt, math.MinInt} {
		requirePanic(fmt.Sprintf("shardmap: WithShards(%d): want 1 to 65536", n),
			func() shardmap.Option { return shardmap.WithShards(n) })
	}
	limit := 1 << 26
	if math.MaxInt > math.MaxInt32 {
		limit = 1 << 30
	}
	for _, n := range []int{-1, math.MinInt, limit + 1, math.MaxInt} {
		want := fmt.Sprintf("shardmap: WithCapacity(%d): want 0 to %d", n, limit)
		require.PanicsWithValue(t, want, func() { shardmap.New[int, string](shardmap.WithCapacity(n)) })
		require.PanicsWithValue(t, want, func() { shardmap.New[int, string](shardmap.WithShards(2), shardmap.WithCapacity(n)) })
	}
	requirePanic("shardmap: WithHasher(nil): want a function",
		func() shardmap.Option { return shardmap.WithHasher[int](nil) })
	requirePanic("shardmap: WithHasher(func(string) uint64): the map's keys are int",
		func() shardmap.Option { return shardmap.WithHasher(func(string) uint64 { return 0 }) })
	requirePanic("shardmap: WithHasher(func(int32) uint64): the map's keys are int",
		func() shardmap.Option { return shardmap.WithHasher(func(int32) uint64 { return 0 }) })
	requirePanic("shardmap: WithHasher(func(interface {}) uint64): the map's keys are int",
		func() shardmap.Option { return shardmap.WithHasher(func(any) uint64 { return 0 }) })
}

func TestLimitsOfOptionsAreAllowed(t *testing.T) {
	for _, shards := range []int{1, 2, 3, 1000, 65536} {
		m := shardmap.New[int, int](shardmap.WithShards(shards))
		want := fill(m, 1000)
		require.GreaterOrEqual(t, m.Stats().Shards, shards)
		requireUsable(t, m, intKey, want)
	}
	for _, capacity := range []int{0, 1, 7, 161, 100_000} {
		m := shardmap.New[int, int](shardmap.WithCapacity(capacity))
		require.Zero(t, m.Len())
		requireUsable(t, m, intKey, fill(m, 1000))
	}
}
