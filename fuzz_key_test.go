package shardmap_test

import (
	"errors"

	"github.com/shardmap-go/shardmap"
)

// Operations on single keys, and on runs of keys, one after another.

func fuzzRunOperations[K, V comparable]() []fuzzOperation[K, V] {
	return []fuzzOperation[K, V]{
		{"Fill", (*fuzzRun[K, V]).fill},
		{"Drain", (*fuzzRun[K, V]).drain},
		{"Each", (*fuzzRun[K, V]).each},
	}
}

// fill stores a run of keys.
func (r *fuzzRun[K, V]) fill() {
	keys, arg := r.inputRun(), r.in.byte()
	for i, key := range keys {
		r.store(key, arg+i)
	}
}

// drain deletes a run of keys.
func (r *fuzzRun[K, V]) drain() {
	for i, key := range r.inputRun() {
		r.loadAndDelete(key, i)
	}
}

// each does one and the same thing to a run of keys.
func (r *fuzzRun[K, V]) each() {
	op, keys, arg := r.single[r.in.pick(len(r.single))], r.inputRun(), r.in.byte()
	r.trace = append(r.trace, op.name)
	for i, key := range keys {
		op.run(r, key, arg+i)
	}
}

func fuzzKeyOperations[K, V comparable]() []fuzzKeyOperation[K, V] {
	return []fuzzKeyOperation[K, V]{
		{"Load", (*fuzzRun[K, V]).load},
		{"Store", (*fuzzRun[K, V]).store},
		{"LoadOrStore", (*fuzzRun[K, V]).loadOrStore},
		{"LoadAndDelete", (*fuzzRun[K, V]).loadAndDelete},
		{"Delete", (*fuzzRun[K, V]).delete},
		{"Swap", (*fuzzRun[K, V]).swap},
		{"CompareAndSwap", (*fuzzRun[K, V]).compareAndSwap},
		{"CompareAndDelete", (*fuzzRun[K, V]).compareAndDelete},
		{"Compute", (*fuzzRun[K, V]).compute},
		{"ComputeInTheWay", (*fuzzRun[K, V]).computeInTheWay},
		{"LoadOrCompute", (*fuzzRun[K, V]).loadOrCompute},
	}
}

func (r *fuzzRun[K, V]) load(key K, _ byte) {
	want, wantOK := r.model[key]
	got, ok := r.m.Load(key)
	r.check("Load", key, got, ok, want, wantOK)
}

func (r *fuzzRun[K, V]) store(key K, arg byte) {
	r.m.Store(key, r.value(arg))
	r.put(key, r.value(arg))
}

func (r *fuzzRun[K, V]) loadOrStore(key K, arg byte) {
	want, wantOK := r.model[key]
	if !wantOK {
		want = r.value(arg)
		r.put(key, want)
	}
	got, loaded := r.m.LoadOrStore(key, r.value(arg))
	r.check("LoadOrStore", key, got, loaded, want, wantOK)
}

func (r *fuzzRun[K, V]) loadAndDelete(key K, _ byte) {
	want, wantOK := r.model[key]
	r.drop(key)
	got, loaded := r.m.LoadAndDelete(key)
	r.check("LoadAndDelete", key, got, loaded, want, wantOK)
}

func (r *fuzzRun[K, V]) delete(key K, _ byte) {
	r.m.Delete(key)
	r.drop(key)
}

func (r *fuzzRun[K, V]) swap(key K, arg byte) {
	want, wantOK := r.model[key]
	r.put(key, r.value(arg))
	got, loaded := r.m.Swap(key, r.value(arg))
	r.check("Swap", key, got, loaded, want, wantOK)
}

// old returns a value to compare with, half of the time the one that is there, and whether it is.
func (r *fuzzRun[K, V]) old(key K, arg byte) (old V, equal bool) {
	current, present := r.model[key]
	if old = r.value(arg / 2); arg%2 == 0 {
		old = current
	}
	return old, present && current == old
}

func (r *fuzzRun[K, V]) compareAndSwap(key K, arg byte) {
	old, want := r.old(key, arg)
	if want {
		r.put(key, r.value(arg))
	}
	if got := r.m.CompareAndSwap(key, old, r.value(arg)); got != want {
		r.fatalf("CompareAndSwap of %v with %v: %v, want %v", key, old, got, want)
	}
}

