package delta

import (
	"fmt"
	"iter"
	"sync"

	"github.com/shardmap-go/shardmap"
)

// Set is a set of resources with a revision. Each commit – by [Set.Store], [Set.Delete], [Set.Update], [Set.Replace] or
// [Set.Clear] – changes any number of resources at one instant, and makes the next revision: the one before plus one. A
// call that changes nothing commits nothing. Revisions never go back.
//
// The zero value is an empty set at revision 0, without [WithEqual] and with the default history, ready to use. A Set
// must not be copied after first use ("go vet" reports copies). A nil *Set panics.
//
// All methods may be called by any number of goroutines, and are linearizable over the whole set: nobody sees a part of
// a commit. [Set.Load] and [Set.Snapshot] take no lock and wait for nobody. The others take the one mutex of the set, for
// as long as it takes to apply a commit, or to find a place in the history; no function that you pass runs under it.
//
// Keys are compared with ==. A NaN cannot be found again, and so it cannot be stored: that panics. Values are shared by
// everybody who is told them: store a modified copy, and do not modify what a stored value points to.
type Set[K comparable, V any] struct {
	equal      func(a, b V) bool // nil if every store is a change
	keep, most int               // the bounds of the history
	configured bool              // by New
	first      uint64            // the revision of the empty set

	// published is what everybody reads. It is a VersionedPtr for being an atomic pointer; its version is not used.
	published shardmap.VersionedPtr[state[K, V]]
	empty     shardmap.Snapshot[K, V] // what is read before the first commit

	mu          sync.Mutex
	live        shardmap.Map[K, V] // what the next commit is applied to; nobody reads it but under mu
	history     history[K, V]
	subscribers subscribers[K, V]
	wake        chan struct{} // closed by the next commit; nil if nobody waits
}

// A state is the content of the set at a revision. It never changes.
type state[K comparable, V any] struct {
	entries  *shardmap.Snapshot[K, V]
	revision uint64
}

// An edit is what a commit is to do with one key.
type edit[K comparable, V any] struct {
	key   K
	value V
	store bool // or delete
	moot  bool // it would change nothing in the state that prepare has looked at
}

// How a commit goes, and why no function of the user's runs under the lock.
//
// prepare looks, without the lock, at the state published last (the base), and marks the edits that would change
// nothing there; it is prepare that calls equal, and that hashes the keys for the first time, which panics if their
// dynamic type cannot be. Then commit applies the edits under the lock, to the state as it is by then. A moot edit is
// left out if its key was not changed since the base, for then it changes nothing now either. If the key was changed
// since, the edit is applied, though it may store once more what another commit has just stored; that costs a record, but
// shows nowhere, since Since compares again. So the commit takes effect under the lock, for all its edits at one instant,
// and needs no second try.
//
// If all edits turn out to change nothing there is no commit, and the call was a read of the current state.

// New returns an empty set that is set up by opts. It panics if an option is bad, with a sentence that names the option
// and the value. Without options, new(Set[K, V]) or the zero value does the same.
func New[K comparable, V any](opts ...Option) *Set[K, V] {
	c := defaults()
	for _, o := range opts {
		o(&c)
	}
	c.check()
	s := &Set[K, V]{equal: equalFor[V](&c), keep: c.keep, most: c.most, configured: true, first: c.first}
	s.history.floor = c.first
	return s
}

// Load returns the value stored for key, and whether there is one. It takes no lock, never waits, and allocates nothing.
func (s *Set[K, V]) Load(key K) (value V, ok bool) { return s.current().entries.Load(key) }

// Snapshot returns the content of the set, and its revision. It takes no lock, never waits, and allocates nothing,
// whatever the size of the set. The snapshot never changes; what only it still holds is freed when it is dropped.
func (s *Set[K, V]) Snapshot() (content *shardmap.Snapshot[K, V], revision uint64) {
	current := s.current()
	return current.entries, current.revision
}

// Revision returns the current revision, like [Set.Snapshot].
func (s *Set[K, V]) Revision() uint64 { return s.current().revision }

