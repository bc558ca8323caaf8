package shardmap_test

import (
	"bytes"
	"encoding/json"
	"iter"
	"maps"
	"slices"

	"github.com/shardmap-go/shardmap"
)

// Operations that only Map has. Snapshots are kept in a ring, and looked at again when they fall out of it, or when the
// program asks for it, or at its end. A clone is kept aside, and exchanged with the map now and then, so that both go
// on from what they share.

// A fuzzCut is a snapshot with what the model was when it was taken. The zero Snapshot and a nil model go together.
type fuzzCut[K, V comparable] struct {
	*shardmap.Snapshot[K, V]
	model map[K]V
}

func fuzzSnapshotOperations[K, V comparable]() []fuzzOperation[K, V] {
	return []fuzzOperation[K, V]{
		{"Snapshot", (*fuzzRun[K, V]).snapshot},
		{"Diff", (*fuzzRun[K, V]).diff},
		{"Look at snapshots", (*fuzzRun[K, V]).verify},
		{"Clone", (*fuzzRun[K, V]).clone},
		{"Exchange with clone", (*fuzzRun[K, V]).exchange},
	}
}

func fuzzMapOperations[K, V comparable]() []fuzzOperation[K, V] {
	return []fuzzOperation[K, V]{
		{"Replace", (*fuzzRun[K, V]).replace},
		{"Shrink", (*fuzzRun[K, V]).shrink},
		{"Stats", (*fuzzRun[K, V]).requireHash},
		{"Write the tombstone", (*fuzzRun[K, V]).tombstone},
	}
}

// sharded returns the map if it is a Map, and otherwise nil.
func (r *fuzzRun[K, V]) sharded() *shardmap.Map[K, V] {
	m, _ := r.m.(*shardmap.Map[K, V])
	return m
}

// snapshot takes a snapshot and lets it take the place of the oldest, which it compares with it.
func (r *fuzzRun[K, V]) snapshot() {
	taken := fuzzCut[K, V]{r.sharded().Snapshot(), maps.Clone(r.model)}
	for key, change := range r.sharded().Snapshot().Diff(taken.Snapshot) {
		r.fatalf("two snapshots at once differ: %v, %v", key, change)
	}
	r.keep(taken)
}

func (r *fuzzRun[K, V]) keep(taken fuzzCut[K, V]) {
	oldest := r.kept[0]
	copy(r.kept[:], r.kept[1:])
	r.kept[fuzzKept-1] = taken
	if taken.Len() != len(taken.model) {
		r.fatalf("the snapshot's Len() is %d, want %d", taken.Len(), len(taken.model))
	}
	r.requireEntries("the oldest snapshot", oldest.All(), oldest.model)
	r.requireDiff(taken, oldest)
	r.spent += len(taken.model) + 2*len(oldest.model)
}

// diff compares two of the snapshots, in any order and perhaps one with itself; and with nil, and only a little.
func (r *fuzzRun[K, V]) diff() {
	pair := r.in.pick(fuzzKept * fuzzKept)
	a, b := r.kept[pair/fuzzKept], r.kept[pair%fuzzKept]
	r.requireDiff(a, b)
	r.requireDiff(b, a)
	r.requireDiff(a, fuzzCut[K, V]{})
	for range a.Diff(b.Snapshot) {
		break
	}
	r.spent += 4*len(a.model) + 2*len(b.model)
}

// requireDiff demands that the changes from older to newer lead from the one model to the other.
func (r *fuzzRun[K, V]) requireDiff(newer, older fuzzCut[K, V]) {
	r.t.Helper()
	changed, nans := make(map[K]bool), nanValues(older.model)
	for key, change := range newer.Diff(older.Snapshot) {
		if key != key {
			r.countNaN(nans, change)
			continue
		}
		was, before := older.model[key]
		is, after := newer.model[key]
		want := shardmap.Change[V]{Kind: shardmap.Updated, Old: was, New: is}
		switch {
		case !before:
			want.Kind = shardmap.Added
		case !after:
			want.Kind = shardmap.Removed
		}
		if changed[key] || !before && !after || change != want {
			r.fatalf("Diff shows %v: %v, shown before: %v, want %v", key, change, changed[key], want)
		}
		changed[key] = true
	}
	for key, is := range newer.model {
		if was, ok := older.model[key]; key == key && !changed[key] && (!ok || was != is) {
			r.fatalf("Diff does not show %v: %v, %v → %v", key, was, ok, is)
		}
	}
	for key, was := range older.model {
		if _, ok := newer.model[key]; key == key && !changed[key] && !ok {
			r.fatalf("Diff does not show that %v → %v is gone", key, was)
		}
	}
	maps.DeleteFunc(nans, func(_ V, n int) bool { return n == 0 })
	r.requireCounts("Diff, in the end, of NaNs", nans, nanValues(newer.model))
}

// countNaN applies a change of an entry whose key is a NaN: such entries come and go, they are not updated.
func (r *fuzzRun[K, V]) countNaN(nans map[V]int, change shardmap.Change[V]) {
	switch change.Kind {
	case shardmap.Added:
		nans[change.New]++
	case shardmap.Removed:
		nans[change.Old]--
	default:
		r.fatalf("Diff shows a NaN %v", change)
	}
}

