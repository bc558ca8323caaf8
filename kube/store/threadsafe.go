package store

import (
	"fmt"
	"strconv"

	"k8s.io/apimachinery/pkg/api/meta"
	clientgofeaturegate "k8s.io/client-go/features"
	"k8s.io/client-go/tools/cache"

	"github.com/shardmap-go/shardmap/kube/store/internal/core"
)

// This file and indexer.go connect package core with client-go's interfaces. They are written so that upstream_test.go can
// make them files of client-go's own package cache, by taking that name away from the identifiers.

// threadSafe implements ThreadSafeStoreWithTransaction.
type threadSafe struct{ core *core.Store }

// newThreadSafe returns a store that tells the gauge, which may be nil, its resource version.
func newThreadSafe(indexers cache.Indexers, gauge cache.GaugeMetric) *threadSafe {
	s, err := core.New(functions(indexers), func(version string) {
		if gauge == nil {
			return
		}
		if n, err := metricOf(version); err == nil {
			gauge.Set(float64(n))
		}
	})
	if err != nil {
		panic(err.Error())
	}
	return &threadSafe{s}
}

// metricOf returns the last 15 digits of a resource version, which a float64 holds exactly, as client-go does.
func metricOf(version string) (int64, error) {
	if version == "" {
		return 0, nil
	}
	return strconv.ParseInt(version[max(0, len(version)-15):], 10, 64)
}

func functions(indexers cache.Indexers) map[string]core.IndexFunc {
	fns := make(map[string]core.IndexFunc, len(indexers))
	for name, fn := range indexers {
		fns[name] = fn
	}
	return fns
}

// versionOf returns the resource version of obj, if it is an API object.
func versionOf(obj any) core.Version {
	object, err := meta.Accessor(obj)
	if err != nil {
		return core.Version{}
	}
	return core.Version{Value: object.GetResourceVersion(), Known: true}
}

// must panics if an index function has failed; there is no other way to say so, and the object would be missing.
func must(err error) {
	if err != nil {
		panic(err)
	}
}

func (s *threadSafe) Add(key string, obj any)    { s.Update(key, obj) }
func (s *threadSafe) Update(key string, obj any) { must(s.core.Put(key, obj, versionOf(obj))) }
func (s *threadSafe) Delete(key string)          { s.core.Delete(key, core.Version{}) }

func (s *threadSafe) DeleteWithObject(key string, obj any) {
	if obj == nil {
		s.Delete(key)
		return
	}
	s.core.Delete(key, versionOf(obj))
}

func (s *threadSafe) Transaction(txns ...cache.ThreadSafeStoreTransaction) {
	if len(txns) == 0 {
		return
	}
	writes := make([]core.Write, len(txns))
	for i, txn := range txns {
		switch txn.Type {
		case cache.TransactionTypeAdd, cache.TransactionTypeUpdate, cache.TransactionTypeDelete:
			writes[i] = core.Write{Key: txn.Key, Object: txn.Object, Delete: txn.Type == cache.TransactionTypeDelete}
		default:
			panic(fmt.Sprintf("store: transaction of key %q: unknown type %q", txn.Key, txn.Type))
		}
	}
	must(s.core.Apply(writes, versionOf(txns[len(txns)-1].Object)))
}

func (s *threadSafe) Replace(items map[string]any, resourceVersion string) {
	must(s.core.Replace(items, resourceVersion))
}

func (s *threadSafe) Bookmark(resourceVersion string) { s.core.Bookmark(resourceVersion) }

func (s *threadSafe) LastStoreSyncResourceVersion() string {
	if !clientgofeaturegate.FeatureGates().Enabled(clientgofeaturegate.AtomicFIFO) {
		return "" // as client-go: without the gate, events are not in the order of their resource versions
	}
	return s.core.Version()
}

func (s *threadSafe) Get(key string) (item any, exists bool)    { return s.core.Get(key) }
func (s *threadSafe) List() []any                               { return s.core.List() }
func (s *threadSafe) ListKeys() []string                        { return s.core.Keys() }
func (s *threadSafe) ListIndexFuncValues(name string) []string  { return s.core.Values(name) }
func (s *threadSafe) Index(name string, obj any) ([]any, error) { return s.core.Index(name, obj) }
func (s *threadSafe) ByIndex(name, value string) ([]any, error) { return s.core.ByIndex(name, value) }
func (s *threadSafe) AddIndexers(newIndexers cache.Indexers) error {
	return s.core.AddIndexers(functions(newIndexers))
}
func (s *threadSafe) Resync() error { return nil }

func (s *threadSafe) IndexKeys(name, value string) ([]string, error) {
	return s.core.IndexKeys(name, value)
}

func (s *threadSafe) GetIndexers() cache.Indexers {
	indexers := cache.Indexers{}
	for name, fn := range s.core.Indexers() {
		indexers[name] = fn
	}
	return indexers
}