// Store sets the value for key, and returns a revision at which it was set: that of the new commit, or if the value
// was equal to the stored one (see [WithEqual]), the current one.
//
// It takes the set's mutex, and allocates a snapshot, a record of the history, what [shardmap.Map.Store] does, and a copy
// of 2 KiB of pointers for the shard. It panics if key is a NaN or cannot be compared.
func (s *Set[K, V]) Store(key K, value V) (revision uint64) {
	checkKey("Store", key)
	return s.commit(s.current(), []edit[K, V]{{key: key, value: value, store: true}}, nil)
}

// Delete removes key, and returns a revision at which it was absent: that of the new commit, or, if it was absent
// already, the current one. It locks and allocates like [Set.Store]. It panics if key cannot be compared.
func (s *Set[K, V]) Delete(key K) (revision uint64) {
	return s.commit(s.current(), []edit[K, V]{{key: key}}, nil)
}

// Update applies all edits of the batch in one commit, and returns its revision, or the current one if none of them
// changes anything. It takes the set's mutex for some microseconds per edit, and allocates like [Set.Store], with a copy of
// each shard that it touches. The batch is not changed, and can be used again. A nil batch panics.
func (s *Set[K, V]) Update(batch *Batch[K, V]) (revision uint64) {
	edits := make([]edit[K, V], 0, len(batch.edits))
	for _, e := range batch.edits {
		edits = append(edits, e)
	}
	return s.commit(s.current(), edits, nil)
}

// Replace makes the entries of seq the whole content of the set, in one commit, and returns its revision, or the current
// one if that changes nothing. Only what differs counts as changed, and goes into the history. If seq yields a key
// several times, its last value counts.
//
// No lock is held while seq runs; if it panics, nothing has changed. Then Replace takes the set's mutex, and allocates,
// like an [Set.Update] of all entries. It panics if seq is nil or yields a NaN as key.
func (s *Set[K, V]) Replace(seq iter.Seq2[K, V]) (revision uint64) {
	content := make(map[K]V)
	for key, value := range seq {
		checkKey("Replace", key)
		content[key] = value
	}
	foreign := func(key K) bool { _, ok := content[key]; return !ok }
	base := s.current()
	edits := make([]edit[K, V], 0, len(content))
	for key, value := range content {
		edits = append(edits, edit[K, V]{key: key, value: value, store: true})
	}
	for key := range base.entries.Keys() {
		if foreign(key) {
			edits = append(edits, edit[K, V]{key: key})
		}
	}
	return s.commit(base, edits, foreign)
}

// Clear removes everything in one commit, and returns its revision, or the current one if the set was empty. The
// revisions go on. It locks and allocates like [Set.Replace] by nothing.
func (s *Set[K, V]) Clear() (revision uint64) { return s.Replace(func(func(K, V) bool) {}) }

// commit applies edits of different keys, and removes, of the keys added since base, those that foreign (which may be nil)
// reports. It returns the revision that this leads to.
func (s *Set[K, V]) commit(base state[K, V], edits []edit[K, V], foreign func(K) bool) uint64 {
	s.prepare(base, edits)
	s.mu.Lock()
	defer s.mu.Unlock()
	current := s.current()
	next, changed := current.revision+1, false
	for i := range edits {
		if e := &edits[i]; !e.moot || s.history.mayHaveChanged(e.key, base.revision) {
			changed = s.applyLocked(next, e) || changed
		}
	}
	if foreign != nil {
		for key, change := range current.entries.Diff(base.entries) {
			if change.Kind == shardmap.Added && foreign(key) {
				changed = s.applyLocked(next, &edit[K, V]{key: key}) || changed
			}
		}
	}
	if !changed {
		return current.revision
	}
	s.publishLocked(next)
	return next
}

// prepare marks the edits that would change nothing in base.
func (s *Set[K, V]) prepare(base state[K, V], edits []edit[K, V]) {
	for i := range edits {
		e := &edits[i]
		old, had := base.entries.Load(e.key)
		if e.store {
			e.moot = had && s.equal != nil && s.equal(old, e.value)
		} else {
			e.moot = !had
		}
	}
}

