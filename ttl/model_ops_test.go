package ttl_test

import (
	"maps"
	"time"

	"github.com/shardmap-go/shardmap"
	"github.com/shardmap-go/shardmap/ttl"
)

// The operations of the model test. Each calls the map, changes the model in the same way, and compares.

var modelOperations = []struct {
	name string
	run  func(w *walk, key int)
}{
	{"advance", (*walk).testAdvance},
	{"advance", (*walk).testAdvance},
	{"Load", (*walk).testLoad},
	{"Load", (*walk).testLoad},
	{"Store", (*walk).testStore},
	{"StoreFor", (*walk).testStoreFor},
	{"StoreFor", (*walk).testStoreFor},
	{"Swap", (*walk).testSwap},
	{"LoadOrStore", (*walk).testLoadOrStore},
	{"CompareAndSwap", (*walk).testCompareAndSwap},
	{"CompareAndDelete", (*walk).testCompareAndDelete},
	{"LoadAndDelete", (*walk).testLoadAndDelete},
	{"Compute", (*walk).testCompute},
	{"LoadOrCompute", (*walk).testLoadOrCompute},
	{"LoadOrCompute", (*walk).testLoadOrCompute},
	{"DeleteFunc", (*walk).testDeleteFunc},
	{"All and Snapshot", (*walk).testAll},
	{"Collect", func(w *walk, _ int) { w.collect() }},
	{"Clear", (*walk).testClear},
}

// testAdvance moves the clock: by anything from a nanosecond to hours, or to the very deadline of key, or just before.
func (w *walk) testAdvance(key int) {
	d := w.rng.Int64N(1 << w.rng.IntN(44))
	if e, ok := w.live(key); ok && e.deadline < never && w.rng.IntN(2) == 0 {
		d = e.deadline - w.now() - w.rng.Int64N(2)
	}
	w.clock.advance(time.Duration(d))
}

func (w *walk) testLoad(key int) {
	e, ok := w.live(key)
	if !ok && w.failure(key) == nil {
		w.leaves(key, ttl.Expired)
	}
	value, loaded := w.m.Load(key)
	if loaded != ok || ok && value != e.value {
		w.failf("%d, %v, want %d, %v", value, loaded, e.value, ok)
	}
	if ok {
		w.used(key)
	}
}

// store tells the model that value is being stored, before that is done.
func (w *walk) store(key, value int, l ttl.Lifetime) (room bool) {
	if room = w.hasRoom(key); room {
		w.leaves(key, ttl.Replaced)
	}
	return room
}

func (w *walk) testStore(key int) {
	value := w.newValue()
	room := w.store(key, value, ttl.Lifetime{})
	if w.checkStored(key, w.m.Store(key, value), room) {
		w.enters(key, value, ttl.Lifetime{})
	}
}

func (w *walk) testStoreFor(key int) {
	value, l := w.newValue(), w.randomLifetime()
	room := w.store(key, value, l)
	if w.checkStored(key, w.m.StoreFor(key, value, l), room) {
		w.enters(key, value, l)
	}
}

func (w *walk) testSwap(key int) {
	value := w.newValue()
	e, ok := w.live(key)
	room := w.store(key, value, ttl.Lifetime{})
	previous, loaded, err := w.m.Swap(key, value)
	if loaded != ok || ok && previous != e.value {
		w.failf("%d, %v, want %d, %v", previous, loaded, e.value, ok)
	}
	if w.checkStored(key, err, room) {
		w.enters(key, value, ttl.Lifetime{})
	}
}

func (w *walk) testLoadOrStore(key int) {
	value := w.newValue()
	e, ok := w.live(key)
	room := ok || w.store(key, value, ttl.Lifetime{})
	actual, loaded, err := w.m.LoadOrStore(key, value)
	stored := w.checkStored(key, err, room) && !ok
	switch {
	case loaded != ok, ok && actual != e.value, !ok && actual != value:
		w.failf("%d, %v, want %d or %d, %v", actual, loaded, e.value, value, ok)
	case ok:
		w.used(key)
	case stored:
		w.enters(key, value, ttl.Lifetime{})
	}
}

func (w *walk) testCompareAndSwap(key int) {
	e, ok := w.live(key)
	old := e.value
	if w.rng.IntN(3) == 0 {
		old, ok = -1, false
	}
	value := w.newValue()
	w.expectChange(key, ok, ttl.Replaced)
	if w.m.CompareAndSwap(key, old, value) != ok {
		w.failf("want %v", ok)
	}
	if ok {
		w.enters(key, value, ttl.Lifetime{})
	}
}

func (w *walk) testCompareAndDelete(key int) {
	e, ok := w.live(key)
	old := e.value
	if w.rng.IntN(3) == 0 {
		old, ok = -1, false
	}
	w.expectChange(key, ok, ttl.Deleted)
	if w.m.CompareAndDelete(key, old) != ok {
		w.failf("want %v", ok)
	}
}

// expectChange tells the model that an operation is about to take out the entry of key, or to find none with a value.
func (w *walk) expectChange(key int, takes bool, reason ttl.Reason) {
	if _, ok := w.live(key); takes || !ok && w.failure(key) == nil {
		w.leaves(key, reason)
	}
}

