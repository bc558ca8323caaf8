package shardmap

import (
	"reflect"
	"unsafe"

	"github.com/shardmap-go/shardmap/internal/sched/atomic"
)

// Entries and their value slots.
//
// An entry is a key, which never changes, and a slot of one machine word that holds the value or leads to it. An
// update of an existing key is one compare-and-swap of the slot. What a slot holds follows from V alone:
//
//	slotPointer  pointers, maps, channels, functions, and structs and arrays of one of these: the value itself
//	slotWord     values of at most 8 bytes without pointers: the value's bits
//	slotBox      all others: a pointer to a V that is never written again
//
// A deleted entry must be told from a live one, or an update that found the entry just before its deletion would be
// lost. So the deleter swaps a tombstone into the slot – and gets with the same
// instruction the last value anybody stored there. From then on every compare-and-swap fails and its caller starts
// over. For pointers and boxes the tombstone is the address of a private variable, which no value can be. For words
// of less than 8 bytes it is a pattern that uses the other bytes. For words of 8 bytes there is no pattern to spare:
// the directory holds a random one, and a map that is asked to store exactly this value (a chance of 2⁻⁶⁴) first
// moves to a new directory with another tombstone, the way it moves to another hash function; see Map.rebuild.

// slotKind says how an entry's slot stands for a value.
type slotKind uint8

const (
	slotPointer slotKind = iota
	slotWord
	slotBox
)

// opaque stands for an object whose real type – an entry, a value, a box – follows from the map it is found in.
// A *opaque keeps the object alive like any pointer; it is converted before it is used.
type opaque struct{ _ byte }

// entry is the layout of an entry whose slot is a pointer or a box.
type entry[K comparable] struct {
	key  K
	slot atomic.Pointer[opaque]
}

// wordEntry is the layout of an entry whose slot is a word.
type wordEntry[K comparable] struct {
	key  K
	slot atomic.Uint64
}

// raw is the content of a slot: p for pointers and boxes, w for words. The other field is zero.
type raw struct {
	p *opaque
	w uint64
}

var tombstone opaque // its address marks the deleted entries of slotPointer and slotBox

// slotKindOf returns the kind of slot that values of type V need.
func slotKindOf[V any]() slotKind {
	t := reflect.TypeFor[V]()
	switch pointers := hasPointers(t); {
	case asserting && pointers && assertBoxed(t.Kind()):
		return slotBox
	case pointers && t.Size() == unsafe.Sizeof(uintptr(0)): // it is one pointer, for there is no room for more
		return slotPointer
	case !pointers && t.Size() <= 8:
		return slotWord
	}
	return slotBox
}

// neverBoxed reports whether slotKindOf is not slotBox for values of v's size. The compiler knows the result.
func neverBoxed[V any](v V) bool { return unsafe.Sizeof(v) <= unsafe.Sizeof(uintptr(0)) && !asserting }

func hasPointers(t reflect.Type) bool {
	switch k := t.Kind(); k {
	case reflect.Array:
		return t.Len() > 0 && hasPointers(t.Elem())
	case reflect.Struct:
		for i := range t.NumField() {
			if hasPointers(t.Field(i).Type) {
				return true
			}
		}
		return false
	default:
		return !isNumber(k)
	}
}

func isNumber(k reflect.Kind) bool {
	return k >= reflect.Bool && k <= reflect.Complex128
}

// newWordTombstone returns the tombstone for words of the given size: random where any word may be a value, and with
// no byte zero, so that it differs from every shorter value in the bytes that the value leaves zero.
func newWordTombstone(size uintptr) uint64 {
	if size < 8 {
		return ^uint64(0)
	}
	return random() | 0x0101_0101_0101_0101
}

// pack returns the slot content that stands for v. It allocates only for boxes.
//
// Safety: kind was derived from V, so each conversion reads or writes a V where there is one. The bytes of a word
// that a shorter V leaves alone stay zero.
func pack[V any](kind slotKind, v V) (r raw) {
	switch kind {
	case slotPointer:
		r.p = *(**opaque)(unsafe.Pointer(&v))
	case slotWord:
		*(*V)(unsafe.Pointer(&r.w)) = v
	default:
		box := new(V)
		*box = v
		r.p = (*opaque)(unsafe.Pointer(box))
		if asserting {
			r.p = assertSealed(v, r.p)
		}
	}
	return r
}

// unpack is the inverse of pack.
func unpack[V any](kind slotKind, r raw) V {
	switch kind {
	case slotPointer:
		return *(*V)(unsafe.Pointer(&r.p))
	case slotWord:
		return *(*V)(unsafe.Pointer(&r.w))
	default:
		if asserting {
			assertUnchanged[V](r.p)
		}
		return *(*V)(unsafe.Pointer(r.p))
	}
}

// newEntry returns an entry of the layout for kind that holds key and content.
//
// It fills the slot without an atomic operation: nobody else knows the entry yet, and the store that publishes it is
// atomic. Safety: an atomic value has the layout of the plain one; TestLayout pins that.
func newEntry[K comparable](kind slotKind, key K, content raw) *opaque {
	if kind == slotWord {
		e := &wordEntry[K]{key: key}
		*(*uint64)(unsafe.Pointer(&e.slot)) = content.w
		return (*opaque)(unsafe.Pointer(e))
	}
	e := &entry[K]{key: key}
	*(**opaque)(unsafe.Pointer(&e.slot)) = content.p
	return (*opaque)(unsafe.Pointer(e))
}

// keyOf returns where e's key is: the key is the first field of both layouts.
func keyOf[K comparable](e *opaque) *K { return (*K)(unsafe.Pointer(e)) }

// slots knows how to read and write the slots of one directory's entries.
type slots[K comparable] struct {
	slotKind slotKind
	dead     uint64 // the tombstone of words
}

func newSlots[K comparable, V any]() slots[K] {
	return slots[K]{slotKind: slotKindOf[V](), dead: newWordTombstone(reflect.TypeFor[V]().Size())}
}

func (s *slots[K]) load(e *opaque) raw {
	if s.slotKind == slotWord {
		return raw{w: (*wordEntry[K])(unsafe.Pointer(e)).slot.Load()}
	}
	return raw{p: (*entry[K])(unsafe.Pointer(e)).slot.Load()}
}

// compareAndSwap fails if e's slot does not hold old.
func (s *slots[K]) compareAndSwap(e *opaque, old, new raw) bool {
	if s.slotKind == slotWord {
		return swapWord[K](e, old, new)
	}
	return swapPointer[K](e, old, new)
}

func swapWord[K comparable](e *opaque, old, new raw) bool {
	return (*wordEntry[K])(unsafe.Pointer(e)).slot.CompareAndSwap(old.w, new.w)
}

func swapPointer[K comparable](e *opaque, old, new raw) bool {
	return (*entry[K])(unsafe.Pointer(e)).slot.CompareAndSwap(old.p, new.p)
}

// isDead reports whether r is the tombstone.
func (s *slots[K]) isDead(r raw) bool {
	if s.slotKind == slotWord {
		return r.w == s.dead
	}
	return r.p == &tombstone
}

// tombstone returns the content that marks an entry as deleted.
func (s *slots[K]) tombstone() raw {
	if s.slotKind == slotWord {
		return raw{w: s.dead}
	}
	return raw{p: &tombstone}
}
