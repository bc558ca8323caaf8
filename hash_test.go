package shardmap

import (
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/cespare/xxhash/v2"
	"github.com/stretchr/testify/require"
)

type (
	namedString string
	nested      struct {
		A int8
		B string
		_ int64 // left out by ==
		C struct{ D, E float32 }
		F [2]uint16
	}
	withInterface struct {
		A int
		B any
	}
)

func TestLongStringsAreHashedByXXHash(t *testing.T) {
	long := strings.Repeat("shardmap", 5)
	require.Greater(t, len(long), shortString)
	hs, named := newHashing[string](nil), newHashing[namedString](nil)
	require.Equal(t, xxhash.Sum64String(long), hs.of(long))
	require.Equal(t, xxhash.Sum64String(long), named.of(namedString(long)))
}

// Nobody who does not know the seed can make short strings collide; so two maps must not agree on their hashes.
func TestShortStringsAreHashedWithASeed(t *testing.T) {
	for length := 1; length <= shortString; length++ {
		key := strings.Repeat("k", length)
		one, other := newHashing[string](nil), newHashing[string](nil)
		require.NotEqual(t, one.of(key), other.of(key))
	}
}

// equalHashes demands that every function for K hashes equal keys alike.
func equalHashes[K comparable](t *testing.T, a, b K) {
	t.Helper()
	require.True(t, a == b)
	for _, hs := range []hashing[K]{newHashing[K](nil), lastResort[K](), newHashing(func(K) uint64 { return 1 })} {
		require.Equal(t, hs.of(a), hs.of(b))
	}
}

func TestEqualKeysHaveEqualHashes(t *testing.T) {
	zero, negative := 0.0, math.Copysign(0, -1)
	equalHashes(t, zero, negative)
	equalHashes(t, float32(zero), float32(negative))
	equalHashes(t, complex(zero, 1), complex(negative, 1))
	equalHashes[any](t, zero, negative)
	equalHashes(t, [2]float64{1, zero}, [2]float64{1, negative})
	equalHashes(t, withInterface{1, zero}, withInterface{1, negative})
	equalHashes(t, struct{}{}, struct{}{})
	equalHashes(t, [0]int{}, [0]int{})
	equalHashes(t, [1 << 30]struct{}{}, [1 << 30]struct{}{})
	equalHashes[any](t, "a", string([]byte{'a'}))
	x := new(int)
	equalHashes(t, x, x)

	a := nested{A: 1, B: "b", F: [2]uint16{3, 4}}
	b := a
	a.C.E, b.C.E = float32(zero), float32(negative)
	equalHashes(t, a, b)
}

// differentHashes demands that the bits of K's parts all count: changing one of them changes the hash. (A collision by
// chance has probability 2⁻⁶⁴.)
func differentHashes[K comparable](t *testing.T, keys ...K) {
	t.Helper()
	hs := newHashing[K](nil)
	seen := map[uint64]K{}
	for _, k := range keys {
		h := hs.of(k)
		other, ok := seen[h]
		require.False(t, ok, "%v and %v", other, k)
		seen[h] = k
	}
}

func TestEveryPartOfAKeyCounts(t *testing.T) {
	differentHashes(t, nested{}, nested{A: 1}, nested{B: "1"}, nested{F: [2]uint16{1, 0}}, nested{F: [2]uint16{0, 1}})
	differentHashes(t, struct{ Namespace, Name string }{"a", "b"}, struct{ Namespace, Name string }{"b", "a"},
		struct{ Namespace, Name string }{"ab", ""}, struct{ Namespace, Name string }{"", "ab"})
	differentHashes(t, [2]int32{1, 2}, [2]int32{2, 1}, [2]int32{1, 1})
	differentHashes(t, int8(1), 2, -1)
	differentHashes(t, uint16(1), 2, 1<<15)
	differentHashes(t, true, false)
	differentHashes(t, 1.5, 2.5, math.Inf(1), math.Inf(-1))
	differentHashes[any](t, 1, "1", 1.5, uint8(2), nested{}, withInterface{})
}

