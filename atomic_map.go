package shardmap

import (
	"iter"
	"maps"
	"sync"
	"sync/atomic"
)

// AtomicMap is a Go map that is never changed, only replaced: writes copy it, change the copy, and
// publish that through an atomic pointer. Use it for what is read all the time and written now and
// then, such as configuration and routing tables.
//
// Reads are a Go map's plus one atomic load, and as nothing is written by them, they do not slow
// each other down on any number of cores. Range and the iterators show the map as of one instant
// and cost nothing extra. In exchange every write copies the whole map: storing n keys one by one
// takes time in proportion to n². Use [AtomicMap.Update] to make many changes with one copy and let
// them appear at once.
//
// The zero value is empty and ready to use. An AtomicMap must not be copied after first use. See
// [ConcurrentMap] for the rest of the contract: consistency, presence, callbacks and unusual keys.
type AtomicMap[K comparable, V any] struct {
	_ noCopy

	// current is the latest edition; nil is the empty map.
	current atomic.Pointer[edition[K, V]]
	// writers makes writers queue for their turn, instead of all copying the map and all but one
	// having copied it in vain. Update does without, as it calls back between copying and
	// publishing, and so does Clear, which copies nothing; so holding it does not keep current from
	// changing, and whoever holds it publishes by compare-and-swap all the same.
	writers sync.Mutex

	flights flights[K, V]
}

// edition is one published state of an AtomicMap. Nobody changes it, or its map, once a pointer to
// it has been stored in current.
type edition[K comparable, V any] struct {
	entries map[K]V
	// room is the largest number of entries that the memory of the map is known to have held.
	// maps.Clone copies all that memory, used or not.
	room int
}

// Publishing is a compare-and-swap of current from the edition that a writer has copied to the one
// that it has made. If it succeeds, nothing was published in between, so the copy lacks nothing. An
// edition is published once and then never again, and one that a writer still holds is kept alive
// by the garbage collector, so its address cannot come back as that of another one. Only nil
// comes back, and it stands for the same entries each time: none.

var _ ConcurrentMap[int, int] = (*AtomicMap[int, int])(nil)

// Load returns the value stored for key. The ok result tells whether key is present.
//
// It is linearizable, takes no lock, never waits, and does not allocate.
func (m *AtomicMap[K, V]) Load(key K) (value V, ok bool) {
	return m.current.Load().load(key)
}

// Store sets the value for key.
//
// It is linearizable. It queues behind other writers for a lock that no reader takes, and copies the
// whole map.
func (m *AtomicMap[K, V]) Store(key K, value V) {
	m.Swap(key, value)
}

// LoadOrStore returns the value stored for key if it is present. Otherwise it stores and returns
// value. The loaded result is true if the value was loaded, false if it was stored.
//
// It is linearizable. If key is present it costs what Load does, otherwise what Store does.
func (m *AtomicMap[K, V]) LoadOrStore(key K, value V) (actual V, loaded bool) {
	actual, loaded, _ = m.change(key, func(old V, loaded bool, _ *edition[K, V]) (V, Op) {
		if loaded {
			return old, Keep
		}
		return value, Set
	})
	if !loaded {
		return value, false
	}
	return actual, true
}

// LoadAndDelete deletes the entry for key and returns the value that it had. The loaded result tells
// whether key was present.
//
// It is linearizable. If key is not present it costs what Load does, otherwise what Store does.
func (m *AtomicMap[K, V]) LoadAndDelete(key K) (value V, loaded bool) {
	value, loaded, _ = m.change(key, func(old V, _ bool, _ *edition[K, V]) (V, Op) {
		return old, Remove
	})
	return value, loaded
}

// Delete deletes the entry for key. If key is not present it does nothing.
//
// It is linearizable. If key is not present it costs what Load does, otherwise what Store does.
func (m *AtomicMap[K, V]) Delete(key K) {
	m.LoadAndDelete(key)
}

// Swap sets the value for key and returns the value that it replaced. The loaded result tells
// whether key was present.
//
// It is linearizable and costs what Store does.
func (m *AtomicMap[K, V]) Swap(key K, value V) (previous V, loaded bool) {
	previous, loaded, _ = m.change(key, func(V, bool, *edition[K, V]) (V, Op) {
		return value, Set
	})
	return previous, loaded
}

// CompareAndSwap sets the value for key to new if key is present and its value is equal to old. It
// panics if old is not comparable, whether or not key is present.
//
// It is linearizable. If it does not swap it costs what Load does, otherwise what Store does.
func (m *AtomicMap[K, V]) CompareAndSwap(key K, old, new V) (swapped bool) {
	mustBeComparable("CompareAndSwap", old)
	_, _, op := m.change(key, func(value V, loaded bool, _ *edition[K, V]) (V, Op) {
		if !loaded || !equal(value, old) {
			return value, Keep
		}
		return new, Set
	})
	return op == Set
}

