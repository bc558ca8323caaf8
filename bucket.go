package shardmap

import (
	"math/bits"
	"unsafe"

	"github.com/shardmap-go/shardmap/internal/sched/atomic"
)

// A bucket is one cache line: six entries, the tags that say which of them a lookup has to look at, and the way to
// the next bucket of the chain when six are not enough.
//
//	meta:  63    60 59   54 53    48 47   40 39            8 7     0
//	      ┌────────┬───────┬────────┬───────┬──── … ────────┬───────┐
//	      │ unused │ freed │ shared │ tag 5 │               │ tag 0 │
//	      └────────┴───────┴────────┴───────┴──── … ────────┴───────┘
//
// A tag is 7 bits of the key's hash with the top bit set; 0 means that the slot is free. The shared bit of a slot
// says that its entry also belongs to a snapshot: it must not be written to, only replaced. The freed bit says that
// the slot had another entry before, which readers may still be looking for.
//
// Writers hold the shard's lock; readers hold nothing. What readers rely on:
//
//   - An entry is stored before its tag, and a tag is cleared before its entry. A reader that matched a tag may still
//     find another entry, or none, if the slot was freed or reused meanwhile; so it compares the key, and nil, always.
//     It then misses a key that was deleted (and perhaps inserted again, elsewhere in the chain) after the reader
//     began: there was a moment of absence within the reader's own interval, and "absent" is a correct answer.
//   - A reader that matched the tag of a slot's former entry may find the slot's next one before that has its tag, when
//     other readers do not find it yet. So an entry for a slot that was freed is stored as if it were deleted, and
//     comes to life – for all at once – when its value is stored, after its tag.
//   - An entry never moves within a shard: a key that is present throughout a search is found by it.
//   - A slot that was never freed is read by nobody until its tag is there, so that its entry needs neither that nor an
//     atomic store of its own: the atomic store of meta publishes both.
//   - A shared bit is set only before its shard is published, and cleared only after the fresh entry is in the slot.
//     So whoever reads meta first and the entry next, and sees no shared bit, has an entry that no snapshot shares.
type bucket struct {
	meta    atomic.Uint64
	entries [bucketEntries]atomic.Pointer[opaque]
	next    atomic.Pointer[bucket]
}

// plainBucket is a bucket that no other goroutine can see yet, or one that nobody writes any more, or one of which only a
// slot that nobody reads is accessed. It has the layout of bucket; TestLayout pins that.
type plainBucket struct {
	meta    uint64
	entries [bucketEntries]*opaque
	next    *plainBucket
}

const (
	bucketEntries = 6

	tagUnit   = 0x0000_0101_0101_0101 // 1 in each tag
	tagHigh   = tagUnit << 7          // the top bit of each tag
	sharedAll = 0x3f << sharedShift   // the shared bit of each slot

	sharedShift = 48
	freedShift  = 54
)

// spread returns the tag for hash h, once for each slot.
func spread(h uint64) uint64 { return (h>>24&0x7f | 0x80) * tagUnit }

// match returns the slots whose tag is that of tags, as the top bits of their bytes. It may name a slot too many,
// never one too few (the subtraction borrows from a byte only if a lower one is a match).
func match(meta, tags uint64) uint64 {
	x := meta ^ tags
	return (x - tagUnit) &^ x & tagHigh
}

// firstSlot returns the number of the lowest slot in a set of top bits.
func firstSlot(set uint64) int { return bits.TrailingZeros64(set) >> 3 }

func wasFreed(meta uint64, slot int) bool { return meta>>(freedShift+slot)&1 != 0 }

func isShared(meta uint64, slot int) bool { return meta>>(sharedShift+slot)&1 != 0 }

// freeSlot returns a free slot of the bucket with this meta, or -1.
func freeSlot(meta uint64) int {
	if free := ^meta & tagHigh; free != 0 {
		return firstSlot(free)
	}
	return -1
}

// withTag returns meta with the slot taken by an entry of that hash.
func withTag(meta uint64, slot int, h uint64, shared bool) uint64 {
	meta = withoutTag(meta, slot) | (h>>24&0x7f|0x80)<<(slot*8)
	if shared {
		meta |= 1 << (sharedShift + slot)
	}
	return meta
}

// withoutTag returns meta with the slot free and not shared.
func withoutTag(meta uint64, slot int) uint64 {
	return meta &^ (0xff<<(slot*8) | 1<<(sharedShift+slot))
}

// plain converts b for code that has it to itself. Safety: same layout, and the caller guarantees that nobody
// accesses b while it is written.
func (b *bucket) plain() *plainBucket { return (*plainBucket)(unsafe.Pointer(b)) }

// put places an entry into a slot that was never freed; the shard's lock is held.
func (b *bucket) put(slot int, e *opaque, h uint64) {
	b.plain().entries[slot] = e // 6 ns less than an atomic store
	b.meta.Store(withTag(b.meta.Load(), slot, h, false))
}

// putDead places an entry whose value is the tombstone into any slot; the shard's lock is held.
func (b *bucket) putDead(slot int, e *opaque, h uint64) {
	b.entries[slot].Store(e)
	b.meta.Store(withTag(b.meta.Load(), slot, h, false))
}

// replace puts a fresh entry in the place of a shared one with the same key; the shard's lock is held.
func (b *bucket) replace(slot int, e *opaque) {
	b.entries[slot].Store(e)
	b.meta.Store(b.meta.Load() &^ (1 << (sharedShift + slot)))
}

// free takes an entry out; the shard's lock is held.
func (b *bucket) free(slot int) {
	b.meta.Store(withoutTag(b.meta.Load(), slot) | 1<<(freedShift+slot))
	b.entries[slot].Store(nil)
}
