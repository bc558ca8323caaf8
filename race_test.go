package shardmap_test

import (
	"fmt"
	"math/rand/v2"
	"runtime"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/shardmap-go/shardmap"
)

// The stress tests. They run goroutines that get in each other's way as much as possible, best with -race, and verify
// these properties:
//
//  1. No update is lost: increments of counters by Compute and by CompareAndSwap add up.
//  2. Of several LoadOrStore (and LoadOrCompute) of one absent key exactly one stores, and all return its value.
//  3. What is stored is taken out exactly once. Every token that some operation stored is returned by exactly one
//     operation that replaced or deleted it, or is there at the end; also if updates race deletions.
//  4. Range, All, Keys, Values and DeleteFunc show no key twice, show every key that stays, and show no key with a
//     value of another, while other keys come and go and shards split.
//  5. Len is never negative, and exact when nobody writes. Snapshot.Len is exact always.
//  6. Every Snapshot is a consistent cut: of writes that happen one after another, by one goroutine or by several, it
//     shows a prefix; and no snapshot goes back behind one that was taken before it began.
//  7. A Snapshot never changes.
//  8. After Clear has returned, nothing is seen that had been stored before it began. It deletes all at one instant.
//  9. Diff applied to the content of the older snapshot gives the content of the newer one.
// 10. Replace exchanges the whole content at one instant, Clone copies it as of one instant, Shrink changes nothing.
// 11. Reads of a key never go back: no goroutine sees an older value after a newer one, whichever way it reads.
//
// Numbers 1, 2 and 5 are in this file, 3 is in race_token_test.go, 4, 8 and 11 are in race_range_test.go, 6 and 10 in
// race_snapshot_test.go, 7 and 9 in race_diff_test.go.
//
// Each runs over values of each sort that maps tell apart, over small maps and over maps that grow and split, with
// several values of GOMAXPROCS, and with and without somebody who takes snapshots, clones, shrinks and inserts all
// the time. All are bounded by work, not by time. The seed is printed; with it the goroutines do the same again,
// though not in the same order.

// A codec makes numbers into values of one sort, and back.
type codec[V any] struct {
	name string
	enc  func(n int) V
	dec  func(v V) int
}

func pointerCodec() codec[*int] {
	return codec[*int]{"pointer", func(n int) *int { return &n }, func(v *int) int { return *v }}
}

func wordCodec() codec[int] {
	return codec[int]{"word", func(n int) int { return n }, func(v int) int { return v }}
}

// boxCodec is for values that do not fit a word. A torn one, with parts of two values, becomes a number that was
// never stored.
func boxCodec() codec[triple] {
	return codec[triple]{"box", func(n int) triple { return triple{n, n + 1, n + 2} }, func(v triple) int {
		if v.B != v.A+1 || v.C != v.A+2 {
			return -1 << 30
		}
		return v.A
	}}
}

// A crew is the goroutines of one run.
type crew struct {
	t                *testing.T
	seed             uint64
	members          uint64
	start            chan struct{}
	workers, helpers sync.WaitGroup
	over             atomic.Bool // the workers have finished
	failures         atomic.Int32
}

// work has n goroutines run f once each.
func (c *crew) work(n int, f func(id int, rng *rand.Rand)) {
	for id := range n {
		rng := c.rng()
		c.workers.Go(func() {
			<-c.start
			f(id, rng)
		})
	}
}

// help has n goroutines run f again and again, as long as there are workers, and once more after that.
func (c *crew) help(n int, f func(id int, rng *rand.Rand)) {
	for id := range n {
		rng := c.rng()
		c.helpers.Go(func() {
			<-c.start
			for !c.over.Load() {
				f(id, rng)
				runtime.Gosched()
			}
			f(id, rng)
		})
	}
}

func (c *crew) rng() *rand.Rand {
	c.members++
	return rand.New(rand.NewPCG(c.seed, c.members))
}

