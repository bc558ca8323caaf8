package run

import (
	"fmt"
	"sync/atomic"
	"time"

	"github.com/shardmap-go/shardmap/bench/strategy"
)

// A viewer is a goroutine that looks at the whole map once in a while, beside the workers.
type viewer[K comparable, V comparable] struct {
	name        string // as in the file
	every       time.Duration
	look        func(visit func(K, V) bool)
	least, most int // entries that a view must have
	latencies   *latencies
	fault       string
	sink        V
}

// views returns the viewers of a phase, which begins with the entries that are there now.
func (b *bench[K, V]) views(m strategy.Map[K, V]) []*viewer[K, V] {
	var views []*viewer[K, V]
	add := func(name string, every time.Duration, look func(visit func(K, V) bool), consistent bool) {
		if every == 0 {
			return
		}
		v := &viewer[K, V]{name: name, every: every, look: look, latencies: newLatencies()}
		v.least, v.most = b.bounds(consistent)
		views = append(views, v)
	}
	all, consistent := best(m)
	add("snapshot", time.Duration(b.workload.Snapshot.Every), all, consistent)
	add("range", time.Duration(b.workload.Range.Every), m.Range, false)
	return views
}

// best returns the best way to look at a whole map, and whether that is at one instant.
func best[K, V comparable](m strategy.Map[K, V]) (look func(visit func(K, V) bool), consistent bool) {
	if s, ok := m.(strategy.Snapshotter[K, V]); ok {
		return func(visit func(K, V) bool) { s.Snapshot()(visit) }, true
	}
	return m.Range, false
}

// bounds returns how many entries a view has at least and at most. A view of one instant may catch each goroutine
// between taking an entry away and putting another in its place; other views may miss any that move meanwhile.
func (b *bench[K, V]) bounds(consistent bool) (least, most int) {
	least = b.entries()
	most = least
	if b.workload.Any().Insert > 0 || b.growing {
		most = b.number
	}
	switch {
	case b.shifts() && consistent:
		least -= len(b.workers)
	case b.shifts():
		least, most = 0, len(b.keys)
		if b.living {
			most = 1 << 62 // of keys that follow each other, any number
		}
	}
	return least, most
}

// watch looks at the map at equal intervals until it is told to stop. A view that is due while the one before goes on
// is left out.
func (v *viewer[K, V]) watch(start time.Time, stop *atomic.Bool) {
	defer func() {
		if r := recover(); r != nil {
			v.fault = fmt.Sprintf("panicked: %v", r)
		}
	}()
	for at := start; ; {
		at = at.Add(v.every * (1 + time.Since(at)/v.every))
		waitUntil(at, stop)
		if stop.Load() {
			return
		}
		began := time.Now()
		n := v.view()
		v.latencies.add(time.Since(began))
		if (n < v.least || n > v.most) && v.fault == "" {
			v.fault = fmt.Sprintf("a %s showed %d entries, when there were %d to %d", v.name, n, v.least, v.most)
		}
	}
}

// view visits all entries, and returns how many there were.
func (v *viewer[K, V]) view() int {
	n := 0
	v.look(func(_ K, value V) bool {
		v.sink = value
		n++
		return true
	})
	return n
}
