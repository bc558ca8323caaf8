package shardmap_test

import (
	"math/rand/v2"
	"runtime"
	"sync"
	"testing"

	"github.com/shardmap-go/shardmap"
)

// Properties 6 and 10 of the list in race_test.go: what is promised of the whole map at one instant.

// view returns the content of the map as of one instant, as a snapshot, by one of the ways to have one.
func (s *stress[V]) view(rng *rand.Rand) *shardmap.Snapshot[int, V] {
	if rng.IntN(8) == 0 {
		return s.sharded().Clone().Snapshot()
	}
	return s.sharded().Snapshot()
}

// Property 6, of stores: one writer stores version after version under its keys, always in the same order. Then the
// versions in a snapshot never rise along that order, and the first and the last differ by one at most.
func TestStressSnapshotsAreConsistentCutsOfStores(t *testing.T) {
	eachSortOfMap(t, testCutsOfStores, testCutsOfStores, testCutsOfStores)
}

func testCutsOfStores[V any](t *testing.T, s *stress[V]) {
	const writers, readers = 3, 2
	n := s.keys // of each writer; i*writers+id, so that the keys of all are mixed
	rounds := amount(max(4000/n, 6))
	for key := range n * writers {
		s.m.Store(key, s.enc(0))
	}
	s.work(writers, func(id int, rng *rand.Rand) {
		for version := 1; version <= rounds; version++ {
			for i := range n {
				s.update(rng, i*writers+id, s.enc(version))
				waver(rng)
			}
		}
	})
	var progress [readers][writers]int // sum of the versions seen last
	s.help(readers, func(reader int, rng *rand.Rand) {
		snapshot := s.view(rng)
		for id := range writers {
			sum := s.requireCut(snapshot, n, func(i int) int { return i*writers + id })
			if sum < progress[reader][id] {
				s.failf("writer %d had made %d stores in one snapshot, and has made %d in a later one", id, progress[reader][id], sum)
			}
			progress[reader][id] = sum
		}
	})
	s.run()
	for id := range writers {
		if sum := s.requireCut(s.view(s.rng()), n, func(i int) int { return i*writers + id }); sum != n*rounds {
			t.Errorf("at the end there are %d of the %d stores of writer %d", sum, n*rounds, id)
		}
	}
}

// requireCut demands that key(0) … key(n-1) have versions that never rise and fall by one at most, and returns their sum.
func (s *stress[V]) requireCut(snapshot *shardmap.Snapshot[int, V], n int, key func(i int) int) (sum int) {
	first, previous := 0, 0
	for i := range n {
		value, ok := snapshot.Load(key(i))
		if !ok {
			s.failf("a snapshot lacks key %d, which is always there", key(i))
			return sum
		}
		version := s.dec(value)
		if i == 0 {
			first, previous = version, version
		}
		if version > previous || version < first-1 {
			s.failf("a snapshot shows key %d with version %d, after version %d of the key before it and %d of the first", key(i), version, previous, first)
			return sum
		}
		previous = version
		sum += version
	}
	return sum
}

// Property 6, of inserts and deletions: one writer inserts keys in ascending order, and deletes those that are a fixed
// distance behind. Then the keys in a snapshot are an interval of that length, or one more.
func TestStressSnapshotsAreConsistentCutsOfInsertsAndDeletions(t *testing.T) {
	eachSortOfMap(t, testCutsOfInserts, testCutsOfInserts, testCutsOfInserts)
}

func testCutsOfInserts[V any](t *testing.T, s *stress[V]) {
	const writers, readers, span = 2, 2, 100_000
	length := s.keys
	steps := amount(6000)
	s.work(writers, func(id int, rng *rand.Rand) {
		for i := range length + steps {
			key := id*span + i
			switch rng.IntN(3) {
			case 0:
				s.m.Store(key, s.enc(key))
			case 1:
				s.m.LoadOrStore(key, s.enc(key))
			case 2:
				s.m.Compute(key, func(V, bool) (V, shardmap.Op) { return s.enc(key), shardmap.Set })
			}
			waver(rng)
			if i < length {
				continue
			}
			switch rng.IntN(3) {
			case 0:
				s.m.Delete(key - length)
			case 1:
				if _, loaded := s.m.LoadAndDelete(key - length); !loaded {
					s.failf("LoadAndDelete(%d) finds nothing", key-length)
				}
			case 2:
				s.m.Compute(key-length, func(V, bool) (V, shardmap.Op) { return s.enc(0), shardmap.Remove })
			}
		}
	})
	var newest [readers][writers]int
	s.help(readers, func(reader int, rng *rand.Rand) {
		var low, high, n [writers]int
		for key, value := range s.view(rng).All() {
			if key >= foreign {
				continue
			}
			id, i := key/span, key%span
			if s.dec(value) != key {
				s.failf("a snapshot shows key %d with %d", key, s.dec(value))
			}
			if n[id] == 0 || i < low[id] {
				low[id] = i
			}
			high[id] = max(high[id], i)
			n[id]++
		}
		for id := range writers {
			if n[id] == 0 && newest[reader][id] == 0 {
				continue
			}
			begun := n[id] <= length && low[id] == 0
			if high[id]-low[id]+1 != n[id] || !begun && n[id] != length && n[id] != length+1 {
				s.failf("a snapshot shows %d keys of writer %d between %d and %d; want all, and %d or one more", n[id], id, low[id], high[id], length)
			}
			if high[id] < newest[reader][id] {
				s.failf("writer %d had come to key %d in one snapshot, and to %d in a later one", id, newest[reader][id], high[id])
			}
			newest[reader][id] = high[id]
		}
	})
	s.run()
}

