// Package core is the store of package store without its connection to client-go: it imports nothing of client-go, so that
// client-go's own tests can be run on it from inside client-go's cache package.
package core

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/shardmap-go/shardmap"
)

// Two locks.
//
// writing makes writers take turns. It is held while index functions run: they run before anything is changed, so that
// one that fails, panics or ends its goroutine changes nothing, and readers do not wait for it.
//
// mu is held by a writer for the change itself, and by a reader for as long as it takes to freeze a vector, which is a few
// instructions whatever its size. No function of the user's runs under it. What it guards changes only under both locks;
// so a writer, too, may read it with writing alone.
//
// Get takes neither: a write takes effect for it when the map has the version, or has the key no more, at the commit of the
// transaction, or at the exchange of the whole content. Everybody else sees it when mu is unlocked, which is later; but who
// looks in between waits for mu. So all agree on one order.

// An IndexFunc returns the indexed values of an object.
type IndexFunc = func(obj any) ([]string, error)

// A Version is a resource version, or, if it is not known, none.
type Version struct {
	Value string
	Known bool
}

// A Write is one of the writes of a transaction.
type Write struct {
	Key    string
	Object any // ignored if Delete
	Delete bool
}

// Store is a thread-safe store with indexes.
type Store struct {
	writing  sync.Mutex
	terms    []term               // scratch space; guarded by writing
	observer func(version string) // called with writing held; never nil

	mu      sync.Mutex
	live    *content
	indexes []index
	version string

	versions atomic.Pointer[shardmap.Map[string, *version]] // live.versions
}

// An index is the name and the function of an index. Its content is content.indexes, at the same position.
type index struct {
	name string
	fn   IndexFunc
}

// New returns an empty store. The observer is told of each resource version that becomes the store's, in order.
func New(indexers map[string]IndexFunc, observer func(version string)) (*Store, error) {
	s := &Store{observer: observer, live: newContent(0, 0)}
	if err := s.AddIndexers(indexers); err != nil {
		return nil, err
	}
	return s, nil
}

// Get returns the object of key, and whether there is one. It takes no lock.
func (s *Store) Get(key string) (obj any, ok bool) {
	v, ok := s.versions.Load().Load(key)
	if !ok {
		return nil, false
	}
	return v.get()
}

// Put makes obj the object of key.
func (s *Store) Put(key string, obj any, version Version) error {
	s.writing.Lock()
	defer s.writing.Unlock()
	terms, err := s.appendTerms(s.terms[:0], s.indexes, key, obj)
	if err != nil {
		return err
	}
	s.mu.Lock()
	s.live.put(key, obj, terms, nil)
	s.unlock(version)
	clear(terms) // they may hold large strings
	s.terms = terms
	return nil
}

// Delete deletes the object of key, if there is one.
func (s *Store) Delete(key string, version Version) {
	s.writing.Lock()
	defer s.writing.Unlock()
	s.mu.Lock()
	s.live.remove(key, nil)
	s.unlock(version)
}

// Apply makes several writes take effect at one instant, the last one of a key counting.
func (s *Store) Apply(writes []Write, version Version) error {
	s.writing.Lock()
	defer s.writing.Unlock()
	var terms []term
	ends := make([]int, len(writes))
	last := make(map[string]int, len(writes)) // the only write of a key that is made: see staged
	for i, w := range writes {
		if !w.Delete {
			var err error
			if terms, err = s.appendTerms(terms, s.indexes, w.Key, w.Object); err != nil {
				return err
			}
		}
		ends[i], last[w.Key] = len(terms), i
	}
	tx, begin := new(transaction), 0
	s.mu.Lock()
	for i, w := range writes {
		if last[w.Key] == i {
			if w.Delete {
				s.live.remove(w.Key, tx)
			} else {
				s.live.put(w.Key, w.Object, terms[begin:ends[i]], tx)
			}
		}
		begin = ends[i]
	}
	tx.committed.Store(true)
	for key := range last {
		s.live.settle(key)
	}
	s.unlock(version)
	return nil
}

