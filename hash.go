package shardmap

import (
	"encoding/binary"
	"hash/maphash"
	"math"
	"math/bits"
	"math/rand/v2"
	"reflect"
	"sync/atomic"
	"unsafe"

	"github.com/cespare/xxhash/v2"
)

// How keys are hashed.
//
// One 64-bit hash per operation picks everything: its top bits the shard, bits 24–30 the tag in the bucket, its low
// bits the bucket. The function follows from the key's type, once, when the map gets its first directory:
//
//	strings, and types whose kind is string   XXH64, unseeded (github.com/cespare/xxhash/v2); up to 32 bytes their words
//	                                          folded, seeded per map
//	integers, bool, pointers, channels        one 64×64→128-bit multiplication, both halves folded, seeded per map
//	structs of two strings                    the hash of each, folded together with the map's seed
//	other structs and arrays of these, floats field by field, folded one after another with the map's seed
//	interfaces                                by the dynamic type, as above for the common ones
//	everything else                           hash/maphash.Comparable, seeded per map
//
// XXH64 is not proof against an adversary: sets of keys with one common hash are easy to make. The answer is not a
// slower hash for everybody but a limit on the length of a bucket's chain (see maxChain): a map that reaches it moves
// to maphash with a secret seed. So does a map whose WithHasher function turns out not to tell its keys apart.
//
// Equal keys have equal hashes: +0 and -0 are made one before they are hashed, blank fields (_) are left out because
// == leaves them out, padding is never read. NaN equals nothing, so its hash is random, which keeps a map's many NaN
// entries from piling up in one bucket.

// hashKind says which of the hash functions that are written straight into [hashing.of] is in use.
type hashKind uint8

const (
	hashFunc       hashKind = iota // call fn
	hashString                     // K's kind is string
	hashWord                       // K is one integer, pointer or the like
	hashStringPair                 // K is a struct of two strings
)

// hashing is the hash function of one directory. It never changes after construction.
type hashing[K comparable] struct {
	kind     hashKind
	trusted  bool   // the last resort: a seeded maphash, whose chains are not limited
	replaced bool   // trusted, and was not to begin with
	epoch    uint64 // a number that no other hashing has
	seed     uint64
	fn       func(K) uint64 // used if kind is hashFunc
}

var epochs atomic.Uint64 // the epoch of the newest hashing

// of returns the hash of key. It panics if key holds a dynamic value that is not comparable.
//
// Safety of the conversions: kind was derived from K's type by newHashing, so that a *string, *[2]string or *uint64
// is made only of the address of such a value.
func (hs *hashing[K]) of(key K) uint64 {
	switch hs.kind {
	case hashString:
		return hashOfString(asString(key), hs.seed)
	case hashWord:
		return fold(asWord(key)^hs.seed, mix1)
	case hashStringPair:
		p := (*[2]string)(unsafe.Pointer(&key))
		return fold(hashOfString(p[0], hs.seed)^hs.seed, hashOfString(p[1], hs.seed)^bits.RotateLeft64(hs.seed, 32))
	}
	return hs.fn(key)
}

// isStringSize and isWordSize report whether keys of type K may be of kind hashString and hashWord. The compiler knows the
// result, and drops the code for what cannot be.
func isStringSize[K comparable](key K) bool { return unsafe.Sizeof(key) == unsafe.Sizeof("") }
func isWordSize[T any](x T) bool            { return unsafe.Sizeof(x) <= 8 }

// asString returns key, whose kind is string. key is a copy of the caller's, which so stays in registers; the same is true of asWord.
func asString[K comparable](key K) string {
	if !isStringSize(key) {
		return ""
	}
	return *(*string)(unsafe.Pointer(&key))
}

// asWord returns the bits of key, whose kind is that of an integer, pointer or the like.
func asWord[K comparable](key K) uint64 { return wordAt(unsafe.Pointer(&key), unsafe.Sizeof(key)) }

// shortString is the length up to which strings are folded.
const shortString = 32

