package core

import "github.com/shardmap-go/shardmap"

// content is what a store holds: a map of the objects for those who ask for one, and a vector of them for those who want
// all. An object's position in the vector is its id; an index has for each indexed value a vector of ids.
//
// That the objects are in one vector, and the indexes have ids, makes an update that changes no indexed value write one
// element, whatever the number of indexes; and a lookup, of objects as of one instant, needs no map but for the indexed value.
type content struct {
	versions *shardmap.Map[string, *version] // the one thing that is read without a lock
	rows     vector[row]
	indexes  []*shardmap.Map[string, *set] // in the order of the store's indexes; no set is empty
	stamp    uint64                        // of the last join
}

// A row is an object with its entry, of which a view reads the key alone: the rest is for writers.
type row struct {
	obj   any
	entry *entry
}

// An entry is what writers need to know of a key, from when it is added until it is deleted.
type entry struct {
	key      string // never changes
	id       int
	postings []posting
	few      [2]posting // the space for them if they are not more: one for the namespace, one for another index
}

// A set is the objects that have one indexed value.
type set struct {
	index  int
	value  string
	stamp  uint64 // of the last join that has met it
	ids    vector[int32]
	owners []*posting // of the ids; for writers
}

// A posting says that an entry is in a set, and where.
type posting struct {
	set *set
	pos int
}

// A term is an indexed value of an object.
type term struct {
	index int
	value string
}

func newContent(indexes, capacity int) *content {
	c := &content{versions: shardmap.New[string, *version](shardmap.WithCapacity(capacity))}
	for range indexes {
		c.indexes = append(c.indexes, new(shardmap.Map[string, *set]))
	}
	return c
}

// put makes obj the object of key, to be found under terms: at once, or, if there is a tx, which has not written key yet, when
// that commits.
func (c *content) put(key string, obj any, terms []term, tx *transaction) {
	next := &version{obj: obj}
	if tx != nil {
		before, _ := c.versions.Load(key)
		next.staged = &staged{tx: tx, before: before}
	}
	var e *entry
	if old, ok := c.versions.Swap(key, next); ok {
		e = old.entry
		c.rows.set(e.id, row{obj, e})
	} else {
		e = &entry{key: key, id: c.rows.len}
		c.rows.push(row{obj, e})
	}
	next.entry = e
	if !e.isUnder(terms) {
		c.leave(e)
		c.join(e, terms)
	}
}

// remove takes the object of key out: at once, or, if there is a tx, which has not written key yet, when that commits.
func (c *content) remove(key string, tx *transaction) {
	var old *version
	if tx == nil {
		old, _ = c.versions.LoadAndDelete(key)
	} else if old, _ = c.versions.Load(key); old != nil {
		c.versions.Store(key, &version{staged: &staged{tx, old, true}})
	}
	if old == nil {
		return
	}
	e := old.entry
	c.leave(e)
	last := c.rows.at(c.rows.len - 1)
	if last.entry != e { // takes its id
		c.rows.set(e.id, last)
		last.entry.id = e.id
		for _, p := range last.entry.postings {
			p.set.ids.set(p.pos, int32(e.id))
		}
	}
	c.rows.pop()
}

// settle is for each key of a transaction that has committed.
func (c *content) settle(key string) {
	v, ok := c.versions.Load(key)
	if !ok || v.staged == nil {
		return
	}
	if v.staged.deleted {
		c.versions.Delete(key)
	} else {
		c.versions.Store(key, &version{obj: v.obj, entry: v.entry})
	}
}

// isUnder reports whether e is in exactly the sets of terms, which it is known to be if they are the same in the same
// order and none comes twice.
func (e *entry) isUnder(terms []term) bool {
	if len(e.postings) != len(terms) {
		return false
	}
	for i, t := range terms {
		if s := e.postings[i].set; s.index != t.index || s.value != t.value {
			return false
		}
	}
	return true
}

// leave takes e out of all sets.
func (c *content) leave(e *entry) {
	for i := range e.postings {
		s := e.postings[i].set
		s.remove(e.postings[i].pos)
		if s.ids.len == 0 {
			c.indexes[s.index].Delete(s.value)
		}
	}
	e.postings = nil
}

// join puts e, which is in no set, into those of terms. A term that comes again is told by the stamp of its set.
func (c *content) join(e *entry, terms []term) {
	if len(terms) == 0 {
		return
	}
	c.stamp++
	if e.postings = e.few[:0]; len(terms) > cap(e.postings) { // as their addresses must not change
		e.postings = make([]posting, 0, len(terms))
	}
	for _, t := range terms {
		s := c.set(t)
		if s.stamp == c.stamp {
			continue
		}
		s.stamp = c.stamp
		e.postings = append(e.postings, posting{s, s.ids.len})
		s.ids.push(int32(e.id))
		s.owners = append(s.owners, &e.postings[len(e.postings)-1])
	}
}

// set returns the set of t, and makes it.
func (c *content) set(t term) *set {
	if s, ok := c.indexes[t.index].Load(t.value); ok {
		return s
	}
	s := &set{index: t.index, value: t.value}
	c.indexes[t.index].Store(t.value, s)
	return s
}

// remove removes the id at a position. The last one takes the position.
func (s *set) remove(pos int) {
	last := s.ids.len - 1
	if pos != last {
		s.ids.set(pos, s.ids.at(last))
		s.owners[pos] = s.owners[last]
		s.owners[pos].pos = pos
	}
	s.owners[last] = nil
	s.owners = s.owners[:last]
	s.ids.pop()
}
