package shardmap

import (
	"slices"
	"unsafe"

	"github.com/shardmap-go/shardmap/internal/sched/atomic"
)

// A shard holds the keys of one range of hashes: those that begin with the same depth bits. It has a power of two of
// buckets, which follow the header in the same allocation, so that a lookup goes from the directory to its bucket
// without reading the header:
//
//	┌────────┬──────────┬──────────┬─ … ─┬──────────┬ ─ ─ ─ ─ ┐
//	│ header │ bucket 0 │ bucket 1 │     │ bucket n │  spares
//	└────────┴──────────┴──────────┴─ … ─┴──────────┴ ─ ─ ─ ─ ┘
//
// With 32 buckets and Go's 8-byte header for objects of this size, the 56 bytes of header put every bucket on a cache
// line of its own. The spares fill the rest of the size class and serve as the first overflow buckets.
//
// The life of a shard: it is built in private, published in the directory, and written under its lock, until it is
// split, grown or – when a snapshot has come to share it – copied. Whoever does that publishes the successors while
// it holds the shard's lock, and from then on nobody adds to the shard again (slots of entries that it shares with its
// successors still change, which is as it should be: they are the same entries). To lock a shard therefore means to
// lock it and then to look whether the directory still leads to it; see Map.lockShard.
type shard struct {
	mu    rwMutex
	count int32  // entries when they were counted, and inserts since; see full; guarded by mu
	gen   uint64 // the map's generation when the shard was built; older than the map's: a snapshot may share it

	contended   uint16 // times that a writer had to wait for mu; guarded by mu
	depth       uint8  // bits of the hash that all its keys have in common
	bucketsLog2 uint8
	spares      uint8         // overflow buckets taken from those behind the last bucket; guarded by mu
	divided     atomic.Uint32 // 1 from before the shard is divided between its successors
	_           [20]byte
}

const (
	maxBucketsLog2 = 5 - 3*exploring // 32 buckets: measured best between splitting often (8) and copying much (64)

	// perBucket is the mean number of entries in a bucket at which a shard splits. With 5 of 6, about one bucket in
	// four has an overflow bucket just before the split, one in a hundred just after it.
	perBucket = 5 - 3*exploring

	// maxChain is the number of overflow buckets one bucket may have before the hash function is given up. The chance
	// that a random function puts the 55 keys it takes into one bucket of a shard with 160 is below 1e-35.
	maxChain = 8 - 7*exploring

	shardHeader = unsafe.Sizeof(shard{})
	bucketSize  = unsafe.Sizeof(bucket{})
)

// Shards of each size, as the allocator sees them: the numbers of buckets include the spares that the size class has
// room for on 64-bit machines.
type (
	shard1 struct {
		shard
		b [1]bucket
	}
	shard4 struct {
		shard
		_ [4]bucket
	}
	shard16 struct {
		shard
		_ [16 + 1]bucket
	}
	shard32 struct {
		shard
		b [32 + 3]bucket
	}
)

// newShard returns an empty shard with 1<<bucketsLog2 buckets that nobody else knows.
//
// Safety: a pointer to the first field of an allocation keeps all of it alive, and the allocation's own type tells
// the collector where the pointers in the buckets are.
func newShard(bucketsLog2, depth uint8, gen uint64) *shard {
	var s *shard
	switch bucketsLog2 {
	case 0:
		s = &new(shard1).shard
	case 2:
		s = &new(shard4).shard
	case 4:
		s = &new(shard16).shard
	default:
		s = &new(shard32).shard
	}
	s.bucketsLog2, s.depth, s.gen = bucketsLog2, depth, gen
	return s
}

// buckets returns the number of buckets, overflow not counted.
func (s *shard) buckets() int { return 1 << s.bucketsLog2 }

// moreBuckets returns the next size of a shard that is the only one of its map: 1, 4, 16, 32 buckets.
func moreBuckets(log2 uint8) uint8 { return min(log2+2, maxBucketsLog2) }

// capacity returns the number of entries at which the shard should split.
func (s *shard) capacity() int32 {
	if s.bucketsLog2 == 0 {
		return bucketEntries
	}
	return perBucket << s.bucketsLog2
}

// spareBuckets returns how many buckets lie behind the last one.
func (s *shard) spareBuckets() uint8 {
	switch s.bucketsLog2 {
	case 4:
		return 1
	case 5:
		return 3
	}
	return 0
}

// bucket returns bucket i. Safety: i is below the number of buckets and spares in the shard's allocation.
func (s *shard) bucket(i uint64) *bucket {
	return (*bucket)(unsafe.Add(unsafe.Pointer(s), shardHeader+uintptr(i)*bucketSize))
}

// chain returns the bucket where the search for hash h begins.
func (s *shard) chain(h uint64) *bucket {
	return s.bucket(h & (1<<s.bucketsLog2 - 1))
}

