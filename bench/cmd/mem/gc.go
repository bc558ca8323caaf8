package main

import (
	"fmt"
	"runtime"
	"runtime/debug"
	"runtime/metrics"
	"slices"
	"strconv"
	"sync"
	"text/tabwriter"
	"time"

	"github.com/puzpuzpuz/xsync/v4"

	"github.com/shardmap-go/shardmap"
)

// A filler returns a map with the keys, each with the same value.
type filler[K comparable] struct {
	name string
	fill func(keys []K, value *int) any
}

func fillers[K comparable]() []filler[K] {
	return []filler[K]{
		{"shardmap.Map", func(keys []K, value *int) any { return stored(new(shardmap.Map[K, *int]).Store, keys, value) }},
		{"Go map", func(keys []K, value *int) any {
			m := make(map[K]*int)
			return stored(func(k K, v *int) { m[k] = v }, keys, value)
		}},
		{"xsync.Map", func(keys []K, value *int) any { return stored(xsync.NewMap[K, *int]().Store, keys, value) }},
		{"sync.Map", func(keys []K, value *int) any {
			m := new(sync.Map)
			return stored(func(k K, v *int) { m.Store(k, v) }, keys, value)
		}},
	}
}

// stored stores the keys, and returns what keeps the map alive.
func stored[K comparable](store func(K, *int), keys []K, value *int) any {
	for _, k := range keys {
		store(k, value)
	}
	return store
}

// collections prints, for each kind of map, the time of a garbage collection on one processor, in nanoseconds per entry and as a
// multiple of the Go map's, the objects per entry, and the bytes per entry in which the collector looks for pointers. What it would be without
// any map is subtracted.
func collections(w *tabwriter.Writer) {
	runtime.GOMAXPROCS(1)
	debug.SetGCPercent(-1)
	fmt.Fprint(w, "keys\tentries\tmap\tns/entry\tof Go map's\tobjects/entry\tscanned B/entry\t\n")
	for _, n := range []int{1_000_000, 10_000_000} {
		collectionsOf(w, "int", n, func(i int) int { return i * 7919 })
		collectionsOf(w, "string", n, func(i int) string { return "key-" + strconv.Itoa(i*7919) })
	}
}

func collectionsOf[K comparable](w *tabwriter.Writer, kind string, n int, key func(int) K) {
	keys := make([]K, n)
	for i := range keys {
		keys[i] = key(i)
	}
	value := new(int)
	bare := collect()
	var costs []collection
	for _, f := range fillers[K]() {
		m := f.fill(keys, value)
		c := collect()
		runtime.KeepAlive(m)
		costs = append(costs, collection{c.time - bare.time, c.objects - bare.objects, c.scanned - bare.scanned})
	}
	for i, f := range fillers[K]() {
		c, entries := costs[i], float64(n)
		fmt.Fprintf(w, "%s\t%d\t%s\t%.1f\t%.2f\t%.3f\t%.1f\t\n", kind, n, f.name,
			float64(c.time.Nanoseconds())/entries, float64(c.time)/float64(costs[1].time), float64(c.objects)/entries, float64(c.scanned)/entries)
	}
	runtime.KeepAlive(keys)
}

// A collection is what a garbage collection took and met.
type collection struct {
	time             time.Duration
	objects, scanned int64
}

// collect collects some times, and returns the median time.
func collect() collection {
	times := make([]time.Duration, 7)
	runtime.GC()
	for i := range times {
		begin := time.Now()
		runtime.GC()
		times[i] = time.Since(begin)
	}
	slices.Sort(times)
	sample := []metrics.Sample{{Name: "/gc/heap/objects:objects"}, {Name: "/gc/scan/heap:bytes"}}
	metrics.Read(sample)
	return collection{times[len(times)/2], int64(sample[0].Value.Uint64()), int64(sample[1].Value.Uint64())}
}
