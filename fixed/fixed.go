package fixed

import (
	"errors"
	"fmt"
	"hash/maphash"
	"math/bits"
	"math/rand/v2"
)

// The errors of writers.
var (
	// ErrFull means that a new key found all slots taken. Nothing has changed.
	ErrFull = errors.New("fixed: the map is full")

	// ErrKey means that a key is not equal to itself: it is a NaN, or has one in it. Nobody could ever find or delete
	// its entry, and its slot would be lost. Nothing has changed.
	ErrKey = errors.New("fixed: the key is not equal to itself")
)

// Map is a concurrent hash map for a number of entries that is fixed when it is made, and that never allocates
// afterwards.
//
// A Map is made by [New], and must not be copied after first use ("go vet" reports copies). The zero value is a map of
// capacity 0.
//
// Every operation on one key, Len and Clear are linearizable. In the terms of the Go memory model a write that took
// effect "synchronizes before" any read that observes it. An operation on one key locks the key's shard: for reading,
// if it is Load or a LoadOrStore that finds its key, and for writing otherwise. A new key, and the deletion of one,
// lock the bitmap of free slots of a shard, too; a new key for which its own shard has none left locks those of
// others, and all of them for a moment when the map seems to be full. No function of the user's is called with a lock
// held. A present value may be the zero value: presence is told by the second result alone.
//
// Keys are compared with ==. A key that is not equal to itself is absent, and cannot be stored, see [ErrKey]. A key
// whose dynamic type is not comparable panics before anything is locked or changed.
type Map[K comparable, V any] struct {
	_ noCopy

	hash     func(K) uint64
	shards   []shard // a power of two
	shift    uint    // of a hash, for its top bits to be the number of a shard
	slots    []slot[K, V]
	share    int // slots per region, but for the last ones
	capacity int
}

// New returns an empty map for capacity entries. It allocates all that the map will ever need: 20 to 25 bytes and the
// sizes of a key and a value for each entry, and some 250 bytes for each shard.
//
// It panics if capacity is negative or above 1,073,741,824 (67,108,864 on 32-bit machines), or if an option is bad,
// with a sentence that names the value. A map of capacity 0 is always full.
func New[K comparable, V any](capacity int, opts ...Option) *Map[K, V] {
	c := newConfig(capacity, opts)
	m := &Map[K, V]{
		hash:     newHash(hasherFor[K](&c)),
		shards:   make([]shard, c.shards),
		shift:    uint(64 - bits.TrailingZeros(uint(c.shards))),
		slots:    make([]slot[K, V], capacity),
		share:    max(1, ceilDiv(capacity, c.shards)),
		capacity: capacity,
	}
	for i := range m.shards {
		s := &m.shards[i]
		s.heads = make([]ref, ceilPowerOfTwo(m.share))
		s.region.init(min(i*m.share, capacity), min((i+1)*m.share, capacity))
	}
	return m
}

// newHash returns the hash function of a map; custom, if not nil, is the user's.
func newHash[K comparable](custom func(K) uint64) func(K) uint64 {
	if custom == nil {
		seed := maphash.MakeSeed()
		return func(key K) uint64 { return maphash.Comparable(seed, key) }
	}
	secret := rand.Uint64()
	return func(key K) uint64 {
		// The two halves of a 128-bit product, combined, as in wyhash; the constant is that of shardmap's hash.go.
		hi, lo := bits.Mul64(custom(key)^secret, 0x6a09e667f3bcc909)
		return hi ^ lo
	}
}

// Load returns the value stored for key, and whether there is one. It locks the key's shard for reading.
func (m *Map[K, V]) Load(key K) (value V, ok bool) {
	at, ok := m.locate(key)
	if !ok {
		return value, false
	}
	return m.load(at, key)
}

func (m *Map[K, V]) load(at place, key K) (value V, ok bool) {
	s := &m.shards[at.shard]
	s.mu.RLock()
	defer s.mu.RUnlock()
	e, _ := m.find(s, at, key)
	if e == nil {
		return value, false
	}
	return e.value, true
}

// Store sets the value for key. It returns [ErrFull] if key is new and all slots are taken, or [ErrKey]; then nothing
// has changed. A key that is present can always be stored.
func (m *Map[K, V]) Store(key K, value V) error {
	_, _, err := m.Swap(key, value)
	return err
}

// Swap sets the value for key and returns the previous value, and whether there was one. It fails like [Map.Store].
func (m *Map[K, V]) Swap(key K, value V) (previous V, loaded bool, err error) {
	at, ok := m.locate(key)
	if !ok {
		return previous, false, m.refuse(key)
	}
	s := &m.shards[at.shard]
	s.mu.Lock()
	defer s.mu.Unlock()
	if e, _ := m.find(s, at, key); e != nil {
		previous, e.value = e.value, value
		return previous, true, nil
	}
	return previous, false, m.insert(s, at, key, value)
}

