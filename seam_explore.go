//go:build explore

package shardmap

import (
	"fmt"
	"hash/maphash"

	"github.com/cespare/xxhash/v2"

	"github.com/shardmap-go/shardmap/internal/sched"
)

const exploring = 1

func random() uint64 { return sched.Random() }

// secretHash panics like maphash for keys that are not comparable.
func secretHash[K comparable]() func(K) uint64 {
	return func(key K) uint64 {
		maphash.Comparable(anySeed, key)
		return xxhash.Sum64String(fmt.Sprint(key))
	}
}
