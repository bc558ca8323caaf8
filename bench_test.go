package shardmap_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/shardmap-go/shardmap"
)

// The strategies side by side. Names are op=…/keys=…/n=…/impl=…, so that
//
//	go test -run '^$' -bench 'Maps/op=hit' -count 10 -cpu 1,2 . | benchstat -col /impl -
//
// puts the strategies in columns. Keys are visited in a random order, stored values vary, set-up is not timed.

// A strategy is a way to keep a map from K to *int that goroutines share.
type strategy[K comparable] interface {
	Load(K) (*int, bool)
	Store(K, *int)
	LoadOrStore(K, *int) (*int, bool)
	Delete(K)
	Range(func(K, *int) bool)
}

// syncMap gives sync.Map the types that its users would have to assert.
type syncMap[K comparable] struct{ m sync.Map }

func (s *syncMap[K]) Load(key K) (*int, bool) {
	v, ok := s.m.Load(key)
	if !ok {
		return nil, false
	}
	return v.(*int), true
}

func (s *syncMap[K]) Store(key K, value *int) { s.m.Store(key, value) }

func (s *syncMap[K]) LoadOrStore(key K, value *int) (*int, bool) {
	v, ok := s.m.LoadOrStore(key, value)
	return v.(*int), ok
}

func (s *syncMap[K]) Delete(key K) { s.m.Delete(key) }

func (s *syncMap[K]) Range(f func(K, *int) bool) {
	s.m.Range(func(k, v any) bool { return f(k.(K), v.(*int)) })
}

type impl[K comparable] struct {
	name string
	make func() strategy[K]
}

func impls[K comparable]() []impl[K] {
	return []impl[K]{
		{"Map", func() strategy[K] { return new(shardmap.Map[K, *int]) }},
		{"sync.Map", func() strategy[K] { return new(syncMap[K]) }},
		{"RWMap", func() strategy[K] { return new(shardmap.RWMap[K, *int]) }},
	}
}

// values are what the benchmarks store, in turn.
var values = func() (v [1024]*int) {
	for i := range v {
		v[i] = new(int)
		*v[i] = i
	}
	return v
}()

// A namespacedName has the shape of k8s.io/apimachinery's types.NamespacedName.
type namespacedName struct{ Namespace, Name string }

func BenchmarkMaps(b *testing.B) {
	operations := []struct {
		name string
		run  func(b *testing.B, kind string, n int)
	}{
		{"hit", everyKind(hit[int], hit[string], hit[namespacedName])},
		{"miss", everyKind(miss[int], miss[string], miss[namespacedName])},
		{"update", everyKind(update[int], update[string], update[namespacedName])},
		{"mix90", everyKind(mix90[int], mix90[string], mix90[namespacedName])},
		{"loadOrStore", everyKind(loadOrStore[int], loadOrStore[string], loadOrStore[namespacedName])},
		{"insert", everyKind(insert[int], insert[string], insert[namespacedName])},
		{"churn", everyKind(churn[int], churn[string], churn[namespacedName])},
		{"range", everyKind(ranges[int], ranges[string], ranges[namespacedName])},
	}
	for _, o := range operations {
		for _, kind := range []string{"int", "string", "namespacedName"} {
			for _, n := range []int{1_000, 100_000} {
				b.Run(fmt.Sprintf("op=%s/keys=%s/n=%d", o.name, kind, n), func(b *testing.B) { o.run(b, kind, n) })
			}
		}
	}
}

// A workload is one operation on the present keys, and on others of the same kind that are absent.
type workload[K comparable] func(b *testing.B, im impl[K], present, absent []K)

func everyKind(ints workload[int], strings workload[string], names workload[namespacedName]) func(*testing.B, string, int) {
	return func(b *testing.B, kind string, n int) {
		switch kind {
		case "int":
			each(b, ints, n, func(i int) int { return i * 7919 })
		case "string":
			each(b, strings, n, func(i int) string { return "key-" + strconv.Itoa(i*7919) })
		default:
			each(b, names, n, func(i int) namespacedName {
				return namespacedName{"namespace-" + strconv.Itoa(i%100), "name-" + strconv.Itoa(i)}
			})
		}
	}
}

