package shardmapprom

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"reflect"
	"testing"

	"github.com/shardmap-go/shardmap"
)

// Twins are a wrapped map and its oracle, to both of which the same is done. What must be counted follows from the
// results of the oracle, not from those of the wrapper.
type twins struct {
	t      *testing.T
	rng    *rand.Rand
	m      *Map[int, int]
	oracle shardmap.RWMap[int, int]
	want   map[string]float64
}

func (w *twins) count(operation, result string) { w.want[operationSeries(operation, result)]++ }

// found counts an operation that found its key or not, and handed out the value.
func (w *twins) found(operation string, value int, ok bool) {
	w.hit(operation, ok)
	if ok && value == 0 {
		w.want[zeroSeries(operation)]++
	}
}

func (w *twins) hit(operation string, ok bool) {
	if ok {
		w.count(operation, "hit")
	} else {
		w.count(operation, "miss")
	}
}

func (w *twins) same(what string, got, want any) {
	w.t.Helper()
	if !reflect.DeepEqual(got, want) {
		w.t.Fatalf("%s: %v, want %v", what, got, want)
	}
}

type result struct {
	value int
	ok    bool
	err   error
}

var errLoad = errors.New("load failed")

var steps = []func(w *twins, key, value int){
	func(w *twins, key, _ int) {
		v, ok := w.oracle.Load(key)
		w.found("load", v, ok)
		got, gotOK := w.m.Load(key)
		w.same("Load", result{got, gotOK, nil}, result{v, ok, nil})
	},
	func(w *twins, key, value int) {
		w.oracle.Store(key, value)
		w.count("store", "ok")
		w.m.Store(key, value)
	},
	func(w *twins, key, value int) {
		v, ok := w.oracle.LoadOrStore(key, value)
		w.found("load_or_store", v, ok)
		got, gotOK := w.m.LoadOrStore(key, value)
		w.same("LoadOrStore", result{got, gotOK, nil}, result{v, ok, nil})
	},
	func(w *twins, key, _ int) {
		v, ok := w.oracle.LoadAndDelete(key)
		w.found("load_and_delete", v, ok)
		got, gotOK := w.m.LoadAndDelete(key)
		w.same("LoadAndDelete", result{got, gotOK, nil}, result{v, ok, nil})
	},
	func(w *twins, key, _ int) {
		_, ok := w.oracle.Load(key)
		w.oracle.Delete(key)
		w.hit("delete", ok)
		w.m.Delete(key)
	},
	func(w *twins, key, value int) {
		v, ok := w.oracle.Swap(key, value)
		w.found("swap", v, ok)
		got, gotOK := w.m.Swap(key, value)
		w.same("Swap", result{got, gotOK, nil}, result{v, ok, nil})
	},
	func(w *twins, key, value int) {
		ok := w.oracle.CompareAndSwap(key, value, value+1)
		w.hit("compare_and_swap", ok)
		w.same("CompareAndSwap", w.m.CompareAndSwap(key, value, value+1), ok)
	},
	func(w *twins, key, value int) {
		ok := w.oracle.CompareAndDelete(key, value)
		w.hit("compare_and_delete", ok)
		w.same("CompareAndDelete", w.m.CompareAndDelete(key, value), ok)
	},
	func(w *twins, key, value int) {
		fn := func(old int, _ bool) (int, shardmap.Op) { return old - value, shardmap.Op(value % 3) }
		old, loaded := w.oracle.Load(key)
		w.found("compute", old, loaded)
		v, ok := w.oracle.Compute(key, fn)
		got, gotOK := w.m.Compute(key, fn)
		w.same("Compute", result{got, gotOK, nil}, result{v, ok, nil})
	},
	func(w *twins, key, value int) {
		load := func() (int, error) {
			if value == 1 {
				return 0, errLoad
			}
			return value, nil
		}
		v, ok, err := w.oracle.LoadOrCompute(key, load)
		if err != nil {
			w.count("load_or_compute", "error")
		} else {
			w.found("load_or_compute", v, ok)
		}
		got, gotOK, gotErr := w.m.LoadOrCompute(key, load)
		w.same("LoadOrCompute", result{got, gotOK, gotErr}, result{v, ok, err})
	},
	func(w *twins, _, value int) {
		w.count("range", "ok")
		left := value
		w.m.Range(func(int, int) bool { left--; return left >= 0 })
	},
	func(w *twins, _, value int) {
		w.count("range", "ok")
		got := make(map[int]int)
		for k, v := range w.m.All() {
			got[k] = v
		}
		w.same("All", got, w.oracle.ToMap())
	},
	func(w *twins, _, value int) {
		w.count("range", "ok")
		w.count("range", "ok")
		keys, sum, values := w.m.Keys(), 0, 0
		for range keys {
			break
		}
		for v := range w.m.Values() {
			sum += v
		}
		for v := range w.oracle.Values() {
			values += v
		}
		w.same("Values", sum, values)
	},
	func(w *twins, _, value int) {
		pred := func(k, v int) bool { return v == value && k%2 == 0 }
		w.count("delete_func", "ok")
		w.same("DeleteFunc", w.m.DeleteFunc(pred), w.oracle.DeleteFunc(pred))
	},
	func(w *twins, key, _ int) {
		if key != 0 {
			return // not so often
		}
		w.count("clear", "ok")
		w.oracle.Clear()
		w.m.Clear()
	},
	func(w *twins, _, _ int) {
		w.count("snapshot", "ok")
		w.count("clone", "ok")
		w.count("shrink", "ok")
		w.same("Snapshot", w.m.Snapshot().ToMap(), w.oracle.ToMap())
		w.same("Clone", w.m.Clone().Snapshot().ToMap(), w.oracle.ToMap())
		w.m.Shrink()
	},
	func(w *twins, key, value int) {
		w.count("replace", "ok")
		before := w.oracle.ToMap()
		w.oracle.Store(key, value)
		w.same("Replace", w.m.Replace(w.oracle.All()).ToMap(), before)
	},
	func(w *twins, _, _ int) {
		w.same("Len", w.m.Len(), w.oracle.Len())
		w.same("Stats", w.m.Stats().Entries, w.oracle.Len())
		data, err := w.m.MarshalJSON()
		w.same("MarshalJSON", err, nil)
		w.same("UnmarshalJSON", w.m.UnmarshalJSON(data), nil)
		w.same("String", w.m.String(), w.m.Unwrap().String())
		w.same("GoString", w.m.GoString(), fmt.Sprintf("%#v", w.m.Unwrap()))
	},
}