// verify looks at all of the snapshots in all ways.
func (r *fuzzRun[K, V]) verify() {
	for _, s := range r.kept {
		r.requireEntries("All of a snapshot", s.All(), s.model)
		r.requireEntries("ToMap of a snapshot", maps.All(s.ToMap()), s.model)
		r.requireKeys("Keys of a snapshot", s.Keys(), s.model)
		r.requireValues("Values of a snapshot", s.Values(), s.model)
		r.requireSorted(s)
		for key, want := range s.model {
			if got, ok := s.Load(key); key == key {
				r.check("Load in a snapshot", key, got, ok, want, true)
			}
		}
		for key := range r.model {
			want, wantOK := s.model[key]
			got, ok := s.Load(key)
			r.check("Load in a snapshot", key, got, ok, want, wantOK)
		}
		for range s.All() {
			break
		}
		want, wantErr := json.Marshal(s.model)
		if s.model == nil && wantErr == nil {
			want = []byte("{}")
		}
		if got, err := s.MarshalJSON(); !bytes.Equal(got, want) || (err == nil) != (wantErr == nil) {
			r.fatalf("MarshalJSON of a snapshot gives %s, %v, want %s, %v", got, err, want, wantErr)
		}
		r.spent += 8*len(s.model) + len(r.model)
	}
}

// requireSorted checks SortedKeys for those kinds of key that have an order. NaNs come first.
func (r *fuzzRun[K, V]) requireSorted(s fuzzCut[K, V]) {
	var sorted iter.Seq[K]
	switch s := any(s.Snapshot).(type) {
	case *shardmap.Snapshot[int, V]:
		sorted = sortedKeys[K](r, shardmap.SortedKeys(s))
	case *shardmap.Snapshot[string, V]:
		sorted = sortedKeys[K](r, shardmap.SortedKeys(s))
	case *shardmap.Snapshot[float64, V]:
		sorted = sortedKeys[K](r, shardmap.SortedKeys(s))
	default:
		return
	}
	r.requireKeys("SortedKeys", sorted, s.model)
}

func sortedKeys[K, V comparable, T interface{ int | string | float64 }](r *fuzzRun[K, V], keys []T) iter.Seq[K] {
	if !slices.IsSorted(keys) {
		r.fatalf("SortedKeys: %v", keys)
	}
	return func(yield func(K) bool) {
		for _, key := range keys {
			if !yield(any(key).(K)) {
				return
			}
		}
	}
}

// clone puts a clone aside, after a look at the one that was there.
func (r *fuzzRun[K, V]) clone() {
	r.exchange()
	r.requireContent()
	r.exchange()
	r.parked = fuzzSide[K, V]{r.sharded().Clone(), maps.Clone(r.model)}
}

// exchange goes on with the map that is aside.
func (r *fuzzRun[K, V]) exchange() {
	if r.parked.m == nil {
		r.parked = fuzzSide[K, V]{r.fresh(), make(map[K]V)}
	}
	here := fuzzSide[K, V]{r.m, r.model}
	r.m, r.model, r.parked = r.parked.m, r.parked.model, here
}

// replace exchanges the content, and keeps what was there like a snapshot; or panics before it is done. The new content
// has its first key twice, and the map is changed while it is asked for.
func (r *fuzzRun[K, V]) replace() {
	keys, arg := r.inputRun(), r.in.byte()
	content := make(map[K]V)
	content[r.key(0)] = r.value(arg)
	var old *shardmap.Snapshot[K, V]
	panicked := panicOf(func() {
		old = r.sharded().Replace(func(yield func(K, V) bool) {
			yield(r.key(0), r.value(arg+1))
			for i, key := range keys {
				content[key] = r.value(arg + i)
				yield(key, r.value(arg+i))
			}
			if arg%4 == 0 {
				r.store(r.key(int(arg)), arg)
			}
			if arg%8 == 1 {
				panic("on the way")
			}
			yield(r.key(0), content[r.key(0)])
		})
	})
	if (panicked != nil) != (arg%8 == 1) {
		r.fatalf("panic %v", panicked)
	}
	if panicked != nil {
		return
	}
	before := r.model
	r.become(content)
	r.keep(fuzzCut[K, V]{old, before})
}

func (r *fuzzRun[K, V]) shrink() {
	r.sharded().Shrink()
	r.spent += len(r.model)
}

// tombstone does something with a value that, so far, marked deleted entries.
func (r *fuzzRun[K, V]) tombstone() {
	m, ok := any(r.m).(*shardmap.Map[K, uint64])
	if !ok {
		return
	}
	value := r.value
	dead := any(shardmap.Tombstone(m)).(V)
	r.value = func(b byte) V {
		if b%8 == 7 {
			return value(b)
		}
		return dead
	}
	defer func() { r.value = value }()
	r.each()
}

// requireHash demands that the figures in Stats fit, and that the map hashes as it was told to: a hash function that does
// not tell keys apart is given up exactly when there are too many keys in one chain.
func (r *fuzzRun[K, V]) requireHash() {
	m := r.sharded()
	if m == nil {
		return
	}
	st, keys := m.Stats(), 0
	for key := range r.model {
		if key == key {
			keys++
		}
	}
	const chain = 6 * (1 + 8) // entries of a bucket and its longest chain
	switch {
	case st.Entries != len(r.model),
		st.Rehashes > 1,
		st.Rehashes == 1 && r.hash == fuzzBuiltIn,
		st.Rehashes == 0 && r.hash == fuzzEqual && keys > chain,
		st.Fill < 0 || (st.Fill == 0) != (st.Entries == 0),
		st.Skew < 0 || st.Skew < 1 && st.Entries > 0,
		st.Bytes < 8*uint64(st.Entries),
		keys > 0 && st.Shards == 0,
		keys > 0 && r.hash != fuzzBuiltIn && r.hashed == 0:
		r.fatalf("%d keys, %d calls of the hasher: %+v", keys, r.hashed, st)
	}
}
