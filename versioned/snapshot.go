package versioned

import (
	"iter"

	"github.com/shardmap-go/shardmap"
)

// Snapshot is a view of a whole [Map] at one instant. It never changes and can be read by any number of goroutines; its
// methods take no lock. What the map had then stays alive with it, and so may the map itself. The zero value is empty.
type Snapshot[K comparable, V, R any] struct {
	records shardmap.Snapshot[K, *record[K, V, R]]
}

// Snapshot returns the content of the map at one instant between the call and the return, at the cost of
// [shardmap.Map.Snapshot], which does not depend on the size of the map.
func (m *Map[K, V, R]) Snapshot() *Snapshot[K, V, R] {
	return &Snapshot[K, V, R]{*m.records.Snapshot()}
}

// Load returns the value that key had, and whether it had one. It allocates nothing.
func (s *Snapshot[K, V, R]) Load(key K) (value V, ok bool) {
	r, _ := s.records.Load(key)
	return r.load()
}

// LoadVersion returns the value that key had, its version, and whether it had one. It allocates nothing.
func (s *Snapshot[K, V, R]) LoadVersion(key K) (value V, version R, ok bool) {
	r, _ := s.records.Load(key)
	if value, ok = r.load(); ok {
		version = r.version
	}
	return value, version, ok
}

// Len returns the number of keys that had a value, exactly. It counts them: it takes time in proportion to the keys and
// tombstones.
func (s *Snapshot[K, V, R]) Len() int {
	n := 0
	for range s.All() {
		n++
	}
	return n
}

// All returns an iterator over the keys that had a value, in no particular order.
func (s *Snapshot[K, V, R]) All() iter.Seq2[K, V] {
	return func(yield func(K, V) bool) {
		for key, r := range s.records.All() {
			if value, ok := r.load(); ok && !yield(key, value) {
				return
			}
		}
	}
}

// Diff returns an iterator over the keys whose value was added, updated or removed between older and s, in no
// particular order, each once. A key that was deleted and observed again in between is Updated. A nil or zero older
// counts as empty. It takes time like [shardmap.Snapshot.Diff].
func (s *Snapshot[K, V, R]) Diff(older *Snapshot[K, V, R]) iter.Seq2[K, shardmap.Change[V]] {
	if older == nil {
		older = new(Snapshot[K, V, R])
	}
	return func(yield func(K, shardmap.Change[V]) bool) {
		for key, change := range s.records.Diff(&older.records) {
			before, was := change.Old.load()
			after, is := change.New.load()
			c := shardmap.Change[V]{Old: before, New: after}
			switch {
			case was && is:
				c.Kind = shardmap.Updated
			case is:
				c.Kind = shardmap.Added
			case was:
				c.Kind = shardmap.Removed
			default:
				continue // from one tombstone to another, or to none
			}
			if !yield(key, c) {
				return
			}
		}
	}
}
