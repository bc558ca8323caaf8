package ttl

import (
	"errors"
	"math/rand/v2"
	"runtime"
	"sync/atomic"
)

// ErrFull is returned by whatever would store a new key in a map that has as many entries as [WithMaxEntries] allows, and
// the policy [Reject]. Nothing is changed then. Inserts that are under way count, and so do entries that an operation
// under way is about to remove.
var ErrFull = errors.New("the map is full")

// The capacity counts places. An insert takes its place before it stores, and gives it back if it does not store after
// all; who removed an entry gives back its place. So there are never more entries than places taken, and never more of
// those than max.
type capacity struct {
	max    int64 // 0: no limit
	policy Policy
	taken  atomic.Int64 // places; not counted without limit
}

func (c *capacity) evicts() bool { return c.policy == Evict }

// release gives back the places of n entries that are no more in the map.
func (c *capacity) release(n int) {
	if c.max > 0 {
		c.taken.Add(-int64(n))
	}
}

// take takes a place if there is one.
func (c *capacity) take() bool {
	for {
		n := c.taken.Load()
		if n >= c.max {
			return false
		}
		if c.taken.CompareAndSwap(n, n+1) {
			return true
		}
	}
}

// reserve takes a place for a new entry, and makes one if it has to. What it removed it adds to gone.
func (m *Map[K, V]) reserve(gone *notices[K, V]) error {
	if m.max == 0 {
		return nil
	}
	for !m.take() {
		switch {
		case m.evicts():
			if !m.evictOne(gone) {
				// Every entry is on its way in or out, in hands that do not wait for anything.
				runtime.Gosched()
			}
		case m.collectAll(gone) == 0 && m.taken.Load() >= m.max:
			return ErrFull
		}
	}
	return nil
}

// evictOne removes one entry, and reports whether it did.
func (m *Map[K, V]) evictOne(gone *notices[K, V]) bool {
	now := m.now()
	all := m.stripes()
	// Of two stripes the one with more entries: so all have about as many, though entries come to them at random. Where few are left,
	// the hand would come round before they are used again.
	start, other := rand.IntN(len(all)), rand.IntN(len(all))
	if all[other].evictable() > all[start].evictable() {
		start = other
	}
	for i := range all {
		if e := all[(start+i)%len(all)].victim(now); e != nil && m.remove(e) {
			m.note(gone, e, now, Evicted)
			return true
		}
	}
	return false
}
