package shardmap

import (
	"maps"
	"math/rand/v2"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// fill stores 0 to n-1 under keys equal to them.
func fill(m ConcurrentMap[int, int], n int) {
	for i := range n {
		m.Store(i, i)
	}
}

// leaveBy runs f in a goroutine of its own, which it may leave by panic or Goexit.
func leaveBy(f func()) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		defer func() { _ = recover() }()
		f()
	}()
	<-done
}

func TestCallbacksMayLeaveInAnyWay(t *testing.T) {
	for name, leave := range map[string]func(){"panic": func() { panic("x") }, "Goexit": runtime.Goexit} {
		t.Run(name, func(t *testing.T) {
			forSimpleMaps(t, func(t *testing.T, m ConcurrentMap[int, int]) {
				fill(m, 10)
				leaveBy(func() { m.Range(func(int, int) bool { leave(); return true }) })
				leaveBy(func() { m.All()(func(int, int) bool { leave(); return true }) })
				leaveBy(func() { m.Keys()(func(int) bool { leave(); return true }) })
				leaveBy(func() { m.Values()(func(int) bool { leave(); return true }) })
				leaveBy(func() { m.Compute(1, func(int, bool) (int, Op) { leave(); return 0, Remove }) })
				leaveBy(func() { m.DeleteFunc(func(int, int) bool { leave(); return true }) })
				leaveBy(func() { m.LoadOrCompute(99, func() (int, error) { leave(); return 0, nil }) })
				if m, ok := m.(*AtomicMap[int, int]); ok {
					leaveBy(func() { m.Update(func(next map[int]int) { clear(next); leave() }) })
				}
				requireUsable(t, m)
				assert.Len(t, contentOf(t, m), 10)
				_, loaded, err := m.LoadOrCompute(99, func() (int, error) { return 1, nil })
				assert.False(t, loaded)
				assert.NoError(t, err)
			})
		})
	}
}

func TestIterationStopsWhenToldAndShowsOneInstant(t *testing.T) {
	forSimpleMaps(t, func(t *testing.T, m ConcurrentMap[int, int]) {
		fill(m, 10)
		want := contentOf(t, m)
		calls := 0
		m.Range(func(int, int) bool { calls++; return calls < 3 })
		for range m.All() {
			calls++
			break
		}
		for range m.Keys() {
			calls++
			break
		}
		for range m.Values() {
			calls++
			break
		}
		assert.Equal(t, 6, calls)

		seen := map[int]int{}
		for key, value := range m.All() { // the body does what it likes to the map
			seen[key] = value
			m.Store(key, -1)
			m.Store(key+100, 1)
			m.Delete((key + 1) % 10)
			if len(seen) == 5 {
				m.Clear()
			}
		}
		assert.Equal(t, want, seen)

		m.Clear()
		all, keys, values := m.All(), m.Keys(), m.Values()
		m.Store(1, 2)
		for range 2 { // an iterator can be run again, and begins when run
			assert.Equal(t, map[int]int{1: 2}, maps.Collect(all))
			assert.Equal(t, []int{1}, slices.Collect(keys))
			assert.Equal(t, []int{2}, slices.Collect(values))
		}
	})
}

func TestComputeDoesWhatItsCallbackSays(t *testing.T) {
	type result struct {
		value   string
		present bool
	}
	forSimpleMaps(t, func(t *testing.T, m ConcurrentMap[int, string]) {
		compute := func(want result, value string, op Op) (r result) {
			r.value, r.present = m.Compute(1, func(old string, loaded bool) (string, Op) {
				assert.Equal(t, want, result{old, loaded})
				return value, op
			})
			return r
		}
		absent := result{}
		assert.Equal(t, absent, compute(absent, "ignored", Keep))
		assert.Equal(t, absent, compute(absent, "ignored", Remove))
		assert.Equal(t, result{"a", true}, compute(absent, "a", Set))
		assert.Equal(t, result{"a", true}, compute(result{"a", true}, "ignored", Keep))
		assert.Equal(t, result{"", true}, compute(result{"a", true}, "", Set))
		assert.Equal(t, absent, compute(result{"", true}, "ignored", Remove))
		assert.Zero(t, m.Len())

		m.Store(1, "a")
		assert.PanicsWithValue(t, "shardmap: Compute: Op(7) is none of Keep, Set, Remove", func() {
			compute(result{"a", true}, "b", Op(7))
		})
		requireUsable(t, m)
		assert.Equal(t, map[int]string{1: "a"}, contentOf(t, m))
	})
}

