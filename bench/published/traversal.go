package published

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync/atomic"
	"time"

	"github.com/shardmap-go/shardmap/bench/internal/text"
)

// A traversalLoad walks over a whole map, first alone, then while another goroutine stores as fast as it can: single
// entries, and entries in batches.
type traversalLoad struct {
	entries, batch int
	walks          int           // alone
	duration       time.Duration // of walking and storing at the same time, for each of the two ways to store
}

func prepareTraversal(quick bool) (string, []contestant) {
	l := traversalLoad{entries: 1_000_000, batch: 1000, walks: 3, duration: 200 * time.Millisecond}
	if quick {
		l = traversalLoad{entries: 500, batch: 10, walks: 2, duration: 2 * time.Millisecond}
	}
	var all []contestant
	for _, one := range []struct {
		name   string
		newMap func() walkable
	}{
		{"RWMutex", func() walkable { return newRWLockedMap(0) }},
		{"AtomicMap", func() walkable { return new(immutableMap) }},
		{"Map.Range", func() walkable { return new(liveMap) }},
		{"Map.Snapshot", func() walkable { return new(snapshotMap) }},
	} {
		all = append(all, contestant{one.name, func(ctx context.Context) (Sample, error) { return l.measure(ctx, one.newMap) }})
	}
	return fmt.Sprintf("%s entries; %d walks alone; then one goroutine walks and one stores for %v, and again with batches of %s",
		text.Thousands(l.entries), l.walks, l.duration, text.Thousands(l.batch)), all
}

func (l traversalLoad) measure(ctx context.Context, newMap func() walkable) (Sample, error) {
	t := &traversal{traversalLoad: l, m: newMap(), versions: make([]int, l.entries)}
	t.m.storeAll(initial(l.entries))
	start := time.Now()
	for range l.walks {
		if err := t.walk(); err != nil {
			return nil, err
		}
	}
	alone := time.Since(start)
	beside, single, err := t.walkAndStore(ctx, t.storeOne)
	if err != nil {
		return nil, err
	}
	_, batched, err := t.walkAndStore(ctx, t.storeBatch)
	if err != nil {
		return nil, err
	}
	return Sample{
		"walk alone": milliseconds(alone) / float64(l.walks), "walk beside a writer": beside,
		"writes, one by one": single / 1e3, "writes, in batches": batched / 1e3,
	}, expect(t.m, current(t.versions))
}

// A traversal is one measurement.
type traversal struct {
	traversalLoad
	m        walkable
	stores   int
	versions []int // of the keys: the number of the store that was the last one
}

// storeOne stores one entry after the other, and returns how many at a time.
func (t *traversal) storeOne() int {
	t.stores++
	key := t.stores % t.entries
	t.m.Store(key, value(key, t.stores))
	t.versions[key] = t.stores
	return 1
}

// storeBatch stores entries together, and returns how many.
func (t *traversal) storeBatch() int {
	t.stores++
	first := rand.IntN(t.entries - t.batch)
	t.m.storeAll(func(yield func(int, int) bool) {
		for key := first; key < first+t.batch && yield(key, value(key, t.stores)); key++ {
		}
	})
	for key := first; key < first+t.batch; key++ {
		t.versions[key] = t.stores
	}
	return t.batch
}

// walkAndStore walks and stores at the same time. It returns the milliseconds of a walk, and the entries stored per
// second.
func (t *traversal) walkAndStore(ctx context.Context, some func() int) (walk, writes float64, err error) {
	var walks, stored int
	var walking, storing time.Duration
	during(ctx, t.duration, 2, func(id int, stop *atomic.Bool) {
		start := time.Now()
		if id == 0 {
			for more := true; more && err == nil; more = !stop.Load() {
				err = t.walk()
				walks++
			}
			walking = time.Since(start)
			return
		}
		for more := true; more; more = !stop.Load() {
			stored += some()
		}
		storing = time.Since(start)
	})
	return milliseconds(walking) / float64(walks), perSecond(stored, storing), err
}

// walk walks over the map, and returns an error unless it sees each key once.
func (t *traversal) walk() error {
	n, sum := 0, 0
	t.m.walk(func(_, value int) bool {
		n++
		sum += keyOf(value)
		return true
	})
	if want := t.entries * (t.entries - 1) / 2; n != t.entries || sum != want {
		return fmt.Errorf("a walk saw %d entries whose keys add up to %d, want %d and %d", n, sum, t.entries, want)
	}
	return nil
}

// A walkable map is one of the ways to walk over entries that are written meanwhile.
type walkable interface {
	readable[int, int]
	storable
	walk(f func(key, value int) bool)
}
