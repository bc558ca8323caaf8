//go:build explore

package shardmap

import (
	"fmt"
	"maps"
	"testing"
)

// Meetings that need more than a scenario of every kind of value can say.

func exploreInts(t *testing.T, s scenario[int]) {
	identity := func(n int) int { return n }
	s.explore(t, identity, identity)
}

// The entries of a bucket that a snapshot shares stay the snapshot's when the only shard of the map grows.
func TestExploreGrowthOfASharedBucket(t *testing.T) {
	exploreInts(t, scenario[int]{
		entries: fillsBucket,
		prepare: func(m *Map[int, int]) { m.Snapshot() },
		met:     func(m *Map[int, int]) bool { return m.dir.Load().bucketMask > 0 },
		tasks: []func(m *tested[int]){
			func(m *tested[int]) { m.snapshot() },
			func(m *tested[int]) { m.store(20, 100); m.store(1, 100) },
			func(m *tested[int]) { m.store(1, 200); m.delete(2) },
		},
	})
}

// A Store whose hasher panics in the middle of a split changes nothing, and gives up whatever it holds: the others go on.
func TestExploreHasherThatPanicsInASplit(t *testing.T) {
	const hasherFails = "the hasher fails"
	armed, panicked := false, false
	storeOrPanic := func(m *tested[int], key, value int) {
		m.do(func() (text string, change func(content) bool) {
			defer func() {
				switch p := recover(); p {
				case nil:
				case hasherFails:
					panicked = true
					text, change = fmt.Sprintf("Store(%d,%d) panics", key, value), func(content) bool { return true }
				default:
					panic(p) // the scheduler's, which ends a run that way
				}
			}()
			m.Store(key, value)
			return fmt.Sprintf("Store(%d,%d)", key, value), func(c content) bool { set(key, value)(c); return true }
		})
	}
	exploreInts(t, scenario[int]{
		entries: fillsShard,
		hasher: func(key int) uint64 {
			if armed && key == 1 { // which is hashed in a split only: no task names it
				panic(hasherFails)
			}
			return uint64(key)
		},
		met: func(m *Map[int, int]) bool { return panicked && m.splits.Load() > 0 },
		tasks: []func(m *tested[int]){
			func(m *tested[int]) { armed = true; storeOrPanic(m, 20, 100); armed = false },
			func(m *tested[int]) { storeOrPanic(m, 21, 200); m.load(20); m.snapshot() },
			func(m *tested[int]) { m.delete(2) },
		},
	})
}

// A word that happens to be the tombstone can be stored, and nobody ever takes it, or the new tombstone, for an absent key.
func TestExploreStoreOfTheTombstone(t *testing.T) {
	dead := 0
	exploreInts(t, scenario[int]{
		entries: 2,
		prepare: func(m *Map[int, int]) { dead = int(m.dir.Load().dead) },
		met:     func(m *Map[int, int]) bool { return int(m.dir.Load().dead) != dead },
		tasks: []func(m *tested[int]){
			func(m *tested[int]) { m.store(1, dead); m.load(1) },
			func(m *tested[int]) { m.load(1); m.store(1, 100); m.load(2) },
			func(m *tested[int]) { m.load(1); m.delete(2) },
		},
	})
}

// A shard of less depth than the directory's is led to by several pointers, which a split swings one after the other.
func TestExploreSplitOfAShallowShard(t *testing.T) {
	var absent []int
	prepare := func(m *Map[int, int]) { absent = fillShallowShard(m) }
	depth := func(m *Map[int, int]) int { return int(m.dir.Load().shard(m.dir.Load().of(absent[0])).depth) }
	split := func(m *Map[int, int]) bool { return depth(m) > 1 }
	whileOthers := func(name string, do func(m *tested[int])) {
		t.Run(name, func(t *testing.T) {
			exploreInts(t, scenario[int]{entries: fillsShard + 1, prepare: prepare, met: split, tasks: []func(m *tested[int]){
				func(m *tested[int]) { m.store(absent[0], 100); m.store(absent[1], 100); m.load(absent[0]) },
				do,
			}})
		})
	}
	whileOthers("range", func(m *tested[int]) { m.ranges(1) })
	whileOthers("load", func(m *tested[int]) { m.load(absent[0]); m.load(absent[1]); m.load(absent[0]) })
	whileOthers("snapshot", func(m *tested[int]) { m.snapshot(); m.store(absent[2], 300) })
}

