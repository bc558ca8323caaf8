package index

import "github.com/shardmap-go/shardmap"

// An entry is what is stored for a key, from one write to the next. It carries the index keys under which it is found, as
// the index functions gave them when it was written: what they answer later does not matter.
type entry[K comparable, V any] struct {
	version[entry[K, V]]
	deleted  bool // this is no entry, but tells that the one before is gone
	value    V
	key      K
	hash     uint64 // of the key
	stripes  uint64 // of the key and of all index keys
	postings []any  // a *posting for each index that has the entry under at least one key
}

// now returns the entry that counts, or nil if there is none. The receiver may be nil.
func (e *entry[K, V]) now() *entry[K, V] {
	if e != nil {
		if before, yes := e.uncommitted(); yes {
			return before
		}
		if e.deleted {
			return nil
		}
	}
	return e
}

// get returns the value, and whether there is an entry: the receiver may be nil.
func (e *entry[K, V]) get() (value V, ok bool) {
	if e == nil {
		return value, false
	}
	return e.value, true
}

// A state is the entries of a map, and the tables of its indexes: what is in them changes, which they are does not. Add and
// Drop publish another state with the same entries and another list of tables, Clear and Replace one that shares nothing
// with the one before. They do so holding all stripes; and a writer makes sure, holding its own, that the state it works
// with is still the map's. So no transaction is under way when states are exchanged, and from then on nobody writes to
// what the new state has not in common with the old: it stays as it was at the instant of the exchange, and at that
// instant a reader that still uses it takes effect.
type state[K comparable, V any] struct {
	entries *shardmap.Map[K, *entry[K, V]]
	tables  []table[K, V] // in the order in which they were added
}

func (st *state[K, V]) load(key K) *entry[K, V] {
	e, _ := st.entries.Load(key)
	return e.now()
}

// newEntry returns an entry that the tables of st know how to file. It calls the index functions.
func (st *state[K, V]) newEntry(key K, value V) *entry[K, V] {
	e := &entry[K, V]{key: key, value: value, hash: hashOf(key), postings: make([]any, 0, len(st.tables))}
	e.stripes = stripeOf(e.hash)
	for _, t := range st.tables {
		if p, stripes := t.post(key, value); p != nil {
			e.postings = append(e.postings, p)
			e.stripes |= stripes
		}
	}
	return e
}

// exchange puts next into the place of old, in the entries and in all tables, as a part of t. Either may be nil. The
// caller holds the stripes of both, and settles when t is committed.
func (st *state[K, V]) exchange(t *tx, key K, old, next *entry[K, V]) {
	staged := next
	if next == nil {
		staged = &entry[K, V]{deleted: true}
	}
	staged.supersede(t, old)
	st.entries.Store(key, staged)
	for _, table := range st.tables {
		table.exchange(t, old, next)
	}
}

// settle ends what exchange began. The tables go first: a transaction of several entries leaves a bucket alone once it
// is settled.
func (st *state[K, V]) settle(t *tx, key K, old, next *entry[K, V]) {
	for _, table := range st.tables {
		table.settle(t, old, next)
	}
	if next == nil {
		st.entries.Delete(key)
	} else {
		next.settle()
	}
}

// write is the whole transaction of one entry.
func (st *state[K, V]) write(key K, old, next *entry[K, V]) {
	t := new(tx)
	st.exchange(t, key, old, next)
	t.commit()
	st.settle(t, key, old, next)
}

// put stores an entry into a state that nobody else knows yet.
func (st *state[K, V]) put(key K, value V) {
	mustEqualItself(key)
	st.write(key, st.load(key), st.newEntry(key, value))
}

// empty returns a state without entries that has the indexes of st.
func (st *state[K, V]) empty() *state[K, V] {
	fresh := &state[K, V]{entries: new(shardmap.Map[K, *entry[K, V]])}
	for _, t := range st.tables {
		fresh.tables = append(fresh.tables, t.empty())
	}
	return fresh
}

// withTables returns a state with the entries of st and these tables.
func (st *state[K, V]) withTables(tables []table[K, V]) *state[K, V] {
	return &state[K, V]{entries: st.entries, tables: tables}
}

// hasTablesOf reports whether two states have tables for the same indexes, as complete in one as in the other.
func (st *state[K, V]) hasTablesOf(other *state[K, V]) bool {
	if len(st.tables) != len(other.tables) {
		return false
	}
	for i, t := range st.tables {
		if t.index() != other.tables[i].index() || t.complete() != other.tables[i].complete() {
			return false
		}
	}
	return true
}

// snapshot returns a snapshot of the entries and all complete tables. The caller holds all stripes.
func (st *state[K, V]) snapshot() *Snapshot[K, V] {
	s := &Snapshot[K, V]{entries: *st.entries.Snapshot()}
	for _, t := range st.tables {
		if t.complete() {
			s.views = append(s.views, t.view())
		}
	}
	return s
}