func (r *fuzzRun[K, V]) compareAndDelete(key K, arg byte) {
	old, want := r.old(key, arg)
	if want {
		r.drop(key)
	}
	if got := r.m.CompareAndDelete(key, old); got != want {
		r.fatalf("CompareAndDelete of %v with %v: %v, want %v", key, old, got, want)
	}
}

// compute asks for one of the three outcomes, or for one that there is not, or panics.
func (r *fuzzRun[K, V]) compute(key K, arg byte) {
	current, present := r.model[key]
	value, op := r.value(arg), shardmap.Op(arg%5)
	var got V
	var gotOK bool
	panicked := panicOf(func() {
		got, gotOK = r.m.Compute(key, func(old V, loaded bool) (V, shardmap.Op) {
			r.check("Compute's argument", key, old, loaded, current, present)
			if op == 4 {
				panic("on the way")
			}
			return value, op
		})
	})
	var wantPanic any
	want, wantOK := current, present
	switch op {
	case shardmap.Keep:
	case shardmap.Set:
		want, wantOK = value, true
		r.put(key, value)
	case shardmap.Remove:
		want, wantOK = *new(V), false
		r.drop(key)
	default:
		want, wantOK = *new(V), false
		wantPanic = "on the way"
		if op == 3 {
			wantPanic = "shardmap: Compute: Op(3) is none of Keep, Set, Remove"
		}
	}
	r.check("Compute", key, got, gotOK, want, wantOK)
	if panicked != wantPanic {
		r.fatalf("Compute of %v: panic %v, want %v", key, panicked, wantPanic)
	}
}

// computeInTheWay changes the entry while its own Compute looks away. Compute has to look again, except that it may say
// of an entry that was absent at first that it removed it then.
func (r *fuzzRun[K, V]) computeInTheWay(key K, arg byte) {
	remove, calls, stale, last := arg%3 == 0, 0, false, false
	got, gotOK := r.m.Compute(key, func(old V, loaded bool) (V, shardmap.Op) {
		current, present := r.model[key]
		r.check("Compute's argument", key, old, loaded, current, present)
		if calls++; calls == 1 {
			if arg%4 == 0 {
				r.delete(key, arg)
			} else {
				r.store(key, arg+1)
			}
			current, present = r.model[key]
			stale = loaded != present || old != current
		}
		last = loaded
		if remove {
			return old, shardmap.Remove
		}
		return r.value(arg), shardmap.Set
	})
	if calls == 1 && stale && (last || !remove) {
		r.fatalf("Compute of %v did not look again", key)
	}
	if !remove {
		r.put(key, r.value(arg))
		r.check("Compute", key, got, gotOK, r.value(arg), true)
		return
	}
	if last {
		r.drop(key)
	}
	r.check("Compute", key, got, gotOK, *new(V), false)
}

var errNoValue = errors.New("no value")

// loadOrCompute loads a value, or an error, or panics, or finds that somebody else has stored the key meanwhile.
func (r *fuzzRun[K, V]) loadOrCompute(key K, arg byte) {
	want, wantOK := r.model[key]
	present, calls := wantOK, 0
	var got V
	var loaded bool
	var err error
	panicked := panicOf(func() {
		got, loaded, err = r.m.LoadOrCompute(key, func() (V, error) {
			calls++
			switch arg % 4 {
			case 1:
				return r.value(arg), errNoValue
			case 2:
				panic(errNoValue)
			case 3:
				r.store(key, arg+1)
			}
			return r.value(arg), nil
		})
	})
	wantErr, wantPanic, wantCalls := error(nil), any(nil), 0
	if !present {
		wantCalls = 1
		switch arg % 4 {
		case 1:
			wantErr = errNoValue
		case 2:
			wantPanic = errNoValue
		default:
			if want, wantOK = r.model[key]; !wantOK {
				want = r.value(arg)
				r.put(key, want)
			}
		}
	}
	r.check("LoadOrCompute", key, got, loaded, want, wantOK)
	if err != wantErr || panicked != wantPanic || calls != wantCalls {
		r.fatalf("LoadOrCompute of %v: error %v, panic %v, %d loads, want %v, %v, %d",
			key, err, panicked, calls, wantErr, wantPanic, wantCalls)
	}
}

// panicOf returns what f panics with, or nil.
func panicOf(f func()) (value any) {
	defer func() { value = recover() }()
	f()
	return nil
}
