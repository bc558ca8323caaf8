package index

import (
	"iter"
	"slices"
	"sync"
)

// Owners knows which owners own which objects, and finds them in both directions: what an operator needs to go from a
// parent to its children and from a child's event to the parents to reconcile. An owner may own any number of objects,
// and an object have any number of owners.
//
// The zero value knows of no links and is ready to use. It must not be copied after first use, and occupies 4 KiB, as a
// [Map] does, on which it is built: the links are its entries, with an index for each direction. All methods but Len,
// Owners and Owned are linearizable as operations on one object. Reads wait for nobody, but for those two, which are like
// [shardmap.Map.Range]. An owner without objects, or an object without owners, leaves nothing behind.
//
// Owners and objects that are not equal to themselves, such as NaN, cannot be linked: the attempt panics.
type Owners[O, C comparable] struct {
	links   Map[link[O, C], struct{}]
	byOwner *Index[link[O, C], struct{}, O]
	byOwned *Index[link[O, C], struct{}, C]
	setUp   sync.Once
}

type link[O, C comparable] struct {
	owner O
	owned C
}

// ready makes the indexes when they are first needed.
func (r *Owners[O, C]) ready() *Owners[O, C] {
	r.setUp.Do(func() {
		r.byOwner = Add(&r.links, "owner", func(l link[O, C], _ struct{}) []O { return []O{l.owner} })
		r.byOwned = Add(&r.links, "owned", func(l link[O, C], _ struct{}) []C { return []C{l.owned} })
	})
	return r
}

// Link makes owner an owner of owned, and reports whether it was none before. If it was, Link takes no lock. Otherwise it
// locks three of 64 stripes, and allocates about 1 KiB.
func (r *Owners[O, C]) Link(owner O, owned C) (linked bool) {
	_, loaded := r.ready().links.LoadOrStore(link[O, C]{owner, owned}, struct{}{})
	return !loaded
}

// Unlink ends the ownership, and reports whether there was one. It locks and allocates like [Owners.Link].
func (r *Owners[O, C]) Unlink(owner O, owned C) (unlinked bool) {
	_, loaded := r.ready().links.LoadAndDelete(link[O, C]{owner, owned})
	return loaded
}

// Linked reports whether owner owns owned. It allocates nothing.
func (r *Owners[O, C]) Linked(owner O, owned C) bool {
	_, ok := r.ready().links.Load(link[O, C]{owner, owned})
	return ok
}

// OwnedBy returns an iterator over the objects that owner owns at the instant of the call, in no particular order. It
// shows the same however late and often it is run. slices.Collect makes a slice of it.
func (r *Owners[O, C]) OwnedBy(owner O) iter.Seq[C] { return ownedOf(r.ready().byOwner.Get(owner)) }

// OwnersOf returns an iterator over the owners of owned, as [Owners.OwnedBy] does over what an owner owns.
func (r *Owners[O, C]) OwnersOf(owned C) iter.Seq[O] { return ownersOf(r.ready().byOwned.Get(owned)) }

// LenOwnedBy returns the number of objects that owner owns, in constant time. It allocates nothing.
func (r *Owners[O, C]) LenOwnedBy(owner O) int { return r.ready().byOwner.Len(owner) }

// LenOwnersOf returns the number of owners of owned, in constant time. It allocates nothing.
func (r *Owners[O, C]) LenOwnersOf(owned C) int { return r.ready().byOwned.Len(owned) }

// DropOwner ends all ownerships of owner at one instant, and returns the objects that it owned, in no particular order. It
// waits for the writes that are under way, and keeps writers waiting for a few microseconds per object.
func (r *Owners[O, C]) DropOwner(owner O) (owned []C) {
	return collect(r.ready().byOwner.DeleteAll(owner), ownedOf)
}

// DropOwned ends all ownerships of the object owned at one instant, and returns its owners, in no particular order. It
// waits and locks like [Owners.DropOwner].
func (r *Owners[O, C]) DropOwned(owned C) (owners []O) {
	return collect(r.ready().byOwned.DeleteAll(owned), ownersOf)
}

// Len returns the number of links. It is exact if nobody writes.
func (r *Owners[O, C]) Len() int { return r.ready().links.Len() }

// Owners returns an iterator over the owners that own anything, in no particular order, with the promises of [Index.All].
func (r *Owners[O, C]) Owners() iter.Seq[O] { return r.ready().byOwner.Keys() }

// Owned returns an iterator over the objects that have owners, in no particular order, with the promises of [Index.All].
func (r *Owners[O, C]) Owned() iter.Seq[C] { return r.ready().byOwned.Keys() }

// Clear ends all ownerships at one instant, whatever their number, as [Map.Clear] does.
func (r *Owners[O, C]) Clear() { r.ready().links.Clear() }

func ownedOf[O, C comparable](s Set[link[O, C], struct{}]) iter.Seq[C] {
	return func(yield func(C) bool) {
		for l := range s.Keys() {
			if !yield(l.owned) {
				return
			}
		}
	}
}

func ownersOf[O, C comparable](s Set[link[O, C], struct{}]) iter.Seq[O] {
	return func(yield func(O) bool) {
		for l := range s.Keys() {
			if !yield(l.owner) {
				return
			}
		}
	}
}

// collect returns what part makes of a set, as a slice.
func collect[O, C comparable, T any](s Set[link[O, C], struct{}], part func(Set[link[O, C], struct{}]) iter.Seq[T]) []T {
	return slices.AppendSeq(make([]T, 0, s.Len()), part(s))
}
