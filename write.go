package shardmap

import "unsafe"

// The write path. Every change of one key is made inside a lane, and tried in this order:
//
//  1. without the shard's lock (directory.update, Map.exchange, Map.remove, Map.delete): an entry that is there, and that no snapshot
//     shares, is updated or marked as deleted by compare-and-swap;
//  2. with it (Map.writeLocked): inserts, the plain ones of which have a short way of their own (directory.add), and updates and
//     deletes of entries that a snapshot shares, which are replaced or left out of a copy;
//  3. and, when the map as a whole stands in the way – its hash function does not tell keys apart, or the value to store
//     is the tombstone – the map is moved, and the write begins again (Map.write).

// An action is what write does with the entry of a key.
type action uint8

const (
	put         action = iota // set the value
	putAbsent                 // set the value if there is none
	putMatch                  // set the value if the slot holds what is expected
	remove                    // delete the entry
	removeMatch               // delete the entry if the slot holds what is expected
)

func (a action) removes() bool { return a >= remove }
func (a action) inserts() bool { return a <= putAbsent }

// accepts reports whether the action changes an entry whose slot holds r.
func (a action) accepts(r, expect raw) bool {
	switch a {
	case put, remove:
		return true
	case putAbsent:
		return false
	}
	return r == expect
}

// A verdict says how an attempt to write ended.
type verdict uint8

const (
	done    verdict = iota // it took effect
	refused                // the action does not apply to what is there
	locked                 // it needs the lock of the shard
	absent                 // the same, as there is no entry
	flooded                // the map's hash function does not tell enough keys apart
)

// update sets the value of key's entry in s, the shard of its hash, without a lock. It returns what the slot held before,
// and done, absent if there is no entry, or locked if it is shared with a snapshot or dead, or next is the tombstone.
//
// The caller has loaded d from the map inside a lane, and is inside still. Meanwhile no snapshot is taken: a shard of
// the current generation belongs to no snapshot, an entry without shared bit neither, and that stays so. The entry
// cannot be replaced by another one for the same key unless it is deleted in between, which leaves the tombstone in its
// slot for good; so a compare-and-swap that succeeds changes the value of an entry that is in the map. That the shard
// may have been split, grown or copied does not matter, because its successors hold the same entries.
func (d *directory[K]) update(s *shard, h uint64, key K, next raw) (old raw, v verdict) {
	if s.gen != d.gen {
		return old, locked
	}
	// directory.search and slots, written out, for the same reason as in Load: 41 ns against 31.
	tags := spread(h)
	for b := s.bucket(h & d.bucketMask); b != nil; b = b.next.Load() {
		meta := b.meta.Load()
		for set := match(meta, tags); set != 0; set &= set - 1 {
			i := firstSlot(set)
			e := b.entry(i).Load()
			if e == nil || *keyOf[K](e) != key {
				continue
			}
			if isShared(meta, i) {
				return old, locked
			}
			if d.slotKind == slotWord {
				slot := &(*wordEntry[K])(unsafe.Pointer(e)).slot
				for {
					old.w = slot.Load()
					switch {
					case old.w == d.dead || next.w == d.dead:
						return old, locked
					case slot.CompareAndSwap(old.w, next.w):
						return old, done
					}
				}
			}
			slot := &(*entry[K])(unsafe.Pointer(e)).slot
			for {
				old.p = slot.Load()
				switch {
				case old.p == &tombstone:
					return old, locked
				case slot.CompareAndSwap(old.p, next.p):
					return old, done
				}
			}
		}
	}
	return old, absent
}

// set stores next for key, whose hash in d is h, in whatever way does. It returns what the slot held before, and whether
// the key was present.
func (m *Map[K, V]) set(d *directory[K], h uint64, key K, next raw) (old raw, found bool) {
	l := m.enter()
	if m.dir.Load() == d {
		s := d.shard(h)
		switch old, v := d.update(s, h, key, next); {
		case v == done:
			l.leave(0)
			return old, true
		case v == absent && d.add(s, h, key, next):
			l.leave(1)
			return raw{}, false
		}
	}
	old, found, _ = m.write(l, d, h, key, put, raw{}, next)
	return old, found
}

// exchange stores next for key, if its slot still holds what was found there. It reports whether it did.
func (m *Map[K, V]) exchange(f *found[K], key K, next raw) (ok bool) {
	l, d := m.enter(), f.d
	if m.dir.Load() != d || f.shared() || d.slotKind == slotWord && next.w == d.dead {
		_, _, ok = m.write(l, d, f.h, key, putMatch, f.r, next)
		return ok
	}
	ok = d.compareAndSwap(f.e, f.r, next) // which is right for the same reasons as update
	l.leave(0)
	return ok
}

// insertAbsent stores next for key, whose hash in d is h, if there is no value, and reports whether it did. Otherwise it
// returns the value that is there.
func (m *Map[K, V]) insertAbsent(d *directory[K], h uint64, key K, next raw) (old raw, ok bool) {
	l := m.enter()
	if m.dir.Load() == d && d.add(d.shard(h), h, key, next) {
		l.leave(1)
		return raw{}, true
	}
	old, _, ok = m.write(l, d, h, key, putAbsent, raw{}, next)
	return old, ok
}

