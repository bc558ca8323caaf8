package objstate

import (
	"iter"

	"k8s.io/apimachinery/pkg/types"

	"github.com/shardmap-go/shardmap/index"
)

// Entry is the state of an object, and whose it is.
type Entry[S any] struct {
	UID             types.UID
	ResourceVersion string // the newest that was observed
	State           S
}

func entryOf[S any](r *record[S], copy func(S) S) Entry[S] {
	return Entry[S]{r.uid, r.version, copied(r.state, copy)}
}

// Len returns the number of objects that have a state; tombstones do not count. It is exact if nobody writes, and never
// negative. It locks the list of tombstones for a moment.
func (m *Map[S]) Len() int { return max(0, m.records.Len()-m.graves.len()) }

// All returns an iterator over the objects that have a state, with the promises of [index.Map.Range]: each name at most
// once, with a state that it had meanwhile; no lock is held while the loop's body runs, which may use the map.
func (m *Map[S]) All() iter.Seq2[types.NamespacedName, S] { return statesOf(m.records.All(), m.copy) }

// ByOwner returns an iterator over the objects of which the object with UID owner is an owner, controller or not, at the
// instant of the call, in no particular order. It shows the same however late and often it is run.
//
// The call takes no lock and waits for nobody.
func (m *Map[S]) ByOwner(owner types.UID) iter.Seq2[types.NamespacedName, S] {
	return statesOf(m.ready().byOwner.Get(owner).All(), m.copy)
}

// statesOf returns an iterator over those of the records that are live.
func statesOf[S any](records iter.Seq2[types.NamespacedName, *record[S]], copy func(S) S) iter.Seq2[types.NamespacedName, S] {
	return func(yield func(types.NamespacedName, S) bool) {
		for key, r := range records {
			if r.isLive() && !yield(key, copied(r.state, copy)) {
				return
			}
		}
	}
}

// Snapshot is a view of a whole [Map] and its owners at one instant. It never changes, unless through states that are
// shared; see [WithCopy]. Its methods take no lock. The zero value is empty.
type Snapshot[S any] struct {
	records index.Snapshot[types.NamespacedName, *record[S]]
	byOwner index.View[types.NamespacedName, *record[S], types.UID]
	copy    func(S) S
}

// Snapshot returns the content of the map at one instant between the call and the return, at the cost of
// [index.Map.Snapshot], which does not depend on the size of the map.
func (m *Map[S]) Snapshot() *Snapshot[S] {
	s := m.ready().records.Snapshot()
	return &Snapshot[S]{*s, *m.byOwner.At(s), m.copy}
}

// Load returns the state that the object with the name key had, and whether there was one.
func (s *Snapshot[S]) Load(key types.NamespacedName) (state S, ok bool) {
	e, ok := s.LoadEntry(key)
	return e.State, ok
}

// LoadEntry is [Snapshot.Load] that tells whose state it was.
func (s *Snapshot[S]) LoadEntry(key types.NamespacedName) (entry Entry[S], ok bool) {
	r, _ := s.records.Load(key)
	if !r.isLive() {
		return entry, false
	}
	return entryOf(r, s.copy), true
}

// Len returns the number of objects that had a state, exactly. It counts them: it takes time in proportion to them and to
// the tombstones.
func (s *Snapshot[S]) Len() int {
	n := 0
	for r := range s.records.Values() {
		if r.isLive() {
			n++
		}
	}
	return n
}

// All returns an iterator over the objects that had a state, in no particular order.
func (s *Snapshot[S]) All() iter.Seq2[types.NamespacedName, S] {
	return statesOf(s.records.All(), s.copy)
}

// ByOwner returns an iterator over the objects of which the object with UID owner was an owner, in no particular order.
func (s *Snapshot[S]) ByOwner(owner types.UID) iter.Seq2[types.NamespacedName, S] {
	return statesOf(s.byOwner.Get(owner).All(), s.copy)
}

// Stats tells how much a [Map] holds and what has happened to it since it was made. The counters only grow.
type Stats struct {
	Objects    int // that have a state
	Tombstones int // names whose last known object has gone
	Owners     int // UIDs that own an object with a state

	Observed uint64 // observations that took effect
	Stale    uint64 // observations ignored as older than what was known
	Dead     uint64 // observations ignored because their object had gone
	Resets   uint64 // states dropped because a new object of the name was observed
	Deleted  uint64 // states dropped by Delete, Forget and informers
	Pruned   uint64 // states dropped by Prune
	Evicted  uint64 // tombstones forgotten because there were too many
	Unusable uint64 // events of bound informers that did not tell which object had gone
}

// Stats returns the figures of the map, each exact for itself if nobody writes, in constant time; it is what a
// collector of metrics wants. It locks the list of tombstones for a moment, and allocates nothing.
func (m *Map[S]) Stats() Stats {
	return Stats{
		Objects:    m.ready().Len(),
		Tombstones: m.graves.len(),
		Owners:     m.byOwner.NumKeys(),
		Observed:   m.counts.observed.Load(),
		Stale:      m.counts.stale.Load(),
		Dead:       m.counts.dead.Load(),
		Resets:     m.counts.resets.Load(),
		Deleted:    m.counts.deleted.Load(),
		Pruned:     m.counts.pruned.Load(),
		Evicted:    m.counts.evicted.Load(),
		Unusable:   m.counts.unusable.Load(),
	}
}
