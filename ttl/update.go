package ttl

import (
	"fmt"

	"github.com/shardmap-go/shardmap"
)

// LoadOrStore returns the value stored for key if there is one that has not expired. Otherwise it stores value, like
// [Map.Store], and returns that. The second result tells whether the value was there. If it could not be stored, the
// value is returned all the same, with the error.
//
// It is linearizable. If the key is present it is a Load: no lock, no allocation.
func (m *Map[K, V]) LoadOrStore(key K, value V) (actual V, loaded bool, err error) {
	if actual, loaded = m.Load(key); loaded {
		return actual, true, nil
	}
	old, err := m.storeAbsent(key, value, Lifetime{})
	switch {
	case err != nil:
		return value, false, wrap("LoadOrStore", key, err)
	case old != nil:
		return old.value, true, nil
	}
	return value, false, nil
}

// storeAbsent stores value unless there is one, whose entry it returns.
func (m *Map[K, V]) storeAbsent(key K, value V, l Lifetime) (old *entry[K, V], err error) {
	return m.update(key, func(old *entry[K, V], now int64) (*entry[K, V], shardmap.Op) {
		if old != nil {
			return nil, shardmap.Keep
		}
		return m.newEntry(key, value, l, now), shardmap.Set
	})
}

// LoadAndDelete deletes the entry for key and returns the value that it had, and whether there was one that had not
// expired. Of several calls that delete the same entry, exactly one gets its value.
//
// It is linearizable. If the key is absent it takes no lock.
func (m *Map[K, V]) LoadAndDelete(key K) (value V, loaded bool) {
	old, _ := m.update(key, func(*entry[K, V], int64) (*entry[K, V], shardmap.Op) { return nil, shardmap.Remove })
	if old != nil {
		value, loaded = old.value, true
	}
	return value, loaded
}

// Delete deletes the entry for key, if there is one, like [Map.LoadAndDelete]; and an error of a loader that is cached for it.
func (m *Map[K, V]) Delete(key K) { m.LoadAndDelete(key) }

// CompareAndSwap stores new for key, with the map's default lifetime, if the value stored there is equal to old and has
// not expired, and reports whether it did.
//
// It is linearizable. It panics, before anything is changed, if old is not comparable.
func (m *Map[K, V]) CompareAndSwap(key K, old, new V) (swapped bool) {
	mustBeComparable("CompareAndSwap", old)
	// There is an entry to take the place of, so that the map cannot be too full; and a key that is not equal to itself
	// is not there.
	_, _ = m.update(key, func(e *entry[K, V], now int64) (*entry[K, V], shardmap.Op) {
		if swapped = e != nil && any(e.value) == any(old); !swapped {
			return nil, shardmap.Keep
		}
		return m.newEntry(key, new, Lifetime{}, now), shardmap.Set
	})
	return swapped
}

// CompareAndDelete deletes the entry for key if its value is equal to old and has not expired, and reports whether it did.
//
// It is linearizable. It panics, before anything is changed, if old is not comparable.
func (m *Map[K, V]) CompareAndDelete(key K, old V) (deleted bool) {
	mustBeComparable("CompareAndDelete", old)
	_, _ = m.update(key, func(e *entry[K, V], _ int64) (*entry[K, V], shardmap.Op) {
		if deleted = e != nil && any(e.value) == any(old); !deleted {
			return nil, shardmap.Keep
		}
		return nil, shardmap.Remove
	})
	return deleted
}

// mustBeComparable panics if old cannot be compared with ==.
func mustBeComparable[V any](method string, old V) {
	defer func() {
		if recover() != nil {
			panic(fmt.Sprintf("ttl: %s: old value of type %T: is not comparable", method, old))
		}
	}()
	_ = any(old) == any(old)
}

// Compute sets or removes the entry for key as fn says, like [shardmap.Map.Compute]: an entry that has expired is told to
// fn as absent, and a value that fn sets gets the map's default lifetime. It returns the value that is then stored, and
// whether there is one. If the value could not be stored, see [Map.Store], it returns what was there, and the error.
//
// It is linearizable, and calls fn with no lock held; again if the entry was changed meanwhile, or found expired. An entry
// whose deadline passes while fn runs, unseen by anybody, counts as live. It panics if fn returns another Op than Keep,
// Set and Remove.
func (m *Map[K, V]) Compute(key K, fn func(old V, loaded bool) (V, shardmap.Op)) (actual V, present bool, err error) {
	var value V
	var op shardmap.Op
	old, err := m.update(key, func(e *entry[K, V], _ int64) (*entry[K, V], shardmap.Op) {
		var was V
		if e != nil {
			was = e.value
		}
		switch value, op = fn(was, e != nil); op {
		case shardmap.Keep, shardmap.Remove:
			return nil, op
		case shardmap.Set:
			return m.newEntry(key, value, Lifetime{}, m.now()), op // fn may have taken its time
		}
		panic(fmt.Sprintf("ttl: Compute: op %d: want Keep, Set or Remove", op))
	})
	switch {
	case err == nil && op == shardmap.Set:
		return value, true, nil
	case err != nil:
		err = wrap("Compute", key, err)
	case op == shardmap.Remove:
		return actual, false, nil
	}
	if old != nil {
		actual, present = old.value, true
	}
	return actual, present, err
}

// DeleteFunc deletes the entries for which pred returns true, and returns how many it deleted. It visits the entries
// like [Map.Range]. An entry is deleted only as pred saw it: if its value was changed meanwhile, pred is asked again.
//
// Each deletion is linearizable by itself. No lock is held while pred runs.
func (m *Map[K, V]) DeleteFunc(pred func(key K, value V) bool) int {
	n := 0
	for key := range m.All() {
		deleted := false
		_, _ = m.update(key, func(e *entry[K, V], _ int64) (*entry[K, V], shardmap.Op) {
			if deleted = e != nil && pred(key, e.value); !deleted {
				return nil, shardmap.Keep
			}
			return nil, shardmap.Remove
		})
		if deleted {
			n++
		}
	}
	return n
}
