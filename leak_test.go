package shardmap_test

import (
	"fmt"
	"maps"
	"os"
	"regexp"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/shardmap-go/shardmap"
)

// What must not be left behind: goroutines, when the tests are through (.ci/torture runs each in a process of its own,
// to say which one it was), and keys and values that nobody can reach any more, in a map that lives on.

// TestMain runs the tests and benchmarks, and fails if goroutines of theirs are left when all have passed.
func TestMain(m *testing.M) {
	code := m.Run()
	if code == 0 {
		if left := goroutinesLeft(10 * time.Second); len(left) > 0 {
			fmt.Printf("FAIL: %d goroutines are left:\n\n%s\n", len(left), strings.Join(left, "\n\n"))
			code = 1
		}
	}
	os.Exit(code)
}

// ours matches the stacks of goroutines that are no leaks: the one that asks, those of the testing package while tests
// run, and those that receive signals for go test -fuzz and events on js/wasm.
var ours = regexp.MustCompile(`goroutinesLeft\(|\ntesting\.\(\*[TBFM]\)\.|\ncreated by os/signal\.|\nruntime\.handleEvent\(`)

// goroutinesLeft returns the stacks of goroutines that do not end within that time.
func goroutinesLeft(patience time.Duration) (left []string) {
	for deadline := time.Now().Add(patience); ; time.Sleep(time.Millisecond) {
		stacks := make([]byte, 1<<20)
		stacks = stacks[:runtime.Stack(stacks, true)]
		left = left[:0]
		for _, stack := range strings.Split(strings.TrimSpace(string(stacks)), "\n\n") {
			if !ours.MatchString(stack) {
				left = append(left, stack)
			}
		}
		if len(left) == 0 || time.Now().After(deadline) {
			return left
		}
	}
}

func TestGoroutinesThatAreLeftAreFound(t *testing.T) {
	leave := make(chan struct{})
	lingering := func() { <-leave }
	go lingering()
	left := strings.Join(goroutinesLeft(time.Millisecond), "\n")
	close(leave)
	if !strings.Contains(left, "TestGoroutinesThatAreLeftAreFound") {
		t.Errorf("a goroutine that waits was not found; found were:\n%s", left)
	}
}

// A hoard is a map whose keys and values are watched. Those that a test calls doomed have to be collected while the map
// lives, all others when it is dropped.
type hoard[V any] struct {
	*manifest
	m      shardmap.ConcurrentMap[*parcel, V]
	n      int // entries to work with
	wrap   func(p *parcel) V
	doomed map[int]bool // by number in the manifest
}

func (h *hoard[V]) doom() *parcel {
	p := h.keep()
	h.doomed[p.watched] = true
	return p
}

func (h *hoard[V]) keep() *parcel { return h.parcel(int(h.made.Load()), 0) }

func (h *hoard[V]) doomedValue() V { return h.wrap(h.doom()) }
func (h *hoard[V]) keptValue() V   { return h.wrap(h.keep()) }

// fill stores n new keys and returns them.
func (h *hoard[V]) fill(key func() *parcel, value func() V) []*parcel {
	keys := make([]*parcel, h.n)
	for i := range keys {
		keys[i] = key()
		h.m.Store(keys[i], value())
	}
	return keys
}

// TestNothingIsKeptAlive takes every map through sequences of operations after which some keys and values must be
// collectable, and the others not.
func TestNothingIsKeptAlive(t *testing.T) {
	testNothingIsKept(t, "pointer", func(p *parcel) *parcel { return p })
	testNothingIsKept(t, "box", func(p *parcel) crate { return crate{p: p} })
	testNothingIsKept(t, "any", func(p *parcel) any { return p })
}

// A leakTest acts on a map, and returns what else is to be kept alive with it.
type leakTest[V any] struct {
	name string
	run  func(*hoard[V], *testing.T) (kept any)
}

func testNothingIsKept[V any](t *testing.T, name string, wrap func(*parcel) V) {
	check := func(implementation string, n int, new func() shardmap.ConcurrentMap[*parcel, V], tests []leakTest[V]) {
		for _, c := range tests {
			t.Run(fmt.Sprintf("V=%s/%s/%s", name, implementation, c.name), func(t *testing.T) {
				h := &hoard[V]{newManifest(1 << 16), new(), n, wrap, make(map[int]bool)}
				h.requireOnlyDoomedCollected(t, c)
				h.m = nil
				h.requireCollected(t, func(int) bool { return true })
				if int(h.made.Load()) > h.watching() {
					t.Error("some were not watched")
				}
			})
		}
	}
	newMap := func() shardmap.ConcurrentMap[*parcel, V] { return new(shardmap.Map[*parcel, V]) }
	check("Map", 1000, newMap, append(leakTests[V](), leakTestsOfMap[V]()...))
	check("Map/small", 5, newMap, append(leakTests[V](), leakTestsOfMap[V]()...))
	check("RWMap", 300, func() shardmap.ConcurrentMap[*parcel, V] { return new(shardmap.RWMap[*parcel, V]) }, leakTests[V]())
	check("AtomicMap", 100, func() shardmap.ConcurrentMap[*parcel, V] { return new(shardmap.AtomicMap[*parcel, V]) },
		append(leakTests[V](), leakTest[V]{"updated together", (*hoard[V]).testUpdate}))
}

