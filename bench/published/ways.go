package published

import (
	"iter"
	"sync"

	"github.com/shardmap-go/shardmap"
)

// The maps of the scenarios that need more than the methods of [strategy.Map].

// readable is what expect needs of a map.
type readable[K, V any] interface {
	Load(key K) (V, bool)
	Range(f func(key K, value V) bool)
	Len() int
}

// storable is what it takes to put entries into a map: one, or many in the cheapest way there is.
type storable interface {
	Store(key, value int)
	storeAll(entries iter.Seq2[int, int])
}

// A lockedMap is a Go map with a lock that is held for the length of a walk, and once for all entries that are stored
// together.
type lockedMap struct {
	read, write sync.Locker
	m           map[int]int
}

func newRWLockedMap(capacity int) *lockedMap {
	mu := new(sync.RWMutex)
	return &lockedMap{read: mu.RLocker(), write: mu, m: make(map[int]int, capacity)}
}

func newMutexLockedMap() *lockedMap {
	mu := new(sync.Mutex)
	return &lockedMap{read: mu, write: mu, m: make(map[int]int)}
}

func (m *lockedMap) Load(key int) (int, bool) {
	m.read.Lock()
	defer m.read.Unlock()
	v, ok := m.m[key]
	return v, ok
}

func (m *lockedMap) view(key int, f func(value int, ok bool)) {
	m.read.Lock()
	defer m.read.Unlock()
	v, ok := m.m[key]
	f(v, ok)
}

func (m *lockedMap) Store(key, value int) {
	m.write.Lock()
	defer m.write.Unlock()
	m.m[key] = value
}

func (m *lockedMap) storeAll(entries iter.Seq2[int, int]) {
	m.write.Lock()
	defer m.write.Unlock()
	for key, value := range entries {
		m.m[key] = value
	}
}

func (m *lockedMap) Len() int {
	m.read.Lock()
	defer m.read.Unlock()
	return len(m.m)
}

func (m *lockedMap) Range(f func(key, value int) bool) {
	m.read.Lock()
	defer m.read.Unlock()
	for key, value := range m.m {
		if !f(key, value) {
			return
		}
	}
}

func (m *lockedMap) walk(f func(key, value int) bool) { m.Range(f) }

// An immutableMap is read without a lock, and copied for each store, or once for all that are stored together.
type immutableMap struct{ shardmap.AtomicMap[int, int] }

func (m *immutableMap) storeAll(entries iter.Seq2[int, int]) {
	m.Update(func(content map[int]int) {
		for key, value := range entries {
			content[key] = value
		}
	})
}

func (m *immutableMap) view(key int, f func(value int, ok bool)) { f(m.Load(key)) }

func (m *immutableMap) walk(f func(key, value int) bool) { m.Range(f) }

// A liveMap is our map, walked over while it changes.
type liveMap struct{ shardmap.Map[int, int] }

func (m *liveMap) storeAll(entries iter.Seq2[int, int]) {
	for key, value := range entries {
		m.Store(key, value)
	}
}

func (m *liveMap) view(key int, f func(value int, ok bool)) { f(m.Load(key)) }

func (m *liveMap) walk(f func(key, value int) bool) { m.Range(f) }

// A snapshotMap is our map, walked over as it was at one instant.
type snapshotMap struct{ liveMap }

func (m *snapshotMap) walk(f func(key, value int) bool) { m.Snapshot().All()(f) }
