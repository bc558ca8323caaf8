package shardmap_test

import (
	"maps"

	"github.com/shardmap-go/shardmap"
)

// wholeMapOperations visit all entries.
func wholeMapOperations[K comparable, V any]() []operation[K, V] {
	return []operation[K, V]{
		{"Range", (*walk[K, V]).rangeAll},
		{"Range", (*walk[K, V]).rangeSome},
		{"All", (*walk[K, V]).all},
		{"Keys", (*walk[K, V]).keysOnly},
		{"Values", (*walk[K, V]).valuesOnly},
		{"DeleteFunc", (*walk[K, V]).deleteFunc},
	}
}

// visit is the body of a loop over all entries: each is in the model and none has been seen.
func (w *walk[K, V]) visit(seen map[K]bool, key K, value V) {
	want, ok := w.model[key]
	if !ok || !w.same(value, want) {
		w.fatalf("shows %v → %v, want %v, %v", key, value, want, ok)
	}
	w.visitKey(seen, key)
}

func (w *walk[K, V]) visitKey(seen map[K]bool, key K) {
	if _, ok := w.model[key]; !ok || seen[key] {
		w.fatalf("shows key %v: present %v, shown before %v", key, ok, seen[key])
	}
	seen[key] = true
}

func (w *walk[K, V]) requireAllSeen(n int) {
	w.t.Helper()
	if n != len(w.model) {
		w.fatalf("shows %d entries, want %d", n, len(w.model))
	}
}

func (w *walk[K, V]) rangeAll() {
	seen := make(map[K]bool)
	w.m.Range(func(key K, value V) bool { w.visit(seen, key, value); return true })
	w.requireAllSeen(len(seen))
}

func (w *walk[K, V]) rangeSome() {
	if len(w.model) == 0 {
		return
	}
	n := 1 + w.rng.IntN(len(w.model))
	seen := make(map[K]bool)
	w.m.Range(func(key K, value V) bool { w.visit(seen, key, value); return len(seen) < n })
	if len(seen) != n {
		w.fatalf("shows %d entries, stopped after %d", len(seen), n)
	}
}

func (w *walk[K, V]) all() {
	seen := make(map[K]bool)
	for key, value := range w.m.All() {
		w.visit(seen, key, value)
	}
	w.requireAllSeen(len(seen))
}

func (w *walk[K, V]) keysOnly() {
	seen := make(map[K]bool)
	for key := range w.m.Keys() {
		w.visitKey(seen, key)
	}
	w.requireAllSeen(len(seen))
}

func (w *walk[K, V]) valuesOnly() {
	missing, n := make(map[int]int), 0
	for _, value := range w.model {
		missing[w.vals.index(value)]++
	}
	for value := range w.m.Values() {
		missing[w.vals.index(value)]--
		n++
	}
	w.requireAllSeen(n)
	for i, n := range missing {
		if n != 0 {
			w.fatalf("value number %d comes %d times too seldom", i, n)
		}
	}
}

func (w *walk[K, V]) deleteFunc() {
	seen, doomed := make(map[K]bool), make(map[K]bool)
	index, spared := w.rng.IntN(w.vals.count), w.rng.IntN(7)
	got := w.m.DeleteFunc(func(key K, value V) bool {
		w.visit(seen, key, value)
		if w.vals.index(value) == index && len(seen)%7 != spared {
			doomed[key] = true
		}
		return doomed[key]
	})
	w.requireAllSeen(len(seen))
	for key := range doomed {
		delete(w.model, key)
	}
	if got != len(doomed) {
		w.fatalf("says that it deleted %d entries, want %d", got, len(doomed))
	}
	w.rangeAll()
}

// wipingOperations leave few or other entries behind.
func wipingOperations[K comparable, V any]() []operation[K, V] {
	return []operation[K, V]{{"Clear", (*walk[K, V]).clear}}
}

func (w *walk[K, V]) clear() {
	w.m.Clear()
	clear(w.model)
	w.rangeAll()
	w.length()
}

// replace puts up to half of all keys into a Map in place of what is there.
func (w *walk[K, V]) replace() {
	before := w.model
	w.model = make(map[K]V)
	for range w.rng.IntN(w.space) {
		w.model[w.key()] = w.value()
	}
	replaced := w.m.(*shardmap.Map[K, V]).Replace(maps.All(w.model))
	w.requireSnapshot(replaced, before)
	w.rangeAll()
	w.length()
}

