package shardmap

// How a key is looked for. Map.Load and directory.update have it written out.

// find returns key's entry in d and what its slot holds, or nil. It takes no lock.
func (d *directory[K]) find(h uint64, key K) (*opaque, raw) {
	at := d.search(d.shard(h).bucket(h&d.bucketMask), h, key)
	if at.e == nil {
		return nil, raw{}
	}
	r := d.load(at.e)
	if d.isDead(r) {
		return nil, raw{}
	}
	return at.e, r
}

// A place is where an entry was found.
type place struct {
	e    *opaque // nil if there is no entry
	b    *bucket
	slot int
	meta uint64 // of b, read before e
}

// search looks for key in the chain that begins with b.
func (d *directory[K]) search(b *bucket, h uint64, key K) place {
	tags := spread(h)
	for ; b != nil; b = b.next.Load() {
		meta := b.meta.Load()
		for set := match(meta, tags); set != 0; set &= set - 1 {
			slot := firstSlot(set)
			if e := b.entries[slot].Load(); e != nil && *keyOf[K](e) == key {
				return place{e, b, slot, meta}
			}
		}
	}
	return place{}
}

// searchOn goes on with the search for key in the chain that begins with b, of which the slots in set have these tags and the
// first was no match. It returns the entry, or nil.
func (d *directory[K]) searchOn(b *bucket, set, tags uint64, key K) *opaque {
	for set &= set - 1; ; set &= set - 1 {
		for set == 0 {
			if b = b.next.Load(); b == nil {
				return nil
			}
			set = match(b.meta.Load(), tags)
		}
		if e := b.entry(firstSlot(set)).Load(); e != nil && *keyOf[K](e) == key {
			return e
		}
	}
}

// A found is what a lookup found, and where.
type found[K comparable] struct {
	d     *directory[K]
	h     uint64 // the hash of the key in d
	shard *shard
	place
	r raw // what the slot held
}

// shared reports whether a snapshot may have the entry, too. That it is not shared stays true for as long as d is the map's
// directory, for a snapshot exchanges that.
func (f *found[K]) shared() bool { return f.shard.gen != f.d.gen || isShared(f.meta, f.slot) }

// lookup looks for key, and reports whether it is present. In a map that was never written there is no directory, and lookup
// makes none unless the caller is about to write one. (To return f would cost more than the search.)
func (m *Map[K, V]) lookup(key K, make bool, f *found[K]) (present bool) {
	m.assertNotCopied()
	d := m.dir.Load()
	if d == nil {
		if !make {
			checkKey(key)
			return false
		}
		d = m.firstDirectory()
	}
	h := d.of(key)
	f.d, f.h, f.shard = d, h, d.shard(h)
	f.place = d.search(f.shard.bucket(h&d.bucketMask), h, key)
	if f.e == nil {
		return false
	}
	f.r = d.load(f.e)
	return !d.isDead(f.r)
}