func (w *walk) testLoadAndDelete(key int) {
	e, ok := w.live(key)
	w.leaves(key, ttl.Deleted)
	value, loaded := w.m.LoadAndDelete(key)
	if loaded != ok || ok && value != e.value {
		w.failf("%d, %v, want %d, %v", value, loaded, e.value, ok)
	}
}

func (w *walk) testCompute(key int) {
	e, ok := w.live(key)
	switch op := []shardmap.Op{shardmap.Keep, shardmap.Set, shardmap.Remove}[w.rng.IntN(3)]; op {
	case shardmap.Keep:
		w.expectChange(key, false, ttl.Expired)
		if value, present, err := w.compute(key, e, ok, op, -1); present != ok || ok && value != e.value || err != nil {
			w.failf("Keep: %d, %v, %v, want %d, %v", value, present, err, e.value, ok)
		}
	case shardmap.Remove:
		w.leaves(key, ttl.Deleted)
		if value, present, err := w.compute(key, e, ok, op, -1); value != 0 || present || err != nil {
			w.failf("Remove: %d, %v, %v", value, present, err)
		}
	case shardmap.Set:
		value := w.newValue()
		room := w.store(key, value, ttl.Lifetime{})
		actual, present, err := w.compute(key, e, ok, op, value)
		if stored := w.checkStored(key, err, room); stored {
			if actual != value || !present {
				w.failf("Set: %d, %v, want %d", actual, present, value)
			}
			w.enters(key, value, ttl.Lifetime{})
		} else if present {
			w.failf("Set: %d, %v though full", actual, present)
		}
	}
}

func (w *walk) testLoadOrCompute(key int) {
	value, l := w.newValue(), w.randomLifetime()
	e, ok := w.live(key)
	cached := w.failure(key)
	var fails error
	if w.rng.IntN(2) == 0 {
		fails = errModel
	}
	room := true
	if !ok && cached == nil {
		if w.leaves(key, ttl.Expired); fails == nil {
			room = w.hasRoom(key)
		}
	}
	got, called, err := w.loadOrCompute(key, value, l, fails)
	switch {
	case ok:
		if called || got != e.value || err != nil {
			w.failf("%d, %v, loader called: %v, want %d", got, err, called, e.value)
		}
		w.used(key)
	case cached != nil && w.policy != ttl.Evict:
		if called || err != cached {
			w.failf("%d, %v, loader called: %v, want %v", got, err, called, cached)
		}
	case cached != nil && !called: // otherwise the error was evicted, of which nobody is told
		if err != cached {
			w.failf("%v, want %v", err, cached)
		}
	case !called:
		w.failf("loader not called")
	case fails != nil:
		if err != fails {
			w.failf("%v, want %v", err, fails)
		}
		w.cacheError(key, l)
	case got != value:
		w.failf("%d, %v, want %d", got, err, value)
	case w.checkStored(key, err, room):
		w.enters(key, value, l)
	}
}

// cacheError tells the model that a loader returned errModel and l.
func (w *walk) cacheError(key int, l ttl.Lifetime) {
	if l == (ttl.Lifetime{}) || !w.hasRoom(key) {
		return
	}
	e := w.entry(0, l)
	w.content[key] = modelEntry{err: errModel, deadline: e.deadline}
}

func (w *walk) testDeleteFunc(int) {
	if w.rng.IntN(10) > 0 {
		return
	}
	part := 2 + w.rng.IntN(4)
	want := 0
	for key, e := range w.content {
		if _, ok := w.live(key); ok && e.value%part == 0 {
			want++
			w.leaves(key, ttl.Deleted)
		}
	}
	if n := w.m.DeleteFunc(func(_, value int) bool { return value%part == 0 }); n != want {
		w.failf("%d, want %d", n, want)
	}
}

// testAll looks at all entries in every way, now and after the clock has moved.
func (w *walk) testAll(int) {
	want := map[int]int{}
	for key := range w.content {
		if e, ok := w.live(key); ok {
			want[key] = e.value
		}
	}
	if got := maps.Collect(w.m.All()); !maps.Equal(got, want) {
		w.failf("All shows %v, want %v", got, want)
	}
	s := w.m.Snapshot()
	for range 2 {
		got := map[int]int{}
		for key, value := range s.All() {
			loaded, ok := s.Load(key)
			if got[key] = value; !ok || loaded != value {
				w.failf("Snapshot.Load(%d) = %d, %v, want %d", key, loaded, ok, value)
			}
		}
		if !maps.Equal(got, want) || s.Len() != len(want) {
			w.failf("the snapshot shows %v, want %v", got, want)
		}
		for key := range w.content {
			if _, ok := s.Load(key); ok != (want[key] != 0) {
				w.failf("Snapshot.Load(%d) says %v", key, ok)
			}
		}
		w.testAdvance(0)
		for key := range want { // somebody finds out, of some, that they have expired
			w.testLoad(key)
			break
		}
		w.checkWanted()
	}
}

func (w *walk) testClear(int) {
	if w.rng.IntN(20) == 0 {
		w.clear()
	}
}
