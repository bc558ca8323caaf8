package shardmap

import (
	"errors"
	"math"
	"runtime"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// outcome is what a call of LoadOrCompute returned.
type outcome struct {
	value  string
	loaded bool
	err    error
}

// airport is a flights with a plain map to store into.
type airport[K comparable] struct {
	flights[K, string]
	mu     sync.Mutex
	stored map[K]string
}

func newAirport[K comparable]() *airport[K] { return &airport[K]{stored: map[K]string{}} }

func (a *airport[K]) get(key K) (string, bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	value, ok := a.stored[key]
	return value, ok
}

func (a *airport[K]) getOrPut(key K, value string) (string, bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if actual, ok := a.stored[key]; ok {
		return actual, true
	}
	a.stored[key] = value
	return value, false
}

func (a *airport[K]) remove(key K) {
	a.mu.Lock()
	defer a.mu.Unlock()
	delete(a.stored, key)
}

func (a *airport[K]) call(key K, load func() (string, error)) (o outcome) {
	o.value, o.loaded, o.err = a.loadOrCompute(key, load, a.get, a.getOrPut)
	return o
}

// start runs call in a goroutine of its own. It returns a channel for the outcome, which is closed
// without one if call does not return.
func (a *airport[K]) start(key K, load func() (string, error)) <-chan outcome {
	result := make(chan outcome, 1)
	go func() {
		defer close(result)
		defer func() { _ = recover() }()
		result <- a.call(key, load)
	}()
	return result
}

// requireAtRest checks that no flight is left behind.
func (a *airport[K]) requireAtRest(t *testing.T) {
	t.Helper()
	a.flights.mu.Lock()
	defer a.flights.mu.Unlock()
	require.Nil(t, a.calls)
}

func mustNotLoad(t *testing.T) func() (string, error) {
	return func() (string, error) {
		t.Error("load was called")
		return "", nil
	}
}

func returning(value string) func() (string, error) {
	return func() (string, error) { return value, nil }
}

// gated returns a load that reports its start, and then waits to be told how to end.
func gated() (load func() (string, error), started chan struct{}, end chan func() (string, error)) {
	started, end = make(chan struct{}, 100), make(chan func() (string, error))
	return func() (string, error) {
		started <- struct{}{}
		return (<-end)()
	}, started, end
}

const waiters = 10

// crowd starts one leader, whose load waits for end, and then waiters with the load given.
func crowd(a *airport[string], load func() (string, error)) (first <-chan outcome, others []<-chan outcome, end chan func() (string, error)) {
	leading, started, end := gated()
	first = a.start("k", leading)
	<-started
	for range waiters {
		others = append(others, a.start("k", load))
	}
	synctest.Wait() // all wait for the leader
	return first, others, end
}

func TestLoadRunsOncePerKeyAndItsValueIsShared(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newAirport[string]()
		first, others, end := crowd(a, mustNotLoad(t))
		end <- returning("v")
		assert.Equal(t, outcome{"v", false, nil}, <-first)
		for _, other := range others {
			assert.Equal(t, outcome{"v", true, nil}, <-other)
		}
		assert.Equal(t, outcome{"v", true, nil}, a.call("k", mustNotLoad(t)))
		a.requireAtRest(t)
	})
}

func TestValueIsSharedEvenIfItIsDeletedAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newAirport[string]()
		load, started, end := gated()
		first := make(chan outcome, 1)
		go func() {
			value, loaded, err := a.loadOrCompute("k", load, a.get, func(key, value string) (string, bool) {
				defer a.remove(key)
				return a.getOrPut(key, value)
			})
			first <- outcome{value, loaded, err}
		}()
		<-started
		other := a.start("k", mustNotLoad(t))
		synctest.Wait()
		end <- returning("v")
		assert.Equal(t, outcome{"v", false, nil}, <-first)
		assert.Equal(t, outcome{"v", true, nil}, <-other)
		a.requireAtRest(t)
	})
}

func TestLoadsOfDifferentKeysDoNotWaitForEachOther(t *testing.T) {
	a := newAirport[string]()
	got := a.call("outer", func() (string, error) {
		inner := a.call("inner", returning("i"))
		return inner.value + "o", inner.err
	})
	assert.Equal(t, outcome{"io", false, nil}, got)
	assert.Equal(t, map[string]string{"inner": "i", "outer": "io"}, a.stored)
	a.requireAtRest(t)
}