// Replace makes items the whole content, at one instant.
func (s *Store) Replace(items map[string]any, version string) error {
	s.writing.Lock()
	defer s.writing.Unlock()
	fresh, err := s.build(s.indexes, len(items), maps.All(items))
	if err != nil {
		return err
	}
	s.mu.Lock()
	s.publish(fresh, s.indexes)
	s.unlock(Version{version, true})
	return nil
}

// AddIndexers adds indexes for all objects, those that are there already included, at one instant.
func (s *Store) AddIndexers(indexers map[string]IndexFunc) error {
	s.writing.Lock()
	defer s.writing.Unlock()
	indexes := slices.Clone(s.indexes)
	var conflicts []string
	for _, name := range slices.Sorted(maps.Keys(indexers)) {
		if indexers[name] == nil {
			return fmt.Errorf("store: index %q: nil function", name)
		}
		if s.find(name) >= 0 {
			conflicts = append(conflicts, name)
		}
		indexes = append(indexes, index{name, indexers[name]})
	}
	if conflicts != nil {
		return errors.New("indexer conflict: " + strings.Join(conflicts, ", "))
	}
	rows := s.freezeRows()
	fresh, err := s.build(indexes, rows.len, func(yield func(key string, obj any) bool) {
		rows.all(func(r row) bool { return yield(r.entry.key, r.obj) })
	})
	if err != nil {
		return err
	}
	s.mu.Lock()
	s.publish(fresh, indexes)
	s.mu.Unlock()
	return nil
}

// Bookmark sets the resource version.
func (s *Store) Bookmark(version string) {
	s.writing.Lock()
	defer s.writing.Unlock()
	s.mu.Lock()
	s.unlock(Version{version, true})
}

// Version returns the last resource version.
func (s *Store) Version() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.version
}

// Indexers returns the names and functions of the indexes, in a map that belongs to the caller.
func (s *Store) Indexers() map[string]IndexFunc {
	s.mu.Lock()
	indexes := s.indexes
	s.mu.Unlock()
	indexers := make(map[string]IndexFunc, len(indexes))
	for _, ix := range indexes {
		indexers[ix.name] = ix.fn
	}
	return indexers
}

// build returns a new content. The caller holds writing.
func (s *Store) build(indexes []index, n int, items func(yield func(key string, obj any) bool)) (*content, error) {
	c := newContent(len(indexes), n)
	var terms []term
	for key, obj := range items {
		var err error
		if terms, err = s.appendTerms(terms[:0], indexes, key, obj); err != nil {
			return nil, err
		}
		c.put(key, obj, terms, nil)
	}
	return c, nil
}

// publish makes c the content. The caller holds both locks.
func (s *Store) publish(c *content, indexes []index) {
	s.live, s.indexes = c, indexes
	s.versions.Store(c.versions)
}

// unlock sets the resource version, unlocks mu and tells the observer. The caller holds both locks.
func (s *Store) unlock(v Version) {
	if v.Known {
		s.version = v.Value
	}
	s.mu.Unlock()
	if v.Known {
		s.observer(v.Value)
	}
}

// appendTerms appends the terms of an object. A nil object has none. The caller holds writing.
func (s *Store) appendTerms(terms []term, indexes []index, key string, obj any) ([]term, error) {
	if obj == nil {
		return terms, nil
	}
	for i, ix := range indexes {
		values, err := ix.fn(obj)
		if err != nil {
			return nil, fmt.Errorf("unable to calculate an index entry for key %q on index %q: %w", key, ix.name, err)
		}
		for _, value := range values {
			terms = append(terms, term{i, value})
		}
	}
	return terms, nil
}

// find returns the position of an index, or -1. The caller holds one of the locks.
func (s *Store) find(name string) int {
	return slices.IndexFunc(s.indexes, func(ix index) bool { return ix.name == name })
}
