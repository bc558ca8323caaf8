package index

import (
	"iter"

	"github.com/shardmap-go/shardmap"
)

// Snapshot is a [Map] and all its indexes at one instant. It never changes, and can be read by any number of goroutines
// for as long as it is needed. Its methods take no lock and wait for nobody. [Index.At] finds entries in it by an index.
// The zero value is a snapshot of an empty map without indexes.
type Snapshot[K comparable, V any] struct {
	entries shardmap.Snapshot[K, *entry[K, V]]
	views   []any // a *View for each index
}

// Load returns the value that key had, and whether it had one. It allocates nothing.
func (s *Snapshot[K, V]) Load(key K) (value V, ok bool) {
	e, _ := s.entries.Load(key)
	return e.get()
}

// Len returns the number of entries, exactly.
func (s *Snapshot[K, V]) Len() int { return s.entries.Len() }

// All returns an iterator over the entries, in no particular order.
func (s *Snapshot[K, V]) All() iter.Seq2[K, V] {
	return func(yield func(K, V) bool) {
		for key, e := range s.entries.All() {
			if !yield(key, e.value) {
				return
			}
		}
	}
}

// Keys returns an iterator over the keys, in no particular order.
func (s *Snapshot[K, V]) Keys() iter.Seq[K] { return s.entries.Keys() }

// Values returns an iterator over the values, in no particular order.
func (s *Snapshot[K, V]) Values() iter.Seq[V] {
	return func(yield func(V) bool) {
		for e := range s.entries.Values() {
			if !yield(e.value) {
				return
			}
		}
	}
}

// Diff returns an iterator over the keys that differ between older and s, each once, as [shardmap.Snapshot.Diff] does,
// at the same cost. A key that was stored in between counts as updated even if both values are equal; and [Add] stores
// every key that it finds. A nil older counts as empty.
func (s *Snapshot[K, V]) Diff(older *Snapshot[K, V]) iter.Seq2[K, shardmap.Change[V]] {
	if older == nil {
		older = new(Snapshot[K, V])
	}
	return func(yield func(K, shardmap.Change[V]) bool) {
		for key, c := range s.entries.Diff(&older.entries) {
			change := shardmap.Change[V]{Kind: c.Kind}
			change.Old, _ = c.Old.get()
			change.New, _ = c.New.get()
			if !yield(key, change) {
				return
			}
		}
	}
}

// View is an [Index] at the instant of a [Snapshot]; see [Index.At]. It never changes. Its methods take no lock and
// wait for nobody. The zero value is a view of an empty index.
type View[K comparable, V any, IK comparable] struct {
	of      *Index[K, V, IK]
	buckets shardmap.Snapshot[IK, *bucket[K, V]]
}

// Get returns the entries that carried the index key ik. It allocates nothing.
func (v *View[K, V, IK]) Get(ik IK) Set[K, V] {
	b, _ := v.buckets.Load(ik)
	return b.settledSet()
}

// Len returns the number of entries that carried the index key ik. It is Get(ik).Len().
func (v *View[K, V, IK]) Len(ik IK) int { return v.Get(ik).Len() }

// NumKeys returns the number of index keys that entries carried, exactly.
func (v *View[K, V, IK]) NumKeys() int { return v.buckets.Len() }

// All returns an iterator over the index keys that entries carried, and the entries of each, in no particular order.
func (v *View[K, V, IK]) All() iter.Seq2[IK, Set[K, V]] {
	return func(yield func(IK, Set[K, V]) bool) {
		for ik, b := range v.buckets.All() {
			if !yield(ik, b.settledSet()) {
				return
			}
		}
	}
}

// Keys returns an iterator over the index keys that entries carried, in no particular order.
func (v *View[K, V, IK]) Keys() iter.Seq[IK] { return v.buckets.Keys() }