// hashOfString returns the hash of s: XXH64 if it is longer than shortString, and otherwise its words – two, or four,
// which overlap – folded in the way of wyhash. Of 3 to 32 bytes XXH64 takes 13 to 22 ns, and this 9 to 11: most of a lookup's
// time is the hash of its key. Both factors of a product hold the seed, or an adversary could make one of them zero.
func hashOfString(s string, seed uint64) uint64 {
	n := len(s)
	p := unsafe.Pointer(unsafe.StringData(s))
	x, y := seed, bits.RotateLeft64(seed, 32)
	switch {
	case n > shortString:
		return xxhash.Sum64String(s)
	case n > 16:
		x = fold(x^word64(p, 0), y^word64(p, 8))
		x, y = x^word64(p, n-16), y^word64(p, n-8)
	case n >= 8:
		x, y = x^word64(p, 0), y^word64(p, n-8)
	case n >= 4:
		x, y = x^word32(p, 0), y^word32(p, n-4)
	case n > 0:
		x ^= uint64(s[0])<<16 | uint64(s[n>>1])<<8 | uint64(s[n-1])
	}
	return fold(fold(x, y)^uint64(n), mix1)
}

// word64 returns the 8 bytes at p+i as a little-endian number. Safety: they are within the string that p is the start of. So is
// word32 for 4 bytes.
func word64(p unsafe.Pointer, i int) uint64 {
	return binary.LittleEndian.Uint64((*[8]byte)(unsafe.Add(p, i))[:])
}

func word32(p unsafe.Pointer, i int) uint64 {
	return uint64(binary.LittleEndian.Uint32((*[4]byte)(unsafe.Add(p, i))[:]))
}

// Odd constants with about half their bits set, from the fractional parts of square roots (SHA-512's initial values,
// made odd): nothing up the sleeve.
const (
	mix1 = 0x6a09e667f3bcc909
	mix2 = 0xbb67ae8584caa73b
)

// fold returns the two halves of the 128-bit product of x and y, combined: Wang Yi's "mum", as in wyhash.
func fold(x, y uint64) uint64 {
	hi, lo := bits.Mul64(x, y)
	return hi ^ lo
}

// wordAt reads an integer of size 1, 2, 4 or 8 bytes.
func wordAt(p unsafe.Pointer, size uintptr) uint64 {
	switch size {
	case 1:
		return uint64(*(*uint8)(p))
	case 2:
		return uint64(*(*uint16)(p))
	case 4:
		return uint64(*(*uint32)(p))
	}
	return *(*uint64)(p)
}

// newHashing chooses the hash function for K; custom, if not nil, is the user's.
func newHashing[K comparable](custom func(K) uint64) hashing[K] {
	t := reflect.TypeFor[K]()
	hs := hashing[K]{seed: random(), epoch: epochs.Add(1)}
	switch {
	case custom != nil:
		seed, mseed := hs.seed, maphash.MakeSeed()
		hs.fn = func(key K) uint64 {
			// The comparison panics if key holds something uncomparable, which custom might not: better here,
			// where no lock is held, than when the map compares keys. It stops at a NaN; maphash looks at all of
			// the key, and is random for a NaN.
			if key != key {
				return maphash.Comparable(mseed, key)
			}
			return fold(custom(key)^seed, mix1)
		}
	case t.Kind() == reflect.String:
		hs.kind = hashString
	case isWord(t.Kind()):
		hs.kind = hashWord
	case isStringPair(t):
		hs.kind = hashStringPair
	case t.Kind() == reflect.Interface:
		seed, mseed := hs.seed, maphash.MakeSeed()
		hs.fn = func(key K) uint64 { return hashInterface(seed, mseed, key) }
	default:
		hs.fn = newStructHash[K](t, hs.seed)
		if hs.fn == nil {
			return lastResort[K]()
		}
	}
	return hs
}

// lastResort returns the function that no adversary can foresee.
func lastResort[K comparable]() hashing[K] {
	return hashing[K]{trusted: true, epoch: epochs.Add(1), fn: secretHash[K]()}
}

