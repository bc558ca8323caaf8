package strategy

import (
	"strconv"
	"sync"
	"testing"
)

func TestEveryStrategyIsAMapForEveryTypeItTakes(t *testing.T) {
	triple := func(i int) Triple { return Triple{int64(i), int64(-i), int64(i)} }
	ints := make([]int, 2000)
	pointer := func(i int) *int { return &ints[i] }
	number := func(i int) int { return 1000 + i }
	name := func(i int) NamespacedName { return NamespacedName{strconv.Itoa(i % 7), strconv.Itoa(i)} }
	self := func(i int) int { return i }

	for _, s := range All() {
		t.Run(s.Name, func(t *testing.T) {
			taken := 0
			taken += isMap(t, s, self, pointer) + isMap(t, s, self, number) + isMap(t, s, self, triple)
			taken += isMap(t, s, strconv.Itoa, pointer) + isMap(t, s, strconv.Itoa, number) + isMap(t, s, strconv.Itoa, triple)
			taken += isMap(t, s, name, pointer) + isMap(t, s, name, number) + isMap(t, s, name, triple)
			want := 9
			if s.Name == "haxmap" {
				want = 6 // it takes no structs as keys
			}
			if taken != want {
				t.Errorf("%s takes %d of the 9 pairs of types, want %d", s.Name, taken, want)
			}
		})
	}
}

// isMap walks through the methods, and returns the number of types tried: 0 or 1.
func isMap[K comparable, V comparable](t *testing.T, s Strategy, key func(int) K, value func(int) V) int {
	make := MakerFor[K, V](s)
	if make == nil {
		return 0
	}
	const n = 500
	m := make()
	if f, ok := m.(Filler[K, V]); ok {
		f.Fill(func(yield func(K, V) bool) {
			for i := 0; i < n && yield(key(i), value(i)); i++ {
			}
		})
	} else {
		for i := range n {
			m.Store(key(i), value(i))
		}
	}
	m.Store(key(7), value(n+7))
	m.Delete(key(8))
	m.Delete(key(n + 8))
	present := func(i int) (V, bool) {
		switch i {
		case 7:
			return value(n + 7), true
		case 8:
			var zero V
			return zero, false
		}
		return value(i), true
	}
	seen := map[K]V{}
	m.Range(func(k K, v V) bool {
		if _, twice := seen[k]; twice {
			t.Errorf("%T: Range showed %v twice", m, k)
		}
		seen[k] = v
		return true
	})
	for i := range n {
		want, wantOK := present(i)
		if got, ok := m.Load(key(i)); ok != wantOK || ok && got != want {
			t.Errorf("%T: Load(%v) = %v, %v; want %v, %v", m, key(i), got, ok, want, wantOK)
		}
		if got, ok := seen[key(i)]; ok != wantOK || ok && got != want {
			t.Errorf("%T: Range showed %v = %v, %v; want %v, %v", m, key(i), got, ok, want, wantOK)
		}
	}
	if m.Len() != n-1 || len(seen) != n-1 {
		t.Errorf("%T: Len() = %d, Range showed %d; want %d", m, m.Len(), len(seen), n-1)
	}
	if got, loaded := m.LoadOrStore(key(9), value(1)); !loaded || got != value(9) {
		t.Errorf("%T: LoadOrStore of a present key = %v, %v", m, got, loaded)
	}
	if got, loaded := m.LoadOrStore(key(8), value(1)); loaded || got != value(1) {
		t.Errorf("%T: LoadOrStore of an absent key = %v, %v", m, got, loaded)
	}
	testOptional(t, m, key, value)
	calls := 0
	m.Range(func(K, V) bool { calls++; return false })
	if calls != 1 {
		t.Errorf("%T: Range went on for %d entries after it was told to stop", m, calls-1)
	}
	return 1
}

