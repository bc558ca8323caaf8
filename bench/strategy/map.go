package strategy

import (
	"iter"

	"github.com/shardmap-go/shardmap"
)

func init() {
	Register("Map", "shardmap.Map as it comes",
		Of(newMap[int, *int]), Of(newMap[int, int]), Of(newMap[int, Triple]),
		Of(newMap[string, *int]), Of(newMap[string, int]), Of(newMap[string, Triple]),
		Of(newMap[NamespacedName, *int]), Of(newMap[NamespacedName, int]), Of(newMap[NamespacedName, Triple]),
	)
	Register("Map:maphash", "shardmap.Map with its hasher MapHash instead of its own hash functions",
		Of(newMapWithMaphash[int, *int]), Of(newMapWithMaphash[int, int]), Of(newMapWithMaphash[int, Triple]),
		Of(newMapWithMaphash[string, *int]), Of(newMapWithMaphash[string, int]), Of(newMapWithMaphash[string, Triple]),
		Of(newMapWithMaphash[NamespacedName, *int]), Of(newMapWithMaphash[NamespacedName, int]), Of(newMapWithMaphash[NamespacedName, Triple]),
	)
	Register("Map:64", "shardmap.Map that starts with 64 shards",
		Of(newMapWith64Shards[int, *int]), Of(newMapWith64Shards[int, int]), Of(newMapWith64Shards[int, Triple]),
		Of(newMapWith64Shards[string, *int]), Of(newMapWith64Shards[string, int]), Of(newMapWith64Shards[string, Triple]),
		Of(newMapWith64Shards[NamespacedName, *int]), Of(newMapWith64Shards[NamespacedName, int]), Of(newMapWith64Shards[NamespacedName, Triple]),
	)
}

// shardMap gives shardmap.Map the methods of an [Updater] and a [Snapshotter].
type shardMap[K comparable, V comparable] struct{ *shardmap.Map[K, V] }

// plainMap and hashedMap are also [Sizer]s.
type (
	plainMap[K comparable, V comparable]  struct{ shardMap[K, V] }
	hashedMap[K comparable, V comparable] struct{ shardMap[K, V] }
)

func newMap[K comparable, V comparable]() Map[K, V] {
	return plainMap[K, V]{shardMap[K, V]{shardmap.New[K, V]()}}
}

func (plainMap[K, V]) Sized(entries int) Map[K, V] {
	return plainMap[K, V]{shardMap[K, V]{shardmap.New[K, V](shardmap.WithCapacity(entries))}}
}

func newMapWithMaphash[K comparable, V comparable]() Map[K, V] { return hashedMap[K, V]{}.Sized(0) }

func (hashedMap[K, V]) Sized(entries int) Map[K, V] {
	options := []shardmap.Option{shardmap.WithHasher(shardmap.MapHash[K]), shardmap.WithCapacity(entries)}
	return hashedMap[K, V]{shardMap[K, V]{shardmap.New[K, V](options...)}}
}

func newMapWith64Shards[K comparable, V comparable]() Map[K, V] {
	return shardMap[K, V]{shardmap.New[K, V](shardmap.WithShards(64))}
}

func (m shardMap[K, V]) Update(key K, f func(old V) V) {
	m.Compute(key, func(old V, _ bool) (V, shardmap.Op) { return f(old), shardmap.Set })
}

// Snapshot takes no longer for a million entries than for ten; the walk over them comes after it.
func (m shardMap[K, V]) Snapshot() iter.Seq2[K, V] { return m.Map.Snapshot().All() }
