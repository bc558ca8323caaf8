package shardmapprom

import (
	"reflect"
	"unsafe"
)

// A zeroTest tells whether a value is the zero value of its type, without allocating. Which way is right depends on the
// type V alone, and is found out once.
type zeroTest uint8

const (
	zeroByComparison zeroTest = iota // ==, which for structs with floats or strings is not a matter of bits
	zeroByWord                       // the first word says it all
	zeroByReflection                 // structs and arrays with slices, maps or functions inside
)

func zeroTestOf[V any]() zeroTest {
	t := reflect.TypeFor[V]()
	switch t.Kind() {
	case reflect.Pointer, reflect.UnsafePointer, reflect.Chan, reflect.Map, reflect.Func, reflect.Slice,
		reflect.Int, reflect.Uint, reflect.Uintptr:
		return zeroByWord
	case reflect.Int64, reflect.Uint64:
		if t.Size() == unsafe.Sizeof(uintptr(0)) {
			return zeroByWord
		}
	}
	if t.Comparable() {
		return zeroByComparison
	}
	return zeroByReflection
}

// isZero reports whether the value is zero. z is zeroTestOf[V]().
//
// The kinds for which the word is read are made of at least one word, and none but their zero value has a first word of
// zeros: a slice that is not nil has a pointer even if it is empty. The comparison does not panic, whatever dynamic types
// the value has inside: it compares each with none, and those are different types.
func isZero[V any](z zeroTest, value V) bool {
	if z == zeroByWord {
		return *(*uintptr)(unsafe.Pointer(&value)) == 0
	}
	return isZeroSlowly(z, value)
}

func isZeroSlowly[V any](z zeroTest, value V) bool {
	if z == zeroByComparison {
		var none V
		return any(value) == any(none)
	}
	return reflect.ValueOf(value).IsZero()
}
