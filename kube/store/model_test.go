package store

import (
	"fmt"
	"math/rand/v2"
	"strconv"
	"testing"

	"k8s.io/client-go/tools/cache"
)

// The model is client-go's own store. Both are given the same random operations, and must answer the same.

// A step is a random operation, ready to be done to both stores. It returns its answer as a text.
type step func(s cache.Indexer) string

func randomStep(rng *rand.Rand, names int) step {
	obj := randomObject(rng, names)
	key, _ := keyOf(obj)
	if rng.IntN(50) == 0 {
		obj = nil
	}
	node, tag := "n"+strconv.Itoa(rng.IntN(5)), "t"+strconv.Itoa(rng.IntN(6))
	steps := []step{
		func(s cache.Indexer) string { return fmt.Sprint(s.Add(obj)) },
		func(s cache.Indexer) string { return fmt.Sprint(s.Update(obj)) },
		func(s cache.Indexer) string { return fmt.Sprint(s.Delete(obj)) },
		func(s cache.Indexer) string { return answer(s.Get(obj)) },
		func(s cache.Indexer) string { return answer(s.GetByKey(key)) },
		func(s cache.Indexer) string { s.Bookmark(node); return "" },
		func(s cache.Indexer) string { return sorted(s.List()) },
		func(s cache.Indexer) string { return sorted(s.ListKeys()) },
		func(s cache.Indexer) string { return sorted(s.ListIndexFuncValues("tag")) },
		func(s cache.Indexer) string { return sorted(s.ListIndexFuncValues("none")) },
		func(s cache.Indexer) string { return listed(s.ByIndex("node", node)) },
		func(s cache.Indexer) string { return listed(s.ByIndex("tag", tag)) },
		func(s cache.Indexer) string { return listed(s.ByIndex("none", tag)) },
		func(s cache.Indexer) string { return listed(s.Index("tag", obj)) },
		func(s cache.Indexer) string { return listed(s.Index("none", obj)) },
		func(s cache.Indexer) string { return fmt.Sprint(s.IndexKeys("tag", tag)) },
		func(s cache.Indexer) string { return fmt.Sprint(s.IndexKeys("none", tag)) },
		func(s cache.Indexer) string { return fmt.Sprint(len(s.GetIndexers()), s.Resync()) },
	}
	switch n := rng.IntN(len(steps) + 2); {
	case n < len(steps):
		return steps[n]
	case n == len(steps):
		txns := randomTransactions(rng, names)
		return func(s cache.Indexer) string {
			if err := s.(cache.TransactionStore).Transaction(txns...); err != nil {
				return fmt.Sprintf("%v %v", err, err.SuccessfulIndices)
			}
			return ""
		}
	default:
		return randomReplace(rng, names)
	}
}

func randomTransactions(rng *rand.Rand, names int) []cache.Transaction {
	types := []cache.TransactionType{cache.TransactionTypeAdd, cache.TransactionTypeUpdate, cache.TransactionTypeDelete}
	txns := make([]cache.Transaction, rng.IntN(10))
	for i := range txns {
		txns[i] = cache.Transaction{Object: randomObject(rng, 1+names/2), Type: types[rng.IntN(3)]} // some keys come again
		if rng.IntN(30) == 0 {
			txns[i].Object = 0 // has no key
		}
	}
	return txns
}

// randomReplace seldom empties the store, and adds an index as seldom.
func randomReplace(rng *rand.Rand, names int) step {
	switch rng.IntN(4) {
	case 0:
		list := make([]any, rng.IntN(2*names))
		for i := range list {
			list[i] = randomObject(rng, names)
		}
		return func(s cache.Indexer) string { return fmt.Sprint(s.Replace(list, strconv.Itoa(len(list)))) }
	case 1:
		return func(s cache.Indexer) string { return fmt.Sprint(s.Replace([]any{0}, "0")) }
	}
	name := strconv.Itoa(rng.IntN(20))
	return func(s cache.Indexer) string {
		err := s.AddIndexers(cache.Indexers{name: byNode})
		return fmt.Sprint(err != nil)
	}
}

func answer(obj any, ok bool, err error) string { return fmt.Sprintf("%p %v %v %v", obj, obj, ok, err) }

func listed(list []any, err error) string { return sorted(list) + fmt.Sprint(err, list == nil) }

func TestStoreAnswersAsClientGosDoes(t *testing.T) {
	rng := newRand(t)
	for _, names := range []int{1, 5, 50, 500} {
		t.Run(fmt.Sprint("names=", names), func(t *testing.T) {
			want := cache.NewIndexer(keyOf, testIndexers())
			got := New(keyOf, testIndexers())
			for i := range 2000 {
				do := randomStep(rng, names)
				if a, b := do(want), do(got); a != b {
					t.Fatalf("step %d: client-go answers\n%s\nthis store\n%s", i, a, b)
				}
				if a, b := want.LastStoreSyncResourceVersion(), got.LastStoreSyncResourceVersion(); a != b {
					t.Fatalf("step %d: the resource version is %q with client-go, %q with this store", i, a, b)
				}
				if i%500 == 0 {
					requireInStep(t, got)
				}
			}
			requireInStep(t, got)
		})
	}
}

// TestThreadSafeStoreAnswersAsClientGosDoes covers what only the store without key function has: nil objects, deletions
// without an object, empty keys.
func TestThreadSafeStoreAnswersAsClientGosDoes(t *testing.T) {
	rng := newRand(t)
	want, got := cache.NewThreadSafeStore(testIndexers(), cache.Indices{}), NewThreadSafeStore(testIndexers())
	for i := range 10_000 {
		key, obj := []string{"", "a", "b", "c"}[rng.IntN(4)], randomObject(rng, 5)
		if rng.IntN(3) == 0 {
			obj = nil
		}
		op := rng.IntN(7)
		for _, s := range []cache.ThreadSafeStore{want, got} {
			switch op {
			case 0:
				s.Add(key, obj)
			case 1:
				s.Update(key, obj)
			case 2:
				s.Delete(key)
			case 3:
				s.DeleteWithObject(key, obj)
			case 4:
				s.(cache.ThreadSafeStoreWithTransaction).Transaction()
			case 5:
				s.(cache.ThreadSafeStoreWithTransaction).Transaction(
					cache.ThreadSafeStoreTransaction{Transaction: cache.Transaction{Type: cache.TransactionTypeDelete}, Key: key},
					cache.ThreadSafeStoreTransaction{Transaction: cache.Transaction{Object: obj, Type: cache.TransactionTypeAdd}, Key: key})
			case 6:
				s.Replace(map[string]any{key: obj, "x": nil}, key)
			}
		}
		a, aok := want.Get(key)
		b, bok := got.Get(key)
		if a != b || aok != bok || sorted(want.List()) != sorted(got.List()) || sorted(want.ListKeys()) != sorted(got.ListKeys()) ||
			listed(want.ByIndex("tag", "t1")) != listed(got.ByIndex("tag", "t1")) ||
			want.LastStoreSyncResourceVersion() != got.LastStoreSyncResourceVersion() {
			t.Fatalf("step %d: after operation %d of %q, %v the stores differ", i, op, key, obj)
		}
	}
}
