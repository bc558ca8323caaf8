package index

import (
	"fmt"
	"hash/maphash"
	"iter"
	"slices"

	"github.com/shardmap-go/shardmap"
)

// Index is a secondary index of a [Map], made by [Add]: it finds the entries that carry an index key. Any number of
// goroutines can use it. The zero value is of no use.
//
// Every method but Name, Drop and At panics if the index was dropped; All and Keys when the iterator is run.
type Index[K comparable, V any, IK comparable] struct {
	m    *Map[K, V]
	name string
	fn   func(K, V) []IK
	salt uint64 // so that equal keys of different indexes are not always of one stripe
}

// Add makes an index of m that finds an entry under each of the index keys that fn returns for it, and returns when the
// index is complete. The name is for people.
//
// m may be in use by others meanwhile: from the beginning of Add on, writers keep the new index up to date with
// what they write, while Add takes the entries that were there before through the writers' path, one by one. No reader
// sees the index before it is complete. Add locks all stripes for about a microsecond twice, and for each entry those of
// the entry; the whole takes about as long as storing all entries anew.
//
// # The index function
//
// fn is called whenever an entry is stored, without a lock, possibly several times for one entry, by several
// goroutines at a time, and by Add for the entries that are there. What it answered when the entry was last written
// counts until the entry is written again: a function that changes its answer loses nothing and leaves nothing behind. It
// may return nil, for entries that are not to be found by this index; index keys that come again count once, and those
// that are not equal to themselves, such as NaN, are left out. The slice is copied. If fn panics or calls
// [runtime.Goexit], the write that called it has changed nothing; if it was Add that called it, the index is dropped.
// It may read the map and its indexes, and write other entries. It must not modify the value.
//
// A write takes time and memory for each index key: a dozen are fine, a thousand are slow.
//
// Add panics if fn is nil, or if m has an index of that name.
func Add[K comparable, V any, IK comparable](m *Map[K, V], name string, fn func(key K, value V) []IK) *Index[K, V, IK] {
	if fn == nil {
		panic(fmt.Sprintf("index: Add %q: nil index function", name))
	}
	ix := &Index[K, V, IK]{m, name, fn, maphash.String(seed, name)}
	there := ix.enlist()
	complete := false
	defer func() {
		if !complete {
			ix.Drop()
		}
	}()
	for key, e := range there.All() {
		m.refile(key, e)
	}
	ix.publish()
	complete = true
	return ix
}

// enlist has the writers fill the index from now on, and returns the entries of this instant.
func (ix *Index[K, V, IK]) enlist() (there *shardmap.Snapshot[K, *entry[K, V]]) {
	ix.m.exchange(func(st *state[K, V]) *state[K, V] {
		for _, t := range st.tables {
			if t.name() == ix.name {
				panic(fmt.Sprintf("index: Add %q: there is an index of that name", ix.name))
			}
		}
		there = st.entries.Snapshot()
		return st.withTables(append(slices.Clip(st.tables), newTable(ix, false)))
	})
	return there
}

// refile writes e anew, so that all tables of today have it, unless it was written or deleted since: whoever did that
// has seen to it.
func (m *Map[K, V]) refile(key K, e *entry[K, V]) {
	for {
		st := m.current()
		if st.load(key) != e || m.commit(st, key, e, st.newEntry(key, e.value)) {
			return
		}
	}
}

// publish lets the readers see the index.
func (ix *Index[K, V, IK]) publish() {
	ix.m.exchange(func(st *state[K, V]) *state[K, V] {
		tables := slices.Clone(st.tables)
		for i, t := range tables {
			if t.index() == any(ix) {
				built := *t.(*indexTable[K, V, IK])
				built.built = true
				tables[i] = &built
			}
		}
		return st.withTables(tables)
	})
}

