package shardmap_test

import (
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/cespare/xxhash/v2"
	"github.com/stretchr/testify/require"

	"github.com/shardmap-go/shardmap"
)

// floodKeys returns n distinct keys of 64 bytes that all have the same XXH64.
//
// XXH64 reads such a key in two blocks of four words. Each word w changes one of four accumulators v to
// rotl(v + w·prime2, 31)·prime1. prime2 is odd, so for whatever the first block made of an accumulator there is a word
// in the second block that brings v + w·prime2 to any value one likes – the same for all keys.
func floodKeys(n int) []string {
	const prime1, prime2 = 0x9E3779B185EBCA87, 0xC2B2AE3D27D4EB4F
	inverse := uint64(prime2) // Newton's iteration doubles the number of right bits; an odd number is its own inverse mod 8
	for range 5 {
		inverse *= 2 - uint64(prime2)*inverse
	}
	p1, p2 := uint64(prime1), uint64(prime2) // not constants, because their sums overflow
	start := [4]uint64{p1 + p2, p2, 0, -p1}
	keys := make([]string, n)
	rng := rand.New(rand.NewPCG(1, 2))
	for i := range keys {
		var key [64]byte
		for lane, v := range start {
			first := rng.Uint64()
			v += first * prime2
			v = (v<<31 | v>>33) * prime1
			second := (uint64(lane) - v) * inverse
			binary.LittleEndian.PutUint64(key[8*lane:], first)
			binary.LittleEndian.PutUint64(key[32+8*lane:], second)
		}
		keys[i] = string(key[:])
	}
	return keys
}

func TestFlood(t *testing.T) {
	keys := floodKeys(10_000)
	for _, k := range keys {
		require.Equal(t, xxhash.Sum64String(keys[0]), xxhash.Sum64String(k), "the attack must be one")
	}
	var m shardmap.Map[string, int]
	for i, k := range keys {
		m.Store(k, i)
	}
	require.Equal(t, len(keys), m.Len())
	for i, k := range keys {
		v, ok := m.Load(k)
		require.True(t, ok)
		require.Equal(t, i, v)
	}
	st := m.Stats()
	require.EqualValues(t, 1, st.Rehashes)
	require.Less(t, st.Skew, 3.0)
	require.Less(t, st.Shards, 4*len(keys)/100, "the directory must not grow without bound")
	snapshot := m.Snapshot()
	for _, k := range keys {
		m.Delete(k)
	}
	require.Zero(t, m.Len())
	require.Len(t, snapshot.ToMap(), len(keys))
}

// A snapshot of before the flood still reads with the old hash function.
func TestFloodLeavesSnapshotsAlone(t *testing.T) {
	keys := floodKeys(1000)
	var m shardmap.Map[string, int]
	for i, k := range keys[:20] {
		m.Store(k, i)
	}
	before := m.Snapshot()
	clone := m.Clone()
	for i, k := range keys {
		m.Store(k, -i)
	}
	require.EqualValues(t, 1, m.Stats().Rehashes)
	require.Equal(t, 20, before.Len())
	for i, k := range keys {
		v, ok := before.Load(k)
		require.Equal(t, i < 20, ok)
		if ok {
			require.Equal(t, i, v)
		}
		_, ok = clone.Load(k)
		require.Equal(t, i < 20, ok)
	}
	added, updated := 0, 0
	for _, c := range m.Snapshot().Diff(before) {
		switch c.Kind {
		case shardmap.Added:
			added++
		case shardmap.Updated:
			updated++
		}
	}
	require.Equal(t, 980, added)
	require.Equal(t, 20, updated)
}

// Replace neither goes back to a hash function that the map gave up while the new content was made, nor hides that the
// new content made it give it up; and a clone has given up what the map has.
func TestFloodAndReplace(t *testing.T) {
	keys := floodKeys(1000)
	flood := func(m *shardmap.Map[string, int]) {
		for i, k := range keys {
			m.Store(k, i)
		}
	}
	var m shardmap.Map[string, int]
	m.Replace(func(yield func(string, int) bool) {
		flood(&m)
		_ = yield("a", 1) && yield("b", 2)
	})
	require.EqualValues(t, 1, m.Stats().Rehashes, "while the new content was made")
	require.Equal(t, map[string]int{"a": 1, "b": 2}, m.Snapshot().ToMap())
	v, ok := m.Load("b")
	require.True(t, ok)
	require.Equal(t, 2, v)
	require.EqualValues(t, 1, m.Clone().Stats().Rehashes)
	m.Replace(func(func(string, int) bool) {})
	require.EqualValues(t, 1, m.Stats().Rehashes, "empty content")
	require.Zero(t, m.Len())

	var fresh, empty shardmap.Map[string, int]
	flood(&fresh)
	empty.Replace(fresh.All())
	require.EqualValues(t, 1, empty.Stats().Rehashes, "by the new content")
	require.Equal(t, len(keys), empty.Len())

	var emptied shardmap.Map[string, int]
	emptied.Replace(func(func(string, int) bool) { flood(&emptied) })
	require.EqualValues(t, 1, emptied.Stats().Rehashes, "empty content, flooded meanwhile")
	emptied.Store("a", 1)
	require.Equal(t, map[string]int{"a": 1}, emptied.Snapshot().ToMap())
}

// BenchmarkFlood fills maps with 100,000 keys of 64 bytes: random ones, and ones that all have the same XXH64.
func BenchmarkFlood(b *testing.B) {
	const n = 100_000
	random := make([]string, n)
	for i := range random {
		random[i] = fmt.Sprintf("%064x", rand.Uint64())
	}
	for _, c := range []struct {
		name string
		keys []string
	}{{"random", random}, {"flood", floodKeys(n)}} {
		b.Run("keys="+c.name, func(b *testing.B) {
			for range b.N {
				var m shardmap.Map[string, int]
				for i, k := range c.keys {
					m.Store(k, i)
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/n, "ns/entry")
		})
	}
}
