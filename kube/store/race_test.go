package store

import (
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
	"sync"
	"testing"

	"k8s.io/client-go/tools/cache"
)

// The stress tests. They run one or more writers and readers of every kind against each other, best with -race, and verify
// these properties:
//
//  1. A lookup by index shows one instant: each object that has the value, none that has not, none twice, none missing.
//  2. List shows one instant: of writes that happen one after another, a prefix; and what it shows never goes back.
//  3. A transaction is seen as a whole, by List, by lookups and by Get; so is Replace.
//  4. Get never goes back, is never behind a List that ended before it began, and always finds an object that is never deleted.
//  5. What a reader was given does not change.
//  6. In the end all ways to look at the store agree.
//
// Number 1 is in TestLookups…, 2, 4 and 5 in TestLists…, 3 in TestTransactions…, 6 is in each. All are bounded by work.

const raceWriters = 2

// reps is the number of writes of each writer.
func reps() int {
	if raceEnabled || testing.Short() {
		return 4_000
	}
	return 30_000
}

// whileWriting runs write in each of so many goroutines, and meanwhile read in each of so many, again and again.
func whileWriting(t *testing.T, writers int, write func(rng *rand.Rand, writer int), readers ...func()) {
	t.Helper()
	rng := newRand(t)
	var writing, reading sync.WaitGroup
	stop := make(chan struct{})
	for w := range writers {
		own := rand.New(rand.NewPCG(rng.Uint64(), uint64(w)))
		writing.Go(func() { write(own, w) })
	}
	for _, read := range readers {
		reading.Go(func() {
			for {
				read()
				select {
				case <-stop:
					return
				default:
				}
			}
		})
	}
	writing.Wait()
	close(stop)
	reading.Wait()
}

// TestLookupsShowOneInstant moves tokens between nodes. Each writer has tokens of its own and moves two at a time in opposite
// directions, so that every node has as many at each instant.
func TestLookupsShowOneInstant(t *testing.T) {
	for _, tokens := range []int{4, 400} { // lookups of few objects are copied, of many frozen
		t.Run(fmt.Sprint("tokens=", tokens), func(t *testing.T) {
			s := New(keyOf, testIndexers())
			name := func(w, i int) string { return fmt.Sprintf("w%d-%d", w, i) }
			for w := range raceWriters {
				for i := range tokens {
					_ = s.Add(newObject(name(w, i), "1", "n"+strconv.Itoa(i%2), "all"))
				}
			}
			write := func(rng *rand.Rand, w int) {
				at := make([]int, tokens) // the node of each token; even and odd tokens are on different ones
				for i := range at {
					at[i] = i % 2
				}
				for v := range reps() / 2 {
					i := 2 * rng.IntN(tokens/2)
					at[i], at[i+1] = at[i+1], at[i]
					a := newObject(name(w, i), strconv.Itoa(v), "n"+strconv.Itoa(at[i]), "all")
					b := newObject(name(w, i+1), strconv.Itoa(v), "n"+strconv.Itoa(at[i+1]), "all")
					_ = s.(cache.TransactionStore).Transaction(cache.Transaction{Object: a, Type: cache.TransactionTypeUpdate},
						cache.Transaction{Object: b, Type: cache.TransactionTypeUpdate})
				}
			}
			check := func(node string, list []any, err error, want int) {
				seen := map[string]bool{}
				for _, obj := range list {
					o := obj.(*object)
					if seen[o.Name] || node != "" && o.node != node {
						t.Errorf("node %q has %s of node %q, or twice", node, o.Name, o.node)
					}
					seen[o.Name] = true
				}
				if err != nil || len(list) != want {
					t.Errorf("node %q has %d objects, not %d: %v", node, len(list), want, err)
				}
			}
			half := raceWriters * tokens / 2
			whileWriting(t, raceWriters, write,
				func() { list, err := s.ByIndex("node", "n0"); check("n0", list, err, half) },
				func() { list, err := s.Index("node", newObject("", "", "n1")); check("n1", list, err, half) },
				func() { list, err := s.ByIndex("tag", "all"); check("", list, err, 2*half) },
				func() {
					keys, err := s.IndexKeys("node", "n1")
					if values := s.ListIndexFuncValues("node"); len(keys) != half || err != nil || len(values) != 2 {
						t.Errorf("node n1 has the keys %q, the index the values %q: %v", keys, values, err)
					}
				})
			requireInStep(t, s)
		})
	}
}

