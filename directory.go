package shardmap

import (
	"slices"
	"unsafe"

	"github.com/shardmap-go/shardmap/internal/sched/atomic"
)

// A directory leads from a hash to its shard. It belongs to one generation of the map – the time between two
// snapshots – and consists of a header, which never changes once it is published, and a table of 2^depth pointers to
// shards, which the top depth bits of the hash index. A shard of less depth than the directory's is pointed to by a
// run of slots.
//
//	depth ≤ 8:  header ──► slots [2^depth]*shard
//	depth > 8:  header ──► pages [2^(depth-8)]*page ──► [256]*shard
//
// Writers swing pointers in a table of their own generation. A table or page of an older generation may be shared with
// a snapshot and is copied first, which is why a large one has two levels: the first write after a snapshot copies one
// page and the pointers to pages, not a pointer for each shard.
//
// All changes of tables are made under Map.grow. Readers use whatever directory they loaded first: even when it has
// been replaced since, each of its shards holds what its range of keys held at some moment since the reader loaded it.
// For a shard that is still in the current directory this is plain. A shard that is not was split, grown or copied
// after the reader loaded the directory (or between two instants the reader cannot tell apart), and nothing was
// inserted into its successors before they were published; what changes since then, updates and deletions, is the content
// of entries that both share, and they are current.
type directory[K comparable] struct {
	table
	slots[K]
	hashing[K]
}

// table is the part of a directory that does not depend on the type of the keys.
type table struct {
	bucketMask uint64 // number of buckets of every shard, less one
	shift      uint8  // 32 - depth
	depth      uint8
	flat       []atomic.Pointer[shard] // the table, if depth <= pageBits
	pages      []atomic.Pointer[page]  // otherwise
	gen        uint64                  // the map's generation
	tableGen   uint64                  // the generation that flat or pages belongs to
}

const pageBits = 8 - 7*exploring

type page struct {
	slots [1 << pageBits]atomic.Pointer[shard]
	gen   uint64 // the generation that the page belongs to
}

// shard returns the shard of hash h.
func (t *table) shard(h uint64) *shard {
	i := h >> 32 >> (t.shift & 63)
	if t.flat != nil {
		return element(t.flat, i).Load()
	}
	return element(t.pages, i>>pageBits).Load().slots[i%(1<<pageBits)].Load()
}

// element returns &of[i]. Safety: i has no more bits than the table has depth, and of as many elements as that takes.
func element[T any](of []atomic.Pointer[T], i uint64) *atomic.Pointer[T] {
	return (*atomic.Pointer[T])(unsafe.Add(unsafe.Pointer(unsafe.SliceData(of)), uintptr(i)*unsafe.Sizeof(of[0])))
}

// at returns the shard in slot i.
func (t *table) at(i int) *shard { return t.shard(uint64(i) << (t.shift & 63) << 32) }

// len returns the number of slots.
func (t *table) len() int { return 1 << t.depth }

// shards calls yield with each shard once, in the order of their hashes, until yield returns false. On a table that
// writers change meanwhile it sees each range of hashes once, before or after a split.
func (t *table) shards(yield func(*shard) bool) {
	for i := 0; i < t.len(); {
		s := t.at(i)
		if !yield(s) {
			return
		}
		i += 1 << (t.depth - s.depth)
	}
}

// newTable returns a table over shards, whose number is a power of two and which all have that depth.
func newTable(shards []*shard, gen uint64) table {
	s := shards[0]
	t := table{
		bucketMask: uint64(s.buckets()) - 1,
		depth:      s.depth,
		shift:      32 - s.depth,
		gen:        gen,
		tableGen:   gen,
	}
	t.allocate()
	for i, s := range shards {
		t.set(i, s)
	}
	return t
}

// allocate makes an empty table of t.depth.
func (t *table) allocate() {
	t.flat, t.pages = nil, nil
	if t.depth <= pageBits {
		t.flat = make([]atomic.Pointer[shard], t.len())
		return
	}
	t.pages = make([]atomic.Pointer[page], t.len()>>pageBits)
	for i := range t.pages {
		t.pages[i].Store(&page{gen: t.gen})
	}
}

// set stores s in slot i, in a page of t's own generation.
func (t *table) set(i int, s *shard) {
	if t.flat != nil {
		t.flat[i].Store(s)
		return
	}
	p := t.pages[i>>pageBits].Load()
	if p.gen != t.gen {
		c := &page{gen: t.gen}
		copy(plainSlots(c.slots[:]), plainSlots(p.slots[:]))
		t.pages[i>>pageBits].Store(c)
		p = c
	}
	p.slots[i%(1<<pageBits)].Store(s)
}

// detach gives t a table of its own generation, with the same content. Pages stay shared until set copies them.
func (t *table) detach() {
	old := *t
	t.tableGen = t.gen
	if t.flat != nil {
		t.allocate()
		copy(plainSlots(t.flat), plainSlots(old.flat))
		return
	}
	t.pages = make([]atomic.Pointer[page], len(old.pages))
	copy(plainSlots(t.pages), plainSlots(old.pages))
}

// double gives t a table of its own generation and one more bit of depth.
func (t *table) double() {
	old := *t
	t.tableGen = t.gen
	t.depth++
	t.shift--
	t.allocate()
	if t.flat != nil {
		repeat(plainSlots(t.flat), plainSlots(old.flat))
		return
	}
	for i := range t.pages {
		from := old.flat // which is half as long as two pages
		if old.flat == nil {
			from = old.pages[i/2].Load().slots[:]
		}
		half := len(from) / 2
		repeat(plainSlots(t.pages[i].Load().slots[:]), plainSlots(from[i%2*half:][:half]))
	}
}

// repeat fills to, which is twice as long as from, with each element of from twice.
func repeat(to, from []*shard) {
	for i, s := range from {
		to[2*i], to[2*i+1] = s, s
	}
}

// plainSlots returns a view of slots for copying them. Slots that are copied to are not published yet, and slots that are
// copied from are not written meanwhile, because Map.grow is held.
//
// Safety: an atomic.Pointer[T] has the layout of a *T; TestLayout pins that.
func plainSlots[T any](slots []atomic.Pointer[T]) []*T {
	return unsafe.Slice((**T)(unsafe.Pointer(unsafe.SliceData(slots))), len(slots))
}

// publish makes the directory lead to successors instead of the shard that hash h leads to. The successors divide its
// range evenly, in order; they are one of the same depth, or two of one more. The caller holds the lock of the old
// shard and a lane.
//
// A key's lookups go through one slot of one table, so each key passes to its new shard in one atomic step.
func (m *Map[K, V]) publish(h uint64, successors ...*shard) {
	m.grow.Lock()
	defer m.grow.Unlock()
	current := m.dir.Load()
	current.assertSuccessors(h, successors)
	d := current
	if first := successors[0]; first.depth > d.depth || uint64(first.buckets()) != d.bucketMask+1 || d.tableGen != d.gen {
		c := *current
		d = &c
		switch {
		case first.depth > d.depth:
			d.double()
		default:
			d.detach()
		}
		d.bucketMask = uint64(first.buckets()) - 1
	}
	depth := successors[0].depth
	run := 1 << (d.depth - depth) // slots that lead to each successor
	// From the last slot down: an iteration that walks up and meets a successor then meets the ones behind it too, never
	// the old shard, which would show the first one's keys again.
	i := int(h>>32>>(d.shift&63)) | (len(successors)*run - 1)
	for _, s := range slices.Backward(successors) {
		for range run {
			d.set(i, s)
			i--
		}
	}
	if d != current {
		m.dir.Store(d)
	}
}