// takeSnapshot takes a snapshot and looks once more at the one before it: that has not changed, and the difference
// of the two leads from the one to the other.
func (w *walk[K, V]) takeSnapshot() {
	s := w.m.(*shardmap.Map[K, V]).Snapshot()
	w.requireSnapshot(s, w.model)
	if w.snapshot != nil {
		w.requireSnapshot(w.snapshot, w.snapshotModel)
		changed := make(map[K]bool)
		for key, change := range s.Diff(w.snapshot) {
			if changed[key] {
				w.fatalf("Diff shows %v twice", key)
			}
			changed[key] = true
			w.requireChange(key, change)
		}
		for key, value := range w.model {
			if old, ok := w.snapshotModel[key]; !changed[key] && (!ok || !w.same(old, value)) {
				w.fatalf("Diff does not show %v: %v, %v → %v", key, old, ok, value)
			}
		}
		for key := range w.snapshotModel {
			if _, ok := w.model[key]; !ok && !changed[key] {
				w.fatalf("Diff does not show that %v is gone", key)
			}
		}
	}
	w.snapshot, w.snapshotModel = s, maps.Clone(w.model)
}

// requireChange checks one change between the last snapshot and now.
func (w *walk[K, V]) requireChange(key K, change shardmap.Change[V]) {
	old, before := w.snapshotModel[key]
	new, after := w.model[key]
	want := shardmap.Change[V]{Kind: shardmap.Updated, Old: old, New: new}
	switch {
	case !before && !after:
		w.fatalf("Diff shows %v, which neither snapshot has", key)
	case !before:
		want.Kind = shardmap.Added
	case !after:
		want.Kind = shardmap.Removed
	}
	if change.Kind != want.Kind || !w.same(change.Old, want.Old) || !w.same(change.New, want.New) {
		w.fatalf("Diff shows for %v: %v, want %v", key, change, want)
	}
}

// requireSnapshot checks all that a snapshot shows.
func (w *walk[K, V]) requireSnapshot(s *shardmap.Snapshot[K, V], want map[K]V) {
	w.t.Helper()
	got, n := s.ToMap(), 0
	for key, value := range s.All() {
		n++
		if v, ok := got[key]; !ok || !w.same(v, value) {
			w.fatalf("snapshot: All shows %v → %v, ToMap has %v, %v", key, value, v, ok)
		}
	}
	for range s.Keys() {
		n++
	}
	for range s.Values() {
		n++
	}
	if s.Len() != len(want) || len(got) != len(want) || n != 3*len(want) {
		w.fatalf("snapshot: Len is %d, ToMap has %d entries, All, Keys and Values show %d/3, want %d", s.Len(), len(got), n, len(want))
	}
	for key, value := range want {
		v, ok := s.Load(key)
		w.check(key, v, ok, value, true)
		v, ok = got[key]
		w.check(key, v, ok, value, true)
	}
	if key := w.key(); true {
		v, ok := s.Load(key)
		wantV, wantOK := want[key]
		w.check(key, v, ok, wantV, wantOK)
	}
}

// clone goes on with a clone of the map, after it has seen that writing to the one does not change the other.
func (w *walk[K, V]) clone() {
	original := w.m.(*shardmap.Map[K, V])
	copied := original.Clone()
	key, value := w.key(), w.value()
	was, present := w.model[key]
	original.Store(key, value)
	v, ok := copied.Load(key)
	w.check(key, v, ok, was, present)
	original.Clear()
	w.m = copied
	w.rangeAll()
	w.length()
}

func (w *walk[K, V]) shrink() {
	w.m.(*shardmap.Map[K, V]).Shrink()
	w.rangeAll()
	w.length()
}

// update changes several keys of an AtomicMap at once.
func (w *walk[K, V]) update() {
	model := maps.Clone(w.model)
	for range w.rng.IntN(5) {
		model[w.key()] = w.value()
		delete(model, w.key())
	}
	w.m.(*shardmap.AtomicMap[K, V]).Update(func(m map[K]V) {
		if len(m) != len(w.model) {
			w.fatalf("is given %d entries, want %d", len(m), len(w.model))
		}
		clear(m)
		maps.Copy(m, model)
	})
	w.model = model
	w.rangeAll()
}
