package shardmap_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"sync/atomic"
	"testing"

	"github.com/shardmap-go/shardmap"
)

// A walk is one sequence of random operations on one map, each checked against a plain Go map.
type walk[K comparable, V any] struct {
	t     *testing.T
	suite *contractSuite
	name  string
	m     shardmap.ConcurrentMap[K, V]
	keys  keyKind[K]
	vals  valueKind[V]
	space int
	rng   *rand.Rand

	model map[K]V
	step  int
	op    string
	ran   map[string]int

	snapshot      *shardmap.Snapshot[K, V] // taken some steps ago, of a Map only
	snapshotModel map[K]V
}

// An operation runs one method with random arguments on the map and on the model.
type operation[K comparable, V any] struct {
	method string
	run    func(w *walk[K, V])
}

func newWalk[K comparable, V any](t *testing.T, suite *contractSuite, c candidate[K, V], keys keyKind[K], vals valueKind[V], space int) *walk[K, V] {
	return &walk[K, V]{t: t, suite: suite, name: fmt.Sprintf("%s/n=%d", c.name, space), m: c.m, keys: keys, vals: vals, space: space,
		rng: rand.New(rand.NewPCG(suite.seed, uint64(space))), model: make(map[K]V), ran: make(map[string]int)}
}

// run fills the map to a third of its keys and goes on with steps random operations.
func (w *walk[K, V]) run(steps int) {
	fill := operation[K, V]{"Store", (*walk[K, V]).store}
	single, whole, wiping := singleKeyOperations[K, V](), wholeMapOperations[K, V](), wipingOperations[K, V]()
	switch w.m.(type) {
	case *shardmap.Map[K, V]:
		whole = append(whole, operation[K, V]{"Snapshot", (*walk[K, V]).takeSnapshot},
			operation[K, V]{"Clone", (*walk[K, V]).clone}, operation[K, V]{"Shrink", (*walk[K, V]).shrink})
		wiping = append(wiping, operation[K, V]{"Replace", (*walk[K, V]).replace})
	case *shardmap.AtomicMap[K, V]:
		whole = append(whole, operation[K, V]{"Update", (*walk[K, V]).update})
	}
	for range w.space / 3 {
		w.take(fill)
	}
	// Operations on the whole map take time in proportion to it: they come one in ten on a small map, and rarer on
	// a large one, on which wiping ones come so rarely that it has time to grow in between.
	for range steps {
		switch n := w.rng.IntN(32 * w.space); {
		case n < 100:
			w.take(whole[w.rng.IntN(len(whole))])
		case n < 110 && w.rng.IntN(4) == 0:
			w.take(wiping[w.rng.IntN(len(wiping))])
		default:
			w.take(single[w.rng.IntN(len(single))])
		}
	}
	w.take(operation[K, V]{"Range", (*walk[K, V]).rangeAll})
	for _, op := range append(whole, wiping...) { // at least once each
		w.take(op)
		w.requireInvariants(false)
	}
	w.suite.mu.Lock()
	defer w.suite.mu.Unlock()
	for op, n := range w.ran {
		w.suite.ran[op] += n
	}
}

func (w *walk[K, V]) take(op operation[K, V]) {
	w.step, w.op = w.step+1, op.method
	w.ran[op.method]++
	op.run(w)
}

// requireInvariants looks inside a Map.
func (w *walk[K, V]) requireInvariants(rehash bool) {
	w.t.Helper()
	m, sharded := w.m.(*shardmap.Map[K, V])
	if !sharded {
		return
	}
	snapshots := []*shardmap.Snapshot[K, V]{m.Snapshot()}
	if w.snapshot != nil {
		snapshots = append(snapshots, w.snapshot)
	}
	if err := shardmap.CheckInvariants(m, rehash, snapshots...); err != nil {
		w.fatalf("%v", err)
	}
}

func (w *walk[K, V]) fatalf(format string, args ...any) {
	w.t.Helper()
	w.t.Fatalf("%s, step %d, %s: %s (SHARDMAP_SEED=%d)", w.name, w.step, w.op, fmt.Sprintf(format, args...), w.suite.seed)
}

// requireHasherWasUsed: a test that gives a hasher has to know that the map took it. Unless the map has moved to
// another hash, which Stats tells, each operation on a key asks the hasher at least once.
func (w *walk[K, V]) requireHasherWasUsed(hashed *atomic.Uint64) {
	w.t.Helper()
	m, sharded := w.m.(*shardmap.Map[K, V])
	if hashed == nil || !sharded {
		return
	}
	want := 1
	if m.Stats().Rehashes == 0 {
		for _, op := range singleKeyOperations[K, V]() {
			want = max(want, w.ran[op.method])
		}
	}
	if got := hashed.Load(); got < uint64(want) {
		w.fatalf("the hasher was called %d times, want at least %d", got, want)
	}
}

func (w *walk[K, V]) key() K   { return w.keys.key(w.rng.IntN(w.space)) }
func (w *walk[K, V]) value() V { return w.vals.value(w.rng.IntN(w.vals.count)) }

// old returns a value to compare with: half of the time the one that is there.
func (w *walk[K, V]) old(key K) V {
	if value, ok := w.model[key]; ok && w.rng.IntN(2) == 0 {
		return value
	}
	return w.value()
}

func (w *walk[K, V]) same(a, b V) bool { return w.vals.index(a) == w.vals.index(b) }

// check compares a result with what the model says.
func (w *walk[K, V]) check(key K, got V, gotOK bool, want V, wantOK bool) {
	if gotOK != wantOK || !w.same(got, want) {
		w.fatalf("key %v: got %v, %v, want %v, %v", key, got, gotOK, want, wantOK)
	}
}