func (h *hoard[V]) requireOnlyDoomedCollected(t *testing.T, c leakTest[V]) {
	living := h.fill(h.keep, h.keptValue)
	kept := c.run(h, t)
	h.requireCollected(t, func(n int) bool { return h.doomed[n] })
	if left := h.uncollected(func(n int) bool { return !h.doomed[n] }); len(left) != h.watching()-len(h.doomed) {
		t.Errorf("%d parcels that nobody dropped have been collected", h.watching()-len(h.doomed)-len(left))
	}
	runtime.KeepAlive(living)
	runtime.KeepAlive(kept)
	runtime.KeepAlive(h.m)
}

// leakTests are those for every map.
func leakTests[V any]() []leakTest[V] {
	return []leakTest[V]{
		{"deleted", func(h *hoard[V], t *testing.T) any {
			for range 3 { // so that slots are used again
				for i, key := range h.fill(h.doom, h.doomedValue) {
					switch i % 5 {
					case 0:
						h.m.Delete(key)
					case 1:
						h.m.LoadAndDelete(key)
					case 2:
						value, _ := h.m.Load(key)
						h.m.CompareAndDelete(key, value)
					case 3:
						h.m.Compute(key, func(old V, _ bool) (V, shardmap.Op) { return h.doomedValue(), shardmap.Remove })
					case 4:
						h.m.DeleteFunc(func(k *parcel, _ V) bool { return k == key })
					}
				}
			}
			return nil
		}},
		{"overwritten", func(h *hoard[V], t *testing.T) any {
			for i, key := range h.fill(h.keep, h.doomedValue) {
				h.m.Store(key, h.doomedValue())
				h.m.Swap(key, h.doomedValue())
				h.m.Compute(key, func(V, bool) (V, shardmap.Op) { return h.doomedValue(), shardmap.Set })
				if value, _ := h.m.Load(key); i%2 == 0 {
					h.m.CompareAndSwap(key, value, h.keptValue())
				} else {
					h.m.Store(key, h.keptValue())
				}
			}
			return nil
		}},
		{"not stored", func(h *hoard[V], t *testing.T) any {
			for _, key := range h.fill(h.keep, h.keptValue) {
				h.m.LoadOrStore(key, h.doomedValue())
				h.m.CompareAndSwap(key, h.doomedValue(), h.doomedValue())
				h.m.CompareAndDelete(key, h.doomedValue())
				h.m.Compute(key, func(V, bool) (V, shardmap.Op) { return h.doomedValue(), shardmap.Keep })
				h.m.Compute(h.doom(), func(V, bool) (V, shardmap.Op) { return h.doomedValue(), shardmap.Remove })
				h.m.Load(h.doom())
				h.m.Delete(h.doom())
			}
			return nil
		}},
		{"cleared", func(h *hoard[V], t *testing.T) any {
			// The entries that are there before the test are cleared, too. Their keys live on, in a variable.
			for _, value := range h.m.All() {
				h.condemn(value)
			}
			h.fill(h.doom, h.doomedValue)
			h.m.Clear()
			h.fill(h.keep, h.keptValue)
			return nil
		}},
		{"failed LoadOrCompute", func(h *hoard[V], t *testing.T) any {
			for range h.n {
				key := h.doom()
				if _, _, err := h.m.LoadOrCompute(key, func() (V, error) { return h.doomedValue(), errNotLoaded }); err != errNotLoaded {
					t.Errorf("LoadOrCompute says %v", err)
				}
				panics(func() { h.m.LoadOrCompute(key, func() (V, error) { panic(h.doomedValue()) }) })
				panics(func() { h.m.Compute(key, func(V, bool) (V, shardmap.Op) { panic(h.doomedValue()) }) })
				panics(func() { h.m.Compute(key, func(V, bool) (V, shardmap.Op) { return h.doomedValue(), 77 }) })
			}
			panics(func() { h.m.DeleteFunc(func(*parcel, V) bool { panic(h.doomedValue()) }) })
			return nil
		}},
		{"LoadOrCompute by many", func(h *hoard[V], t *testing.T) any {
			for i := range min(h.n, 50) {
				key, value := h.doom(), h.doomedValue()
				var group sync.WaitGroup
				for range 4 {
					group.Go(func() {
						h.m.LoadOrCompute(key, func() (V, error) {
							runtime.Gosched()
							if i%3 == 0 {
								runtime.Goexit()
							}
							return value, [...]error{errNotLoaded, nil}[i%2]
						})
					})
				}
				group.Wait()
				h.m.Delete(key)
			}
			return nil
		}},
		{"iterated", func(h *hoard[V], t *testing.T) any {
			keys := h.fill(h.doom, h.doomedValue)
			panics(func() {
				for key := range h.m.Keys() {
					panic(key)
				}
			})
			for range h.m.Values() {
				h.m.Delete(keys[0])
			}
			for _, key := range keys {
				h.m.Delete(key)
			}
			return nil
		}},
	}
}