// Property 6, of stores by several goroutines: each stores the version that it has seen its predecessor store.
func TestStressSnapshotsAreConsistentCutsOfWhatGoroutinesTellEachOther(t *testing.T) {
	eachSortOfMap(t, testCutsOfChains, testCutsOfChains, testCutsOfChains)
}

func testCutsOfChains[V any](t *testing.T, s *stress[V]) {
	const writers, readers = 4, 2
	rounds := amount(200)
	if s.procs > runtime.NumCPU() { // then a goroutine that waits takes the processor from the one it waits for
		rounds = amount(20)
	}
	for key := range max(s.keys, writers) {
		s.m.Store(key, s.enc(0))
	}
	s.work(writers, func(id int, rng *rand.Rand) {
		for version := 1; version <= rounds; version++ {
			awaited, predecessor := version, id-1
			if id == 0 {
				awaited, predecessor = version-1, writers-1
			}
			for s.failures.Load() == 0 {
				if value, _ := s.m.Load(predecessor); s.dec(value) == awaited {
					break
				}
				runtime.Gosched()
			}
			s.update(rng, id, s.enc(version))
		}
	})
	var progress [readers]int
	s.help(readers, func(reader int, rng *rand.Rand) {
		sum := s.requireCut(s.view(rng), writers, func(i int) int { return i })
		if sum < progress[reader] {
			s.failf("%d stores had been made in one snapshot, and %d in a later one", progress[reader], sum)
		}
		progress[reader] = sum
	})
	s.run()
}

// Property 10. The token test (property 3) does the same to Replace among other writers.
func TestStressReplaceExchangesEverythingAtOnce(t *testing.T) {
	eachSortOfMap(t, testReplace, testReplace, testReplace)
}

func testReplace[V any](t *testing.T, s *stress[V]) {
	const writers = 2
	rounds := amount(max(4000/s.keys, 10))
	edition := func(n int) func(yield func(int, V) bool) {
		return func(yield func(int, V) bool) {
			for key := range s.keys {
				if !yield(key, s.enc(n)) {
					return
				}
			}
		}
	}
	s.sharded().Replace(edition(0))
	// whole returns which edition a snapshot shows.
	whole := func(what string, snapshot *shardmap.Snapshot[int, V]) int {
		first, n := 0, 0
		for key, value := range snapshot.All() {
			if key >= foreign {
				continue
			}
			if n++; n == 1 {
				first = s.dec(value)
			}
			if s.dec(value) != first {
				s.failf("%s shows parts of editions %d and %d", what, first, s.dec(value))
			}
		}
		if n != s.keys {
			s.failf("%s shows %d keys of edition %d, want %d", what, n, first, s.keys)
		}
		return first
	}
	var mu sync.Mutex
	replaced := make(map[int]bool)
	s.work(writers, func(id int, rng *rand.Rand) {
		for i := range rounds {
			old := whole("what Replace returns", s.sharded().Replace(edition(1+i*writers+id)))
			mu.Lock()
			if replaced[old] {
				s.failf("edition %d was replaced twice", old)
			}
			replaced[old] = true
			mu.Unlock()
			waver(rng)
		}
	})
	s.help(2, func(_ int, rng *rand.Rand) {
		switch rng.IntN(4) {
		case 0:
			s.sharded().Shrink()
		case 1:
			c := s.sharded().Clone()
			c.Store(0, s.enc(-1))
			whole("a map whose clone has been written", s.sharded().Snapshot())
			c.Store(0, s.enc(-2))
			for key := range s.keys {
				if value, ok := c.Load(key); !ok || key == 0 && s.dec(value) != -2 {
					s.failf("a clone shows key %d with %v, %v", key, value, ok)
				}
			}
		default:
			whole("a snapshot", s.view(rng))
		}
	})
	s.run()
	replaced[whole("the map at the end", s.sharded().Snapshot())] = true
	if want := rounds*writers + 1; len(replaced) != want {
		t.Errorf("%d editions were replaced or are there at the end, want %d", len(replaced), want)
	}
}
