package shardmap

import "unsafe"

// Rebuilding the whole map: to shrink it, to change its hash function, to change its tombstone. Writers wait until it
// is done, readers do not notice: they finish in the directory they have, whose entries nobody changes any more
// unless they are in the new one too.

const (
	// roomyFill is the mean number of entries of a shard in a table that is built for entries to come: five standard
	// deviations below the number at which a shard splits, so that hardly any will before they are all in.
	roomyFill = 104 - 99*exploring

	// tightFill is that for entries that are there. A tenth of the shards will split soon.
	tightFill = 136 - 130*exploring
)

// emptyTable returns a table of new shards: at least as many as asked for, with room for capacity entries when each has
// fill of them.
func emptyTable(shards, capacity, fill int, gen uint64) table {
	depth, log2 := ceilLog2(uint64(max(shards, 1))), uint8(0)
	if capacity > perBucket<<maxBucketsLog2 {
		depth = max(depth, ceilLog2((uint64(capacity)+uint64(fill)-1)/uint64(fill)))
	}
	if depth > 0 {
		log2 = maxBucketsLog2
	}
	for capacity > perBucket<<log2 && log2 < maxBucketsLog2 {
		log2 = moreBuckets(log2)
	}
	all := make([]*shard, 1<<depth)
	for i := range all {
		all[i] = newShard(log2, depth, gen)
	}
	return newTable(all, gen)
}

// rebuild publishes a directory with room for the entries that keep lets pass, which hashes with h and marks with the
// word tombstone dead, and returns how many entries it left out. If dead is another tombstone than before, all entries
// are made anew. All lanes, which are those of ls, are held in write mode.
func (m *Map[K, V]) rebuild(ls *laneSet, h hashing[K], dead uint64, keep func(*opaque) bool) int {
	old := m.dir.Load()
	d := &directory[K]{hashing: h, slots: old.slots}
	d.dead = dead
	d.table = emptyTable(1, ls.len(), tightFill, old.gen)
	dropped := 0
	for s := range old.shards {
		for e, shared := range s.entries {
			switch {
			case !keep(e):
				dropped++
				continue
			case dead != old.dead:
				e, shared = newEntry(d.slotKind, *keyOf[K](e), old.load(e)), false
			case s.gen != old.gen:
				shared = true
			}
			hash := d.of(*keyOf[K](e))
			d.shard(hash).place(e, hash, shared)
		}
	}
	m.dir.Store(d)
	ls.add(-dropped)
	m.assertInvariants(ls)
	return dropped
}

func all(*opaque) bool { return true }

// rehash exchanges the hash function of that epoch for a secret one, if nobody has yet.
func (m *Map[K, V]) rehash(epoch uint64) {
	ls := m.exclude()
	defer m.open(ls)
	if d := m.dir.Load(); d.epoch == epoch {
		h := lastResort[K]()
		h.replaced = true
		m.rebuild(ls, h, d.dead, all)
	}
}

// moveTombstone makes sure that the word tombstone is not value.
func (m *Map[K, V]) moveTombstone(value uint64) {
	ls := m.exclude()
	defer m.open(ls)
	d := m.dir.Load()
	if d.dead != value {
		return
	}
	var zero V
	used := map[uint64]bool{value: true}
	for s := range d.shards {
		for e := range s.entries {
			used[d.load(e).w] = true
		}
	}
	dead := newWordTombstone(unsafe.Sizeof(zero))
	for used[dead] {
		dead = newWordTombstone(unsafe.Sizeof(zero))
	}
	m.rebuild(ls, d.hashing, dead, all)
}

// Shrink gives back memory that the map does not need for the entries it has now: after many deletions it leaves it as
// if it had just been filled with them. Writers wait while it re-hashes the entries that are left (about 50 ns each),
// readers do not. Snapshots keep what they hold.
func (m *Map[K, V]) Shrink() {
	m.assertNotCopied()
	ls := m.exclude()
	defer m.open(ls)
	if d := m.dir.Load(); d != nil {
		m.rebuild(ls, d.hashing, d.dead, all)
	}
}