func TestComputeRunsItsCallbackAgainExactlyIfTheEntryChanged(t *testing.T) {
	type m = ConcurrentMap[int, []int]
	one, two := []int{1}, []int{2}
	for name, c := range map[string]struct {
		before, meanwhile func(m)
		runs              int
		want              map[int][]int
	}{
		"stored":         {func(m m) { m.Store(1, one) }, func(m m) { m.Store(1, two) }, 2, map[int][]int{1: {2, 0}}},
		"inserted":       {func(m m) {}, func(m m) { m.Store(1, two) }, 2, map[int][]int{1: {2, 0}}},
		"deleted":        {func(m m) { m.Store(1, one) }, func(m m) { m.Delete(1) }, 2, map[int][]int{1: {0}}},
		"cleared":        {func(m m) { m.Store(1, one) }, func(m m) { m.Clear() }, 2, map[int][]int{1: {0}}},
		"other stored":   {func(m m) { m.Store(1, one) }, func(m m) { m.Store(2, two) }, 1, map[int][]int{1: {1, 0}, 2: {2}}},
		"other, absent":  {func(m m) {}, func(m m) { m.Store(2, two) }, 1, map[int][]int{1: {0}, 2: {2}}},
		"other deleted":  {func(m m) { m.Store(1, one); m.Store(2, two) }, func(m m) { m.Delete(2) }, 1, map[int][]int{1: {1, 0}}},
		"nothing at all": {func(m m) { m.Store(1, one) }, func(m m) {}, 1, map[int][]int{1: {1, 0}}},
	} {
		t.Run(name, func(t *testing.T) {
			forSimpleMaps(t, func(t *testing.T, m ConcurrentMap[int, []int]) {
				c.before(m)
				runs := 0
				m.Compute(1, func(old []int, _ bool) ([]int, Op) {
					if runs++; runs == 1 {
						c.meanwhile(m)
					}
					return append(slices.Clone(old), 0), Set
				})
				assert.Equal(t, c.runs, runs)
				assert.Equal(t, c.want, contentOf(t, m))
			})
		})
	}
}

func TestComputeRemovesOnlyWhatItsCallbackSaw(t *testing.T) {
	forSimpleMaps(t, func(t *testing.T, m ConcurrentMap[int, string]) {
		m.Store(1, "idle")
		_, present := m.Compute(1, func(old string, _ bool) (string, Op) {
			if old == "idle" {
				m.Store(1, "busy")
				return "", Remove
			}
			return "", Keep
		})
		assert.True(t, present)
		assert.Equal(t, map[int]string{1: "busy"}, contentOf(t, m))
	})
}

