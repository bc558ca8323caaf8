package shardmap_test

import (
	"math/rand/v2"
	"sync/atomic"
	"testing"

	"github.com/shardmap-go/shardmap"
)

// Properties 4, 8 and 11 of the list in race_test.go: what iterations show, what Clear leaves behind, and in which order
// readers see what writers do.

// Property 4.
func TestStressIterationShowsEveryStayingKeyOnce(t *testing.T) {
	eachSort(t, testIteration, testIteration, testIteration)
}

func testIteration[V any](t *testing.T, s *stress[V]) {
	const versions = 1024 // values tell which key they belong to: value/versions
	steps := amount(8000)
	visitors := s.keys + s.keys/2 + 20 // keys from s.keys on come and go
	for key := range s.keys {
		s.m.Store(key, s.enc(key*versions))
	}
	s.work(2, func(id int, rng *rand.Rand) {
		for i := range steps {
			key := rng.IntN(s.keys/2)*2 + id // keys of its own
			s.update(rng, key, s.enc(key*versions+i%versions))
			waver(rng)
		}
	})
	s.work(2, func(_ int, rng *rand.Rand) {
		for i := range steps {
			key := s.keys + rng.IntN(visitors)
			switch i / (steps/6 + 1) % 3 {
			case 0: // all come
				s.m.LoadOrStore(key, s.enc(key*versions))
			case 1: // many come and go
				s.m.Store(key, s.enc(key*versions+1))
				s.m.Delete(s.keys + rng.IntN(visitors))
			case 2: // all go
				s.m.LoadAndDelete(key)
			}
			waver(rng)
		}
	})
	s.help(2, func(_ int, rng *rand.Rand) {
		seen := make(map[int]bool)
		visit := func(way string, key int) {
			if seen[key] {
				s.failf("%s shows key %d twice", way, key)
			}
			seen[key] = true
			waver(rng)
		}
		entry := func(way string, key int, value V) {
			if n := s.dec(value); key < foreign && n/versions != key {
				s.failf("%s shows key %d with %d, a value of key %d", way, key, n, n/versions)
			}
			visit(way, key)
		}
		way := []string{"Range", "All", "Keys", "Values", "DeleteFunc"}[rng.IntN(5)]
		switch way {
		case "Range":
			s.m.Range(func(key int, value V) bool { entry(way, key, value); return true })
		case "All":
			for key, value := range s.m.All() {
				entry(way, key, value)
			}
		case "Keys":
			for key := range s.m.Keys() {
				visit(way, key)
			}
		case "Values":
			for value := range s.m.Values() {
				if n := s.dec(value); n >= 0 { // not the disturber's
					visit(way, n/versions)
				}
			}
		case "DeleteFunc": // which may ask about a key several times
			s.m.DeleteFunc(func(key int, value V) bool {
				seen[key] = false
				entry(way, key, value)
				return key >= s.keys && key%64 == 0
			})
		}
		for key := range s.keys {
			if !seen[key] {
				s.failf("%s does not show key %d, which is always there", way, key)
			}
		}
	})
	s.run()
}

// Property 8.
func TestStressNothingFromBeforeIsSeenAfterClear(t *testing.T) {
	eachSort(t, testClear, testClear, testClear)
}

func testClear[V any](t *testing.T, s *stress[V]) {
	const writers = 3
	rounds := amount(max(10000/s.keys, 10))
	var completed [writers]atomic.Int64 // the number of writes that each writer has completed
	var next [writers]int
	s.help(writers, func(id int, rng *rand.Rand) { // values are writers*number + writer
		for range s.keys + 10 {
			next[id]++
			key, value := rng.IntN(s.keys), s.enc(writers*next[id]+id)
			switch rng.IntN(6) {
			case 0, 1:
				s.m.Store(key, value)
			case 2:
				s.m.LoadOrStore(key, value)
			case 3:
				s.m.Swap(key, value)
			case 4:
				if old, ok := s.m.Load(key); ok {
					s.m.CompareAndSwap(key, old, value)
				}
			case 5:
				s.m.Compute(key, func(V, bool) (V, shardmap.Op) { return value, shardmap.Set })
			}
			completed[id].Store(int64(next[id]))
			waver(rng)
		}
	})
	s.work(1, func(_ int, rng *rand.Rand) {
		for range rounds {
			var before [writers]int
			for id := range writers {
				before[id] = int(completed[id].Load())
			}
			m, sharded := s.m.(*shardmap.Map[int, V])
			if sharded && rng.IntN(3) == 0 {
				m.Replace(func(func(int, V) bool) {})
			} else {
				s.m.Clear()
			}
			check := func(way string, key int, value V) {
				switch n := s.dec(value); {
				case key >= foreign:
				case n < 0:
					s.failf("%s shows key %d with %v, which nobody stored", way, key, value)
				case n/writers <= before[n%writers]:
					s.failf("%s shows key %d with write %d of writer %d, which had completed %d before Clear began", way, key, n/writers, n%writers, before[n%writers])
				}
			}
			for range 3 {
				for key := range s.keys {
					if value, ok := s.m.Load(key); ok {
						check("Load", key, value)
					}
				}
				for key, value := range s.m.All() {
					check("All", key, value)
				}
				if sharded {
					for key, value := range m.Snapshot().All() {
						check("Snapshot", key, value)
					}
				}
				if value, loaded := s.m.LoadAndDelete(rng.IntN(s.keys)); loaded {
					check("LoadAndDelete", 0, value)
				}
			}
			waver(rng)
		}
	})
	s.run()
}

