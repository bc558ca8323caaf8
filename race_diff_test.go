package shardmap_test

import (
	"maps"
	"math/rand/v2"
	"sync"
	"testing"

	"github.com/shardmap-go/shardmap"
)

// Properties 7 and 9 of the list in race_test.go: what snapshots go on to show, and how they differ.

// mix does something to the map, with a bias that makes it grow and shrink in turns. If wipe is set, that includes what
// concerns the whole map.
func (s *stress[V]) mix(rng *rand.Rand, step int, wipe bool) {
	key, value := rng.IntN(s.keys), s.enc(step)
	switch rng.IntN(8) {
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
		s.m.Compute(key, func(old V, _ bool) (V, shardmap.Op) { return value, shardmap.Op(rng.IntN(3)) })
	default:
		if step/(2*s.keys)%2 == 0 {
			s.m.Store(key, value)
		} else {
			s.m.Delete(key)
		}
	}
	if !wipe || rng.IntN(4*s.keys+50) > 0 {
		return
	}
	switch rng.IntN(4) {
	case 0:
		s.m.Clear()
	case 1:
		s.sharded().Replace(func(yield func(int, V) bool) {
			for key := range rng.IntN(s.keys) {
				yield(key, value)
			}
		})
	case 2:
		s.sharded().Shrink()
	case 3:
		s.m.DeleteFunc(func(key int, _ V) bool { return key%2 == 0 })
	}
}

// A record is a snapshot and what it showed when it was taken.
type record[V any] struct {
	snapshot *shardmap.Snapshot[int, V]
	content  map[int]int
}

func (s *stress[V]) numbers(snapshot *shardmap.Snapshot[int, V]) map[int]int {
	content := make(map[int]int, snapshot.Len())
	for key, value := range snapshot.All() {
		if _, twice := content[key]; twice {
			s.failf("a snapshot shows key %d twice", key)
		}
		content[key] = s.dec(value)
	}
	return content
}

// Property 7.
func TestStressSnapshotsNeverChange(t *testing.T) {
	eachSortOfMap(t, testSnapshotsNeverChange, testSnapshotsNeverChange, testSnapshotsNeverChange)
}

func testSnapshotsNeverChange[V any](t *testing.T, s *stress[V]) {
	steps := amount(5000)
	s.work(3, func(_ int, rng *rand.Rand) {
		for i := range steps {
			s.mix(rng, i, true)
			waver(rng)
		}
	})
	var mu sync.Mutex
	var pool []record[V] // of all helpers, so that several read one snapshot at a time
	s.help(2, func(_ int, rng *rand.Rand) {
		taken := s.view(rng)
		fresh := record[V]{taken, s.numbers(taken)}
		mu.Lock()
		if len(pool) < 40 {
			pool = append(pool, fresh)
		} else {
			pool[rng.IntN(len(pool))] = fresh
		}
		old := pool[rng.IntN(len(pool))]
		mu.Unlock()
		if now := s.numbers(old.snapshot); !maps.Equal(now, old.content) || old.snapshot.Len() != len(now) {
			s.failf("a snapshot showed %d entries when it was taken and shows %d now, its Len is %d; equal: %v",
				len(old.content), len(now), old.snapshot.Len(), maps.Equal(now, old.content))
		}
		for range 50 {
			key := rng.IntN(s.keys)
			value, ok := old.snapshot.Load(key)
			if n, had := old.content[key]; ok != had || ok && s.dec(value) != n {
				s.failf("a snapshot that showed key %d with %d, %v loads %v, %v", key, n, had, value, ok)
			}
		}
	})
	s.run()
}

// Property 9.
func TestStressDiffLeadsFromOneSnapshotToTheNext(t *testing.T) {
	eachSortOfMap(t, testDiff, testDiff, testDiff)
}