func TestDeleteFuncDeletesWhatItsCallbackSaw(t *testing.T) {
	forSimpleMaps(t, func(t *testing.T, m ConcurrentMap[int, int]) {
		fill(m, 100)
		assert.Equal(t, 50, m.DeleteFunc(func(key, _ int) bool { return key%2 == 0 }))
		assert.Equal(t, 0, m.DeleteFunc(func(key, _ int) bool { return key%2 == 0 }))
		assert.Equal(t, 50, m.Len())

		// Each of these keys is changed, deleted, replaced by the same, or left alone once it was seen.
		asked := map[int][]int{}
		n := m.DeleteFunc(func(key, value int) bool {
			asked[key] = append(asked[key], value)
			if len(asked[key]) == 1 {
				switch key {
				case 1:
					m.Store(1, 1000) // pred will be asked again, and say no
				case 3:
					m.Store(3, 4) // again, and say yes
				case 5:
					m.Delete(5)
				case 7:
					m.Store(7, 7)
				}
				m.Store(key+1000, key)
			}
			return key <= 9 && value < 10
		})
		assert.Equal(t, 3, n, "3, 7 and 9")
		assert.Equal(t, []int{1, 1000}, asked[1])
		assert.Equal(t, []int{3, 4}, asked[3])
		assert.Equal(t, []int{9}, asked[9])
		content := contentOf(t, m)
		assert.Equal(t, 1000, content[1])
		for _, key := range []int{3, 5, 7, 9} {
			assert.NotContains(t, content, key)
		}
		assert.Len(t, content, 50-4+50)
		requireUsable(t, m)
	})
}

// Properties, with G goroutines that make N changes each through one map:
//  1. Increments by Compute, by Update, and by Load with CompareAndSwap, are never lost.
//  2. Of the goroutines that delete one entry, one is told that it did.
//  3. Of the goroutines that insert one key, one is told that it did.
//  4. DeleteFunc counts each entry that it deleted once, also when two run at once.
func TestConcurrentChangesOfSimpleMapsAreNeitherLostNorDoubled(t *testing.T) {
	const goroutines, changes, counters = 8, 500, 4
	forSimpleMaps(t, func(t *testing.T, m ConcurrentMap[int, int]) {
		var inserted, deleted [goroutines]int
		start := make(chan struct{})
		var wg sync.WaitGroup
		for g := range goroutines {
			wg.Go(func() {
				r := rand.New(rand.NewPCG(uint64(g), 0))
				<-start
				for range changes {
					counter := r.IntN(counters)
					if a, ok := m.(*AtomicMap[int, int]); ok && r.IntN(2) == 0 {
						a.Update(func(next map[int]int) { next[counter]++ })
					} else {
						m.Compute(counter, func(old int, _ bool) (int, Op) { return old + 1, Set })
					}
					for key, done := r.IntN(counters), false; !done; {
						if old, ok := m.Load(key); ok {
							done = m.CompareAndSwap(key, old, old+1)
						} else {
							_, loaded := m.LoadOrStore(key, 1)
							done = !loaded
						}
					}
					key := counters + r.IntN(counters)
					if _, loaded := m.LoadOrStore(key, g); !loaded {
						inserted[g]++
					}
					switch key := counters + r.IntN(counters); r.IntN(3) {
					case 0:
						if _, loaded := m.LoadAndDelete(key); loaded {
							deleted[g]++
						}
					case 1:
						if m.CompareAndDelete(key, g) {
							deleted[g]++
						}
					case 2:
						deleted[g] += m.DeleteFunc(func(key, value int) bool { return key >= counters && value == g })
					}
				}
			})
		}
		close(start)
		wg.Wait()
		balance, sum := 0, 0
		for g := range goroutines {
			balance += inserted[g] - deleted[g]
		}
		for key, value := range m.All() {
			if key < counters {
				sum += value
			} else {
				balance--
			}
		}
		assert.Equal(t, 2*goroutines*changes, sum)
		assert.Zero(t, balance, "inserted - deleted - present")
	})
}

func TestUpdatePublishesAllItsChangesAtOnce(t *testing.T) {
	const updates = 500
	var m AtomicMap[string, int]
	var wg sync.WaitGroup
	done := make(chan struct{})
	for range 2 {
		wg.Go(func() {
			for range updates {
				m.Update(func(next map[string]int) {
					next["a"]++
					next["b"]++
				})
			}
		})
	}
	go func() { wg.Wait(); close(done) }()
	for finished := false; !finished; {
		select {
		case <-done:
			finished = true
		default:
			runtime.Gosched() // for a single processor without preemption
		}
		content := maps.Collect(m.All())
		require.Equal(t, content["a"], content["b"])
	}
	assert.Equal(t, map[string]int{"a": 2 * updates, "b": 2 * updates}, m.ToMap())
}

