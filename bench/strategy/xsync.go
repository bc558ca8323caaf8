package strategy

import "github.com/puzpuzpuz/xsync/v4"

func init() {
	Register("xsync.Map", "github.com/puzpuzpuz/xsync/v4",
		Of(newXsyncMap[int, *int]), Of(newXsyncMap[int, int]), Of(newXsyncMap[int, Triple]),
		Of(newXsyncMap[string, *int]), Of(newXsyncMap[string, int]), Of(newXsyncMap[string, Triple]),
		Of(newXsyncMap[NamespacedName, *int]), Of(newXsyncMap[NamespacedName, int]), Of(newXsyncMap[NamespacedName, Triple]),
	)
}

type xsyncMap[K comparable, V comparable] struct{ *xsync.Map[K, V] }

func newXsyncMap[K comparable, V comparable]() Map[K, V] {
	return xsyncMap[K, V]{xsync.NewMap[K, V]()}
}

func (m xsyncMap[K, V]) Update(key K, f func(old V) V) {
	m.Compute(key, func(old V, _ bool) (V, xsync.ComputeOp) { return f(old), xsync.UpdateOp })
}

func (xsyncMap[K, V]) Sized(entries int) Map[K, V] {
	return xsyncMap[K, V]{xsync.NewMap[K, V](xsync.WithPresize(entries))}
}

func (m xsyncMap[K, V]) Len() int { return m.Size() }

// Swap is what the package calls LoadAndStore.
func (m xsyncMap[K, V]) Swap(key K, value V) (V, bool) {
	previous, loaded := m.LoadAndStore(key, value)
	if !loaded {
		var zero V
		return zero, false
	}
	return previous, true
}
