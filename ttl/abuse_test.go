package ttl_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"runtime"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/shardmap-go/shardmap"
	"github.com/shardmap-go/shardmap/ttl"
)

func TestNewPanicsNamingTheBadOptionAndItsValue(t *testing.T) {
	for _, c := range []struct {
		option ttl.Option
		want   string
	}{
		{ttl.WithLifetime(ttl.Lifetime{TTL: -time.Second}), "ttl: WithLifetime: TTL -1s: must not be negative"},
		{ttl.WithLifetime(ttl.Lifetime{Idle: -time.Second}), "ttl: WithLifetime: Idle -1s: must not be negative"},
		{ttl.WithLifetime(ttl.Lifetime{Jitter: -time.Second}), "ttl: WithLifetime: Jitter -1s: must not be negative"},
		{ttl.WithMaxEntries(0, ttl.Evict), "ttl: WithMaxEntries: 0 entries: want a number from 1 to 2147483647"},
		{ttl.WithMaxEntries(-7, ttl.Evict), "ttl: WithMaxEntries: -7 entries: want a number from 1 to 2147483647"},
		{ttl.WithMaxEntries(1, 0), "ttl: WithMaxEntries: policy Policy(0): want Reject or Evict"},
		{ttl.WithMaxEntries(1, 9), "ttl: WithMaxEntries: policy Policy(9): want Reject or Evict"},
		{ttl.WithClock(nil), "ttl: WithClock: clock <nil>: want a function"},
		{ttl.WithInterval(0), "ttl: WithInterval: interval 0s: must be positive"},
		{ttl.WithInterval(-1), "ttl: WithInterval: interval -1ns: must be positive"},
		{ttl.WithOnEvict[string, int](nil), "ttl: WithOnEvict: function <nil>: want a function"},
		{
			ttl.WithOnEvict(func(int, int, ttl.Reason) {}),
			"ttl: WithOnEvict: function of type func(int, int, ttl.Reason): this map needs a func(string, int, ttl.Reason)",
		},
	} {
		require.PanicsWithValue(t, c.want, func() { ttl.New[string, int](c.option) })
	}
}

func TestTheZeroMapAndANilMap(t *testing.T) {
	var m ttl.Map[string, int]
	require.Zero(t, m.Collect())
	m.Clear()
	require.Zero(t, m.Snapshot().Len())
	require.NoError(t, m.Store("key", 1))
	value, ok := m.Snapshot().Load("key")
	require.True(t, ok)
	require.Equal(t, 1, value)
	require.Zero(t, m.Collect())

	var none *ttl.Map[string, int]
	require.Panics(t, func() { none.Load("key") })
	var empty ttl.Snapshot[string, int]
	_, ok = empty.Load("key")
	require.False(t, ok)
	require.Zero(t, empty.Len())
}

func TestKeysThatAreNotEqualToThemselvesAreRefused(t *testing.T) {
	m := ttl.New[float64, int](ttl.WithMaxEntries(1, ttl.Reject))
	nan := math.NaN()
	_, _, swapErr := m.Swap(nan, 1)
	_, _, loadErr := m.LoadOrStore(nan, 1)
	_, _, computeErr := m.Compute(nan, func(int, bool) (int, shardmap.Op) { t.Error("called"); return 1, shardmap.Set })
	_, lazyErr := m.LoadOrCompute(t.Context(), nan, func(context.Context) (int, ttl.Lifetime, error) {
		t.Error("called")
		return 1, ttl.Lifetime{}, nil
	})
	for _, err := range []error{m.Store(nan, 1), m.StoreFor(nan, 1, ttl.Lifetime{TTL: 1}), swapErr, loadErr, computeErr, lazyErr} {
		require.ErrorIs(t, err, ttl.ErrKey)
	}
	require.EqualError(t, swapErr, "ttl: Swap: key NaN: is not equal to itself, and could never be found again")
	_, ok := m.Load(nan)
	require.False(t, ok)
	_, ok = m.LoadAndDelete(nan)
	require.False(t, ok)
	require.False(t, m.CompareAndSwap(nan, 0, 1))
	require.False(t, m.CompareAndDelete(nan, 0))
	m.Delete(nan)
	require.Zero(t, m.Len())
	require.NoError(t, m.Store(0, 1), "no place was lost")
}

