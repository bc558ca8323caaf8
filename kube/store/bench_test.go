package store

import (
	"fmt"
	"math/rand/v2"
	"runtime"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"k8s.io/client-go/tools/cache"
)

// The benchmarks compare the store with client-go's, both with the index by namespace that every informer has and one by
// node. They tell the truth on a quiet machine only, with at least three processors for those under load:
//
//	go test -run '^$' -bench . -benchtime 2s -count 6 ./store

const benchObjects = 100_000

type contender struct {
	name string
	new  func() cache.Indexer
}

func contenders() []contender {
	indexers := func() cache.Indexers {
		return cache.Indexers{cache.NamespaceIndex: byNamespace, "node": byNode}
	}
	return []contender{
		{"clientgo", func() cache.Indexer { return cache.NewIndexer(cache.MetaNamespaceKeyFunc, indexers()) }},
		{"shardmap", func() cache.Indexer { return New(cache.MetaNamespaceKeyFunc, indexers()) }},
	}
}

func byNamespace(obj any) ([]string, error) { return []string{obj.(*object).Namespace}, nil }

// benchObject returns the i-th object, in one of 20 namespaces and on one of 1,000 nodes.
func benchObject(i, version int) *object {
	o := newObject("pod-"+strconv.Itoa(i), strconv.Itoa(version), "node-"+strconv.Itoa(i%1000))
	o.Namespace = "namespace-" + strconv.Itoa(i%20)
	return o
}

// benchSet returns objects in an order of no meaning, and the keys of them.
func benchSet(n int) (objects []any, keys []string) {
	for _, i := range rand.New(rand.NewPCG(1, 2)).Perm(n) {
		o := benchObject(i, i)
		objects, keys = append(objects, o), append(keys, o.Namespace+"/"+o.Name)
	}
	return objects, keys
}

// eachContender runs f for each, filled.
func eachContender(b *testing.B, op string, f func(b *testing.B, s cache.Indexer, objects []any, keys []string)) {
	objects, keys := benchSet(benchObjects)
	for _, c := range contenders() {
		b.Run(fmt.Sprintf("impl=%s/op=%s/n=%d", c.name, op, benchObjects), func(b *testing.B) {
			s := c.new()
			if err := s.Replace(slices.Clone(objects), "1"); err != nil {
				b.Fatal(err)
			}
			runtime.GC()
			b.ReportAllocs()
			b.ResetTimer()
			f(b, s, objects, keys)
		})
	}
}

// copies returns objects that could be the next version of those given.
func copies(objects []any) []any {
	fresh := make([]any, len(objects))
	for i, obj := range objects {
		o := *obj.(*object)
		fresh[i] = &o
	}
	return fresh
}

func BenchmarkStore(b *testing.B) {
	eachContender(b, "get", func(b *testing.B, s cache.Indexer, _ []any, keys []string) {
		var start atomic.Uint32
		b.RunParallel(func(pb *testing.PB) {
			for i := int(start.Add(7919)); pb.Next(); i++ {
				if _, ok, _ := s.GetByKey(keys[i%benchObjects]); !ok {
					b.Error("an object is missing")
				}
			}
		})
	})
	eachContender(b, "update", func(b *testing.B, s cache.Indexer, objects []any, _ []string) {
		fresh := copies(objects)
		b.ResetTimer()
		for i := range b.N {
			if i/benchObjects%2 == 0 {
				_ = s.Update(fresh[i%benchObjects])
			} else {
				_ = s.Update(objects[i%benchObjects])
			}
		}
	})
	eachContender(b, "move", func(b *testing.B, s cache.Indexer, objects []any, _ []string) { // to another node
		fresh := copies(objects)
		for i, obj := range fresh {
			obj.(*object).node = "node-" + strconv.Itoa(i*31%1000)
		}
		b.ResetTimer()
		for i := range b.N {
			if i/benchObjects%2 == 0 {
				_ = s.Update(fresh[i%benchObjects])
			} else {
				_ = s.Update(objects[i%benchObjects])
			}
		}
	})
	eachContender(b, "delete,add", func(b *testing.B, s cache.Indexer, objects []any, _ []string) {
		for i := range b.N {
			_, _ = s.Delete(objects[i%benchObjects]), s.Add(objects[i%benchObjects])
		}
	})
	eachContender(b, "list", func(b *testing.B, s cache.Indexer, _ []any, _ []string) {
		for range b.N {
			if len(s.List()) != benchObjects {
				b.Fatal("objects are missing")
			}
		}
	})
	for _, index := range []string{cache.NamespaceIndex, "node"} {
		eachContender(b, "by-"+index, func(b *testing.B, s cache.Indexer, _ []any, _ []string) {
			values := s.ListIndexFuncValues(index)
			b.ResetTimer()
			for i := range b.N {
				if list, _ := s.ByIndex(index, values[i%len(values)]); len(list) != benchObjects/len(values) {
					b.Fatal("objects are missing")
				}
			}
		})
	}
	eachContender(b, "replace", func(b *testing.B, s cache.Indexer, objects []any, _ []string) {
		for range b.N {
			if err := s.Replace(objects, "1"); err != nil {
				b.Fatal(err)
			}
		}
	})
}

