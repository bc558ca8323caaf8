package versioned

import (
	"fmt"
	"iter"
	"time"

	"github.com/shardmap-go/shardmap"
)

// Map is a concurrent map in which every write has a version, of type R, and takes effect only if it is newer than
// what is there. A deleted key is remembered with the version of its deletion, so that an older observation does not
// bring it back; how many are, and for how long, is bounded, see [WithTombstones].
//
// A Map is made by [New] or [NewFunc], and must not be copied after first use. The zero value is empty for readers;
// writers panic.
//
// Each operation on one key is linearizable. In the terms of the Go memory model a write that took effect "synchronizes
// before" any read that observes it. That a tombstone is forgotten is an event of its own.
//
// Keys must be equal to themselves: writers panic for a NaN, which nobody could ever find or delete again. A key
// whose dynamic type is not comparable panics, too. Nothing has changed then.
type Map[K comparable, V, R any] struct {
	records shardmap.Map[K, *record[K, V, R]]
	compare func(a, b R) int
	tombs   tombstones[K, V, R]
}

// A record is what the map has for one key: a value, or a tombstone. It is never changed once it is published, but for
// what guards itself in the grave. Since a new one is made for each write, equal pointers mean that nothing happened
// in between.
type record[K comparable, V, R any] struct {
	version R
	value   V         // zero in a tombstone
	grave   *grave[K] // nil unless it is a tombstone
}

// load returns the value in r, if it is not nil and no tombstone.
func (r *record[K, V, R]) load() (value V, ok bool) {
	if r == nil || r.grave != nil {
		return value, false
	}
	return r.value, true
}

// Integer is any type that is an integer underneath.
type Integer interface {
	~int | ~int8 | ~int16 | ~int32 | ~int64 | ~uint | ~uint8 | ~uint16 | ~uint32 | ~uint64 | ~uintptr
}

// New returns an empty map whose versions are integers: counts, generations, times in nanoseconds. It panics if an
// option is bad, with a sentence that names the option and the value.
func New[K comparable, V any, R Integer](opts ...Option) *Map[K, V, R] {
	return NewFunc[K, V](func(a, b R) int {
		switch {
		case a < b:
			return -1
		case a > b:
			return 1
		}
		return 0
	}, opts...)
}

// NewFunc returns an empty map whose versions are ordered by compare, which returns a negative number if a is older
// than b, a positive one if it is newer, and 0 if they are the same; [CompareDecimal] is such a function for
// Kubernetes, and [strings.Compare] for text. The order has to be total, and the same for ever.
//
// compare runs with no lock held, possibly several times for one write; if it panics, the write has not happened.
// NewFunc panics if compare is nil, or an option is bad.
func NewFunc[K comparable, V, R any](compare func(a, b R) int, opts ...Option) *Map[K, V, R] {
	if compare == nil {
		panic("versioned: NewFunc(nil): want a function")
	}
	m := &Map[K, V, R]{compare: compare}
	m.tombs.config = newConfig(opts)
	return m
}

// Load returns the value of key, and whether there is one. It never blocks and allocates nothing.
func (m *Map[K, V, R]) Load(key K) (value V, ok bool) {
	r, _ := m.records.Load(key)
	return r.load()
}

// LoadVersion returns the value of key, its version, and whether there is one. It never blocks and allocates nothing.
func (m *Map[K, V, R]) LoadVersion(key K) (value V, version R, ok bool) {
	r, _ := m.records.Load(key)
	if value, ok = r.load(); ok {
		version = r.version
	}
	return value, version, ok
}

// Observe makes value the value of key if version is newer than the version that key has or was deleted at, or if
// nothing is known about key. It reports whether it did.
//
// It is linearizable, locks like [shardmap.Map.Compute], and allocates a record if it stores.
func (m *Map[K, V, R]) Observe(key K, version R, value V) (took bool) {
	m.check("Observe", key)
	return m.write(key, func(old *record[K, V, R]) *record[K, V, R] {
		if !m.isNewer(version, old) {
			return nil
		}
		return &record[K, V, R]{version: version, value: value}
	})
}

// ObserveFunc is [Map.Observe] with a value that fn makes of the one that is there, or of the zero value and false if
// there is none. A deleted key has none: nothing is inherited from before.
//
// fn is called only if version is newer. It runs with no lock held, and again if the key was changed meanwhile; so it
// must decide from its arguments alone, and not modify what old refers to. It may use the map; if it panics, nothing
// has changed.
func (m *Map[K, V, R]) ObserveFunc(key K, version R, fn func(old V, ok bool) V) (took bool) {
	m.check("ObserveFunc", key)
	return m.write(key, func(old *record[K, V, R]) *record[K, V, R] {
		if !m.isNewer(version, old) {
			return nil
		}
		return &record[K, V, R]{version: version, value: fn(old.load())}
	})
}

// DeleteAt deletes key as of version: its value, if that is of this version or older, and the claim of every
// observation of this version or older that is yet to come. It reports whether it did; it does nothing if the key has
// a newer version, or was deleted at this version or a newer one.
//
// A delete event tells either the version of the deletion or, if that was missed (in client-go:
// DeletedFinalStateUnknown), the last one of the object that is known. Both are right here: of an observation and a
// deletion of the same version the deletion counts.
//
// It is linearizable, locks like [shardmap.Map.Compute], and for a moment the list of tombstones, and allocates a
// tombstone. The value can be collected at once.
func (m *Map[K, V, R]) DeleteAt(key K, version R) (took bool) {
	m.check("DeleteAt", key)
	now := m.tombs.now()
	took = m.write(key, func(old *record[K, V, R]) *record[K, V, R] {
		if !m.isNewer(version, old) && (old.grave != nil || m.compare(version, old.version) != 0) {
			return nil
		}
		return &record[K, V, R]{version: version, grave: &grave[K]{key: key, died: now}}
	})
	m.forgetExcess(now)
	return took
}