// Whatever is done, the wrapper does what the map does, and counts what the oracle says.
func TestEveryOperationActsAsOnTheBareMapAndIsCountedOnceUnderItsResult(t *testing.T) {
	seed := testSeed(t)
	for round := range uint64(40) {
		rng := rand.New(rand.NewPCG(seed, round))
		sampling := []int{0, 1, 2, 64}[round%4]
		w := &twins{t: t, rng: rng, want: make(map[string]float64),
			m: Instrument(new(shardmap.Map[int, int]), WithSampling(sampling))}
		_, registry := registered(t, w.m)
		for range 1000 {
			steps[rng.IntN(len(steps))](w, rng.IntN(10), rng.IntN(4))
		}
		got := gathered(t, registry)
		checkCounts(t, got, w.want)
		for o, kind := range kinds {
			measured, done := 0.0, 0.0
			for _, result := range []string{"miss", "hit", "ok", "error", "panic"} {
				measured += got[durationSeries(kind.name, result)]
				done += got[operationSeries(kind.name, result)]
			}
			switch whole := operation(o).onWholeMap(); {
			case sampling == 0 && measured != 0,
				(sampling == 1 || sampling > 1 && whole) && measured != done,
				!whole && sampling > 1 && (measured > done/float64(sampling) || measured < done/float64(sampling)-float64(4*len(w.m.ops.stripes))):
				t.Errorf("sampling %d, %s: %v of %v operations were measured", sampling, kind.name, measured, done)
			}
		}
		if t.Failed() {
			t.Fatalf("round %d (SHARDMAP_SEED=%d)", round, seed)
		}
	}
}