func TestUncomparableKeysAndValuesPanicAndChangeNothing(t *testing.T) {
	m := ttl.New[any, any](ttl.WithMaxEntries(1, ttl.Reject))
	bad := []int{1}
	for name, f := range map[string]func(){
		"Load":           func() { m.Load(bad) },
		"Store":          func() { _ = m.Store(bad, 1) },
		"StoreFor":       func() { _ = m.StoreFor(bad, 1, ttl.Lifetime{TTL: time.Hour}) },
		"Swap":           func() { _, _, _ = m.Swap(bad, 1) },
		"LoadOrStore":    func() { _, _, _ = m.LoadOrStore(bad, 1) },
		"Delete":         func() { m.Delete(bad) },
		"CompareAndSwap": func() { m.CompareAndSwap(bad, 1, 1) },
		"Compute":        func() { _, _, _ = m.Compute(bad, func(any, bool) (any, shardmap.Op) { return 1, shardmap.Set }) },
		"LoadOrCompute": func() {
			_, _ = m.LoadOrCompute(t.Context(), bad, func(context.Context) (any, ttl.Lifetime, error) { return 1, ttl.Lifetime{}, nil })
		},
	} {
		require.Panics(t, f, name)
	}
	require.PanicsWithValue(t, "ttl: CompareAndSwap: old value of type []int: is not comparable", func() { m.CompareAndSwap(1, bad, 1) })
	require.PanicsWithValue(t, "ttl: CompareAndDelete: old value of type []int: is not comparable", func() { m.CompareAndDelete(1, bad) })
	require.NoError(t, m.Store("key", bad), "an uncomparable value is a value")
	require.False(t, m.CompareAndSwap("key", 1, 2))
	require.Equal(t, 1, m.Len())
}

func TestBadArgumentsPanicNamingThem(t *testing.T) {
	var m ttl.Map[string, int]
	require.PanicsWithValue(t, "ttl: StoreFor: Idle -1ns: must not be negative", func() { _ = m.StoreFor("key", 1, ttl.Lifetime{Idle: -1}) })
	require.PanicsWithValue(t, "ttl: StoreFor: Jitter -1ns: must not be negative", func() { _ = m.StoreFor("key", 1, ttl.Lifetime{Jitter: -1}) })
	require.PanicsWithValue(t, "ttl: LoadOrCompute: load function <nil>: want a function", func() { _, _ = m.LoadOrCompute(t.Context(), "key", nil) })
	load := func(context.Context) (int, ttl.Lifetime, error) { return 1, ttl.Lifetime{Idle: -1}, nil }
	require.PanicsWithValue(t, "ttl: LoadOrCompute: context <nil>: want a context", func() {
		var none context.Context
		_, _ = m.LoadOrCompute(none, "key", load)
	})
	p := recovered(func() { _, _ = m.LoadOrCompute(t.Context(), "key", load) })
	require.Equal(t, "ttl: LoadOrCompute: load: Idle -1ns: must not be negative", p.(*ttl.PanicError).Value)
	require.PanicsWithValue(t, "ttl: Compute: op 77: want Keep, Set or Remove", func() {
		_, _, _ = m.Compute("key", func(int, bool) (int, shardmap.Op) { return 1, 77 })
	})
	require.Zero(t, m.Len())
}

func TestANegativeTTLIsOverAtOnce(t *testing.T) {
	var reasons []ttl.Reason
	m := ttl.New[string, int](ttl.WithOnEvict(func(_ string, _ int, reason ttl.Reason) { reasons = append(reasons, reason) }))
	require.NoError(t, m.Store("key", 1))
	require.NoError(t, m.StoreFor("key", 2, ttl.Lifetime{TTL: math.MinInt64}))
	_, ok := m.Load("key")
	require.False(t, ok)
	require.Equal(t, []ttl.Reason{ttl.Replaced, ttl.Expired}, reasons)
}

func TestCallbacksThatPanicOrExitChangeNothing(t *testing.T) {
	m := ttl.New[string, int](ttl.WithMaxEntries(2, ttl.Reject))
	require.NoError(t, m.Store("key", 1))
	for _, end := range []func(){func() { panic("no more") }, runtime.Goexit} {
		for name, f := range map[string]func(){
			"Compute": func() {
				_, _, _ = m.Compute("key", func(int, bool) (int, shardmap.Op) { end(); return 2, shardmap.Set })
			},
			"Compute absent": func() {
				_, _, _ = m.Compute("new", func(int, bool) (int, shardmap.Op) { end(); return 2, shardmap.Set })
			},
			"Range":      func() { m.Range(func(string, int) bool { end(); return true }) },
			"DeleteFunc": func() { m.DeleteFunc(func(string, int) bool { end(); return true }) },
		} {
			ended := make(chan bool)
			go func() {
				defer close(ended)
				defer func() { _ = recover() }()
				f()
				ended <- true
			}()
			require.False(t, <-ended, name)
			value, _ := m.Load("key")
			require.Equal(t, 1, value, name)
			require.Equal(t, 1, m.Len(), name)
		}
	}
	require.NoError(t, m.Store("second", 2), "no place was lost")
}

