package record

import (
	"reflect"
	"unsafe"
)

// The classes of types are those of mapbench's workloads: what a replay makes keys and values of.

// classOfKeys returns "int", "string" or "namespacedName" for the type of key. Types that are none of these become the
// class that costs about the same to hash and compare.
func classOfKeys(t reflect.Type) string {
	switch strings := len(stringsOf(t, 0, nil)); {
	case t.Kind() == reflect.Interface: // mostly of strings
		return "string"
	case strings > 1:
		return "namespacedName"
	case strings == 1 || t.Size() > 8:
		return "string"
	}
	return "int"
}

// classOfValues returns "pointer", "int" or "triple" for the type of value.
func classOfValues(t reflect.Type) string {
	switch t.Kind() {
	case reflect.Pointer, reflect.UnsafePointer, reflect.Chan, reflect.Func, reflect.Map, reflect.Interface:
		return "pointer"
	}
	if t.Size() > 8 {
		return "triple"
	}
	return "int"
}

// stringsOf appends the offsets of the strings inside a type.
func stringsOf(t reflect.Type, offset uintptr, offsets []uintptr) []uintptr {
	switch t.Kind() {
	case reflect.String:
		return append(offsets, offset)
	case reflect.Struct:
		for i := range t.NumField() {
			f := t.Field(i)
			offsets = stringsOf(f.Type, offset+f.Offset, offsets)
		}
	case reflect.Array:
		for i := range t.Len() {
			offsets = stringsOf(t.Elem(), offset+uintptr(i)*t.Elem().Size(), offsets)
		}
	}
	return offsets
}

// A meter tells the lengths of keys of type K.
type meter[K comparable] struct {
	strings []uintptr // offsets of the strings
	fixed   uint32    // bytes of all else
	dynamic bool      // K is an interface type
}

func newMeter[K comparable]() meter[K] {
	t := reflect.TypeFor[K]()
	strings := stringsOf(t, 0, nil)
	fixed := t.Size() - uintptr(len(strings))*unsafe.Sizeof("")
	return meter[K]{strings, uint32(fixed), t.Kind() == reflect.Interface}
}

// length returns the length of a key in bytes: those that its strings point to, and the size of all else. It allocates
// nothing.
//
// Safety: stringsOf follows the type to each string in it, so at these offsets inside the key there are strings, whatever
// their named type is. The pointers do not outlive the call.
func (m *meter[K]) length(key *K) uint32 {
	if m.dynamic {
		return lengthOf(*key)
	}
	n := m.fixed
	for _, offset := range m.strings {
		n += uint32(len(*(*string)(unsafe.Add(unsafe.Pointer(key), offset))))
	}
	return n
}

// lengthOf returns the length of a key in an interface, by its dynamic type.
func lengthOf(key any) uint32 {
	switch key := key.(type) {
	case nil:
		return 0
	case string:
		return uint32(len(key))
	}
	return lengthOfValue(reflect.ValueOf(key))
}

func lengthOfValue(v reflect.Value) (n uint32) {
	switch v.Kind() {
	case reflect.String:
		return uint32(v.Len())
	case reflect.Struct:
		for i := range v.NumField() {
			n += lengthOfValue(v.Field(i))
		}
		return n
	case reflect.Array:
		for i := range v.Len() {
			n += lengthOfValue(v.Index(i))
		}
		return n
	}
	return uint32(v.Type().Size())
}