// What is inserted while a shard is split that does not look full any more afterwards, and while the directory stays the
// same, goes to a successor.
func TestExploreInsertWhileAShallowShardIsSplit(t *testing.T) {
	var absent []int
	exploreInts(t, scenario[int]{
		entries: fillsShard + 1,
		prepare: func(m *Map[int, int]) {
			absent = fillShallowShard(m)
			d := m.dir.Load()
			for e := range d.shard(d.of(absent[0])).entries {
				m.Delete(*keyOf[int](e))
				return
			}
		},
		met: func(m *Map[int, int]) bool { return m.dir.Load().shard(m.dir.Load().of(absent[0])).depth > 1 },
		tasks: []func(m *tested[int]){
			func(m *tested[int]) { m.store(absent[0], 100); m.load(absent[0]) },
			func(m *tested[int]) { m.store(absent[1], 200); m.load(absent[1]) },
		},
	})
}

// fillShallowShard stores keys from 100 on in a map of two shards: in one half of the hashes until the directory has eight
// pointers, and then in the other half until its shard, to which four of these lead, is full. It returns some absent keys
// that belong there.
func fillShallowShard(m *Map[int, int]) (absent []int) {
	key := 100
	for ; m.dir.Load().depth < 3; key++ {
		if m.dir.Load().of(key)>>63 == 0 {
			m.Store(key, key)
		}
	}
	for d := m.dir.Load(); len(absent) < 3; key++ {
		switch s := d.shard(d.of(key)); {
		case s.depth > 1:
		case s.count < s.capacity():
			m.Store(key, key)
		default:
			absent = append(absent, key)
		}
	}
	return absent
}

// What a snapshot shares with the map stays as it was when the map is rebuilt and then written.
func TestExploreSnapshotOfAMapThatIsRebuilt(t *testing.T) {
	exploreInts(t, scenario[int]{
		entries: fillsShard,
		tasks: []func(m *tested[int]){
			func(m *tested[int]) { m.snapshot() },
			func(m *tested[int]) { m.shrink(); m.store(1, 100); m.delete(2) },
		},
	})
}

// What is written to a clone does not show up in the map, whoever of the two writes first.
func TestExploreWriteToAClone(t *testing.T) {
	exploreInts(t, scenario[int]{
		entries: 3,
		tasks: []func(m *tested[int]){
			func(m *tested[int]) {
				m.do(func() (string, func(content) bool) {
					c := m.Clone()
					c.Store(1, 99)
					c.Delete(2)
					return "Clone", func(content) bool { return true }
				})
				m.load(1)
				m.snapshot()
			},
			func(m *tested[int]) { m.store(1, 100); m.load(2) },
		},
	})
}

// DeleteFunc deletes no value that its function has not condemned.
func TestExploreDeleteFunc(t *testing.T) {
	exploreInts(t, scenario[int]{
		entries: 1,
		tasks: []func(m *tested[int]){
			func(m *tested[int]) {
				m.do(func() (string, func(content) bool) {
					n := m.DeleteFunc(func(_, value int) bool { return value < 50 })
					return fmt.Sprintf("DeleteFunc=%d", n), func(c content) bool {
						if n == 0 {
							return c[1] == 0 || c[1] >= 50
						}
						return is(1, 1, unset(1))(c)
					}
				})
			},
			func(m *tested[int]) { m.store(1, 100); m.load(1) },
			func(m *tested[int]) { m.load(1) },
		},
	})
}

// Applied to the older of two snapshots, their Diff gives the newer one.
func TestExploreDiff(t *testing.T) {
	exploreInts(t, scenario[int]{
		entries: fillsShard,
		met:     func(m *Map[int, int]) bool { return m.splits.Load() > 0 },
		tasks: []func(m *tested[int]){
			func(m *tested[int]) {
				older := m.Snapshot()
				m.delete(1)
				newer := m.Snapshot()
				patched := m.numbers(older)
				for key, change := range newer.Diff(older) {
					delete(patched, key)
					if change.Kind != Removed {
						patched[key] = change.New
					}
				}
				if want := m.numbers(newer); !maps.Equal(patched, want) {
					m.broken = fmt.Sprintf("an older snapshot with the changes is %v, the newer one %v", patched, want)
				}
			},
			func(m *tested[int]) { m.store(2, 100); m.store(20, 100); m.store(21, 100) },
		},
	})
}