func TestErrorOfLoadIsSharedAndNothingIsStored(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, failure := newAirport[string](), errors.New("no")
		first, others, end := crowd(a, mustNotLoad(t))
		end <- func() (string, error) { return "ignored", failure }
		assert.Equal(t, outcome{"", false, failure}, <-first)
		for _, other := range others {
			assert.Equal(t, outcome{"", false, failure}, <-other)
		}
		assert.Empty(t, a.stored)
		a.requireAtRest(t)
		assert.Equal(t, outcome{"again", false, nil}, a.call("k", returning("again")))
	})
}

func TestWaitersTryAgainWhenLoadDoesNotReturn(t *testing.T) {
	for name, fate := range map[string]func() (string, error){
		"panic":  func() (string, error) { panic("lost") },
		"Goexit": func() (string, error) { runtime.Goexit(); return "", nil },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				a := newAirport[string]()
				second, started, secondEnd := gated()
				first, others, end := crowd(a, second)
				end <- fate
				_, returned := <-first
				require.False(t, returned)

				<-started
				synctest.Wait()
				require.Empty(t, started, "one waiter at a time runs its load")
				secondEnd <- returning("v")
				loaded := 0
				for _, other := range others {
					o, returned := <-other
					require.True(t, returned)
					require.Equal(t, "v", o.value)
					require.NoError(t, o.err)
					if o.loaded {
						loaded++
					}
				}
				require.Equal(t, waiters-1, loaded)
				a.requireAtRest(t)
			})
		})
	}
}

func TestPanicOfLoadGoesUpUnchangedInItsGoroutine(t *testing.T) {
	a := newAirport[string]()
	assert.PanicsWithValue(t, "mine", func() {
		a.call("k", func() (string, error) { panic("mine") })
	})
	a.requireAtRest(t)
	assert.Equal(t, outcome{"v", false, nil}, a.call("k", returning("v")))
}

func TestWaitersTryAgainWhenStoringPanics(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newAirport[string]()
		load, started, end := gated()
		first := make(chan any)
		go func() {
			defer func() { first <- recover() }()
			a.loadOrCompute("k", load, a.get, func(string, string) (string, bool) { panic("full") })
		}()
		<-started
		other := a.start("k", returning("mine"))
		synctest.Wait()
		end <- returning("lost")
		assert.Equal(t, "full", <-first)
		assert.Equal(t, outcome{"mine", false, nil}, <-other)
		a.requireAtRest(t)
	})
}

func TestValueStoredWhileLoadRanWins(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newAirport[string]()
		first, others, end := crowd(a, mustNotLoad(t))
		a.getOrPut("k", "theirs")
		assert.Equal(t, outcome{"theirs", true, nil}, a.call("k", mustNotLoad(t)), "no need to wait for what is there")
		end <- returning("ours")
		assert.Equal(t, outcome{"theirs", true, nil}, <-first)
		for _, other := range others {
			assert.Equal(t, outcome{"theirs", true, nil}, <-other)
		}
		a.requireAtRest(t)
	})
}

// A caller that misses the key just before another flight lands finds no flight to join.
func TestLoadDoesNotRunAgainForACallerThatMissedTheLanding(t *testing.T) {
	a, looks := newAirport[string](), 0
	get := func(key string) (string, bool) {
		if looks++; looks == 1 {
			defer a.getOrPut(key, "landed") // after the miss
		}
		return a.get(key)
	}
	value, loaded, err := a.loadOrCompute("k", mustNotLoad(t), get, a.getOrPut)
	assert.Equal(t, outcome{"landed", true, nil}, outcome{value, loaded, err})
	a.requireAtRest(t)
}

