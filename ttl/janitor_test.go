package ttl_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/shardmap-go/shardmap/ttl"
)

// runnable is what controller-runtime wants of what is added to a manager, without requiring it.
type runnable interface {
	Start(ctx context.Context) error
	NeedLeaderElection() bool
}

var _ runnable = (*ttl.Map[string, int])(nil)

func TestJanitorCollectsAtItsIntervalUntilTheContextEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) { // which fails if a goroutine is left behind
		begin := time.Now()
		var gone []time.Duration
		m := ttl.New[int, int](
			ttl.WithInterval(10*time.Second),
			ttl.WithOnEvict(func(key, _ int, reason ttl.Reason) {
				require.Equal(t, ttl.Expired, reason)
				gone = append(gone, time.Since(begin))
			}))
		for i := range 3 {
			require.NoError(t, m.StoreFor(i, i, ttl.Lifetime{TTL: time.Duration(i)*20*time.Second + 5*time.Second}))
		}
		ctx, cancel := context.WithCancel(t.Context())
		stopped := make(chan error)
		go func() { stopped <- m.Start(ctx) }()
		time.Sleep(31 * time.Second)
		synctest.Wait()
		require.Equal(t, []time.Duration{10 * time.Second, 30 * time.Second}, gone)
		require.Equal(t, 1, m.Len())
		cancel()
		require.NoError(t, <-stopped)
		time.Sleep(time.Hour)
		require.Len(t, gone, 2, "nobody collects any more")
		_, ok := m.Load(2)
		require.False(t, ok, "but what has expired is absent")
		require.Len(t, gone, 3)
	})
}

func TestJanitorOfTheZeroMapRunsOncePerSecondAndSeveralAtOnceDoNoHarm(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var m ttl.Map[int, int]
		ctx, cancel := context.WithCancel(t.Context())
		stopped := make(chan error)
		for range 3 {
			go func() { stopped <- m.Start(ctx) }()
		}
		require.NoError(t, m.StoreFor(1, 1, ttl.Lifetime{TTL: 1500 * time.Millisecond}))
		time.Sleep(1900 * time.Millisecond)
		synctest.Wait()
		require.Equal(t, 1, m.Len())
		time.Sleep(200 * time.Millisecond)
		synctest.Wait()
		require.Zero(t, m.Len())
		cancel()
		for range 3 {
			require.NoError(t, <-stopped)
		}
	})
}

func TestJanitorPassesOnAPanicOfOnEvictAndLosesNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		gone := 0
		m := ttl.New[int, int](ttl.WithOnEvict(func(key, _ int, _ ttl.Reason) {
			if gone++; key%3 == 0 {
				panic(key)
			}
		}))
		const n = 1000
		for i := range n {
			require.NoError(t, m.StoreFor(i, i, ttl.Lifetime{TTL: time.Second}))
		}
		starts := 0
		for ; m.Len() > 0; starts++ {
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			if recovered(func() { _ = m.Start(ctx) }) == nil {
				require.Zero(t, m.Len(), "the last ones may be none at which it panics")
			}
			cancel()
		}
		require.Equal(t, n, gone)
		require.Greater(t, n, starts, "of each batch, the others are reported too")
	})
}

// TestExpiryIsExactByTheSystemsClock: in a bubble that clock stands still unless somebody sleeps.
func TestExpiryIsExactByTheSystemsClock(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := ttl.New[string, int](ttl.WithLifetime(ttl.Lifetime{Idle: 16 * time.Second, TTL: time.Minute}))
		require.NoError(t, m.Store("key", 1))
		loads := 0
		begin := time.Now()
		for _, ok := m.Load("key"); ok; _, ok = m.Load("key") {
			loads++
			time.Sleep(15 * time.Second)
		}
		require.Equal(t, 4, loads, "at 0, 15, 30 and 45 seconds")
		require.Equal(t, time.Minute, time.Since(begin))

		require.NoError(t, m.Store("key", 1))
		time.Sleep(16*time.Second - 1)
		require.Equal(t, 1, m.Snapshot().Len())
		time.Sleep(time.Nanosecond)
		require.Zero(t, m.Snapshot().Len(), "looking is no use")
		_, ok := m.Load("key")
		require.False(t, ok)
	})
}
