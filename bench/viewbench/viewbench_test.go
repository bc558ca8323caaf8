// Package viewbench measures what it costs to see a whole map as of one instant, and to find out what has changed since the last
// time: with snapshots, and in the ways of maps that have none.
//
//	go test -run '^$' -bench . ./viewbench
package viewbench

import (
	"fmt"
	"iter"
	"maps"
	"math/rand/v2"
	"sync"
	"testing"

	"github.com/puzpuzpuz/xsync/v4"

	"github.com/shardmap-go/shardmap"
)

// A viewer is a map that can be viewed. A view shows the map as of one instant, or, with sync.Map and xsync.Map, each entry as of some
// instant while the view was taken, as they can do no better.
type viewer struct {
	store func(key int, value *int)
	// view takes a view, and returns its length and what has changed since the view that was taken before.
	view func() (length int, changes iter.Seq[int])
}

var makers = []struct {
	name string
	make func(n int) viewer
}{
	{"Map", newMap}, {"AtomicMap", newAtomicMap}, {"RWMutex", newLocked}, {"sync.Map", newSyncMap}, {"xsync.Map", newXsync},
}

func newMap(n int) viewer {
	m := shardmap.New[int, *int](shardmap.WithCapacity(n))
	last := m.Snapshot()
	return viewer{m.Store, func() (int, iter.Seq[int]) {
		older, newer := last, m.Snapshot()
		last = newer
		return newer.Len(), func(yield func(int) bool) {
			for key := range newer.Diff(older) {
				if !yield(key) {
					return
				}
			}
		}
	}}
}

// newAtomicMap keeps stores back until the next view, and makes them one batch then: each would copy the whole map.
func newAtomicMap(int) viewer {
	var m shardmap.AtomicMap[int, *int]
	batch := make(map[int]*int)
	return copying(func(key int, value *int) { batch[key] = value }, func() map[int]*int {
		m.Update(func(content map[int]*int) { maps.Copy(content, batch) })
		clear(batch)
		return m.ToMap()
	})
}

// copying returns a viewer whose views are Go maps that copy makes.
func copying(store func(int, *int), copy func() map[int]*int) viewer {
	last := map[int]*int{}
	return viewer{store, func() (int, iter.Seq[int]) {
		older, newer := last, copy()
		last = newer
		return len(newer), func(yield func(int) bool) {
			for key, value := range newer {
				if before, ok := older[key]; (!ok || before != value) && !yield(key) {
					return
				}
			}
			for key := range older {
				if _, ok := newer[key]; !ok && !yield(key) {
					return
				}
			}
		}
	}}
}

func newLocked(n int) viewer {
	var mu sync.RWMutex
	m := make(map[int]*int, n)
	return copying(func(key int, value *int) {
		mu.Lock()
		defer mu.Unlock()
		m[key] = value
	}, func() map[int]*int {
		mu.RLock()
		defer mu.RUnlock()
		return maps.Clone(m)
	})
}

func newSyncMap(n int) viewer {
	var m sync.Map
	return copying(func(key int, value *int) { m.Store(key, value) }, func() map[int]*int {
		c := make(map[int]*int, n)
		m.Range(func(key, value any) bool { c[key.(int)] = value.(*int); return true })
		return c
	})
}

func newXsync(n int) viewer {
	m := xsync.NewMap[int, *int](xsync.WithPresize(n))
	return copying(m.Store, func() map[int]*int { return xsync.ToPlainMap(m) })
}

// BenchmarkViews takes a view after some entries have changed, which is not in the time, and with diff finds out which.
func BenchmarkViews(b *testing.B) {
	for _, n := range []int{10_000, 1_000_000} {
		for _, perMille := range []float64{0.1, 10, 500} {
			changed := int(float64(n) * perMille / 1000)
			for _, mk := range makers {
				b.Run(fmt.Sprintf("n=%d/changed=%d/impl=%s", n, changed, mk.name), func(b *testing.B) { views(b, mk.make(n), n, changed) })
			}
		}
	}
}

func views(b *testing.B, v viewer, n, changed int) {
	for i := range n {
		v.store(i*7919, new(int))
	}
	v.view()
	b.ReportAllocs()
	b.ResetTimer()
	for range b.N {
		b.StopTimer()
		from := rand.IntN(n)
		for i := range changed {
			v.store((from+i*104_729)%n*7919, new(int)) // 104,729 is prime, and divides no n: the keys are different
		}
		b.StartTimer()
		length, changes := v.view()
		found := 0
		for range changes {
			found++
		}
		if length != n || found != changed {
			b.Fatalf("%d entries, %d of them changed, want %d and %d", length, found, n, changed)
		}
	}
}
