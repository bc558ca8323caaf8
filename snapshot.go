package shardmap

import (
	"iter"
	"slices"

	"golang.org/x/exp/constraints"
)

// Snapshot is a view of a whole [Map] at one instant. It never changes, whatever happens to the map afterwards, and can
// be read by any number of goroutines, for as long as it is needed; what only it still holds is freed when it is
// dropped. Its methods take no lock and wait for nobody. The zero value is a snapshot of an empty map.
//
// "Snapshot the keys, then sweep", the safe way to clean up a map that others write, is
//
//	for key := range m.Snapshot().Keys() {
//		if stale(key) {
//			m.Delete(key)
//		}
//	}
type Snapshot[K comparable, V any] struct {
	d *directory[K] // nil if the map was empty
	n int
}

// Snapshot returns the content of the map at one instant between the call and the return.
//
// It takes well under a microsecond, whatever the size of the map: it waits for the writes that are under way – at most
// as long as one shard's split or a doubling of the directory – and copies nothing. Readers do not notice. Writers pay
// when they first touch, after the snapshot, a shard or an entry that it shares: they copy the shard's pointers (2 KiB),
// and replace the entry instead of updating it. It allocates about 300 bytes.
func (m *Map[K, V]) Snapshot() *Snapshot[K, V] {
	m.assertNotCopied()
	// Both are allocated before the writers are excluded: an allocation may be made to wait for the garbage collector.
	next, s := new(directory[K]), new(Snapshot[K, V])
	ls := m.exclude()
	defer m.open(ls)
	if s.d = m.dir.Load(); s.d == nil {
		return s
	}
	// What s.d leads to is of its generation or older. From the next one on, writers copy it before they change it.
	*next = *s.d
	next.gen++
	m.dir.Store(next)
	s.n = ls.len()
	m.assertInvariants(ls)
	m.assertApart(s)
	return s
}

// Clone returns a map with the content that m has at one instant. It takes the time of a [Map.Snapshot]: the two maps
// share memory, and each copies what it changes when it changes it. The clone has m's hash function.
func (m *Map[K, V]) Clone() *Map[K, V] {
	s := m.Snapshot()
	c := new(Map[K, V])
	if s.d == nil {
		return c
	}
	d := *s.d
	d.gen++ // so that everything it leads to is of an older generation
	c.dir.Store(&d)
	lanes := 1
	if d.depth > 0 {
		lanes = fullLanes()
	}
	c.lanes.Store(newLaneSet(lanes, s.n))
	c.assertApart(s)
	return c
}

// Replace makes the entries of seq the whole content of the map, at one instant, and returns what was there just
// before; so
//
//	old := m.Replace(seq)
//	for key, change := range m.Snapshot().Diff(old) { … }
//
// tells what changed. If seq yields a key several times, its last value counts. The map is not touched, and no lock is
// held, while seq runs; if seq panics, nothing has changed. Writers wait for the exchange about as long as for a
// [Map.Snapshot]. The map keeps its hash function, but not the room that WithShards and WithCapacity made.
func (m *Map[K, V]) Replace(seq iter.Seq2[K, V]) *Snapshot[K, V] {
	m.assertNotCopied()
	fresh := new(Map[K, V])
	d := newDirectory[K, V](m.directory().hashing, 1, 0)
	fresh.dir.Store(d)
	for key, value := range seq {
		fresh.Store(key, value)
	}
	n := fresh.Len()
	ls := m.exclude()
	defer m.open(ls)
	current := m.dir.Load()
	if d = fresh.dir.Load(); current.trusted && !d.trusted {
		// The map has given up its hash function since. It does so once in its life at most, so that writers may wait
		// this time until everything is hashed again.
		fresh.rebuild(fresh.exclude(), current.hashing, d.dead, all)
	}
	old := &Snapshot[K, V]{current, ls.len()}
	m.dir.Store(fresh.dir.Load())
	ls.add(n - ls.len())
	m.assertInvariants(ls)
	m.assertApart(old)
	return old
}

// Load returns the value that key had, and whether it had one. It takes no lock and allocates nothing.
func (s *Snapshot[K, V]) Load(key K) (value V, ok bool) {
	if s.d == nil {
		checkKey(key)
		return value, false
	}
	e, r := s.d.find(s.d.of(key), key)
	if e == nil {
		return value, false
	}
	return unpack[V](s.d.slotKind, r), true
}

// Len returns the number of entries, exactly.
func (s *Snapshot[K, V]) Len() int { return s.n }

// All returns an iterator over the entries, in no particular order.
func (s *Snapshot[K, V]) All() iter.Seq2[K, V] {
	return func(yield func(K, V) bool) {
		if s.d == nil {
			return
		}
		var space room
		list := space[:0]
		for sh := range s.d.shards {
			list = sh.list(list[:0]) // nobody writes the shards of a snapshot: they are read without their locks
			for _, e := range list {
				if !yield(*keyOf[K](e), s.value(e)) {
					return
				}
			}
		}
	}
}

// value returns the value of one of the snapshot's entries.
func (s *Snapshot[K, V]) value(e *opaque) V { return unpack[V](s.d.slotKind, s.d.load(e)) }

// Keys returns an iterator over the keys, in no particular order.
func (s *Snapshot[K, V]) Keys() iter.Seq[K] {
	return func(yield func(K) bool) {
		if s.d == nil {
			return
		}
		var space room
		list := space[:0]
		for sh := range s.d.shards { // as All, but the values, which may be in memory of their own, are not read
			list = sh.list(list[:0])
			for _, e := range list {
				if !yield(*keyOf[K](e)) {
					return
				}
			}
		}
	}
}

// Values returns an iterator over the values, in no particular order.
func (s *Snapshot[K, V]) Values() iter.Seq[V] {
	return func(yield func(V) bool) {
		s.All()(func(_ K, value V) bool { return yield(value) })
	}
}

// ToMap returns the entries as a Go map, which belongs to the caller.
func (s *Snapshot[K, V]) ToMap() map[K]V {
	m := make(map[K]V, s.n)
	for key, value := range s.All() {
		m[key] = value
	}
	return m
}

// SortedKeys returns the keys of s in ascending order; NaNs come first.
func SortedKeys[K constraints.Ordered, V any](s *Snapshot[K, V]) []K {
	keys := slices.AppendSeq(make([]K, 0, s.n), s.Keys())
	slices.Sort(keys)
	return keys
}
