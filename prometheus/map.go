package shardmapprom

import (
	"fmt"
	"iter"

	"github.com/shardmap-go/shardmap"
)

// Map is a [shardmap.Map] that counts what is done with it, and measures some of it. It is made by [Instrument], and
// shown by the [Collector] that it is registered with. It has the methods of the map that it wraps, each with the promises
// made there: consistency, locks, allocations, and what happens to callbacks that panic.
//
// Each call is counted when it ends, under one of these results:
//
//   - load, load_or_store, load_and_delete, delete, swap, compute: hit if the key was present, miss if not;
//   - compare_and_swap, compare_and_delete: hit if the value was exchanged or deleted, miss if not;
//   - load_or_compute: hit if the value came from somebody else, miss if this call loaded it, error if load failed;
//   - store and all operations on the whole map (range, which All, Keys and Values count as, too, each time they are
//     run; delete_func; clear; snapshot; replace; clone; shrink): ok;
//   - all that take a callback: panic, if a callback panicked or called runtime.Goexit, which ends the call as it would
//     without the wrapper.
//
// Len, Stats, printing and JSON are not counted, and neither is a call that panics for another reason than its callback,
// such as a key that is not comparable.
//
// A hit that returns the zero value (compute: that shows it to the callback) is counted once more as a zero-value read.
// Such a read is where code goes wrong that takes a nil or empty value for an absent key.
//
// One in 64 operations, see [WithSampling], is measured. Its duration includes the callbacks, and waiting. Counting adds one
// atomic addition to a call and allocates nothing; it takes no lock. A Map and the map inside it may be used side by
// side; what is done with the latter is not counted.
type Map[K comparable, V any] struct {
	bare *shardmap.Map[K, V]
	zero zeroTest
	ops  recorder
}

var _ shardmap.ConcurrentMap[string, int] = (*Map[string, int])(nil)

// Instrument returns m in a wrapper that counts and measures. It allocates 0.8 KiB for each of up to 64 stripes, which
// are four per processor.
//
// It panics if m is nil, or if an option is bad, with a sentence that names the option and the value.
func Instrument[K comparable, V any](m *shardmap.Map[K, V], options ...Option) *Map[K, V] {
	if m == nil {
		panic(fmt.Sprintf("shardmapprom: Instrument %T(nil): there is no map to wrap", m))
	}
	i := &Map[K, V]{bare: m, zero: zeroTestOf[V]()}
	i.ops.init(newConfig(options))
	return i
}

// Unwrap returns the map inside. What is done with it directly is not counted.
func (m *Map[K, V]) Unwrap() *shardmap.Map[K, V] { return m.bare }

func (m *Map[K, V]) recorder() *recorder { return &m.ops }

// outcome returns how an operation ended that found the value, or not.
func (m *Map[K, V]) outcome(value V, found bool) outcome {
	switch {
	case !found:
		return miss
	case isZero(m.zero, value):
		return zero
	}
	return hit
}

// Load is [shardmap.Map.Load], counted.
func (m *Map[K, V]) Load(key K) (value V, ok bool) {
	// begin and end, written out: they are too long for the compiler to do it, and a hit is short.
	t := measurement{stripe: m.ops.pick()}
	if t.stripe.due.Load()>>load&1 != 0 {
		t = m.ops.beginMeasured(t.stripe, load)
	}
	value, ok = m.bare.Load(key)
	c := cellOf(load, m.outcome(value, ok))
	if n := t.stripe.cells[c].Add(1); n&m.ops.mask == 0 || t.start != 0 {
		m.ops.endMeasured(t, c, n)
	}
	return value, ok
}

// Store is [shardmap.Map.Store], counted.
func (m *Map[K, V]) Store(key K, value V) {
	t := m.ops.begin(store)
	m.bare.Store(key, value)
	m.ops.end(t, cellOf(store, hit))
}

// LoadOrStore is [shardmap.Map.LoadOrStore], counted.
func (m *Map[K, V]) LoadOrStore(key K, value V) (actual V, loaded bool) {
	t := m.ops.begin(loadOrStore)
	actual, loaded = m.bare.LoadOrStore(key, value)
	m.ops.end(t, cellOf(loadOrStore, m.outcome(actual, loaded)))
	return actual, loaded
}

// LoadAndDelete is [shardmap.Map.LoadAndDelete], counted.
func (m *Map[K, V]) LoadAndDelete(key K) (value V, loaded bool) {
	t := m.ops.begin(loadAndDelete)
	value, loaded = m.bare.LoadAndDelete(key)
	m.ops.end(t, cellOf(loadAndDelete, m.outcome(value, loaded)))
	return value, loaded
}

// Delete is [shardmap.Map.Delete], counted.
func (m *Map[K, V]) Delete(key K) {
	t := m.ops.begin(del)
	_, loaded := m.bare.LoadAndDelete(key) // which is what Delete does
	m.ops.end(t, cellOf(del, found(loaded)))
}

// Swap is [shardmap.Map.Swap], counted.
func (m *Map[K, V]) Swap(key K, value V) (previous V, loaded bool) {
	t := m.ops.begin(swap)
	previous, loaded = m.bare.Swap(key, value)
	m.ops.end(t, cellOf(swap, m.outcome(previous, loaded)))
	return previous, loaded
}

// CompareAndSwap is [shardmap.Map.CompareAndSwap], counted.
func (m *Map[K, V]) CompareAndSwap(key K, old, new V) (swapped bool) {
	t := m.ops.begin(compareAndSwap)
	swapped = m.bare.CompareAndSwap(key, old, new)
	m.ops.end(t, cellOf(compareAndSwap, found(swapped)))
	return swapped
}

// CompareAndDelete is [shardmap.Map.CompareAndDelete], counted.
func (m *Map[K, V]) CompareAndDelete(key K, old V) (deleted bool) {
	t := m.ops.begin(compareAndDelete)
	deleted = m.bare.CompareAndDelete(key, old)
	m.ops.end(t, cellOf(compareAndDelete, found(deleted)))
	return deleted
}

// Len is [shardmap.Map.Len].
func (m *Map[K, V]) Len() int { return m.bare.Len() }

// Stats is [shardmap.Map.Stats].
func (m *Map[K, V]) Stats() shardmap.Stats { return m.bare.Stats() }

// String is [shardmap.Map.String].
func (m *Map[K, V]) String() string { return m.bare.String() }

// GoString is [shardmap.Map.GoString].
func (m *Map[K, V]) GoString() string { return m.bare.GoString() }

// MarshalJSON is [shardmap.Map.MarshalJSON].
func (m *Map[K, V]) MarshalJSON() ([]byte, error) { return m.bare.MarshalJSON() }

// UnmarshalJSON is [shardmap.Map.UnmarshalJSON].
func (m *Map[K, V]) UnmarshalJSON(data []byte) error { return m.bare.UnmarshalJSON(data) }

// All returns an iterator over the entries like [shardmap.Map.All], which is counted each time it is run.
func (m *Map[K, V]) All() iter.Seq2[K, V] { return m.Range }

func found(ok bool) outcome {
	if ok {
		return hit
	}
	return miss
}