// Drop takes the index away from its map. Its name can be used again. Reads of it that are under way finish; those that
// begin after Drop has returned panic, but snapshots that were taken before still have it. Dropping it again does
// nothing.
//
// Drop is linearizable. It waits and locks like [Map.Clear]. The memory of the index is freed at once, but for the
// index keys that each entry carries, which go when the entry is written or an index is added.
func (ix *Index[K, V, IK]) Drop() {
	ix.m.exchange(func(st *state[K, V]) *state[K, V] {
		return st.withTables(slices.DeleteFunc(slices.Clone(st.tables), func(t table[K, V]) bool {
			return t.index() == any(ix)
		}))
	})
}

// Name returns the name that was given to [Add].
func (ix *Index[K, V, IK]) Name() string { return ix.name }

// Get returns the entries that carry the index key ik, as they were, all of them, at one instant between the call and
// the return: their keys and their values. If no entry does, the set is empty.
//
// It is linearizable with every write of the map, takes no lock, never waits, and takes the time of a
// [Map.Load], however large the set is. It allocates nothing.
func (ix *Index[K, V, IK]) Get(ik IK) Set[K, V] {
	b, _ := ix.table(ix.m.current()).buckets.Load(ik)
	return b.set()
}

// Len returns the number of entries that carry the index key ik. It is Get(ik).Len().
func (ix *Index[K, V, IK]) Len(ik IK) int { return ix.Get(ik).Len() }

// NumKeys returns the number of index keys that entries carry. Like [Map.Len], it is exact if nobody writes.
func (ix *Index[K, V, IK]) NumKeys() int { return ix.table(ix.m.current()).buckets.Len() }

// All returns an iterator over the index keys that entries carry, and the entries of each.
//
// It looks at the live index like [Map.Range] at the map: no index key is shown twice, one that is carried during the
// whole iteration is shown, and each set is one that [Index.Get] could have returned during the iteration. Use
// [Index.At] to see one instant.
func (ix *Index[K, V, IK]) All() iter.Seq2[IK, Set[K, V]] {
	return func(yield func(IK, Set[K, V]) bool) {
		for ik, b := range ix.table(ix.m.current()).buckets.All() {
			if s := b.set(); s.Len() > 0 && !yield(ik, s) {
				return
			}
		}
	}
}

// Keys returns an iterator over the index keys that entries carry, with the promises of [Index.All].
func (ix *Index[K, V, IK]) Keys() iter.Seq[IK] {
	return func(yield func(IK) bool) {
		for ik := range ix.All() {
			if !yield(ik) {
				return
			}
		}
	}
}

// DeleteAll deletes all entries that carry the index key ik, from the map and every index, at one instant, and returns
// them as they were.
//
// It is linearizable. It waits for the writes that are under way, and locks all stripes until it is done: a few
// microseconds for each entry. Readers do not notice.
func (ix *Index[K, V, IK]) DeleteAll(ik IK) Set[K, V] {
	ix.m.locks.lock(allStripes)
	defer ix.m.locks.unlock(allStripes)
	st := ix.m.state.Load()
	b, _ := ix.table(st).buckets.Load(ik)
	doomed, t := b.settledSet(), new(tx)
	for e := range doomed.root.entries {
		st.exchange(t, e.key, e, nil)
	}
	t.commit()
	for e := range doomed.root.entries {
		st.settle(t, e.key, e, nil)
	}
	return doomed
}

// table returns the table of the index in st. It panics if the index was dropped.
func (ix *Index[K, V, IK]) table(st *state[K, V]) *indexTable[K, V, IK] {
	for _, t := range st.tables {
		if t, ok := t.(*indexTable[K, V, IK]); ok && t.of == ix {
			return t
		}
	}
	panic(fmt.Sprintf("index: use of index %q: it was dropped", ix.name))
}

// At returns the index as it was when the snapshot was taken. It takes no lock and allocates nothing. It panics if the
// index was not in the snapshot: because it is of another map, was added later, or dropped before.
func (ix *Index[K, V, IK]) At(s *Snapshot[K, V]) *View[K, V, IK] {
	for _, v := range s.views {
		if v, ok := v.(*View[K, V, IK]); ok && v.of == ix {
			return v
		}
	}
	panic(fmt.Sprintf("index: At: index %q: not in the snapshot", ix.name))
}
