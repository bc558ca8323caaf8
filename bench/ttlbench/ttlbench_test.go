// Package ttlbench measures ttl.Map beside other caches whose entries expire.
//
//	go test -C bench -run '^$' -bench . ./ttlbench
package ttlbench

import (
	"fmt"
	"math/rand/v2"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jellydator/ttlcache/v3"
	"github.com/maypok86/otter/v2"

	"github.com/shardmap-go/shardmap/ttl"
)

const lifetime = time.Hour

// cache is what all have in common. A limit of 0 is none.
type cache struct {
	load  func(key string) (*int, bool)
	store func(key string, value *int)
	len   func() int
	close func()
}

var implementations = []struct {
	name string
	make func(limit int) cache
}{
	{"ttl.Map", newMap},
	{"otter", newOtter},
	{"ttlcache", newTTLCache},
	{"mutex", newMutex},
}

func newMap(limit int) cache {
	options := []ttl.Option{ttl.WithLifetime(ttl.Lifetime{TTL: lifetime})}
	if limit > 0 {
		options = append(options, ttl.WithMaxEntries(limit, ttl.Evict))
	}
	m := ttl.New[string, *int](options...)
	store := func(key string, value *int) {
		if err := m.Store(key, value); err != nil {
			panic(err) // never: it evicts
		}
	}
	return cache{m.Load, store, m.Len, func() {}}
}

func newOtter(limit int) cache {
	c := otter.Must(&otter.Options[string, *int]{
		MaximumSize:      limit,
		ExpiryCalculator: otter.ExpiryWriting[string, *int](lifetime),
	})
	return cache{c.GetIfPresent, func(key string, value *int) { c.Set(key, value) }, c.EstimatedSize, func() { c.StopAllGoroutines() }}
}

func newTTLCache(limit int) cache {
	c := ttlcache.New(
		ttlcache.WithTTL[string, *int](lifetime),
		ttlcache.WithDisableTouchOnHit[string, *int](),
		ttlcache.WithCapacity[string, *int](uint64(limit)),
	)
	load := func(key string) (*int, bool) {
		item := c.Get(key)
		if item == nil {
			return nil, false
		}
		return item.Value(), true
	}
	return cache{load, func(key string, value *int) { c.Set(key, value, ttlcache.DefaultTTL) }, c.Len, func() {}}
}

// newMutex returns a Go map behind a mutex, which has no limit: what programs write for themselves.
func newMutex(int) cache {
	type entry struct {
		value    *int
		deadline time.Time
	}
	var mu sync.Mutex
	entries := map[string]entry{}
	return cache{
		load: func(key string) (*int, bool) {
			mu.Lock()
			defer mu.Unlock()
			e, ok := entries[key]
			if ok && time.Now().After(e.deadline) {
				delete(entries, key)
				return nil, false
			}
			return e.value, ok
		},
		store: func(key string, value *int) {
			mu.Lock()
			defer mu.Unlock()
			entries[key] = entry{value, time.Now().Add(lifetime)}
		},
		len:   func() int { return len(entries) },
		close: func() {},
	}
}

func shuffledKeys(n int) []string {
	keys := make([]string, n)
	for i := range keys {
		keys[i] = fmt.Sprintf("namespace-%d/name-%d", i%10, i)
	}
	rand.Shuffle(n, func(i, j int) { keys[i], keys[j] = keys[j], keys[i] })
	return keys
}

// BenchmarkOperations measures single operations on keys that are there, without a limit.
func BenchmarkOperations(b *testing.B) {
	for _, op := range []struct {
		name   string
		stores int // in ten operations
	}{{"load", 0}, {"mix90", 1}, {"store", 10}} {
		for _, n := range []int{1000, 100_000} {
			keys := shuffledKeys(n)
			for _, impl := range implementations {
				b.Run(fmt.Sprintf("op=%s/n=%d/impl=%s", op.name, n, impl.name), func(b *testing.B) {
					c := impl.make(0)
					defer c.close()
					value := new(int)
					for _, key := range keys {
						c.store(key, value)
					}
					var start atomic.Uint32
					b.ReportAllocs()
					b.ResetTimer()
					b.RunParallel(func(pb *testing.PB) {
						for i := start.Add(uint32(n / 3)); pb.Next(); i++ {
							if key := keys[i%uint32(n)]; int(i%10) < op.stores {
								c.store(key, value)
							} else if _, ok := c.load(key); !ok {
								b.Error("missing")
							}
						}
					})
				})
			}
		}
	}
}

// BenchmarkLimited has room for a tenth of the keys, of which the one of rank r is asked for in proportion to 1/r^1.01,
// and stored if it is missing. It reports how often it was there.
func BenchmarkLimited(b *testing.B) {
	const n, limit, loads = 100_000, 10_000, 300_000
	keys := shuffledKeys(n)
	for _, impl := range implementations[:3] { // the last one has no limit
		b.Run(fmt.Sprintf("n=%d/limit=%d/impl=%s", n, limit, impl.name), func(b *testing.B) {
			c := impl.make(limit)
			defer c.close()
			value := new(int)
			zipf := rand.NewZipf(rand.New(rand.NewPCG(1, 2)), 1.01, 1, n-1)
			hits := 0
			for range b.N {
				for range loads {
					key := keys[zipf.Uint64()]
					if _, ok := c.load(key); ok {
						hits++
					} else {
						c.store(key, value)
					}
				}
			}
			b.ReportMetric(100*float64(hits)/float64(b.N*loads), "%hits")
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*loads), "ns/load")
		})
	}
}

// BenchmarkMemory reports the bytes of heap per entry, without the data of keys and what values point to.
func BenchmarkMemory(b *testing.B) {
	const n = 200_000
	keys := shuffledKeys(n)
	value := new(int)
	for _, impl := range implementations {
		b.Run("impl="+impl.name, func(b *testing.B) {
			for range b.N {
				before := heap()
				c := impl.make(0)
				for _, key := range keys {
					c.store(key, value)
				}
				b.ReportMetric(float64(int64(heap()-before))/n, "B/entry")
				runtime.KeepAlive(c)
				c.close()
			}
		})
	}
}

func heap() uint64 {
	runtime.GC()
	runtime.GC()
	var stats runtime.MemStats
	runtime.ReadMemStats(&stats)
	return stats.HeapAlloc
}