// overflow returns a fresh overflow bucket. mu is held, or the shard is still private.
func (s *shard) overflow() *bucket {
	if n := s.spares; n < s.spareBuckets() {
		s.spares++
		return s.bucket(uint64(s.buckets()) + uint64(n))
	}
	return new(bucket)
}

// place puts an entry into a shard that is still private.
func (s *shard) place(e *opaque, h uint64, shared bool) {
	b := s.chain(h).plain()
	for {
		if slot := unusedSlot(b.meta); slot >= 0 {
			b.entries[slot] = e
			b.meta = withTag(b.meta, slot, h, shared)
			s.count++
			return
		}
		if b.next == nil {
			b.next = s.overflow().plain()
		}
		b = b.next
	}
}

// copyOf returns a copy of s for generation gen in which all entries are shared. The caller holds s.mu, and s is of
// an older generation than gen: nobody writes its buckets any more.
func copyOf(s *shard, gen uint64) *shard {
	c := newShard(s.bucketsLog2, s.depth, gen)
	for i := range uint64(s.buckets()) {
		from, to := s.bucket(i).plain(), c.bucket(i).plain()
		for {
			to.meta, to.entries = from.meta|sharedUsed(from.meta), from.entries
			if from = from.next; from == nil {
				break
			}
			to.next = c.overflow().plain()
			to = to.next
		}
	}
	c.count = s.count
	return c
}

// full reports whether the shard has so many entries that it should be divided. mu is held.
//
// Whoever deletes without the lock does not change count, so that it may be too high. It is put right when it says that
// the shard is full; unless a sixteenth of the entries turns out to be gone, the shard is divided all the same, because it
// would soon be counted again.
func (s *shard) full() bool {
	if s.count < s.capacity() {
		return false
	}
	s.count = int32(s.present())
	return s.count >= s.capacity()-s.capacity()/fewGone
}

// fewGone says when a shard from which entries were deleted is divided like a full one: when no more than one in fewGone has gone.
// A map under exploration is small: there it is one of eight, so that it comes up, but none of the six in a map's first bucket.
const fewGone = 16 - 8*exploring

// postponeCount makes it an eighth of the capacity until a full shard that cannot be divided is counted again.
func (s *shard) postponeCount() { s.count = min(s.count, s.capacity()-s.capacity()/8) }

// present counts the entries. mu is held, for reading at least.
func (s *shard) present() (n int) {
	for i := range uint64(s.buckets()) {
		for b := s.bucket(i); b != nil; b = b.next.Load() {
			e := &b.entries // written out, for the same reasons as in list
			n += oneIf(e[0].Load()) + oneIf(e[1].Load()) + oneIf(e[2].Load()) + oneIf(e[3].Load()) + oneIf(e[4].Load()) + oneIf(e[5].Load())
		}
	}
	return n
}

// entries calls yield with each entry of the shard, its hash tag's bucket chain being visited as a whole, and whether
// the entry is shared, until yield returns false. mu is held, or the shard is private or frozen.
func (s *shard) entries(yield func(e *opaque, shared bool) bool) {
	for i := range uint64(s.buckets()) {
		for b := s.bucket(i); b != nil; b = b.next.Load() {
			meta := b.meta.Load()
			for set := meta & tagHigh; set != 0; set &= set - 1 {
				slot := firstSlot(set)
				if e := b.entries[slot].Load(); e != nil && !yield(e, isShared(meta, slot)) {
					return
				}
			}
		}
	}
}

// list appends the shard's entries to a list, which it returns. mu is held, for reading at least, or the shard is frozen.
//
// What a slot holds is written behind the list, which becomes longer if it is an entry: which slots are empty is as good as
// random, and a branch for it would be mispredicted often. A Range takes 0.53 to 0.62 of the time that way.
func (s *shard) list(to []*opaque) []*opaque {
	for i := range uint64(s.buckets()) {
		for b := s.bucket(i); b != nil; b = b.next.Load() {
			to = slices.Grow(to, bucketEntries)
			behind := (*[bucketEntries]*opaque)(to[len(to) : len(to)+bucketEntries])
			n := b.copyTo(0, behind, 0) // written out: a loop takes an eighth longer
			n = b.copyTo(1, behind, n)
			n = b.copyTo(2, behind, n)
			n = b.copyTo(3, behind, n)
			n = b.copyTo(4, behind, n)
			n = b.copyTo(5, behind, n)
			to = to[:len(to)+n]
		}
	}
	return to
}

// copyTo copies what the slot holds to to[n], and returns n+1 if it is an entry, and otherwise n.
func (b *bucket) copyTo(slot int, to *[bucketEntries]*opaque, n int) int {
	e := b.entries[slot].Load()
	to[n] = e
	return n + oneIf(e)
}

// oneIf returns 1 if there is an entry, and otherwise 0, without a branch.
func oneIf(e *opaque) int {
	x := uintptr(unsafe.Pointer(e))
	return int((x | -x) >> (unsafe.Sizeof(x)*8 - 1))
}
