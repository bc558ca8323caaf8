package shardmap_test

import (
	"encoding/json"
	"fmt"
	"iter"
	"slices"
	"strings"
	"testing"

	"github.com/shardmap-go/shardmap"
)

// A fuzzRun is one program under way, on one map and its model.
type fuzzRun[K, V comparable] struct {
	t      *testing.T
	in     *fuzzInput
	name   string                 // what the map is
	fresh  func() fuzzedMap[K, V] // makes another such map
	key    func(i int) K
	spread int // distance of the keys that two neighbouring bytes stand for
	value  func(b byte) V
	hash   fuzzHash
	hashed int // calls of the hasher given WithHasher

	m     fuzzedMap[K, V]
	model map[K]V

	parked fuzzSide[K, V]           // a map aside, for a Map only: at first nothing, then a clone
	kept   [fuzzKept]fuzzCut[K, V]  // the last snapshots taken, for a Map only
	watch  *fuzzWatch[K, V]         // what is written while somebody iterates, or nil
	trace  []string                 // the operations so far
	spent  int                      // entries looked at so far
	single []fuzzKeyOperation[K, V] // those on a single key
	nested []fuzzOperation[K, V]    // those that are taken while somebody iterates
}

// fuzzedMap is what all maps have, inside and outside their common interface.
type fuzzedMap[K comparable, V any] interface {
	shardmap.ConcurrentMap[K, V]
	json.Marshaler
	json.Unmarshaler
}

// A fuzzSide is a map with its model.
type fuzzSide[K, V comparable] struct {
	m     fuzzedMap[K, V]
	model map[K]V
}

// A fuzzOperation takes its arguments from the input.
type fuzzOperation[K, V comparable] struct {
	name string
	run  func(r *fuzzRun[K, V])
}

// A fuzzKeyOperation does something to the entry of key. A byte stands for its other arguments, so that it can be done
// to a run of keys.
type fuzzKeyOperation[K, V comparable] struct {
	name string
	run  func(r *fuzzRun[K, V], key K, arg byte)
}

const (
	fuzzKept = 4 // snapshots that are held at a time

	// fuzzLongest is the length of the longest run of keys: a shard splits at 160 entries.
	fuzzLongest = 200

	// fuzzWork bounds a program by the number of entries that it looks at, which keeps the slowest below 20 ms.
	fuzzWork = 30_000
)

// fuzzOperations returns what a byte of a program may stand for: the operation with that number, modulo their number.
func fuzzOperations[K, V comparable](target fuzzTarget) []fuzzOperation[K, V] {
	runs, single := fuzzRunOperations[K, V](), []fuzzOperation[K, V]{}
	for _, op := range fuzzKeyOperations[K, V]() {
		single = append(single, fuzzOperation[K, V]{op.name, func(r *fuzzRun[K, V]) {
			op.run(r, r.inputKey(), r.in.byte())
		}})
	}
	switch target {
	case fuzzSharded:
		return slices.Concat(runs, single, fuzzWholeOperations[K, V](), fuzzSnapshotOperations[K, V](), fuzzMapOperations[K, V]())
	case fuzzSnapshots:
		snapshots := fuzzSnapshotOperations[K, V]()
		return slices.Concat(runs, snapshots, fuzzMapOperations[K, V](), runs, snapshots)
	case fuzzAtomic:
		return slices.Concat(runs, single, fuzzWholeOperations[K, V](), fuzzAtomicOperations[K, V]())
	}
	return slices.Concat(runs, single, fuzzWholeOperations[K, V]())
}

// run takes the operations that the input asks for, and then compares all that there is.
func (r *fuzzRun[K, V]) run(table []fuzzOperation[K, V]) {
	r.single, r.nested = fuzzKeyOperations[K, V](), fuzzRunOperations[K, V]()
	for _, op := range table {
		if slices.Contains([]string{"Clear", "Snapshot", "Shrink", "Replace", "Update"}, op.name) {
			r.nested = append(r.nested, op)
		}
	}
	for i := range r.kept {
		r.kept[i].Snapshot = new(shardmap.Snapshot[K, V])
	}
	for len(r.in.data) > 0 && r.spent < fuzzWork {
		r.take(table)
	}
	r.trace = append(r.trace, "the end")
	r.requireContent()
	if r.sharded() != nil {
		r.requireHash()
		r.exchange()
		r.requireContent()
		r.requireHash()
		r.verify()
	}
}

// take takes one of the operations.
func (r *fuzzRun[K, V]) take(table []fuzzOperation[K, V]) {
	op := table[r.in.pick(len(table))]
	r.trace = append(r.trace, op.name)
	r.spent++
	op.run(r)
	if got := r.m.Len(); got != len(r.model) {
		r.fatalf("Len() = %d, want %d", got, len(r.model))
	}
}

// fatalf fails with the whole story.
func (r *fuzzRun[K, V]) fatalf(format string, args ...any) {
	r.t.Helper()
	r.t.Fatalf("%s: %s\nafter %s", r.name, fmt.Sprintf(format, args...), strings.Join(r.trace, ", "))
}

// inputIndex takes a byte for the number of a key.
func (r *fuzzRun[K, V]) inputIndex() int { return int(r.in.byte()) * r.spread }

func (r *fuzzRun[K, V]) inputKey() K { return r.key(r.inputIndex()) }

