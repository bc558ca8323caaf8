package ttl_test

import (
	"context"
	"errors"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/shardmap-go/shardmap/ttl"
)

// These tests run in a bubble: time passes when everybody waits, and the test fails if a goroutine is left behind.

var errLoad = errors.New("cannot load")

func TestLoadRunsOnceForAllWhoMissAndItsLifetimeCounts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := ttl.New[string, int](ttl.WithLifetime(ttl.Lifetime{TTL: time.Hour}))
		var calls atomic.Int32
		load := func(context.Context) (int, ttl.Lifetime, error) {
			time.Sleep(time.Second)
			return int(calls.Add(1)), ttl.Lifetime{TTL: time.Minute}, nil
		}
		var group sync.WaitGroup
		for range 10 {
			group.Go(func() {
				value, err := m.LoadOrCompute(t.Context(), "key", load)
				assert.NoError(t, err)
				assert.Equal(t, 1, value)
			})
		}
		group.Wait()
		time.Sleep(time.Minute - 1)
		value, err := m.LoadOrCompute(t.Context(), "key", load)
		require.Equal(t, 1, value)
		require.NoError(t, err)
		time.Sleep(time.Nanosecond)
		_, ok := m.Load("key")
		require.False(t, ok, "the minute is over")
		value, err = m.LoadOrCompute(t.Context(), "key", load)
		require.Equal(t, 2, value)
		require.NoError(t, err)
	})
}

func TestLoadLifetimeDefaultsToTheMaps(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := ttl.New[string, int](ttl.WithLifetime(ttl.Lifetime{TTL: time.Minute}))
		for key, l := range map[string]ttl.Lifetime{"default": {}, "forever": {TTL: ttl.Forever}, "over": {TTL: -1}} {
			value, err := m.LoadOrCompute(t.Context(), key, func(context.Context) (int, ttl.Lifetime, error) { return 7, l, nil })
			require.Equal(t, 7, value)
			require.NoError(t, err)
			_, ok := m.Load(key)
			require.Equal(t, key != "over", ok)
		}
		time.Sleep(time.Minute)
		_, ok := m.Load("default")
		require.False(t, ok)
		_, ok = m.Load("forever")
		require.True(t, ok)
	})
}

func TestLoadErrorIsSharedAndCachedOnlyIfAskedFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		evicted := 0
		m := ttl.New[string, int](ttl.WithOnEvict(func(string, int, ttl.Reason) { evicted++ }))
		calls := 0
		try := func(l ttl.Lifetime) error {
			_, err := m.LoadOrCompute(t.Context(), "key", func(context.Context) (int, ttl.Lifetime, error) {
				calls++
				return 5, l, errLoad
			})
			return err
		}
		require.ErrorIs(t, try(ttl.Lifetime{}), errLoad)
		require.ErrorIs(t, try(ttl.Lifetime{TTL: time.Second}), errLoad)
		require.Equal(t, 2, calls, "the first error was not to be cached")
		time.Sleep(time.Second - 1)
		require.ErrorIs(t, try(ttl.Lifetime{}), errLoad)
		require.Equal(t, 2, calls)

		_, ok := m.Load("key")
		require.False(t, ok, "an error is no value")
		for range m.All() {
			t.Error("an error is no value")
		}
		require.Zero(t, m.Snapshot().Len())
		require.False(t, m.CompareAndSwap("key", 0, 1))

		time.Sleep(time.Nanosecond)
		require.ErrorIs(t, try(ttl.Lifetime{TTL: time.Second}), errLoad)
		require.Equal(t, 3, calls, "the second is over")
		m.Delete("key")
		require.ErrorIs(t, try(ttl.Lifetime{TTL: time.Second}), errLoad)
		require.Equal(t, 4, calls, "deleting the key ends it")
		require.NoError(t, m.Store("key", 1))
		require.NoError(t, try(ttl.Lifetime{}), "and so does storing")
		require.Zero(t, evicted)
	})
}

