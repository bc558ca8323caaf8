package index

import (
	"slices"

	"github.com/shardmap-go/shardmap"
)

// A table is the content of one index of a map, in one of the map's states. What it says of entries it says of their
// index keys in this index.
type table[K comparable, V any] interface {
	name() string
	index() any     // the *Index: tables of one index in different states are told by it
	complete() bool // the entries that were there before the index are in the table, too

	// post asks the index function, and returns a *posting, or nil if there are no keys, and the stripes of the keys.
	post(key K, value V) (posting any, stripes uint64)

	// exchange stages, in the bucket of each index key that old or next has, next in the place of old. Either may be nil.
	exchange(t *tx, old, next *entry[K, V])

	// settle settles these buckets, if t has staged them and not settled them yet.
	settle(t *tx, old, next *entry[K, V])

	empty() table[K, V] // a table of the same index, without content
	view() any          // a *View of the content; the caller holds all stripes
}

// A bucket is the set of the entries that carry one index key, from one write to the next. There is none for an index key
// that no entry carries.
type bucket[K comparable, V any] struct {
	version[bucket[K, V]]
	root *node[K, V]
}

// set returns the set that counts. The receiver may be nil.
func (b *bucket[K, V]) set() Set[K, V] {
	if b == nil {
		return Set[K, V]{}
	}
	if before, yes := b.uncommitted(); yes {
		return before.settledSet()
	}
	return Set[K, V]{b.root}
}

// settledSet is set, for a bucket that is settled, or nil.
func (b *bucket[K, V]) settledSet() Set[K, V] {
	if b == nil {
		return Set[K, V]{}
	}
	return Set[K, V]{b.root}
}

// A posting is the index keys under which one index has an entry: each once, and at least one.
type posting[K comparable, V any, IK comparable] struct {
	index *Index[K, V, IK]
	keys  []IK
}

// indexTable is the one implementation of table; the interface hides IK.
type indexTable[K comparable, V any, IK comparable] struct {
	of      *Index[K, V, IK]
	built   bool
	buckets *shardmap.Map[IK, *bucket[K, V]]
}

func newTable[K comparable, V any, IK comparable](of *Index[K, V, IK], built bool) *indexTable[K, V, IK] {
	return &indexTable[K, V, IK]{of, built, new(shardmap.Map[IK, *bucket[K, V]])}
}

func (t *indexTable[K, V, IK]) name() string       { return t.of.name }
func (t *indexTable[K, V, IK]) index() any         { return t.of }
func (t *indexTable[K, V, IK]) complete() bool     { return t.built }
func (t *indexTable[K, V, IK]) empty() table[K, V] { return newTable(t.of, t.built) }
func (t *indexTable[K, V, IK]) view() any          { return &View[K, V, IK]{t.of, *t.buckets.Snapshot()} }

// post copies what the index function returns, which may be changed later by whoever else has it, and leaves out index
// keys that come again, and those that are not equal to themselves, for nobody can ask for them.
func (t *indexTable[K, V, IK]) post(key K, value V) (any, uint64) {
	answer := t.of.fn(key, value)
	seen := members[IK]{list: make([]IK, 0, len(answer))}
	var stripes uint64
	for _, ik := range answer {
		if ik == ik && !seen.has(ik) {
			seen.add(ik)
			stripes |= t.stripeOf(ik)
		}
	}
	if len(seen.list) == 0 {
		return nil, 0
	}
	return &posting[K, V, IK]{t.of, seen.list}, stripes
}

func (t *indexTable[K, V, IK]) stripeOf(ik IK) uint64 { return stripeOf(hashOf(ik) ^ t.of.salt) }

// keysOf returns the index keys of e, which may be nil.
func (t *indexTable[K, V, IK]) keysOf(e *entry[K, V]) []IK {
	if e != nil {
		for _, p := range e.postings {
			if p, ok := p.(*posting[K, V, IK]); ok && p.index == t.of {
				return p.keys
			}
		}
	}
	return nil
}

func (t *indexTable[K, V, IK]) exchange(x *tx, old, next *entry[K, V]) {
	before, after := membersOf(t.keysOf(old)), membersOf(t.keysOf(next))
	for _, ik := range before.list {
		if after.has(ik) {
			t.exchangeUnder(ik, x, old, next)
		} else {
			t.exchangeUnder(ik, x, old, nil)
		}
	}
	for _, ik := range after.list {
		if !before.has(ik) {
			t.exchangeUnder(ik, x, nil, next)
		}
	}
}

// exchangeUnder stages, in the bucket of ik, next in the place of old. One of the two may be nil.
func (t *indexTable[K, V, IK]) exchangeUnder(ik IK, x *tx, old, next *entry[K, V]) {
	b, _ := t.buckets.Load(ik)
	if b != nil && b.stagedBy(x) { // nobody reads b.root before x is committed
		b.root = b.root.exchange(old, next)
		return
	}
	staged := &bucket[K, V]{root: b.settledSet().root.exchange(old, next)}
	staged.supersede(x, b)
	t.buckets.Store(ik, staged)
}

func (t *indexTable[K, V, IK]) settle(x *tx, old, next *entry[K, V]) {
	for _, e := range [...]*entry[K, V]{old, next} {
		for _, ik := range t.keysOf(e) {
			b, _ := t.buckets.Load(ik)
			if b == nil || !b.stagedBy(x) {
				continue
			}
			if b.root == nil {
				t.buckets.Delete(ik)
			}
			b.settle()
		}
	}
}

// members are some index keys, each once, among which one looks for others.
type members[IK comparable] struct {
	list []IK
	set  map[IK]struct{} // the same, if they are more than few
}

// few index keys are looked through one by one. Chosen by hand, not measured.
const few = 16

func membersOf[IK comparable](list []IK) members[IK] {
	m := members[IK]{list: list}
	m.index()
	return m
}

func (m *members[IK]) has(ik IK) bool {
	if m.set == nil {
		return slices.Contains(m.list, ik)
	}
	_, ok := m.set[ik]
	return ok
}

func (m *members[IK]) add(ik IK) {
	m.list = append(m.list, ik)
	if m.set == nil {
		m.index()
	} else {
		m.set[ik] = struct{}{}
	}
}

func (m *members[IK]) index() {
	if len(m.list) <= few {
		return
	}
	m.set = make(map[IK]struct{}, len(m.list))
	for _, ik := range m.list {
		m.set[ik] = struct{}{}
	}
}