// The hash must spread keys that lie close together, or at equal distances, over shards and buckets alike.
func TestRegularKeysSpread(t *testing.T) {
	for _, stride := range []int{1, 2, 64, 1024, 4096, 1 << 14, 7919} {
		var m Map[int, int]
		for i := range 100_000 {
			m.Store(i*stride, i)
		}
		requireSpread(t, &m, "stride %d", stride)
	}
}

// The same for strings of every length, on both sides of the limits at which the way to hash them changes, that differ in
// a few bytes only: a decimal number, or the bytes of a word, at the front, in the middle, or at the end.
func TestRegularStringsSpread(t *testing.T) {
	for length := 5; length <= 40; length++ {
		for _, at := range []int{0, (length - 5) / 2, length - 5} {
			var decimal, binary Map[string, int]
			for i := range 20_000 {
				key := []byte(strings.Repeat("x", length))
				copy(key[at:], fmt.Sprintf("%05d", i))
				decimal.Store(string(key), i)
				copy(key[at:], []byte{byte(i), byte(i >> 8), 0, 0, 0})
				binary.Store(string(key), i)
			}
			requireSpread(t, &decimal, "decimal at %d of %d", at, length)
			requireSpread(t, &binary, "binary at %d of %d", at, length)
		}
	}
}

func TestEveryByteAndTheLengthOfAStringCount(t *testing.T) {
	seen := map[uint64]string{}
	hs := newHashing[string](nil)
	for length := range 70 {
		for at := range max(length, 1) {
			for _, c := range []byte{0, 1, 2, 128} {
				key := make([]byte, length)
				if length > 0 {
					key[at] = c
				}
				h := hs.of(string(key))
				if other, ok := seen[h]; ok {
					require.Equal(t, other, string(key), "two keys with one hash")
				}
				seen[h] = string(key)
			}
		}
	}
	require.Len(t, seen, 70+3*(69*70/2))
}

// requireSpread demands that m, which is full of regular keys, looks as if they were random.
func requireSpread[K comparable](t *testing.T, m *Map[K, int], format string, args ...any) {
	t.Helper()
	what := fmt.Sprintf(format, args...)
	st := m.Stats()
	require.Zero(t, st.Rehashes, what)
	require.Less(t, st.Skew, 2.5, what)
	overflow := 0
	m.dir.Load().shards(func(s *shard) bool {
		for i := range uint64(s.buckets()) {
			for b := s.bucket(i).next.Load(); b != nil; b = b.next.Load() {
				overflow++
			}
		}
		return true
	})
	require.Less(t, overflow, st.Entries/20, what)
}

// 5 NaNs in the same place hash differently, so that many of them do not fill one chain.
func TestNaNsSpread(t *testing.T) {
	var m Map[float64, int]
	for i := range 10_000 {
		m.Store(math.NaN(), i)
	}
	require.Zero(t, m.Stats().Rehashes)
	require.Equal(t, 10_000, m.Len())
	require.Equal(t, 5_000, m.DeleteFunc(func(_ float64, v int) bool { return v%2 == 0 }))
	require.Equal(t, 5_000, m.Len())
	m.Range(func(_ float64, v int) bool { require.Equal(t, 1, v%2); return true })
}

// Hashers that do not spread are mixed; those that do not tell keys apart are replaced.
func TestPoorHashers(t *testing.T) {
	identity := New[int, int](WithHasher(func(k int) uint64 { return uint64(k) }))
	constant := New[int, int](WithHasher(func(int) uint64 { return 42 }))
	few := New[int, int](WithHasher(func(k int) uint64 { return uint64(k % 8) }))
	keys := rand.Perm(20_000)
	for _, m := range []*Map[int, int]{identity, constant, few} {
		for _, k := range keys {
			m.Store(k, k)
		}
		for _, k := range keys {
			v, ok := m.Load(k)
			require.True(t, ok)
			require.Equal(t, k, v)
		}
	}
	require.Zero(t, identity.Stats().Rehashes)
	require.EqualValues(t, 1, constant.Stats().Rehashes)
	require.EqualValues(t, 1, few.Stats().Rehashes)
}