// TestLoadGoesOnForTheOthersWhenOneLeaves: the one who began it leaves, first.
func TestLoadGoesOnForTheOthersWhenOneLeaves(t *testing.T) {
	type contextKey struct{}
	synctest.Test(t, func(t *testing.T) {
		var m ttl.Map[string, string]
		load := func(ctx context.Context) (string, ttl.Lifetime, error) {
			_, hasDeadline := ctx.Deadline()
			assert.False(t, hasDeadline)
			select {
			case <-ctx.Done():
				return "", ttl.Lifetime{}, ctx.Err()
			case <-time.After(time.Minute):
				return ctx.Value(contextKey{}).(string), ttl.Lifetime{}, nil
			}
		}
		begin := time.Now()
		first, cancel := context.WithTimeout(context.WithValue(t.Context(), contextKey{}, "first"), time.Second)
		defer cancel()
		var group sync.WaitGroup
		group.Go(func() {
			_, err := m.LoadOrCompute(first, "key", load)
			assert.ErrorIs(t, err, context.DeadlineExceeded)
			assert.Equal(t, time.Second, time.Since(begin), "it leaves at once")
		})
		synctest.Wait()
		value, err := m.LoadOrCompute(context.WithValue(t.Context(), contextKey{}, "second"), "key", load)
		require.NoError(t, err)
		require.Equal(t, "first", value, "the values are those of the first caller's context")
		group.Wait()
	})
}

func TestLoadContextEndsWhenTheLastCallerLeaves(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var m ttl.Map[string, string]
		cancelled := false
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		_, err := m.LoadOrCompute(ctx, "key", func(ctx context.Context) (string, ttl.Lifetime, error) {
			<-ctx.Done()
			cancelled = true
			time.Sleep(time.Hour) // it takes its time
			return "late", ttl.Lifetime{}, nil
		})
		require.ErrorIs(t, err, context.DeadlineExceeded)
		value, err := m.LoadOrCompute(t.Context(), "key", func(context.Context) (string, ttl.Lifetime, error) {
			return "next", ttl.Lifetime{TTL: time.Minute}, nil
		})
		require.NoError(t, err)
		synctest.Wait()
		require.Equal(t, "next", value, "who comes later has nothing to do with it")
		require.True(t, cancelled)
		time.Sleep(2 * time.Hour)
		value, ok := m.Load("key")
		require.True(t, ok)
		require.Equal(t, "late", value, "a value that comes late is kept if there is none")
	})
}

func TestLoadIsNotStartedForAContextThatHasEnded(t *testing.T) {
	var m ttl.Map[string, int]
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := m.LoadOrCompute(ctx, "key", noLoad(t))
	require.ErrorIs(t, err, context.Canceled)
	require.NoError(t, m.Store("key", 1))
	value, err := m.LoadOrCompute(ctx, "key", noLoad(t))
	require.NoError(t, err, "what is there is there")
	require.Equal(t, 1, value)
}

// noLoad returns a loader that must not be called.
func noLoad(t *testing.T) func(context.Context) (int, ttl.Lifetime, error) {
	return func(context.Context) (int, ttl.Lifetime, error) {
		t.Error("the loader was called")
		return 0, ttl.Lifetime{}, nil
	}
}

func TestLoadPanicReachesAllWhoWaitAndStoresNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var m ttl.Map[string, int]
		var group sync.WaitGroup
		for range 5 {
			group.Go(func() {
				p := recovered(func() {
					_, _ = m.LoadOrCompute(t.Context(), "key", func(context.Context) (int, ttl.Lifetime, error) {
						time.Sleep(time.Second)
						panic(errLoad)
					})
				})
				err, ok := p.(*ttl.PanicError)
				if !ok {
					t.Errorf("panics with %v", p)
					return
				}
				assert.ErrorIs(t, err, errLoad)
				assert.Contains(t, err.Error(), "TestLoadPanicReaches", "the stack")
			})
		}
		group.Wait()
		require.Zero(t, m.Len())
		requireLoads(t, &m)
	})
}

