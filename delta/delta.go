package delta

import (
	"fmt"

	"github.com/shardmap-go/shardmap"
)

// Delta is the way from one revision of a [Set] to a later one. It belongs to the caller; the set never changes it.
type Delta[K comparable, V any] struct {
	From, To uint64 // the revisions; From is 0 if Resync is true

	// Resync says that changes cannot be told from From on: it is older than the history, or later than the set's
	// revision (then it is of another set, or of a former life of this one). State is to replace what the client has.
	Resync bool

	// Changes is what was added, updated or removed, in no particular order. Each key is there at most once, with the
	// net change: a key that was added and removed in between is not there, nor is one that has a value equal (see
	// [WithEqual]) to the one it had. So Changes can be empty though To is later than From. It is nil if Resync is true.
	Changes []Change[K, V]

	State *shardmap.Snapshot[K, V] // the whole content at To
}

// Change is what happened to one key between two revisions.
type Change[K comparable, V any] struct {
	Key                K // what changed
	shardmap.Change[V]   // its kind, and the values at the two revisions
}

// Apply brings a client's copy of the set from revision From to revision To; with Resync, whatever is in it. It takes no
// lock, and allocates what the map needs to grow. It panics if the copy is nil.
func (d *Delta[K, V]) Apply(to map[K]V) {
	if to == nil {
		panic("delta: Apply: nil map: want a copy of the set")
	}
	if d.Resync {
		clear(to)
		for key, value := range d.State.All() {
			to[key] = value
		}
		return
	}
	for _, c := range d.Changes {
		if c.Kind == shardmap.Removed {
			delete(to, c.Key)
		} else {
			to[c.Key] = c.New
		}
	}
}

// String tells the revisions and the number of changes.
func (d *Delta[K, V]) String() string {
	if d.Resync {
		return fmt.Sprintf("resync to %d: %d entries", d.To, d.State.Len())
	}
	return fmt.Sprintf("delta %d to %d: %d changes", d.From, d.To, len(d.Changes))
}

// Since returns what was added, updated and removed after revision, up to now. There is no error: a revision that the
// set knows nothing about gives a [Delta] with Resync.
//
// It takes time in proportion to the changes that were committed in between (a key that was changed five times counts
// five times), whatever the size of the set, and allocates the net changes. It takes the set's mutex only to find the
// place in the history.
func (s *Set[K, V]) Since(revision uint64) Delta[K, V] {
	return s.net(s.window(revision))
}

// A window is the part of the history after a revision, with the state that it leads to.
type window[K comparable, V any] struct {
	from    uint64
	known   bool // whether records is complete
	records []record[K, V]
	to      state[K, V]
}

func (s *Set[K, V]) window(from uint64) window[K, V] {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.windowLocked(from)
}

func (s *Set[K, V]) windowLocked(from uint64) window[K, V] {
	w := window[K, V]{from: from, to: s.current()}
	if w.known = s.knowsLocked(from); w.known {
		w.records = s.history.after(from)
	}
	return w
}

// knowsLocked reports whether the history tells what happened after revision. mu must be held.
func (s *Set[K, V]) knowsLocked(revision uint64) bool {
	return s.history.floor <= revision && revision <= s.current().revision
}

// net returns the net changes in w. It takes no lock: nobody writes what it reads.
func (s *Set[K, V]) net(w window[K, V]) Delta[K, V] {
	if !w.known {
		return Delta[K, V]{To: w.to.revision, Resync: true, State: w.to.entries}
	}
	d := Delta[K, V]{From: w.from, To: w.to.revision, State: w.to.entries}
	for i := range w.records {
		r := &w.records[i]
		if r.previous > w.from {
			continue // an earlier record of the window is of the same key
		}
		if c := s.netOf(r, w.to); c.Kind != 0 {
			d.Changes = append(d.Changes, c)
		}
	}
	return d
}

// netOf returns what happened to the key of r from before r to the later state. Its kind is zero if nothing did.
func (s *Set[K, V]) netOf(r *record[K, V], later state[K, V]) Change[K, V] {
	c := Change[K, V]{Key: r.key}
	c.Old = r.old
	now, has := later.entries.Load(r.key)
	c.New = now
	switch {
	case r.had && has:
		if s.equal == nil || !s.equal(r.old, now) {
			c.Kind = shardmap.Updated
		}
	case r.had:
		c.Kind = shardmap.Removed
	case has:
		c.Kind = shardmap.Added
	}
	return c
}
