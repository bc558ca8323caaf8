package index

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/shardmap-go/shardmap"
)

// The model test walks through random sequences of all operations, and compares every result, and now and then the whole
// map, every index and every snapshot taken so far, with a Go map from which the indexes are computed anew.

func TestMapAndIndexesAgreeWithAModel(t *testing.T) {
	seed := testSeed(t)
	ran := map[string]int{}
	for walk := range uint64(6) {
		rng := rand.New(rand.NewPCG(seed, walk))
		keys := []int{4, 40, 400}[walk%3] // fights over few keys, and sets that become trees
		w := &walker{t: t, rng: rng, keys: keys, model: map[int]item{}, ran: ran}
		w.run(amount(4000))
	}
	for _, op := range operations {
		if ran[op.name] == 0 && !testing.Short() {
			t.Errorf("no walk has tried %s", op.name)
		}
	}
}

type walker struct {
	t     *testing.T
	rng   *rand.Rand
	keys  int
	m     Map[int, item]
	model map[int]item

	indexes []modelIndex
	taken   []takenSnapshot
	ran     map[string]int // operations, by name
}

// A modelIndex is an index under test, without its type parameters.
type modelIndex struct {
	name      string
	drop      func()
	check     func(model map[int]item)                         // the live index
	checkAt   func(s *Snapshot[int, item], model map[int]item) // in a snapshot
	deleteAll func(rng *rand.Rand, model map[int]item)         // of a random index key, in the map and the model
	missing   func(s *Snapshot[int, item])                     // s must not have it
}

type takenSnapshot struct {
	s       *Snapshot[int, item]
	model   map[int]item
	indexes []modelIndex
}

func (w *walker) run(steps int) {
	for step := range steps {
		op := operations[w.rng.IntN(len(operations))]
		if op.rare && w.rng.IntN(20) > 0 {
			continue
		}
		w.ran[op.name]++
		op.do(w, w.rng.IntN(w.keys))
		if step%100 == 0 {
			w.check()
		}
	}
	w.check()
	w.m.Clear()
	w.model = map[int]item{}
	w.check()
}

// require compares the result of an operation with what the model says.
func (w *walker) require(what string, got item, ok bool, want item, wantOK bool) {
	w.t.Helper()
	if ok != wantOK || got != want {
		w.t.Fatalf("%s = %v, %v, want %v, %v", what, got, ok, want, wantOK)
	}
}

// set changes the model: value is stored for key, or nothing if !ok.
func (w *walker) set(key int, value item, ok bool) {
	if ok {
		w.model[key] = value
	} else {
		delete(w.model, key)
	}
}

