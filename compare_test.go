package shardmap

import (
	"fmt"
	"math"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// pairOf has a field before the one that may not be comparable.
type pairOf struct {
	first  any
	second any
}

func TestEqualIsGoEquality(t *testing.T) {
	p, q := new(int), new(int)
	assert.True(t, equal(p, p))
	assert.False(t, equal(p, q), "pointers are compared, not what they point to")
	assert.True(t, equal("ab", fmt.Sprint("a", "b")))
	assert.False(t, equal(math.NaN(), math.NaN()))
	assert.True(t, equal(0.0, math.Copysign(0, -1)))
	assert.True(t, equal[any](nil, nil))
	assert.False(t, equal[any](nil, (*int)(nil)), "a nil interface is not an interface that holds nil")
	assert.False(t, equal[any](1, int64(1)), "the dynamic type counts")
	assert.True(t, equal[error](assert.AnError, assert.AnError))
	assert.False(t, equal[any]([]int{}, 1), "values of different types can always be compared")
}

func TestMustBeComparablePanicsExactlyIfEqualityDoes(t *testing.T) {
	comparable := func(f func()) { t.Helper(); assert.NotPanics(t, f) }
	comparable(func() { mustBeComparable("M", 1) })
	comparable(func() { mustBeComparable("M", "s") })
	comparable(func() { mustBeComparable("M", math.NaN()) })
	comparable(func() { mustBeComparable[any]("M", nil) })
	comparable(func() { mustBeComparable[error]("M", nil) })
	comparable(func() { mustBeComparable("M", &[]int{}) })
	comparable(func() { mustBeComparable("M", pairOf{1, "x"}) })
	comparable(func() { mustBeComparable("M", [2]any{1, nil}) })

	message := func(typ string, f func()) {
		t.Helper()
		assert.PanicsWithValue(t, "shardmap: CompareAndSwap: old value of type "+typ+" is not comparable", f)
	}
	const method = "CompareAndSwap"
	message("[]int", func() { mustBeComparable(method, []int(nil)) })
	message("map[string]int", func() { mustBeComparable(method, map[string]int{}) })
	message("func()", func() { mustBeComparable(method, func() {}) })
	message("struct { s []int }", func() { mustBeComparable(method, struct{ s []int }{}) })
	message("[]int", func() { mustBeComparable[any](method, []int{1}) })
	message("shardmap.pairOf", func() { mustBeComparable(method, pairOf{1, []int{}}) })
	message("[2]interface {}", func() { mustBeComparable(method, [2]any{1, []int{}}) })
}

// The method would otherwise panic in the middle of its work, while it compares.
func TestWhatPassesMustBeComparableCanBeComparedWithAnything(t *testing.T) {
	values := []pairOf{
		{nil, nil}, {1, nil}, {1, []int{}}, {math.NaN(), []int{}}, {[]int{}, math.NaN()},
		{[]int{}, 1}, {func() {}, nil}, {pairOf{1, []int{}}, 1}, {"x", map[int]int{}}, {1, 2},
		{math.NaN(), func() {}}, {pairOf{math.NaN(), []int{}}, []int{}},
	}
	passed := 0
	for _, old := range values {
		if !isComparable(old) {
			continue
		}
		passed++
		for _, x := range values {
			assert.NotPanics(t, func() { equal(old, x); equal(x, old) }, "%v == %v", old, x)
		}
	}
	require.Greater(t, passed, 3)
	require.Less(t, passed, len(values))
}

func TestComparingDoesNotAllocate(t *testing.T) {
	type large struct{ words [5]int }
	a, b := large{[5]int{1}}, large{[5]int{1}}
	var i, j any = a, b
	s := "string"
	assert.Zero(t, testing.AllocsPerRun(100, func() {
		mustBeComparable("M", a)
		mustBeComparable("M", i)
		mustBeComparable("M", s)
		mustBeComparable("M", &s)
		equal(a, b)
		equal(i, j)
		equal(s, "other!")
		sameBits(&a, &b)
	}))
}

func TestSameBitsTellsApartWhateverCodeCouldTellApart(t *testing.T) {
	same := func(a, b bool, what string) { t.Helper(); assert.Equal(t, a, b, what) }

	slice := make([]int, 2, 4)
	longer, moved := slice[:3], []int{0, 0}
	same(true, sameBits(&slice, &slice), "the same slice")
	same(false, sameBits(&slice, &longer), "another length")
	same(false, sameBits(&slice, &moved), "another array with the same content")

	nan, nan2, zero, negative := math.NaN(), math.Float64frombits(math.Float64bits(math.NaN())^1), 0.0, math.Copysign(0, -1)
	same(true, sameBits(&nan, &nan), "one NaN")
	same(false, sameBits(&nan, &nan2), "another NaN")
	same(false, sameBits(&zero, &negative), "-0 and +0")

	f, g := func() int { return len(slice) }, func() int { return len(moved) }
	same(true, sameBits(&f, &f), "one function")
	same(false, sameBits(&f, &g), "two functions")

	var empty1, empty2 struct{}
	same(true, sameBits(&empty1, &empty2), "no bits at all")

	var i, j any = []int{1}, 7
	same(true, sameBits(&i, &i), "an interface that holds what is not comparable")
	same(false, sameBits(&i, &j), "another dynamic type")
}