func TestUpdateBeginsAgainWithTheLatestContent(t *testing.T) {
	var m AtomicMap[string, int]
	runs := 0
	m.Update(func(next map[string]int) {
		require.NotNil(t, next)
		if runs++; runs == 1 {
			m.Store("theirs", 1)
			assert.Empty(t, next, "the copy is not the map")
		}
		next["ours"] = next["theirs"] + 1
	})
	assert.Equal(t, 2, runs)
	assert.Equal(t, map[string]int{"theirs": 1, "ours": 2}, m.ToMap())
}

func TestPublishedMapIsNeverChanged(t *testing.T) {
	var m AtomicMap[int, int]
	fill(&m, 10)
	published := m.current.Load()
	entries, want := published.entries, maps.Clone(published.entries)
	m.Store(1, 7)
	m.Store(11, 7)
	m.Delete(2)
	m.CompareAndSwap(3, 3, 7)
	m.CompareAndDelete(4, 4)
	m.Compute(5, func(int, bool) (int, Op) { return 7, Set })
	m.DeleteFunc(func(key, _ int) bool { return key == 6 })
	m.Update(func(next map[int]int) { clear(next) })
	require.NoError(t, m.UnmarshalJSON([]byte(`{"8":9}`)))
	m.Clear()
	assert.Equal(t, want, entries)
}

func TestWritesThatChangeNothingPublishNothing(t *testing.T) {
	var m AtomicMap[int, int]
	nothing := func() {
		m.Delete(99)
		m.LoadAndDelete(99)
		m.LoadOrStore(1, 2)
		m.CompareAndSwap(1, 2, 3)
		m.CompareAndDelete(1, 2)
		m.Compute(1, func(old int, _ bool) (int, Op) { return 0, Keep })
		m.Compute(99, func(old int, _ bool) (int, Op) { return 0, Remove })
		m.DeleteFunc(func(int, int) bool { return false })
		require.NoError(t, m.UnmarshalJSON([]byte(`null`)))
	}
	fill(&m, 10)
	before := m.current.Load()
	nothing()
	assert.Same(t, before, m.current.Load())

	assert.Zero(t, m.DeleteFunc(func(key, _ int) bool {
		m.Delete(key) // by the time it says so there is nothing left to do
		before = m.current.Load()
		return true
	}))
	assert.Same(t, before, m.current.Load())
}

func TestReadersOfAtomicMapDoNotWaitForWriters(t *testing.T) {
	var m AtomicMap[int, int]
	fill(&m, 3)
	m.writers.Lock() // a writer that takes its time
	defer m.writers.Unlock()
	_, ok := m.Load(1)
	assert.True(t, ok)
	assert.Len(t, maps.Collect(m.All()), 3)
	assert.Equal(t, 3, m.Len())
	assert.Len(t, m.ToMap(), 3)
	assert.True(t, strings.HasPrefix(m.String(), "shardmap.AtomicMap["))
	_, loaded := m.LoadOrStore(1, 2)
	assert.True(t, loaded)
	m.Clear()
	assert.Zero(t, m.Len())
}

func TestAtomicMapLetsGoOfTheSizeThatItHad(t *testing.T) {
	const large = 100_000
	var m AtomicMap[int, int]
	m.Update(func(next map[int]int) {
		for i := range large {
			next[i] = i
		}
	})
	m.Update(func(next map[int]int) { maps.DeleteFunc(next, func(key, _ int) bool { return key >= 10 }) })
	m.Store(1, 1) // builds it anew
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	m.Store(2, 2)
	runtime.ReadMemStats(&after)
	assert.Less(t, after.TotalAlloc-before.TotalAlloc, uint64(large), "bytes for copying ten entries")
	assert.Equal(t, 10, m.Len())
}
