package fixed

import "sync"

// How the map is made up.
//
//	shard ─► heads ─► slot ─► slot ─► …     the keys of one shard with some hash bits in common, the last inserted first
//
//	slots   │ region 0 │ region 1 │ region 2 │ …    as many as the capacity; shard i takes from region i first,
//	                                                and from the others when that has none left
//
// A hash picks a shard and in it a chain. A chain is linked through the slots by their numbers. Because any slot can
// stand in any chain, a shard with more than its share of the keys borrows slots from the others, and the capacity is
// that of the whole map; an open-addressed table per shard could hold its own slots only, and would be full while
// others have room. A chain has one entry on average when the map is full: there are as many heads as slots, or more.
//
// # Who guards what
//
// A shard's mu guards its heads, its count of inserts, and the slots in its chains, wherever those lie. A region's mu
// guards its bitmaps. A slot is in a chain, or free, or in between in the hands of one goroutine; it passes from a
// chain to the bitmap and from there to another chain under the region's mu, which orders the one shard's accesses
// before the other's.
//
// Locks are taken in this order, which rules out deadlocks: shards by number, then regions by number. Only Clear holds
// several shards. Nobody waits for a shard while holding a region.
//
// # When the map is full
//
// An insert looks at its own region, then at the others one after another. If it finds no free slot, one may yet have
// moved behind its back: freed in a region that it had looked at, while the last one was taken from a region that it
// had not. So it looks again with all regions locked, and then it knows (see Map.takeSlot). The entries of the map
// are counted as slots that are not free: an insert takes effect when it takes its slot, a deletion when it gives it
// back. Both do so while they hold the lock of the key's shard, under which chain and bitmap cannot be seen to
// differ.

// A shard is what one lock guards: the chains of part of the keys.
type shard struct {
	mu      sync.RWMutex
	heads   []ref  // guarded by mu
	inserts uint64 // guarded by mu: how many entries were ever inserted

	region region
	_      [64]byte // keeps the next shard's mu off this one's cache line
}

// A ref is the number of a slot plus one, or none.
type ref uint32

const none ref = 0

// A slot holds an entry, or is zero.
type slot[K comparable, V any] struct {
	born  uint64 // the shard's inserts after this one; falls along each chain
	tag   uint32 // of the key's hash
	next  ref    // in the chain
	key   K
	value V
}

// A place is what is known of a key once it has been hashed.
type place struct {
	shard int    // by its top bits
	low   uint32 // its lower half, picks the head
	tag   uint32 // its upper half
}

// locate hashes key. It is not ok if the key can be in no map, because it is not equal to itself, or not in m, which
// is zero. It panics if key holds a dynamic value that is not comparable. No lock is held.
//
// That key was compared with itself means that comparing it with any other key cannot panic: == goes through fields
// and elements in an order fixed by the type, up to the first that differ. If it reached an uncomparable part, then
// all before that would be equal, hence equal to themselves, and the comparison with itself would have reached that
// part, too.
func (m *Map[K, V]) locate(key K) (at place, ok bool) {
	if key != key || len(m.shards) == 0 {
		return at, false
	}
	h := m.hash(key)
	return place{int(h >> m.shift), uint32(h), uint32(h >> 32)}, true
}

// find returns the slot of key, and the ref in its chain that leads there, or nil. The shard's lock must be held.
func (m *Map[K, V]) find(s *shard, at place, key K) (e *slot[K, V], link *ref) {
	link = s.head(at)
	for *link != none {
		if e = &m.slots[*link-1]; e.tag == at.tag && e.key == key {
			return e, link
		}
		link = &e.next
	}
	return nil, nil
}

// head returns the head of the chain at a place. There is a power of two of them.
func (s *shard) head(at place) *ref { return &s.heads[at.low&uint32(len(s.heads)-1)] }

// insert makes an entry for key, which is not there, at the head of its chain, or returns [ErrFull]. The shard's lock
// must be held for writing.
func (m *Map[K, V]) insert(s *shard, at place, key K, value V) error {
	i, ok := m.takeSlot(at.shard)
	if !ok {
		return ErrFull
	}
	s.inserts++
	head := s.head(at)
	m.slots[i] = slot[K, V]{s.inserts, at.tag, *head, key, value}
	*head = ref(i) + 1
	return nil
}

// remove takes the entry e, to which link leads, out of its chain and drops what it holds. The shard's lock must be
// held for writing.
func (m *Map[K, V]) remove(e *slot[K, V], link *ref) {
	i := uint32(*link - 1)
	*link = e.next
	*e = slot[K, V]{}
	m.shards[int(i)/m.share].region.give(i)
}

// takeSlot returns a free slot, from the home region if possible. The home shard's lock must be held.
func (m *Map[K, V]) takeSlot(home int) (i uint32, ok bool) {
	for n := range m.shards {
		if i, ok = m.region(home + n).take(); ok {
			return i, true
		}
	}
	m.lockRegions()
	defer m.unlockRegions()
	for n := range m.shards {
		if i, ok = m.region(home + n).takeLocked(); ok {
			return i, true
		}
	}
	return 0, false
}

// region returns the region of that number, counted around.
func (m *Map[K, V]) region(n int) *region { return &m.shards[n&(len(m.shards)-1)].region }

func (m *Map[K, V]) lockRegions() {
	for i := range m.shards {
		m.shards[i].region.mu.Lock()
	}
}

func (m *Map[K, V]) unlockRegions() {
	for i := range m.shards {
		m.shards[i].region.mu.Unlock()
	}
}
