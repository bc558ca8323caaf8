// Package store provides the object store of client-go's reflectors, controllers and informers over a [shardmap.Map]: one
// in which readers and the writer do not wait for each other.
//
// client-go's store is a Go map and its indexes behind one RWMutex. While somebody lists 100,000 objects, which takes
// milliseconds, the next event of the watch waits, and behind it every Get. Here
//
//	pods := store.New(cache.MetaNamespaceKeyFunc, cache.Indexers{"node": byNode}) // a cache.Indexer
//	reflector := cache.NewReflector(listerWatcher, &corev1.Pod{}, pods, 0)
//	go reflector.RunWithContext(ctx)
//
//	obj, exists, err := pods.GetByKey("default/web")     // takes no lock
//	onNode, err := pods.ByIndex("node", "node-1")        // the pods of the node at one instant
//	all := pods.List()                                   // all pods at one instant; events go on meanwhile
//
// # Guarantees
//
// The results are those of client-go's store. It passes all tests of client-go's package cache, with the constructors of that
// package exchanged for those here (upstream_test.go), and answers random operations as client-go's does.
//
//   - Get and GetByKey take no lock and wait for nobody.
//   - List, and each lookup by an index, shows one instant. Lists copy; the writer does not wait for that.
//   - Every write changes the object and all indexes at one instant; Replace, AddIndexers and a transaction, all objects.
//   - A key, index or transforming function that fails, panics or ends its goroutine changes nothing.
//
// [New] says what each method locks and allocates.
//
// # Where it fits
//
// A Reflector, and a controller made with cache.New, take any store: see the examples. Shared informers make their own;
// [NewInformer] makes one with the store of this package in it, and is what the cache of a controller-runtime manager takes:
//
//	ctrl.Options{Cache: cache.Options{NewInformer: store.NewInformer}}
//
// As with client-go's store, a Reflector that writes straight into it passes no bookmarks on. They go to a queue in between,
// as informers have it, and from there to Bookmark.
//
// # When not to use it
//
// If nobody lists or looks up many objects at a time, client-go's store makes nobody wait for long. It takes a third less
// memory, apart from the objects, and a Get or an Update that meets no other is faster with it.
package store