// add inserts an entry for key into s, the shard of its hash, if that is as simple as it mostly is: no writer has the shard's
// lock, the shard is not full, no snapshot shares it, and a bucket of the chain has room. Otherwise it changes
// nothing, returns false, and write has to be called. It is write for this case, written out.
//
// The caller has loaded d from the map inside a lane, and is inside still. So no shard of d's generation has been exchanged
// but those that were divided, which say so. (That a shard is fought over is for those to see who go the long way because of it.)
func (d *directory[K]) add(s *shard, h uint64, key K, content raw) bool {
	if s.gen != d.gen || d.slotKind == slotWord && content.w == d.dead || !s.mu.TryLock() {
		return false
	}
	b := s.bucket(h & d.bucketMask)
	meta := b.meta.Load()
	room := s.count < s.capacity() && s.divided.Load() == 0 &&
		(match(meta, spread(h)) == 0 && b.next.Load() == nil || d.search(b, h, key).e == nil)
	for room {
		if slot := unusedSlot(meta); slot >= 0 {
			b.put(slot, newEntry(d.slotKind, key, content), meta, h)
			break
		}
		if slot := b.emptiedSlot(); slot >= 0 {
			b.putAgain(slot, newEntry(d.slotKind, key, content), meta, h)
			break
		}
		if b = b.next.Load(); b == nil {
			room = false
			break
		}
		meta = b.meta.Load()
	}
	if room {
		s.count++
	}
	s.mu.Unlock()
	return room
}

// remove deletes the entry for key, and returns what its slot held, and whether there was one. It is lookup and delete,
// written out.
func (m *Map[K, V]) remove(key K) (d *directory[K], old raw, ok bool) {
	m.assertNotCopied()
	if d = m.dir.Load(); d == nil {
		checkKey(key)
		return nil, old, false
	}
	h := d.of(key)
	s := d.shard(h)
	at := d.search(s.bucket(h&d.bucketMask), h, key)
	if at.e == nil {
		return d, old, false
	}
	l := m.enter()
	if m.dir.Load() != d || s.gen != d.gen || isShared(at.meta, at.slot) {
		old, _, ok = m.write(l, d, h, key, remove, raw{}, raw{})
		return d, old, ok
	}
	for {
		if old = d.load(at.e); d.isDead(old) {
			l.leave(0)
			return d, old, false
		}
		if d.compareAndSwap(at.e, old, d.tombstone()) {
			m.unlink(l, d, s, at, h)
			return d, old, true
		}
	}
}

// delete deletes the entry of key that a lookup has found, if its slot still holds what was found there. It reports whether it did.
//
// Without the lock it marks the entry as deleted, which is when the deletion takes effect. That is right for the same
// reasons as update.
func (m *Map[K, V]) delete(f *found[K], key K) (ok bool) {
	l, d := m.enter(), f.d
	if m.dir.Load() != d || f.shared() {
		_, _, ok = m.write(l, d, f.h, key, removeMatch, f.r, raw{})
		return ok
	}
	if !d.compareAndSwap(f.e, f.r, d.tombstone()) {
		l.leave(0)
		return false
	}
	m.unlink(l, d, f.shard, f.place, f.h)
	return true
}

// unlink takes an entry of s that was marked as deleted inside lane l out of its bucket, and leaves the lane.
//
// The slot of the bucket has another entry by then only if the key was inserted anew. But the shard may be about to be
// divided, and its successors may have got the entry just before it left the bucket, with whom it must not stay. Who
// divides a shard says so before it looks at the entries. So if nothing is said after the entry was taken out, the
// successors will not get it. Otherwise unlink waits for them, and looks there.
func (m *Map[K, V]) unlink(l *lane, d *directory[K], s *shard, at place, h uint64) {
	at.b.entry(at.slot).CompareAndSwap(at.e, nil)
	if s.divided.Load() != 0 {
		m.takeOut(l, d, h, at.e)
	}
	l.leave(-1)
}

// takeOut takes an entry with hash h, which is dead, out of the shard that has it, if one has. It waits for the shard's
// lock, which a shard that is being divided has until its successors are published. The caller is inside lane l.
func (m *Map[K, V]) takeOut(l *lane, d *directory[K], h uint64, e *opaque) {
	w := hold{lane: l}
	m.lockShard(&w, h)
	if at := d.search(w.shard.chain(h), h, *keyOf[K](e)); at.e == e {
		at.b.entries[at.slot].Store(nil)
	}
	w.shard.mu.Unlock()
}

