package record

import "github.com/shardmap-go/shardmap/bench/trace"

// Sync is the method set of sync.Map, generic. A *sync.Map is a Sync[any, any].
type Sync[K comparable, V any] interface {
	Small[K, V]
	LoadAndDelete(key K) (value V, loaded bool)
	Swap(key K, value V) (previous V, loaded bool)
	CompareAndSwap(key K, old, new V) (swapped bool)
	CompareAndDelete(key K, old V) (deleted bool)
	Clear()
}

// A RecordedSync is a [Sync] map whose operations are recorded, like a [RecordedSmall].
type RecordedSync[K comparable, V any] struct {
	RecordedSmall[K, V]
	m Sync[K, V]
}

// SyncMap returns m with its operations recorded, as [SmallMap] does.
func SyncMap[K comparable, V any](r *Recorder, m Sync[K, V]) *RecordedSync[K, V] {
	return &RecordedSync[K, V]{*SmallMap(r, Small[K, V](m)), m}
}

// Goroutine returns the same map for one goroutine, as [RecordedSmall.Goroutine] does.
func (m *RecordedSync[K, V]) Goroutine() *RecordedSync[K, V] {
	return &RecordedSync[K, V]{*m.RecordedSmall.Goroutine(), m.m}
}

// LoadAndDelete does what the map's LoadAndDelete does, and records it.
func (m *RecordedSync[K, V]) LoadAndDelete(key K) (value V, loaded bool) {
	k := m.mark(&key)
	value, loaded = m.m.LoadAndDelete(key)
	m.ended(k, trace.LoadAndDelete, either(loaded, trace.Found|trace.Deleted, 0))
	return value, loaded
}

// Swap does what the map's Swap does, and records it.
func (m *RecordedSync[K, V]) Swap(key K, value V) (previous V, loaded bool) {
	k := m.mark(&key)
	previous, loaded = m.m.Swap(key, value)
	m.ended(k, trace.Swap, trace.Stored|found(loaded))
	return previous, loaded
}

// CompareAndSwap does what the map's CompareAndSwap does, and records it.
func (m *RecordedSync[K, V]) CompareAndSwap(key K, old, new V) (swapped bool) {
	k := m.mark(&key)
	swapped = m.m.CompareAndSwap(key, old, new)
	m.ended(k, trace.CompareAndSwap, either(swapped, trace.Found|trace.Stored, 0))
	return swapped
}

// CompareAndDelete does what the map's CompareAndDelete does, and records it.
func (m *RecordedSync[K, V]) CompareAndDelete(key K, old V) (deleted bool) {
	k := m.mark(&key)
	deleted = m.m.CompareAndDelete(key, old)
	m.ended(k, trace.CompareAndDelete, either(deleted, trace.Found|trace.Deleted, 0))
	return deleted
}

// Clear does what the map's Clear does, and records it.
func (m *RecordedSync[K, V]) Clear() {
	at := m.now()
	m.m.Clear()
	m.add(trace.Op{At: at, Kind: trace.Clear, Outcome: trace.Deleted})
}