// Linearizability: the value was deleted before the late caller began, so it may not be given it.
func TestCallerThatComesAfterStoringLooksForItself(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newAirport[string]()
		stored, proceed := make(chan struct{}), make(chan struct{})
		first := make(chan outcome, 1)
		go func() {
			value, loaded, err := a.loadOrCompute("k", returning("old"), a.get, func(key, value string) (string, bool) {
				defer func() { close(stored); <-proceed }()
				return a.getOrPut(key, value)
			})
			first <- outcome{value, loaded, err}
		}()
		<-stored
		a.remove("k")
		late := a.start("k", returning("new"))
		synctest.Wait()
		close(proceed)
		assert.Equal(t, outcome{"old", false, nil}, <-first)
		assert.Equal(t, outcome{"new", false, nil}, <-late)
		a.requireAtRest(t)
	})
}

func TestKeysNotEqualToThemselvesAreLoadedByEachCaller(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newAirport[float64]()
		load, started, end := gated()
		first, second := a.start(math.NaN(), load), a.start(math.NaN(), load)
		<-started
		<-started // both at once
		end <- returning("a")
		end <- returning("b")
		assert.ElementsMatch(t, []outcome{{"a", false, nil}, {"b", false, nil}}, []outcome{<-first, <-second})
		assert.Len(t, a.stored, 2)

		failure := errors.New("no")
		assert.Equal(t, outcome{"", false, failure}, a.call(math.NaN(), func() (string, error) { return "ignored", failure }))
		assert.Len(t, a.stored, 2)
		a.requireAtRest(t)
	})
}

func TestNilLoadPanicsEvenIfTheKeyIsPresent(t *testing.T) {
	a := newAirport[string]()
	a.stored["present"] = "v"
	for _, key := range []string{"present", "absent"} {
		assert.PanicsWithValue(t, "shardmap: LoadOrCompute: nil load function", func() { a.call(key, nil) })
	}
	a.requireAtRest(t)
}

func TestUncomparableKeyLeavesFlightsUsable(t *testing.T) {
	a := newAirport[any]()
	get := func(any) (string, bool) { return "", false } // one that does not panic itself
	assert.Panics(t, func() { a.loadOrCompute([]int{}, mustNotLoad(t), get, a.getOrPut) })
	a.requireAtRest(t)
	assert.Equal(t, outcome{"v", false, nil}, a.call("k", returning("v")))
}

// Properties, with G goroutines that make N calls each for few keys, and delete them now and then:
//  1. At no time do two loads of one key run.
//  2. Every caller gets a value that a load of its own key returned, and no error.
//  3. Of each value exactly one caller is told that it was not loaded.
//  4. Afterwards no flight is left.
func TestConcurrentLoadsOfAKeyExcludeEachOther(t *testing.T) {
	const goroutines, calls, keys = 8, 2000, 3
	type made struct{ key, serial int }
	var (
		f       flights[int, made]
		m       sync.Map
		running [keys]sync.Mutex
		serial  [keys]int // guarded by running
		firsts  sync.Map  // made: true
		start   = make(chan struct{})
		wg      sync.WaitGroup
	)
	get := func(key int) (v made, ok bool) {
		if x, ok := m.Load(key); ok {
			return x.(made), true
		}
		return v, false
	}
	getOrPut := func(key int, v made) (made, bool) {
		actual, loaded := m.LoadOrStore(key, v)
		return actual.(made), loaded
	}
	for g := range goroutines {
		wg.Go(func() {
			<-start
			for i := range calls {
				key := (g + i) % keys
				value, loaded, err := f.loadOrCompute(key, func() (made, error) {
					if !running[key].TryLock() {
						t.Error("two loads of one key at once")
						return made{}, nil
					}
					defer running[key].Unlock()
					runtime.Gosched()
					serial[key]++
					return made{key, serial[key]}, nil
				}, get, getOrPut)
				if err != nil || value.key != key || value.serial == 0 {
					t.Errorf("got %v, %v for key %d", value, err, key)
				}
				if !loaded {
					if _, twice := firsts.LoadOrStore(value, true); twice {
						t.Errorf("%v was stored twice", value)
					}
				}
				if i%3 == 0 {
					m.Delete(key)
				}
			}
		})
	}
	close(start)
	wg.Wait()
	for key, last := range serial {
		for n := 1; n <= last; n++ {
			_, ok := firsts.Load(made{key, n})
			assert.True(t, ok, "nobody stored value %d of key %d", n, key)
		}
	}
	assert.Nil(t, f.calls)
}
