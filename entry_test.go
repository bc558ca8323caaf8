package shardmap

import (
	"runtime"
	"testing"
	"time"
	"unsafe"

	"github.com/stretchr/testify/require"
)

func TestSlotKinds(t *testing.T) {
	require.Equal(t, slotPointer, slotKindOf[*int]())
	require.Equal(t, slotPointer, slotKindOf[map[string]int]())
	require.Equal(t, slotPointer, slotKindOf[chan int]())
	require.Equal(t, slotPointer, slotKindOf[func()]())
	require.Equal(t, slotPointer, slotKindOf[unsafe.Pointer]())
	require.Equal(t, slotWord, slotKindOf[int]())
	require.Equal(t, slotWord, slotKindOf[float64]())
	require.Equal(t, slotWord, slotKindOf[struct{}]())
	require.Equal(t, slotWord, slotKindOf[[0]*int]())
	require.Equal(t, slotWord, slotKindOf[struct {
		a int8
		b int32
	}]())
	require.Equal(t, slotWord, slotKindOf[[2]int32]())
	require.Equal(t, slotBox, slotKindOf[string]())
	require.Equal(t, slotBox, slotKindOf[any]())
	require.Equal(t, slotBox, slotKindOf[error]())
	require.Equal(t, slotBox, slotKindOf[[]int]())
	require.Equal(t, slotPointer, slotKindOf[struct{ p *int }]())
	require.Equal(t, slotBox, slotKindOf[[2]int64]())
	require.Equal(t, slotBox, slotKindOf[complex128]())
}

// A map and its clones share memory until they write. What one of them inserts, none of the others has.
func TestClonesInsertForThemselves(t *testing.T) {
	for n := 1; n < 700; n += 9 {
		var m Map[int, int]
		for i := range n {
			m.Store(i, i)
		}
		maps := []*Map[int, int]{&m, m.Clone(), m.Clone()}
		for i := n; i < 3*n+40; i++ {
			for j, c := range maps {
				c.Store(i+j*10_000, i+j*10_000)
			}
		}
		for j, c := range maps {
			require.Equal(t, 3*n+40, c.Len())
			for key, got := range c.All() {
				if got != key || key >= n && key/10_000 != j {
					t.Fatalf("map %d of %d: %d has the value %v", j, n, key, got)
				}
			}
			for i := range 3*n + 40 {
				key := i
				if i >= n {
					key += j * 10_000
				}
				if got, ok := c.Load(key); !ok || got != key {
					t.Fatalf("map %d of %d: %d has the value %v, %v", j, n, key, got, ok)
				}
			}
		}
	}
}

// What is inserted after a snapshot is in none, also if it gets into a copy of a shard that is.
func TestWhatComesAfterASnapshotIsNotShared(t *testing.T) {
	var m Map[int, int]
	for i := range 1000 {
		m.Store(i, i)
	}
	m.Snapshot()
	for i := range 1000 {
		m.Store(i, -i)
	}
	for i := 1000; i < 1300; i++ {
		m.Store(i, i)
	}
	for i := range 1300 {
		var f found[int]
		if !m.lookup(i, false, &f) || f.shared() {
			t.Fatalf("%d is shared with a snapshot: %v", i, f.shared())
		}
	}
}

// A map that is asked to store the very bits that mark deleted entries must store them all the same.
func TestTombstoneIsAValueToo(t *testing.T) {
	var m Map[int, uint64]
	m.Store(1, 10)
	dead := m.dir.Load().dead
	before := m.Snapshot()
	store := []func(key int, value uint64){
		m.Store,
		func(k int, v uint64) { m.Swap(k, v) },
		func(k int, v uint64) { m.LoadOrStore(k+100, v) },
		func(k int, v uint64) { m.Store(k, 5); require.True(t, m.CompareAndSwap(k, 5, v)) },
		func(k int, v uint64) { m.Compute(k, func(uint64, bool) (uint64, Op) { return v, Set }) },
		func(k int, v uint64) { m.Compute(k+200, func(uint64, bool) (uint64, Op) { return v, Set }) },
	}
	for i, f := range store {
		value := m.dir.Load().dead
		f(i+1, value)
		require.NotEqual(t, value, m.dir.Load().dead, "the tombstone must have moved")
		found := 0
		for _, v := range m.All() {
			if v == value {
				found++
			}
		}
		require.Positive(t, found, "store %d", i)
		v, loaded := m.LoadAndDelete(1)
		require.True(t, loaded)
		if i == 0 {
			require.Equal(t, dead, v)
		}
		m.Store(1, 10)
	}
	v, ok := before.Load(1)
	require.True(t, ok)
	require.EqualValues(t, 10, v)

	// The values that are there must not become the next tombstone either; nor may keys shared with a snapshot suffer.
	shared := m.Snapshot()
	m.Store(7, m.dir.Load().dead)
	for k, v := range shared.All() {
		now, ok := m.Load(k)
		require.True(t, ok)
		if k != 7 {
			require.Equal(t, v, now)
		}
	}
}