func each[K comparable](b *testing.B, w workload[K], n int, key func(int) K) {
	keys := make([]K, 2*n)
	for i := range keys {
		keys[i] = key(i)
	}
	rand.Shuffle(len(keys), func(i, j int) { keys[i], keys[j] = keys[j], keys[i] })
	for _, im := range impls[K]() {
		b.Run("impl="+im.name, func(b *testing.B) {
			b.ReportAllocs()
			w(b, im, keys[:n], keys[n:])
		})
	}
}

func filled[K comparable](im impl[K], keys []K) strategy[K] {
	m := im.make()
	for i, k := range keys {
		m.Store(k, values[i%len(values)])
	}
	return m
}

// inParallel calls f with the keys in turn, on every processor, each beginning somewhere else.
func inParallel[K comparable](b *testing.B, keys []K, f func(i int, key K)) {
	b.ResetTimer()
	b.RunParallel(func(pb *testing.PB) {
		at := rand.IntN(len(keys))
		for i := 0; pb.Next(); i++ {
			if at++; at >= len(keys) {
				at = 0
			}
			f(i, keys[at])
		}
	})
}

func hit[K comparable](b *testing.B, im impl[K], present, _ []K) {
	m := filled(im, present)
	inParallel(b, present, func(_ int, k K) { m.Load(k) })
}

func miss[K comparable](b *testing.B, im impl[K], present, absent []K) {
	m := filled(im, present)
	inParallel(b, absent, func(_ int, k K) { m.Load(k) })
}

func update[K comparable](b *testing.B, im impl[K], present, _ []K) {
	m := filled(im, present)
	inParallel(b, present, func(i int, k K) { m.Store(k, values[i%len(values)]) })
}

func mix90[K comparable](b *testing.B, im impl[K], present, _ []K) {
	m := filled(im, present)
	inParallel(b, present, func(i int, k K) {
		if i%10 == 0 {
			m.Store(k, values[i%len(values)])
		} else {
			m.Load(k)
		}
	})
}

func loadOrStore[K comparable](b *testing.B, im impl[K], present, _ []K) {
	m := filled(im, present)
	inParallel(b, present, func(i int, k K) { m.LoadOrStore(k, values[i%len(values)]) })
}

// insert fills maps from empty, one after the other.
func insert[K comparable](b *testing.B, im impl[K], present, _ []K) {
	for i := 0; i < b.N; i += len(present) {
		filled(im, present[:min(len(present), b.N-i)])
	}
}

// churn deletes a key that is there and inserts one that is not, so that the size stays the same.
func churn[K comparable](b *testing.B, im impl[K], present, absent []K) {
	m := filled(im, present)
	var next sync.Mutex
	part := 0
	b.ResetTimer()
	b.RunParallel(func(pb *testing.PB) {
		next.Lock()
		out, in := slice(present, part), slice(absent, part)
		part++
		next.Unlock()
		for i := 0; pb.Next(); i++ {
			at := i % len(out)
			m.Delete(out[at])
			m.Store(in[at], values[i%len(values)])
			if at == len(out)-1 {
				out, in = in, out
			}
		}
	})
}

// slice returns the part of keys that belongs to one of at most 16 goroutines.
func slice[K comparable](keys []K, part int) []K {
	size := len(keys) / 16
	at := part % 16 * size
	return keys[at : at+size]
}

func ranges[K comparable](b *testing.B, im impl[K], present, _ []K) {
	m := filled(im, present)
	b.ResetTimer()
	for range b.N {
		m.Range(func(K, *int) bool { return true })
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(len(present)), "ns/entry")
}

func filledMap(n int) *shardmap.Map[int, *int] {
	m := shardmap.New[int, *int](shardmap.WithCapacity(n))
	for i := range n {
		m.Store(i*7919, values[i%len(values)])
	}
	return m
}

