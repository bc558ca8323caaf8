package shardmap

import "unsafe"

// Stats describes a [Map] for monitoring. See [Map.Stats].
type Stats struct {
	Entries  int     // entries, as Len counts them
	Shards   int     // shards they are spread over
	Fill     float64 // entries for each slot of a bucket, overflow buckets not counted: 0.83 when all shards are about to split
	Skew     float64 // entries of the fullest shard, divided by the mean; 1 is even
	Splits   uint64  // shards split since the map was made
	Copies   uint64  // shards copied because a snapshot (or clone) shared them
	Rehashes uint64  // 1 if the hash function was given up because it did not tell keys apart, which is worth an alarm; else 0

	// Bytes is the memory of the map: directory, shards, entries and boxed values, without what keys and values point to.
	Bytes uint64
}

// Stats returns figures about the map as it is while it is written: they need not agree with each other exactly.
//
// It locks one shard after the other for reading, and takes a few nanoseconds for each of its buckets.
func (m *Map[K, V]) Stats() Stats {
	m.assertNotCopied()
	st := Stats{
		Entries: m.Len(),
		Splits:  m.splits.Load(),
		Copies:  m.copies.Load(),
		Bytes:   uint64(unsafe.Sizeof(*m)),
	}
	if ls := m.lanes.Load(); ls != nil {
		st.Bytes += uint64(unsafe.Sizeof(*ls)) + uint64(len(ls.lanes))*uint64(unsafe.Sizeof(lane{}))
	}
	d := m.dir.Load()
	if d == nil {
		return st
	}
	if d.replaced {
		st.Rehashes = 1
	}
	st.Bytes += uint64(unsafe.Sizeof(*d)) + uint64(d.len())*uint64(unsafe.Sizeof(uintptr(0)))
	slots, entries, fullest := 0, 0, 0
	for s := range d.shards {
		n, bytes := s.measure()
		st.Shards++
		st.Bytes += bytes
		slots += s.buckets() * bucketEntries
		entries += n
		fullest = max(fullest, n)
	}
	st.Bytes += uint64(entries) * entrySize[K, V](d.slotKind)
	if entries > 0 {
		st.Fill = float64(entries) / float64(slots)
		st.Skew = float64(fullest*st.Shards) / float64(entries)
	}
	return st
}

// measure returns the number of entries, and the memory of the shard and its buckets.
func (s *shard) measure() (entries int, bytes uint64) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	buckets := s.buckets() + int(s.spareBuckets())
	for i := range uint64(s.buckets()) {
		for b := s.bucket(i).next.Load(); b != nil; b = b.next.Load() {
			buckets++
		}
	}
	buckets -= int(s.spares) // counted twice
	return s.present(), uint64(shardHeader) + uint64(buckets)*uint64(bucketSize)
}

// entrySize returns the memory of one entry and its box, as far as they are counted in whole words.
func entrySize[K comparable, V any](kind slotKind) uint64 {
	var zero V
	switch kind {
	case slotWord:
		return uint64(unsafe.Sizeof(wordEntry[K]{}))
	case slotPointer:
		return uint64(unsafe.Sizeof(entry[K]{}))
	}
	return uint64(unsafe.Sizeof(entry[K]{})) + uint64(unsafe.Sizeof(zero))
}
