package index

import (
	"runtime"
	"sync/atomic"
	"testing"
	"time"
)

// What must not be left behind: buckets of index keys that no entry carries, and values that nobody can reach.

// parcel is a value whose collection is noticed. It contains a pointer, so that it does not share an allocation.
type parcel struct{ to []string }

type depot struct {
	collected atomic.Int64
	m         Map[int, *parcel]
	byTo      *Index[int, *parcel, string]
}

func newDepot() *depot {
	d := new(depot)
	d.byTo = Add(&d.m, "to", func(_ int, p *parcel) []string { return p.to })
	return d
}

func (d *depot) parcel(to ...string) *parcel {
	p := &parcel{to: to}
	runtime.AddCleanup(p, func(n *atomic.Int64) { n.Add(1) }, &d.collected)
	return p
}

// requireCollected demands that so many parcels are collected: no fewer, and no more.
func (d *depot) requireCollected(t *testing.T, what string, want int64) {
	t.Helper()
	for try := range 200 {
		if runtime.GC(); d.collected.Load() >= want {
			break
		}
		time.Sleep(time.Duration(min(try, 20)) * time.Millisecond) // cleanups run in a goroutine of their own
	}
	if got := d.collected.Load(); got != want {
		t.Errorf("%s: %d values were collected, want %d", what, got, want)
	}
}

const many = 100

func TestReplacedAndDeletedValuesAreFreed(t *testing.T) {
	for _, c := range []struct {
		name  string
		do    func(d *depot)
		freed int64
	}{
		{"Store", func(d *depot) { storeMany(d) }, many},
		{"move", func(d *depot) {
			for i := range many {
				d.m.Store(i, d.parcel("elsewhere"))
			}
		}, many},
		{"Delete", func(d *depot) {
			for i := range many {
				d.m.Delete(i)
			}
		}, many},
		{"DeleteAll", func(d *depot) { d.byTo.DeleteAll("here") }, many},
		{"DeleteFunc", func(d *depot) { d.m.DeleteFunc(func(key int, _ *parcel) bool { return key%2 == 0 }) }, many / 2},
		{"Clear", func(d *depot) { d.m.Clear() }, many},
		{"Replace", func(d *depot) { d.m.Replace(func(func(int, *parcel) bool) {}) }, many},
		{"Snapshot and Store", func(d *depot) { d.m.Snapshot(); storeMany(d) }, many},
		{"Get and Delete", func(d *depot) { d.byTo.Get("here"); d.byTo.DeleteAll("there") }, many},
		{"Add", func(d *depot) { Add(&d.m, "again", func(int, *parcel) []int { return []int{1} }) }, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			d := newDepot()
			storeMany(d)
			c.do(d)
			d.requireCollected(t, "with the map in use", c.freed)
			runtime.KeepAlive(d)
		})
	}
}

func storeMany(d *depot) {
	for i := range many {
		d.m.Store(i, d.parcel("here", "there"))
	}
}

func TestASnapshotAndASetKeepTheirValuesUntilTheyAreDropped(t *testing.T) {
	d := newDepot()
	storeMany(d)
	s, set := d.m.Snapshot(), d.byTo.Get("here")
	d.m.Clear()
	d.requireCollected(t, "with a snapshot and a set in use", 0)
	runtime.KeepAlive(s)
	d.requireCollected(t, "with a set in use", 0)
	if set.Len() != many {
		t.Errorf("the set has %d entries, want %d", set.Len(), many)
	}
	runtime.KeepAlive(set)
	d.requireCollected(t, "with nothing in use", many)
	runtime.KeepAlive(d)
}

func TestADroppedIndexIsFreed(t *testing.T) {
	d := newDepot()
	for i := range many {
		d.m.Store(i, d.parcel("here"))
	}
	d.byTo.Drop()
	if n := len(d.m.current().tables); n != 0 {
		t.Fatalf("%d tables are left", n)
	}
	Add(&d.m, "other", func(int, *parcel) []int { return nil }) // writes every entry
	for key, e := range d.m.current().entries.All() {
		if len(e.postings) > 0 {
			t.Fatalf("the entry of %d still has the keys of an index that was dropped", key)
		}
	}
}

// TestIndexKeysThatNobodyCarriesLeaveNothingBehind has entries carry index keys that never come again, as those of
// short-lived pods do.
func TestIndexKeysThatNobodyCarriesLeaveNothingBehind(t *testing.T) {
	var m Map[int, int]
	ix := Add(&m, "value", func(_, value int) []int { return []int{value, -value} })
	for i := range 5000 {
		m.Store(i%10, i)
	}
	if n := ix.NumKeys(); n > 20 {
		t.Errorf("10 entries leave %d index keys", n)
	}
	ix.DeleteAll(4999)
	for i := range 10 {
		m.Delete(i)
	}
	if n := ix.NumKeys(); n != 0 || m.Len() != 0 {
		t.Errorf("an empty map has %d index keys and %d entries", n, m.Len())
	}
}

func TestReadsAllocateNothing(t *testing.T) {
	var m Map[string, int]
	byValue := Add(&m, "value", func(_ string, value int) []int { return []int{value % 10} })
	var o Owners[string, string]
	for _, key := range []string{"a", "b", "c"} {
		m.Store(key, len(key))
		o.Link("owner", key)
	}
	s := m.Snapshot()
	set := byValue.Get(1)
	for name, read := range map[string]func() bool{
		"Load":          func() bool { _, ok := m.Load("a"); return ok },
		"absent Load":   func() bool { _, ok := m.Load("d"); return !ok },
		"LoadOrStore":   func() bool { _, ok := m.LoadOrStore("a", 7); return ok },
		"Len":           func() bool { return m.Len() == 3 },
		"Get":           func() bool { return byValue.Get(1).Len() == 3 },
		"absent Get":    func() bool { return byValue.Get(2).Len() == 0 },
		"Set.Load":      func() bool { _, ok := set.Load("a"); return ok },
		"Snapshot.Load": func() bool { _, ok := s.Load("a"); return ok },
		"View.Get":      func() bool { return byValue.At(s).Len(1) == 3 },
		"Linked":        func() bool { return o.Linked("owner", "a") },
		"LenOwnedBy":    func() bool { return o.LenOwnedBy("owner") == 3 },
		"Set.All": func() bool {
			n := 0
			for range set.All() {
				n++
			}
			return n == 3
		},
	} {
		if n := testing.AllocsPerRun(100, func() {
			if !read() {
				t.Errorf("%s: wrong answer", name)
			}
		}); n != 0 {
			t.Errorf("%s allocates %v times", name, n)
		}
	}
}
