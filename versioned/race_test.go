package versioned_test

import (
	"maps"
	"math/rand/v2"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/shardmap-go/shardmap/versioned"
)

// The stress tests run goroutines that get in each other's way, best with -race, and verify these properties:
//
//  1. Whoever delivers which events, in whatever order and at the same time: the newest version of each key is what is left.
//  2. No reader sees an older version of a key after a newer one, and no value with another's version.
//  3. No update is lost: what ObserveFunc counts is the number of calls that took.
//  4. A version is deleted once: of several CompareAndDelete with the same version one succeeds at most, and none
//     removes a newer version.
//  5. When nobody writes, Len and Tombstones are exact, and tombstones are within their bound: none is left in the map that
//     the list does not know, whatever replaced, deleted, cleared, forgot and pruned it.
//  6. Forgetting a tombstone does not take a value with it that has replaced the tombstone meanwhile.
//
// All are bounded by work. The seed is printed; with it the goroutines do the same again, though not in the same order.

// inParallel runs f in n goroutines that start together, and waits for them.
func inParallel(seed uint64, n int, f func(id int, rng *rand.Rand)) {
	var group sync.WaitGroup
	start := make(chan struct{})
	for id := range n {
		group.Go(func() {
			<-start
			f(id, rand.New(rand.NewPCG(seed, uint64(id))))
		})
	}
	close(start)
	group.Wait()
}

// waver lets others run now and then, which on few processors they seldom would.
func waver(rng *rand.Rand) {
	if rng.IntN(8) == 0 {
		runtime.Gosched()
	}
}

// Properties 1 and 2.
func TestConcurrentDeliveriesLeaveTheNewest(t *testing.T) {
	const writers, readers, rounds = 4, 2, 40
	seed := testSeed(t)
	for round := range rounds {
		seed := seed + uint64(round)
		events, want := eventsOf(rand.New(rand.NewPCG(seed, 99)), 8, 40)
		m := versioned.New[int, event, uint64]()
		inParallel(seed, writers+readers, func(id int, rng *rand.Rand) {
			if id >= writers {
				watch(t, m, len(events))
				return
			}
			for _, i := range rng.Perm(len(events)) {
				if i%writers == id || i%7 == 0 { // its own, and some that others deliver, too
					events[i].deliver(m)
					waver(rng)
				}
			}
		})
		if got := maps.Collect(m.All()); !maps.Equal(got, want) || m.Len() != len(want) {
			t.Fatalf("round %d: got %v (Len %d), want %v", round, got, m.Len(), want)
		}
	}
}

// watch reads the keys of eventsOf again and again.
func watch(t *testing.T, m *versioned.Map[int, event, uint64], times int) {
	var newest [8]uint64
	for i := range times {
		key := i % len(newest)
		e, version, ok := m.LoadVersion(key)
		switch {
		case !ok:
		case e.key != key || e.version != version:
			t.Errorf("key %d at version %d has the value of %+v", key, version, e)
		case version < newest[key]:
			t.Errorf("key %d has version %d after %d", key, version, newest[key])
		default:
			newest[key] = version
		}
		if i%64 == 0 {
			for key, e := range m.Snapshot().All() {
				if e.version < newest[key] {
					t.Errorf("a snapshot shows key %d at version %d after %d", key, e.version, newest[key])
				}
			}
			runtime.Gosched()
		}
	}
}

// Property 3.
func TestConcurrentObserveFuncLosesNoUpdate(t *testing.T) {
	const workers, steps, keys = 6, 4000, 3
	m := versioned.New[int, int64, uint64]()
	var clock atomic.Uint64
	var took [keys]atomic.Int64
	inParallel(testSeed(t), workers, func(_ int, rng *rand.Rand) {
		for range steps {
			key := rng.IntN(keys)
			version := clock.Add(1)
			waver(rng) // so that a newer one gets ahead
			if m.ObserveFunc(key, version, func(n int64, _ bool) int64 { return n + 1 }) {
				took[key].Add(1)
			}
		}
	})
	for key := range keys {
		if n, _ := m.Load(key); n != took[key].Load() {
			t.Errorf("key %d: %d updates took, and %d are counted", key, took[key].Load(), n)
		}
	}
}

