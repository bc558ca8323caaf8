// Package data makes the keys and values that mapbench puts into maps.
package data

import (
	"math/rand/v2"

	"github.com/shardmap-go/shardmap/bench/strategy"
)

// Keys are made from numbers, by functions that map different numbers to different keys and neighbours to keys that
// have nothing to do with each other. Strings begin alike and differ at the end, as names mostly do.

// mix is a bijection of the numbers of 48 bits.
func mix(n, seed uint64) uint64 {
	const mask = 1<<48 - 1
	n = (n ^ seed) & mask
	for range 2 {
		n = n * 0x9E3779B97F4A7C15 & mask // odd, so it can be undone
		n ^= n >> 25
	}
	return n
}

// IntKey returns the n-th key, one of 48 bits. The length does not matter.
func IntKey(n, seed uint64, _ int) int { return int(mix(n, seed)) }

// Tail letters of 6 bits are where strings differ: the least length of one.
const Tail = 8

const letters = "abcdefghijklmnopqrstuvwxyz0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ-_"

// StringKey returns the n-th key of that many bytes.
func StringKey(n, seed uint64, length int) string {
	text := make([]byte, length)
	for i := range text {
		text[i] = "object-"[i%7]
	}
	n = mix(n, seed)
	for i := length - Tail; i < length; i++ {
		text[i] = letters[n&63]
		n >>= 6
	}
	return string(text)
}

// NamespacedKey returns the n-th key, of that many bytes in both strings together. It puts about fifty names into each namespace.
func NamespacedKey(n, seed uint64, length int) strategy.NamespacedName {
	half := length / 2
	return strategy.NamespacedName{Namespace: StringKey(n/50, seed+1, half), Name: StringKey(n, seed, length-half)}
}

// A ValueKind makes the values of one type. A value tells which key it was made for, and changes with each version, so
// that a map which mixes up entries or loses an update is found out, and storing is never storing the same again.
type ValueKind[V comparable] struct {
	Of        func(key int, version uint32) V
	Key       func(value V) int // negative if the value was never made
	Increment func(value V) V   // nil if the type is not for counting
}

// IntValues makes numbers.
func IntValues() ValueKind[int] {
	return ValueKind[int]{
		Of:        func(key int, version uint32) int { return int(version)<<32 | key },
		Key:       func(value int) int { return value & (1<<32 - 1) },
		Increment: func(value int) int { return value + 1 },
	}
}

// pointerVersions are the different pointers for one key; they come round.
const pointerVersions = 4

// PointerValues makes pointers to a table, so that storing one allocates nothing outside the map.
func PointerValues(keys int) ValueKind[*int] {
	table := make([]int, keys*pointerVersions)
	for i := range table {
		table[i] = i / pointerVersions
	}
	return ValueKind[*int]{
		Of:  func(key int, version uint32) *int { return &table[key*pointerVersions+int(version%pointerVersions)] },
		Key: func(value *int) int { return *value },
	}
}

// TripleValues makes structs that are longer than a word, and can be torn.
func TripleValues() ValueKind[strategy.Triple] {
	return ValueKind[strategy.Triple]{
		Of: func(key int, version uint32) strategy.Triple {
			return strategy.Triple{A: int64(key), B: int64(version), C: int64(key) ^ int64(version)}
		},
		Key: func(value strategy.Triple) int {
			if value.C != value.A^value.B {
				return -1 // torn
			}
			return int(value.A)
		},
	}
}

// Shuffled returns the numbers below n in random order.
func Shuffled(n int, rng *rand.Rand) []uint32 {
	order := make([]uint32, n)
	for i := range order {
		order[i] = uint32(i)
	}
	rng.Shuffle(n, func(i, j int) { order[i], order[j] = order[j], order[i] })
	return order
}
