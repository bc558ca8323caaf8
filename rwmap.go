package shardmap

import (
	"iter"
	"maps"
	"sync"
)

// RWMap is a Go map behind one [sync.RWMutex]: the map that most programs would write by hand, with
// the methods of [Map]. It is the simplest and the smallest of the three, and it is what the tests
// of Map compare Map with and what the benchmarks measure Map against. Prefer it where few
// goroutines meet.
//
// Loads take the lock for reading and writes take it for writing, so a load waits for a write that
// is under way, a write waits for everybody, and on many cores even loads slow each other down by
// writing to the lock. No lock is held while a callback runs.
//
// Methods that concern the whole map, such as Range, DeleteFunc and ToMap, see all of it as of one
// instant. They pay for that by copying it under the read lock, in time and memory proportional to
// its size, while writers wait.
//
// The zero value is empty and ready to use. An RWMap must not be copied after first use. See
// [ConcurrentMap] for the rest of the contract: consistency, presence, callbacks and unusual keys.
type RWMap[K comparable, V any] struct {
	_ noCopy

	mu sync.RWMutex
	m  map[K]V // nil until something is stored
	// version grows with every change to m. Compute and DeleteFunc take it down with what they show
	// to their callback: as long as it stays the same, so does the map.
	version uint64

	flights flights[K, V]
}

// Locks are released by defer, also where nothing seems able to panic: looking up a key whose
// dynamic type is not comparable does.

var _ ConcurrentMap[int, int] = (*RWMap[int, int])(nil)

// Load returns the value stored for key. The ok result tells whether key is present.
//
// It is linearizable, takes the read lock, and does not allocate.
func (m *RWMap[K, V]) Load(key K) (value V, ok bool) {
	m.mu.RLock()
	defer m.mu.RUnlock()
	value, ok = m.m[key]
	return value, ok
}

// Store sets the value for key.
//
// It is linearizable, takes the write lock, and allocates only when the map grows.
func (m *RWMap[K, V]) Store(key K, value V) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.storeLocked(key, value)
}

// LoadOrStore returns the value stored for key if it is present. Otherwise it stores and returns
// value. The loaded result is true if the value was loaded, false if it was stored.
//
// It is linearizable. It takes the read lock, and the write lock only if key is not present. It
// allocates only when the map grows.
func (m *RWMap[K, V]) LoadOrStore(key K, value V) (actual V, loaded bool) {
	if actual, loaded = m.Load(key); loaded {
		return actual, true
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if actual, loaded = m.m[key]; loaded {
		return actual, true
	}
	m.storeLocked(key, value)
	return value, false
}

// LoadAndDelete deletes the entry for key and returns the value that it had. The loaded result tells
// whether key was present.
//
// It is linearizable, takes the write lock, and does not allocate.
func (m *RWMap[K, V]) LoadAndDelete(key K) (value V, loaded bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if value, loaded = m.m[key]; loaded {
		m.deleteLocked(key)
	}
	return value, loaded
}

// Delete deletes the entry for key. If key is not present it does nothing.
//
// It is linearizable, takes the write lock, and does not allocate.
func (m *RWMap[K, V]) Delete(key K) {
	m.LoadAndDelete(key)
}

// Swap sets the value for key and returns the value that it replaced. The loaded result tells
// whether key was present.
//
// It is linearizable, takes the write lock, and allocates only when the map grows.
func (m *RWMap[K, V]) Swap(key K, value V) (previous V, loaded bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	previous, loaded = m.m[key]
	m.storeLocked(key, value)
	return previous, loaded
}

// CompareAndSwap sets the value for key to new if key is present and its value is equal to old. It
// panics if old is not comparable, whether or not key is present.
//
// It is linearizable, takes the write lock, and does not allocate.
func (m *RWMap[K, V]) CompareAndSwap(key K, old, new V) (swapped bool) {
	mustBeComparable("CompareAndSwap", old)
	m.mu.Lock()
	defer m.mu.Unlock()
	if value, ok := m.m[key]; !ok || !equal(value, old) {
		return false
	}
	m.storeLocked(key, new)
	return true
}

// CompareAndDelete deletes the entry for key if key is present and its value is equal to old. It
// panics if old is not comparable, whether or not key is present.
//
// It is linearizable, takes the write lock, and does not allocate.
func (m *RWMap[K, V]) CompareAndDelete(key K, old V) (deleted bool) {
	mustBeComparable("CompareAndDelete", old)
	m.mu.Lock()
	defer m.mu.Unlock()
	if value, ok := m.m[key]; !ok || !equal(value, old) {
		return false
	}
	m.deleteLocked(key)
	return true
}

// Range calls f for each key and value, in no particular order, until f returns false.
//
// It shows the map as of one instant during the call, whatever f or others do to it meanwhile. It
// takes the read lock to copy all entries, which allocates memory in proportion to their number,
// and calls f with no lock held.
func (m *RWMap[K, V]) Range(f func(key K, value V) bool) {
	entries, _ := m.entries()
	for _, e := range entries {
		if !f(e.key, e.value) {
			return
		}
	}
}

// Clear deletes all entries and lets go of their memory.
//
// It is linearizable, takes the write lock, and does not allocate.
func (m *RWMap[K, V]) Clear() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.m = nil
	m.version++
}

