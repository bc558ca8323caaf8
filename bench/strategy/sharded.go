package strategy

import (
	"fmt"
	"hash/maphash"
)

func init() {
	for _, n := range []int{16, 64, 256} {
		Register(fmt.Sprintf("RWMutex:%d", n), fmt.Sprintf("%d Go maps, each behind a sync.RWMutex, chosen by hash/maphash", n),
			Of(newShardedMap[int, *int](n)), Of(newShardedMap[int, int](n)), Of(newShardedMap[int, Triple](n)),
			Of(newShardedMap[string, *int](n)), Of(newShardedMap[string, int](n)), Of(newShardedMap[string, Triple](n)),
			Of(newShardedMap[NamespacedName, *int](n)), Of(newShardedMap[NamespacedName, int](n)), Of(newShardedMap[NamespacedName, Triple](n)),
		)
	}
}

// A shardedMap is what programs do about one contended lock: several, each with the map for a part of the keys.
type shardedMap[K comparable, V comparable] struct {
	seed   maphash.Seed
	shards []paddedShard[K, V] // a power of two
}

// A paddedShard keeps its lock away from the next one's cache line.
type paddedShard[K comparable, V comparable] struct {
	rwMutexMap[K, V]
	_ [64]byte
}

func newShardedMap[K comparable, V comparable](n int) func() Map[K, V] {
	return func() Map[K, V] {
		m := &shardedMap[K, V]{seed: maphash.MakeSeed(), shards: make([]paddedShard[K, V], n)}
		for i := range m.shards {
			m.shards[i].m = make(map[K]V)
		}
		return m
	}
}

func (m *shardedMap[K, V]) shard(key K) *rwMutexMap[K, V] {
	return &m.shards[maphash.Comparable(m.seed, key)&uint64(len(m.shards)-1)].rwMutexMap
}

func (m *shardedMap[K, V]) Load(key K) (V, bool) { return m.shard(key).Load(key) }

func (m *shardedMap[K, V]) Store(key K, value V) { m.shard(key).Store(key, value) }

func (m *shardedMap[K, V]) LoadOrStore(key K, value V) (V, bool) {
	return m.shard(key).LoadOrStore(key, value)
}

func (m *shardedMap[K, V]) Delete(key K) { m.shard(key).Delete(key) }

func (m *shardedMap[K, V]) Update(key K, f func(old V) V) { m.shard(key).Update(key, f) }

func (m *shardedMap[K, V]) Range(f func(key K, value V) bool) {
	more := true
	for i := range m.shards {
		m.shards[i].Range(func(key K, value V) bool {
			more = f(key, value)
			return more
		})
		if !more {
			return
		}
	}
}

func (m *shardedMap[K, V]) Len() int {
	n := 0
	for i := range m.shards {
		n += m.shards[i].Len()
	}
	return n
}

func (m *shardedMap[K, V]) LoadAndDelete(key K) (V, bool) { return m.shard(key).LoadAndDelete(key) }

func (m *shardedMap[K, V]) Swap(key K, value V) (V, bool) { return m.shard(key).Swap(key, value) }

func (m *shardedMap[K, V]) CompareAndSwap(key K, old, new V) bool {
	return m.shard(key).CompareAndSwap(key, old, new)
}