// Narrow words leave the tombstone bits alone, whatever their value.
func TestNarrowWordsAreNeverTheTombstone(t *testing.T) {
	var bytes Map[int, int8]
	var words Map[int, uint32]
	for i := range 256 {
		bytes.Store(i, int8(i))
		words.Store(i, ^uint32(i))
	}
	for i := range 256 {
		b, _ := bytes.Load(i)
		require.Equal(t, int8(i), b)
		w, _ := words.Load(i)
		require.Equal(t, ^uint32(i), w)
	}
}

// collectable reports whether everything that watch was called with gets collected once.
func collectable(t *testing.T, n int, fill func(watch func(*[64]byte)), keep any) {
	t.Helper()
	collected := make(chan struct{}, n)
	fill(func(p *[64]byte) {
		runtime.AddCleanup(p, func(struct{}) { collected <- struct{}{} }, struct{}{})
	})
	deadline := time.Now().Add(20 * time.Second)
	for len(collected) < n {
		runtime.GC()
		require.True(t, time.Now().Before(deadline), "%d of %d values collected", len(collected), n)
	}
	runtime.KeepAlive(keep)
}

func TestValuesCanBeCollected(t *testing.T) {
	const n = 500
	t.Run("deleted", func(t *testing.T) {
		var m Map[int, *[64]byte]
		collectable(t, n, func(watch func(*[64]byte)) {
			for i := range n {
				v := new([64]byte)
				watch(v)
				m.Store(i, v)
			}
			m.Store(n, new([64]byte)) // the map itself stays in use
			for i := range n {
				m.Delete(i)
			}
		}, &m)
	})
	t.Run("overwritten in boxes", func(t *testing.T) {
		var m Map[int, any]
		collectable(t, n, func(watch func(*[64]byte)) {
			for i := range n {
				v := new([64]byte)
				watch(v)
				m.Store(i, v)
			}
			for i := range n {
				m.Store(i, i)
			}
		}, &m)
	})
	t.Run("cleared", func(t *testing.T) {
		var m Map[int, *[64]byte]
		collectable(t, n, func(watch func(*[64]byte)) {
			for i := range n {
				v := new([64]byte)
				watch(v)
				m.Store(i, v)
			}
			m.Clear()
		}, &m)
	})
	t.Run("held by a dropped snapshot", func(t *testing.T) {
		var m Map[int, *[64]byte]
		collectable(t, n, func(watch func(*[64]byte)) {
			for i := range n {
				v := new([64]byte)
				watch(v)
				m.Store(i, v)
			}
			s := m.Snapshot()
			for i := range n {
				m.Store(i, new([64]byte))
			}
			require.Equal(t, n, s.Len())
		}, &m)
	})
}

