package shardmap_test

import (
	"errors"
	"fmt"
	"iter"
	"maps"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/shardmap-go/shardmap"
)

// What callbacks see when the map changes under them: iterations that go on, and functions that are asked again.

func TestIterationStopsWhereItIsToldTo(t *testing.T) {
	eachMap(t, func(t *testing.T, newMap func() shardmap.ConcurrentMap[int, int]) {
		for _, n := range []int{1, 5, 700} {
			m := newMap()
			want := fill(m, n)
			for _, stop := range []int{1, 2, n/2 + 1, n} {
				stop = min(stop, n)
				for name, visit := range map[string]func(f func() bool){
					"Range":  func(f func() bool) { m.Range(func(int, int) bool { return f() }) },
					"All":    func(f func() bool) { m.All()(func(int, int) bool { return f() }) },
					"Keys":   func(f func() bool) { m.Keys()(func(int) bool { return f() }) },
					"Values": func(f func() bool) { m.Values()(func(int) bool { return f() }) },
				} {
					calls := 0
					visit(func() bool { calls++; return calls < stop })
					require.Equal(t, stop, calls, "%s told to stop after %d of %d", name, stop, n)
				}
			}
			requireUsable(t, m, intKey, want)
		}
	})
}

func TestIteratorsCanBePulledAndAbandoned(t *testing.T) {
	eachMap(t, func(t *testing.T, newMap func() shardmap.ConcurrentMap[int, int]) {
		m := newMap()
		fill(m, 700)
		next, stop := iter.Pull2(m.All())
		for range 5 {
			key, value, ok := next()
			require.True(t, ok && value == 10*key)
		}
		m.Store(1, 10)
		m.Clear() // while the iterator is suspended
		stop()
		_, _, ok := next()
		require.False(t, ok)

		want := fill(m, 700)
		twice := m.All() // an iterator can be run again, and shows what is there then
		for range 2 {
			require.Equal(t, want, maps.Collect(twice))
			m.Delete(3)
			delete(want, 3)
		}
		requireUsable(t, m, intKey, want)
	})
}

func TestRangeWhoseCallbackClearsTheMapEnds(t *testing.T) {
	eachMap(t, func(t *testing.T, newMap func() shardmap.ConcurrentMap[int, int]) {
		m := newMap()
		want := fill(m, 700)
		inTime(t, "Range", func() {
			seen := make(map[int]bool)
			m.Range(func(key, value int) bool {
				if seen[key] || want[key] != value {
					t.Errorf("Range shows %d → %d; shown before: %v", key, value, seen[key])
				}
				seen[key] = true
				m.Clear()
				return true
			})
		})
		requireUsable(t, m, intKey, map[int]int{})
	})
}

func TestRangeWhoseCallbackAddsEntriesEnds(t *testing.T) {
	eachMap(t, func(t *testing.T, newMap func() shardmap.ConcurrentMap[int, int]) {
		m := newMap()
		fill(m, 10)
		added := 0
		inTime(t, "Range", func() {
			seen := make(map[int]bool)
			m.Range(func(key, _ int) bool {
				if seen[key] {
					t.Errorf("Range shows %d twice", key)
				}
				seen[key] = true
				for range 5 { // however many of these are shown, each adds five more
					added++
					m.Store(1000+added, added)
				}
				return added < 20_000
			})
			for key := range 10 {
				if !seen[key] && added < 20_000 {
					t.Errorf("Range does not show %d", key)
				}
			}
		})
		require.Equal(t, 10+added, m.Len())
	})
}

func TestComputeRunsAgainIfTheEntryHasChanged(t *testing.T) {
	eachMap(t, func(t *testing.T, newMap func() shardmap.ConcurrentMap[int, int]) {
		m := newMap()
		m.Store(1, 10)
		var olds []int
		change := []func(){func() { m.Store(1, 20) }, func() { m.Delete(1) }, func() { m.Store(1, 30) }, func() {}}
		value, present := m.Compute(1, func(old int, loaded bool) (int, shardmap.Op) {
			require.Equal(t, old != 0, loaded)
			olds = append(olds, old)
			change[len(olds)-1]()
			return old + 1, shardmap.Set
		})
		require.Equal(t, []int{10, 20, 0, 30}, olds)
		require.True(t, value == 31 && present)

		calls := 0
		value, present = m.Compute(1, func(old int, loaded bool) (int, shardmap.Op) {
			if calls++; calls == 1 {
				m.Store(1, 40)
				return 0, shardmap.Remove
			}
			return 0, shardmap.Keep
		})
		require.True(t, calls == 2 && value == 40 && present, "removed, or kept, what it had not seen")

		m.Clear()
		calls = 0
		value, present = m.Compute(2, func(old int, loaded bool) (int, shardmap.Op) {
			if calls++; calls == 1 {
				m.Store(2, 50)
			}
			return old + 1, shardmap.Set
		})
		require.True(t, calls == 2 && value == 51 && present, "overwrote an entry it had not seen")
	})
}