// CompareAndDelete deletes the entry for key if key is present and its value is equal to old. It
// panics if old is not comparable, whether or not key is present.
//
// It is linearizable. If it does not delete it costs what Load does, otherwise what Store does.
func (m *AtomicMap[K, V]) CompareAndDelete(key K, old V) (deleted bool) {
	mustBeComparable("CompareAndDelete", old)
	_, _, op := m.change(key, func(value V, loaded bool, _ *edition[K, V]) (V, Op) {
		if !loaded || !equal(value, old) {
			return value, Keep
		}
		return value, Remove
	})
	return op == Remove
}

// Range calls f for each key and value, in no particular order, until f returns false.
//
// It shows the map as of the instant at which it is called, whatever f or others do to it meanwhile.
// It takes no lock, never waits, and does not allocate.
func (m *AtomicMap[K, V]) Range(f func(key K, value V) bool) {
	for key, value := range m.current.Load().all() {
		if !f(key, value) {
			return
		}
	}
}

// Clear deletes all entries.
//
// It is linearizable, takes no lock, never waits, and does not allocate.
func (m *AtomicMap[K, V]) Clear() {
	m.current.Store(nil)
}

// Len returns the number of entries.
//
// It is linearizable, takes no lock, never waits, and does not allocate.
func (m *AtomicMap[K, V]) Len() int {
	return len(m.current.Load().all())
}

// All returns an iterator over the keys and values. Each run of it is an [AtomicMap.Range], and
// shows the map as of the instant at which that run begins.
func (m *AtomicMap[K, V]) All() iter.Seq2[K, V] {
	return m.Range
}

// Keys returns an iterator over the keys. Each run of it is an [AtomicMap.Range], and shows the map
// as of the instant at which that run begins.
func (m *AtomicMap[K, V]) Keys() iter.Seq[K] {
	return func(yield func(K) bool) {
		m.Range(func(key K, _ V) bool { return yield(key) })
	}
}

// Values returns an iterator over the values. Each run of it is an [AtomicMap.Range], and shows the
// map as of the instant at which that run begins.
func (m *AtomicMap[K, V]) Values() iter.Seq[V] {
	return func(yield func(V) bool) {
		m.Range(func(_ K, value V) bool { return yield(value) })
	}
}

