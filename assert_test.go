//go:build shardmap_assert && !js && !wasip1

package shardmap

import (
	"fmt"
	"maps"
	"os"
	"os/exec"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestCopiedMapIsNoticedByEveryMethod(t *testing.T) {
	for name, use := range map[string]func(m *Map[int, int]){
		"Load":             func(m *Map[int, int]) { m.Load(1) },
		"Store":            func(m *Map[int, int]) { m.Store(1, 1) },
		"Swap":             func(m *Map[int, int]) { m.Swap(1, 1) },
		"LoadOrStore":      func(m *Map[int, int]) { m.LoadOrStore(1, 1) },
		"LoadAndDelete":    func(m *Map[int, int]) { m.LoadAndDelete(1) },
		"Delete":           func(m *Map[int, int]) { m.Delete(1) },
		"CompareAndSwap":   func(m *Map[int, int]) { m.CompareAndSwap(1, 1, 1) },
		"CompareAndDelete": func(m *Map[int, int]) { m.CompareAndDelete(1, 1) },
		"Compute":          func(m *Map[int, int]) { m.Compute(1, func(int, bool) (int, Op) { return 0, Keep }) },
		"LoadOrCompute":    func(m *Map[int, int]) { m.LoadOrCompute(1, func() (int, error) { return 1, nil }) },
		"Len":              func(m *Map[int, int]) { m.Len() },
		"Clear":            func(m *Map[int, int]) { m.Clear() },
		"Range":            func(m *Map[int, int]) { m.Range(func(int, int) bool { return true }) },
		"DeleteFunc":       func(m *Map[int, int]) { m.DeleteFunc(func(int, int) bool { return true }) },
		"Snapshot":         func(m *Map[int, int]) { m.Snapshot() },
		"Clone":            func(m *Map[int, int]) { m.Clone() },
		"Replace":          func(m *Map[int, int]) { m.Replace(maps.All(map[int]int{})) },
		"Shrink":           func(m *Map[int, int]) { m.Shrink() },
		"Stats":            func(m *Map[int, int]) { m.Stats() },
		"String":           func(m *Map[int, int]) { _ = m.String() },
		"MarshalJSON":      func(m *Map[int, int]) { _, _ = m.MarshalJSON() },
		"UnmarshalJSON":    func(m *Map[int, int]) { _ = m.UnmarshalJSON([]byte(`{"1":1}`)) },
	} {
		t.Run(name, func(t *testing.T) {
			var used, never Map[int, int]
			used.Load(1) // reading is using
			copied, fine := duplicate(&used), duplicate(&never)
			require.PanicsWithValue(t, fmt.Sprintf(
				"shardmap: *shardmap.Map[int,int] at %p: it is a copy of a map that was in use: a map must not be copied, pass a pointer to it", copied),
				func() { use(copied) })
			require.NotPanics(t, func() { use(fine) }, "a map that was never used may be copied")
			require.NotPanics(t, func() { use(&used) }, "the original is as good as ever")
		})
	}
}

// duplicate copies what go vet would not let us copy in the open.
func duplicate(m *Map[int, int]) *Map[int, int] {
	both := []Map[int, int]{{}, {}}
	copyOfGuard := m.guard.self.Load()
	both[1].guard.self.Store(copyOfGuard)
	both[1].dir.Store(m.dir.Load())
	return &both[1]
}

func TestLoadOrComputeThatWouldWaitForItselfPanics(t *testing.T) {
	for name, m := range map[string]ConcurrentMap[string, int]{
		"Map": new(Map[string, int]), "RWMap": new(RWMap[string, int]), "AtomicMap": new(AtomicMap[string, int]),
	} {
		t.Run(name, func(t *testing.T) {
			require.PanicsWithValue(t,
				"shardmap: LoadOrCompute(a): called by the load function for the same key, it would wait for itself", func() {
					_, _, _ = m.LoadOrCompute("a", func() (int, error) {
						v, _, err := m.LoadOrCompute("b", func() (int, error) {
							v, _, err := m.LoadOrCompute("a", func() (int, error) { return 1, nil })
							return v, err
						})
						return v, err
					})
				})
			require.Zero(t, m.Len())
			v, loaded, err := m.LoadOrCompute("a", func() (int, error) { return 2, nil })
			require.Equal(t, 2, v)
			require.False(t, loaded)
			require.NoError(t, err)
		})
	}
}

// What may follow a shard is looked at before it is published.
func TestSuccessorsThatLoseSomethingAreNoticed(t *testing.T) {
	m := New[int, *int](WithShards(2))
	for i := range 100 {
		m.Store(i, new(i))
	}
	const h = 1 << 63 // of the second shard
	d := m.dir.Load()
	var one *opaque
	for e := range d.shard(h).entries {
		one = e
	}
	next := func() (*shard, *shard) { return d.split(d.shard(h)) }
	lower, upper := next()
	require.NotPanics(t, func() { d.assertSuccessors(h, []*shard{lower, upper}) })
	require.Panics(t, func() { d.assertSuccessors(h, []*shard{upper, lower}) }, "in the wrong order")
	require.Panics(t, func() { d.assertSuccessors(h, []*shard{lower, lower}) }, "one half twice")
	for name, spoil := range map[string]func(s *shard){
		"an entry is lost":        func(s *shard) { _, at := m.placeOf(*keyOf[int](one)); removeFrom(s, at.e) },
		"they count nothing":      func(s *shard) { s.count = 0 },
		"of an older generation":  func(s *shard) { s.gen-- },
		"of the same depth":       func(s *shard) { s.depth-- },
		"a bucket not referenced": func(s *shard) { s.spares = 3 },
	} {
		lower, upper := next()
		spoil(lower)
		spoil(upper)
		require.Panics(t, func() { d.assertSuccessors(h, []*shard{lower, upper}) }, name)
	}
	m.Snapshot()
	d = m.dir.Load()
	own := copyOf(d.shard(h), d.gen)
	require.NotPanics(t, func() { d.assertSuccessors(h, []*shard{own}) })
	for i := range uint64(own.buckets()) {
		own.bucket(i).plain().meta &^= sharedAll
	}
	require.PanicsWithError(t, func() string {
		for e := range d.shard(h).entries {
			return fmt.Sprintf("shardmap: invariant broken: key %v: a snapshot shares its entry, "+
				"and the shards that are to follow its shard do not say so", *keyOf[int](e))
		}
		return ""
	}(), func() { d.assertSuccessors(h, []*shard{own}) })
}

func removeFrom(s *shard, e *opaque) {
	for i := range uint64(s.buckets()) {
		for b := s.bucket(i); b != nil; b = b.next.Load() {
			for slot := range b.entries {
				b.entries[slot].CompareAndSwap(e, nil)
			}
		}
	}
}

// The check of values is chosen by the environment when the program starts.
func TestModifiedValuesAreNoticedIfThatIsAskedFor(t *testing.T) {
	for _, setting := range []string{"", "aliasing", "pointers"} {
		cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestModified$")
		cmd.Env = append(os.Environ(), "SHARDMAP_ASSERT="+setting)
		said, err := cmd.CombinedOutput()
		require.NoError(t, err, "SHARDMAP_ASSERT=%s\n%s", setting, said)
		require.Contains(t, string(said), "PASS")
	}
	cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestModified$")
	cmd.Env = append(os.Environ(), "SHARDMAP_ASSERT=on")
	said, err := cmd.CombinedOutput()
	require.Error(t, err)
	require.Contains(t, string(said), "shardmap: SHARDMAP_ASSERT=on: want aliasing or pointers")
}

type deep struct {
	Name    string
	private struct{ labels map[string][]int }
	Any     any
	next    *deep
}

func newDeep() deep {
	v := deep{Name: "a", Any: []string{"x"}, next: &deep{Name: "b"}}
	v.private.labels = map[string][]int{"k": {1, 2, 3}, "l": nil}
	return v
}

// TestModified does what the check must notice, and what it must not, and adapts to whether it was asked for.
func TestModified(t *testing.T) {
	values, pointers := checkedKinds.values, checkedKinds.pointers
	modified(t, values, []int{1, 2}, func(v []int) { v[1]++ })
	modified(t, values, []byte("abc"), func(v []byte) { v[2] = 'd' })
	modified(t, values, map[string]int{"a": 1}, func(v map[string]int) { v["a"]++ })
	modified(t, values, map[string]int{"a": 1}, func(v map[string]int) { v["b"] = 1 })
	modified(t, values, struct{ m map[string]int }{map[string]int{"a": 1}}, func(v struct{ m map[string]int }) { v.m["a"]++ })
	modified(t, values, [1]map[string]int{{"a": 1}}, func(v [1]map[string]int) { v[0]["b"] = 1 })
	modified(t, values, [2][]string{{"a"}, {"b"}}, func(v [2][]string) { v[1][0] = "c" })
	modified(t, values, any([]any{1, []bool{true}}), func(v any) { v.([]any)[1].([]bool)[0] = false })
	modified(t, values, newDeep(), func(v deep) { v.private.labels["k"][2]++ })
	modified(t, values, newDeep(), func(v deep) { v.Any.([]string)[0] = "y" })
	modified(t, pointers, newDeep(), func(v deep) { v.next.Name += "!" })
	modified(t, pointers, new(deep), func(v *deep) { v.Name += "!" })
	modified(t, pointers, []*deep{new(deep)}, func(v []*deep) { v[0].Any = 1 })
	loop := &deep{}
	loop.next = loop
	modified(t, pointers, loop, func(v *deep) { v.next.Name = "loop" })

	modified(t, false, []int{1, 2, 3}[:2], func(v []int) { v[:3][2]++ }) // not part of the value
	modified(t, false, 1, func(int) {})
	modified(t, false, "a", func(string) {})
	modified(t, false, newDeep(), func(deep) {})
	modified(t, false, any(nil), func(any) {})
	modified(t, false, struct {
		F func()
		C chan int
		X complex128
		Z float64
	}{func() {}, make(chan int), 1i, 0}, func(struct {
		F func()
		C chan int
		X complex128
		Z float64
	}) {
	})
}

// modified stores value, has it modified, and demands that whatever hands the value out panics, or that nothing does.
func modified[V any](t *testing.T, noticed bool, value V, modify func(V)) {
	t.Helper()
	var m Map[int, V]
	m.Store(1, value)
	m.Store(2, value)
	s := m.Snapshot()
	look := map[string]func(){
		"Load":          func() { m.Load(1) },
		"LoadOrStore":   func() { m.LoadOrStore(1, value) },
		"LoadOrCompute": func() { m.LoadOrCompute(1, func() (V, error) { return value, nil }) },
		"Compute":       func() { m.Compute(1, func(old V, _ bool) (V, Op) { return old, Keep }) },
		"Range":         func() { m.Range(func(int, V) bool { return true }) },
		"DeleteFunc":    func() { m.DeleteFunc(func(int, V) bool { return false }) },
		"ToMap":         func() { s.ToMap() },
		"Snapshot.Load": func() { s.Load(2) },
	}
	for name, f := range look {
		require.NotPanics(t, f, "%s of a %T that was not modified", name, value)
	}
	modify(value)
	for name, f := range look {
		if !noticed {
			require.NotPanics(t, f, "%s of a %T", name, value)
			continue
		}
		said := panicOf(f)
		require.Regexp(t, `^shardmap: value of type .*, stored at .*assert_test\.go:\d+: it was modified after it was stored: store a modified copy instead$`,
			said, "%s of a %T", name, value)
	}
	if noticed {
		require.NotNil(t, panicOf(func() { m.Swap(1, value) }), "Swap returns the old value")
		require.NotNil(t, panicOf(func() { m.LoadAndDelete(2) }), "LoadAndDelete returns it, too")
	}
	m.Clear() // hands nothing out
}

func panicOf(f func()) (value any) {
	defer func() { value = recover() }()
	f()
	return nil
}
