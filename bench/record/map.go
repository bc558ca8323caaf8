package record

import (
	"iter"

	"github.com/shardmap-go/shardmap"
	"github.com/shardmap-go/shardmap/bench/trace"
)

// A Recorded is a [shardmap.ConcurrentMap] whose operations are recorded, like a [RecordedSmall].
type Recorded[K comparable, V any] struct {
	RecordedSync[K, V]
	m shardmap.ConcurrentMap[K, V]
}

// Map returns m with its operations recorded, as [SmallMap] does.
func Map[K comparable, V any](r *Recorder, m shardmap.ConcurrentMap[K, V]) *Recorded[K, V] {
	return &Recorded[K, V]{*SyncMap(r, Sync[K, V](m)), m}
}

// Goroutine returns the same map for one goroutine, as [RecordedSmall.Goroutine] does.
func (m *Recorded[K, V]) Goroutine() *Recorded[K, V] {
	return &Recorded[K, V]{*m.RecordedSync.Goroutine(), m.m}
}

// Len does what the map's Len does, and records it.
func (m *Recorded[K, V]) Len() int {
	at := m.now()
	n := m.m.Len()
	m.walked(at, trace.Len, &n)
	return n
}

// All does what the map's All does, and records each run as a Range.
func (m *Recorded[K, V]) All() iter.Seq2[K, V] {
	return func(yield func(K, V) bool) { m.Range(yield) }
}

// Keys does what the map's Keys does, and records each run as a Range.
func (m *Recorded[K, V]) Keys() iter.Seq[K] {
	return func(yield func(K) bool) { m.Range(func(key K, _ V) bool { return yield(key) }) }
}

// Values does what the map's Values does, and records each run as a Range.
func (m *Recorded[K, V]) Values() iter.Seq[V] {
	return func(yield func(V) bool) { m.Range(func(_ K, value V) bool { return yield(value) }) }
}

// Compute does what the map's Compute does, and records it as what fn wanted in the end.
func (m *Recorded[K, V]) Compute(key K, fn func(old V, loaded bool) (V, shardmap.Op)) (actual V, present bool) {
	k := m.mark(&key)
	var last trace.Outcome
	actual, present = m.m.Compute(key, func(old V, loaded bool) (V, shardmap.Op) {
		value, op := fn(old, loaded)
		last = found(loaded)
		switch op {
		case shardmap.Set:
			last |= trace.Stored
		case shardmap.Remove:
			last |= trace.Deleted
		}
		return value, op
	})
	m.ended(k, trace.Compute, last)
	return actual, present
}

// LoadOrCompute does what the map's LoadOrCompute does, and records it.
func (m *Recorded[K, V]) LoadOrCompute(key K, load func() (V, error)) (actual V, loaded bool, err error) {
	k := m.mark(&key)
	actual, loaded, err = m.m.LoadOrCompute(key, load)
	outcome := either(loaded, trace.Found, trace.Stored)
	if err != nil {
		outcome = 0
	}
	m.ended(k, trace.LoadOrCompute, outcome)
	return actual, loaded, err
}

// DeleteFunc does what the map's DeleteFunc does, and records it as a Range and a Delete for each key of which pred said
// last that it be deleted, also if pred panics or calls runtime.Goexit. It allocates for these.
func (m *Recorded[K, V]) DeleteFunc(pred func(key K, value V) bool) int {
	at, visited := m.now(), 0
	chosen := make(map[uint64]mark)
	defer func() {
		m.walked(at, trace.Range, &visited)
		for _, k := range chosen {
			m.ended(k, trace.Delete, trace.Deleted)
		}
	}()
	return m.m.DeleteFunc(func(key K, value V) bool {
		visited++
		wanted := pred(key, value)
		switch k := m.mark(&key); {
		case wanted && k.recorded:
			chosen[k.key] = k
		default:
			delete(chosen, k.key)
		}
		return wanted
	})
}
