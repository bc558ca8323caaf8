package strategy

import "sync"

func init() {
	Register("Mutex", "a Go map behind one sync.Mutex",
		Of(newMutexMap[int, *int]), Of(newMutexMap[int, int]), Of(newMutexMap[int, Triple]),
		Of(newMutexMap[string, *int]), Of(newMutexMap[string, int]), Of(newMutexMap[string, Triple]),
		Of(newMutexMap[NamespacedName, *int]), Of(newMutexMap[NamespacedName, int]), Of(newMutexMap[NamespacedName, Triple]),
	)
}

type mutexMap[K comparable, V comparable] struct {
	mu sync.Mutex
	m  map[K]V
}

func newMutexMap[K comparable, V comparable]() Map[K, V] {
	return &mutexMap[K, V]{m: make(map[K]V)}
}

func (m *mutexMap[K, V]) Load(key K) (V, bool) {
	m.mu.Lock()
	value, ok := m.m[key]
	m.mu.Unlock()
	return value, ok
}

func (m *mutexMap[K, V]) Store(key K, value V) {
	m.mu.Lock()
	m.m[key] = value
	m.mu.Unlock()
}

func (m *mutexMap[K, V]) LoadOrStore(key K, value V) (V, bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if actual, ok := m.m[key]; ok {
		return actual, true
	}
	m.m[key] = value
	return value, false
}

func (m *mutexMap[K, V]) Delete(key K) {
	m.mu.Lock()
	delete(m.m, key)
	m.mu.Unlock()
}

func (m *mutexMap[K, V]) Update(key K, f func(old V) V) {
	m.mu.Lock()
	m.m[key] = f(m.m[key])
	m.mu.Unlock()
}

// Range holds the lock while it calls f, as code that is written by hand mostly does.
func (m *mutexMap[K, V]) Range(f func(key K, value V) bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for key, value := range m.m {
		if !f(key, value) {
			return
		}
	}
}

func (m *mutexMap[K, V]) Len() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return len(m.m)
}

func (m *mutexMap[K, V]) LoadAndDelete(key K) (V, bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	value, loaded := m.m[key]
	delete(m.m, key)
	return value, loaded
}

func (m *mutexMap[K, V]) Swap(key K, value V) (V, bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	previous, loaded := m.m[key]
	m.m[key] = value
	return previous, loaded
}

func (m *mutexMap[K, V]) CompareAndSwap(key K, old, new V) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	if value, ok := m.m[key]; !ok || value != old {
		return false
	}
	m.m[key] = new
	return true
}
