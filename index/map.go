package index

import (
	"iter"
	"sync/atomic"

	"github.com/shardmap-go/shardmap"
)

// Map is a concurrent map whose entries can be found by any number of secondary indexes, which [Add] makes, as well as
// by their key. Every write changes the entry and all indexes at one instant.
//
// The zero value is an empty map without indexes, ready to use. It occupies 4 KiB, for its locks. A Map must not be
// copied after first use ("go vet" reports copies). A nil *Map panics.
//
// # Consistency
//
// The map and its indexes are linearizable as one object: Load, every write of one key, [Index.Get],
// [Index.DeleteAll], Snapshot, Clear and Replace each take effect at one instant between call and return, and
// all goroutines agree on their order. So an entry that a Store has stored is found by every index as soon as Store
// has returned, never by an index key that it does not carry any more, and never with a value that Load would not have
// returned at that instant; an entry that moves from one index key to another is at every instant under exactly one of
// the two. A write "synchronizes before" any read that observes its effect.
//
// Len, Range, All, Keys, Values and DeleteFunc look at the live map entry by entry, as those of [shardmap.Map] do.
//
// # Locks and callbacks
//
// Reads – Load, everything of a [Set], [Snapshot] or [View], and Get, Len, NumKeys and At of an [Index] – wait for nobody.
// Iteration over the live map or index waits like [shardmap.Map.Range]. Writers lock one of 64 stripes for the key and one
// for each index key that the entry carries or carried, for as long as it takes to change the sets: about a microsecond
// for each index key. Snapshot, Clear, Replace, [Add], Drop and DeleteAll lock all of them; each says for how long.
//
// No function that you pass to a method runs under a lock. It may use the map and its indexes, panic, or call
// [runtime.Goexit]; then the entry is as it was, in the map and in every index.
//
// # Keys
//
// A key that is not equal to itself, such as a NaN, cannot be stored, because no index could ever let go of it: the
// attempt panics. A key whose dynamic type is not comparable panics too. Either happens before anything is locked or
// changed.
type Map[K comparable, V any] struct {
	state atomic.Pointer[state[K, V]] // nil until first needed; see state
	locks stripes
}

// New returns an empty map without indexes. The zero value does the same.
func New[K comparable, V any]() *Map[K, V] { return new(Map[K, V]) }

// current returns the state of the map, and makes the first one.
func (m *Map[K, V]) current() *state[K, V] {
	if st := m.state.Load(); st != nil {
		return st
	}
	m.state.CompareAndSwap(nil, &state[K, V]{entries: new(shardmap.Map[K, *entry[K, V]])})
	return m.state.Load()
}

// Load returns the value stored for key, and whether there is one.
//
// It is linearizable, takes no lock, never waits, and allocates nothing.
func (m *Map[K, V]) Load(key K) (value V, ok bool) {
	st := m.state.Load()
	if st == nil {
		hashOf(key) // panics if it is not comparable, as it would in a map that was written
		return value, false
	}
	if e := st.load(key); e != nil {
		return e.value, true
	}
	return value, false
}

// Len returns the number of entries, like [shardmap.Map.Len]: never negative, exact if nobody writes.
func (m *Map[K, V]) Len() int { return m.current().entries.Len() }