// A panic or Goexit of a callback reaches the caller, is counted once, leaves the map usable and no entry changed.
func TestAnInterruptedCallbackPassesThroughAndIsCountedOnce(t *testing.T) {
	for how, interrupt := range interruptions {
		calls := map[string]func(m *Map[int, int]){
			"compute": func(m *Map[int, int]) {
				m.Compute(1, func(int, bool) (int, shardmap.Op) { interrupt(); return 2, shardmap.Set })
			},
			"load_or_compute": func(m *Map[int, int]) {
				_, _, _ = m.LoadOrCompute(2, func() (int, error) { interrupt(); return 2, nil })
			},
			"range":       func(m *Map[int, int]) { m.Range(func(int, int) bool { interrupt(); return true }) },
			"delete_func": func(m *Map[int, int]) { m.DeleteFunc(func(int, int) bool { interrupt(); return true }) },
			"replace":     func(m *Map[int, int]) { m.Replace(func(func(int, int) bool) { interrupt() }) },
		}
		loops := map[string]func(m *Map[int, int]){
			"all":    func(m *Map[int, int]) { m.All()(func(int, int) bool { interrupt(); return true }) },
			"keys":   func(m *Map[int, int]) { m.Keys()(func(int) bool { interrupt(); return true }) },
			"values": func(m *Map[int, int]) { m.Values()(func(int) bool { interrupt(); return true }) },
		}
		check := func(name, operation string, call func(m *Map[int, int])) {
			t.Run(how+"/"+name, func(t *testing.T) {
				m := Instrument(new(shardmap.Map[int, int]), WithSampling(1))
				m.Unwrap().Store(1, 1)
				_, registry := registered(t, m)
				value := interrupted(func() { call(m) })
				if want := map[string]any{"panic": "interrupted", "goexit": nil}[how]; value != want {
					t.Errorf("the caller saw the panic %v, want %v", value, want)
				}
				got := gathered(t, registry)
				checkCounts(t, got, map[string]float64{operationSeries(operation, "panic"): 1})
				if n := got[durationSeries(operation, "panic")]; n != 1 {
					t.Errorf("it was measured %v times, want 1", n)
				}
				if now := m.Snapshot().ToMap(); !reflect.DeepEqual(now, map[int]int{1: 1}) {
					t.Errorf("the map holds %v afterwards", now)
				}
			})
		}
		for name, call := range calls {
			check(name, name, call)
		}
		for name, call := range loops {
			check(name, "range", call)
		}
	}
}

// Callbacks may use the wrapper; each operation is counted for itself.
func TestCallbacksMayUseTheMap(t *testing.T) {
	m := Instrument(new(shardmap.Map[int, int]), WithSampling(1))
	_, registry := registered(t, m)
	m.Store(1, 1)
	m.Compute(1, func(old int, _ bool) (int, shardmap.Op) {
		m.Range(func(k, v int) bool { m.Load(k); return true })
		_ = gathered(t, registry)
		return old, shardmap.Keep
	})
	checkCounts(t, gathered(t, registry), map[string]float64{
		operationSeries("store", "ok"): 1, operationSeries("compute", "hit"): 1,
		operationSeries("range", "ok"): 1, operationSeries("load", "hit"): 1,
	})
}

// A panic that is not a callback's, such as that about a key that cannot be compared, is not an operation.
func TestACallThatIsRefusedIsNotCounted(t *testing.T) {
	m := Instrument(new(shardmap.Map[any, any]))
	_, registry := registered(t, m)
	for name, call := range map[string]func(){
		"Load":             func() { m.Load([]int{}) },
		"Store":            func() { m.Store([]int{}, 1) },
		"CompareAndSwap":   func() { m.CompareAndSwap(1, []int{}, 1) },
		"CompareAndDelete": func() { m.CompareAndDelete(1, []int{}) },
	} {
		if interrupted(call) == nil {
			t.Errorf("%s of what cannot be compared did not panic", name)
		}
	}
	checkCounts(t, gathered(t, registry), nil)
}

// A method that the map gains must be wrapped, or else wrapped maps would be poorer.
func TestTheWrapperHasEveryMethodOfTheMapWithTheSameSignature(t *testing.T) {
	bare, wrapped := reflect.TypeFor[*shardmap.Map[string, int]](), reflect.TypeFor[*Map[string, int]]()
	for i := range bare.NumMethod() {
		want := bare.Method(i)
		got, ok := wrapped.MethodByName(want.Name)
		if !ok {
			t.Errorf("the wrapper has no method %s", want.Name)
			continue
		}
		if signature(got) != signature(want) {
			t.Errorf("%s is %s, want %s", want.Name, signature(got), signature(want))
		}
	}
}

// signature returns the types of a method's parameters, but the receiver, and results.
func signature(m reflect.Method) string {
	var in, out []reflect.Type
	for i := 1; i < m.Type.NumIn(); i++ {
		in = append(in, m.Type.In(i))
	}
	for i := range m.Type.NumOut() {
		out = append(out, m.Type.Out(i))
	}
	return reflect.FuncOf(in, out, m.Type.IsVariadic()).String()
}

func TestInstrumentRefusesNilAndBadOptions(t *testing.T) {
	for want, call := range map[string]func(){
		"shardmapprom: Instrument *shardmap.Map[int,int](nil): there is no map to wrap": func() { Instrument[int, int](nil) },
		"shardmapprom: WithSampling -1: must be in 0 to 2^30":                           func() { Instrument(new(shardmap.Map[int, int]), WithSampling(-1)) },
		"shardmapprom: WithBuckets [2 1]: bound 1 is not above the one before it":       func() { Instrument(new(shardmap.Map[int, int]), WithBuckets(2, 1)) },
	} {
		if got := interrupted(call); got != want {
			t.Errorf("panic %v, want %s", got, want)
		}
	}
}
