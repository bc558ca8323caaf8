package shardmap

// shard checks one shard, whose keys' hashes begin like prefix, and returns the number of its entries. The caller has
// its lock, or the shard is private.
func (in *inspection[K]) shard(s *shard, prefix uint64) (entries int) {
	d := in.d
	switch {
	case uint64(s.buckets()) != d.bucketMask+1:
		in.failf("a shard of %d buckets in a directory with mask %#x", s.buckets(), d.bucketMask)
	case s.bucketsLog2 > maxBucketsLog2, s.bucketsLog2%2 != 0 && s.bucketsLog2 != maxBucketsLog2:
		in.failf("a shard of 1<<%d buckets: there is no such size", s.bucketsLog2)
	case s.bucketsLog2 < maxBucketsLog2 && s.depth != 0:
		in.failf("a shard of depth %d with %d buckets: only one that is alone may have fewer than all", s.depth, s.buckets())
	case s.spares > s.spareBuckets():
		in.failf("%d spare buckets are taken of %d", s.spares, s.spareBuckets())
	case s.contended > foughtOverLimit:
		in.failf("a shard was waited for %d times: want at most %d", s.contended, foughtOverLimit)
	case in.current && s.gen == d.gen && s.divided.Load() != 0:
		in.failf("a shard is divided and still in the directory")
	}
	if in.err != nil {
		return 0
	}
	in.overflow = make(map[*bucket]bool)
	used := 0
	for i := range uint64(s.buckets()) {
		n, u := in.chain(s, i, prefix)
		entries, used = entries+n, used+u
		if in.err != nil {
			return entries
		}
	}
	in.spares(s)
	// The count may be too high by what was deleted since, but then it is corrected before it goes beyond the capacity,
	// to what is in the used slots; and by one for an entry that took a slot which was emptied during the correction. It
	// may be too low only in a shard that is full and could not be divided (postponeCount).
	least := min(entries, int(s.capacity()-s.capacity()/8))
	if count := int(s.count); count < least || count > max(int(s.capacity()), used+1) {
		in.failf("a shard counts %d entries: it has %d, in %d used slots, and divides at %d", count, entries, used, s.capacity())
	}
	return entries
}

// spares checks that the spare buckets were taken in order, and that the others were never used.
func (in *inspection[K]) spares(s *shard) {
	for i := range s.spareBuckets() {
		b := s.bucket(uint64(s.buckets()) + uint64(i))
		if taken := i < s.spares; in.overflow[b] != taken {
			in.failf("spare bucket %d of %d taken: in a chain: %v", i, s.spares, in.overflow[b])
		} else if !taken && (b.meta.Load() != 0 || b.next.Load() != nil) {
			in.failf("spare bucket %d of %d taken: it was written", i, s.spares)
		}
	}
}

// chain checks the chain of bucket i, and returns its entries and the slots that were ever used.
func (in *inspection[K]) chain(s *shard, i, prefix uint64) (entries, used int) {
	in.chained = in.chained[:0]
	first := s.bucket(i)
	for b := first; b != nil && in.err == nil; b = b.next.Load() {
		if b != first {
			if in.overflow[b] {
				in.failf("bucket %d: an overflow bucket is linked twice", i)
				break
			}
			in.overflow[b] = true
		}
		n := in.bucket(b, i, prefix, s.depth)
		if n < bucketEntries && b.next.Load() != nil || n == 0 && b != first {
			in.failf("bucket %d: a bucket with %d used slots is followed by another, or follows one", i, n)
		}
		used += n
	}
	return len(in.chained), used
}

// bucket checks one bucket of the chain of bucket i, and returns how many of its slots were ever used.
func (in *inspection[K]) bucket(b *bucket, i, prefix uint64, depth uint8) (used int) {
	meta := b.meta.Load()
	if meta>>(sharedShift+bucketEntries) != 0 {
		in.failf("bucket %d: meta %#x has bits without a meaning", i, meta)
	}
	for slot := range bucketEntries {
		tag, e := meta>>(8*slot)&0xff, b.entries[slot].Load()
		switch {
		case tag == 0 && e != nil:
			in.failf("bucket %d, slot %d: an entry without tag", i, slot)
		case tag == 0 && isShared(meta, slot):
			in.failf("bucket %d, slot %d: shared and never used", i, slot)
		case tag == 0:
			continue
		case tag < 0x80:
			in.failf("bucket %d, slot %d: tag %#x", i, slot, tag)
		case used != slot:
			in.failf("bucket %d: slot %d was used before slot %d", i, slot, used)
		}
		used++
		if e != nil && in.err == nil {
			in.entry(e, tag, i, prefix, depth)
		}
	}
	return used
}

// entry checks an entry that was found with this tag in the chain of bucket i.
func (in *inspection[K]) entry(e *opaque, tag, i, prefix uint64, depth uint8) {
	d, key := in.d, *keyOf[K](e)
	r := d.load(e)
	if in.exclusive && d.isDead(r) {
		in.failf("bucket %d: key %v: its entry is dead, and nobody is about to take it out", i, key)
	}
	if d.slotKind == slotBox && r.p == nil {
		in.failf("bucket %d: key %v: its entry has no box", i, key)
	}
	in.chained = append(in.chained, e)
	if key != key || !in.hashes() { // the hash of a NaN is random
		return
	}
	h := d.of(key)
	switch {
	case h>>32>>(32-depth) != prefix>>32>>(32-depth):
		in.failf("bucket %d: key %v with hash %#x is in the shard of %#x, depth %d", i, key, h, prefix, depth)
	case h&d.bucketMask != i:
		in.failf("bucket %d: key %v with hash %#x belongs to bucket %d", i, key, h, h&d.bucketMask)
	case spread(h)&0xff != tag:
		in.failf("bucket %d: key %v with hash %#x has tag %#x", i, key, h, tag)
	}
	for _, other := range in.chained[:len(in.chained)-1] {
		if other == e || *keyOf[K](other) == key {
			in.failf("bucket %d: key %v is there twice", i, key)
		}
	}
}
