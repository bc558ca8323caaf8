package index

import "iter"

// Set is the entries that carried an index key at one instant. It never changes, whatever happens to the map, and can be
// copied, kept and read by any number of goroutines. What only a Set still holds – values that were replaced since – is
// freed with it. The zero value is an empty set.
//
// Its methods take no lock and wait for nobody.
type Set[K comparable, V any] struct {
	root *node[K, V]
}

// Len returns the number of entries, exactly, and in constant time.
func (s Set[K, V]) Len() int { return s.root.len() }

// Load returns the value of key's entry, and whether key is in the set. It allocates nothing, unless K is or contains
// an interface or a pointer, which may move the key to the heap. It panics if key's dynamic type is not comparable.
func (s Set[K, V]) Load(key K) (value V, ok bool) {
	if e := s.root.find(hashOf(key), key); e != nil {
		return e.value, true
	}
	return value, false
}

// All returns an iterator over the entries, in no particular order.
func (s Set[K, V]) All() iter.Seq2[K, V] {
	return func(yield func(K, V) bool) {
		for e := range s.root.entries {
			if !yield(e.key, e.value) {
				return
			}
		}
	}
}

// Keys returns an iterator over the keys, in no particular order.
func (s Set[K, V]) Keys() iter.Seq[K] {
	return func(yield func(K) bool) {
		for e := range s.root.entries {
			if !yield(e.key) {
				return
			}
		}
	}
}

// Values returns an iterator over the values, in no particular order.
func (s Set[K, V]) Values() iter.Seq[V] {
	return func(yield func(V) bool) {
		for e := range s.root.entries {
			if !yield(e.value) {
				return
			}
		}
	}
}
