package published

import (
	"context"
	"fmt"
	"runtime"
	"slices"
	"time"

	"github.com/shardmap-go/shardmap"
	"github.com/shardmap-go/shardmap/bench/internal/text"
	"github.com/shardmap-go/shardmap/fixed"
)

// An insertLoad is one goroutine that inserts entries.
type insertLoad struct{ entries int }

func prepareInsert(quick bool) (string, []contestant) {
	l := insertLoad{entries: 200_000}
	if quick {
		l.entries = 500
	}
	var all []contestant
	for _, one := range []struct {
		name   string
		newMap func() insertable
	}{
		{"preallocated", l.usedFixed},
		{"cleared Go map", l.usedGoMap},
		{"allocating", func() insertable { return newRWLockedMap(0) }},
		{"Map", func() insertable { return new(shardmap.Map[int, int]) }},
		{"Map with capacity", func() insertable { return shardmap.New[int, int](shardmap.WithCapacity(l.entries)) }},
		{"sync.Map", func() insertable { return maker[int, int]("sync.Map")() }},
	} {
		all = append(all, contestant{one.name, func(context.Context) (Sample, error) { return l.measure(one.newMap()) }})
	}
	return fmt.Sprintf("one goroutine inserts %s entries", text.Thousands(l.entries)), all
}

func (l insertLoad) measure(m insertable) (Sample, error) {
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	start := time.Now()
	for key := range l.entries {
		m.Store(key, value(key, 1))
	}
	took := time.Since(start)
	runtime.ReadMemStats(&after)
	return Sample{
		"time":        float64(took) / float64(l.entries),
		"allocations": float64(after.Mallocs-before.Mallocs) / float64(l.entries),
	}, expect(m, current(slices.Repeat([]int{1}, l.entries)))
}

// An insertable map is one whose insertions are measured.
type insertable interface {
	readable[int, int]
	Store(key, value int)
}

// usedGoMap returns a Go map behind a lock that had all the entries before, but has none now: there is memory for them.
func (l insertLoad) usedGoMap() insertable {
	m := newRWLockedMap(l.entries)
	m.storeAll(initial(l.entries))
	clear(m.m)
	return m
}

// usedFixed returns a map of fixed capacity that had all the entries before, so that its memory was touched before, too.
func (l insertLoad) usedFixed() insertable {
	m := fixedMap{fixed.New[int, int](l.entries)}
	for key, value := range initial(l.entries) {
		m.Store(key, value)
	}
	m.Clear()
	return m
}

// A fixedMap loses what it has no room for, which is found out in the end.
type fixedMap struct{ *fixed.Map[int, int] }

func (m fixedMap) Store(key, value int) { _ = m.Map.Store(key, value) }