// testOptional walks through the methods that a map may have, with the keys below 10.
func testOptional[K comparable, V comparable](t *testing.T, m Map[K, V], key func(int) K, value func(int) V) {
	has := func(what string, i int, want V, wantOK bool) {
		t.Helper()
		if got, ok := m.Load(key(i)); ok != wantOK || ok && got != want {
			t.Errorf("%T: after %s, Load(%v) = %v, %v; want %v, %v", m, what, key(i), got, ok, want, wantOK)
		}
	}
	var zero V
	if s, ok := m.(Swapper[K, V]); ok {
		if got, loaded := s.Swap(key(1), value(11)); !loaded || got != value(1) {
			t.Errorf("%T: Swap of a present key = %v, %v", m, got, loaded)
		}
		has("Swap", 1, value(11), true)
		m.Delete(key(2))
		if got, loaded := s.Swap(key(2), value(2)); loaded || got != zero {
			t.Errorf("%T: Swap of an absent key = %v, %v", m, got, loaded)
		}
		has("Swap", 2, value(2), true)
	}
	if c, ok := m.(CompareAndSwapper[K, V]); ok {
		m.Store(key(3), value(3))
		if !c.CompareAndSwap(key(3), value(3), value(13)) || c.CompareAndSwap(key(1_000), zero, value(1)) {
			t.Errorf("%T: CompareAndSwap has swapped what it should not, or not swapped what it should", m)
		}
		has("CompareAndSwap", 3, value(13), true)
	}
	if d, ok := m.(LoadAndDeleter[K, V]); ok {
		if got, loaded := d.LoadAndDelete(key(4)); !loaded || got != value(4) {
			t.Errorf("%T: LoadAndDelete of a present key = %v, %v", m, got, loaded)
		}
		has("LoadAndDelete", 4, zero, false)
		if got, loaded := d.LoadAndDelete(key(4)); loaded || got != zero {
			t.Errorf("%T: LoadAndDelete of an absent key = %v, %v", m, got, loaded)
		}
		m.Store(key(4), value(4))
	}
	if s, ok := m.(Snapshotter[K, V]); ok {
		snapshot := s.Snapshot()
		want := m.Len()
		if m.Store(key(1_000), value(1)); want != m.Len()-1 {
			t.Errorf("%T: Len() = %d after one more entry than %d", m, m.Len(), want)
		}
		for range snapshot {
			want--
		}
		if want != 0 && want != -1 { // All of some maps begins when it is ranged over
			t.Errorf("%T: the snapshot lacks %d entries", m, want)
		}
		m.Delete(key(1_000))
	}
}

func TestEveryUpdaterCountsEveryIncrement(t *testing.T) {
	for _, s := range All() {
		m := MakerFor[string, int](s)()
		u, ok := m.(Updater[string, int])
		if !ok {
			t.Errorf("%s: no Update", s.Name)
			continue
		}
		m.Store("counter", 0) // inserting at the same time is another matter, which the checks of mapbench are for
		u.Update("new", func(old int) int { return old + 1 })
		var all sync.WaitGroup
		for range 4 {
			all.Go(func() {
				for range 500 {
					u.Update("counter", func(old int) int { return old + 1 })
				}
			})
		}
		all.Wait()
		for key, want := range map[string]int{"new": 1, "counter": 2000} {
			if got, _ := m.Load(key); got != want {
				t.Errorf("%s: %s is %d after %d increments", s.Name, key, got, want)
			}
		}
	}
}

func TestStrategiesAreFoundByNameAndPattern(t *testing.T) {
	for list, want := range map[string]int{"Map": 1, "Map,Map": 1, "Map, sync.Map": 2, "RWMutex*": 4, "*": len(All())} {
		if got, err := Named(list); err != nil || len(got) != want {
			t.Errorf("Named(%q): %d strategies, %v; want %d", list, len(got), err, want)
		}
	}
	for list, want := range map[string]string{
		"":       `unknown strategy "": "mapbench list" shows all`,
		"Map,no": `unknown strategy "no": "mapbench list" shows all`,
		"[":      `bad pattern "[" in the list of strategies`,
	} {
		if _, err := Named(list); err == nil || err.Error() != want {
			t.Errorf("Named(%q): %v; want %s", list, err, want)
		}
	}
}

func TestBadNamesAreRefused(t *testing.T) {
	for _, name := range []string{"", "a b", "a,b", "a/b", "Map"} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("Register(%q) did not panic", name)
				}
			}()
			Register(name, "")
		}()
	}
}
