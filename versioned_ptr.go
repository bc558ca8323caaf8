package shardmap

import "github.com/shardmap-go/shardmap/internal/sched/atomic"

// VersionedPtr is an atomic pointer to T with a version that grows by one with every change. Where
// [atomic.Pointer.CompareAndSwap] only finds out whether the pointer is the same as before, which
// it also is after having been changed away and back (the ABA problem),
// [VersionedPtr.CompareAndSwap] finds out whether it has been changed at all. Use it for structures
// that use their nodes again, and wherever “changed since I looked” is the question.
//
// The zero value is a nil pointer with version 0, ready to use. A VersionedPtr must not be copied
// after first use; go vet reports copies. Calling a method on a nil *VersionedPtr panics.
//
// All methods are linearizable and none takes a lock. In the terminology of [the Go memory model]
// Load is a read operation, Store is a write operation, Swap is both, and CompareAndSwap is a read
// operation and, if it returns true, a write operation; a write “synchronizes before” any read that
// observes it.
//
// The pointer may point to anything, or be nil. What it points to is the users' own business.
//
// [the Go memory model]: https://go.dev/ref/mem
type VersionedPtr[T any] struct {
	_ noCopy

	box atomic.Pointer[versionedBox[T]] // nil stands for {nil, 0}
}

// versionedBox is one state of a VersionedPtr. It is not changed after a pointer to it has been
// stored.
type versionedBox[T any] struct {
	ptr     *T
	version uint64
}

// Why this is sound.
//
// Pointer and version must be read and changed together. They sit in a box that never changes, so
// whoever reads the pointer to the box has both as of one instant, and whoever swaps it changes both
// at one instant.
//
// Every change makes a new box, whose version is one more than that of the box it replaces, and
// replaces just that box: the pointer to the box goes from old to new by compare-and-swap. Could
// that succeed although the old box had been replaced in between, and another one put at its
// address? No: whoever is about to swap holds a pointer to the old box, so the garbage collector
// keeps it, and nothing else can be allocated at its address. And the same box is never put back,
// for each is stored by its maker once. So equal box pointers mean that nothing has happened. The
// only box that is not unique is the nil one; it is there at the beginning and is never stored
// again.
//
// It follows that versions count up by one along the sequence of boxes, and that a version names one
// box until 2^64 changes have been made. (At one change per nanosecond that takes 584 years. It is
// the only limit.)
//
// CompareAndSwap(version, new) reads the current box. If that has another version, the operation
// takes effect at this read, as a failure. If it has this version, it is the box which the caller
// saw, and two things can happen to the compare-and-swap that follows: it succeeds, then the box
// was the current one up to this instant, and the operation takes effect now; or it fails, then the
// box has been replaced, its version will not come back, and the operation takes effect at one more
// read, as a failure. So it needs no loop.
//
// What else there is, and why not:
//
//   - A tag in the high bits of the pointer. The garbage collector does not see such a pointer and
//     frees what it points to; and with 5-level paging (LA57 on amd64, LVA on arm64) the bits are
//     taken.
//   - A tag in the low bits. Three bits are back where they were after eight changes. They are legal
//     only inside an object that is at least that large, or the tagged pointer belongs to the
//     neighbour. And they must be zero to begin with: Go's allocator promises what the type's
//     alignment asks for and no more, and gives 8 bytes to small objects with pointers but only 1 to
//     the smallest ones without; TestAllocatorAlignsObjectsAtLeastAsTheLanguagePromises writes
//     down what it gives.
//   - A 16-byte compare-and-swap of pointer and version. The standard library has none. Assembly would
//     have to issue the garbage collector's write barriers, which it cannot; and it would need
//     CMPXCHG16B on amd64, LSE or a loop on arm64, and something else everywhere else.
//   - A lock. Load would wait.
//   - Putting boxes back into use, to save the allocation. That is the ABA problem again, one level
//     down.

// Load returns the pointer and its version, as of one instant.
//
// It is linearizable, takes no lock, never waits, and does not allocate.
func (p *VersionedPtr[T]) Load() (*T, uint64) {
	b := p.box.Load()
	if b == nil {
		return nil, 0
	}
	return b.ptr, b.version
}

// CompareAndSwap sets the pointer to new if its version is still version, that is, if nothing has
// changed it since the Load that returned that version. Then it returns the new version, which is
// version+1, and true. Otherwise it changes nothing and returns the current version and false.
//
// The pointer counts as changed by every successful CompareAndSwap, every Swap and every Store, even
// of the pointer that was there.
//
// It is linearizable, takes no lock, and never waits. It allocates 16 bytes, but nothing if it finds
// another version right away.
func (p *VersionedPtr[T]) CompareAndSwap(version uint64, new *T) (uint64, bool) {
	b := p.box.Load()
	if current := b.versionOf(); current != version {
		return current, false
	}
	if p.box.CompareAndSwap(b, &versionedBox[T]{new, version + 1}) {
		return version + 1, true
	}
	return p.box.Load().versionOf(), false
}

// Swap sets the pointer to new and returns the pointer that it replaced and the version that new has
// now. The version of old was one less.
//
// It is linearizable and lock-free: it takes no lock, and tries again when another change comes
// first. It allocates 16 bytes.
func (p *VersionedPtr[T]) Swap(new *T) (old *T, version uint64) {
	next := &versionedBox[T]{ptr: new} // nobody else's until stored
	for {
		b := p.box.Load()
		next.version = b.versionOf() + 1
		if p.box.CompareAndSwap(b, next) {
			if b != nil {
				old = b.ptr
			}
			return old, next.version
		}
	}
}

// Store sets the pointer to new and returns the version that it has now.
//
// It is linearizable and lock-free, and allocates, as Swap does.
func (p *VersionedPtr[T]) Store(new *T) (version uint64) {
	_, version = p.Swap(new)
	return version
}

// versionOf returns the version in b, which may be nil.
func (b *versionedBox[T]) versionOf() uint64 {
	if b == nil {
		return 0
	}
	return b.version
}