// write applies action a to the entry of key, whose hash in d is h, with the lock of its shard. It returns what the slot
// held before, whether the key was present, and whether the action took effect. It is linearizable.
//
// The caller is inside lane l, which write leaves. No lock is held when it returns or panics.
func (m *Map[K, V]) write(l *lane, d *directory[K], h uint64, key K, a action, expect, next raw) (old raw, found, ok bool) {
	for {
		epoch := d.epoch
		switch d = m.dir.Load(); {
		case d.epoch != epoch: // h is of another hash function
			l.leave(0)
		case d.slotKind == slotWord && next.w == d.dead && !a.removes():
			l.leave(0)
			m.moveTombstone(next.w)
		default:
			var v verdict
			w := hold{lane: l}
			old, found, v = m.writeLocked(&w, d, h, key, a, expect, next)
			w.release()
			if m.dir.Load().depth > 0 && m.lanes.Load().mask == 0 {
				m.widen()
			}
			if v != flooded {
				return old, found, v == done
			}
			m.rehash(epoch)
		}
		d = m.dir.Load()
		h = d.of(key)
		l = m.enter()
	}
}

// A hold is what a writer holds to insert or delete: the lane it is inside, and the lock of a shard.
type hold struct {
	lane    *lane
	shard   *shard
	entries int64 // inserted less deleted
}

func (w *hold) release() {
	if w.shard != nil {
		w.shard.mu.Unlock()
	}
	w.lane.leave(w.entries)
}

// handOver exchanges the locked shard for one of its successors, which the caller has locked before it published it.
func (w *hold) handOver(successor *shard) {
	w.shard.mu.Unlock()
	w.shard = successor
}

// writeLocked does what write does, once, with the lock of the shard, which the caller releases. Nothing in it can panic
// but a hasher that divide calls, and divide sees to that: a deferred release here would cost each insert 4 ns.
func (m *Map[K, V]) writeLocked(w *hold, d *directory[K], h uint64, key K, a action, expect, next raw) (old raw, found bool, v verdict) {
	m.lockShard(w, h)
	at := d.search(w.shard.chain(h), h, key)
	for {
		if at.e != nil {
			old = d.load(at.e)
		}
		switch {
		case at.e == nil || d.isDead(old):
			if !a.inserts() {
				return raw{}, false, refused
			}
			return raw{}, false, m.insert(w, d, h, at, key, next)
		case !a.accepts(old, expect):
			return old, true, refused
		case w.shard.gen != d.gen || isShared(at.meta, at.slot):
			m.replaceShared(w, d, h, at, key, a, next)
			return old, true, done
		}
		content := next
		if a.removes() {
			content = d.tombstone()
		}
		if d.compareAndSwap(at.e, old, content) {
			if a.removes() {
				w.take(at)
			}
			return old, true, done
		}
	}
}

// replaceShared does what the action says to an entry that a snapshot has, too. Nobody writes such an entry's slot, and
// nobody else can replace it, because w has the shard's lock.
func (m *Map[K, V]) replaceShared(w *hold, d *directory[K], h uint64, at place, key K, a action, next raw) {
	if w.shard.gen != d.gen {
		m.own(w, d.gen, h)
		at = d.search(w.shard.chain(h), h, key)
	}
	if a.removes() {
		w.take(at)
	} else {
		at.b.replace(at.slot, newEntry(d.slotKind, *keyOf[K](at.e), next))
	}
}

// take removes an entry from its bucket.
func (w *hold) take(at place) {
	at.b.entries[at.slot].Store(nil)
	w.entries--
}

// lockShard locks the shard of hash h. The caller holds a lane.
func (m *Map[K, V]) lockShard(w *hold, h uint64) {
	for {
		s := m.dir.Load().shard(h)
		waited := !s.mu.TryLock()
		if waited {
			s.mu.Lock()
		}
		// A shard passes its keys on under its lock. If the directory leads here now, it will as long as we hold it.
		if m.dir.Load().shard(h) == s {
			if waited && s.contended < foughtOverLimit {
				s.contended++
			}
			w.shard = s
			return
		}
		s.mu.Unlock()
	}
}

// foughtOverLimit is how often writers may have to wait for a shard before it is split though it is not full.
// Chosen by hand, not measured.
const foughtOverLimit = 64 - 63*exploring

// insert adds an entry for key to the locked shard of hash h, where a search has found nothing at all, or a dead entry that
// is about to be taken out. The latter's slot will do. No snapshot shares it, for who deletes stays inside a lane until
// the entry is out.
func (m *Map[K, V]) insert(w *hold, d *directory[K], h uint64, found place, key K, content raw) verdict {
	if found.e != nil {
		found.b.putAgain(found.slot, newEntry(d.slotKind, key, content), found.b.meta.Load(), h)
		w.entries++
		return done
	}
	for w.shard.mayDivide() && m.divide(w, h) {
	}
	if w.shard.gen != d.gen {
		m.own(w, d.gen, h)
	}
	s := w.shard
	b := s.chain(h)
	for n := 0; ; n++ {
		meta := b.meta.Load()
		if slot := unusedSlot(meta); slot >= 0 {
			b.put(slot, newEntry(d.slotKind, key, content), meta, h)
			break
		}
		if slot := b.emptiedSlot(); slot >= 0 {
			b.putAgain(slot, newEntry(d.slotKind, key, content), meta, h)
			break
		}
		next := b.next.Load()
		if next == nil {
			if n >= maxChain && !d.trusted {
				return flooded
			}
			next = s.overflow()
			b.next.Store(next)
		}
		b = next
	}
	s.count++
	w.entries++
	return done
}