// Property 4.
func TestConcurrentCompareAndDeleteDeletesAVersionOnce(t *testing.T) {
	const workers, steps, keys = 6, 4000, 3
	m := versioned.New[int, uint64, uint64](versioned.WithTombstones(1))
	var clock atomic.Uint64
	observed := make([]atomic.Int32, workers*steps+1) // by version: 1 if it took, 2 if it was deleted, too
	inParallel(testSeed(t), workers, func(_ int, rng *rand.Rand) {
		for range steps {
			key := rng.IntN(keys)
			if rng.IntN(2) == 0 {
				version := clock.Add(1)
				if m.Observe(key, version, version) {
					observed[version].Add(1)
				}
				continue
			}
			_, version, ok := m.LoadVersion(key)
			waver(rng)
			if ok && m.CompareAndDelete(key, version) {
				observed[version].Add(1)
			}
		}
	})
	left := make(map[uint64]bool)
	for _, version := range m.All() {
		left[version] = true
	}
	for version := range observed {
		// One that took is there in the end, was deleted, or was replaced by a newer one.
		if n := observed[version].Load(); n > 2 || n == 2 && left[uint64(version)] {
			t.Errorf("version %d: stored or deleted %d times in all; there in the end: %v", version, n, left[uint64(version)])
		}
	}
}

// Property 5.
func TestConcurrentWritersLeaveNoTombstoneBeyondTheBound(t *testing.T) {
	const workers, steps, keys = 6, 3000, 10
	seed := testSeed(t)
	for _, limit := range []int{0, 1, 4, 100} {
		m := versioned.New[int, int, uint64](versioned.WithTombstones(limit))
		var clock atomic.Uint64
		inParallel(seed, workers, func(_ int, rng *rand.Rand) {
			for i := range steps {
				key, version := rng.IntN(keys), clock.Add(1)-uint64(rng.IntN(2*workers))
				switch rng.IntN(10) {
				case 0, 1, 2:
					m.Observe(key, version, i)
				case 3, 4, 5:
					m.DeleteAt(key, version)
				case 6:
					_, version, _ := m.LoadVersion(key)
					m.CompareAndDelete(key, version)
				case 7:
					m.Forget(key)
				case 8:
					m.PruneThrough(version - 10)
				case 9:
					if i%20 == 0 {
						m.Clear()
					}
					if n := m.Len(); n < 0 {
						t.Errorf("Len() = %d", n)
					}
				}
				waver(rng)
			}
		})
		values, tombstones, refused := len(maps.Collect(m.All())), m.Tombstones(), 0
		if m.Len() != values || tombstones > limit {
			t.Errorf("limit %d: Len() = %d, but All shows %d; %d tombstones", limit, m.Len(), values, tombstones)
		}
		// A key is known if it refuses the oldest observation there can be.
		for key := range keys {
			if !m.Observe(key, 0, -1) {
				refused++
			}
		}
		if refused != values+tombstones {
			t.Errorf("limit %d: %d keys are known, of which %d have values and %d are in the list of tombstones", limit, refused, values, tombstones)
		}
	}
}

// Property 6. The tombstone of each key is made and replaced by the one goroutine that owns the key, and forgotten by
// whichever deletes next.
func TestConcurrentForgettingLosesNoValue(t *testing.T) {
	const workers, steps = 4, 30_000
	m := versioned.New[int, int, int](versioned.WithTombstones(0))
	inParallel(testSeed(t), workers, func(id int, _ *rand.Rand) {
		for i := range steps {
			if id%2 == 0 {
				m.DeleteAt(id, 2*i) // forgotten by itself or by another
			}
			m.PruneThrough(2 * steps)
			if took := m.Observe(id, 2*i+1, i); !took {
				t.Errorf("key %d: version %d was refused", id, 2*i+1)
			}
			m.Prune()
			if v, ok := m.Load(id); !ok || v != i {
				t.Errorf("key %d has %d, %v after Observe of %d", id, v, ok, i)
			}
		}
	})
}
