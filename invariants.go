package shardmap

import (
	"fmt"
	"math/bits"
	"reflect"
)

// The invariants of a map, checked. Tests ask for it at quiet points, and builds with the tag shardmap_assert whenever
// the writers are excluded anyway (assert_on.go). No other code calls it, so that the linker leaves it out.
//
// What is checked is what holds while all lanes are closed. Nobody is between marking an entry as deleted and taking it
// out then, so that no entry is dead; and nobody has a lock of the map but readers (Range, Stats) that have one shard's,
// and writers of a clone that have the lock of a shard that both share. What is not checked, because it does not hold:
//
//   - Tags of emptied slots, and the shared bits of slots without an entry, may be anything: they stay (bucket.go).
//   - A chain may be longer than maxChain though the hash function is not trusted: a rebuild for fewer shards puts into one
//     chain what was in several, and the next insert there gives up the hash function.
//   - Generations may go back: Replace brings a directory that began anew. Within one directory they are in order.

// checkInvariants returns an error that says which invariant m breaks first, or nil. It excludes the writers meanwhile,
// and may be called at any time but from within a lane or a hasher. It calls the hasher only if rehash is set, which is
// for hashers that neither panic nor change their minds. The snapshots are some of those that m's methods have returned.
func (m *Map[K, V]) checkInvariants(rehash bool, snapshots ...*Snapshot[K, V]) error {
	ls := m.exclude()
	defer m.open(ls)
	if err := m.inspect(ls, rehash); err != nil {
		return err
	}
	for _, s := range snapshots {
		if err := s.checkInvariants(rehash); err != nil {
			return fmt.Errorf("%w (in a snapshot)", err)
		}
		if d := m.dir.Load(); d != nil && s.d != nil {
			if err := checkApart(d, s.d); err != nil {
				return err
			}
		}
	}
	return m.checkFlights()
}

// inspect is checkInvariants for the map alone. All lanes, which are those of ls, are closed.
func (m *Map[K, V]) inspect(ls *laneSet, rehash bool) error {
	if err := ls.checkInvariants(); err != nil {
		return err
	}
	if !m.grow.TryLock() {
		return broken("Map.grow is held though no writer is inside a lane")
	}
	m.grow.Unlock()
	entries, d := 0, m.dir.Load()
	if d != nil {
		if err := checkKinds[K, V](d); err != nil {
			return err
		}
		in := inspection[K]{d: d, rehash: rehash, exclusive: true, current: true}
		if entries = in.table(); in.err != nil {
			return in.err
		}
	}
	if n := ls.len(); n != entries {
		return broken("the lanes count %d entries, the shards have %d", n, entries)
	}
	return nil
}

// checkInvariants is Map.checkInvariants for a snapshot, on its own. Nobody writes its tables and buckets.
func (s *Snapshot[K, V]) checkInvariants(rehash bool) error {
	if s.d == nil {
		if s.n != 0 {
			return broken("a snapshot without directory counts %d entries", s.n)
		}
		return nil
	}
	if err := checkKinds[K, V](s.d); err != nil {
		return err
	}
	in := inspection[K]{d: s.d, rehash: rehash, exclusive: true}
	if entries := in.table(); in.err == nil && entries != s.n {
		return broken("a snapshot counts %d entries, its shards have %d", s.n, entries)
	}
	return in.err
}

func broken(format string, args ...any) error {
	return fmt.Errorf("shardmap: invariant broken: "+format, args...)
}

// checkInvariants checks lanes that are closed. Somebody may be inside one for the moment that it takes to find it closed.
func (ls *laneSet) checkInvariants() error {
	n := len(ls.lanes)
	if n == 0 || n&(n-1) != 0 || n > maxLanes || ls.mask != uint64(n)-1 {
		return broken("%d lanes, mask %#x: not a power of two up to %d", n, ls.mask, maxLanes)
	}
	sum := int64(0)
	for i := range ls.lanes {
		state := ls.lanes[i].state.Load()
		if state&laneClosed == 0 {
			return broken("lane %d is open though the writers are excluded, or was closed twice: %#x", i, state)
		}
		sum += state >> laneEntryShift
	}
	if sum<<laneEntryShift>>laneEntryShift < 0 {
		return broken("the lanes count %d entries", sum)
	}
	return nil
}

// checkKinds checks what follows from the types of keys and values.
func checkKinds[K comparable, V any](d *directory[K]) error {
	key, value := reflect.TypeFor[K](), reflect.TypeFor[V]()
	if want := slotKindOf[V](); d.slotKind != want {
		return broken("slot kind %d for values of type %v: want %d", d.slotKind, value, want)
	}
	if value.Size() < 8 && d.dead != ^uint64(0) || d.dead&0x0101_0101_0101_0101 != 0x0101_0101_0101_0101 {
		return broken("tombstone %#x of words of %d bytes: a shorter value may be equal to it", d.dead, value.Size())
	}
	switch hs := &d.hashing; {
	case hs.epoch == 0 || hs.epoch > epochs.Load():
		return broken("epoch %d of the hash function: the newest is %d", hs.epoch, epochs.Load())
	case hs.replaced && !hs.trusted:
		return broken("the hash function was exchanged for one that is not trusted")
	case hs.trusted && hs.kind != hashFunc:
		return broken("hash function of kind %d is trusted", hs.kind)
	case (hs.kind == hashFunc) != (hs.fn != nil):
		return broken("hash function of kind %d: has a function: %v", hs.kind, hs.fn != nil)
	case hs.kind == hashString && key.Kind() != reflect.String,
		hs.kind == hashWord && !isWord(key.Kind()),
		hs.kind == hashStringPair && !isStringPair(key):
		return broken("hash function of kind %d for keys of type %v", hs.kind, key)
	}
	return nil
}

