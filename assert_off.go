//go:build !shardmap_assert

package shardmap

import "reflect"

// Assertions. The build tag shardmap_assert turns these functions into checks (CONTRIBUTING.md says what they notice); without
// it they are empty, and the compiler leaves nothing of them. The others are in assert_on.go and assert_values.go.

// asserting is true with the tag. It keeps the calls out of functions whose instructions even an empty one would change.
const asserting = false

// A copyGuard notices that the map it is part of was copied.
//
//lint:ignore U1000 it is used with the tag
type copyGuard struct{}

// assertNotCopied panics if m is a copy of a map that was in use.
func (m *Map[K, V]) assertNotCopied() {}

// assertInvariants panics if m breaks an invariant. All lanes, which are those of ls, are closed.
func (m *Map[K, V]) assertInvariants(ls *laneSet) {}

// assertApart panics if m could write to what s, a snapshot that was just made, shows. The writers are excluded, or m is
// not known to anybody else.
func (m *Map[K, V]) assertApart(s *Snapshot[K, V]) {}

// assertSuccessors panics if successors, which are not published yet, are not what may follow the shard of hash h.
func (d *directory[K]) assertSuccessors(h uint64, successors []*shard) {}

// assertBoxed reports whether values of that kind are boxed though they would fit into the slot of an entry.
func assertBoxed(reflect.Kind) bool { return false }

// assertSealed returns box, which holds v, or one by which assertUnchanged can tell whether v is modified.
func assertSealed[V any](_ V, box *opaque) *opaque { return box }

// assertUnchanged panics if the V in a box was modified since it was stored.
func assertUnchanged[V any](*opaque) {}

// A loader tells goroutines that load apart.
type loader struct{}

func newLoader() loader { return loader{} }

// assertElsewhere panics if the load for key that l tells of runs in this goroutine, which is about to wait for it.
func assertElsewhere[K comparable](*loader, K) {}