// refuse returns why key, which could not be located, cannot be stored.
func (m *Map[K, V]) refuse(key K) error {
	if key != key {
		return ErrKey
	}
	return ErrFull
}

// LoadOrStore returns the value stored for key if there is one. Otherwise it stores value and returns that. The second
// result tells whether the value was there. It fails like [Map.Store], and returns the zero value then.
func (m *Map[K, V]) LoadOrStore(key K, value V) (actual V, loaded bool, err error) {
	at, ok := m.locate(key)
	if !ok {
		return actual, false, m.refuse(key)
	}
	if actual, loaded = m.load(at, key); loaded {
		return actual, true, nil
	}
	s := &m.shards[at.shard]
	s.mu.Lock()
	defer s.mu.Unlock()
	if e, _ := m.find(s, at, key); e != nil {
		return e.value, true, nil
	}
	if err = m.insert(s, at, key, value); err != nil {
		return actual, false, err
	}
	return value, false, nil
}

// LoadAndDelete deletes the entry for key and returns the value that it had, and whether there was one. The map
// does not keep key and value alive any longer.
func (m *Map[K, V]) LoadAndDelete(key K) (value V, loaded bool) {
	at, ok := m.locate(key)
	if !ok {
		return value, false
	}
	s := &m.shards[at.shard]
	s.mu.Lock()
	defer s.mu.Unlock()
	e, link := m.find(s, at, key)
	if e == nil {
		return value, false
	}
	value = e.value
	m.remove(e, link)
	return value, true
}

// Delete deletes the entry for key, if there is one.
func (m *Map[K, V]) Delete(key K) { m.LoadAndDelete(key) }

// CompareAndSwap stores new for key if the value stored there is equal to old, and reports whether it did. It panics,
// before anything is locked or changed, if old is not comparable.
func (m *Map[K, V]) CompareAndSwap(key K, old, new V) (swapped bool) {
	mustBeComparable("CompareAndSwap", old)
	at, ok := m.locate(key)
	if !ok {
		return false
	}
	s := &m.shards[at.shard]
	s.mu.Lock()
	defer s.mu.Unlock()
	e, _ := m.find(s, at, key)
	if e == nil || any(e.value) != any(old) {
		return false
	}
	e.value = new
	return true
}

// CompareAndDelete deletes the entry for key if its value is equal to old, and reports whether it did. It panics,
// before anything is locked or changed, if old is not comparable.
func (m *Map[K, V]) CompareAndDelete(key K, old V) (deleted bool) {
	mustBeComparable("CompareAndDelete", old)
	at, ok := m.locate(key)
	if !ok {
		return false
	}
	s := &m.shards[at.shard]
	s.mu.Lock()
	defer s.mu.Unlock()
	e, link := m.find(s, at, key)
	if e == nil || any(e.value) != any(old) {
		return false
	}
	m.remove(e, link)
	return true
}

// mustBeComparable panics if old cannot be compared with ==. If it can be compared with itself, then with any other
// value, too; see Map.locate.
func mustBeComparable[V any](method string, old V) {
	if !isComparable(old) {
		panic(fmt.Sprintf("fixed: %s: old value of type %T is not comparable", method, old))
	}
}

func isComparable[V any](v V) (ok bool) {
	defer func() { ok = recover() == nil }()
	_ = any(v) == any(v)
	return ok
}

// Len returns the number of entries. It is linearizable, and locks the bitmaps of all shards for a moment.
func (m *Map[K, V]) Len() int {
	m.lockRegions()
	defer m.unlockRegions()
	n := m.capacity
	for i := range m.shards {
		n -= m.shards[i].region.free
	}
	return n
}

// Cap returns the capacity: how many entries the map can hold.
func (m *Map[K, V]) Cap() int { return m.capacity }

// Clear deletes all entries at one instant. It locks all shards, for a time in proportion to the capacity.
func (m *Map[K, V]) Clear() {
	for i := range m.shards {
		m.shards[i].mu.Lock()
	}
	m.lockRegions()
	clear(m.slots)
	for i := range m.shards {
		clear(m.shards[i].heads)
		m.shards[i].region.resetLocked()
	}
	m.unlockRegions()
	for i := range m.shards {
		m.shards[i].mu.Unlock()
	}
}

// noCopy makes "go vet" (copylocks) report copies of the struct that holds it. It occupies no memory.
type noCopy struct{}

func (*noCopy) Lock()   {}
func (*noCopy) Unlock() {}