// Len returns the number of entries.
//
// It is linearizable, takes the read lock, and does not allocate.
func (m *RWMap[K, V]) Len() int {
	m.mu.RLock()
	defer m.mu.RUnlock()
	return len(m.m)
}

// All returns an iterator over the keys and values. Each run of it is a [RWMap.Range], with the same
// consistency, locks and allocations.
func (m *RWMap[K, V]) All() iter.Seq2[K, V] {
	return m.Range
}

// Keys returns an iterator over the keys. Each run of it is a [RWMap.Range], with the same
// consistency, locks and allocations.
func (m *RWMap[K, V]) Keys() iter.Seq[K] {
	return func(yield func(K) bool) {
		m.Range(func(key K, _ V) bool { return yield(key) })
	}
}

// Values returns an iterator over the values. Each run of it is a [RWMap.Range], with the same
// consistency, locks and allocations.
func (m *RWMap[K, V]) Values() iter.Seq[V] {
	return func(yield func(V) bool) {
		m.Range(func(_ K, value V) bool { return yield(value) })
	}
}

// Compute changes the entry for key to what fn makes of it: fn is given the value and whether key is
// present, and returns a value and what to do ([Keep], [Set] or [Remove]). Compute returns the value
// that key has afterwards and whether it is present. It panics if fn returns an Op other than the
// three.
//
// It is linearizable. It takes the read lock before fn and the write lock after it, calls fn with
// no lock held, and calls it again if the entry was changed meanwhile; so fn must be a function of
// its arguments. An entry counts as changed if its value has other bits than before. For a struct
// with padding that can be so although nobody changed the entry, only others; then fn runs again
// and again as long as every run of it coincides with some write to the map. ([Map] does not have
// this limit.) Compute allocates only when the map grows.
func (m *RWMap[K, V]) Compute(key K, fn func(old V, loaded bool) (V, Op)) (actual V, present bool) {
	for {
		old, loaded, version := m.look(key)
		value, op := fn(old, loaded)
		switch op {
		case Keep:
			return old, loaded
		case Set, Remove:
			if m.apply(key, value, op, old, loaded, version) {
				if op == Set {
					return value, true
				}
				return actual, false
			}
		default:
			panic(badOp(op))
		}
	}
}

