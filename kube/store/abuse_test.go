package store

import (
	"errors"
	"fmt"
	"runtime"
	"strings"
	"testing"

	"k8s.io/client-go/tools/cache"
)

// What goes wrong in functions of the caller's must change nothing and leave no lock held.

// A victim is a store with an index function that does as it is told.
type victim struct {
	cache.Indexer
	whim   func(obj any) ([]string, error)
	before string
}

func newVictim(t *testing.T) *victim {
	v := &victim{whim: byNode}
	v.Indexer = New(keyOf, cache.Indexers{"node": byNode, "whim": func(obj any) ([]string, error) { return v.whim(obj) }})
	for _, name := range []string{"a", "b", "c"} {
		if err := v.Add(newObject(name, "1", "n1", "t")); err != nil {
			t.Fatal(err)
		}
	}
	v.before = v.content()
	return v
}

func (v *victim) content() string {
	return fmt.Sprintln(sorted(v.List()), len(v.GetIndexers()), v.LastStoreSyncResourceVersion())
}

// requireUntouched fails if anything has changed, and waits for ever if a lock is held.
func (v *victim) requireUntouched(t *testing.T) {
	t.Helper()
	v.whim = byNode
	if now := v.content(); now != v.before {
		t.Errorf("the store had\n%sand now has\n%s", v.before, now)
	}
	requireInStep(t, v)
	if err := v.Update(newObject("a", "2", "n2")); err != nil {
		t.Error(err)
	}
	requireInStep(t, v)
}

// writes are all ways to make an index function run for an object.
func (v *victim) writes() map[string]func() {
	obj := newObject("a", "7", "n7")
	txn := cache.Transaction{Object: obj, Type: cache.TransactionTypeUpdate}
	remove := cache.Transaction{Object: newObject("b", "6", ""), Type: cache.TransactionTypeDelete}
	return map[string]func(){
		"Add":         func() { _ = v.Add(newObject("d", "7", "n7")) },
		"Update":      func() { _ = v.Update(obj) },
		"Replace":     func() { _ = v.Replace([]any{newObject("x", "7", "n1"), obj}, "7") },
		"Transaction": func() { _ = v.Indexer.(cache.TransactionStore).Transaction(remove, txn) },
	}
}

func TestIndexFunctionsThatFailChangeNothing(t *testing.T) {
	fail := map[string]func(obj any) ([]string, error){
		"error":  func(any) ([]string, error) { return nil, errBad },
		"panic":  func(any) ([]string, error) { panic("bad") },
		"Goexit": func(any) ([]string, error) { runtime.Goexit(); return nil, nil },
	}
	for kind, whim := range fail {
		for name := range newVictim(t).writes() {
			t.Run(kind+"/"+name, func(t *testing.T) {
				v := newVictim(t)
				v.whim = func(obj any) ([]string, error) {
					if obj.(*object).ResourceVersion == "7" {
						return whim(obj)
					}
					return nil, nil
				}
				done := make(chan any)
				go func() {
					var value any = "Goexit"
					defer func() { done <- value }()
					value = catch(v.writes()[name])
				}()
				switch value := <-done; kind {
				case "error":
					err, ok := value.(error)
					if !ok || !errors.Is(err, errBad) || !strings.Contains(err.Error(), ` on index "whim": bad`) {
						t.Errorf("the write panics with %v", value)
					}
				default:
					if !strings.Contains(fmt.Sprint(value), map[string]string{"panic": "bad", "Goexit": "Goexit"}[kind]) && value != nil {
						t.Errorf("the write ends with %v", value)
					}
				}
				v.requireUntouched(t)
			})
		}
	}
}

func TestIndexersThatCannotBeAddedChangeNothing(t *testing.T) {
	v := newVictim(t)
	for want, indexers := range map[string]cache.Indexers{
		"indexer conflict: node":           {"node": byNode, "new": byNode},
		`store: index "nil": nil function`: {"new": byNode, "nil": nil},
		`for key "a" on index "bad": bad`:  {"new": byNode, "bad": func(any) ([]string, error) { return nil, errBad }},
		"on index \"bad\": bad":            {"bad": func(any) ([]string, error) { return nil, errBad }},
	} {
		if err := v.AddIndexers(indexers); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("AddIndexers: %v, want %s", err, want)
		}
	}
	if catch(func() { _ = v.AddIndexers(cache.Indexers{"bad": func(any) ([]string, error) { panic("bad") }}) }) == nil {
		t.Error("the panic of an index function has got lost")
	}
	v.requireUntouched(t)
}

func TestIndexFunctionsMayReadTheStore(t *testing.T) {
	v := newVictim(t)
	v.whim = func(obj any) ([]string, error) {
		if _, ok, _ := v.GetByKey("b"); !ok {
			return nil, errors.New("b is missing")
		}
		list, err := v.ByIndex("node", "n1")
		keys, _ := v.IndexKeys("node", "n1")
		if len(list) != len(v.List()) || len(keys) != len(list) || err != nil || len(v.ListIndexFuncValues("node")) != 1 {
			return nil, fmt.Errorf("it sees %d of %d objects: %v", len(list), len(v.List()), err)
		}
		return []string{"seen"}, nil
	}
	obj := newObject("a", "2", "n1")
	if err := v.Update(obj); err != nil {
		t.Error(err)
	}
	if list, err := v.Index("whim", obj); len(list) != 1 || list[0] != obj || err != nil {
		t.Errorf("Index shows %v: %v", list, err)
	}
}

