package shardmapprom

import (
	"iter"

	"github.com/shardmap-go/shardmap"
)

// The operations that call back. Their outcome is panicked until the map returns, so that the deferred end counts what a
// panic or runtime.Goexit interrupts, once, on its way.

// Compute is [shardmap.Map.Compute], counted once however often fn is called: as hit if the entry was present in the last
// call.
func (m *Map[K, V]) Compute(key K, fn func(old V, loaded bool) (V, shardmap.Op)) (actual V, present bool) {
	t, r := m.ops.begin(compute), panicked
	defer func() { m.ops.end(t, cellOf(compute, r)) }()
	var last outcome
	actual, present = m.bare.Compute(key, func(old V, loaded bool) (V, shardmap.Op) {
		last = m.outcome(old, loaded)
		return fn(old, loaded)
	})
	r = last
	return actual, present
}

// LoadOrCompute is [shardmap.Map.LoadOrCompute], counted.
func (m *Map[K, V]) LoadOrCompute(key K, load func() (V, error)) (actual V, loaded bool, err error) {
	t, r := m.ops.begin(loadOrCompute), panicked
	defer func() { m.ops.end(t, cellOf(loadOrCompute, r)) }()
	actual, loaded, err = m.bare.LoadOrCompute(key, load)
	if r = failed; err == nil {
		r = m.outcome(actual, loaded)
	}
	return actual, loaded, err
}

// Range is [shardmap.Map.Range], counted.
func (m *Map[K, V]) Range(f func(key K, value V) bool) {
	t, r := m.ops.begin(rangeOver), panicked
	defer func() { m.ops.end(t, cellOf(rangeOver, r)) }()
	m.bare.Range(f)
	r = hit
}

// Keys returns an iterator over the keys like [shardmap.Map.Keys], which is counted each time it is run.
func (m *Map[K, V]) Keys() iter.Seq[K] {
	return func(yield func(K) bool) {
		m.Range(func(key K, _ V) bool { return yield(key) })
	}
}

// Values returns an iterator over the values like [shardmap.Map.Values], which is counted each time it is run.
func (m *Map[K, V]) Values() iter.Seq[V] {
	return func(yield func(V) bool) {
		m.Range(func(_ K, value V) bool { return yield(value) })
	}
}

// DeleteFunc is [shardmap.Map.DeleteFunc], counted as one operation.
func (m *Map[K, V]) DeleteFunc(pred func(key K, value V) bool) int {
	t, r := m.ops.begin(deleteFunc), panicked
	defer func() { m.ops.end(t, cellOf(deleteFunc, r)) }()
	n := m.bare.DeleteFunc(pred)
	r = hit
	return n
}

// Replace is [shardmap.Map.Replace], counted.
func (m *Map[K, V]) Replace(seq iter.Seq2[K, V]) *shardmap.Snapshot[K, V] {
	t, r := m.ops.begin(replace), panicked
	defer func() { m.ops.end(t, cellOf(replace, r)) }()
	before := m.bare.Replace(seq)
	r = hit
	return before
}

// Clear is [shardmap.Map.Clear], counted.
func (m *Map[K, V]) Clear() {
	t := m.ops.begin(clearAll)
	m.bare.Clear()
	m.ops.end(t, cellOf(clearAll, hit))
}

// Snapshot is [shardmap.Map.Snapshot], counted. What is done with the snapshot is not.
func (m *Map[K, V]) Snapshot() *shardmap.Snapshot[K, V] {
	t := m.ops.begin(snapshot)
	s := m.bare.Snapshot()
	m.ops.end(t, cellOf(snapshot, hit))
	return s
}

// Clone is [shardmap.Map.Clone], counted. The clone is a bare map.
func (m *Map[K, V]) Clone() *shardmap.Map[K, V] {
	t := m.ops.begin(clone)
	c := m.bare.Clone()
	m.ops.end(t, cellOf(clone, hit))
	return c
}

// Shrink is [shardmap.Map.Shrink], counted.
func (m *Map[K, V]) Shrink() {
	t := m.ops.begin(shrink)
	m.bare.Shrink()
	m.ops.end(t, cellOf(shrink, hit))
}