// LoadOrCompute returns the value stored for key with loaded set to true if key is present.
// Otherwise it returns what load returns, after storing it unless that is an error. One goroutine
// per key runs load; others wait for it and share its result. It panics if load is nil. See
// [ConcurrentMap] for the whole contract.
//
// It is linearizable. It takes the read lock, and the write lock only to store the value; load runs
// with no lock held. It allocates only if it calls load, or when the map grows.
func (m *RWMap[K, V]) LoadOrCompute(key K, load func() (V, error)) (actual V, loaded bool, err error) {
	return m.flights.loadOrCompute(key, load, m.Load, m.LoadOrStore)
}

// ToMap returns the entries in a Go map of the caller's own, which is never nil.
//
// It shows the map as of one instant. It takes the read lock while it copies, and allocates the
// copy.
func (m *RWMap[K, V]) ToMap() map[K]V {
	m.mu.RLock()
	defer m.mu.RUnlock()
	if m.m == nil {
		return make(map[K]V)
	}
	return maps.Clone(m.m)
}

// MarshalJSON encodes the entries as [encoding/json] encodes a Go map: as an object with sorted
// keys. Keys must be strings, integers or [encoding.TextMarshaler]s.
//
// It encodes a copy, made as by [RWMap.ToMap], with no lock held.
func (m *RWMap[K, V]) MarshalJSON() ([]byte, error) {
	return marshalMap(m.ToMap())
}

// UnmarshalJSON stores the entries of a JSON object, as [encoding/json] does for a Go map: other
// entries stay. If data cannot be decoded it stores nothing and returns an error; null stores
// nothing.
//
// The entries appear at one instant. It decodes with no lock held and then takes the write lock. It
// allocates what decoding does and what the growth of the map does.
func (m *RWMap[K, V]) UnmarshalJSON(data []byte) error {
	decoded, err := unmarshalMap[K, V](data)
	if err != nil {
		return err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	for key, value := range decoded {
		m.storeLocked(key, value)
	}
	return nil
}

// String formats the entries as fmt formats a Go map, for example shardmap.RWMap[a:1 b:2].
//
// It formats a copy, made as by [RWMap.ToMap], with no lock held.
func (m *RWMap[K, V]) String() string {
	return formatMap("RWMap", m.ToMap())
}

// GoString formats the entries in Go syntax, for example shardmap.RWMap[string,int]{"a":1, "b":2}.
//
// It formats a copy, made as by [RWMap.ToMap], with no lock held.
func (m *RWMap[K, V]) GoString() string {
	return goFormatMap("RWMap", m.ToMap())
}

// item is an entry as it was when it was shown to a callback.
type item[K comparable, V any] struct {
	key   K
	value V
}

// storeLocked sets the value for key. m.mu must be held for writing.
func (m *RWMap[K, V]) storeLocked(key K, value V) {
	if m.m == nil {
		m.m = make(map[K]V)
	}
	m.m[key] = value
	m.version++
}

// deleteLocked deletes the entry for key, which is present. m.mu must be held for writing.
func (m *RWMap[K, V]) deleteLocked(key K) {
	delete(m.m, key)
	m.version++
}

// look returns what Compute shows to its callback, and the version of the map it is from.
func (m *RWMap[K, V]) look(key K) (value V, ok bool, version uint64) {
	m.mu.RLock()
	defer m.mu.RUnlock()
	value, ok = m.m[key]
	return value, ok, m.version
}

// unchangedLocked reports whether the entry for key is still as it was at version: value, or absent
// if !present. m.mu must be held. In doubt it reports false.
func (m *RWMap[K, V]) unchangedLocked(key K, value V, present bool, version uint64) bool {
	if m.version == version {
		return true
	}
	now, ok := m.m[key]
	return ok == present && (!ok || sameBits(&now, &value))
}

// apply sets key to value, or removes it, if its entry is still as look showed it, and reports
// whether that was so.
func (m *RWMap[K, V]) apply(key K, value V, op Op, old V, loaded bool, version uint64) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	if !m.unchangedLocked(key, old, loaded, version) {
		return false
	}
	if op == Set {
		m.storeLocked(key, value)
	} else if loaded {
		m.deleteLocked(key)
	}
	return true
}