func testDiff[V any](t *testing.T, s *stress[V]) {
	const untouched = foreign / 2 // keys from here on are never written again
	steps := amount(5000)
	wipe := s.seed%2 == 0 == (s.keys == 4) // in half of the runs
	for key := range s.keys {
		s.m.Store(untouched+key, s.enc(key))
	}
	s.work(3, func(_ int, rng *rand.Rand) {
		for i := range steps {
			s.mix(rng, i, wipe)
			waver(rng)
		}
	})
	var held [2][]record[V]
	s.help(len(held), func(id int, rng *rand.Rand) {
		snapshot := s.view(rng)
		newer := record[V]{snapshot, s.numbers(snapshot)}
		if len(held[id]) < 8 {
			held[id] = append(held[id], newer)
		}
		i := rng.IntN(len(held[id]))
		older := held[id][i]
		content, changed := maps.Clone(older.content), make(map[int]bool)
		for key, change := range newer.snapshot.Diff(older.snapshot) {
			if changed[key] {
				s.failf("Diff shows key %d twice", key)
			}
			changed[key] = true
			if key >= untouched && key < foreign && !wipe {
				s.failf("Diff shows key %d as %v, but nobody has written it", key, change.Kind)
			}
			was, present := content[key]
			switch change.Kind {
			case shardmap.Added:
				if present {
					s.failf("Diff shows key %d as added, but the older snapshot has it", key)
				}
				content[key] = s.dec(change.New)
			case shardmap.Updated:
				if !present || s.dec(change.Old) != was {
					s.failf("Diff shows key %d as updated from %v, the older snapshot has %d, %v", key, change.Old, was, present)
				}
				content[key] = s.dec(change.New)
			case shardmap.Removed:
				if !present || s.dec(change.Old) != was {
					s.failf("Diff shows key %d as removed with %v, the older snapshot has %d, %v", key, change.Old, was, present)
				}
				delete(content, key)
			default:
				s.failf("Diff shows key %d as %v", key, change.Kind)
			}
		}
		if !maps.Equal(content, newer.content) {
			s.failf("Diff, applied to the older snapshot, gives %d entries, the newer one has %d", len(content), len(newer.content))
		}
		held[id][i] = newer
	})
	s.run()
}

// Properties 7 and 9 of a map that grows from nothing to many hundreds of shards and shrinks again. One goroutine writes,
// so that what each snapshot has to show is known.
func TestStressSnapshotsOfAMapThatGrowsAndShrinksALot(t *testing.T) {
	rng := rand.New(rand.NewPCG(testSeed(t), 7))
	const keys = 100_000
	step := keys / 20
	type held struct {
		snapshot *shardmap.Snapshot[int, int]
		content  map[int]int
	}
	var m shardmap.Map[int, int]
	now, previous := make(map[int]int), held{m.Snapshot(), map[int]int{}}
	var sampled []held
	check := func() {
		taken := held{m.Snapshot(), maps.Clone(now)}
		content := maps.Clone(previous.content)
		for key, change := range taken.snapshot.Diff(previous.snapshot) {
			old, present := content[key]
			if present != (change.Kind != shardmap.Added) || present && old != change.Old {
				t.Fatalf("Diff shows key %d: %v; the older snapshot has %d, %v", key, change, old, present)
			}
			if content[key] = change.New; change.Kind == shardmap.Removed {
				delete(content, key)
			}
		}
		if !maps.Equal(content, taken.content) {
			t.Fatalf("Diff at %d keys, applied to %d, does not give what there is", len(taken.content), len(previous.content))
		}
		previous = taken
		if rng.IntN(3) == 0 {
			sampled = append(sampled, taken)
		}
	}
	for i := range keys {
		m.Store(i, i)
		now[i] = i
		if key := rng.IntN(i + 1); rng.IntN(4) == 0 { // keys of all ages change and go
			m.Store(key, -i)
			now[key] = -i
		} else if rng.IntN(8) == 0 {
			m.Delete(key)
			delete(now, key)
		}
		if rng.IntN(step) == 0 {
			check()
		}
	}
	if shards := m.Stats().Shards; shards < 300 {
		t.Errorf("%d entries have %d shards: too few for what this test is after", m.Len(), shards)
	}
	for i := range keys {
		if rng.IntN(8) > 0 {
			m.Delete(i)
			delete(now, i)
		}
		if rng.IntN(step) == 0 {
			check()
		}
	}
	check()
	m.Shrink()
	check()
	for _, h := range sampled {
		if !maps.Equal(h.snapshot.ToMap(), h.content) || h.snapshot.Len() != len(h.content) {
			t.Errorf("a snapshot of %d entries has changed; its Len is %d", len(h.content), h.snapshot.Len())
		}
	}
}