func TestComputeWithAnUnknownOpPanicsAndChangesNothing(t *testing.T) {
	eachMap(t, func(t *testing.T, newMap func() shardmap.ConcurrentMap[int, int]) {
		m := newMap()
		want := fill(m, 10)
		for _, op := range []shardmap.Op{3, 7, 255} {
			for _, key := range []int{1, absent} {
				require.PanicsWithValue(t, fmt.Sprintf("shardmap: Compute: Op(%d) is none of Keep, Set, Remove", op), func() {
					m.Compute(key, func(int, bool) (int, shardmap.Op) { return 99, op })
				})
			}
		}
		requireUsable(t, m, intKey, want)
	})
}

func TestDeleteFuncAsksAgainIfTheEntryHasChanged(t *testing.T) {
	eachMap(t, func(t *testing.T, newMap func() shardmap.ConcurrentMap[int, int]) {
		m := newMap()
		want := fill(m, 700)
		asked := 0
		deleted := m.DeleteFunc(func(key, value int) bool {
			if key != 5 {
				return false
			}
			if asked++; asked == 1 {
				m.Store(5, 55)
				return true // of a value that is gone by now
			}
			return false
		})
		require.Zero(t, deleted)
		require.Equal(t, 2, asked)
		want[5] = 55

		deleted = m.DeleteFunc(func(key, value int) bool {
			m.Delete(key) // somebody else is faster
			return key < 600
		})
		require.Zero(t, deleted)
		requireUsable(t, m, intKey, map[int]int{})
	})
}

func TestPanicInDeleteFuncDeletesOnlyWhatWasAskedAbout(t *testing.T) {
	eachMap(t, func(t *testing.T, newMap func() shardmap.ConcurrentMap[int, int]) {
		m := newMap()
		want := fill(m, 700)
		asked := make(map[int]bool)
		require.PanicsWithValue(t, "enough", func() {
			m.DeleteFunc(func(key, _ int) bool {
				if len(asked) == 350 {
					panic("enough")
				}
				asked[key] = true
				return true
			})
		})
		for key := range asked {
			if _, ok := m.Load(key); !ok {
				delete(want, key)
			}
		}
		requireUsable(t, m, intKey, want)
	})
}

func TestUpdateThatFailsPublishesNothing(t *testing.T) {
	var m shardmap.AtomicMap[int, int]
	want := fill(&m, 100)
	require.PanicsWithValue(t, "half-way", func() {
		m.Update(func(m map[int]int) {
			clear(m)
			panic("half-way")
		})
	})
	inTime(t, "Update", func() {
		m.Update(func(m map[int]int) {
			m[1] = 99
			runtime.Goexit()
		})
	})
	requireUsable(t, &m, intKey, want)

	calls := 0
	m.Update(func(next map[int]int) {
		if calls++; calls == 1 {
			m.Store(absent, 1) // which makes it begin again
		}
		next[2] = next[absent]
	})
	want[absent], want[2] = 1, 1
	require.Equal(t, 2, calls)
	requireUsable(t, &m, intKey, want)
}

func TestLoadOrComputeWithoutLoadPanics(t *testing.T) {
	eachMap(t, func(t *testing.T, newMap func() shardmap.ConcurrentMap[int, int]) {
		m := newMap()
		want := fill(m, 10)
		for _, key := range []int{1, absent} {
			require.PanicsWithValue(t, "shardmap: LoadOrCompute: nil load function", func() { m.LoadOrCompute(key, nil) })
		}
		requireUsable(t, m, intKey, want)
	})
}

func TestLoadOrComputeStoresNothingIfLoadFails(t *testing.T) {
	failure := errors.New("no value")
	eachMap(t, func(t *testing.T, newMap func() shardmap.ConcurrentMap[int, int]) {
		m := newMap()
		want := fill(m, 10)
		value, loaded, err := m.LoadOrCompute(absent, func() (int, error) { return 7, failure })
		require.True(t, value == 0 && !loaded && err == failure)
		require.PanicsWithValue(t, failure, func() { m.LoadOrCompute(absent, func() (int, error) { panic(failure) }) })
		inTime(t, "Goexit", func() {
			m.LoadOrCompute(absent, func() (int, error) { runtime.Goexit(); return 7, nil })
		})
		requireUsable(t, m, intKey, want)

		value, loaded, err = m.LoadOrCompute(absent, func() (int, error) { return 8, nil })
		require.True(t, value == 8 && !loaded && err == nil)
	})
}