// run starts all goroutines at once and waits for them.
func (c *crew) run() {
	c.t.Helper()
	inTime(c.t, "a stress test", func() {
		close(c.start)
		c.workers.Wait()
		c.over.Store(true)
		c.helpers.Wait()
	})
	if n := c.failures.Load(); n > 0 {
		c.t.Fatalf("%d failures (SHARDMAP_SEED=%d)", n, c.seed)
	}
}

// failf reports a failure, if it is one of the first, and lets the others finish.
func (c *crew) failf(format string, args ...any) {
	if c.failures.Add(1) <= 5 {
		c.t.Errorf(format, args...)
	}
}

// waver lets others run now and then, which on few processors they seldom would.
func waver(rng *rand.Rand) {
	if rng.IntN(16) == 0 {
		runtime.Gosched()
	}
}

// amount is how much work to do: n, or less if the race detector slows it down or somebody is in a hurry.
func amount(n int) int {
	if raceDetector {
		n /= 3
	}
	if testing.Short() {
		n /= 3
	}
	return max(n, 1)
}

// A stress is one run on one map. The test's keys are those below keys, and the disturber's are those from foreign on.
type stress[V any] struct {
	crew
	codec[V]
	m           shardmap.ConcurrentMap[int, V]
	keys, procs int
}

const foreign = 1 << 20

// eachStress runs f over every implementation, or over Map alone, in several settings.
func eachStress[V any](t *testing.T, values codec[V], mapOnly bool, f func(t *testing.T, s *stress[V])) {
	seed := testSeed(t)
	type setting struct{ keys, procs int }
	all := []setting{{4, 1}, {4, 2}, {4, 8}, {1500, 2}, {1500, 8}}
	for _, v := range []struct {
		name      string
		new       func() shardmap.ConcurrentMap[int, V]
		disturbed bool
		settings  []setting
	}{
		{"Map", func() shardmap.ConcurrentMap[int, V] { return new(shardmap.Map[int, V]) }, false, all},
		{"Map/disturbed", func() shardmap.ConcurrentMap[int, V] { return new(shardmap.Map[int, V]) }, true, all},
		{"Map/hash=bad", func() shardmap.ConcurrentMap[int, V] {
			return shardmap.New[int, V](shardmap.WithHasher(func(key int) uint64 { return uint64(key % 50) }))
		}, true, all[3:]},
		{"Map/shards=600", func() shardmap.ConcurrentMap[int, V] {
			return shardmap.New[int, V](shardmap.WithShards(600)) // so many that the directory has two levels
		}, true, []setting{{1500, 2}}},
		{"RWMap", func() shardmap.ConcurrentMap[int, V] { return new(shardmap.RWMap[int, V]) }, false, []setting{{4, 2}, {300, 8}}},
		{"AtomicMap", func() shardmap.ConcurrentMap[int, V] { return new(shardmap.AtomicMap[int, V]) }, false, []setting{{4, 2}, {40, 8}}},
	} {
		if _, sharded := v.new().(*shardmap.Map[int, V]); mapOnly && !sharded {
			continue
		}
		for _, set := range v.settings {
			t.Run(fmt.Sprintf("V=%s/%s/keys=%d/procs=%d", values.name, v.name, set.keys, set.procs), func(t *testing.T) {
				defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(set.procs))
				if set.procs == 2 { // what the collector must not free, it frees soon
					defer debug.SetGCPercent(debug.SetGCPercent(10))
				}
				s := &stress[V]{crew{t: t, seed: seed, start: make(chan struct{})}, values, v.new(), set.keys, set.procs}
				if v.disturbed {
					s.help(1, s.disturb)
				}
				f(t, s)
			})
		}
	}
}

// eachSort is eachStress for each sort of value.
func eachSort(t *testing.T, pointer func(*testing.T, *stress[*int]), word func(*testing.T, *stress[int]), box func(*testing.T, *stress[triple])) {
	t.Helper()
	eachStress(t, pointerCodec(), false, pointer)
	eachStress(t, wordCodec(), false, word)
	eachStress(t, boxCodec(), false, box)
}

