package shardmap_test

import (
	"fmt"
	"hash/maphash"
	"maps"
	"math/rand/v2"
	"runtime"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/shardmap-go/shardmap"
)

// Hash functions that panic, exit or return garbage. A hasher may be called anywhere, also in the middle of a split,
// where a lock is held: whenever it fails, the operation that called it has not happened, and nothing else has changed.

// failingHasher is a good hash function that fails as ordered.
type failingHasher struct {
	seed  maphash.Seed
	calls int
	fail  func(call int) // called with the number of the call; nil: healed
}

func (h *failingHasher) hash(key int) uint64 {
	h.calls++
	if h.fail != nil {
		h.fail(h.calls)
	}
	return maphash.Comparable(h.seed, key)
}

func newFailingMap(fail func(call int)) (*failingHasher, *shardmap.Map[int, int]) {
	h := &failingHasher{seed: maphash.MakeSeed(), fail: fail}
	return h, shardmap.New[int, int](shardmap.WithHasher(h.hash))
}

const hashFailed = "the hash function has failed"

// try runs f and reports whether it returned rather than panic with hashFailed.
func try(f func()) (returned bool) {
	defer func() {
		if r := recover(); r != nil && r != hashFailed {
			panic(r)
		}
	}()
	f()
	return true
}

func TestHasherThatPanicsOnAnyOneCallLosesNothing(t *testing.T) {
	keys, last := 2000, 800
	if testing.Short() || raceDetector {
		keys, last = 700, 300
	}
	beyond := 0 // calls of the hasher beyond one for each Store, such as a split makes
	for n := 1; n <= last; n++ {
		h, m := newFailingMap(func(call int) {
			if call == n {
				panic(hashFailed)
			}
		})
		failed, want := -1, make(map[int]int, keys)
		inTime(t, "Store after the hasher has panicked", func() {
			for i := range keys {
				want[i] = 10 * i
				if try(func() { m.Store(i, 10*i) }) {
					continue
				}
				if failed >= 0 || m.Len() != i {
					t.Errorf("Store(%d) has panicked on call %d of the hasher; Len is %d; before: %d", i, n, m.Len(), failed)
				}
				failed = i
			}
		})
		require.GreaterOrEqual(t, failed, 0)
		if failed < n-1 {
			beyond++
		}
		h.fail = nil
		delete(want, failed)
		require.NoError(t, checkContent(m, want), "call %d of the hasher panicked in Store(%d)", n, failed)
		_, ok := m.Load(failed)
		require.False(t, ok, "call %d of the hasher panicked in Store(%d), and yet the key is there", n, failed)
		if n%20 == 0 {
			requireUsable(t, m, intKey, want)
		}
	}
	require.NotZero(t, beyond, "the hasher never panicked while keys were moved")
}

func TestHasherThatGoesOnPanickingLosesNothing(t *testing.T) {
	for _, every := range []int{2, 3, 7, 50, 1000} {
		for _, exit := range []bool{false, true} {
			t.Run(fmt.Sprintf("every=%d/Goexit=%v", every, exit), func(t *testing.T) {
				rng := rand.New(rand.NewPCG(testSeed(t), 1))
				h, m := newFailingMap(nil)
				want, snapshots := make(map[int]int), make(map[*shardmap.Snapshot[int, int]]map[int]int)
				for i := range 4000 {
					key, failing := rng.IntN(1500), h.calls+1+rng.IntN(every)
					h.fail = func(call int) {
						if call < failing {
							return
						}
						if exit {
							runtime.Goexit()
						}
						panic(hashFailed)
					}
					present := want[key] != 0
					changed, result := false, want[key]
					inTime(t, "an operation", func() {
						try(func() {
							switch rng.IntN(6) {
							default:
								m.Store(key, i+1)
								changed, result = true, i+1
							case 1:
								m.Delete(key)
								changed, result = true, 0
							case 2:
								v, _ := m.Compute(key, func(old int, _ bool) (int, shardmap.Op) { return old + i + 1, shardmap.Set })
								changed, result = true, v
							case 3:
								v, loaded := m.LoadOrStore(key, i+1)
								if loaded != present {
									t.Errorf("LoadOrStore(%d) says loaded=%v, want %v", key, loaded, present)
								}
								changed, result = true, v
							}
						})
					})
					h.fail = nil
					if changed && result != 0 {
						want[key] = result
					} else if changed {
						delete(want, key)
					}
					inTime(t, "Load", func() {
						if v, ok := m.Load(key); v != want[key] || ok != (want[key] != 0) {
							t.Errorf("Load(%d) = %d, %v, want %d; operation %d returned: %v", key, v, ok, want[key], i, changed)
						}
					})
					if i%500 == 0 {
						require.NoError(t, checkContent(m, want))
						inTime(t, "Snapshot", func() {
							s := m.Snapshot()
							snapshots[s] = s.ToMap()
						})
					}
				}
				requireUsable(t, m, intKey, want)
				for s, content := range snapshots {
					require.Equal(t, content, s.ToMap())
				}
			})
		}
	}
}