var operations = []struct {
	name string
	rare bool
	do   func(w *walker, key int)
}{
	{"Store", false, func(w *walker, key int) {
		value := randomItem(w.rng)
		w.m.Store(key, value)
		w.set(key, value, true)
	}},
	{"Swap", false, func(w *walker, key int) {
		want, wantOK := w.model[key]
		value := randomItem(w.rng)
		old, ok := w.m.Swap(key, value)
		w.require("Swap", old, ok, want, wantOK)
		w.set(key, value, true)
	}},
	{"Load", false, func(w *walker, key int) {
		want, wantOK := w.model[key]
		got, ok := w.m.Load(key)
		w.require("Load", got, ok, want, wantOK)
	}},
	{"LoadOrStore", false, func(w *walker, key int) {
		want, wantOK := w.model[key]
		if !wantOK {
			want = randomItem(w.rng)
		}
		got, ok := w.m.LoadOrStore(key, want)
		w.require("LoadOrStore", got, ok, want, wantOK)
		w.set(key, want, true)
	}},
	{"LoadAndDelete", false, func(w *walker, key int) {
		want, wantOK := w.model[key]
		got, ok := w.m.LoadAndDelete(key)
		w.require("LoadAndDelete", got, ok, want, wantOK)
		w.set(key, item{}, false)
	}},
	{"Delete", false, func(w *walker, key int) {
		w.m.Delete(key)
		w.set(key, item{}, false)
	}},
	{"CompareAndSwap", false, func(w *walker, key int) {
		present, ok := w.model[key]
		old, value := w.maybe(present), randomItem(w.rng)
		if got, want := w.m.CompareAndSwap(key, old, value), ok && old == present; got != want {
			w.t.Fatalf("CompareAndSwap = %v, want %v", got, want)
		} else if got {
			w.set(key, value, true)
		}
	}},
	{"CompareAndDelete", false, func(w *walker, key int) {
		present, ok := w.model[key]
		old := w.maybe(present)
		if got, want := w.m.CompareAndDelete(key, old), ok && old == present; got != want {
			w.t.Fatalf("CompareAndDelete = %v, want %v", got, want)
		} else if got {
			w.set(key, item{}, false)
		}
	}},
	{"Compute", false, func(w *walker, key int) {
		want, wantOK := w.model[key]
		value, op := randomItem(w.rng), shardmap.Op(w.rng.IntN(3))
		got, ok := w.m.Compute(key, func(old item, loaded bool) (item, shardmap.Op) {
			w.require("Compute: fn is given", old, loaded, want, wantOK)
			return value, op
		})
		switch op {
		case shardmap.Set:
			want, wantOK = value, true
		case shardmap.Remove:
			want, wantOK = item{}, false
		}
		w.require("Compute", got, ok, want, wantOK)
		w.set(key, want, wantOK)
	}},
	{"DeleteFunc", true, func(w *walker, key int) {
		doomed := func(key int, value item) bool { return (key+value.n)%7 == 0 }
		before := len(w.model)
		maps.DeleteFunc(w.model, doomed)
		if n := w.m.DeleteFunc(doomed); n != before-len(w.model) {
			w.t.Fatalf("DeleteFunc = %d, want %d", n, before-len(w.model))
		}
	}},
	{"DeleteAll", true, func(w *walker, key int) {
		if len(w.indexes) > 0 {
			w.indexes[w.rng.IntN(len(w.indexes))].deleteAll(w.rng, w.model)
		}
	}},
	{"Clear", true, func(w *walker, key int) {
		if w.rng.IntN(4) == 0 {
			w.m.Clear()
			clear(w.model)
		}
	}},
	{"Replace", true, func(w *walker, key int) {
		fresh := map[int]item{}
		for range w.rng.IntN(w.keys) {
			fresh[w.rng.IntN(w.keys)] = randomItem(w.rng)
		}
		w.taken = append(w.taken, takenSnapshot{w.m.Replace(maps.All(fresh)), w.model, slices.Clone(w.indexes)})
		w.model = fresh
	}},
	{"Snapshot", true, func(w *walker, key int) {
		w.taken = append(w.taken, takenSnapshot{w.m.Snapshot(), maps.Clone(w.model), slices.Clone(w.indexes)})
		if len(w.taken) > 3 {
			w.taken = slices.Delete(w.taken, 0, 1)
		}
	}},
	{"Add", true, func(w *walker, key int) {
		if len(w.indexes) < 6 {
			w.add(w.rng.IntN(4))
		}
	}},
	{"Drop", true, func(w *walker, key int) {
		if n := len(w.indexes); n > 0 {
			i := w.rng.IntN(n)
			w.indexes[i].drop()
			w.indexes[i].missing(w.m.Snapshot())
			w.indexes = slices.Delete(w.indexes, i, i+1)
		}
	}},
}

// maybe returns it, or something else.
func (w *walker) maybe(it item) item {
	if w.rng.IntN(3) == 0 {
		it.n++
	}
	return it
}

// add adds an index of one of the four kinds.
func (w *walker) add(kind int) {
	name := fmt.Sprintf("index %d of kind %d", w.rng.Uint64(), kind)
	switch kind {
	case 0:
		w.indexes = append(w.indexes, addToModel(w.t, &w.m, name, byGroup))
	case 1:
		w.indexes = append(w.indexes, addToModel(w.t, &w.m, name, byTag))
	case 2:
		w.indexes = append(w.indexes, addToModel(w.t, &w.m, name, rarely))
	case 3:
		w.indexes = append(w.indexes, addToModel(w.t, &w.m, name, byMany))
	}
}