// eachSortOfMap is eachSort for what only a Map can do.
func eachSortOfMap(t *testing.T, pointer func(*testing.T, *stress[*int]), word func(*testing.T, *stress[int]), box func(*testing.T, *stress[triple])) {
	t.Helper()
	eachStress(t, pointerCodec(), true, pointer)
	eachStress(t, wordCodec(), true, word)
	eachStress(t, boxCodec(), true, box)
}

// run is crew.run, after which it looks inside a Map.
func (s *stress[V]) run() {
	s.t.Helper()
	s.crew.run()
	if m, ok := s.m.(*shardmap.Map[int, V]); ok {
		if err := shardmap.CheckInvariants(m, true, m.Snapshot()); err != nil {
			s.t.Fatalf("%v (SHARDMAP_SEED=%d)", err, s.seed)
		}
	}
}

// sharded returns the Map under test.
func (s *stress[V]) sharded() *shardmap.Map[int, V] { return s.m.(*shardmap.Map[int, V]) }

// update stores value for key, which is present, by one of the ways to do so. Nobody else writes the key.
func (s *stress[V]) update(rng *rand.Rand, key int, value V) {
	switch rng.IntN(4) {
	case 0:
		s.m.Store(key, value)
	case 1:
		if _, loaded := s.m.Swap(key, value); !loaded {
			s.failf("Swap(%d) finds nothing", key)
		}
	case 2:
		old, ok := s.m.Load(key)
		if !ok || !s.m.CompareAndSwap(key, old, value) {
			s.failf("Load(%d) and CompareAndSwap by the only writer fail", key)
		}
	case 3:
		s.m.Compute(key, func(_ V, loaded bool) (V, shardmap.Op) {
			if !loaded {
				s.failf("Compute(%d) finds nothing", key)
			}
			return value, shardmap.Set
		})
	}
}

// disturb takes a Map through what it does on behalf of its whole: it is shared with snapshots and clones, shrinks,
// and grows by keys that are none of the test's.
func (s *stress[V]) disturb(_ int, rng *rand.Rand) {
	m := s.sharded()
	var held [3]*shardmap.Snapshot[int, V]
	for i := range held {
		held[i] = m.Snapshot()
		base, n := foreign+rng.IntN(1000), rng.IntN(2*s.keys+40)
		for j := range min(n, 400) {
			m.Store(base+j, s.enc(-1))
			waver(rng)
		}
		switch rng.IntN(8) {
		case 0:
			m.Shrink()
		case 1:
			c := m.Clone()
			c.Store(rng.IntN(s.keys), s.enc(-2)) // must not be seen in m
			c.Clear()
		}
		for j := range min(n, 400) {
			m.Delete(base + j)
			waver(rng)
		}
	}
	if err := shardmap.CheckInvariants(m, true, held[:]...); err != nil { // while others write
		s.failf("%v", err)
	}
}

// Property 1.
func TestStressNoUpdateIsLost(t *testing.T) {
	eachSort(t, testNoUpdateIsLost, testNoUpdateIsLost, testNoUpdateIsLost)
}

func testNoUpdateIsLost[V any](t *testing.T, s *stress[V]) {
	const workers = 6
	increments := amount(6000)
	s.work(workers, func(_ int, rng *rand.Rand) {
		for range increments {
			key := rng.IntN(s.keys)
			switch rng.IntN(3) {
			case 0:
				s.m.Compute(key, func(old V, loaded bool) (V, shardmap.Op) {
					if !loaded {
						return s.enc(1), shardmap.Set
					}
					return s.enc(s.dec(old) + 1), shardmap.Set
				})
			case 1:
				if _, loaded := s.m.LoadOrStore(key, s.enc(1)); loaded {
					s.increment(key)
				}
			case 2:
				if _, loaded, _ := s.m.LoadOrCompute(key, func() (V, error) { return s.enc(1), nil }); loaded {
					s.increment(key)
				}
			}
			waver(rng)
		}
	})
	s.run()
	sum := 0
	for key, value := range s.m.All() {
		if key < foreign {
			sum += s.dec(value)
		}
	}
	if sum != workers*increments {
		t.Errorf("%d increments add up to %d", workers*increments, sum)
	}
}

