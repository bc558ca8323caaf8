package store

import (
	"runtime"
	"strconv"
	"testing"
	"weak"

	"k8s.io/client-go/tools/cache"
)

// TestObjectsThatAreGoneAreCollected takes objects out of the store in every way there is, and lets the collector tell
// whether the store still holds them.
func TestObjectsThatAreGoneAreCollected(t *testing.T) {
	const n = 300 // several pages
	var gone []weak.Pointer[object]
	s := New(keyOf, testIndexers())
	add := func(prefix, version string) {
		for i := range n {
			o := newObject(prefix+strconv.Itoa(i), version, "n"+strconv.Itoa(i%3), "t")
			gone = append(gone, weak.Make(o))
			_ = s.Add(o)
		}
	}
	transaction := func(typ cache.TransactionType, prefix string) {
		var txns []cache.Transaction
		for i := range n {
			o := newObject(prefix+strconv.Itoa(i), "2", "n")
			if typ == cache.TransactionTypeUpdate {
				txns = append(txns, cache.Transaction{Object: o, Type: typ}) // overwritten by the next
				o = newObject(prefix+strconv.Itoa(i), "3", "n")
			}
			txns = append(txns, cache.Transaction{Object: o, Type: typ})
		}
		_ = s.(cache.TransactionStore).Transaction(txns...)
	}
	add("replaced", "1")
	_ = s.Replace([]any{newObject("stays", "1", "n")}, "1")
	for _, prefix := range []string{"deleted", "updated", "transaction deleted", "transaction updated"} {
		add(prefix, "1")
	}
	for i := range n {
		_ = s.Delete("deleted" + strconv.Itoa(i))
		_ = s.Update(newObject("updated"+strconv.Itoa(i), "2", "n"))
		s.List() // copies pages
	}
	transaction(cache.TransactionTypeDelete, "transaction deleted")
	transaction(cache.TransactionTypeUpdate, "transaction updated")
	runtime.GC()
	held := 0
	for _, p := range gone {
		if p.Value() != nil {
			held++
		}
	}
	if held > 0 || len(s.List()) != 2*n+1 {
		t.Errorf("the store has %d objects and holds %d of %d that are gone", len(s.List()), held, len(gone))
	}
	requireInStep(t, s)
}