// TestOnEvictMayPanicExitOrUseTheMap tries that for each way in which entries leave.
func TestOnEvictMayPanicExitOrUseTheMap(t *testing.T) {
	for name, f := range map[string]func(m *ttl.Map[int, int], clock *fakeClock){
		"Store":             func(m *ttl.Map[int, int], _ *fakeClock) { _ = m.Store(1, 2) },
		"Delete":            func(m *ttl.Map[int, int], _ *fakeClock) { m.Delete(1) },
		"Clear":             func(m *ttl.Map[int, int], _ *fakeClock) { m.Clear() },
		"Evict":             func(m *ttl.Map[int, int], _ *fakeClock) { _ = m.Store(100, 1) },
		"Load of expired":   func(m *ttl.Map[int, int], c *fakeClock) { c.advance(time.Hour); m.Load(1) },
		"Store of expired":  func(m *ttl.Map[int, int], c *fakeClock) { c.advance(time.Hour); _ = m.Store(1, 1) },
		"Delete of expired": func(m *ttl.Map[int, int], c *fakeClock) { c.advance(time.Hour); m.Delete(1) },
		"Collect":           func(m *ttl.Map[int, int], c *fakeClock) { c.advance(time.Hour); m.Collect() },
	} {
		for _, end := range []string{"panic", "exit", "use"} {
			t.Run(fmt.Sprintf("%s/%s", name, end), func(t *testing.T) {
				const n = 10
				var clock fakeClock
				var m *ttl.Map[int, int]
				left := map[int]int{}
				armed := true
				m = ttl.New[int, int](ttl.WithClock(clock.now), ttl.WithLifetime(ttl.Lifetime{TTL: time.Minute}),
					ttl.WithMaxEntries(n, ttl.Evict), ttl.WithOnEvict(func(key, value int, _ ttl.Reason) {
						left[value]++
						switch {
						case !armed:
						case end == "panic":
							panic("no more")
						case end == "exit":
							runtime.Goexit()
						default:
							armed = false
							assert.NoError(t, m.Store(key, 1000+value))
							m.Load(key)
							m.Collect()
							m.Delete(key)
							armed = true
						}
					}))
				for i := range n {
					require.NoError(t, m.Store(i, -i))
				}
				ended := make(chan bool)
				go func() {
					defer close(ended)
					defer func() { _ = recover() }()
					f(m, &clock)
				}()
				<-ended
				armed = false
				require.NotEmpty(t, left)
				m.Clear()
				for i := range n {
					require.Equal(t, 1, left[-i], "the value of %d was reported so often", i)
				}
				for i := range n {
					require.NoError(t, m.Store(i, i), "no place was lost")
				}
				require.Equal(t, n, m.Len())
			})
		}
	}
}

func TestRejectRefusesNewKeysAndLosesNothing(t *testing.T) {
	var clock fakeClock
	m := ttl.New[int, int](ttl.WithClock(clock.now), ttl.WithMaxEntries(3, ttl.Reject))
	for i := range 3 {
		require.NoError(t, m.StoreFor(i, i, ttl.Lifetime{TTL: time.Duration(i+1) * time.Second}))
	}
	err := m.Store(3, 3)
	require.ErrorIs(t, err, ttl.ErrFull)
	require.EqualError(t, err, "ttl: Store: key 3: the map is full")
	actual, loaded, err := m.LoadOrStore(3, 4)
	require.ErrorIs(t, err, ttl.ErrFull)
	require.False(t, loaded)
	require.Equal(t, 4, actual, "it is returned all the same")
	for i := range 3 {
		value, ok := m.Load(i)
		require.True(t, ok)
		require.Equal(t, i, value)
	}
	require.NoError(t, m.StoreFor(1, 10, ttl.Lifetime{TTL: time.Hour}), "replacing needs no room")
	clock.advance(time.Second)
	require.NoError(t, m.Store(3, 3), "0 has expired, and nobody had to collect it before")
	require.True(t, errors.Is(m.Store(4, 4), ttl.ErrFull))
}

func TestAStoreThatMakesRoomReportsAllThoughOnEvictPanics(t *testing.T) {
	const n = 300
	var clock fakeClock
	reports := map[int]int{}
	m := ttl.New[int, int](ttl.WithClock(clock.now), ttl.WithMaxEntries(n, ttl.Reject), ttl.WithLifetime(ttl.Lifetime{TTL: time.Second}),
		ttl.WithOnEvict(func(key, _ int, _ ttl.Reason) {
			reports[key]++
			panic("no more")
		}))
	for i := range n {
		require.NoError(t, m.Store(i, i))
	}
	clock.advance(time.Second)
	require.NotNil(t, recovered(func() { _ = m.Store(n, n) }))
	require.Len(t, reports, n)
	_, ok := m.Load(n)
	require.True(t, ok)
	require.Equal(t, 1, m.Len())
}

