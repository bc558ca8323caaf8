package index

import (
	"fmt"

	"github.com/shardmap-go/shardmap"
)

// The write path. What a write has to lock depends on what it finds, and what it stores on functions of the user's,
// which must not run under a lock. So a write first looks and makes up its mind, then locks, then makes sure that
// nothing has changed in between, and otherwise begins again. It fails to make progress only when others make some.

// write makes of key's entry what fn says, like Compute, and returns the entries before and after. They are the same if
// nothing was changed.
func (m *Map[K, V]) write(key K, fn func(old V, loaded bool) (V, shardmap.Op)) (old, now *entry[K, V]) {
	for {
		st := m.current()
		old = st.load(key)
		var next *entry[K, V]
		switch value, op := fn(old.get()); op {
		case shardmap.Keep:
			return old, old
		case shardmap.Set:
			mustEqualItself(key)
			next = st.newEntry(key, value)
		case shardmap.Remove:
			if old == nil {
				return nil, nil
			}
		default:
			panic(fmt.Sprintf("index: Compute: Op(%d) is none of Keep, Set, Remove", op))
		}
		if m.commit(st, key, old, next) {
			return old, next
		}
	}
}

// commit puts next into the place of old, if key's entry is old and the map's state is st, and reports whether it did.
// One of the two may be nil.
func (m *Map[K, V]) commit(st *state[K, V], key K, old, next *entry[K, V]) bool {
	var set uint64
	for _, e := range []*entry[K, V]{old, next} {
		if e != nil {
			set |= e.stripes
		}
	}
	m.locks.lock(set)
	defer m.locks.unlock(set)
	if m.state.Load() != st || st.load(key) != old {
		return false
	}
	st.write(key, old, next)
	return true
}

// exchange publishes the state that edit makes of the current one. All stripes are locked while edit runs.
func (m *Map[K, V]) exchange(edit func(st *state[K, V]) *state[K, V]) {
	m.current()
	m.locks.lock(allStripes)
	defer m.locks.unlock(allStripes)
	m.state.Store(edit(m.state.Load()))
}

// ifEqual is CompareAndSwap and CompareAndDelete.
func (m *Map[K, V]) ifEqual(method string, key K, old, new V, op shardmap.Op) bool {
	mustBeComparable(method, old)
	before, after := m.write(key, func(value V, loaded bool) (V, shardmap.Op) {
		if loaded && equal(value, old) {
			return new, op
		}
		return value, shardmap.Keep
	})
	return before != after
}

// equal compares by ==, which V need not support: it panics if both have one dynamic type and that is not comparable.
func equal[V any](a, b V) bool { return any(a) == any(b) }

// mustBeComparable panics if old cannot be compared with ==.
func mustBeComparable[V any](method string, old V) {
	defer func() {
		if recover() != nil {
			panic(fmt.Sprintf("index: %s: old value of type %T is not comparable", method, old))
		}
	}()
	equal(old, old)
}

// mustEqualItself panics if no index could tell the entry of key from others.
func mustEqualItself[K comparable](key K) {
	if key != key {
		panic(fmt.Sprintf("index: key %v: not equal to itself", key))
	}
}