func singleKeyOperations[K comparable, V any]() []operation[K, V] {
	return []operation[K, V]{
		{"Load", (*walk[K, V]).load},
		{"Store", (*walk[K, V]).store},
		{"LoadOrStore", (*walk[K, V]).loadOrStore},
		{"LoadAndDelete", (*walk[K, V]).loadAndDelete},
		{"Delete", (*walk[K, V]).delete},
		{"Swap", (*walk[K, V]).swap},
		{"CompareAndSwap", (*walk[K, V]).compareAndSwap},
		{"CompareAndDelete", (*walk[K, V]).compareAndDelete},
		{"Compute", (*walk[K, V]).compute},
		{"Compute", (*walk[K, V]).compute},
		{"LoadOrCompute", (*walk[K, V]).loadOrCompute},
		{"Len", (*walk[K, V]).length},
	}
}

func (w *walk[K, V]) load() {
	key := w.key()
	want, wantOK := w.model[key]
	got, ok := w.m.Load(key)
	w.check(key, got, ok, want, wantOK)
}

func (w *walk[K, V]) store() {
	key, value := w.key(), w.value()
	w.m.Store(key, value)
	w.model[key] = value
}

func (w *walk[K, V]) loadOrStore() {
	key, value := w.key(), w.value()
	want, wantOK := w.model[key]
	if !wantOK {
		want, w.model[key] = value, value
	}
	got, loaded := w.m.LoadOrStore(key, value)
	w.check(key, got, loaded, want, wantOK)
}

func (w *walk[K, V]) loadAndDelete() {
	key := w.key()
	want, wantOK := w.model[key]
	delete(w.model, key)
	got, loaded := w.m.LoadAndDelete(key)
	w.check(key, got, loaded, want, wantOK)
}

func (w *walk[K, V]) delete() {
	key := w.key()
	w.m.Delete(key)
	delete(w.model, key)
}

func (w *walk[K, V]) swap() {
	key, value := w.key(), w.value()
	want, wantOK := w.model[key]
	w.model[key] = value
	got, loaded := w.m.Swap(key, value)
	w.check(key, got, loaded, want, wantOK)
}

func (w *walk[K, V]) compareAndSwap() {
	key, value := w.key(), w.value()
	if w.uncomparable(func(old V) { w.m.CompareAndSwap(key, old, value) }) {
		return
	}
	old := w.old(key)
	current, present := w.model[key]
	want := present && w.same(current, old)
	if want {
		w.model[key] = value
	}
	if got := w.m.CompareAndSwap(key, old, value); got != want {
		w.fatalf("key %v, old %v: got %v, want %v", key, old, got, want)
	}
}

func (w *walk[K, V]) compareAndDelete() {
	key := w.key()
	if w.uncomparable(func(old V) { w.m.CompareAndDelete(key, old) }) {
		return
	}
	old := w.old(key)
	current, present := w.model[key]
	want := present && w.same(current, old)
	if want {
		delete(w.model, key)
	}
	if got := w.m.CompareAndDelete(key, old); got != want {
		w.fatalf("key %v, old %v: got %v, want %v", key, old, got, want)
	}
}

// uncomparable runs f with an old value that cannot be compared, if the kind of value has one, now and then or, if it
// has no others, always; and says whether it did. f must panic.
func (w *walk[K, V]) uncomparable(f func(old V)) (ran bool) {
	if w.vals.uncomparable == nil || !w.vals.allUncomparable() && w.rng.IntN(8) > 0 {
		return false
	}
	defer func() {
		want := fmt.Sprintf("shardmap: %s: old value of type []int is not comparable", w.op)
		if r := recover(); fmt.Sprint(r) != want {
			w.fatalf("panic: %v, want %v", r, want)
		}
	}()
	ran = true
	f(w.vals.uncomparable())
	return ran
}

func (w *walk[K, V]) compute() {
	key, value := w.key(), w.value()
	op := []shardmap.Op{shardmap.Keep, shardmap.Set, shardmap.Set, shardmap.Remove}[w.rng.IntN(4)]
	current, present := w.model[key]
	got, gotOK := w.m.Compute(key, func(old V, loaded bool) (V, shardmap.Op) {
		w.check(key, old, loaded, current, present)
		return value, op
	})
	switch op {
	case shardmap.Set:
		w.model[key] = value
	case shardmap.Remove:
		delete(w.model, key)
	}
	want, wantOK := w.model[key]
	w.check(key, got, gotOK, want, wantOK)
}

func (w *walk[K, V]) loadOrCompute() {
	key, value := w.key(), w.value()
	want, wantOK := w.model[key]
	failure, calls := error(nil), 0
	if w.rng.IntN(3) == 0 {
		failure = errors.New("no value")
	}
	got, loaded, err := w.m.LoadOrCompute(key, func() (V, error) { calls++; return value, failure })
	switch {
	case wantOK:
		if err != nil || calls != 0 {
			w.fatalf("key %v is present: error %v after %d loads", key, err, calls)
		}
	case failure != nil:
		if err != failure || calls != 1 {
			w.fatalf("key %v: error %v after %d loads, want %v after 1", key, err, calls, failure)
		}
	default:
		if err != nil || calls != 1 {
			w.fatalf("key %v: error %v after %d loads, want none after 1", key, err, calls)
		}
		want, w.model[key] = value, value
	}
	w.check(key, got, loaded, want, wantOK)
}

func (w *walk[K, V]) length() {
	if got := w.m.Len(); got != len(w.model) {
		w.fatalf("got %d, want %d", got, len(w.model))
	}
}
