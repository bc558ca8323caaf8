package shardmap

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// filledForInvariants returns a map of several shards, some of them shared with a snapshot, some copied since.
func filledForInvariants(t *testing.T) (*Map[int, *int], *Snapshot[int, *int]) {
	m := New[int, *int](WithShards(4))
	for i := range 400 {
		m.Store(i, new(i))
	}
	s := m.Snapshot()
	for i := range 5 {
		m.Store(i, new(-i))
		m.Delete(100 + i)
	}
	require.NoError(t, m.checkInvariants(true, s))
	return m, s
}

// A place of key in m, which has it.
func (m *Map[K, V]) placeOf(key K) (*shard, place) {
	d := m.dir.Load()
	h := d.of(key)
	s := d.shard(h)
	return s, d.search(s.chain(h), h, key)
}

// Each of the ways to break a map must be noticed, and called by its name. What it breaks cannot be reached by methods.
func TestBrokenInvariantsAreNoticed(t *testing.T) {
	const key = 7
	for _, c := range []struct {
		name  string
		spoil func(m *Map[int, *int], s *Snapshot[int, *int])
		want  string
	}{
		{"entry lost", func(m *Map[int, *int], _ *Snapshot[int, *int]) {
			_, at := m.placeOf(key)
			at.b.entries[at.slot].Store(nil)
		}, "the lanes count"},
		{"entry dead", func(m *Map[int, *int], _ *Snapshot[int, *int]) {
			_, at := m.placeOf(key)
			d := m.dir.Load()
			d.compareAndSwap(at.e, d.load(at.e), d.tombstone())
		}, "is dead"},
		{"entry twice", func(m *Map[int, *int], _ *Snapshot[int, *int]) {
			s, at := m.placeOf(key)
			s.count++
			m.lanes.Load().add(1)
			s.place(at.e, m.dir.Load().of(key), true)
		}, "twice"},
		{"entry in another bucket", func(m *Map[int, *int], _ *Snapshot[int, *int]) {
			s, at := m.placeOf(key)
			at.b.entries[at.slot].Store(nil)
			s.place(at.e, m.dir.Load().of(key)^1, true)
		}, "belongs to bucket"},
		{"entry in another shard", func(m *Map[int, *int], _ *Snapshot[int, *int]) {
			_, at := m.placeOf(key)
			at.b.entries[at.slot].Store(nil)
			h := m.dir.Load().of(key)
			m.dir.Load().shard(h^1<<63).place(at.e, h, true)
		}, "is in the shard of"},
		{"another tag", func(m *Map[int, *int], _ *Snapshot[int, *int]) {
			_, at := m.placeOf(key)
			at.b.meta.Store(at.b.meta.Load() ^ 1<<(8*at.slot))
		}, "has tag"},
		{"no tag", func(m *Map[int, *int], _ *Snapshot[int, *int]) {
			_, at := m.placeOf(key)
			at.b.meta.Store(at.b.meta.Load() &^ (0xff << (8 * at.slot)))
		}, "without tag"},
		{"half a tag", func(m *Map[int, *int], _ *Snapshot[int, *int]) {
			_, at := m.placeOf(key)
			at.b.meta.Store(at.b.meta.Load()&^(0x80<<(8*at.slot)) | 1<<(8*at.slot))
		}, "tag 0x"},
		{"meta without meaning", func(m *Map[int, *int], _ *Snapshot[int, *int]) {
			_, at := m.placeOf(key)
			at.b.meta.Store(at.b.meta.Load() | 1<<60)
		}, "without a meaning"},
		{"next too early", func(m *Map[int, *int], _ *Snapshot[int, *int]) {
			for s := range m.dir.Load().shards {
				for i := range uint64(s.buckets()) {
					if b := s.bucket(i); unusedSlot(b.meta.Load()) >= 0 {
						b.next.Store(new(bucket))
						return
					}
				}
			}
		}, "followed by another"},
		{"chain bites its tail", func(m *Map[int, *int], _ *Snapshot[int, *int]) {
			s, at := m.placeOf(key)
			b := &bucket{}
			b.next.Store(b)
			for slot := range bucketEntries {
				b.meta.Store(withTag(b.meta.Load(), slot, 0, false))
				at.b.meta.Store(withTag(at.b.meta.Load(), slot, uint64(s.gen), false))
			}
			last := at.b
			for last.next.Load() != nil {
				last = last.next.Load()
			}
			last.meta.Store(last.meta.Load() | tagHigh)
			last.next.Store(b)
		}, "linked twice|has tag"},
		{"count too low", func(m *Map[int, *int], _ *Snapshot[int, *int]) {
			s, _ := m.placeOf(key)
			s.count = 1
		}, "counts 1 entries"},
		{"count too high", func(m *Map[int, *int], _ *Snapshot[int, *int]) {
			s, _ := m.placeOf(key)
			s.count = 1000
		}, "counts 1000 entries"},
		{"spares", func(m *Map[int, *int], _ *Snapshot[int, *int]) {
			s, _ := m.placeOf(key)
			s.spares ^= 1
		}, "spare bucket"},
		{"shared slot without entry", func(m *Map[int, *int], _ *Snapshot[int, *int]) {
			m.Clear()
			m.Store(key, nil)
			s, _ := m.placeOf(key)
			s.bucket(0).meta.Store(s.bucket(0).meta.Load() | sharedAll)
		}, "shared and never used"},
		{"divided", func(m *Map[int, *int], _ *Snapshot[int, *int]) {
			m.Store(key, nil)
			s, _ := m.placeOf(key)
			s.divided.Store(1)
		}, "is divided"},
		{"generation", func(m *Map[int, *int], _ *Snapshot[int, *int]) {
			s, _ := m.placeOf(key)
			s.gen = 99
		}, "generation 99"},
		{"depth", func(m *Map[int, *int], _ *Snapshot[int, *int]) {
			s, _ := m.placeOf(key)
			s.depth--
		}, "begins here|must lead to"},
		{"half a run", func(m *Map[int, *int], _ *Snapshot[int, *int]) {
			d := m.dir.Load()
			d.set(1, d.at(0))
		}, "begins here"},
		{"bucket mask", func(m *Map[int, *int], _ *Snapshot[int, *int]) {
			m.dir.Load().bucketMask = 15
		}, "mask 0xf"},
		{"table of a snapshot", func(m *Map[int, *int], s *Snapshot[int, *int]) {
			*s = *m.Snapshot()
			d := *m.dir.Load()
			d.tableGen = d.gen
			m.dir.Store(&d)
		}, "table of generation"},
		{"shard of a snapshot", func(m *Map[int, *int], s *Snapshot[int, *int]) {
			m.Store(key, nil) // which copies the shard, if it is a snapshot's still
			at, _ := m.placeOf(key)
			s.d.set(int(m.dir.Load().of(key)>>62), at)
		}, "a snapshot's|generation"},
		{"entry of a snapshot", func(m *Map[int, *int], _ *Snapshot[int, *int]) {
			for s := range m.dir.Load().shards {
				for i := range uint64(s.buckets()) {
					b := s.bucket(i)
					b.meta.Store(b.meta.Load() &^ sharedAll)
				}
			}
		}, "not marked as shared"},
		{"lanes", func(m *Map[int, *int], _ *Snapshot[int, *int]) {
			m.lanes.Load().add(-1)
		}, "the lanes count"},
		{"snapshot's count", func(_ *Map[int, *int], s *Snapshot[int, *int]) {
			s.n++
		}, "a snapshot counts"},
		{"Map.grow held", func(m *Map[int, *int], _ *Snapshot[int, *int]) {
			m.grow.Lock()
		}, "Map.grow is held"},
		{"slot kind", func(m *Map[int, *int], _ *Snapshot[int, *int]) {
			m.dir.Load().slotKind = slotWord
		}, "slot kind"},
		{"tombstone", func(m *Map[int, *int], _ *Snapshot[int, *int]) {
			m.dir.Load().dead = 2
		}, "tombstone 0x2"},
		{"hash function", func(m *Map[int, *int], _ *Snapshot[int, *int]) {
			m.dir.Load().kind = hashString
		}, "hash function of kind"},
		{"trusted", func(m *Map[int, *int], _ *Snapshot[int, *int]) {
			m.dir.Load().replaced = true
		}, "not trusted"},
		{"empty flights", func(m *Map[int, *int], _ *Snapshot[int, *int]) {
			m.loads.calls = map[int]*flight[*int]{}
		}, "empty map of loads"},
	} {
		t.Run(c.name, func(t *testing.T) {
			m, s := filledForInvariants(t)
			c.spoil(m, s)
			err := m.checkInvariants(true, s)
			require.Error(t, err)
			require.Regexp(t, c.want, err.Error())
		})
	}
}

// Each step on the way of a map through all its sizes keeps the invariants.
func TestInvariantsHoldAtEveryStep(t *testing.T) {
	m, kept := new(Map[int, uint64]), []*Snapshot[int, uint64]{}
	require.NoError(t, m.checkInvariants(true), "empty")
	for i := range 1200 {
		m.Store(i, uint64(i))
		if i%3 == 0 {
			m.Delete(i / 2)
		}
		if i%100 == 50 {
			kept = append(kept, m.Snapshot())
		}
		if i < 40 || i%20 == 0 {
			require.NoError(t, m.checkInvariants(true, kept...), "after %d", i)
		}
	}
	for _, step := range []func(){
		m.Shrink,
		func() { m.Store(-1, m.dir.Load().dead) }, // the word for deleted entries
		func() { kept = append(kept, m.Replace(m.Clone().All())) },
		func() { m.DeleteFunc(func(key int, _ uint64) bool { return key%2 == 0 }) },
		func() { m = m.Clone() },
		func() { m.Store(-2, 1) },
		m.Clear,
		func() { m.Store(-3, 1) },
	} {
		step()
		require.NoError(t, m.checkInvariants(true, kept...))
	}
}
