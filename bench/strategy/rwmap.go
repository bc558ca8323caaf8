package strategy

import (
	"iter"

	"github.com/shardmap-go/shardmap"
)

func init() {
	Register("RWMap", "shardmap.RWMap: a Go map behind one RWMutex, with the methods of Map",
		Of(newRWMap[int, *int]), Of(newRWMap[int, int]), Of(newRWMap[int, Triple]),
		Of(newRWMap[string, *int]), Of(newRWMap[string, int]), Of(newRWMap[string, Triple]),
		Of(newRWMap[NamespacedName, *int]), Of(newRWMap[NamespacedName, int]), Of(newRWMap[NamespacedName, Triple]),
	)
}

// rwMap gives shardmap.RWMap the methods of an [Updater] and a [Snapshotter].
type rwMap[K comparable, V comparable] struct{ *shardmap.RWMap[K, V] }

func newRWMap[K comparable, V comparable]() Map[K, V] {
	return rwMap[K, V]{new(shardmap.RWMap[K, V])}
}

func (m rwMap[K, V]) Update(key K, f func(old V) V) {
	m.Compute(key, func(old V, _ bool) (V, shardmap.Op) { return f(old), shardmap.Set })
}

// Snapshot is All, which copies the map under the lock.
func (m rwMap[K, V]) Snapshot() iter.Seq2[K, V] { return m.All() }
