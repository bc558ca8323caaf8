package shardmapprom

import (
	"errors"
	"math"
	"testing"
	"unsafe"

	"github.com/shardmap-go/shardmap"
)

type phase string

type comparableStruct struct {
	name  string
	_     byte
	ratio float64
	any   any
}

type uncomparableStruct struct {
	n    int
	list []int
}

// checkZero checks that the test for zero values agrees with what the value is, and that a read allocates nothing.
func checkZero[V any](t *testing.T, value V, want bool) {
	t.Helper()
	m := Instrument(new(shardmap.Map[int, V]))
	m.Store(1, value)
	_, registry := registered(t, m)
	v, _ := m.Load(1)
	if got := gathered(t, registry)[zeroSeries("load")] == 1; got != want {
		t.Errorf("%T %v is a zero value: %v, want %v", value, v, got, want)
	}
	if n := testing.AllocsPerRun(200, func() { m.Load(1) }); n != 0 {
		t.Errorf("a Load of %T %v allocates %v times", value, v, n)
	}
}

func TestAZeroValueIsWhatEqualsTheZeroValueWhateverTheType(t *testing.T) {
	checkZero(t, 0, true)
	checkZero(t, -1, false)
	checkZero(t, int8(0), true)
	checkZero(t, int8(1), false)
	checkZero(t, int64(1)<<32, false)
	checkZero(t, uint64(1)<<63, false)
	checkZero(t, false, true)
	checkZero(t, true, false)
	checkZero(t, 0.0, true)
	checkZero(t, math.Copysign(0, -1), true)
	checkZero(t, math.NaN(), false)
	checkZero(t, complex(0, 1), false)
	checkZero(t, "", true)
	checkZero(t, "x"[1:], true)
	checkZero(t, phase(""), true)
	checkZero(t, phase("x"), false)
	checkZero(t, (*int)(nil), true)
	checkZero(t, new(int), false)
	checkZero(t, unsafe.Pointer(nil), true)
	checkZero(t, map[int]int(nil), true)
	checkZero(t, map[int]int{}, false)
	checkZero(t, []int(nil), true)
	checkZero(t, []int{}, false)
	checkZero(t, make([]int, 1)[1:], false)
	checkZero(t, (func())(nil), true)
	checkZero(t, func() {}, false)
	checkZero(t, (chan int)(nil), true)
	checkZero[any](t, nil, true)
	checkZero[any](t, 0, false)
	checkZero[any](t, (*int)(nil), false)
	checkZero[any](t, []int{1}, false)
	checkZero[error](t, nil, true)
	checkZero(t, errors.New("x"), false)
	checkZero(t, struct{}{}, true)
	checkZero(t, [3]int{}, true)
	checkZero(t, [3]int{2: 1}, false)
	checkZero(t, comparableStruct{}, true)
	checkZero(t, comparableStruct{ratio: math.Copysign(0, -1)}, true)
	checkZero(t, comparableStruct{name: "x"}, false)
	checkZero(t, comparableStruct{any: []int{}}, false)
	checkZero(t, uncomparableStruct{}, true)
	checkZero(t, uncomparableStruct{n: 1}, false)
	checkZero(t, uncomparableStruct{list: []int{}}, false)
	checkZero(t, [2][]int{}, true)
	checkZero(t, [2][]int{1: {}}, false)
}

func TestCountingAllocatesNothing(t *testing.T) {
	m, o := Instrument(new(shardmap.Map[string, *int])), new(int)
	m.Store("key", o)
	for name, call := range map[string]func(){
		"Load": func() { m.Load("key") }, "a miss": func() { m.Load("other") }, "Store": func() { m.Store("key", o) },
		"Swap": func() { m.Swap("key", o) }, "LoadOrStore": func() { m.LoadOrStore("key", o) },
		"CompareAndSwap": func() { m.CompareAndSwap("key", o, o) },
		"Compute":        func() { m.Compute("key", func(o *int, _ bool) (*int, shardmap.Op) { return o, shardmap.Set }) },
		"LoadOrCompute":  func() { _, _, _ = m.LoadOrCompute("key", func() (*int, error) { return nil, nil }) },
		"Range":          func() { m.Range(func(string, *int) bool { return true }) },
	} {
		call() // the first operation that is measured makes a histogram
		if n := testing.AllocsPerRun(1000, call); n != 0 {
			t.Errorf("%s allocates %v times", name, n)
		}
	}
}
