package shardmap_test

import (
	"fmt"
	"runtime"
	"sync/atomic"
	"testing"
	"time"

	"github.com/shardmap-go/shardmap"
)

// Values that tell on whoever gives out a wrong one. Each holds the number of its key, a version and a checksum, so
// that a value of another key, a torn one, and memory that was freed and used again (or overwritten, under
// GODEBUG=clobberfree=1) give themselves away. And each parcel is watched: the collector says when it frees one, so
// that a parcel that is collected and can still be read is noticed even if its memory looks as it did.

// A parcel is a watched object on the heap.
type parcel struct {
	key, version int
	watched      int // its number in the manifest
	sum          uint64
}

// A manifest knows which parcels were made, and which have been collected. It has room for a number of them; what is made
// beyond that is not watched.
type manifest struct {
	made      atomic.Int64
	collected []atomic.Bool
}

func newManifest(room int) *manifest { return &manifest{collected: make([]atomic.Bool, room)} }

// watching returns the number of parcels that are watched.
func (l *manifest) watching() int { return min(int(l.made.Load()), len(l.collected)) }

func (l *manifest) parcel(key, version int) *parcel {
	p := &parcel{key: key, version: version, watched: int(l.made.Add(1) - 1)}
	p.sum = checksum(p.key, p.version, p.watched)
	if p.watched < len(l.collected) {
		runtime.AddCleanup(p, func(gone *atomic.Bool) { gone.Store(true) }, &l.collected[p.watched])
	}
	return p
}

// check returns the key and version of a parcel, and what is wrong with it.
func (l *manifest) check(p *parcel) (key, version int, err error) {
	key, version = p.key, p.version
	switch n := p.watched; {
	case p.sum != checksum(key, version, n):
		err = fmt.Errorf("parcel %d of key %d, version %d, has the checksum %#x", n, key, version, p.sum)
	case n < len(l.collected) && l.collected[n].Load():
		err = fmt.Errorf("parcel %d of key %d, version %d, has been collected", n, key, version)
	}
	runtime.KeepAlive(p)
	return key, version, err
}

// uncollected returns the numbers of those watched parcels from first on that have not been collected and that want
// names.
func (l *manifest) uncollected(want func(watched int) bool) (left []int) {
	for n := range l.watching() {
		if want(n) && !l.collected[n].Load() {
			left = append(left, n)
		}
	}
	return left
}

// requireCollected has the collector run until all parcels that want names have been collected. Cleanups run some
// time after the collection that found them, in goroutines of their own: it tries again and again, but not for ever.
func (l *manifest) requireCollected(t *testing.T, want func(watched int) bool) {
	t.Helper()
	left := l.uncollected(want)
	for try := 0; len(left) > 0; try++ {
		if try == 500 {
			t.Fatalf("%d of %d parcels are kept alive, such as numbers %v", len(left), l.watching(), left[:min(len(left), 10)])
		}
		runtime.GC()
		time.Sleep(time.Duration(min(try, 20)) * time.Millisecond) // for js/wasm, where Gosched does not let cleanups run
		left = l.uncollected(want)
	}
}

// checksum mixes numbers. None of its steps is one of the map's.
func checksum(numbers ...int) uint64 {
	sum := uint64(0xcbf29ce484222325) // FNV-1a, by words
	for _, n := range numbers {
		sum = (sum ^ uint64(n)) * 0x100000001b3
		sum ^= sum >> 29
	}
	return sum
}

// A goods is one sort of self-checking values.
type goods[V any] struct {
	name  string
	make  func(key, version int) V
	check func(value V) (key, version int, err error)
}

func pointerGoods(l *manifest) goods[*parcel] {
	return goods[*parcel]{"pointer", l.parcel, l.check}
}

// wordGoods are numbers: a version, a key of 20 bits and a checksum of 12.
func wordGoods() goods[uint64] {
	pack := func(key, version int) uint64 {
		return uint64(version)<<32 | uint64(key)<<12 | checksum(key, version)&0xfff
	}
	return goods[uint64]{"word", pack, func(value uint64) (key, version int, err error) {
		key, version = int(value>>12&(1<<20-1)), int(value>>32)
		if value != pack(key, version) {
			err = fmt.Errorf("%#x is no value", value)
		}
		return key, version, err
	}}
}

// A crate is a value that needs a box: larger than a word, and with a pointer inside.
type crate struct {
	key     int
	p       *parcel
	version int
	sum     uint64
}

func boxGoods(l *manifest) goods[crate] {
	return goods[crate]{"box",
		func(key, version int) crate {
			return crate{key, l.parcel(key, version), version, checksum(version, key)}
		},
		func(c crate) (key, version int, err error) {
			if c.sum != checksum(c.version, c.key) {
				return c.key, c.version, fmt.Errorf("a crate of key %d, version %d, has the checksum %#x", c.key, c.version, c.sum)
			}
			if key, version, err = l.check(c.p); err == nil && (key != c.key || version != c.version) {
				err = fmt.Errorf("a crate of key %d, version %d, holds a parcel of key %d, version %d", c.key, c.version, key, version)
			}
			return key, version, err
		}}
}

// TestGoodsTellWhatIsWrong shows that the checks can fail.
func TestGoodsTellWhatIsWrong(t *testing.T) {
	l := newManifest(2)
	bad := func(name string, err error) {
		t.Helper()
		if err == nil {
			t.Errorf("%s passes", name)
		}
	}
	p := l.parcel(3, 4)
	if key, version, err := l.check(p); key != 3 || version != 4 || err != nil {
		t.Errorf("a good parcel gives %d, %d, %v", key, version, err)
	}
	torn := *p
	torn.version++
	_, _, err := l.check(&torn)
	bad("a torn parcel", err)
	l.collected[0].Store(true)
	_, _, err = l.check(p)
	bad("a collected parcel", err)

	words := wordGoods()
	if key, version, err := words.check(words.make(1<<20-1, 1<<30)); key != 1<<20-1 || version != 1<<30 || err != nil {
		t.Errorf("a good word gives %d, %d, %v", key, version, err)
	}
	_, _, err = words.check(words.make(5, 6) ^ 1<<40)
	bad("a word with another bit", err)

	boxes := boxGoods(newManifest(10))
	one, other := boxes.make(1, 1), boxes.make(2, 1)
	if key, version, err := boxes.check(one); key != 1 || version != 1 || err != nil {
		t.Errorf("a good crate gives %d, %d, %v", key, version, err)
	}
	_, _, err = boxes.check(crate{one.key, other.p, one.version, one.sum})
	bad("a crate with the parcel of another", err)
	_, _, err = boxes.check(crate{one.key, one.p, 2, one.sum})
	bad("a torn crate", err)
}

// A collected parcel is seen as such, and a living one is not.
func TestManifestSeesWhatIsCollected(t *testing.T) {
	l := newManifest(100)
	var m shardmap.Map[int, *parcel]
	for i := range 100 {
		if p := l.parcel(i, 0); i%2 == 0 {
			m.Store(i, p)
		}
	}
	l.requireCollected(t, func(n int) bool { return n%2 != 0 })
	if left := l.uncollected(func(n int) bool { return n%2 == 0 }); len(left) != 50 {
		t.Errorf("%d parcels are left, want the 50 that are in the map", len(left))
	}
	runtime.KeepAlive(&m)
}
