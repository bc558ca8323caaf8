//go:build shardmap_assert

package shardmap

import (
	"bytes"
	"fmt"
	"runtime"
	"strconv"
	"sync/atomic"
)

// The checks of assert_off.go. A failed one panics: a broken program is better stopped where it breaks.

const asserting = true

// A copyGuard points to itself from the map's first use on, so that a copy's points elsewhere, like that of a
// [strings.Builder].
type copyGuard struct{ self atomic.Pointer[copyGuard] }

func (m *Map[K, V]) assertNotCopied() {
	g := &m.guard
	if g.self.Load() == g || g.self.CompareAndSwap(nil, g) || g.self.Load() == g {
		return
	}
	panic(fmt.Sprintf("shardmap: %T at %p: it is a copy of a map that was in use: a map must not be copied, pass a pointer to it", m, m))
}

const (
	// smallEnough is the number of entries up to which a map is checked as a whole each time that it could be. Of a
	// larger one that is done once in assertEvery generations. Chosen by hand, not measured.
	smallEnough = 256
	assertEvery = 64
)

// worthwhile reports whether to visit all of a map now.
func worthwhile(entries int, gen uint64) bool { return entries <= smallEnough || gen%assertEvery == 0 }

func must(err error) {
	if err != nil {
		panic(err)
	}
}

func (m *Map[K, V]) assertInvariants(ls *laneSet) {
	if d := m.dir.Load(); d != nil && worthwhile(ls.len(), d.gen) {
		must(m.inspect(ls, false))
	}
}

func (m *Map[K, V]) assertApart(s *Snapshot[K, V]) {
	d := m.dir.Load()
	if d == nil || s.d == nil || !worthwhile(s.n, d.gen) {
		return
	}
	must(s.checkInvariants(false))
	must(checkApart(d, s.d))
}

func (d *directory[K]) assertSuccessors(h uint64, successors []*shard) {
	old, next := d.shard(h), *d
	next.bucketMask = uint64(successors[0].buckets()) - 1
	in := inspection[K]{d: &next}
	kept := make(map[*opaque]bool) // and whether as a shared one
	prefix := h >> (64 - old.depth) << (64 - old.depth)
	for i, s := range successors {
		switch {
		case s.gen != d.gen:
			in.failf("a shard of generation %d is to be published in generation %d", s.gen, d.gen)
		case 1<<(s.depth-old.depth) != len(successors):
			in.failf("%d shards of depth %d are to follow one of depth %d", len(successors), s.depth, old.depth)
		}
		in.shard(s, prefix|uint64(i)<<(64-s.depth))
		for e, shared := range s.entries {
			kept[e] = shared
		}
	}
	for e, shared := range old.entries {
		now, ok := kept[e]
		if !ok {
			in.failf("key %v: its entry is not in the shards that are to follow its shard", *keyOf[K](e))
		}
		if (shared || old.gen != d.gen) && !now {
			in.failf("key %v: a snapshot shares its entry, and the shards that are to follow its shard do not say so", *keyOf[K](e))
		}
	}
	must(in.err)
}

// A loader is the number of the goroutine that loads.
type loader struct{ goroutine uint64 }

func newLoader() loader { return loader{goroutine()} }

func assertElsewhere[K comparable](l *loader, key K) {
	if l.goroutine == goroutine() {
		panic(fmt.Sprintf("shardmap: LoadOrCompute(%v): called by the load function for the same key, it would wait for itself", key))
	}
}

// goroutine returns the number of the calling goroutine, as stack traces show it.
func goroutine() uint64 {
	var space [64]byte
	text := bytes.TrimPrefix(space[:runtime.Stack(space[:], false)], []byte("goroutine "))
	digits, _, _ := bytes.Cut(text, []byte(" "))
	n, err := strconv.ParseUint(string(digits), 10, 64)
	must(err)
	return n
}
