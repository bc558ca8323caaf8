package versioned_test

import (
	"runtime"
	"sync/atomic"
	"testing"

	"github.com/shardmap-go/shardmap/versioned"
)

func TestReadersAndLateWritersAllocateNothing(t *testing.T) {
	m := versioned.NewFunc[string, [4]int](versioned.CompareDecimal)
	m.Observe("a", "10", [4]int{1})
	m.DeleteAt("b", "10")
	s := m.Snapshot()
	for name, f := range map[string]func(){
		"Load":                         func() { m.Load("a") },
		"Load of a deleted key":        func() { m.Load("b") },
		"LoadVersion":                  func() { m.LoadVersion("a") },
		"Snapshot.Load":                func() { s.Load("a") },
		"Snapshot.LoadVersion":         func() { s.LoadVersion("a") },
		"Len":                          func() { m.Len() },
		"All":                          func() { m.All()(func(string, [4]int) bool { return true }) },
		"Observe, too late":            func() { m.Observe("a", "9", [4]int{}) },
		"Observe of a deleted key":     func() { m.Observe("b", "9", [4]int{}) },
		"DeleteAt, too late":           func() { m.DeleteAt("a", "9") },
		"CompareAndDelete of another":  func() { m.CompareAndDelete("a", "9") },
		"CompareAndDelete of no value": func() { m.CompareAndDelete("b", "10") },
	} {
		if n := testing.AllocsPerRun(100, f); n != 0 {
			t.Errorf("%s allocates %v times", name, n)
		}
	}
	version := uint64(0)
	w := versioned.New[string, [4]int, uint64]()
	if n := testing.AllocsPerRun(100, func() { version++; w.Observe("a", version, [4]int{}) }); n > 1 {
		t.Errorf("Observe allocates %v times, want once", n)
	}
}

// watched makes values and counts those that have been collected.
type watched struct{ collected atomic.Int32 }

func (w *watched) make() *[64]byte {
	p := new([64]byte)
	runtime.AddCleanup(p, func(struct{}) { w.collected.Add(1) }, struct{}{})
	return p
}

// requireCollected collects garbage until n values are gone.
func (w *watched) requireCollected(t *testing.T, n int) {
	t.Helper()
	for range 1000 {
		if runtime.GC(); w.collected.Load() >= int32(n) {
			return
		}
		runtime.Gosched()
	}
	t.Errorf("%d of %d values have been collected", w.collected.Load(), n)
}

func TestDeletedAndReplacedValuesAndForgottenKeysAreCollected(t *testing.T) {
	const n = 100
	var keys, values watched
	m := versioned.New[*[64]byte, *[64]byte, int](versioned.WithTombstones(n))
	for i := range n {
		key := keys.make()
		m.Observe(key, 1, values.make())
		m.Observe(key, 2, values.make())
		if i%2 == 0 {
			m.DeleteAt(key, 3)
		} else {
			m.CompareAndDelete(key, 2)
		}
	}
	values.requireCollected(t, 2*n) // while the tombstones are there
	if m.Tombstones() != n {
		t.Fatalf("%d tombstones, want %d", m.Tombstones(), n)
	}
	for i, forget := range []func(){
		func() { m.PruneThrough(3) },
		func() { m.Clear() },
		func() { // beyond the bound
			for range n {
				m.DeleteAt(new([64]byte), 1)
			}
		},
	} {
		if i > 0 {
			for range n {
				m.DeleteAt(keys.make(), 3)
			}
		}
		forget()
		keys.requireCollected(t, (i+1)*n)
	}
	runtime.KeepAlive(m)
}
