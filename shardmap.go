package shardmap

import (
	"unsafe"

	"github.com/shardmap-go/shardmap/internal/sched/atomic"
	"github.com/shardmap-go/shardmap/internal/sched/sync"
)

// Map is a concurrent hash map like [sync.Map], with types, speed, and a [Map.Snapshot] of the whole map at one
// instant that costs the same for ten entries and ten million.
//
// The zero value is an empty map ready to use. A Map must not be copied after first use ("go vet" reports copies).
// A nil *Map panics like a nil *sync.Map.
//
// # Consistency
//
// Every operation on one key is linearizable: it takes effect at one instant between its call and its return. In the
// terms of the Go memory model, a write operation "synchronizes before" any read operation that observes its effect.
// Load, LoadOrStore that finds its key, Range, All, Keys, Values and Len are read operations; Store, Delete,
// LoadAndDelete, Swap, Clear and Replace are write operations; LoadOrStore that stores is a write operation;
// CompareAndSwap and CompareAndDelete are write operations if they return true and read operations otherwise.
// Snapshot, Clear and Replace take effect for all keys at one instant. Range and Len look at a live map and see no
// particular instant; take a snapshot where that matters.
//
// A value that is stored is present, whatever it is: nil and zero values too. Presence is told by the second result
// alone.
//
// # Locks and callbacks
//
// Load, and every other read of a single key, takes no lock and waits for nobody. Writers of existing keys wait only
// for whatever needs the whole map at one instant: Snapshot, Clear, Replace, Clone, printing and encoding (which take a
// snapshot), the set-up of more counters when a map outgrows its first shard or gets fought over, all well under a
// microsecond; and, for as long as it takes to visit every entry, Shrink, a DeleteFunc that has NaN keys to delete, and
// the two things that happen once in the life of a map, if ever: a change of the hash function, and storing, of all 8-byte
// values, the random one by which the map knows its deleted entries. Writers that insert lock one shard besides, and so
// do those that are the first to update or delete an entry after a snapshot, and deletes that meet the division of their
// shard, or one of those that need the whole map. No function that you pass to a method runs under a lock (a hasher is the one exception, see
// [WithHasher]), so that it may use the map, panic, or call [runtime.Goexit], and leaves the map intact.
//
// # Keys
//
// Keys are compared with ==, and only keys that are equal must have equal hashes; the built-in hashing sees to that.
// +0 and -0 are one key. A NaN is a key of its own each time it is stored: it cannot be loaded, replaced or deleted,
// but Range shows it and Clear and DeleteFunc remove it, as in a Go map. A key whose dynamic type is not comparable
// (in a Map[any, any], say) panics before anything is locked or changed.
type Map[K comparable, V any] struct {
	_ noCopy

	//lint:ignore U1000 it is used with the tag shardmap_assert, and takes no space without
	guard copyGuard

	dir     atomic.Pointer[directory[K]] // nil until the first write; see directory.go
	grow    sync.Mutex                   // guards changes of the directory's table
	loads   flights[K, V]                // the loaders of LoadOrCompute that are under way
	writers                              // see lanes.go

	splits, copies atomic.Uint64 // for Stats
}

var _ ConcurrentMap[string, int] = (*Map[string, int])(nil)

// New returns an empty map that is set up by opts. It panics if an option is bad, with a sentence that names the
// option and the value. Without options, new(Map[K, V]) or the zero value does the same.
func New[K comparable, V any](opts ...Option) *Map[K, V] {
	var c config
	for _, o := range opts {
		o(&c)
	}
	c.check()
	custom := hasherFor[K](&c)
	m := new(Map[K, V])
	if c.hasShard || c.capacity > 0 || custom != nil {
		d := newDirectory[K, V](newHashing(custom), c.shards, c.capacity)
		m.dir.Store(d)
		if d.depth > 0 {
			m.lanes.Store(newLaneSet(fullLanes(), 0))
		}
	}
	return m
}

// newDirectory returns a directory of empty shards: at least as many as asked for, and enough for capacity entries.
func newDirectory[K comparable, V any](h hashing[K], shards, capacity int) *directory[K] {
	d := &directory[K]{hashing: h, slots: newSlots[K, V]()}
	d.table = emptyTable(shards, capacity, roomyFill, 0)
	return d
}

// directory returns the current directory, and makes the first one.
func (m *Map[K, V]) directory() *directory[K] {
	if d := m.dir.Load(); d != nil {
		return d
	}
	return m.firstDirectory()
}

func (m *Map[K, V]) firstDirectory() *directory[K] {
	m.dir.CompareAndSwap(nil, newDirectory[K, V](newHashing[K](nil), 1, 0))
	return m.dir.Load()
}