func (h *hoard[V]) testUpdate(*testing.T) any {
	m := h.m.(*shardmap.AtomicMap[*parcel, V])
	keys := h.fill(h.doom, h.doomedValue)
	for range 3 {
		m.Update(func(content map[*parcel]V) { content[keys[0]], content[h.doom()] = h.doomedValue(), h.doomedValue() })
		panics(func() {
			m.Update(func(content map[*parcel]V) { content[h.doom()] = h.doomedValue(); panic("no more") })
		})
	}
	m.Update(func(content map[*parcel]V) {
		maps.DeleteFunc(content, func(key *parcel, _ V) bool { return h.doomed[key.watched] })
	})
	return m.ToMap()
}

// condemn dooms a value that was to be kept.
func (h *hoard[V]) condemn(value V) {
	switch v := any(value).(type) {
	case *parcel:
		h.doomed[v.watched] = true
	case crate:
		h.doomed[v.p.watched] = true
	}
}

// panics calls f, which panics.
func panics(f func()) {
	defer func() {
		if recover() == nil {
			panic("no panic")
		}
	}()
	f()
}

// leakTestsOfMap are those for what only a Map can do. They are about what it shares with snapshots and clones, and about
// the shards and directories that it has left: each of those leads to entries, and so to keys.
func leakTestsOfMap[V any]() []leakTest[V] {
	sharded := func(h *hoard[V]) *shardmap.Map[*parcel, V] { return h.m.(*shardmap.Map[*parcel, V]) }
	return []leakTest[V]{
		{"shared with snapshots that are dropped", func(h *hoard[V], t *testing.T) any {
			for range 3 {
				keys := h.fill(h.doom, h.doomedValue)
				first := sharded(h).Snapshot()
				for i, key := range keys {
					if i%2 == 0 {
						h.m.Store(key, h.doomedValue())
					} else {
						h.m.Delete(key)
					}
				}
				second := sharded(h).Snapshot()
				for range second.Diff(first) {
				}
				for _, key := range keys {
					h.m.Delete(key)
				}
			}
			return nil
		}},
		{"held by a snapshot", func(h *hoard[V], t *testing.T) any {
			keys := h.fill(h.keep, h.keptValue)
			s := sharded(h).Snapshot()
			for _, key := range keys {
				h.m.Store(key, h.doomedValue())
				h.m.Delete(key)
			}
			return s
		}},
		{"written to a clone that is dropped", func(h *hoard[V], t *testing.T) any {
			keys := h.fill(h.keep, h.keptValue)
			c := sharded(h).Clone()
			for _, key := range keys {
				c.Store(key, h.doomedValue())
				c.Store(h.doom(), h.doomedValue())
			}
			return nil
		}},
		{"left to a clone", func(h *hoard[V], t *testing.T) any {
			keys := h.fill(h.keep, h.doomedValue)
			c := sharded(h).Clone()
			for _, key := range keys {
				h.m.Store(key, h.doomedValue())
				h.m.Store(h.doom(), h.doomedValue())
				c.Store(key, h.keptValue())
			}
			h.m = c // and what was there before the test lives on in the clone
			return nil
		}},
		{"replaced", func(h *hoard[V], t *testing.T) any {
			living := maps.Collect(h.m.All())
			h.fill(h.doom, h.doomedValue)
			sharded(h).Replace(func(yield func(*parcel, V) bool) {
				for key := range living {
					if !yield(key, h.doomedValue()) || !yield(key, living[key]) { // the last one counts
						return
					}
				}
			})
			panics(func() {
				sharded(h).Replace(func(yield func(*parcel, V) bool) {
					yield(h.doom(), h.doomedValue())
					panic("no more")
				})
			})
			return nil
		}},
		{"shrunk", func(h *hoard[V], t *testing.T) any {
			keys := h.fill(h.doom, h.doomedValue)
			s := sharded(h).Snapshot()
			for i, key := range keys {
				if h.m.Delete(key); i == len(keys)/2 {
					sharded(h).Shrink()
				}
			}
			runtime.KeepAlive(s)
			sharded(h).Shrink()
			return nil
		}},
		{"split and split again", func(h *hoard[V], t *testing.T) any {
			var keys []*parcel
			for range 5 { // each in shards of another generation, which then split
				keys = append(keys, h.fill(h.doom, h.doomedValue)...)
				sharded(h).Snapshot()
			}
			for _, key := range keys {
				h.m.Delete(key)
			}
			return nil
		}},
		{"moved to another hash function", func(h *hoard[V], t *testing.T) any {
			m := shardmap.New[*parcel, V](shardmap.WithHasher(func(*parcel) uint64 { return 1 }))
			for key, value := range h.m.All() {
				m.Store(key, value)
			}
			h.m = m
			keys := h.fill(h.doom, h.doomedValue)
			if moved := m.Stats().Rehashes > 0; moved != (h.n >= 100) {
				t.Errorf("with %d entries and more, the map has moved: %v", h.n, moved)
			}
			for _, key := range keys {
				m.Delete(key)
			}
			return nil
		}},
	}
}
