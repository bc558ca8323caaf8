package store

import (
	"fmt"
	"reflect"
	"time"
	"unsafe"

	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/tools/cache"
)

// client-go's shared informer makes its own store and takes no other. To write another informer, with its queues, resyncs
// and registrations, would be to maintain a thousand lines of client-go's here; so NewInformer makes one of client-go's and
// exchanges its store, which is an unexported field. This is what the file needs reflect and unsafe for.
//
// It is sound: the address is that of a field of a live variable; the field is written only if it has the type cache.Indexer;
// and nobody else knows the informer yet. That the informer gets at its store through this field alone is seen by the tests,
// and NewInformer panics if GetIndexer does not return the new one.

// NewInformer returns client-go's shared informer with a store of [New] in it. It has the signature of
// cache.NewSharedIndexInformer, and of the option by which the caches of controller-runtime take another informer:
//
//	manager, err := ctrl.NewManager(config, ctrl.Options{
//		Cache: cache.Options{NewInformer: store.NewInformer},
//	})
//
// Then Get of the manager's client takes no lock, and a List of it holds up neither the events nor other readers.
//
// The store has neither options nor metrics. NewInformer panics if an index function is nil; and if client-go's informer keeps
// its store in another way than that of v0.37, so that it cannot be exchanged, which then shows with the first informer made.
func NewInformer(
	lw cache.ListerWatcher, example runtime.Object, resync time.Duration, indexers cache.Indexers,
) cache.SharedIndexInformer {
	informer := cache.NewSharedIndexInformer(lw, example, resync, cache.Indexers{})
	exchangeStore(informer, New(cache.DeletionHandlingMetaNamespaceKeyFunc, indexers))
	return informer
}

// exchangeStore gives an informer that was just made another store.
func exchangeStore(informer cache.SharedIndexInformer, s cache.Indexer) {
	v := reflect.ValueOf(informer)
	if v.Kind() == reflect.Pointer && v.Elem().Kind() == reflect.Struct {
		field := v.Elem().FieldByName("indexer")
		if field.IsValid() && field.Type() == reflect.TypeFor[cache.Indexer]() {
			*(*cache.Indexer)(unsafe.Pointer(field.UnsafeAddr())) = s
		}
	}
	if informer.GetIndexer() != s || informer.GetStore() != cache.Store(s) {
		panic(fmt.Sprintf("store: NewInformer: %T: this version of client-go keeps its store in another way", informer))
	}
}
