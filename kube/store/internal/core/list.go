package core

import (
	"fmt"
	"slices"

	"github.com/shardmap-go/shardmap"
)

// List returns all objects as of one instant.
func (s *Store) List() []any {
	rows := s.freezeRows()
	list := make([]any, 0, rows.len)
	for _, p := range rows.pages { // rows.all, written out: this is all that there is to do
		for i := range p.elements {
			list = append(list, p.elements[i].obj)
		}
	}
	return list
}

// Keys returns all keys as of one instant.
func (s *Store) Keys() []string {
	rows := s.freezeRows()
	return appendKeys(make([]string, 0, rows.len), rows.all)
}

// ByIndex returns the objects that have an indexed value, as of one instant.
func (s *Store) ByIndex(name, value string) ([]any, error) {
	var few [fewRows]row
	f, err := s.lookUp(few[:0], name, value)
	if err != nil {
		return nil, err
	}
	list := make([]any, 0, f.len)
	for r := range f.all {
		list = append(list, r.obj)
	}
	return list, nil
}

// IndexKeys returns the keys of the objects that have an indexed value, as of one instant, in ascending order.
func (s *Store) IndexKeys(name, value string) ([]string, error) {
	var few [fewRows]row
	f, err := s.lookUp(few[:0], name, value)
	if err != nil {
		return nil, err
	}
	keys := appendKeys(make([]string, 0, f.len), f.all)
	slices.Sort(keys)
	return keys, nil
}

// Index returns the objects that have an indexed value in common with obj, as of one instant.
func (s *Store) Index(name string, obj any) ([]any, error) {
	fn, err := s.function(name)
	if err != nil {
		return nil, err
	}
	values, err := fn(obj)
	if err != nil {
		return nil, err
	}
	if len(values) == 1 {
		return s.ByIndex(name, values[0])
	}
	f, err := s.lookUp(nil, name, values...)
	if err != nil {
		return nil, err
	}
	list, seen := make([]any, 0, f.len), make(map[*entry]bool, f.len)
	for r := range f.all {
		if !seen[r.entry] {
			seen[r.entry] = true
			list = append(list, r.obj)
		}
	}
	return list, nil
}

// function returns the function of an index. It is called with no lock held.
func (s *Store) function(name string) (IndexFunc, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if i := s.find(name); i >= 0 {
		return s.indexes[i].fn, nil
	}
	return nil, noIndex(name)
}

// Values returns the indexed values of an index as of one instant, or none if there is no such index.
func (s *Store) Values(name string) []string {
	values := []string{}
	if sets := s.snapshotSets(name); sets != nil {
		values = slices.AppendSeq(slices.Grow(values, sets.Len()), sets.Keys())
	}
	return values
}

func (s *Store) snapshotSets(name string) *shardmap.Snapshot[string, *set] {
	s.mu.Lock()
	defer s.mu.Unlock()
	if i := s.find(name); i >= 0 {
		return s.live.indexes[i].Snapshot()
	}
	return nil
}

func (s *Store) freezeRows() view[row] {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.live.rows.freeze()
}

func appendKeys(keys []string, rows func(yield func(r row) bool)) []string {
	for r := range rows {
		keys = append(keys, r.entry.key)
	}
	return keys
}

// fewRows rows are copied while mu is held. It takes about as long as an update; and the writer need not copy anything
// afterwards, as it must after a view, which pays only for lookups that show many objects.
const fewRows = 64

// A lookup is the rows that have any of some indexed values, as of one instant; those that have several come several times.
type lookup struct {
	len  int
	few  []row // all of them, or nil
	sets []view[int32]
	rows view[row]
}

// lookUp finds rows by their indexed values. It uses few if they fit in.
func (s *Store) lookUp(few []row, name string, values ...string) (lookup, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	i := s.find(name)
	if i < 0 {
		return lookup{}, noIndex(name)
	}
	var f lookup
	var sets []*set
	for _, value := range values {
		if set, ok := s.live.indexes[i].Load(value); ok {
			sets = append(sets, set)
			f.len += set.ids.len
		}
	}
	if f.len <= cap(few) {
		for _, set := range sets {
			for _, p := range set.ids.pages {
				for _, id := range p.elements {
					few = append(few, s.live.rows.at(int(id)))
				}
			}
		}
		f.few = few
		return f, nil
	}
	for _, set := range sets {
		f.sets = append(f.sets, set.ids.freeze())
	}
	f.rows = s.live.rows.freeze()
	return f, nil
}

// all calls yield with each row until yield returns false.
func (f *lookup) all(yield func(r row) bool) {
	for _, r := range f.few {
		if !yield(r) {
			return
		}
	}
	for _, ids := range f.sets {
		for id := range ids.all {
			if !yield(f.rows.at(int(id))) {
				return
			}
		}
	}
}

// noIndex is worded as in client-go.
func noIndex(name string) error {
	return fmt.Errorf("Index with name %s does not exist", name)
}