// Property 8, at one instant: one goroutine fills the map in a fixed order and clears it, again and again. So whoever
// sees the map as of one instant sees the first few keys, or none, or all.
func TestStressClearDeletesEverythingAtOnce(t *testing.T) {
	eachSort(t, testClearAtOnce, testClearAtOnce, testClearAtOnce)
}

func testClearAtOnce[V any](t *testing.T, s *stress[V]) {
	rounds := amount(max(30000/s.keys, 10))
	s.work(1, func(_ int, rng *rand.Rand) {
		for round := range rounds {
			for key := range s.keys {
				s.m.Store(key, s.enc(round))
				waver(rng)
			}
			s.m.Clear()
		}
	})
	s.help(2, func(int, *rand.Rand) {
		all := s.m.All() // of the other maps: shows one instant as well
		if m, ok := s.m.(*shardmap.Map[int, V]); ok {
			all = m.Snapshot().All()
		}
		n, highest, rounds := 0, -1, make(map[int]bool)
		for key, value := range all {
			if key < foreign {
				n, highest = n+1, max(highest, key)
				rounds[s.dec(value)] = true
			}
		}
		if n != highest+1 || len(rounds) > 1 {
			s.failf("at one instant there were %d keys, up to key %d, of %d rounds", n, highest, len(rounds))
		}
	})
	s.run()
}

// Property 11.
func TestStressReadersNeverGoBack(t *testing.T) {
	eachSort(t, testReadersNeverGoBack, testReadersNeverGoBack, testReadersNeverGoBack)
}

func testReadersNeverGoBack[V any](t *testing.T, s *stress[V]) {
	steps := amount(4000)
	s.work(2, func(id int, rng *rand.Rand) { // each key has one writer, which stores greater and greater numbers
		present := make(map[int]bool)
		for i := range steps {
			switch key := rng.IntN(s.keys/2)*2 + id; {
			case !present[key]:
				s.m.Store(key, s.enc(i))
				present[key] = true
			case rng.IntN(8) == 0:
				s.m.Delete(key)
				present[key] = false
			default:
				s.update(rng, key, s.enc(i))
			}
			waver(rng)
		}
	})
	const readers = 3
	var last [readers]map[int]int
	s.help(readers, func(id int, rng *rand.Rand) {
		if last[id] == nil {
			last[id] = make(map[int]int)
		}
		see := func(way string, key int, value V) {
			n := s.dec(value)
			if key < foreign && n < last[id][key] {
				s.failf("%s shows key %d with %d, after %d had been seen", way, key, n, last[id][key])
			}
			last[id][key] = n
		}
		for range s.keys {
			if key := rng.IntN(s.keys); rng.IntN(3) > 0 {
				if value, ok := s.m.Load(key); ok {
					see("Load", key, value)
				}
			} else if value, ok := s.m.Compute(key, func(old V, _ bool) (V, shardmap.Op) { return old, shardmap.Keep }); ok {
				see("Compute", key, value)
			}
		}
		switch m, sharded := s.m.(*shardmap.Map[int, V]); {
		case !sharded || rng.IntN(2) == 0: // Range reads each value once, between its call and the visit
			for key, value := range s.m.All() {
				see("All", key, value)
			}
		case rng.IntN(2) == 0:
			for key, value := range m.Clone().All() {
				see("Clone", key, value)
			}
		default:
			for key, value := range m.Snapshot().All() {
				see("Snapshot", key, value)
			}
		}
	})
	s.run()
}