// checkApart checks that what a map with directory d believes to be its own is in no snapshot, such as shown. This is
// what keeps a snapshot from changing.
func checkApart[K comparable](d, shown *directory[K]) error {
	if d.flat != nil && shown.flat != nil && &d.flat[0] == &shown.flat[0] && d.tableGen == d.gen ||
		d.pages != nil && shown.pages != nil && &d.pages[0] == &shown.pages[0] && d.tableGen == d.gen {
		return broken("the table of generation %d is the map's own and a snapshot's", d.tableGen)
	}
	pages, shards, entries := map[*page]bool{}, map[*shard]bool{}, map[*opaque]bool{}
	for i := range shown.pages {
		pages[shown.pages[i].Load()] = true
	}
	for s := range shown.shards {
		shards[s] = true
		for e := range s.entries {
			entries[e] = true
		}
	}
	for i := range d.pages {
		if p := d.pages[i].Load(); pages[p] && p.gen == d.gen {
			return broken("page %d of generation %d is the map's own and a snapshot's", i, p.gen)
		}
	}
	for s := range d.shards {
		if s.gen != d.gen {
			continue
		}
		if shards[s] {
			return broken("a shard of generation %d is the map's own and a snapshot's", s.gen)
		}
		for e, shared := range s.entries {
			if entries[e] && !shared {
				return broken("key %v: its entry is a snapshot's too, and not marked as shared", *keyOf[K](e))
			}
		}
	}
	return nil
}

// checkFlights checks that each load that is under way can still be waited for.
func (m *Map[K, V]) checkFlights() error {
	m.loads.mu.Lock()
	defer m.loads.mu.Unlock()
	if m.loads.calls != nil && len(m.loads.calls) == 0 {
		return broken("an empty map of loads is kept")
	}
	for key, c := range m.loads.calls {
		select {
		case <-c.landed:
			return broken("key %v: its load has landed and is still waited for", key)
		default:
		}
	}
	return nil
}

// An inspection visits all shards of a directory, or some. It stops at the first thing that is wrong.
type inspection[K comparable] struct {
	d         *directory[K]
	rehash    bool // call the hasher
	exclusive bool // the writers are excluded, or the directory is a snapshot's
	current   bool // the directory is the map's
	err       error

	overflow map[*bucket]bool // the overflow buckets seen
	chained  []*opaque        // the entries of one chain
}

func (in *inspection[K]) failf(format string, args ...any) {
	if in.err == nil {
		in.err = broken(format, args...)
	}
}

// hashes reports whether hashes can be relied on: those of a user's hasher only if the caller says so.
func (in *inspection[K]) hashes() bool { return in.rehash || in.d.kind != hashFunc || in.d.trusted }

// table checks the table and all that it leads to. It returns the number of entries.
func (in *inspection[K]) table() (entries int) {
	d := in.d
	if !in.header() {
		return 0
	}
	seen := make(map[*shard]bool)
	for i := 0; i < d.len() && in.err == nil; {
		s := d.at(i)
		if s == nil || s.depth > d.depth {
			in.failf("slot %d of %d: no shard, or one of more depth than the directory's", i, d.len())
			return entries
		}
		run := 1 << (d.depth - s.depth)
		if i%run != 0 || seen[s] {
			in.failf("slot %d of %d: a shard of depth %d begins here, and before: %v", i, d.len(), s.depth, seen[s])
		}
		seen[s] = true
		for j := i; j < min(i+run, d.len()); j++ {
			if d.at(j) != s {
				in.failf("slot %d of %d: not the shard that slots %d to %d must lead to", j, d.len(), i, i+run-1)
			}
		}
		if limit := in.generation(i); s.gen > limit {
			in.failf("slot %d of %d: a shard of generation %d in a table or page of generation %d", i, d.len(), s.gen, limit)
		}
		s.mu.RLock()
		entries += in.shard(s, uint64(i)<<(d.shift&63)<<32)
		s.mu.RUnlock()
		i += run
	}
	return entries
}

// header checks the directory's header and that the table has the right size.
func (in *inspection[K]) header() (ok bool) {
	d := in.d
	switch {
	case d.depth > 32 || d.shift != 32-d.depth:
		in.failf("depth %d, shift %d", d.depth, d.shift)
	case d.tableGen > d.gen:
		in.failf("a table of generation %d in a directory of generation %d", d.tableGen, d.gen)
	case bits.OnesCount64(d.bucketMask+1) != 1:
		in.failf("bucket mask %#x", d.bucketMask)
	case d.depth <= pageBits && (d.pages != nil || len(d.flat) != d.len()),
		d.depth > pageBits && (d.flat != nil || len(d.pages) != d.len()>>pageBits):
		in.failf("depth %d: a table of %d slots and %d pages", d.depth, len(d.flat), len(d.pages))
	}
	for i := range d.pages {
		if p := d.pages[i].Load(); in.err == nil && (p == nil || p.gen > d.tableGen) {
			in.failf("page %d: none, or newer than its table of generation %d", i, d.tableGen)
		}
	}
	return in.err == nil
}

// generation returns how new a shard in slot i may be: as new as what holds the slot.
func (in *inspection[K]) generation(i int) uint64 {
	if in.d.flat != nil {
		return in.d.tableGen
	}
	return in.d.pages[i>>pageBits].Load().gen
}