// inputRun takes two bytes for a run of up to fuzzLongest keys, which it numbers.
func (r *fuzzRun[K, V]) inputRun() iter.Seq2[byte, K] {
	first, n := r.inputIndex(), 1+r.in.pick(fuzzLongest)
	r.spent += n
	return func(yield func(byte, K) bool) {
		for i := range n {
			if !yield(byte(i), r.key(first+i)) {
				return
			}
		}
	}
}

// put and drop change the model.

func (r *fuzzRun[K, V]) put(key K, value V) {
	r.model[key] = value
	r.watch.note(key, &value)
}

func (r *fuzzRun[K, V]) drop(key K) {
	delete(r.model, key)
	r.watch.note(key, nil)
}

// become makes content the model.
func (r *fuzzRun[K, V]) become(content map[K]V) {
	r.model = content
	r.watch.noteAll(content)
}

// A fuzzWatch is what was written since some moment.
type fuzzWatch[K, V comparable] struct {
	written map[K]bool // keys that were stored or deleted
	all     bool       // all of them
	values  map[K][]V  // what was stored
	nans    []V        // what was stored under keys that are NaN
}

func newFuzzWatch[K, V comparable]() *fuzzWatch[K, V] {
	return &fuzzWatch[K, V]{written: make(map[K]bool), values: make(map[K][]V)}
}

// note notes that value was stored for key or, if it is nil, that key was deleted.
func (w *fuzzWatch[K, V]) note(key K, value *V) {
	switch {
	case w == nil, key != key && value == nil:
	case key != key:
		w.nans = append(w.nans, *value)
	default:
		w.written[key] = true
		if value != nil {
			w.values[key] = append(w.values[key], *value)
		}
	}
}

// noteAll notes that content took the place of everything.
func (w *fuzzWatch[K, V]) noteAll(content map[K]V) {
	if w == nil {
		return
	}
	w.all = true
	for key, value := range content {
		w.note(key, &value)
	}
}

// check compares a result with what the model says.
func (r *fuzzRun[K, V]) check(what string, key K, got V, gotOK bool, want V, wantOK bool) {
	if got != want || gotOK != wantOK {
		r.t.Helper()
		r.fatalf("%s of %v: %v, %v, want %v, %v", what, key, got, gotOK, want, wantOK)
	}
}

// requireContent compares the map with the model both ways.
func (r *fuzzRun[K, V]) requireContent() {
	r.t.Helper()
	r.spent += len(r.model)
	r.requireEntries("Range", r.m.Range, r.model)
	for key, want := range r.model {
		if key == key {
			got, ok := r.m.Load(key)
			r.check("Load", key, got, ok, want, true)
		}
	}
	if got := r.m.Len(); got != len(r.model) {
		r.fatalf("Len() = %d, want %d", got, len(r.model))
	}
	if m := r.sharded(); m != nil {
		var snapshots []*shardmap.Snapshot[K, V]
		for _, s := range r.kept {
			snapshots = append(snapshots, s.Snapshot)
		}
		if err := shardmap.CheckInvariants(m, true, snapshots...); err != nil {
			r.fatalf("%v", err)
		}
	}
}

// requireEntries demands that seq shows each entry of want once, and nothing else.
func (r *fuzzRun[K, V]) requireEntries(what string, seq iter.Seq2[K, V], want map[K]V) {
	r.t.Helper()
	seen, lost, n := make(map[K]bool, len(want)), make(map[V]int), 0
	for key, value := range seq {
		n++
		if key != key {
			lost[value]++
			continue
		}
		wanted, ok := want[key]
		if !ok || seen[key] || value != wanted {
			r.fatalf("%s shows %v → %v, shown before: %v, want %v, %v", what, key, value, seen[key], wanted, ok)
		}
		seen[key] = true
	}
	if n != len(want) {
		r.fatalf("%s shows %d entries, want %d", what, n, len(want))
	}
	r.requireCounts(what+" of NaNs", lost, nanValues(want))
}

func (r *fuzzRun[K, V]) requireKeys(what string, seq iter.Seq[K], want map[K]V) {
	r.t.Helper()
	seen, nans := make(map[K]bool, len(want)), 0
	for key := range seq {
		if key != key {
			nans++
			continue
		}
		if _, ok := want[key]; !ok || seen[key] {
			r.fatalf("%s shows %v, shown before: %v, present: %v", what, key, seen[key], ok)
		}
		seen[key] = true
	}
	for key := range want {
		if key != key {
			nans--
		} else if !seen[key] {
			r.fatalf("%s does not show %v", what, key)
		}
	}
	if nans != 0 {
		r.fatalf("%s shows %d NaNs too many", what, nans)
	}
}

func (r *fuzzRun[K, V]) requireValues(what string, seq iter.Seq[V], want map[K]V) {
	r.t.Helper()
	got, wanted := make(map[V]int), make(map[V]int)
	for value := range seq {
		got[value]++
	}
	for _, value := range want {
		wanted[value]++
	}
	r.requireCounts(what, got, wanted)
}

func (r *fuzzRun[K, V]) requireCounts(what string, got, want map[V]int) {
	r.t.Helper()
	for value, n := range want {
		if got[value] != n {
			r.fatalf("%s shows %v %d times, want %d", what, value, got[value], n)
		}
	}
	for value, n := range got {
		if want[value] != n {
			r.fatalf("%s shows %v %d times, want %d", what, value, n, want[value])
		}
	}
}

// nanValues counts the values of the entries whose key is a NaN.
func nanValues[K, V comparable](m map[K]V) map[V]int {
	values := make(map[V]int)
	for key, value := range m {
		if key != key {
			values[value]++
		}
	}
	return values
}
