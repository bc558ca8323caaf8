package ttl_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/shardmap-go/shardmap"
	"github.com/shardmap-go/shardmap/ttl"
)

// mutexCache is what most programs have today: a mutex, a map, and a deadline per entry. As in cluster-api's util/cache,
// which is made of client-go's expiration cache, a load locks exclusively, for it may have to delete. Its janitor looks
// at everything.
type mutexCache struct {
	mu      sync.Mutex
	entries map[string]mutexEntry
	ttl     time.Duration
}

type mutexEntry struct {
	value    *int
	deadline time.Time
}

func (c *mutexCache) Load(key string) (*int, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	e, ok := c.entries[key]
	if ok && time.Now().After(e.deadline) {
		delete(c.entries, key)
		return nil, false
	}
	return e.value, ok
}

func (c *mutexCache) Store(key string, value *int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.entries[key] = mutexEntry{value, time.Now().Add(c.ttl)}
}

func (c *mutexCache) Collect() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	n, now := 0, time.Now()
	for key, e := range c.entries {
		if now.After(e.deadline) {
			delete(c.entries, key)
			n++
		}
	}
	return n
}

type store interface {
	Load(key string) (*int, bool)
	Store(key string, value *int)
}

// lossless is a ttl.Map that cannot be full.
type lossless struct{ *ttl.Map[string, *int] }

func (m lossless) Store(key string, value *int) {
	if err := m.Map.Store(key, value); err != nil {
		panic(err)
	}
}

var implementations = []struct {
	name string
	make func() store
}{
	{"ttl.Map", func() store {
		return lossless{ttl.New[string, *int](ttl.WithLifetime(ttl.Lifetime{TTL: time.Hour}))}
	}},
	{"ttl.Map,idle", func() store {
		return lossless{ttl.New[string, *int](ttl.WithLifetime(ttl.Lifetime{Idle: time.Hour}))}
	}},
	{"ttl.Map,evict", func() store {
		return lossless{ttl.New[string, *int](ttl.WithLifetime(ttl.Lifetime{TTL: time.Hour}), ttl.WithMaxEntries(2_000_000, ttl.Evict))}
	}},
	{"ttl.Map,forever", func() store { return lossless{ttl.New[string, *int]()} }},
	{"mutex", func() store { return &mutexCache{entries: map[string]mutexEntry{}, ttl: time.Hour} }},
	{"shardmap.Map", func() store { return new(shardmap.Map[string, *int]) }}, // which expires nothing
}

func benchKeys(n int) []string {
	keys := make([]string, n)
	for i := range keys {
		keys[i] = fmt.Sprintf("namespace-%d/name-%d", i%10, i)
	}
	rand.Shuffle(n, func(i, j int) { keys[i], keys[j] = keys[j], keys[i] })
	return keys
}

// BenchmarkMaps measures single operations on keys that are there, one goroutine per processor.
func BenchmarkMaps(b *testing.B) {
	for _, op := range []string{"load", "store", "mix90"} {
		for _, n := range []int{1000, 100_000} {
			keys := benchKeys(n)
			for _, impl := range implementations {
				b.Run(fmt.Sprintf("op=%s/n=%d/impl=%s", op, n, impl.name), func(b *testing.B) {
					m := impl.make()
					value := new(int)
					for _, key := range keys {
						m.Store(key, value)
					}
					var start atomic.Uint32
					b.ReportAllocs()
					b.ResetTimer()
					b.RunParallel(func(pb *testing.PB) {
						for i := start.Add(uint32(n / 3)); pb.Next(); i++ {
							key := keys[i%uint32(n)]
							if op == "store" || op == "mix90" && i%10 == 0 {
								m.Store(key, value)
							} else if _, ok := m.Load(key); !ok {
								b.Error("missing")
							}
						}
					})
				})
			}
		}
	}
}

// BenchmarkInsert stores keys that are not there, from an empty map on.
func BenchmarkInsert(b *testing.B) {
	keys := benchKeys(100_000)
	value := new(int)
	for _, impl := range implementations {
		b.Run("n=100000/impl="+impl.name, func(b *testing.B) {
			b.ReportAllocs()
			for range b.N {
				m := impl.make()
				for _, key := range keys {
					m.Store(key, value)
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*len(keys)), "ns/insert")
		})
	}
}

// BenchmarkJanitor has a million entries of which one per cent expire each second, and are stored anew. It reports what a
// pass per second costs, as a part of one processor's time, if it has one to itself. The other janitor looks at a million
// entries of which none has expired.
func BenchmarkJanitor(b *testing.B) {
	const n, life = 1_000_000, 100 * time.Second
	keys := benchKeys(n)
	value := new(int)
	report := func(b *testing.B, passes time.Duration) {
		b.ReportMetric(passes.Seconds()/float64(b.N)*100, "%core")
	}
	b.Run("impl=ttl.Map", func(b *testing.B) {
		var clock fakeClock
		m := ttl.New[string, *int](ttl.WithClock(clock.now), ttl.WithLifetime(ttl.Lifetime{TTL: life}))
		for i, key := range keys {
			_ = m.StoreFor(key, value, ttl.Lifetime{TTL: life * time.Duration(i+1) / n})
		}
		collected, next := 0, 0
		var passes time.Duration
		for range b.N {
			clock.advance(time.Second)
			begin := time.Now()
			expired := m.Collect()
			passes += time.Since(begin)
			for collected += expired; expired > 0; expired-- { // they come back, in the order in which they went
				_ = m.Store(keys[next], value)
				next = (next + 1) % n
			}
		}
		b.ReportMetric(float64(collected)/float64(b.N), "expired/pass")
		report(b, passes)
	})
	b.Run("impl=mutex", func(b *testing.B) {
		c := &mutexCache{entries: make(map[string]mutexEntry, n), ttl: time.Hour}
		for _, key := range keys {
			c.Store(key, value)
		}
		var passes time.Duration
		for range b.N {
			begin := time.Now()
			c.Collect()
			passes += time.Since(begin)
		}
		report(b, passes)
	})
}

// BenchmarkLoadLatency reports percentiles of the time of a Load among a million entries, while a janitor collects one
// per cent of them each second, and without one.
func BenchmarkLoadLatency(b *testing.B) {
	const n, life = 1_000_000, 100 * time.Second
	keys := benchKeys(n)
	for _, janitor := range []bool{false, true} {
		b.Run(fmt.Sprintf("n=%d/janitor=%v", n, janitor), func(b *testing.B) {
			m := ttl.New[string, *int](ttl.WithInterval(100 * time.Millisecond))
			value := new(int)
			for i, key := range keys {
				_ = m.StoreFor(key, value, ttl.Lifetime{TTL: life * time.Duration(i+n/100) / n})
			}
			ctx, cancel := context.WithCancel(b.Context())
			var group sync.WaitGroup
			if janitor {
				group.Go(func() { _ = m.Start(ctx) })
			}
			latencies := make([]time.Duration, b.N)
			b.ResetTimer()
			for i := range b.N {
				begin := time.Now()
				m.Load(keys[n/2+i%(n/2)])
				latencies[i] = time.Since(begin)
			}
			b.StopTimer()
			cancel()
			group.Wait()
			slices.Sort(latencies)
			for _, p := range []float64{50, 99, 99.9} {
				b.ReportMetric(float64(latencies[int(float64(b.N-1)*p/100)]), fmt.Sprintf("ns-P%v", p))
			}
		})
	}
}
