package shardmap

import (
	"fmt"
	"iter"
)

// ChangeKind says what happened to a key between two snapshots.
type ChangeKind uint8

const (
	Added   ChangeKind = iota + 1 // the key is only in the newer snapshot
	Updated                       // the key is in both, and was stored in between
	Removed                       // the key is only in the older snapshot
)

// String returns "added", "updated" or "removed".
func (k ChangeKind) String() string {
	switch k {
	case Added:
		return "added"
	case Updated:
		return "updated"
	case Removed:
		return "removed"
	}
	return fmt.Sprintf("ChangeKind(%d)", uint8(k))
}

// Change is what happened to one key between two snapshots.
type Change[V any] struct {
	Kind ChangeKind // what happened to the key
	Old  V          // the value in the older snapshot; zero if Added
	New  V          // the value in the newer snapshot; zero if Removed
}

// Diff returns an iterator over the keys that differ between older and s, in no particular order, each once. Applied to
// the content of older, the changes give the content of s. A nil or zero older counts as empty.
//
// A key that was stored in between counts as Updated even if both values are equal, or as Removed and inserted again:
// compare Old and New where that matters. NaN keys in shards that changed may count as Removed and Added.
//
// It takes time in proportion to the shards that were written in between (and to the whole where the map was cleared,
// replaced, shrunk or rehashed), plus about a nanosecond for each of the others. The two may be snapshots of different
// maps, such as a map and its clone.
func (s *Snapshot[K, V]) Diff(older *Snapshot[K, V]) iter.Seq2[K, Change[V]] {
	if older == nil {
		older = new(Snapshot[K, V])
	}
	return func(yield func(K, Change[V]) bool) {
		for e, was := range s.changedSince(older) {
			key := *keyOf[K](e)
			if was != nil && *keyOf[K](was) == key {
				if !yield(key, Change[V]{Updated, older.value(was), s.value(e)}) {
					return
				}
				continue
			}
			switch e2, old := older.find(key); {
			case e2 == nil:
				if !yield(key, Change[V]{Kind: Added, New: s.value(e)}) {
					return
				}
			case e2 != e:
				if !yield(key, Change[V]{Updated, unpack[V](s.d.slotKind, old), s.value(e)}) {
					return
				}
			}
		}
		for e, is := range older.changedSince(s) {
			key := *keyOf[K](e)
			if is != nil && *keyOf[K](is) == key {
				continue
			}
			if e2, _ := s.find(key); e2 == nil && !yield(key, Change[V]{Kind: Removed, Old: older.value(e)}) {
				return
			}
		}
	}
}

func (s *Snapshot[K, V]) find(key K) (*opaque, raw) {
	if s.d == nil {
		return nil, raw{}
	}
	return s.d.find(s.d.of(key), key)
}

// changedSince returns the entries of s that may not be in other, each with what other has in its place, or nil: if that is not an
// entry of the same key, other may have one elsewhere.
//
// An entry that is in both is the same in both, for neither is ever written again. So whole shards that are in both are left out,
// and entries that are in the same slot of two shards for the same hashes: a shard that is copied to be written keeps its entries where
// they are. Both ways to go through two snapshots leave out the same, which counts for NaN keys, as they cannot be looked for.
func (s *Snapshot[K, V]) changedSince(other *Snapshot[K, V]) iter.Seq2[*opaque, *opaque] {
	return func(yield func(e, there *opaque) bool) {
		if s.d == nil {
			return
		}
		for sh, of := range s.d.shardsNotIn(other.d) {
			for i := range uint64(sh.buckets()) {
				var b, there *bucket
				if b = sh.bucket(i); of != nil && of.depth == sh.depth && of.bucketsLog2 == sh.bucketsLog2 {
					there = of.bucket(i)
				}
				for ; b != nil; b = b.next.Load() {
					for slot := range b.entries {
						var e2 *opaque
						if there != nil {
							e2 = there.entries[slot].Load()
						}
						if e := b.entries[slot].Load(); e != nil && e != e2 && !yield(e, e2) {
							return
						}
					}
					if there != nil {
						there = there.next.Load()
					}
				}
			}
		}
	}
}

// shardsNotIn returns the shards of d that other, which may be nil, has not in the same place, and what it has there.
func (d *directory[K]) shardsNotIn(other *directory[K]) iter.Seq2[*shard, *shard] {
	return func(yield func(sh, there *shard) bool) {
		for i := 0; i < d.len(); {
			h := uint64(i) << d.shift << 32
			s := d.shard(h)
			var there *shard
			if other != nil {
				if p := d.pageAt(i); p != nil && d.depth == other.depth && p == other.pageAt(i) {
					i += 1 << pageBits
					continue
				}
				there = other.shard(h)
			}
			if s != there && !yield(s, there) {
				return
			}
			i += 1 << (d.depth - s.depth)
		}
	}
}

// pageAt returns the page that begins with slot i, or nil.
func (t *table) pageAt(i int) *page {
	if t.flat != nil || i%(1<<pageBits) != 0 {
		return nil
	}
	return t.pages[i>>pageBits].Load()
}
