package objstate

import (
	"fmt"
	"sync"
	"sync/atomic"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/shardmap-go/shardmap"
	"github.com/shardmap-go/shardmap/index"
)

// Map keeps a state of type S for each of the objects of one resource. It is found by the object's namespace and name,
// and belongs to the object's incarnation: see the package comment.
//
// The zero value is an empty map, ready to use; [New] takes options. A Map must not be copied after first use, and
// occupies 4 KiB, as an [index.Map] does. A nil *Map panics.
//
// All operations on one name are linearizable, together with ByOwner and Snapshot. Load, ByOwner and Snapshot show
// either the whole of a write, owners included, or nothing of it. In the terms of the Go memory model a write
// "synchronizes before" any read that observes it.
//
// Without [WithCopy] the map hands out the states that it has: what they refer to must not be modified, then.
type Map[S any] struct {
	records index.Map[types.NamespacedName, *record[S]]
	byOwner *index.Index[types.NamespacedName, *record[S], types.UID]
	graves  graveyard
	limit   int // of tombstones
	copy    func(S) S
	setUp   sync.Once
	counts  counts
}

// counts is what [Stats] tells of the past.
type counts struct {
	observed, stale, dead, resets, deleted, pruned, evicted, unusable atomic.Uint64
}

// ready sets up the zero value when it is first needed.
func (m *Map[S]) ready() *Map[S] {
	m.setUp.Do(func() {
		m.limit = defaultTombstones
		m.index()
	})
	return m
}

func (m *Map[S]) index() {
	m.byOwner = index.Add(&m.records, "owner", func(_ types.NamespacedName, r *record[S]) []types.UID { return r.owners })
}

// Load returns the state of the object that has the name key, and whether there is one.
//
// It takes no lock and allocates nothing, but for what a [WithCopy] does.
func (m *Map[S]) Load(key types.NamespacedName) (state S, ok bool) {
	e, ok := m.LoadEntry(key)
	return e.State, ok
}

// LoadEntry is [Map.Load] that tells whose state it is.
func (m *Map[S]) LoadEntry(key types.NamespacedName) (entry Entry[S], ok bool) {
	r, _ := m.records.Load(key)
	if !r.isLive() {
		return entry, false
	}
	return entryOf(r, m.copy), true
}

// Observe makes the state of obj what fn returns, and reports whether it did. fn is given the state of obj as it is, or
// the zero state and false if obj is new: nothing is inherited from another object of that name, whose state is
// dropped. It also takes over obj's version and owner references. It keeps no reference to obj.
//
// It does nothing, and does not call fn, if obj is older than what the map knows of the name, or has gone. If obj has the
// version that is known, fn is called: it should not count its calls. If fn returns an error, Observe returns that
// error as it is, and nothing has changed.
//
// fn runs with no lock held, and again if the name was written meanwhile: it should make the state from its arguments
// and obj alone, and without [WithCopy] not modify what state refers to. It may use the map; if it panics or calls
// [runtime.Goexit], nothing has changed.
//
// It returns an error, having done nothing, if obj or fn is nil, if obj lacks name or UID or has a resourceVersion that
// cannot be compared, or one that another UID of the same name has: an API server gives out none of these.
//
// It is linearizable, locks and allocates like [index.Map.Compute], with an index key for each owner.
func (m *Map[S]) Observe(obj metav1.Object, fn func(state S, ok bool) (S, error)) (took bool, err error) {
	e, badVersion, err := eventOf("Observe", obj)
	switch {
	case err != nil:
		return false, err
	case badVersion != nil:
		return false, badVersion
	case fn == nil:
		return false, fmt.Errorf("objstate: Observe of %s: the function is nil", e.key)
	}
	var is verdict
	before, after := m.write(e.key, func(old *record[S]) (next *record[S]) {
		switch is = old.judge(e); is {
		case clash:
			err = fmt.Errorf("objstate: Observe of %s with resourceVersion %q: UIDs %s and %s have it",
				e.key, e.version, old.uid, e.uid)
		case current, created:
			var state S
			if state, err = m.stateAfter(old, is == current, fn); err == nil {
				next = old.observed(e, state)
			}
		}
		return next
	})
	m.count(is, before, after)
	return after != nil, err
}

