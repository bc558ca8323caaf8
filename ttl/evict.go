package ttl

import "fmt"

// Reason says why an entry left the map.
type Reason uint8

const (
	Expired  Reason = iota + 1 // its deadline had passed, whoever removed it then
	Deleted                    // by Delete, LoadAndDelete, CompareAndDelete, DeleteFunc or Compute
	Replaced                   // by another value of the same key
	Evicted                    // to make room for another key, see Evict
	Cleared                    // by Clear
)

// String returns "expired", "deleted", "replaced", "evicted" or "cleared".
func (r Reason) String() string {
	switch r {
	case Expired:
		return "expired"
	case Deleted:
		return "deleted"
	case Replaced:
		return "replaced"
	case Evicted:
		return "evicted"
	case Cleared:
		return "cleared"
	}
	return fmt.Sprintf("Reason(%d)", uint8(r))
}

type notice[K comparable, V any] struct {
	entry  *entry[K, V]
	reason Reason
}

// notices are the entries that an operation has taken out of the map, and that are to be reported when it is done.
type notices[K comparable, V any] []notice[K, V]

// note adds e to what is to be reported. If it has expired, that is the reason.
func (m *Map[K, V]) note(gone *notices[K, V], e *entry[K, V], now int64, reason Reason) {
	if m.onEvict == nil || e.failed() {
		return
	}
	if e.expired(now) {
		reason = Expired
	}
	*gone = append(*gone, notice[K, V]{e, reason})
}

// report calls f for each of the notices. If f panics, or ends the goroutine, it goes on with the others while that
// unwinds the stack.
func (n *notices[K, V]) report(f func(K, V, Reason)) {
	if len(*n) == 0 {
		return
	}
	defer n.report(f)
	for len(*n) > 0 {
		first := (*n)[0]
		*n = (*n)[1:]
		f(first.entry.key, first.entry.value, first.reason)
	}
}
