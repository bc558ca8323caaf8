package fixed

import (
	"iter"
	"math"
)

// How Range comes through the chains of a shard though it gives up the lock between batches.
//
// An entry is inserted at the head of its chain, with a number that is higher than that of any entry before it in the
// shard: born falls along each chain. Range remembers the number of the entry that it saw last in a chain; when it comes
// back, it goes on with the lower ones. So it sees no entry twice, and each that was there all the time; and no key
// twice, for a key is always in the same chain, and when it is deleted and inserted again it has a higher number.

// batchSize is how many entries Range copies at a time. Chosen by hand, not measured.
const batchSize = 16

// maxVisits is how many chains Range looks at before it gives up the lock, if they are empty. Chosen by hand, not
// measured.
const maxVisits = 1024

type pair[K comparable, V any] struct {
	key   K
	value V
}

// A cursor is how far Range has come in a shard.
type cursor struct {
	chain  int
	before uint64 // in the chain, entries born before this remain to be shown
}

// endOfTime is later than all inserts.
const endOfTime = math.MaxUint64

// Range calls f for each entry until f returns false, in no particular order.
//
// It does not show the map at one instant, unless nobody writes: no key is shown twice, a key that is present during
// the whole call is shown, and each value is one that the key had at some point of the call. It locks one shard at a
// time for reading, while it copies a few entries, and calls f with no lock held: f may do anything to the map.
func (m *Map[K, V]) Range(f func(key K, value V) bool) {
	var batch [batchSize]pair[K, V]
	for i := range m.shards {
		s := &m.shards[i]
		for c := (cursor{before: endOfTime}); c.chain < len(s.heads); {
			for _, p := range batch[:m.gather(s, &c, &batch)] {
				if !f(p.key, p.value) {
					return
				}
			}
		}
	}
}

// All returns an iterator over the entries, with the promises of [Map.Range].
func (m *Map[K, V]) All() iter.Seq2[K, V] { return m.Range }

// gather copies the next entries into batch and returns their number, which may be 0.
func (m *Map[K, V]) gather(s *shard, c *cursor, batch *[batchSize]pair[K, V]) (n int) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	for range maxVisits {
		if c.chain == len(s.heads) {
			return n
		}
		for r := s.heads[c.chain]; r != none; {
			e := &m.slots[r-1]
			if e.born < c.before {
				if n == batchSize {
					return n
				}
				batch[n] = pair[K, V]{e.key, e.value}
				n++
				c.before = e.born
			}
			r = e.next
		}
		c.chain, c.before = c.chain+1, endOfTime
	}
	return n
}