// CompareAndDelete deletes key if its value is of this version, and reports whether it did. So a worker that
// has dealt with what it loaded does not delete what came in meanwhile. The key is remembered as deleted at version.
//
// It is linearizable, and locks and allocates like [Map.DeleteAt].
func (m *Map[K, V, R]) CompareAndDelete(key K, version R) (deleted bool) {
	m.check("CompareAndDelete", key)
	now := m.tombs.now()
	deleted = m.write(key, func(old *record[K, V, R]) *record[K, V, R] {
		if old == nil || old.grave != nil || m.compare(version, old.version) != 0 {
			return nil
		}
		return &record[K, V, R]{version: old.version, grave: &grave[K]{key: key, died: now}}
	})
	m.forgetExcess(now)
	return deleted
}

// Forget removes all that is known about key, its value or its tombstone: the next observation counts, whatever its
// version. It is for keys of which no more events can come.
//
// It is linearizable, locks like [shardmap.Map.LoadAndDelete], and allocates nothing.
func (m *Map[K, V, R]) Forget(key K) {
	if r, ok := m.records.LoadAndDelete(key); ok {
		m.settle(r, nil)
	}
}

// Clear forgets all keys and tombstones, at one instant. It takes time in proportion to them, while others can write.
func (m *Map[K, V, R]) Clear() {
	nothing := func(func(K, *record[K, V, R]) bool) {}
	for r := range m.records.Replace(nothing).Values() {
		m.settle(r, nil)
	}
}

// Len returns the number of keys that have a value; tombstones do not count. It is exact if nobody writes, and never
// negative. It locks the list of tombstones for a moment.
func (m *Map[K, V, R]) Len() int { return max(0, m.records.Len()-m.tombs.len()) }

// All returns an iterator over the keys that have a value, with the promises of [shardmap.Map.Range]: each key at most
// once, with a value that it had meanwhile; no lock is held while the loop's body runs, which may use the map.
func (m *Map[K, V, R]) All() iter.Seq2[K, V] {
	return func(yield func(K, V) bool) {
		for key, r := range m.records.Range {
			if value, ok := r.load(); ok && !yield(key, value) {
				return
			}
		}
	}
}

// Tombstones returns the number of deleted keys that are remembered. It is exact if nobody writes, and locks like
// [Map.Len].
func (m *Map[K, V, R]) Tombstones() int { return m.tombs.len() }

// Prune forgets the keys that were deleted longer ago than [WithTombstoneAge] allows, and returns their number.
// Deletions do the same on the way; Prune is for maps in which nothing is deleted for a long time.
//
// It locks the list of tombstones for a moment, for each that it forgets.
func (m *Map[K, V, R]) Prune() int { return m.forgetExcess(m.tombs.now()) }

// PruneThrough forgets the keys that were deleted at version or before, and returns their number. It is for those who
// know that no older event will come, all events having come up to version (in Kubernetes: by a bookmark, in order).
//
// It takes time in proportion to the tombstones and allocates a list of them, which it locks while it copies it.
func (m *Map[K, V, R]) PruneThrough(version R) int {
	n := 0
	for _, r := range m.tombs.all() {
		if m.compare(r.version, version) <= 0 && m.forget(r) {
			n++
		}
	}
	return n
}

// check panics if key cannot be written to m.
func (m *Map[K, V, R]) check(method string, key K) {
	if m.compare == nil {
		panic(fmt.Sprintf("versioned: %s of a zero Map: want one made by New or NewFunc", method))
	}
	if key != key {
		panic(fmt.Sprintf("versioned: %s of key %v: it is not equal to itself", method, key))
	}
}

// isNewer reports whether version is newer than what is known, old, which may be nil.
func (m *Map[K, V, R]) isNewer(version R, old *record[K, V, R]) bool {
	return old == nil || m.compare(version, old.version) > 0
}

// write replaces what is known about key by what next makes of it, and reports whether it did; next returns nil to
// leave it as it is. It is given nil for a key of which nothing is known, and called again if the key was changed
// meanwhile.
func (m *Map[K, V, R]) write(key K, next func(old *record[K, V, R]) *record[K, V, R]) bool {
	var before, after *record[K, V, R]
	m.records.Compute(key, func(old *record[K, V, R], _ bool) (*record[K, V, R], shardmap.Op) {
		before, after = old, next(old)
		if after == nil {
			return nil, shardmap.Keep
		}
		return after, shardmap.Set
	})
	if after == nil {
		return false
	}
	m.settle(before, after)
	return true
}

// settle brings the list of tombstones up to date after the record before has been replaced by after in the map. Either
// may be nil.
func (m *Map[K, V, R]) settle(before, after *record[K, V, R]) {
	if before != nil && before.grave != nil {
		m.tombs.remove(before)
	}
	if after != nil && after.grave != nil {
		m.tombs.add(after)
	}
}

// forgetExcess forgets tombstones as the options demand, and returns their number. Of several that do so at once, each
// sees that what it is given has left the list before it asks again.
func (m *Map[K, V, R]) forgetExcess(now time.Time) (n int) {
	for r := m.tombs.excess(now); r != nil; r = m.tombs.excess(now) {
		if m.forget(r) {
			n++
		}
	}
	return n
}

// forget forgets a tombstone, unless it has been replaced, and reports whether it did.
func (m *Map[K, V, R]) forget(r *record[K, V, R]) bool {
	m.tombs.remove(r)
	return m.records.CompareAndDelete(r.grave.key, r)
}