func addToModel[IK comparable](t *testing.T, m *Map[int, item], name string, fn func(int, item) []IK) modelIndex {
	ix := Add(m, name, fn)
	return modelIndex{
		name: name,
		drop: ix.Drop,
		check: func(model map[int]item) {
			t.Helper()
			requireInStep(t, ix.Name(), model, fn, ix.All())
			keys := slices.Collect(ix.Keys())
			if ix.NumKeys() != len(keys) {
				t.Fatalf("%s: NumKeys() = %d, Keys() shows %v", name, ix.NumKeys(), keys)
			}
			for _, ik := range keys {
				got := maps.Collect(ix.Get(ik).All())
				if len(got) != ix.Len(ik) || !slices.Contains(keys, ik) {
					t.Fatalf("%s: Len(%v) = %d, and Get shows %v", name, ik, ix.Len(ik), got)
				}
			}
		},
		checkAt: func(s *Snapshot[int, item], model map[int]item) {
			t.Helper()
			view := ix.At(s)
			requireInStep(t, ix.Name()+" in a snapshot", model, fn, view.All())
			if n := len(slices.Collect(view.Keys())); n != view.NumKeys() {
				t.Fatalf("%s in a snapshot: NumKeys() = %d, Keys() shows %d", name, view.NumKeys(), n)
			}
		},
		deleteAll: func(rng *rand.Rand, model map[int]item) {
			t.Helper()
			keys := slices.Collect(ix.Keys())
			if len(keys) == 0 {
				return
			}
			ik := keys[rng.IntN(len(keys))]
			want := map[int]item{}
			for key, value := range model {
				if slices.Contains(fn(key, value), ik) {
					want[key] = value
					delete(model, key)
				}
			}
			if got := maps.Collect(ix.DeleteAll(ik).All()); !maps.Equal(got, want) {
				t.Fatalf("%s: DeleteAll(%v) = %v, want %v", name, ik, got, want)
			}
		},
		missing: func(s *Snapshot[int, item]) {
			t.Helper()
			requirePanic(t, "not in the snapshot", func() { ix.At(s) })
			requirePanic(t, "it was dropped", func() { ix.NumKeys() })
		},
	}
}

// check compares everything.
func (w *walker) check() {
	w.t.Helper()
	if got := maps.Collect(w.m.All()); !maps.Equal(got, w.model) || w.m.Len() != len(w.model) {
		w.t.Fatalf("the map holds %v (Len %d), want %v", got, w.m.Len(), w.model)
	}
	var names []string
	for _, ix := range w.indexes {
		names = append(names, ix.name)
		ix.check(w.model)
	}
	if got := w.m.Indexes(); !slices.Equal(got, names) {
		w.t.Fatalf("Indexes() = %q, want %q", got, names)
	}
	now := w.m.Snapshot()
	for _, taken := range append(w.taken, takenSnapshot{now, w.model, w.indexes}) {
		w.checkSnapshot(taken, now)
	}
}

func (w *walker) checkSnapshot(taken takenSnapshot, now *Snapshot[int, item]) {
	w.t.Helper()
	s := taken.s
	if got := maps.Collect(s.All()); !maps.Equal(got, taken.model) || s.Len() != len(got) {
		w.t.Fatalf("a snapshot shows %v (Len %d), want %v", got, s.Len(), taken.model)
	}
	for key := range w.keys {
		want, wantOK := taken.model[key]
		got, ok := s.Load(key)
		w.require("Snapshot.Load", got, ok, want, wantOK)
	}
	for _, ix := range taken.indexes {
		ix.checkAt(s, taken.model)
	}
	patched := maps.Clone(taken.model)
	for key, change := range now.Diff(s) {
		old, ok := patched[key]
		w.require("Diff: Old", change.Old, change.Kind != shardmap.Added, old, ok)
		if delete(patched, key); change.Kind != shardmap.Removed {
			patched[key] = change.New
		}
	}
	if !maps.Equal(patched, w.model) {
		w.t.Fatalf("a snapshot and the changes since make %v, want %v", patched, w.model)
	}
}
