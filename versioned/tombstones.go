package versioned

import (
	"container/list"
	"sync"
	"time"
)

// How tombstones are bounded.
//
// A tombstone is a record in the map like any other, so that it is compared with an observation and replaced by it in
// one step. Besides, it stands in a list, in the order of deletion, from whose front tombstones are taken when there
// are too many or when they are too old. The two are not changed together. The rule is:
//
//	A tombstone is published in the map first, and added to the list then. Whoever takes a tombstone out of the map –
//	each is taken out once, by compare-and-swap – calls remove for it, before or after.
//
// remove may come before add, if a newer version replaces a tombstone at once. It then leaves a mark at which add
// turns back. So when nobody is writing, the list holds exactly the tombstones in the map, whatever the interleaving.
//
// Nothing of the user's runs under mu.

// tombstones is the list of a map's tombstones.
type tombstones[K comparable, V, R any] struct {
	config
	mu    sync.Mutex
	order list.List // of *record[K, V, R], the one deleted first at the front
}

// A grave is what only a tombstone has.
type grave[K comparable] struct {
	key  K
	died time.Time // zero if age does not matter

	place *list.Element // guarded by tombstones.mu: nil unless in the list
	gone  bool          // guarded by tombstones.mu: has left the map, or is about to
}

// now returns the time of a deletion that is about to happen.
func (t *tombstones[K, V, R]) now() (now time.Time) {
	if t.age > 0 {
		now = t.clock()
	}
	return now
}

func (t *tombstones[K, V, R]) len() int {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.order.Len()
}

// add puts a tombstone that was published at the end of the list, unless it has left the map again.
func (t *tombstones[K, V, R]) add(r *record[K, V, R]) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if !r.grave.gone {
		r.grave.place = t.order.PushBack(r)
	}
}

// remove takes a tombstone out of the list, or keeps it from being added. It may be called again.
func (t *tombstones[K, V, R]) remove(r *record[K, V, R]) {
	t.mu.Lock()
	defer t.mu.Unlock()
	r.grave.gone = true
	if r.grave.place != nil {
		t.order.Remove(r.grave.place)
		r.grave.place = nil
	}
}

// excess returns the tombstone that was deleted first, if there are too many or if it is too old, and nil otherwise.
func (t *tombstones[K, V, R]) excess(now time.Time) *record[K, V, R] {
	t.mu.Lock()
	defer t.mu.Unlock()
	front := t.order.Front()
	if front == nil {
		return nil
	}
	first := front.Value.(*record[K, V, R])
	expired := t.age > 0 && now.Sub(first.grave.died) > t.age
	if t.order.Len() <= t.tombstones && !expired {
		return nil
	}
	return first
}

// all returns the tombstones in the list.
func (t *tombstones[K, V, R]) all() []*record[K, V, R] {
	t.mu.Lock()
	defer t.mu.Unlock()
	records := make([]*record[K, V, R], 0, t.order.Len())
	for e := t.order.Front(); e != nil; e = e.Next() {
		records = append(records, e.Value.(*record[K, V, R]))
	}
	return records
}
