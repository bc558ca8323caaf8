//go:build shardmap_assert

package shardmap

import (
	"fmt"
	"hash/maphash"
	"math"
	"os"
	"reflect"
	"runtime"
	"slices"
	"strings"
	"unsafe"
)

// Values that were modified after they were stored.
//
// A map shares what it holds with everybody who loads it. Who stores a slice or a map and goes on writing to it changes the
// content of the map, and of its snapshots, behind the back of all others. That can be meant, with a lock around it, so
// the check has to be asked for, beside the tag, by the environment:
//
//	SHARDMAP_ASSERT=aliasing   what a value is made of: its fields, elements, and the content of its slices and maps
//	SHARDMAP_ASSERT=pointers   what its pointers lead to as well
//
// The difference is what people do: they share a *T to modify T, under T's own lock or by its atomic fields, but seldom a
// []T or a map. Who shares neither, as the caches of Kubernetes demand, can have both checked.
//
// A fingerprint of each value is taken when it is stored, and compared each time the map hands the value out: by Load and
// iteration, and by whatever returns, compares or passes on what was there, of the map and of its snapshots alike. So a
// range over the map checks it as a whole. Store and Delete, which hand nothing out, check nothing. The fingerprint goes
// into the value's box, for which maps, structs and arrays, and pointers if asked for, are boxed too. Who modifies a value at the very time
// when it is checked is reported by the race detector instead.

var checkedKinds = environmentKinds(os.Getenv("SHARDMAP_ASSERT"))

// kinds says what fingerprints are taken of.
type kinds struct{ values, pointers bool }

func environmentKinds(setting string) kinds {
	switch setting {
	case "":
		return kinds{}
	case "aliasing":
		return kinds{values: true}
	case "pointers":
		return kinds{values: true, pointers: true}
	}
	panic(fmt.Sprintf("shardmap: SHARDMAP_ASSERT=%s: want aliasing or pointers", setting))
}

// A sealed value is a box with a fingerprint.
type sealed[V any] struct {
	value       V // first, so that a pointer to it is one to a V
	fingerprint uint64
	storedBy    [8]uintptr // the innermost calls
}

func assertBoxed(k reflect.Kind) bool {
	return checkedKinds.values && (k == reflect.Map || k == reflect.Struct || k == reflect.Array) || checkedKinds.pointers && k == reflect.Pointer
}

func assertSealed[V any](v V, box *opaque) *opaque {
	if !checkedKinds.values {
		return box
	}
	return seal(v)
}

// Safety: a *sealed[V] is one to its first field, too.
func seal[V any](v V) *opaque {
	s := &sealed[V]{value: v}
	s.fingerprint = fingerprint(&s.value)
	runtime.Callers(2, s.storedBy[:])
	return (*opaque)(unsafe.Pointer(s))
}

// Safety: if the check was asked for, all boxes were made by assertSealed.
func assertUnchanged[V any](box *opaque) {
	if !checkedKinds.values {
		return
	}
	s := (*sealed[V])(unsafe.Pointer(box))
	if s.fingerprint != fingerprint(&s.value) {
		panic(fmt.Sprintf("shardmap: value of type %v, stored at %s: it was modified after it was stored: store a modified copy instead",
			reflect.TypeFor[V](), caller(s.storedBy[:])))
	}
}

// caller returns the innermost place outside of this package.
func caller(calls []uintptr) string {
	calls = slices.DeleteFunc(slices.Clone(calls), func(pc uintptr) bool { return pc == 0 })
	for frames := runtime.CallersFrames(calls); ; {
		frame, more := frames.Next()
		inside := strings.HasPrefix(frame.Function, "github.com/shardmap-go/shardmap.") && !strings.HasSuffix(frame.File, "_test.go")
		if !inside || !more {
			return fmt.Sprintf("%s:%d", frame.File, frame.Line)
		}
	}
}

var fingerprintSeed = maphash.MakeSeed()

const (
	// fingerprintParts bounds the parts of a value that are looked at, and fingerprintDepth how far down; what is beyond
	// can be modified without being noticed. Chosen by hand, not measured.
	fingerprintParts = 1 << 12
	fingerprintDepth = 16
)

// fingerprint returns a number that changes when what v points to does, with a probability of 1 in 2⁶⁴ not to.
func fingerprint[V any](v *V) uint64 {
	return fingerprintOf(reflect.ValueOf(v).Elem(), fingerprintParts, fingerprintDepth)
}

// fingerprintOf looks at v and at up to that many parts of it. It reads unexported fields, too.
func fingerprintOf(v reflect.Value, parts, depth int) uint64 {
	k := v.Kind()
	if k == reflect.Invalid || parts <= 0 || depth == 0 {
		return uint64(k)
	}
	one := func(x uint64) uint64 { return fold(x^mix2, mix1^uint64(k)) }
	inner := func(v reflect.Value, n int) uint64 { return fingerprintOf(v, (parts-1)/max(n, 1), depth-1) }
	switch {
	case v.CanInt():
		return one(uint64(v.Int()))
	case v.CanUint():
		return one(v.Uint())
	case v.CanFloat():
		return one(math.Float64bits(v.Float()))
	case v.CanComplex():
		c := v.Complex()
		return one(fold(math.Float64bits(real(c))^mix1, math.Float64bits(imag(c))^mix2))
	}
	switch k {
	case reflect.Bool:
		if v.Bool() {
			return one(1)
		}
		return one(0)
	case reflect.String:
		return maphash.String(fingerprintSeed, v.String())
	case reflect.Interface:
		return one(inner(v.Elem(), 1))
	case reflect.Pointer:
		h := one(uint64(v.Pointer()))
		if checkedKinds.pointers && !v.IsNil() {
			h ^= inner(v.Elem(), 1)
		}
		return h
	case reflect.Chan, reflect.Func, reflect.UnsafePointer:
		return one(uint64(v.Pointer()))
	case reflect.Struct:
		h := one(0)
		for i := range v.NumField() {
			h = fold(h^inner(v.Field(i), v.NumField()), mix1)
		}
		return h
	case reflect.Map:
		h := one(uint64(v.Pointer())) ^ uint64(v.Len())
		for it := v.MapRange(); it.Next(); { // in any order, so that the sum must do
			h += fold(inner(it.Key(), v.Len())^mix1, inner(it.Value(), v.Len())^mix2)
		}
		return h
	}
	return fingerprintOfElements(v, parts, depth) ^ uint64(v.Len())
}

// fingerprintOfElements is fingerprintOf for slices and arrays.
func fingerprintOfElements(v reflect.Value, parts, depth int) (h uint64) {
	n := v.Len()
	if v.Kind() == reflect.Slice {
		h = fold(uint64(v.Pointer())^mix1, mix2)
		if v.Type().Elem().Kind() == reflect.Uint8 {
			return h ^ maphash.Bytes(fingerprintSeed, v.Bytes())
		}
	}
	for i := range min(n, parts) {
		h = fold(h^mix2^fingerprintOf(v.Index(i), max(parts/n, 1), depth-1), mix1)
	}
	return h
}