// Range calls f for each entry until f returns false.
//
// Like [shardmap.Map.Range] it does not show one instant, unless nobody writes: no key is shown twice, a key that is
// present during the whole call is shown, and each value is one that the key had at some point of the call. It waits for
// writers while it copies the pointers of one shard, and calls f with no lock held.
func (m *Map[K, V]) Range(f func(key K, value V) bool) {
	m.current().entries.Range(func(key K, v *entry[K, V]) bool {
		e := v.now()
		return e == nil || f(key, e.value)
	})
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

// Store sets the value for key.
//
// It is linearizable, locks the stripes of the entry before and after, and allocates a new entry and a few nodes for each
// index key, in proportion to the logarithm of the number of entries that carry it.
func (m *Map[K, V]) Store(key K, value V) { m.Swap(key, value) }

// Swap sets the value for key and returns the previous value, and whether there was one. It is linearizable, and locks
// and allocates like [Map.Store].
func (m *Map[K, V]) Swap(key K, value V) (previous V, loaded bool) {
	old, _ := m.write(key, func(V, bool) (V, shardmap.Op) { return value, shardmap.Set })
	return old.get()
}

// LoadOrStore returns the value stored for key if there is one. Otherwise it stores value and returns that. The second
// result tells whether the value was there.
//
// It is linearizable. If the key is present it is a [Map.Load]; otherwise it locks and allocates like [Map.Store].
func (m *Map[K, V]) LoadOrStore(key K, value V) (actual V, loaded bool) {
	if actual, loaded = m.Load(key); loaded {
		return actual, true
	}
	old, now := m.write(key, func(_ V, loaded bool) (V, shardmap.Op) {
		if loaded {
			return value, shardmap.Keep
		}
		return value, shardmap.Set
	})
	return now.value, old != nil
}

// LoadAndDelete deletes the entry for key, in the map and all indexes, and returns the value that it had, and whether
// there was one.
//
// It is linearizable. If the key is absent it is a [Map.Load]; otherwise it locks and allocates like [Map.Store].
func (m *Map[K, V]) LoadAndDelete(key K) (value V, loaded bool) {
	old, _ := m.write(key, func(V, bool) (V, shardmap.Op) { return value, shardmap.Remove })
	return old.get()
}

// Delete deletes the entry for key, if there is one. It is [Map.LoadAndDelete] without its results.
func (m *Map[K, V]) Delete(key K) { m.LoadAndDelete(key) }

// CompareAndSwap stores new for key if the value stored there is equal to old, and reports whether it did. Absent keys
// have no value equal to any.
//
// It is linearizable, and locks and allocates like [Map.Store] if the value is equal. It panics, before anything is
// locked or changed, if old is not comparable.
func (m *Map[K, V]) CompareAndSwap(key K, old, new V) (swapped bool) {
	return m.ifEqual("CompareAndSwap", key, old, new, shardmap.Set)
}

// CompareAndDelete deletes the entry for key if its value is equal to old, and reports whether it did. It is
// linearizable, and locks, allocates and panics like [Map.CompareAndSwap].
func (m *Map[K, V]) CompareAndDelete(key K, old V) (deleted bool) {
	var zero V
	return m.ifEqual("CompareAndDelete", key, old, zero, shardmap.Remove)
}

// Compute sets or removes the entry for key as fn says. It calls fn with the value stored for key and whether there is
// one, and if fn returns
//
//   - [shardmap.Set], stores the value that fn returned,
//   - [shardmap.Remove], deletes the entry if there is one,
//   - [shardmap.Keep], changes nothing and ignores the value.
//
// It returns the value that is then stored, and whether there is one.
//
// It is linearizable: nothing happens to the entry between what fn was told and what fn decided. No lock is held while
// fn runs. Instead, if the entry was changed meanwhile, fn is called again with what is there now: it must decide from
// its arguments alone, and not modify what old refers to. It locks and allocates like [Map.Store]. It panics if fn
// returns another Op than these.
func (m *Map[K, V]) Compute(key K, fn func(old V, loaded bool) (V, shardmap.Op)) (actual V, present bool) {
	_, now := m.write(key, fn)
	return now.get()
}

// DeleteFunc deletes the entries for which pred returns true, and returns how many it deleted. It visits the entries
// like [Map.Range]. An entry is deleted only as pred saw it: if its value was changed meanwhile, pred is asked again.
//
// Each deletion is linearizable by itself, and locks and allocates like [Map.Store]. No lock is held while pred runs.
func (m *Map[K, V]) DeleteFunc(pred func(key K, value V) bool) int {
	n := 0
	for key := range m.Keys() {
		old, now := m.write(key, func(old V, loaded bool) (V, shardmap.Op) {
			if loaded && pred(key, old) {
				return old, shardmap.Remove
			}
			return old, shardmap.Keep
		})
		if old != now {
			n++
		}
	}
	return n
}

// Clear deletes all entries, in the map and all indexes, at one instant. The indexes stay. It waits for the writes that
// are under way and locks all stripes for a few microseconds, whatever the size of the map.
func (m *Map[K, V]) Clear() {
	m.exchange(func(st *state[K, V]) *state[K, V] { return st.empty() })
}

// Replace makes the entries of seq the whole content of the map and its indexes, at one instant, and returns what was
// there just before. If seq yields a key several times, its last value counts.
//
// No lock is held while seq and the index functions run and the new content is built; if one of them panics, nothing
// has changed. If indexes were added or dropped meanwhile, the index functions are run again. The exchange itself
// waits and locks like [Map.Clear].
func (m *Map[K, V]) Replace(seq iter.Seq2[K, V]) (old *Snapshot[K, V]) {
	fresh := m.current().empty()
	for key, value := range seq {
		fresh.put(key, value)
	}
	for {
		m.exchange(func(st *state[K, V]) *state[K, V] {
			if !fresh.hasTablesOf(st) {
				return st
			}
			old = st.snapshot()
			return fresh
		})
		if old != nil {
			return old
		}
		again := m.current().empty()
		for key, e := range fresh.entries.All() {
			again.put(key, e.value)
		}
		fresh = again
	}
}

// Snapshot returns the content of the map and of all its indexes at one instant between the call and the return.
//
// It waits for the writes that are under way, and locks all stripes for one to a few microseconds, whatever the size
// of the map: it takes one [shardmap.Map.Snapshot] of the entries and one of each index. Readers do not notice. Writers
// pay afterwards as described there. It allocates a few hundred bytes for each index.
func (m *Map[K, V]) Snapshot() *Snapshot[K, V] {
	m.current()
	m.locks.lock(allStripes)
	defer m.locks.unlock(allStripes)
	return m.state.Load().snapshot()
}

// Indexes returns the names of the indexes, in the order in which they were added; those that [Add] is still building
// included. It takes no lock.
func (m *Map[K, V]) Indexes() []string {
	names := []string{}
	for _, t := range m.current().tables {
		names = append(names, t.name())
	}
	return names
}
