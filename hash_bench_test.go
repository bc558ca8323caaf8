package shardmap_test

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/shardmap-go/shardmap"
)

// BenchmarkStringKeys shows what the length of the keys does to a lookup, with the built-in hash functions and with MapHash.
func BenchmarkStringKeys(b *testing.B) {
	const n = 1000
	for _, length := range []int{16, 24, 32, 33, 64, 128, 256} {
		keys := make([]string, n)
		for i := range keys {
			keys[i] = fmt.Sprintf("%06d%s", i, strings.Repeat("k", length-6))
		}
		for _, impl := range []struct {
			name string
			m    *shardmap.Map[string, *int]
		}{
			{"default", shardmap.New[string, *int]()},
			{"MapHash", shardmap.New[string, *int](shardmap.WithHasher(shardmap.MapHash[string]))},
		} {
			for _, key := range keys {
				impl.m.Store(strings.Clone(key), values[0])
			}
			rand.Shuffle(n, func(i, j int) { keys[i], keys[j] = keys[j], keys[i] })
			b.Run(fmt.Sprintf("length=%d/hash=%s", length, impl.name), func(b *testing.B) {
				for i := range b.N {
					impl.m.Load(keys[i%n])
				}
			})
		}
	}
}