func (s *stress[V]) increment(key int) {
	for {
		old, ok := s.m.Load(key)
		if !ok {
			s.failf("Load(%d) finds nothing; nobody deletes", key)
			return
		}
		if s.m.CompareAndSwap(key, old, s.enc(s.dec(old)+1)) {
			return
		}
	}
}

// Property 2.
func TestStressLoadOrStoreHasOneWinner(t *testing.T) {
	eachSort(t, testOneWinner, testOneWinner, testOneWinner)
}

func testOneWinner[V any](t *testing.T, s *stress[V]) {
	const workers = 4
	keys := amount(min(3000, 50*s.keys)) // each of them contended for once
	var values [workers][]int
	var stored [workers][]bool
	s.work(workers, func(id int, rng *rand.Rand) {
		values[id], stored[id] = make([]int, keys), make([]bool, keys)
		for i := range keys {
			var actual V
			var loaded bool
			if rng.IntN(4) > 0 {
				actual, loaded = s.m.LoadOrStore(i, s.enc(id))
			} else {
				actual, loaded, _ = s.m.LoadOrCompute(i, func() (V, error) { return s.enc(id), nil })
			}
			values[id][i], stored[id][i] = s.dec(actual), !loaded
			waver(rng)
		}
	})
	s.run()
	for i := range keys {
		winners := 0
		for id := range workers {
			if stored[id][i] {
				winners++
				if values[id][i] != id {
					t.Errorf("key %d: %d stored its value and got that of %d", i, id, values[id][i])
				}
			}
			if values[id][i] != values[0][i] {
				t.Errorf("key %d: %d got %d, 0 got %d", i, id, values[id][i], values[0][i])
			}
		}
		if winners != 1 {
			t.Fatalf("key %d: %d goroutines say that they stored it", i, winners)
		}
	}
}

// Property 5.
func TestStressLenIsNeverNegativeAndExactAtTheEnd(t *testing.T) {
	eachSort(t, testLen, testLen, testLen)
}

func testLen[V any](t *testing.T, s *stress[V]) {
	const workers = 5
	steps := amount(5000)
	var present [workers]map[int]bool
	s.work(workers, func(id int, rng *rand.Rand) {
		own := make(map[int]bool) // of the keys that only this worker touches
		for range steps {
			key := rng.IntN(s.keys)*workers + id
			switch rng.IntN(6) {
			case 0, 1:
				s.m.Store(key, s.enc(key))
				own[key] = true
			case 2:
				s.m.LoadOrStore(key, s.enc(key))
				own[key] = true
			case 3:
				s.m.Delete(key)
				delete(own, key)
			case 4:
				if _, loaded := s.m.LoadAndDelete(key); loaded != own[key] {
					s.failf("LoadAndDelete(%d) says %v, want %v", key, loaded, own[key])
				}
				delete(own, key)
			case 5:
				s.m.Compute(key, func(V, bool) (V, shardmap.Op) { return s.enc(0), shardmap.Remove })
				delete(own, key)
			}
			waver(rng)
		}
		present[id] = own
	})
	s.help(1, func(int, *rand.Rand) {
		if n := s.m.Len(); n < 0 {
			s.failf("Len() = %d", n)
		}
		if m, ok := s.m.(*shardmap.Map[int, V]); ok {
			snapshot, n := m.Snapshot(), 0
			for range snapshot.Keys() {
				n++
			}
			if snapshot.Len() != n {
				s.failf("Snapshot.Len() = %d, but it shows %d keys", snapshot.Len(), n)
			}
		}
	})
	s.run()
	s.m.DeleteFunc(func(key int, _ V) bool { return key >= foreign })
	want := 0
	for id := range workers {
		want += len(present[id])
		for key := range present[id] {
			if _, ok := s.m.Load(key); !ok {
				t.Errorf("key %d is lost", key)
			}
		}
	}
	if got := s.m.Len(); got != want {
		t.Errorf("Len() = %d, want %d", got, want)
	}
}
