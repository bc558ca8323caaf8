package shardmap

import "runtime"

// Growing, splitting and copying shards. All of it happens in the same way: the successors are built in private, the
// one that the writer goes on with is locked, they are published, and the old shard's lock is given up. A panic on
// the way (of a user's hasher) leaves everything as it was.

// own replaces the locked shard by a copy for generation gen, because a snapshot may share the shard.
func (m *Map[K, V]) own(w *hold, gen, h uint64) {
	c := copyOf(w.shard, gen)
	c.mu.Lock()
	m.publish(h, c)
	w.handOver(c)
	m.copies.Add(1)
}

// mayDivide reports whether the shard seems to be full, or is fought over. mu is held.
func (s *shard) mayDivide() bool { return s.count >= s.capacity() || s.contended >= foughtOverLimit }

// divide makes room in the locked shard of hash h, if it is full or fought over and room can be made: the only shard
// of a small map gets more buckets, any other is split. It reports whether it did.
//
// It calls the hasher. If that panics or exits the goroutine, divide releases w.
func (m *Map[K, V]) divide(w *hold, h uint64) bool {
	full := w.shard.full()
	if !full && w.shard.contended < foughtOverLimit {
		return false
	}
	returned := false
	defer func() {
		if !returned {
			w.shard.divided.Store(0) // it has no successors after all
			w.release()
		}
	}()
	made := m.makeRoom(w, h, full)
	returned = true
	return made
}

// makeRoom does what divide does, for a shard that is full or else fought over.
func (m *Map[K, V]) makeRoom(w *hold, h uint64, full bool) bool {
	s, d := w.shard, m.dir.Load()
	if s.bucketsLog2 < maxBucketsLog2 { // then it is the only one
		log2 := moreBuckets(s.bucketsLog2)
		if !full {
			log2 = maxBucketsLog2
		}
		g := newShard(log2, 0, d.gen)
		s.divided.Store(1)
		d.pour(s, g)
		g.contended = s.contended
		g.mu.Lock()
		m.publish(h, g)
		w.handOver(g)
		return true
	}
	if s.depth == d.depth && !m.mayDouble(d, full) {
		s.contended = 0
		s.postponeCount()
		return false
	}
	s.divided.Store(1)
	lower, upper := d.split(s)
	ours := lower
	if h>>(63-s.depth)&1 != 0 {
		ours = upper
	}
	ours.mu.Lock()
	m.publish(h, lower, upper)
	w.handOver(ours)
	m.splits.Add(1)
	return true
}

// entriesPerSlot is how few entries there may be for each slot of the directory, a tenth of what fill a shard.
const entriesPerSlot = 16 - 14*exploring

// mayDouble reports whether the directory may grow by one bit: as long as it has not too many slots for its entries, or,
// for a shard that is fought over, four for each processor. Where keys cannot be told apart by their hashes the
// directory thus stays small, and the chains grow until the hash function is exchanged.
func (m *Map[K, V]) mayDouble(d *directory[K], full bool) bool {
	slots := 2 * d.len()
	if !full {
		return slots <= 4*runtime.GOMAXPROCS(0)
	}
	return slots <= m.Len()/entriesPerSlot+2
}

// pour places the entries of s, which is locked, into a shard that is still private.
func (d *directory[K]) pour(s, to *shard) {
	older := s.gen != d.gen
	for e, shared := range s.entries {
		to.place(e, d.of(*keyOf[K](e)), shared || older)
	}
}

// split returns two shards with the entries of s, which is locked: those whose hashes have a 0 behind the bits that all
// hashes of the shard have in common, and those that have a 1. All have the same number of buckets, so that each bucket
// of s is divided between two of the new ones, and the tags stay what they are.
func (d *directory[K]) split(s *shard) (lower, upper *shard) {
	lower, upper = newShard(s.bucketsLog2, s.depth+1, d.gen), newShard(s.bucketsLog2, s.depth+1, d.gen)
	inherited := uint64(0)
	if s.gen != d.gen {
		inherited = sharedAll
	}
	for i := range uint64(s.buckets()) {
		to := [2]filler{{s: lower, b: lower.bucket(i).plain()}, {s: upper, b: upper.bucket(i).plain()}}
		for b := s.bucket(i); b != nil; b = b.next.Load() {
			meta := b.meta.Load() | inherited
			for set := meta & tagHigh; set != 0; set &= set - 1 {
				slot := firstSlot(set)
				e := b.entries[slot].Load()
				if e == nil {
					continue
				}
				to[d.of(*keyOf[K](e))>>(63-s.depth)&1].append(e, meta, slot)
			}
		}
	}
	return lower, upper
}

// A filler fills the chain of one bucket of a private shard from the front.
type filler struct {
	s *shard
	b *plainBucket
	n int // slots of b that are taken
}

// append adds entry e, whose tag and shared bit are those of a slot in another bucket with that meta.
func (f *filler) append(e *opaque, meta uint64, slot int) {
	if f.n == bucketEntries {
		f.b.next = f.s.overflow().plain()
		f.b, f.n = f.b.next, 0
	}
	f.b.entries[f.n] = e
	f.b.meta |= meta>>(8*slot)&0xff<<(8*f.n) | meta>>(sharedShift+slot)&1<<(sharedShift+f.n)
	f.n++
	f.s.count++
}