// Load returns the value stored for key, and whether there is one.
//
// It is linearizable, never blocks, writes no memory that other goroutines use, and allocates nothing.
func (m *Map[K, V]) Load(key K) (value V, ok bool) {
	m.assertNotCopied()
	d := m.dir.Load()
	if d == nil {
		checkKey(key)
		return value, false
	}
	// hashing.of, directory.find and unpack, written out: calls and branches before the first cache miss are what a
	// lookup's time is made of.
	var h uint64
	switch {
	case isStringSize(key) && d.kind == hashString:
		h = hashOfString(asString(key), d.seed)
	case isWordSize(key) && d.kind == hashWord:
		h = fold(asWord(key)^d.seed, mix1)
	default:
		h = d.of(key)
	}
	tags := spread(h)
	b := d.shard(h).bucket(h & d.bucketMask)
	set := match(b.meta.Load(), tags)
	if set == 0 {
		if b.next.Load() == nil {
			return value, false
		}
	} else if e := b.entry(firstSlot(set)).Load(); e != nil && *keyOf[K](e) == key {
		if isWordSize(value) && d.slotKind == slotWord {
			w := (*wordEntry[K])(unsafe.Pointer(e)).slot.Load()
			if w == d.dead {
				return value, false // deleted during this call: see bucket
			}
			return *(*V)(unsafe.Pointer(&w)), true
		}
		p := (*entry[K])(unsafe.Pointer(e)).slot.Load()
		if p == &tombstone {
			return value, false
		}
		if neverBoxed(value) || d.slotKind == slotPointer {
			return *(*V)(unsafe.Pointer(&p)), true
		}
		if asserting {
			assertUnchanged[V](p)
		}
		return *(*V)(unsafe.Pointer(p)), true
	}
	if e := d.searchOn(b, set, tags, key); e != nil { // there was another key with the tag, or the chain goes on
		if r := d.load(e); !d.isDead(r) {
			return unpack[V](d.slotKind, r), true
		}
	}
	return value, false
}

// Store sets the value for key.
//
// It is linearizable. For a key that is present it waits for no other writer of a single key, and allocates nothing
// if V is a pointer, map, channel or function, or at most 8 bytes without pointers; other values are copied to the
// heap. (The first update of an entry after a snapshot, and a new key, lock the shard and allocate an entry.)
func (m *Map[K, V]) Store(key K, value V) {
	m.assertNotCopied()
	d := m.dir.Load()
	if d == nil {
		d = m.firstDirectory()
	}
	var h uint64
	switch { // hashing.of, written out as in Load
	case isStringSize(key) && d.kind == hashString:
		h = hashOfString(asString(key), d.seed)
	case isWordSize(key) && d.kind == hashWord:
		h = fold(asWord(key)^d.seed, mix1)
	default:
		h = d.of(key)
	}
	next := pack(d.slotKind, value) // before a lane is entered, as it may allocate
	l := m.enter()
	if m.dir.Load() == d { // set, written out
		s := d.shard(h)
		switch _, v := d.update(s, h, key, next); {
		case v == done:
			l.leave(0)
			return
		case v == absent && d.add(s, h, key, next):
			l.leave(1)
			return
		}
	}
	m.write(l, d, h, key, put, raw{}, next)
}

// Swap sets the value for key and returns the previous value, and whether there was one.
//
// It is linearizable, and locks and allocates like [Map.Store].
func (m *Map[K, V]) Swap(key K, value V) (previous V, loaded bool) {
	m.assertNotCopied()
	d := m.directory()
	old, loaded := m.set(d, d.of(key), key, pack(d.slotKind, value))
	if loaded {
		previous = unpack[V](d.slotKind, old)
	}
	return previous, loaded
}

// LoadOrStore returns the value stored for key if there is one. Otherwise it stores value and returns that. The
// second result tells whether the value was there.
//
// It is linearizable. If the key is present it is a Load: no lock, no allocation. Otherwise it locks the key's shard
// and allocates like [Map.Store] for a new key.
func (m *Map[K, V]) LoadOrStore(key K, value V) (actual V, loaded bool) {
	if actual, loaded = m.Load(key); loaded { // a third fewer instructions than lookup
		return actual, true
	}
	d := m.directory()
	h, next := d.of(key), pack(d.slotKind, value) // before a lane is entered, as a hasher may panic
	old, stored := m.insertAbsent(d, h, key, next)
	if stored {
		return value, false
	}
	return unpack[V](d.slotKind, old), true
}

// LoadAndDelete deletes the entry for key and returns the value that it had, and whether there was one. Of several
// calls that delete the same entry, exactly one gets its value, and that is the last one stored there.
//
// It is linearizable and allocates nothing. If the key is absent it is a Load. Otherwise it waits for no other writer of a
// single key, unless its shard, or the directory of shards, is being divided or copied just then. (The first update or deletion of an entry after a
// snapshot locks the shard, and copies it if nobody has yet.) The value can be collected as soon as nobody else holds it,
// a snapshot of before the call included.
func (m *Map[K, V]) LoadAndDelete(key K) (value V, loaded bool) {
	d, r, loaded := m.remove(key)
	if loaded {
		value = unpack[V](d.slotKind, r)
	}
	return value, loaded
}

// Delete deletes the entry for key, if there is one. It is linearizable, and waits and locks like [Map.LoadAndDelete].
func (m *Map[K, V]) Delete(key K) {
	m.remove(key)
}

