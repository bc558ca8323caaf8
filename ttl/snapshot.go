package ttl

import (
	"iter"

	"github.com/shardmap-go/shardmap"
)

// Snapshot is a view of a [Map] at one instant: the entries that had not expired then. It never changes. Its methods take
// no lock and wait for nobody, and nothing that they do counts as a use of an entry. The zero value is empty.
type Snapshot[K comparable, V any] struct {
	entries shardmap.Snapshot[K, *entry[K, V]]
	now     int64
}

// Snapshot returns the content of the map at one instant between the call and the return, less the entries that expire
// during the call. It takes well under a microsecond, whatever the size of the map, see [shardmap.Map.Snapshot].
func (m *Map[K, V]) Snapshot() *Snapshot[K, V] {
	s := &Snapshot[K, V]{entries: *m.entries.Snapshot()}
	s.now = m.now()
	return s
}

// Load returns the value that key had, and whether it had one.
func (s *Snapshot[K, V]) Load(key K) (value V, ok bool) {
	if e, found := s.entries.Load(key); found && s.shows(e) {
		return e.value, true
	}
	return value, false
}

// shows reports whether e had a value and had not expired. A deadline moves to later, and only until somebody finds it
// passed: so the answer is always the same.
func (s *Snapshot[K, V]) shows(e *entry[K, V]) bool { return !e.failed() && !e.expired(s.now) }

// All returns an iterator over the entries, in no particular order.
func (s *Snapshot[K, V]) All() iter.Seq2[K, V] {
	return func(yield func(K, V) bool) {
		for key, e := range s.entries.All() {
			if s.shows(e) && !yield(key, e.value) {
				return
			}
		}
	}
}

// Len returns the number of entries, exactly. It looks at each.
func (s *Snapshot[K, V]) Len() int {
	n := 0
	for range s.All() {
		n++
	}
	return n
}
