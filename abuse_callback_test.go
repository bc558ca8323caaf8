package shardmap_test

import (
	"errors"
	"fmt"
	"iter"
	"maps"
	"runtime"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/shardmap-go/shardmap"
)

// Callbacks that panic, exit, stop early, or use the map they are called by. No lock is held while one runs, and
// whatever it does leaves the map intact.

// absent is a key that no test below stores in advance.
const absent = 1 << 19

// A callback is one method with a function in it that runs f, in the middle of a visit if there is one.
type callback struct {
	method string
	call   func(m shardmap.ConcurrentMap[int, int], f func())
}

// callbacks returns every way to have a map call something.
func callbacks(m shardmap.ConcurrentMap[int, int]) []callback {
	type cm = shardmap.ConcurrentMap[int, int]
	third := func(f func()) func() {
		n := 0
		return func() {
			if n++; n == 3 {
				f()
			}
		}
	}
	all := []callback{
		{"Range", func(m cm, f func()) { f = third(f); m.Range(func(int, int) bool { f(); return true }) }},
		{"All", func(m cm, f func()) {
			f = third(f)
			for range m.All() {
				f()
			}
		}},
		{"Keys", func(m cm, f func()) {
			f = third(f)
			for range m.Keys() {
				f()
			}
		}},
		{"Values", func(m cm, f func()) {
			f = third(f)
			for range m.Values() {
				f()
			}
		}},
		{"DeleteFunc", func(m cm, f func()) { f = third(f); m.DeleteFunc(func(int, int) bool { f(); return false }) }},
		{"Compute/present", func(m cm, f func()) {
			m.Compute(1, func(old int, _ bool) (int, shardmap.Op) { f(); return old, shardmap.Keep })
		}},
		{"Compute/absent", func(m cm, f func()) {
			m.Compute(absent, func(int, bool) (int, shardmap.Op) { f(); return 0, shardmap.Remove })
		}},
		{"LoadOrCompute", func(m cm, f func()) {
			m.LoadOrCompute(absent, func() (int, error) { f(); return 0, errors.New("nothing") })
		}},
	}
	seq := func(s iter.Seq2[int, int], f func()) {
		f = third(f)
		for range s {
			f()
		}
	}
	switch m.(type) {
	case *shardmap.AtomicMap[int, int]:
		all = append(all, callback{"Update", func(m cm, f func()) {
			m.(*shardmap.AtomicMap[int, int]).Update(func(map[int]int) { f() })
		}})
	case *shardmap.Map[int, int]:
		all = append(all,
			callback{"Replace", func(m cm, f func()) {
				s := m.(*shardmap.Map[int, int]).Snapshot()
				m.(*shardmap.Map[int, int]).Replace(func(yield func(int, int) bool) {
					f()
					for key, value := range s.All() {
						yield(key, value)
					}
				})
			}},
			callback{"Snapshot.All", func(m cm, f func()) { seq(m.(*shardmap.Map[int, int]).Snapshot().All(), f) }},
			callback{"Snapshot.Keys", func(m cm, f func()) {
				f = third(f)
				for range m.(*shardmap.Map[int, int]).Snapshot().Keys() {
					f()
				}
			}},
			callback{"Snapshot.Values", func(m cm, f func()) {
				f = third(f)
				for range m.(*shardmap.Map[int, int]).Snapshot().Values() {
					f()
				}
			}},
			callback{"Snapshot.Diff", func(m cm, f func()) {
				f = third(f)
				for range m.(*shardmap.Map[int, int]).Snapshot().Diff(new(shardmap.Map[int, int]).Snapshot()) {
					f()
				}
			}},
		)
	}
	return all
}

// eachCallback runs f for each callback of each map, on a map with few entries and on one with many.
func eachCallback(t *testing.T, f func(t *testing.T, c callback, m shardmap.ConcurrentMap[int, int], want map[int]int)) {
	eachMap(t, func(t *testing.T, newMap func() shardmap.ConcurrentMap[int, int]) {
		for i, c := range callbacks(newMap()) {
			for _, n := range []int{3, 700} {
				t.Run(fmt.Sprintf("%s/n=%d", c.method, n), func(t *testing.T) {
					m := newMap()
					want := fill(m, n)
					f(t, callbacks(m)[i], m, want)
				})
			}
		}
	})
}