// applyLocked makes one change of revision next, and reports whether it is one. mu must be held.
func (s *Set[K, V]) applyLocked(next uint64, e *edit[K, V]) bool {
	var old V
	var had bool
	if e.store {
		old, had = s.live.Swap(e.key, e.value)
	} else if old, had = s.live.LoadAndDelete(e.key); !had {
		return false
	}
	s.history.add(next, e.key, old, had)
	return true
}

// publishLocked makes what was applied the content of the set at revision. mu must be held.
func (s *Set[K, V]) publishLocked(revision uint64) {
	s.published.Store(&state[K, V]{s.live.Snapshot(), revision})
	s.trimLocked()
	if s.wake != nil {
		close(s.wake)
		s.wake = nil
	}
}

// trimLocked forgets the history that is not needed or too long. mu must be held.
func (s *Set[K, V]) trimLocked() {
	keep, most := s.bounds()
	if floor := s.history.floorFor(s.ackedLocked(), keep, most); floor > s.history.floor {
		s.history.drop(floor)
	}
}

// ackedLocked returns the low-water mark: the last revision that every subscriber has acknowledged. mu must be held.
func (s *Set[K, V]) ackedLocked() uint64 {
	if len(s.subscribers) == 0 {
		return s.current().revision
	}
	return s.subscribers[0].holds
}

func (s *Set[K, V]) bounds() (keep, most int) {
	if !s.configured {
		return defaultKeep, defaultMost
	}
	return s.keep, s.most
}

// current returns the state published last. It takes no lock.
func (s *Set[K, V]) current() state[K, V] {
	if p, _ := s.published.Load(); p != nil {
		return *p
	}
	return state[K, V]{&s.empty, s.first}
}

// Stats tells what a [Set] holds.
type Stats struct {
	Revision    uint64 // the current revision
	Oldest      uint64 // the oldest revision from which [Set.Since] tells changes
	Acked       uint64 // the low-water mark: what every subscriber has acknowledged; Revision if there are none
	Entries     int    // resources in the set
	History     int    // changes in the history, removals (tombstones) included
	Subscribers int    // that are not closed
}

// Stats returns what the set holds as of one instant. It takes the set's mutex for a moment, and allocates nothing.
func (s *Set[K, V]) Stats() Stats {
	s.mu.Lock()
	defer s.mu.Unlock()
	current := s.current()
	return Stats{
		Revision:    current.revision,
		Oldest:      s.history.floor,
		Acked:       s.ackedLocked(),
		Entries:     current.entries.Len(),
		History:     len(s.history.records),
		Subscribers: len(s.subscribers),
	}
}

// A Batch is a list of edits for [Set.Update]. Of several edits of one key the last one counts. The zero value is an
// empty batch, ready to use. A Batch is not safe for use by several goroutines at once. It keeps its keys and values from
// being collected.
type Batch[K comparable, V any] struct {
	edits map[K]edit[K, V]
}

// Store has the batch set the value for key. It panics if key is a NaN or cannot be compared.
func (b *Batch[K, V]) Store(key K, value V) {
	checkKey("Store", key)
	b.put(edit[K, V]{key: key, value: value, store: true})
}

// Delete has the batch remove key. It panics if key cannot be compared.
func (b *Batch[K, V]) Delete(key K) { b.put(edit[K, V]{key: key}) }

func (b *Batch[K, V]) put(e edit[K, V]) {
	if b.edits == nil {
		b.edits = make(map[K]edit[K, V])
	}
	b.edits[e.key] = e
}

// Len returns the number of keys that the batch edits.
func (b *Batch[K, V]) Len() int { return len(b.edits) }

// checkKey panics if key is not equal to itself.
func checkKey[K comparable](method string, key K) {
	if itself := key; key != itself {
		panic(fmt.Sprintf("delta: %s: key %v: is not equal to itself", method, key))
	}
}