func TestObjectsWithoutKeyChangeNothing(t *testing.T) {
	v := newVictim(t)
	for _, bad := range []any{nil, 0} {
		_, _, err := v.Get(bad)
		replaced := v.Replace([]any{newObject("x", "9", "n"), bad}, "9")
		for i, err := range []error{err, v.Add(bad), v.Update(bad), v.Delete(bad), replaced} {
			var keyErr cache.KeyError
			if !errors.As(err, &keyErr) || keyErr.Obj != bad || !errors.Is(err, errBad) {
				t.Errorf("method %d: %v", i, err)
			}
		}
	}
	for name, f := range map[string]func(){
		"Add":           func() { _ = v.Add(newObject("panic", "9", "n")) },
		"Delete":        func() { _ = v.Delete(newObject("panic", "9", "n")) },
		"Replace":       func() { _ = v.Replace([]any{newObject("panic", "9", "n")}, "9") },
		"a nil pointer": func() { _ = v.Add((*object)(nil)) },
	} {
		if catch(f) == nil {
			t.Errorf("%s: the panic of the key function has got lost", name)
		}
	}
	v.requireUntouched(t)
}

func TestTransactionsTellWhatTheyHaveLeftOut(t *testing.T) {
	v := newVictim(t)
	err := v.Indexer.(cache.TransactionStore).Transaction(
		cache.Transaction{Object: newObject("a", "2", "n2"), Type: cache.TransactionTypeUpdate},
		cache.Transaction{Object: nil, Type: cache.TransactionTypeAdd},
		cache.Transaction{Object: newObject("b", "3", "n2"), Type: "Explode"},
		cache.Transaction{Object: newObject("c", "4", "n2"), Type: cache.TransactionTypeDelete})
	if err == nil || fmt.Sprint(err.SuccessfulIndices) != "[0 3]" || len(err.Errors) != 2 || err.TotalTransactions != 4 ||
		!strings.Contains(err.Error(), `store: transaction: unknown type "Explode"`) {
		t.Errorf("Transaction: %v", err)
	}
	if got := fmt.Sprintln(len(v.List()), v.LastStoreSyncResourceVersion()); got != "2 4\n" {
		t.Errorf("objects and resource version are %s", got)
	}
	requireInStep(t, v)
	s := NewThreadSafeStore(nil)
	s.Add("a", "x")
	value := catch(func() {
		s.Transaction(cache.ThreadSafeStoreTransaction{Key: "a", Transaction: cache.Transaction{Type: cache.TransactionTypeDelete}},
			cache.ThreadSafeStoreTransaction{Key: "b", Transaction: cache.Transaction{Type: "Explode"}})
	})
	if value != `store: transaction of key "b": unknown type "Explode"` || len(s.List()) != 1 {
		t.Errorf("Transaction panics with %v", value)
	}
}

func TestTransformersAreAskedForEachObjectThatIsStored(t *testing.T) {
	s := New(keyOf, cache.Indexers{"node": byNode}, WithTransformer(func(obj any) (any, error) {
		o := *obj.(*object)
		if o.node == "bad" {
			return nil, errBad
		}
		o.node += "!"
		return &o, nil
	}))
	bad := newObject("x", "9", "bad")
	for _, err := range []error{s.Add(bad), s.Update(bad), s.Replace([]any{bad}, "9")} {
		if !errors.Is(err, errBad) || !strings.HasPrefix(err.Error(), "transforming: ") {
			t.Error(err)
		}
	}
	txnErr := s.(cache.TransactionStore).Transaction(
		cache.Transaction{Object: bad, Type: cache.TransactionTypeAdd},
		cache.Transaction{Object: newObject("a", "1", "n"), Type: cache.TransactionTypeAdd})
	if txnErr == nil || fmt.Sprint(txnErr.SuccessfulIndices) != "[1]" || !errors.Is(txnErr.Errors[0], errBad) {
		t.Error(txnErr)
	}
	_ = s.Add(newObject("b", "2", "n"))
	_ = s.Delete(bad)
	if list, _ := s.ByIndex("node", "n!"); len(list) != 2 || len(s.List()) != 2 {
		t.Errorf("%d of %d objects are transformed", len(list), len(s.List()))
	}
}

func TestNilFunctionsPanicInNew(t *testing.T) {
	for want, f := range map[string]func(){
		"store: New: nil key function":   func() { New(nil, nil) },
		`store: index "x": nil function`: func() { New(keyOf, cache.Indexers{"x": nil}) },
	} {
		if value := catch(f); value != want {
			t.Errorf("New panics with %v, want %s", value, want)
		}
	}
}

// TestTheCallersMapsStayTheirs changes what was passed in and what was returned.
func TestTheCallersMapsStayTheirs(t *testing.T) {
	indexers := testIndexers()
	s := New(keyOf, indexers)
	delete(indexers, "node")
	s.GetIndexers()["more"] = byNode
	_ = s.Add(newObject("a", "1", "n"))
	list := s.List()
	list[0] = nil
	if got, _ := s.ByIndex("node", "n"); len(s.GetIndexers()) != 3 || len(got) != 1 || got[0] == nil || s.List()[0] == nil {
		t.Error("the store shares memory with its callers")
	}
}