func TestHasherThatPanicsInWholeMapOperationsLosesNothing(t *testing.T) {
	for name, operate := range map[string]func(m *shardmap.Map[int, int]){
		"Shrink":     func(m *shardmap.Map[int, int]) { m.Shrink() },
		"Clone":      func(m *shardmap.Map[int, int]) { m.Clone() },
		"Replace":    func(m *shardmap.Map[int, int]) { m.Replace(m.Snapshot().All()) },
		"DeleteFunc": func(m *shardmap.Map[int, int]) { m.DeleteFunc(func(key, _ int) bool { return key < 0 }) },
		"Range":      func(m *shardmap.Map[int, int]) { m.Range(func(int, int) bool { return true }) },
		"Snapshot":   func(m *shardmap.Map[int, int]) { m.Snapshot().ToMap() },
	} {
		for _, n := range []int{1, 2, 7, 161, 1000, 1500} {
			h, m := newFailingMap(nil)
			want := fill(m, 1500)
			first := h.calls
			h.fail = func(call int) {
				if call == first+n {
					panic(hashFailed)
				}
			}
			inTime(t, name, func() { try(func() { operate(m) }) })
			h.fail = nil
			requireUsable(t, m, intKey, want)
		}
	}
}

func TestHasherThatReturnsGarbageDoesNoHarm(t *testing.T) {
	rng := rand.New(rand.NewPCG(testSeed(t), 2))
	calls := 0
	m := shardmap.New[int, int](shardmap.WithHasher(func(int) uint64 { calls++; return rng.Uint64() }))
	garble := func(t *testing.T, m *shardmap.Map[int, int]) {
		const keys = 3000
		for i := range keys {
			m.Store(i, 10*i) // each key once; so it has one entry, wherever that may be
		}
		seen := make(map[int]bool)
		m.Range(func(key, value int) bool {
			if seen[key] || value != 10*key {
				t.Errorf("Range shows %d → %d; shown before: %v", key, value, seen[key])
			}
			seen[key] = true
			return true
		})
		if len(seen) != keys || m.Len() != keys {
			t.Errorf("Range shows %d entries, Len is %d, want %d", len(seen), m.Len(), keys)
		}
		s := m.Snapshot()
		stores := keys
		for i := range 10_000 { // now hashes that do not find their keys, and find others
			switch key := rng.IntN(keys); rng.IntN(10) {
			case 0:
				m.Store(key, 10*key)
				stores++
			case 1:
				m.LoadOrStore(key, 10*key)
				stores++
			case 2:
				m.Compute(key, func(old int, _ bool) (int, shardmap.Op) { return 10 * key, shardmap.Set })
				stores++
			case 3:
				m.Delete(key)
			case 4:
				m.CompareAndSwap(key, 10*key, 10*key)
			case 5:
				m.LoadAndDelete(key)
			case 6:
				m.Load(key)
			case 7:
				if i%100 == 0 {
					m.Shrink()
				}
			case 8:
				if i%100 == 0 {
					m.Snapshot()
				}
			case 9:
				if i%100 == 0 {
					m.DeleteFunc(func(key, _ int) bool { return key%100 == i/100 })
				}
			}
		}
		n := 0
		for key, value := range m.All() {
			if n++; value != 10*key {
				t.Errorf("All shows %d → %d", key, value)
			}
		}
		if n > stores {
			t.Errorf("All shows %d entries after %d stores", n, stores)
		}
		if s.Len() != keys || len(s.ToMap()) != keys {
			t.Errorf("a snapshot of %d entries has %d, and shows %d", keys, s.Len(), len(s.ToMap()))
		}
		m.Clear()
		for key := range m.Keys() {
			t.Errorf("Range shows %d after Clear", key)
		}
		if m.Len() != 0 {
			t.Errorf("Len is %d after Clear", m.Len())
		}
	}
	inTime(t, "a map with a garbage hash", func() { garble(t, m) })
	require.NotZero(t, calls, "the map does not use the hasher it was given")

	constant := shardmap.New[int, int](shardmap.WithHasher(func(int) uint64 { calls++; return ^uint64(0) }))
	require.NoError(t, checkContent(constant, fill(constant, 5000)))
	constant.Clear()
	inTime(t, "a map with a constant hash", func() { garble(t, constant) })
}

// Programs that keep every version of a map they ever had. 1<<16 is where a 16-bit generation would begin anew.
func TestSixtyFiveThousandSnapshotsHeldAtOnceStayAsTheyWere(t *testing.T) {
	seed := testSeed(t)
	run := func(t *testing.T, keys, snapshots int) {
		m := new(shardmap.Map[int, int])
		rng := rand.New(rand.NewPCG(seed, uint64(keys)))
		held := make([]*shardmap.Snapshot[int, int], 0, snapshots)
		sampled := make(map[int]map[int]int)
		now := make(map[int]int)
		for i := range snapshots {
			for range i % 3 { // sometimes none at all
				key := rng.IntN(keys)
				if rng.IntN(4) == 0 {
					m.Delete(key)
					delete(now, key)
				} else {
					m.Store(key, i)
					now[key] = i
				}
			}
			held = append(held, m.Snapshot())
			if rng.IntN(keys) < 3 || i < 10 || i > snapshots-10 {
				sampled[i] = maps.Clone(now)
			}
		}
		for i, want := range sampled {
			require.Equal(t, len(want), held[i].Len(), "snapshot %d", i)
			require.Equal(t, want, held[i].ToMap(), "snapshot %d", i)
		}
		for range 1000 {
			i := rng.IntN(len(held))
			n := 0
			for key, value := range held[i].All() {
				n++
				if v, ok := held[i].Load(key); !ok || v != value || value > i {
					t.Fatalf("snapshot %d shows %d → %d, Load says %d, %v", i, key, value, v, ok)
				}
			}
			require.Equal(t, held[i].Len(), n)
		}
		requireUsable(t, m, intKey, now)
		runtime.KeepAlive(held)
	}
	t.Run("keys=6", func(t *testing.T) { run(t, 6, 1<<16+100) })
	if !testing.Short() && !raceDetector {
		t.Run("keys=1000", func(t *testing.T) { run(t, 1000, 1<<16+100) })
	}
}