func TestLoadOrComputeKeepsWhatWasStoredWhileLoadRan(t *testing.T) {
	eachMap(t, func(t *testing.T, newMap func() shardmap.ConcurrentMap[int, int]) {
		m := newMap()
		value, loaded, err := m.LoadOrCompute(1, func() (int, error) { m.Store(1, 10); return 11, nil })
		require.True(t, value == 10 && loaded && err == nil)
		failure := errors.New("no value")
		value, loaded, err = m.LoadOrCompute(2, func() (int, error) { m.Store(2, 20); return 21, failure })
		require.True(t, value == 0 && !loaded && err == failure)
		value, loaded, err = m.LoadOrCompute(3, func() (int, error) { m.Store(3, 30); m.Clear(); return 31, nil })
		require.True(t, value == 31 && !loaded && err == nil)
		requireUsable(t, m, intKey, map[int]int{3: 31})
	})
}

func TestLoadOrComputeOfOtherKeysWorksInsideLoad(t *testing.T) {
	eachMap(t, func(t *testing.T, newMap func() shardmap.ConcurrentMap[int, int]) {
		m, want := newMap(), make(map[int]int)
		var factorial func(n int) int
		factorial = func(n int) int {
			value, _, err := m.LoadOrCompute(n, func() (int, error) {
				if n == 0 {
					return 1, nil
				}
				return n * factorial(n-1), nil
			})
			if err != nil {
				t.Error(err)
			}
			want[n] = value
			return value
		}
		inTime(t, "LoadOrCompute", func() { factorial(12) })
		require.Equal(t, 479001600, want[12])
		requireUsable(t, m, intKey, want)
	})
}

// callers runs LoadOrCompute of one key in n goroutines at once and returns what they got.
func callers(t *testing.T, m shardmap.ConcurrentMap[int, int], n int, load func() (int, error)) []outcome {
	outcomes := make([]outcome, n)
	var start, done sync.WaitGroup
	start.Add(n)
	for i := range n {
		done.Go(func() {
			defer func() { outcomes[i].panicked = recover() }()
			start.Done()
			start.Wait()
			outcomes[i].value, outcomes[i].loaded, outcomes[i].err = m.LoadOrCompute(1, load)
			outcomes[i].returned = true
		})
	}
	inTime(t, "LoadOrCompute", done.Wait)
	return outcomes
}

type outcome struct {
	value            int
	loaded, returned bool
	err              error
	panicked         any
}

func TestOneGoroutineLoadsForAll(t *testing.T) {
	eachMap(t, func(t *testing.T, newMap func() shardmap.ConcurrentMap[int, int]) {
		for round := range 200 {
			m := newMap()
			var loads atomic.Int32
			stored := 0
			for _, o := range callers(t, m, 8, func() (int, error) { runtime.Gosched(); return int(loads.Add(1)) + 10, nil }) {
				require.True(t, o.returned && o.value == 11 && o.err == nil, "round %d: %+v", round, o)
				if !o.loaded {
					stored++
				}
			}
			require.Equal(t, int32(1), loads.Load())
			require.Equal(t, 1, stored, "goroutines that say they stored the value")
		}
	})
}

func TestWaitersShareTheErrorOfTheirLoad(t *testing.T) {
	eachMap(t, func(t *testing.T, newMap func() shardmap.ConcurrentMap[int, int]) {
		const rounds, goroutines = 200, 8
		var loads atomic.Int32
		for range rounds {
			m := newMap()
			for _, o := range callers(t, m, goroutines, func() (int, error) {
				for range 20 { // let others come and wait
					runtime.Gosched()
				}
				return 7, fmt.Errorf("load %d", loads.Add(1))
			}) {
				require.True(t, o.returned && o.value == 0 && !o.loaded, "%+v", o)
				require.Error(t, o.err)
			}
			require.Zero(t, m.Len())
		}
		require.GreaterOrEqual(t, loads.Load(), int32(rounds))
		require.Less(t, loads.Load(), int32(rounds*goroutines), "no load was ever shared")
	})
}

func TestWaitersTryAgainIfTheLoadPanicsOrExits(t *testing.T) {
	eachMap(t, func(t *testing.T, newMap func() shardmap.ConcurrentMap[int, int]) {
		for round := range 200 {
			m := newMap()
			var loads atomic.Int32
			outcomes := callers(t, m, 8, func() (int, error) {
				runtime.Gosched()
				switch n := loads.Add(1); {
				case n == 1:
					panic("first load")
				case n == 2:
					runtime.Goexit()
				}
				return 30, nil
			})
			panicked, exited, stored := 0, 0, 0
			for _, o := range outcomes {
				switch {
				case o.panicked != nil:
					require.Equal(t, "first load", o.panicked)
					panicked++
				case !o.returned:
					exited++
				default:
					require.True(t, o.value == 30 && o.err == nil, "round %d: %+v", round, o)
					if !o.loaded {
						stored++
					}
				}
			}
			require.Equal(t, []int{1, 1, 1}, []int{panicked, exited, stored}, "panicked, exited, stored the value")
			require.Equal(t, int32(3), loads.Load())
			require.Equal(t, 1, m.Len())
		}
	})
}