// Compute changes the entry for key to what fn makes of it: fn is given the value and whether key is
// present, and returns a value and what to do ([Keep], [Set] or [Remove]). Compute returns the value
// that key has afterwards and whether it is present. It panics if fn returns an Op other than the
// three.
//
// It is linearizable. It calls fn with no lock held, and calls it again if the entry was changed
// meanwhile; so fn must be a function of its arguments. An entry counts as changed if its value has
// other bits than before. For a struct with padding that can be so although nobody changed the
// entry, only others; then fn runs again and again as long as every run of it coincides with some
// write to the map. ([Map] does not have this limit.) If there is nothing to change, Compute costs
// what Load does, otherwise what Store does.
func (m *AtomicMap[K, V]) Compute(key K, fn func(old V, loaded bool) (V, Op)) (actual V, present bool) {
	for {
		seen := m.current.Load()
		old, loaded := seen.load(key)
		value, op := fn(old, loaded)
		switch op {
		case Keep:
			return old, loaded
		case Set, Remove:
			stale := false
			m.change(key, func(now V, present bool, current *edition[K, V]) (V, Op) {
				stale = current != seen && (present != loaded || present && !sameBits(&now, &old))
				if stale {
					return now, Keep
				}
				return value, op
			})
			switch {
			case stale: // once more
			case op == Set:
				return value, true
			default:
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
// It is linearizable. If key is present it costs what Load does; otherwise it calls load with no
// lock held and then costs what Store does.
func (m *AtomicMap[K, V]) LoadOrCompute(key K, load func() (V, error)) (actual V, loaded bool, err error) {
	return m.flights.loadOrCompute(key, load, m.Load, m.LoadOrStore)
}

// Update calls fn with a copy of the map and publishes the copy, as fn left it, as the new content:
// all of fn's changes appear at one instant. fn must not keep the map it was given, and what it does
// to the AtomicMap itself has nothing to do with that copy.
//
// It is linearizable. It takes no lock, calls fn, and publishes the outcome only if the map was not
// changed meanwhile; otherwise it begins again with a new copy. So fn may run more than once, sees
// the latest content each time, and must not change the AtomicMap itself each time, or Update never
// ends. With constant writes by others fn may run many times, too. If fn panics or calls
// runtime.Goexit nothing is changed. Each attempt copies the whole map, once.
func (m *AtomicMap[K, V]) Update(fn func(m map[K]V)) {
	for !m.publish(m.current.Load(), fn) {
	}
}

// ToMap returns the entries in a Go map of the caller's own, which is never nil.
//
// It shows the map as of one instant, takes no lock, never waits, and allocates the copy.
func (m *AtomicMap[K, V]) ToMap() map[K]V {
	return m.current.Load().copy().entries
}

// MarshalJSON encodes the entries as [encoding/json] encodes a Go map: as an object with sorted
// keys. Keys must be strings, integers or [encoding.TextMarshaler]s.
//
// It shows the map as of one instant, takes no lock, and never waits.
func (m *AtomicMap[K, V]) MarshalJSON() ([]byte, error) {
	return marshalMap(m.ToMap())
}

// UnmarshalJSON stores the entries of a JSON object, as [encoding/json] does for a Go map: other
// entries stay. If data cannot be decoded it stores nothing and returns an error; null stores
// nothing.
//
// The entries appear at one instant. It decodes with no lock held, then queues behind other writers
// and copies the whole map once.
func (m *AtomicMap[K, V]) UnmarshalJSON(data []byte) error {
	decoded, err := unmarshalMap[K, V](data)
	if err != nil || len(decoded) == 0 {
		return err
	}
	m.writers.Lock()
	defer m.writers.Unlock()
	for !m.publish(m.current.Load(), func(next map[K]V) { maps.Copy(next, decoded) }) {
	}
	return nil
}

// String formats the entries as fmt formats a Go map, for example shardmap.AtomicMap[a:1 b:2].
//
// It shows the map as of one instant, takes no lock, and never waits.
func (m *AtomicMap[K, V]) String() string {
	return formatMap("AtomicMap", m.ToMap())
}

// GoString formats the entries in Go syntax, for example
// shardmap.AtomicMap[string,int]{"a":1, "b":2}.
//
// It shows the map as of one instant, takes no lock, and never waits.
func (m *AtomicMap[K, V]) GoString() string {
	return goFormatMap("AtomicMap", m.ToMap())
}

// all returns the entries, which the caller must not change.
func (e *edition[K, V]) all() map[K]V {
	if e == nil {
		return nil
	}
	return e.entries
}

func (e *edition[K, V]) load(key K) (value V, ok bool) {
	value, ok = e.all()[key]
	return value, ok
}

// copy returns an edition that is the caller's own. Most often that is a maps.Clone, which copies
// memory and hashes nothing. But a map that has lost most of its entries would hand down its size
// for good; so one that is less than a quarter full is built anew. (The quarter and the 64, below
// which size does not matter, were chosen by hand, not measured.)
func (e *edition[K, V]) copy() *edition[K, V] {
	switch {
	case e == nil:
		return &edition[K, V]{entries: make(map[K]V)}
	case e.room > 64 && len(e.entries) < e.room/4:
		fresh := make(map[K]V, len(e.entries))
		maps.Copy(fresh, e.entries)
		return &edition[K, V]{entries: fresh, room: len(fresh)}
	default:
		return &edition[K, V]{entries: maps.Clone(e.entries), room: e.room}
	}
}

// publish replaces e by a copy of it that edit has changed, and reports whether it could: whether e
// was the current edition all the time.
func (m *AtomicMap[K, V]) publish(e *edition[K, V], edit func(next map[K]V)) bool {
	next := e.copy()
	edit(next.entries)
	next.room = max(next.room, len(next.entries))
	return m.current.CompareAndSwap(e, next)
}

// change is what all writers of one key do. It asks decide what to do about the entry, does it, and
// returns what was there before and what was done: [Keep] if nothing was. decide may be asked more
// than once and the last answer counts; it is called under a lock and so must be one of this file's
// own.
func (m *AtomicMap[K, V]) change(key K, decide func(old V, loaded bool, e *edition[K, V]) (V, Op)) (V, bool, Op) {
	for queued := false; ; queued = true {
		e := m.current.Load()
		old, loaded := e.load(key)
		value, op := decide(old, loaded, e)
		switch {
		case op == Keep, op == Remove && !loaded:
			return old, loaded, Keep
		case !queued:
			m.writers.Lock()
			defer m.writers.Unlock()
		case m.publish(e, func(next map[K]V) {
			if op == Set {
				next[key] = value
			} else {
				delete(next, key)
			}
		}):
			return old, loaded, op
		}
	}
}