func TestPanicInCallbackLeavesMapIntact(t *testing.T) {
	sentinel := errors.New("panic of the callback")
	eachCallback(t, func(t *testing.T, c callback, m shardmap.ConcurrentMap[int, int], want map[int]int) {
		for range 3 {
			require.PanicsWithValue(t, sentinel, func() { c.call(m, func() { panic(sentinel) }) })
		}
		requireUsable(t, m, intKey, want)
	})
}

func TestGoexitInCallbackLeavesMapIntact(t *testing.T) {
	eachCallback(t, func(t *testing.T, c callback, m shardmap.ConcurrentMap[int, int], want map[int]int) {
		returned := false
		inTime(t, "Goexit", func() {
			c.call(m, runtime.Goexit)
			returned = true
		})
		require.False(t, returned, "the goroutine went on")
		requireUsable(t, m, intKey, want)
	})
}

func TestCallbackMayUseTheMap(t *testing.T) {
	type cm = shardmap.ConcurrentMap[int, int]
	uses := []struct {
		method string
		use    func(m cm, want map[int]int)
	}{
		{"Load", func(m cm, _ map[int]int) { m.Load(1) }},
		{"Store", func(m cm, want map[int]int) { m.Store(2, -2); want[2] = -2 }},
		{"Store/many", func(m cm, want map[int]int) {
			for i := range 300 {
				m.Store(1000+i, i)
				want[1000+i] = i
			}
		}},
		{"LoadOrStore", func(m cm, want map[int]int) { m.LoadOrStore(5000, 5); want[5000] = 5 }},
		{"LoadAndDelete", func(m cm, want map[int]int) { m.LoadAndDelete(2); delete(want, 2) }},
		{"Delete", func(m cm, want map[int]int) { m.Delete(0); delete(want, 0) }},
		{"Swap", func(m cm, want map[int]int) { m.Swap(0, -1); want[0] = -1 }},
		{"CompareAndSwap", func(m cm, want map[int]int) { m.CompareAndSwap(0, 0, -3); want[0] = -3 }},
		{"CompareAndDelete", func(m cm, want map[int]int) { m.CompareAndDelete(0, 0); delete(want, 0) }},
		{"Range", func(m cm, _ map[int]int) { m.Range(func(int, int) bool { return true }) }},
		{"Clear", func(m cm, want map[int]int) { m.Clear(); clear(want) }},
		{"Len", func(m cm, _ map[int]int) { m.Len() }},
		{"All, Keys, Values", func(m cm, _ map[int]int) {
			for range m.All() {
				for range m.Keys() {
					break
				}
				for range m.Values() {
					break
				}
				break
			}
		}},
		{"Compute", func(m cm, want map[int]int) {
			m.Compute(2, func(old int, _ bool) (int, shardmap.Op) { return -5, shardmap.Set })
			want[2] = -5
		}},
		{"LoadOrCompute", func(m cm, want map[int]int) {
			m.LoadOrCompute(6000, func() (int, error) { return 6, nil })
			want[6000] = 6
		}},
		{"DeleteFunc", func(m cm, want map[int]int) {
			m.DeleteFunc(func(key, _ int) bool { return key == 0 })
			delete(want, 0)
		}},
		{"Snapshot, Shrink, Clone", func(m cm, _ map[int]int) {
			if m, ok := m.(*shardmap.Map[int, int]); ok {
				m.Snapshot()
				m.Shrink()
				m.Clone().Clear()
			}
		}},
		{"Replace", func(m cm, want map[int]int) {
			if m, ok := m.(*shardmap.Map[int, int]); ok {
				m.Replace(func(yield func(int, int) bool) { yield(7, 7) })
				clear(want)
				want[7] = 7
			}
		}},
		{"Update", func(m cm, want map[int]int) {
			if m, ok := m.(*shardmap.AtomicMap[int, int]); ok {
				m.Update(func(m map[int]int) { m[8] = 8 })
				want[8] = 8
			}
		}},
	}
	eachCallback(t, func(t *testing.T, c callback, m cm, want map[int]int) {
		n := len(want)
		for _, u := range uses {
			m.Clear()
			want = fill(m, n)
			before := maps.Clone(want)
			inTime(t, u.method+" in "+c.method, func() {
				c.call(m, sync.OnceFunc(func() { u.use(m, want) })) // Compute and Update may call it again
			})
			if c.method == "Replace" { // publishes what was there before
				want = before
			}
			if err := checkContent(m, want); err != nil {
				t.Fatalf("after %s: %v", u.method, err)
			}
		}
		requireUsable(t, m, intKey, want)
	})
}