func TestAllocations(t *testing.T) {
	keys := make([]string, 1000)
	for i := range keys {
		keys[i] = string(rune('a'+i%26)) + string(rune('0'+i/26))
	}
	pin := func(want float64, f func()) {
		t.Helper()
		require.Equal(t, want, testing.AllocsPerRun(100, f))
	}
	var pointers Map[string, *int]
	var words Map[string, int]
	var boxes Map[string, string]
	one := new(int)
	for i, k := range keys {
		pointers.Store(k, one)
		words.Store(k, i)
		boxes.Store(k, k)
	}
	pin(0, func() { pointers.Load("a0"); words.Load("b1"); boxes.Load("c2"); words.Load("absent") })
	pin(0, func() { pointers.Store("a0", one); words.Store("b1", 7) })
	pin(0, func() { pointers.Swap("a0", one); words.Swap("b1", 7) })
	pin(0, func() { pointers.LoadOrStore("a0", one); words.LoadOrStore("b1", 7) })
	pin(0, func() { pointers.CompareAndSwap("a0", one, one); words.CompareAndSwap("b1", 7, 7) })
	pin(0, func() {
		words.Compute("b1", func(old int, _ bool) (int, Op) { return old + 1, Set })
	})
	pin(0, func() { words.Delete("absent"); words.LoadAndDelete("absent") })
	pin(0, func() { words.Range(func(string, int) bool { return true }) })
	pin(0, func() {
		for range words.All() {
		}
	})
	snapshot := words.Snapshot()
	pin(0, func() {
		for range snapshot.All() {
		}
		for range snapshot.Keys() {
		}
		for range snapshot.Values() {
		}
	})
	pin(1, func() { boxes.Store("c2", "value") })
	pin(1, func() { words.Delete("b1"); words.Store("b1", 1) })
	pin(2, func() { words.Snapshot() })

	s := boxes.Snapshot()
	pin(0, func() { s.Load("c2"); s.Load("absent") })
	names := Map[struct{ Namespace, Name string }, *int]{}
	names.Store(struct{ Namespace, Name string }{"a", "b"}, one)
	pin(0, func() { names.Load(struct{ Namespace, Name string }{"a", "b"}) })
	var anys Map[any, any]
	anys.Store("a", "b")
	pin(0, func() { anys.Load("a") })
}

// Small maps stay small: nothing on the heap for the zero value, at most 1 KiB with one entry.
func TestSmallMaps(t *testing.T) {
	var m Map[string, int]
	require.Zero(t, testing.AllocsPerRun(10, func() {
		m.Load("a")
		m.Delete("a")
		m.Len()
		m.Range(nil)
		m.Clear()
		for range m.All() {
			t.Fatal("an entry in an empty map")
		}
	}))
	maps := make([]Map[string, *int], 1000)
	value := new(int)
	before := heapAlloc()
	for i := range maps {
		maps[i].Store("key", value)
	}
	each := (heapAlloc() - before) / 1000
	require.LessOrEqual(t, each, int64(1024))
	t.Logf("%d bytes with one entry", each)
	runtime.KeepAlive(maps)
}

// heapAlloc returns how many bytes are in use after collections: finalizers and cleanups of earlier tests take more than one.
func heapAlloc() int64 {
	for range 3 {
		runtime.GC()
	}
	var st runtime.MemStats
	runtime.ReadMemStats(&st)
	return int64(st.HeapAlloc)
}

func TestShrinkGivesMemoryBack(t *testing.T) {
	const n = 200_000
	var m Map[int, int]
	empty := heapAlloc()
	for i := range n {
		m.Store(i, i)
	}
	full := heapAlloc() - empty
	for i := range n {
		if i%100 != 0 {
			m.Delete(i)
		}
	}
	m.Shrink()
	require.Less(t, heapAlloc()-empty, full/25)
	require.Equal(t, n/100, m.Len())
	for i := 0; i < n; i += 100 {
		v, ok := m.Load(i)
		require.True(t, ok)
		require.Equal(t, i, v)
	}
	require.Less(t, m.Stats().Shards, 2*n/100/perBucket)
	runtime.KeepAlive(&m)
}

// Deletions make room: a map in which keys come and go does not grow, as long as there are not more of them at once.
func TestChurnDoesNotGrowTheMap(t *testing.T) {
	for _, n := range []int{3, 15, 60, 120} {
		var m Map[int, int]
		for i := range n {
			m.Store(i, i)
		}
		before := m.Stats()
		for i := range 20_000 {
			m.Delete(i)
			m.Store(i+n, i)
		}
		after := m.Stats()
		require.Equal(t, n, after.Entries)
		require.Equal(t, before.Shards, after.Shards)
		require.Less(t, after.Bytes, 2*before.Bytes, "overflow buckets apart") // which every bucket has once had need of
	}
}
