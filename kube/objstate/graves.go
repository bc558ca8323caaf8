package objstate

import (
	"container/list"
	"sync"

	"k8s.io/apimachinery/pkg/types"
)

// How tombstones are bounded.
//
// A tombstone is a record in the map like any other, so that it is compared with an observation and replaced by it in one
// step. Besides, its grave stands in a list, in the order of deletion, from whose front tombstones are taken
// when there are too many. The two are not changed together. The rule is:
//
//	A tombstone is published in the map first, and its grave added to the list then. Whoever takes a tombstone out of
//	the map calls remove for its grave, before or after.
//
// remove may come before add, if a new incarnation replaces a tombstone at once. It then leaves a mark at which add
// turns back. So when nobody is writing, the list holds exactly the graves of the tombstones in the map.
//
// Nothing of the user's runs under mu.

// graveyard is the list of a map's tombstones. The zero value is empty.
type graveyard struct {
	mu    sync.Mutex
	order list.List // of *grave, the one dug first at the front
}

// A grave is what only a tombstone has.
type grave struct {
	key types.NamespacedName

	place *list.Element // guarded by graveyard.mu: nil unless in the list
	left  bool          // guarded by graveyard.mu: its tombstone has left the map, or is about to
}

func (y *graveyard) len() int {
	y.mu.Lock()
	defer y.mu.Unlock()
	return y.order.Len()
}

// add puts g at the end of the list, unless its tombstone has left the map again.
func (y *graveyard) add(g *grave) {
	y.mu.Lock()
	defer y.mu.Unlock()
	if !g.left {
		g.place = y.order.PushBack(g)
	}
}

// remove takes g out of the list, or keeps it from being added. It may be called again.
func (y *graveyard) remove(g *grave) {
	y.mu.Lock()
	defer y.mu.Unlock()
	g.left = true
	if g.place != nil {
		y.order.Remove(g.place)
		g.place = nil
	}
}

// excess takes the first grave out of the list and returns it, if there are more than limit, and nil otherwise.
func (y *graveyard) excess(limit int) *grave {
	y.mu.Lock()
	defer y.mu.Unlock()
	if y.order.Len() <= limit {
		return nil
	}
	g := y.order.Remove(y.order.Front()).(*grave)
	g.left, g.place = true, nil
	return g
}
