package shardmap

import "iter"

// Iteration over a live map walks the shards of the directory that is current when it begins. Each shard's entries are
// gathered under its lock in read mode, and passed on when the lock is given up. A shard covers a range of hashes, so
// no key shows up in two, and under the lock a shard holds no key twice. An entry whose slot holds the tombstone by
// the time its turn comes has been deleted by then, and is left out.
//
// A shard that is split, grown or copied before its turn still shows what it held then, through entries that are
// current or that were current when the iteration began. So does a directory that Clear, Replace or a rebuild has put
// aside.

// room is where iterations gather the entries of a shard. They have to allocate for one that is overfull, once.
type room [perBucket<<maxBucketsLog2 + bucketEntries]*opaque

// listLive is list, under the shard's lock.
func (s *shard) listLive(to []*opaque) []*opaque {
	s.mu.RLock()
	to = s.list(to)
	s.mu.RUnlock()
	return to
}

// Range calls f for each entry until f returns false.
//
// Like [sync.Map.Range], it does not show the map at one instant, unless nobody writes: no key is shown twice, a key
// that is present during the whole call is shown, and each value is one that the key had at some point of the call.
// Use [Map.Snapshot] to see one instant.
//
// It locks one shard after the other for reading, for as long as it takes to copy 160 pointers, and calls f with no
// lock held: f may do anything to the map. It allocates nothing that grows with the map.
func (m *Map[K, V]) Range(f func(key K, value V) bool) {
	m.assertNotCopied()
	d := m.dir.Load()
	if d == nil {
		return
	}
	var space room
	list := space[:0]
	for s := range d.shards {
		list = s.listLive(list[:0])
		for _, e := range list {
			if r := d.load(e); !d.isDead(r) && !f(*keyOf[K](e), unpack[V](d.slotKind, r)) {
				return
			}
		}
	}
}

// All returns an iterator over the entries, with the promises of [Map.Range].
func (m *Map[K, V]) All() iter.Seq2[K, V] { return m.Range }

// Keys returns an iterator over the keys, with the promises of [Map.Range].
func (m *Map[K, V]) Keys() iter.Seq[K] {
	return func(yield func(K) bool) {
		m.Range(func(key K, _ V) bool { return yield(key) })
	}
}

// Values returns an iterator over the values, with the promises of [Map.Range].
func (m *Map[K, V]) Values() iter.Seq[V] {
	return func(yield func(V) bool) {
		m.Range(func(_ K, value V) bool { return yield(value) })
	}
}

// DeleteFunc deletes the entries for which pred returns true, and returns how many it deleted. It visits the entries
// like [Map.Range]. An entry is deleted only as pred saw it: if its value was changed meanwhile, pred is asked again.
//
// Each deletion is linearizable by itself, and locks like [Map.LoadAndDelete]. No lock is held while pred runs; it may do anything
// to the map. Entries whose key is a NaN, which only Clear and Replace remove otherwise, are deleted together at the end,
// while writers wait.
func (m *Map[K, V]) DeleteFunc(pred func(key K, value V) bool) int {
	m.assertNotCopied()
	n := 0
	d := m.dir.Load()
	if d == nil {
		return 0
	}
	var lost map[*opaque]bool
	var space room
	list := space[:0]
	for s := range d.shards {
		list = s.listLive(list[:0])
		for _, e := range list {
			key := *keyOf[K](e)
			r := d.load(e)
			if d.isDead(r) || !pred(key, unpack[V](d.slotKind, r)) {
				continue
			}
			if key != key {
				if lost == nil {
					lost = make(map[*opaque]bool)
				}
				lost[e] = true
				continue
			}
			for {
				var f found[K]
				if !m.lookup(key, false, &f) || f.r != r && !pred(key, unpack[V](d.slotKind, f.r)) {
					break
				}
				r = f.r
				if m.delete(&f, key) {
					n++
					break
				}
			}
		}
	}
	return n + m.removeLost(lost)
}

// removeLost removes those of the given entries that are in the map, by looking everywhere. It returns their number.
func (m *Map[K, V]) removeLost(lost map[*opaque]bool) int {
	if len(lost) == 0 {
		return 0
	}
	ls := m.exclude()
	defer m.open(ls)
	d := m.dir.Load()
	return m.rebuild(ls, d.hashing, d.dead, func(e *opaque) bool { return !lost[e] })
}
