package store

import "k8s.io/client-go/tools/cache"

// New returns an empty store that can take the place of client-go's NewIndexer, or NewStore if indexers is nil. It has
// the methods of those with the same results, and is a [cache.TransactionStore], too.
//
// All methods may be called at the same time. Writes take effect one after another; all goroutines agree on the order:
//
//   - Get and GetByKey take no lock, wait for nobody and allocate nothing (the key function may);
//   - List, ListKeys, Index, ByIndex, IndexKeys and ListIndexFuncValues show one instant. They lock the store for a moment
//     that does not depend on its size, and then copy what they return, which belongs to the caller. What they wait for is
//     at most one write: the change of the maps and sets, not the functions that are called for it;
//   - Add, Update and Delete lock out other writers, call the index functions once, for the new object, and then lock out
//     the readers just mentioned for the change. They allocate 32 bytes for an object that is there, about 200 for a new
//     one, and what the sets of changed indexed values take. The first write to a page of 128 objects after a List, or a
//     lookup of more than 64 objects, copies that page (3 KiB), and the first write of all the list of the pages;
//   - Transaction and Replace, and AddIndexers, take effect at one instant. Replace and AddIndexers build everything anew
//     before they lock out readers; Transaction locks out those that list while it changes all its objects.
//
// Key, index and transforming functions may read the store, but index functions must not write it: they would wait for
// themselves, as with client-go. If one fails, panics or ends its goroutine, nothing is changed, and no lock is left held.
// What fails is told as client-go tells it: a key function by a [cache.KeyError], an index function by a panic of the
// write that called it. But AddIndexers returns the error, and then has added nothing.
//
// A nil object is whatever the key function says. If it has a key, it is stored, and found by no index.
//
// New panics if keyFunc or an index function is nil.
func New(keyFunc cache.KeyFunc, indexers cache.Indexers, opts ...Option) cache.Indexer {
	if keyFunc == nil {
		panic("store: New: nil key function")
	}
	c := configOf(opts)
	return &indexer{newThreadSafe(indexers, gaugeOf(c)), keyFunc, c.transform}
}

// NewThreadSafeStore returns an empty store that can take the place of client-go's NewThreadSafeStore: it has the same
// methods, with the same results.
//
// Where client-go's panics half-way, because an index function has failed, this one panics with nothing changed; and
// AddIndexers returns the error instead. GetIndexers returns a copy. A transaction of a type that is none of Add, Update
// and Delete panics, also with nothing changed.
//
// NewThreadSafeStore panics if an index function is nil.
func NewThreadSafeStore(indexers cache.Indexers, opts ...Option) cache.ThreadSafeStoreWithTransaction {
	return newThreadSafe(indexers, gaugeOf(configOf(opts)))
}