// BenchmarkFill adds a million objects one by one, without indexes, as client-go's TestListAll does.
func BenchmarkFill(b *testing.B) {
	const n = 1_000_000
	objects, _ := benchSet(n)
	for _, c := range []contender{
		{"clientgo", func() cache.Indexer { return cache.NewIndexer(cache.MetaNamespaceKeyFunc, cache.Indexers{}) }},
		{"shardmap", func() cache.Indexer { return New(cache.MetaNamespaceKeyFunc, nil) }},
	} {
		b.Run(fmt.Sprintf("impl=%s/op=add/n=%d", c.name, n), func(b *testing.B) {
			b.ReportAllocs()
			for range b.N {
				s := c.new()
				for _, obj := range objects {
					_ = s.Add(obj)
				}
			}
		})
	}
}

// BenchmarkBytes tells the heap that a store takes for each object, apart from the object and its key.
func BenchmarkBytes(b *testing.B) {
	objects, _ := benchSet(benchObjects)
	for _, c := range contenders() {
		b.Run(fmt.Sprintf("impl=%s/n=%d", c.name, benchObjects), func(b *testing.B) {
			for range b.N {
				before := heap()
				s := c.new()
				for _, obj := range objects {
					_ = s.Add(obj)
				}
				b.ReportMetric(float64(heap()-before)/benchObjects, "bytes/object")
				runtime.KeepAlive(s)
			}
		})
	}
}

func heap() uint64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// BenchmarkWhileListing has one goroutine list as fast as it can. Meanwhile another gets b.N objects and a third updates some,
// each with a pause in between, as calls come in an operator, so that those that have to wait do not hide how many would
// have had to. It tells how long a get and an update took; each time includes a reading of the clock.
func BenchmarkWhileListing(b *testing.B) {
	const pause = 20 * time.Microsecond
	eachContender(b, "get,update,list", func(b *testing.B, s cache.Indexer, objects []any, keys []string) {
		var done atomic.Bool
		var background sync.WaitGroup
		lists, updates, fresh := 0, []time.Duration{}, copies(objects)
		b.ResetTimer()
		start := time.Now()
		background.Go(func() {
			for !done.Load() {
				s.List()
				lists++
			}
		})
		background.Go(func() {
			for i := 0; !done.Load(); i++ {
				obj := fresh[i*7919%benchObjects]
				begin := time.Now()
				_ = s.Update(obj)
				updates = append(updates, time.Since(begin))
				time.Sleep(pause)
			}
		})
		gets := make([]time.Duration, b.N)
		for i := range gets {
			key := keys[i*31%benchObjects]
			begin := time.Now()
			_, _, _ = s.GetByKey(key)
			gets[i] = time.Since(begin)
			time.Sleep(pause)
		}
		done.Store(true)
		background.Wait()
		elapsed := time.Since(start).Seconds()
		b.ReportMetric(percentile(gets, 50), "get-p50-ns")
		b.ReportMetric(percentile(gets, 99), "get-p99-ns")
		b.ReportMetric(percentile(updates, 50), "update-p50-ns")
		b.ReportMetric(percentile(updates, 99), "update-p99-ns")
		b.ReportMetric(float64(lists)/elapsed, "lists/s")
		b.ReportMetric(float64(len(updates))/elapsed, "updates/s")
	})
}

func percentile(d []time.Duration, p int) float64 {
	if len(d) == 0 {
		return 0
	}
	slices.Sort(d)
	return float64(d[(len(d)-1)*p/100])
}
