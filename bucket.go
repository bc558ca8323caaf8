package shardmap

import (
	"math/bits"
	"unsafe"

	"github.com/shardmap-go/shardmap/internal/sched/atomic"
)

// A bucket is one cache line: six entries, the tags that say which of them a lookup has to look at, and the way to
// the next bucket of the chain when six are not enough.
//
//	meta:  63      54 53    48 47   40 39            8 7     0
//	      ┌──────────┬────────┬───────┬──── … ────────┬───────┐
//	      │  unused  │ shared │ tag 5 │               │ tag 0 │
//	      └──────────┴────────┴───────┴──── … ────────┴───────┘
//
// A tag is 7 bits of the key's hash with the top bit set; 0 means that the slot was never used. The tag of an entry that
// was deleted stays until the slot is used again. The shared bit of a slot says that its entry also belongs to a
// snapshot: it must not be written to, only replaced.
//
// Who inserts or replaces holds the shard's lock, who deletes need not (Map.unlink), and readers hold nothing. What
// readers rely on:
//
//   - A slot that was never used is read by nobody without the lock until its tag is there, so that its first entry is
//     stored without an atomic operation of its own: the atomic store of meta publishes both. (A snapshot's shards are
//     read whole, without their locks: nobody writes them any more, and who took the snapshot had closed the lanes.)
//   - In a slot that was used before, the tag is stored first and the entry next, which publishes it. So whoever finds
//     an entry, be it by the tag of a former one, knows that everybody who looks from now on finds it.
//   - A reader that matched a tag may find another entry, or none, if the slot was emptied or used again meanwhile; so
//     it compares the key, and nil, always. It then misses a key that was deleted (and perhaps inserted again, elsewhere
//     in the chain) after the reader began: there was a moment of absence within the reader's own interval, and
//     "absent" is a correct answer. The same holds for an entry that is dead by the time its slot is read.
//   - An entry never moves within a shard: a key that is present throughout a search is found by it.
//   - A shared bit is set only before its shard is published, and cleared only after the shared entry has left the
//     slot. So whoever reads meta first and the entry next, and sees no shared bit, has an entry that no snapshot shares.
type bucket struct {
	entries [bucketEntries]atomic.Pointer[opaque] // first, which saves an addition in each lookup
	meta    atomic.Uint64
	next    atomic.Pointer[bucket]
}

// plainBucket is a bucket that no other goroutine can see yet, or one that nobody writes any more, or one of which only a
// slot that nobody reads yet is accessed. It has the layout of bucket; TestLayout pins that.
type plainBucket struct {
	entries [bucketEntries]*opaque
	meta    uint64
	next    *plainBucket
}

const (
	bucketEntries = 6

	tagUnit   = 0x0000_0101_0101_0101 // 1 in each tag
	tagHigh   = tagUnit << 7          // the top bit of each tag
	sharedAll = 0x3f << sharedShift   // the shared bit of each slot

	sharedShift = 48
)

// tagOf returns the tag for hash h.
func tagOf(h uint64) uint64 { return h>>24&0x7f | 0x80 }

// spread returns the tag for hash h, once for each slot.
func spread(h uint64) uint64 { return tagOf(h) * tagUnit }

// match returns the slots whose tag is that of tags, as the top bits of their bytes. It may name a slot too many,
// never one too few (the subtraction borrows from a byte only if a lower one is a match).
func match(meta, tags uint64) uint64 {
	x := meta ^ tags
	return (x - tagUnit) &^ x & tagHigh
}

// firstSlot returns the number of the lowest slot in a set of top bits.
func firstSlot(set uint64) int { return bits.TrailingZeros64(set) >> 3 }

// sharedUsed returns the shared bits of the slots that were ever used, which are the first ones.
func sharedUsed(meta uint64) uint64 {
	return (1<<bits.OnesCount64(meta&tagHigh) - 1) << sharedShift
}

func isShared(meta uint64, slot int) bool { return meta>>(sharedShift+slot)&1 != 0 }

// unusedSlot returns a slot that was never used of the bucket with this meta, or -1.
func unusedSlot(meta uint64) int {
	if unused := ^meta & tagHigh; unused != 0 {
		return firstSlot(unused)
	}
	return -1
}

// emptiedSlot returns a slot whose entry was deleted, or -1, for a bucket of which all slots were used. The shard's lock
// is held.
func (b *bucket) emptiedSlot() int {
	e := &b.entries // without branches, for the same reason as in list
	taken := oneIf(e[0].Load()) | oneIf(e[1].Load())<<1 | oneIf(e[2].Load())<<2 | oneIf(e[3].Load())<<3 | oneIf(e[4].Load())<<4 | oneIf(e[5].Load())<<5
	if taken == 1<<bucketEntries-1 {
		return -1
	}
	return bits.TrailingZeros(^uint(taken))
}

// withTag returns meta with the slot taken by an entry of that hash.
func withTag(meta uint64, slot int, h uint64, shared bool) uint64 {
	meta = meta&^(0xff<<(slot*8)|1<<(sharedShift+slot)) | tagOf(h)<<(slot*8)
	if shared {
		meta |= 1 << (sharedShift + slot)
	}
	return meta
}

// entry returns &b.entries[slot]. Safety: slot is of a set of slots of this bucket, none of which is above the last.
func (b *bucket) entry(slot int) *atomic.Pointer[opaque] {
	return (*atomic.Pointer[opaque])(unsafe.Add(unsafe.Pointer(&b.entries), uintptr(slot)*unsafe.Sizeof(b.entries[0])))
}

// plain converts b for code that has it to itself. Safety: same layout, and the caller guarantees that nobody
// accesses b while it is written.
func (b *bucket) plain() *plainBucket { return (*plainBucket)(unsafe.Pointer(b)) }

// put places an entry into a slot that was never used; the shard's lock is held, and meta is what b.meta holds.
func (b *bucket) put(slot int, e *opaque, meta, h uint64) {
	b.plain().entries[slot] = e // 6 ns less than an atomic store
	b.meta.Store(meta | tagOf(h)<<(slot*8))
}

// putAgain places an entry into a slot whose former one was deleted; the shard's lock is held, and meta is what b.meta holds.
func (b *bucket) putAgain(slot int, e *opaque, meta, h uint64) {
	if tagged := withTag(meta, slot, h, false); tagged != meta {
		b.meta.Store(tagged)
	}
	b.entry(slot).Store(e)
}

// replace puts a fresh entry in the place of a shared one with the same key; the shard's lock is held.
func (b *bucket) replace(slot int, e *opaque) {
	b.entries[slot].Store(e)
	b.meta.Store(b.meta.Load() &^ (1 << (sharedShift + slot)))
}
