package strategy

import (
	"iter"

	"github.com/shardmap-go/shardmap"
)

func init() {
	Register("AtomicMap", "shardmap.AtomicMap: an immutable Go map, copied by every write",
		Of(newAtomicMap[int, *int]), Of(newAtomicMap[int, int]), Of(newAtomicMap[int, Triple]),
		Of(newAtomicMap[string, *int]), Of(newAtomicMap[string, int]), Of(newAtomicMap[string, Triple]),
		Of(newAtomicMap[NamespacedName, *int]), Of(newAtomicMap[NamespacedName, int]), Of(newAtomicMap[NamespacedName, Triple]),
	)
}

// atomicMap gives shardmap.AtomicMap the methods of an [Updater], a [Filler] and a [Snapshotter].
type atomicMap[K comparable, V comparable] struct{ *shardmap.AtomicMap[K, V] }

func newAtomicMap[K comparable, V comparable]() Map[K, V] {
	return atomicMap[K, V]{new(shardmap.AtomicMap[K, V])}
}

func (m atomicMap[K, V]) Update(key K, f func(old V) V) {
	m.Compute(key, func(old V, _ bool) (V, shardmap.Op) { return f(old), shardmap.Set })
}

// Fill copies the map once instead of once for each entry.
func (m atomicMap[K, V]) Fill(entries iter.Seq2[K, V]) {
	m.AtomicMap.Update(func(content map[K]V) {
		for key, value := range entries {
			content[key] = value
		}
	})
}

// Snapshot is All, which shows the map as of one instant anyway: a map that is published never changes.
func (m atomicMap[K, V]) Snapshot() iter.Seq2[K, V] { return m.All() }
