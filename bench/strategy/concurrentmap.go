package strategy

import (
	"hash/maphash"

	cmap "github.com/orcaman/concurrent-map/v2"
)

func init() {
	Register("concurrent-map", "github.com/orcaman/concurrent-map/v2: 32 shards; keys that are not strings by hash/maphash",
		Of(newHashedCMap[int, *int]), Of(newHashedCMap[int, int]), Of(newHashedCMap[int, Triple]),
		Of(newStringCMap[*int]), Of(newStringCMap[int]), Of(newStringCMap[Triple]),
		Of(newHashedCMap[NamespacedName, *int]), Of(newHashedCMap[NamespacedName, int]), Of(newHashedCMap[NamespacedName, Triple]),
	)
}

type concurrentMap[K comparable, V comparable] struct{ m cmap.ConcurrentMap[K, V] }

func newStringCMap[V comparable]() Map[string, V] { return concurrentMap[string, V]{cmap.New[V]()} }

// newHashedCMap chooses shards by hash/maphash, as the package has a function of its own only for strings and for
// keys with a String method, which would have to build a string for every operation.
func newHashedCMap[K comparable, V comparable]() Map[K, V] {
	seed := maphash.MakeSeed()
	hash := func(key K) uint32 { return uint32(maphash.Comparable(seed, key)) }
	return concurrentMap[K, V]{cmap.NewWithCustomShardingFunction[K, V](hash)}
}

func (m concurrentMap[K, V]) Load(key K) (V, bool) { return m.m.Get(key) }

func (m concurrentMap[K, V]) Store(key K, value V) { m.m.Set(key, value) }

// LoadOrStore is made of what the package offers: SetIfAbsent does not return what is there.
func (m concurrentMap[K, V]) LoadOrStore(key K, value V) (V, bool) {
	for {
		if actual, ok := m.m.Get(key); ok {
			return actual, true
		}
		if m.m.SetIfAbsent(key, value) {
			return value, false
		}
	}
}

func (m concurrentMap[K, V]) Delete(key K) { m.m.Remove(key) }

func (m concurrentMap[K, V]) Update(key K, f func(old V) V) {
	var zero V
	m.m.Upsert(key, zero, func(_ bool, old, _ V) V { return f(old) })
}

// Range cannot stop early: IterCb goes on to the end, and f is not called any more.
func (m concurrentMap[K, V]) Range(f func(key K, value V) bool) {
	more := true
	m.m.IterCb(func(key K, value V) { more = more && f(key, value) })
}

func (m concurrentMap[K, V]) Len() int { return m.m.Count() }

func (m concurrentMap[K, V]) LoadAndDelete(key K) (V, bool) { return m.m.Pop(key) }