func TestLoadThatExitsWakesAllWhoWaitAndStoresNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var m ttl.Map[string, int]
		var group sync.WaitGroup
		for range 5 {
			group.Go(func() {
				_, err := m.LoadOrCompute(t.Context(), "key", func(context.Context) (int, ttl.Lifetime, error) {
					time.Sleep(time.Second)
					runtime.Goexit()
					return 1, ttl.Lifetime{}, nil
				})
				assert.ErrorIs(t, err, ttl.ErrNoResult)
			})
		}
		group.Wait()
		require.Zero(t, m.Len())
		requireLoads(t, &m)
	})
}

// requireLoads checks that nothing is left of a load that failed.
func requireLoads(t *testing.T, m *ttl.Map[string, int]) {
	t.Helper()
	value, err := m.LoadOrCompute(t.Context(), "key", func(context.Context) (int, ttl.Lifetime, error) { return 3, ttl.Lifetime{}, nil })
	require.NoError(t, err)
	require.Equal(t, 3, value)
}

func TestLoadedValueDoesNotReplaceOneThatWasStoredMeanwhile(t *testing.T) {
	var m ttl.Map[string, int]
	value, err := m.LoadOrCompute(t.Context(), "key", func(context.Context) (int, ttl.Lifetime, error) {
		require.NoError(t, m.Store("key", 1))
		return 2, ttl.Lifetime{}, nil
	})
	require.NoError(t, err)
	require.Equal(t, 1, value)
}

func TestLoadedValueIsReturnedThoughTheMapIsFull(t *testing.T) {
	m := ttl.New[string, int](ttl.WithMaxEntries(1, ttl.Reject))
	require.NoError(t, m.Store("other", 1))
	value, err := m.LoadOrCompute(t.Context(), "key", func(context.Context) (int, ttl.Lifetime, error) {
		return 2, ttl.Lifetime{}, nil
	})
	require.ErrorIs(t, err, ttl.ErrFull)
	require.EqualError(t, err, "ttl: LoadOrCompute: key key: the map is full")
	require.Equal(t, 2, value)
}

// Who calls when the loader has returned, but its value is not stored, is not given that value
// unless it is there when it looks for itself. OnEvict, which the store of the value calls, holds the flight there.
func TestLoadIsNotSharedWithThoseWhoCameAfterItReturned(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		hold := make(chan struct{})
		m := ttl.New[string, int](ttl.WithMaxEntries(1, ttl.Evict), ttl.WithOnEvict(func(key string, _ int, _ ttl.Reason) {
			if key == "victim" {
				<-hold
			}
		}))
		require.NoError(t, m.Store("victim", 0))
		var group sync.WaitGroup
		load := func(value int) {
			group.Go(func() {
				got, err := m.LoadOrCompute(t.Context(), "key", func(context.Context) (int, ttl.Lifetime, error) {
					return value, ttl.Lifetime{}, nil
				})
				assert.NoError(t, err)
				assert.Equal(t, value, got)
			})
		}
		load(1)
		synctest.Wait() // 1 is stored, and its flight has not landed
		m.Delete("key")
		load(2)
		synctest.Wait()
		close(hold)
		group.Wait()
	})
}

func TestOnEvictThatPanicsWhenALoadedValueIsStoredReachesTheCallerAndTheValueIsThere(t *testing.T) {
	m := ttl.New[string, int](ttl.WithMaxEntries(1, ttl.Evict), ttl.WithOnEvict(func(string, int, ttl.Reason) { panic("evicted") }))
	require.NoError(t, m.Store("victim", 0))
	p := recovered(func() {
		_, _ = m.LoadOrCompute(t.Context(), "key", func(context.Context) (int, ttl.Lifetime, error) { return 1, ttl.Lifetime{}, nil })
	})
	require.Equal(t, "evicted", p.(*ttl.PanicError).Value)
	value, ok := m.Load("key")
	require.True(t, ok)
	require.Equal(t, 1, value)
}
