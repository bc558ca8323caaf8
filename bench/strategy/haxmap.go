package strategy

import "github.com/alphadose/haxmap"

func init() {
	Register("haxmap", "github.com/alphadose/haxmap: a lock-free list with an index; no struct keys",
		Of(newHaxMap[int, *int]), Of(newHaxMap[int, int]), Of(newHaxMap[int, Triple]),
		Of(newHaxMap[string, *int]), Of(newHaxMap[string, int]), Of(newHaxMap[string, Triple]),
	)
}

type haxMap[K int | string, V comparable] struct{ m *haxmap.Map[K, V] }

func newHaxMap[K int | string, V comparable]() Map[K, V] {
	return haxMap[K, V]{haxmap.New[K, V]()}
}

func (haxMap[K, V]) Sized(entries int) Map[K, V] {
	return haxMap[K, V]{haxmap.New[K, V](uintptr(entries))}
}

func (m haxMap[K, V]) Load(key K) (V, bool) { return m.m.Get(key) }

func (m haxMap[K, V]) Store(key K, value V) { m.m.Set(key, value) }

func (m haxMap[K, V]) LoadOrStore(key K, value V) (V, bool) { return m.m.GetOrSet(key, value) }

func (m haxMap[K, V]) Delete(key K) { m.m.Del(key) }

// Update is the loop that users of haxmap have to write.
func (m haxMap[K, V]) Update(key K, f func(old V) V) {
	for {
		old, ok := m.m.Get(key)
		if !ok {
			var zero V
			if _, loaded := m.m.GetOrSet(key, f(zero)); !loaded {
				return
			}
			continue
		}
		if m.m.CompareAndSwap(key, old, f(old)) {
			return
		}
	}
}

func (m haxMap[K, V]) Range(f func(key K, value V) bool) { m.m.ForEach(f) }

func (m haxMap[K, V]) Len() int { return int(m.m.Len()) }

// LoadAndDelete is what the package calls GetAndDel. Its Swap is not a [Swapper]'s: it stores nothing for an absent key.
func (m haxMap[K, V]) LoadAndDelete(key K) (V, bool) { return m.m.GetAndDel(key) }

func (m haxMap[K, V]) CompareAndSwap(key K, old, new V) bool {
	return m.m.CompareAndSwap(key, old, new)
}