// TestListsShowOneInstant has one writer that gives objects, in turn, ascending numbers, and others that add and delete
// objects of their own, so that those move. At each instant the numbers are n, n-1, … for as many objects as there are.
func TestListsShowOneInstant(t *testing.T) {
	const objects = 300
	s := New(keyOf, cache.Indexers{"node": byNode})
	numbered := func(n int) *object {
		return newObject("o"+strconv.Itoa(n%objects), strconv.Itoa(n), "n"+strconv.Itoa(n%3))
	}
	for n := range objects {
		_ = s.Add(numbered(n))
	}
	write := func(rng *rand.Rand, w int) {
		for n := objects; n < reps(); n++ {
			if w == 0 {
				_ = s.Update(numbered(n))
			} else if key := fmt.Sprint("other", w, rng.IntN(300)); rng.IntN(2) == 0 {
				_ = s.Add(key)
			} else {
				_ = s.Delete(key)
			}
		}
	}
	newest := func(list []any) int {
		numbers, last := map[int]bool{}, 0
		for _, obj := range list {
			if o, ok := obj.(*object); ok {
				n, _ := strconv.Atoi(o.ResourceVersion)
				numbers[n], last = true, max(last, n)
			}
		}
		for n := last; n > last-objects; n-- {
			if !numbers[n] {
				t.Errorf("a list has %d, and not %d", last, n)
			}
		}
		if len(numbers) != objects {
			t.Errorf("a list has %d objects", len(numbers))
		}
		return last
	}
	lister := func() func() {
		seen, before := 0, []any(nil)
		return func() {
			old := newest(s.List())
			if old < seen {
				t.Errorf("the newest object is %d after %d", old, seen)
			}
			obj, ok, err := s.GetByKey(numbered(old).Name)
			if n, _ := strconv.Atoi(obj.(*object).ResourceVersion); !ok || err != nil || n < old {
				t.Errorf("Get shows %v, %v after a list with %d", obj, ok, old)
			}
			if before != nil && newest(before) != seen { // property 5
				t.Error("a list has changed")
			}
			seen, before = old, s.List()
			seen = newest(before)
		}
	}
	last := make([]int, objects)
	whileWriting(t, 3, write, lister(), lister(), func() {
		for i := range last {
			obj, ok, _ := s.GetByKey("o" + strconv.Itoa(i))
			if !ok {
				t.Errorf("object %d is missing", i)
				continue
			}
			n, _ := strconv.Atoi(obj.(*object).ResourceVersion)
			if n < last[i] {
				t.Errorf("object %d is %d after %d", i, n, last[i])
			}
			last[i] = n
		}
	})
	requireInStep(t, s)
}

// TestTransactionsAreSeenAsAWhole writes a number into all of some objects at once, or deletes all of them.
func TestTransactionsAreSeenAsAWhole(t *testing.T) {
	const objects = 200
	s := New(keyOf, cache.Indexers{"node": byNode})
	const never = 1 << 30 // is written, but overwritten in the same transaction
	version := func(n int) (list []any, txns []cache.Transaction) {
		for i := range objects / 2 {
			o := newObject("o"+strconv.Itoa(2*i), strconv.Itoa(never), "never")
			txns = append(txns, cache.Transaction{Object: o, Type: cache.TransactionTypeAdd})
		}
		for i := range objects {
			o := newObject("o"+strconv.Itoa(i), strconv.Itoa(n), "node")
			list, txns = append(list, o), append(txns, cache.Transaction{Object: o, Type: cache.TransactionTypeUpdate})
		}
		return list, txns
	}
	list, _ := version(0)
	_ = s.Replace(list, "0")
	write := func(rng *rand.Rand, _ int) {
		for n := 1; n < reps()/20; n++ {
			list, txns := version(n)
			switch rng.IntN(4) {
			case 0:
				_ = s.Replace(list, strconv.Itoa(n))
			case 1:
				for i := range txns {
					txns[i].Type = cache.TransactionTypeDelete
				}
				_ = s.(cache.TransactionStore).Transaction(txns...)
			default:
				_ = s.(cache.TransactionStore).Transaction(txns...)
			}
		}
	}
	whole := func(what string, list []any) {
		versions := map[string]bool{}
		for _, obj := range list {
			versions[obj.(*object).ResourceVersion] = true
		}
		if len(list) != 0 && len(list) != objects || len(versions) > 1 {
			t.Errorf("%s shows %d objects of the versions %v", what, len(list), versions)
		}
	}
	get := func(i int) int {
		if obj, ok, _ := s.GetByKey("o" + strconv.Itoa(i)); ok {
			n, _ := strconv.Atoi(obj.(*object).ResourceVersion)
			if n == never {
				t.Errorf("object %d is one that its transaction overwrote", i)
			}
			return n
		}
		return -1
	}
	whileWriting(t, 1, write,
		func() { whole("List", s.List()) },
		func() { list, _ := s.ByIndex("node", "node"); whole("ByIndex", list) },
		func() { // what the first object's transaction has done is there in the last, and the other way round
			for _, pair := range [][2]int{{0, objects - 1}, {objects - 1, 0}} {
				if first := get(pair[0]); first >= 0 {
					if second := get(pair[1]); second >= 0 && second < first {
						t.Errorf("object %d has %d, and then object %d %d", pair[0], first, pair[1], second)
					}
				}
			}
		})
	requireInStep(t, s)
}

// TestIndexesAreAddedAtOneInstant has indexes come while objects are written.
func TestIndexesAreAddedAtOneInstant(t *testing.T) {
	s := New(keyOf, nil)
	for i := range 100 {
		_ = s.Add(newObject("o"+strconv.Itoa(i), "0", "node"))
	}
	write := func(rng *rand.Rand, w int) {
		for v := range reps() / 20 {
			if w == 0 && v%100 == 0 {
				if err := s.AddIndexers(cache.Indexers{"node" + strconv.Itoa(v): byNode}); err != nil {
					t.Error(err)
				}
			}
			_ = s.Update(newObject("o"+strconv.Itoa(rng.IntN(100)), strconv.Itoa(v), "node"))
		}
	}
	whileWriting(t, raceWriters, write, func() {
		for name := range s.GetIndexers() {
			if list, err := s.ByIndex(name, "node"); err != nil || len(list) != 100 || !strings.HasPrefix(name, "node") {
				t.Errorf("index %q shows %d objects: %v", name, len(list), err)
			}
		}
	})
	requireInStep(t, s)
}