// Update makes the state of the object that has the name key and the UID uid what fn makes of it, and reports whether
// it did. It does nothing if the map has no state for that object, because it has gone, was replaced, or was never
// observed. So a reconciler that ends after its object does not write into the next object's state.
//
// fn runs as for [Map.Observe], and so do errors work. The object's version and owners stay.
//
// It is linearizable, and locks and allocates like Observe.
func (m *Map[S]) Update(key types.NamespacedName, uid types.UID, fn func(state S) (S, error)) (took bool, err error) {
	if err := check("Update", key, uid); err != nil {
		return false, err
	}
	if fn == nil {
		return false, fmt.Errorf("objstate: Update of %s: the function is nil", key)
	}
	_, after := m.write(key, func(old *record[S]) (next *record[S]) {
		if !old.isLive() || old.uid != uid {
			return nil
		}
		var state S
		if state, err = m.stateAfter(old, true, func(s S, _ bool) (S, error) { return fn(s) }); err == nil {
			next = old.with(state)
		}
		return next
	})
	return after != nil, err
}

// Delete drops the state of obj, which has gone, and reports whether it dropped any. obj is what the delete event
// brought, or any older version: its UID tells what has gone, its version which older objects of that name must
// have gone before. An add of obj that comes later is ignored, as is any object of that name older than obj.
//
// It returns an error, having done nothing, if obj is nil or lacks name or UID. If its version cannot be compared, Delete
// is [Map.Forget].
//
// It is linearizable, locks and allocates like [index.Map.Compute], and locks the list of tombstones for a moment.
func (m *Map[S]) Delete(obj metav1.Object) (dropped bool, err error) {
	e, _, err := eventOf("Delete", obj)
	if err != nil {
		return false, err
	}
	return m.delete(e), nil
}

// Forget is [Map.Delete] for who knows no more than the name and the UID of what has gone. It drops the state if it is
// that UID's, and reports whether it was. The UID is remembered as gone, even if another is current or none was ever
// observed; in that case, of each name the last eight UIDs are.
//
// It returns an error, having done nothing, if key has no name or uid is empty. It locks and allocates like Delete.
func (m *Map[S]) Forget(key types.NamespacedName, uid types.UID) (dropped bool, err error) {
	if err := check("Forget", key, uid); err != nil {
		return false, err
	}
	return m.delete(event{key: key, uid: uid}), nil
}

func (m *Map[S]) delete(e event) (dropped bool) {
	before, after := m.write(e.key, func(old *record[S]) *record[S] { return old.deleted(e) })
	dropped = after != nil && before.isLive() && !after.isLive()
	if dropped {
		m.counts.deleted.Add(1)
	}
	return dropped
}

// stateAfter calls fn with a copy of the state in r, if inherits is set, and returns a copy of what it returns.
func (m *Map[S]) stateAfter(r *record[S], inherits bool, fn func(S, bool) (S, error)) (state S, err error) {
	if inherits {
		state = copied(r.state, m.copy)
	}
	if state, err = fn(state, inherits); err != nil {
		return state, err
	}
	return copied(state, m.copy), nil
}

func copied[S any](state S, copy func(S) S) S {
	if copy == nil {
		return state
	}
	return copy(state)
}

// write replaces what is known about key by what next makes of it; next returns nil to leave it as it is. It is given nil
// for a name of which nothing is known, and called again if the name was written meanwhile. write returns what was
// known, and what has replaced it or nil.
func (m *Map[S]) write(key types.NamespacedName, next func(old *record[S]) *record[S]) (before, after *record[S]) {
	m.ready().records.Compute(key, func(old *record[S], _ bool) (*record[S], shardmap.Op) {
		before, after = old, next(old)
		if after == nil {
			return nil, shardmap.Keep
		}
		return after, shardmap.Set
	})
	if after != nil {
		m.settle(before, after)
	}
	return before, after
}

// settle brings the list of tombstones up to date after before, which may be nil, has been replaced by after.
func (m *Map[S]) settle(before, after *record[S]) {
	if before != nil && before.grave != nil {
		m.graves.remove(before.grave)
	}
	if after.grave == nil {
		return
	}
	m.graves.add(after.grave)
	for g := m.graves.excess(m.limit); g != nil; g = m.graves.excess(m.limit) {
		m.evict(g)
	}
}

// evict takes the tombstone of g out of the map, unless it has been replaced. Then whoever replaced it has
// settled that.
func (m *Map[S]) evict(g *grave) {
	r, _ := m.records.Load(g.key)
	if r != nil && r.grave == g && m.records.CompareAndDelete(g.key, r) {
		m.counts.evicted.Add(1)
	}
}

// count counts an observation.
func (m *Map[S]) count(is verdict, before, after *record[S]) {
	switch {
	case is == stale:
		m.counts.stale.Add(1)
	case is == dead:
		m.counts.dead.Add(1)
	case after != nil:
		m.counts.observed.Add(1)
		if is == created && before.isLive() {
			m.counts.resets.Add(1)
		}
	}
}
