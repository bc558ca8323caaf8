package shardmap

import (
	"fmt"
	"unsafe"
)

// equal reports whether a and b are equal by ==, which V need not support: it panics if a and b
// have one dynamic type and that is not comparable. It cannot panic if one of them has passed
// mustBeComparable.
func equal[V any](a, b V) bool {
	return any(a) == any(b)
}

// mustBeComparable panics if old cannot be compared with ==. Callers do this before they lock or
// change anything.
func mustBeComparable[V any](method string, old V) {
	if !isComparable(old) {
		panic(fmt.Sprintf("shardmap: %s: old value of type %T is not comparable", method, old))
	}
}

// isComparable reports whether equal(v, x) returns for every x. It asks by comparing v with
// itself, which costs no allocation, where reflect's Value.Comparable would move v to the heap.
//
// That is the same question. == goes through fields and elements in an order fixed by the type, up
// to the first that differ. If it reaches an uncomparable part of v in a comparison with some x,
// then all before that part are equal to x's, hence not NaN, hence equal to themselves, so the
// comparison of v with itself reaches that part too.
func isComparable[V any](v V) (ok bool) {
	defer func() { ok = recover() == nil }()
	_ = equal(v, v)
	return ok
}

// sameBits reports whether a and b have the same representation in memory, so that no code could
// tell one from the other. It serves to see that an entry is still the one a callback was shown,
// for which == will not do: slices, maps and functions do not have it, NaN fails it, and -0 and +0
// pass it.
//
// False negatives are possible, since the padding inside a struct may differ, and so is a string
// stored again from another place. Callers take false to mean "look again", never "different".
//
// Safety: both slices cover exactly the bytes of a live V; they are only read, and do not outlive
// the call. Pointers in them are compared as bytes and never made into pointers again.
func sameBits[V any](a, b *V) bool {
	size := unsafe.Sizeof(*a)
	return string(unsafe.Slice((*byte)(unsafe.Pointer(a)), size)) ==
		string(unsafe.Slice((*byte)(unsafe.Pointer(b)), size))
}