func TestEvictKeepsWhatIsLoaded(t *testing.T) {
	for _, procs := range []int{1, 16} { // a map has more stripes, and fewer entries in each, with more of them
		t.Run(strconv.Itoa(procs), func(t *testing.T) {
			defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(procs))
			testEvictKeepsWhatIsLoaded(t)
		})
	}
}

func testEvictKeepsWhatIsLoaded(t *testing.T) {
	const max, hot = 1000, 300
	evicted := 0
	m := ttl.New[int, int](ttl.WithMaxEntries(max, ttl.Evict), ttl.WithOnEvict(func(_, _ int, reason ttl.Reason) {
		require.Equal(t, ttl.Evicted, reason)
		evicted++
	}))
	misses := 0
	for i := range 100 * max { // a scan, with loads of the hot keys in between
		require.NoError(t, m.Store(hot+i, i))
		if _, ok := m.Load(i % hot); !ok {
			misses++
			require.NoError(t, m.Store(i%hot, i))
		}
		require.LessOrEqual(t, m.Len(), max)
	}
	require.Equal(t, 100*max+misses-m.Len(), evicted)
	// If entries went by chance, a hot key would miss more than every fifth time. Each misses once, as it comes.
	require.Less(t, misses, 100*max/100, "hot keys were evicted again and again")
	t.Logf("%d misses", misses)
}

func TestJitterShortensTheTTLByLessThanItself(t *testing.T) {
	var clock fakeClock
	m := ttl.New[int, int](ttl.WithClock(clock.now), ttl.WithLifetime(ttl.Lifetime{TTL: 100 * time.Second, Jitter: 10 * time.Second}))
	const n = 1000
	for i := range n {
		require.NoError(t, m.Store(i, i))
	}
	clock.advance(90 * time.Second)
	require.Equal(t, n, m.Snapshot().Len(), "nothing expires before TTL - Jitter")
	clock.advance(5 * time.Second)
	require.InDelta(t, n/2, m.Snapshot().Len(), n/4)
	clock.advance(5 * time.Second)
	require.Zero(t, m.Snapshot().Len(), "nothing lives longer than TTL")
	require.NoError(t, m.StoreFor(1, 1, ttl.Lifetime{TTL: time.Second, Jitter: time.Hour}), "Jitter above TTL is TTL")
}

func TestALimitHoldsThoughManyInsertAtOnce(t *testing.T) {
	m := ttl.New[int, int](ttl.WithMaxEntries(1, ttl.Evict))
	done := make(chan bool)
	for id := range 8 {
		go func() {
			defer func() { done <- true }()
			for i := range amount(2000) {
				if err := m.Store(id*10+i%3, i); err != nil {
					t.Error(err)
				}
				if n := m.Held(); n > 1 { // Len is not exact while others write
					t.Errorf("%d entries", n)
				}
				m.Delete(id * 10)
			}
		}()
	}
	for range 8 {
		<-done
	}
}

func TestReadsAndUpdatesAllocateWhatTheirCommentsSay(t *testing.T) {
	if raceDetector {
		t.Skip("the race detector allocates")
	}
	load := func(context.Context) (*int, ttl.Lifetime, error) { panic("never called") }
	value := new(int)
	for _, c := range []struct {
		name    string
		options []ttl.Option
		store   float64
	}{
		{"fixed", []ttl.Option{ttl.WithLifetime(ttl.Lifetime{TTL: time.Hour})}, 1},
		{"idle", []ttl.Option{ttl.WithLifetime(ttl.Lifetime{Idle: time.Hour})}, 2},
		{"idle short", []ttl.Option{ttl.WithLifetime(ttl.Lifetime{TTL: time.Hour, Idle: time.Minute, Jitter: time.Minute})}, 2},
		{"evict", []ttl.Option{ttl.WithMaxEntries(10, ttl.Evict)}, 1},
		{"forever", nil, 1},
	} {
		m := ttl.New[string, *int](c.options...)
		require.NoError(t, m.Store("key", value))
		require.Zero(t, testing.AllocsPerRun(100, func() { m.Load("key") }), c.name)
		require.Zero(t, testing.AllocsPerRun(100, func() { m.Load("absent") }), c.name)
		require.Zero(t, testing.AllocsPerRun(100, func() { _, _, _ = m.LoadOrStore("key", nil) }), c.name)
		require.Zero(t, testing.AllocsPerRun(100, func() { _, _ = m.LoadOrCompute(context.Background(), "key", load) }), c.name)
		require.Zero(t, testing.AllocsPerRun(100, func() { m.Delete("absent") }), c.name)
		require.Equal(t, c.store, testing.AllocsPerRun(100, func() { _ = m.Store("key", value) }), c.name)
	}
}