// BenchmarkSnapshot shows what a snapshot costs, and the first write after it, at a random key.
func BenchmarkSnapshot(b *testing.B) {
	for _, n := range []int{10, 10_000, 1_000_000, 10_000_000} {
		m := filledMap(n)
		b.Run(fmt.Sprintf("op=snapshot/n=%d", n), func(b *testing.B) {
			b.ReportAllocs()
			for range b.N {
				m.Snapshot()
			}
		})
		// Timed one by one, because a loop would measure the garbage collector, which has all n entries to mark.
		b.Run(fmt.Sprintf("op=first-write/n=%d", n), func(b *testing.B) {
			b.ReportAllocs()
			times := make([]time.Duration, b.N)
			for i := range times {
				m.Snapshot()
				key := rand.IntN(n) * 7919
				begin := time.Now()
				m.Store(key, values[i%len(values)])
				times[i] = time.Since(begin)
			}
			slices.Sort(times)
			b.ReportMetric(float64(times[b.N/2].Nanoseconds()), "p50-ns")
			b.ReportMetric(float64(times[b.N*99/100].Nanoseconds()), "p99-ns")
		})
	}
}

// BenchmarkDiff compares two snapshots between which one entry in a hundred was written.
func BenchmarkDiff(b *testing.B) {
	for _, n := range []int{10_000, 1_000_000} {
		m := filledMap(n)
		older := m.Snapshot()
		for i := range n / 100 {
			m.Store(i*7919, new(int))
		}
		newer := m.Snapshot()
		b.Run(fmt.Sprintf("changed=1%%/n=%d", n), func(b *testing.B) {
			for range b.N {
				changes := 0
				for range newer.Diff(older) {
					changes++
				}
				if changes != n/100 {
					b.Fatalf("%d changes, want %d", changes, n/100)
				}
			}
		})
	}
}

// BenchmarkWhileSnapshots shows what loads and stores cost while another goroutine stores – at full speed, or 100,000 times
// a second – without snapshots and with one every 10 ms. A store that replaces what a snapshot shows makes new memory, which
// the loads then find in no cache; how much depends on how often.
//
// It tells the longest time that a store took, whatever else ran on its processor meanwhile.
func BenchmarkWhileSnapshots(b *testing.B) {
	const n = 100_000
	for _, pace := range []int{0, 100_000} {
		for _, every := range []time.Duration{0, 10 * time.Millisecond} {
			stores := "full"
			if pace > 0 {
				stores = fmt.Sprintf("%d/s", pace)
			}
			b.Run(fmt.Sprintf("stores=%s/every=%v", stores, every), func(b *testing.B) {
				m := filledMap(n)
				stop := make(chan struct{})
				var others sync.WaitGroup
				others.Go(func() { storeUntil(stop, b, m, n, pace) })
				if every > 0 {
					others.Go(func() { snapshotUntil(stop, m, every) })
				}
				b.ResetTimer()
				for i := range b.N {
					m.Load(i * 7919 % (n * 7919))
				}
				b.StopTimer()
				close(stop)
				others.Wait()
			})
		}
	}
}

// storeUntil stores pace values a second, or as many as it can, and reports the longest time that one took.
func storeUntil(stop <-chan struct{}, b *testing.B, m *shardmap.Map[int, *int], n, pace int) {
	var worst time.Duration
	start := time.Now()
	for i := 0; ; i++ {
		select {
		case <-stop:
			b.ReportMetric(float64(worst)/1e3, "worst-store-µs")
			return
		default:
		}
		if pace > 0 {
			time.Sleep(time.Duration(i)*time.Second/time.Duration(pace) - time.Since(start))
		}
		begin := time.Now()
		m.Store(i*7919%(n*7919), values[i%len(values)])
		worst = max(worst, time.Since(begin))
	}
}

func snapshotUntil(stop <-chan struct{}, m *shardmap.Map[int, *int], every time.Duration) {
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		select {
		case <-stop:
			return
		case <-tick.C:
			m.Snapshot()
		}
	}
}
