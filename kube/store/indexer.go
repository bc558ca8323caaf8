package store

import (
	"fmt"

	"k8s.io/client-go/tools/cache"
)

// indexer adds keys to a thread-safe store.
type indexer struct {
	*threadSafe
	keyFunc   cache.KeyFunc
	transform cache.TransformFunc // may be nil
}

var _ cache.TransactionStore = (*indexer)(nil)

func (x *indexer) key(obj any) (string, error) {
	key, err := x.keyFunc(obj)
	if err != nil {
		return "", cache.KeyError{Obj: obj, Err: err}
	}
	return key, nil
}

// prepare returns the key of obj, and what is to be stored.
func (x *indexer) prepare(obj any) (key string, stored any, err error) {
	if key, err = x.key(obj); err != nil || x.transform == nil {
		return key, obj, err
	}
	if stored, err = x.transform(obj); err != nil {
		return "", nil, fmt.Errorf("transforming: %w", err)
	}
	return key, stored, nil
}

func (x *indexer) Add(obj any) error { return x.Update(obj) }

func (x *indexer) Update(obj any) error {
	key, stored, err := x.prepare(obj)
	if err == nil {
		x.threadSafe.Update(key, stored)
	}
	return err
}

func (x *indexer) Delete(obj any) error {
	key, err := x.key(obj)
	if err == nil {
		x.DeleteWithObject(key, obj)
	}
	return err
}

func (x *indexer) Get(obj any) (item any, exists bool, err error) {
	key, err := x.key(obj)
	if err != nil {
		return nil, false, err
	}
	return x.GetByKey(key)
}

func (x *indexer) GetByKey(key string) (item any, exists bool, err error) {
	item, exists = x.threadSafe.Get(key)
	return item, exists, nil
}

func (x *indexer) Replace(list []any, resourceVersion string) error {
	items := make(map[string]any, len(list))
	for _, obj := range list {
		key, stored, err := x.prepare(obj)
		if err != nil {
			return err
		}
		items[key] = stored
	}
	x.threadSafe.Replace(items, resourceVersion)
	return nil
}

// Transaction leaves out, like client-go, the writes whose key, or here type or object, cannot be made out, and says so.
func (x *indexer) Transaction(txns ...cache.Transaction) *cache.TransactionError {
	keyed := make([]cache.ThreadSafeStoreTransaction, 0, len(txns))
	report := &cache.TransactionError{SuccessfulIndices: []int{}, TotalTransactions: len(txns)}
	for i, txn := range txns {
		key, stored, err := x.prepareTransaction(txn)
		if err != nil {
			report.Errors = append(report.Errors, err)
			continue
		}
		txn.Object = stored
		keyed = append(keyed, cache.ThreadSafeStoreTransaction{Transaction: txn, Key: key})
		report.SuccessfulIndices = append(report.SuccessfulIndices, i)
	}
	x.threadSafe.Transaction(keyed...)
	if report.Errors == nil {
		return nil
	}
	return report
}

func (x *indexer) prepareTransaction(txn cache.Transaction) (key string, stored any, err error) {
	switch txn.Type {
	case cache.TransactionTypeAdd, cache.TransactionTypeUpdate:
		return x.prepare(txn.Object)
	case cache.TransactionTypeDelete:
		key, err = x.key(txn.Object)
		return key, txn.Object, err
	}
	return "", nil, fmt.Errorf("store: transaction: unknown type %q", txn.Type)
}
