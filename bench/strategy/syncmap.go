package strategy

import "sync"

func init() {
	Register("sync.Map", "the standard library's concurrent map",
		Of(newSyncMap[int, *int]), Of(newSyncMap[int, int]), Of(newSyncMap[int, Triple]),
		Of(newSyncMap[string, *int]), Of(newSyncMap[string, int]), Of(newSyncMap[string, Triple]),
		Of(newSyncMap[NamespacedName, *int]), Of(newSyncMap[NamespacedName, int]), Of(newSyncMap[NamespacedName, Triple]),
	)
}

type syncMap[K comparable, V comparable] struct{ m sync.Map }

func newSyncMap[K comparable, V comparable]() Map[K, V] { return new(syncMap[K, V]) }

func (m *syncMap[K, V]) Load(key K) (value V, ok bool) {
	if found, ok := m.m.Load(key); ok {
		return found.(V), true
	}
	return value, false
}

func (m *syncMap[K, V]) Store(key K, value V) { m.m.Store(key, value) }

func (m *syncMap[K, V]) LoadOrStore(key K, value V) (V, bool) {
	actual, loaded := m.m.LoadOrStore(key, value)
	return actual.(V), loaded
}

func (m *syncMap[K, V]) Delete(key K) { m.m.Delete(key) }

// Update is the loop that users of sync.Map have to write.
func (m *syncMap[K, V]) Update(key K, f func(old V) V) {
	for {
		old, ok := m.m.Load(key)
		if !ok {
			var zero V
			if _, loaded := m.m.LoadOrStore(key, f(zero)); !loaded {
				return
			}
			continue
		}
		if m.m.CompareAndSwap(key, old, f(old.(V))) {
			return
		}
	}
}

func (m *syncMap[K, V]) Range(f func(key K, value V) bool) {
	m.m.Range(func(key, value any) bool { return f(key.(K), value.(V)) })
}

// Len counts, as sync.Map has no other way to tell.
func (m *syncMap[K, V]) Len() int {
	n := 0
	m.m.Range(func(any, any) bool { n++; return true })
	return n
}

func (m *syncMap[K, V]) LoadAndDelete(key K) (value V, loaded bool) {
	if found, ok := m.m.LoadAndDelete(key); ok {
		return found.(V), true
	}
	return value, false
}

func (m *syncMap[K, V]) Swap(key K, value V) (previous V, loaded bool) {
	if found, ok := m.m.Swap(key, value); ok {
		return found.(V), true
	}
	return previous, false
}

func (m *syncMap[K, V]) CompareAndSwap(key K, old, new V) bool {
	return m.m.CompareAndSwap(key, old, new)
}