// CompareAndSwap stores new for key if the value stored there is equal to old, and reports whether it did. Absent
// keys have no value equal to any.
//
// It is linearizable, and locks and allocates like [Map.Store] for a key that is present. It panics, before anything
// is locked or changed, if old is not comparable.
func (m *Map[K, V]) CompareAndSwap(key K, old, new V) (swapped bool) {
	mustBeComparable("CompareAndSwap", old)
	var f found[K]
	for {
		if !m.lookup(key, false, &f) || !equal(unpack[V](f.d.slotKind, f.r), old) {
			return false
		}
		if m.exchange(&f, key, pack(f.d.slotKind, new)) {
			return true
		}
	}
}

// CompareAndDelete deletes the entry for key if its value is equal to old, and reports whether it did.
//
// It is linearizable, and waits and locks like [Map.LoadAndDelete] if the value is equal. It panics, before anything is
// locked or changed, if old is not comparable.
func (m *Map[K, V]) CompareAndDelete(key K, old V) (deleted bool) {
	mustBeComparable("CompareAndDelete", old)
	var f found[K]
	for {
		if !m.lookup(key, false, &f) || !equal(unpack[V](f.d.slotKind, f.r), old) {
			return false
		}
		if deleted = m.delete(&f, key); deleted {
			return true
		}
	}
}

// Compute sets or removes the entry for key as fn says. It calls fn with the value stored for key and whether there
// is one, and if fn returns
//
//   - [Set], stores the value that fn returned,
//   - [Remove], deletes the entry if there is one,
//   - [Keep], changes nothing and ignores the value.
//
// It returns the value that is then stored, and whether there is one.
//
// It is linearizable: nothing happens to the entry between what fn was told and what fn decided. No lock is held while
// fn runs. Instead, if the entry was changed meanwhile, fn is called again with what is there now. So fn may run several
// times, at the same time as the fn of another Compute of the same key: it must decide from its arguments alone, and
// not modify what old refers to (a slice's spare capacity, which append may write to, included). Some call always
// succeeds, but one with a slow fn may have to try often if the key is written all the time.
//
// It locks and allocates like [Map.Store], or [Map.LoadAndDelete]. It panics if fn returns another Op than these.
func (m *Map[K, V]) Compute(key K, fn func(old V, loaded bool) (V, Op)) (actual V, present bool) {
	var f found[K]
	for {
		loaded := m.lookup(key, true, &f)
		var old V
		if loaded {
			old = unpack[V](f.d.slotKind, f.r)
		}
		value, op := fn(old, loaded)
		var done bool
		switch op {
		case Keep:
			return old, loaded
		case Set:
			if next := pack(f.d.slotKind, value); loaded {
				done = m.exchange(&f, key, next)
			} else {
				_, done = m.insertAbsent(f.d, f.h, key, next)
			}
			if done {
				return value, true
			}
		case Remove:
			if loaded {
				done = m.delete(&f, key)
			}
			if done || !loaded {
				return actual, false
			}
		default:
			panic(badOp(op))
		}
	}
}

// LoadOrCompute returns the value stored for key if there is one. Otherwise it calls load and stores what it returns,
// unless that is an error, which LoadOrCompute returns and which stores nothing. The second result tells whether the
// value came from somebody else: the map, or another goroutine's load.
//
// Of several goroutines that miss the same key at the same time, one calls load, and the others wait for its result –
// the value or the error. If load panics or calls [runtime.Goexit], nothing is stored, the others wake, and one of
// them calls its own load. If the key is stored by other means while load runs, that value stays and is returned.
//
// A present key is a Load: no lock, no allocation. No lock is held while load runs, and it may use the map; but a
// LoadOrCompute of the same key from inside load waits for itself, for ever. It panics if load is nil.
func (m *Map[K, V]) LoadOrCompute(key K, load func() (V, error)) (actual V, loaded bool, err error) {
	if load == nil {
		panic("shardmap: LoadOrCompute: nil load function")
	}
	if actual, loaded = m.Load(key); loaded {
		return actual, true, nil
	}
	return m.loads.loadOrCompute(key, load, m.Load, m.LoadOrStore)
}

// Len returns the number of entries. It adds up a few counters, at most 64, whatever the size of the map. The result is
// never negative, and exact if nobody writes meanwhile; [Snapshot.Len] is exact always.
func (m *Map[K, V]) Len() int {
	if asserting {
		m.assertNotCopied()
	}
	ls := m.lanes.Load()
	if ls == nil {
		return 0
	}
	return ls.len()
}

// Clear deletes all entries, at one instant: no entry stored before Clear began is there after it, and none stored
// after it returned is lost. It takes the time of a [Map.Snapshot]. The map starts over with one shard.
func (m *Map[K, V]) Clear() {
	m.assertNotCopied()
	if m.lanes.Load() == nil {
		return // nothing was ever stored
	}
	ls := m.exclude()
	defer m.open(ls)
	if d := m.dir.Load(); d != nil {
		empty := *d
		empty.table = emptyTable(1, 0, roomyFill, d.gen)
		m.dir.Store(&empty)
	}
	ls.add(-ls.len())
	m.assertInvariants(ls)
}
