package strategy

import "sync"

func init() {
	Register("RWMutex", "a Go map behind one sync.RWMutex",
		Of(newRWMutexMap[int, *int]), Of(newRWMutexMap[int, int]), Of(newRWMutexMap[int, Triple]),
		Of(newRWMutexMap[string, *int]), Of(newRWMutexMap[string, int]), Of(newRWMutexMap[string, Triple]),
		Of(newRWMutexMap[NamespacedName, *int]), Of(newRWMutexMap[NamespacedName, int]), Of(newRWMutexMap[NamespacedName, Triple]),
	)
}

type rwMutexMap[K comparable, V comparable] struct {
	mu sync.RWMutex
	m  map[K]V
}

func newRWMutexMap[K comparable, V comparable]() Map[K, V] {
	return &rwMutexMap[K, V]{m: make(map[K]V)}
}

func (m *rwMutexMap[K, V]) Load(key K) (V, bool) {
	m.mu.RLock()
	value, ok := m.m[key]
	m.mu.RUnlock()
	return value, ok
}

func (m *rwMutexMap[K, V]) Store(key K, value V) {
	m.mu.Lock()
	m.m[key] = value
	m.mu.Unlock()
}

func (m *rwMutexMap[K, V]) LoadOrStore(key K, value V) (V, bool) {
	if actual, ok := m.Load(key); ok {
		return actual, true
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if actual, ok := m.m[key]; ok {
		return actual, true
	}
	m.m[key] = value
	return value, false
}

func (m *rwMutexMap[K, V]) Delete(key K) {
	m.mu.Lock()
	delete(m.m, key)
	m.mu.Unlock()
}

func (m *rwMutexMap[K, V]) Update(key K, f func(old V) V) {
	m.mu.Lock()
	m.m[key] = f(m.m[key])
	m.mu.Unlock()
}

// Range holds the lock for reading while it calls f, as code that is written by hand mostly does.
func (m *rwMutexMap[K, V]) Range(f func(key K, value V) bool) {
	m.mu.RLock()
	defer m.mu.RUnlock()
	for key, value := range m.m {
		if !f(key, value) {
			return
		}
	}
}

func (m *rwMutexMap[K, V]) Len() int {
	m.mu.RLock()
	defer m.mu.RUnlock()
	return len(m.m)
}

func (m *rwMutexMap[K, V]) LoadAndDelete(key K) (V, bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	value, loaded := m.m[key]
	delete(m.m, key)
	return value, loaded
}

func (m *rwMutexMap[K, V]) Swap(key K, value V) (V, bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	previous, loaded := m.m[key]
	m.m[key] = value
	return previous, loaded
}

func (m *rwMutexMap[K, V]) CompareAndSwap(key K, old, new V) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	if value, ok := m.m[key]; !ok || value != old {
		return false
	}
	m.m[key] = new
	return true
}