func hashInterface[K comparable](seed uint64, mseed maphash.Seed, key K) uint64 {
	switch k := any(key).(type) {
	case string:
		return hashOfString(k, seed)
	case int:
		return fold(uint64(k)^seed, mix1)
	case int64:
		return fold(uint64(k)^seed, mix1)
	case uint64:
		return fold(k^seed, mix1)
	case int32:
		return fold(uint64(k)^seed, mix1)
	case uint32:
		return fold(uint64(k)^seed, mix1)
	}
	return maphash.Comparable(mseed, key)
}

// isWord reports whether values of kind k are equal exactly if their bits are.
func isWord(k reflect.Kind) bool {
	switch k {
	case reflect.Bool, reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64,
		reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64, reflect.Uintptr,
		reflect.Pointer, reflect.Chan, reflect.UnsafePointer:
		return true
	}
	return false
}

func isStringPair(t reflect.Type) bool {
	return t.Kind() == reflect.Struct && t.NumField() == 2 &&
		t.Field(0).Type.Kind() == reflect.String && t.Field(1).Type.Kind() == reflect.String &&
		t.Field(0).Name != "_" && t.Field(1).Name != "_"
}

// A hashField is one part of a composite key: a string, a float, or a word of size bytes.
type hashField struct {
	offset uintptr
	size   uintptr
	kind   reflect.Kind // String, Float32, Float64; anything else is a word
}

// maxHashFields bounds the parts of a composite key; a longer one (a big array) is better served by maphash, which
// hashes runs of plain memory at once. Chosen by hand, not measured.
const maxHashFields = 16

// newStructHash returns a function that hashes K's parts one after another, or nil if K has a part that only maphash
// knows how to hash.
func newStructHash[K comparable](t reflect.Type, seed uint64) func(K) uint64 {
	fields, ok := appendHashFields(nil, t, 0)
	if !ok {
		return nil
	}
	return func(key K) uint64 {
		h := seed
		for _, f := range fields {
			// Safety: offset and kind come from K's type; key is a live local variable.
			p := unsafe.Add(unsafe.Pointer(&key), f.offset)
			var x uint64
			switch f.kind {
			case reflect.String:
				x = hashOfString(*(*string)(p), seed)
			case reflect.Float64:
				x = floatBits(*(*float64)(p))
			case reflect.Float32:
				x = floatBits(float64(*(*float32)(p)))
			default:
				x = wordAt(p, f.size)
			}
			h = fold(h^x, mix1) ^ mix2
		}
		return fold(h, mix2)
	}
}

func appendHashFields(fields []hashField, t reflect.Type, offset uintptr) (_ []hashField, ok bool) {
	switch k := t.Kind(); {
	case t.Size() == 0: // equal whatever it is
	case isWord(k), k == reflect.String, k == reflect.Float32, k == reflect.Float64:
		fields = append(fields, hashField{offset, t.Size(), k})
	case k == reflect.Complex64, k == reflect.Complex128:
		part, size := reflect.Float32, t.Size()/2
		if k == reflect.Complex128 {
			part = reflect.Float64
		}
		fields = append(fields, hashField{offset, size, part}, hashField{offset + size, size, part})
	case k == reflect.Array:
		for i := range t.Len() {
			if fields, ok = appendHashFields(fields, t.Elem(), offset+uintptr(i)*t.Elem().Size()); !ok {
				return nil, false
			}
		}
	case k == reflect.Struct:
		for i := range t.NumField() {
			f := t.Field(i)
			if f.Name == "_" {
				continue
			}
			if fields, ok = appendHashFields(fields, f.Type, offset+f.Offset); !ok {
				return nil, false
			}
		}
	default:
		return nil, false
	}
	return fields, len(fields) <= maxHashFields
}

// floatBits returns bits that are equal for equal floats: one zero, and a new random number for every NaN.
func floatBits(f float64) uint64 {
	switch {
	case f == 0:
		return 0
	case f != f:
		return rand.Uint64()
	}
	return math.Float64bits(f)
}

var anySeed = maphash.MakeSeed()

// checkKey panics if key holds a dynamic value that is not comparable. Hashing checks that, too; this is for maps that
// have no hash function yet.
func checkKey[K comparable](key K) { maphash.Comparable(anySeed, key) }
