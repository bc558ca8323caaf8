package index

import (
	"fmt"
	"maps"
	"math"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/shardmap-go/shardmap"
)

// What users do wrong, and what then happens. After each case the map has to hold what it held, be in step, and have no
// lock held: a snapshot, which needs them all, would not return.

// requirePanic fails unless f panics with a text that contains want.
func requirePanic(t *testing.T, want string, f func()) {
	t.Helper()
	defer func() {
		t.Helper()
		if got := fmt.Sprint(recover()); !strings.Contains(got, want) {
			t.Fatalf("panic %q, want one with %q", got, want)
		}
	}()
	f()
}

// goexit runs f in a goroutine, which f may exit.
func goexit(f func()) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		f()
	}()
	<-done
}

// A victim is a map with an index whose function does what it is told to.
type victim struct {
	t        *testing.T
	m        Map[int, string]
	byLetter *Index[int, string, string]
	byWhim   *Index[int, string, string]
	whim     func(key int, word string) []string
	content  map[int]string
}

func newVictim(t *testing.T) *victim {
	v := &victim{t: t, content: map[int]string{1: "ab", 2: "bc"}}
	v.byLetter = Add(&v.m, "letter", func(_ int, word string) []string { return strings.Split(word, "") })
	v.whim = func(_ int, word string) []string { return []string{word} }
	v.byWhim = Add(&v.m, "whim", func(key int, word string) []string { return v.whim(key, word) })
	for key, word := range v.content {
		v.m.Store(key, word)
	}
	return v
}

// requireIntact demands that the content is as it was, and that the map can be written.
func (v *victim) requireIntact() {
	v.t.Helper()
	inTime(v.t, "a snapshot", func() {
		s := v.m.Snapshot()
		if got := maps.Collect(s.All()); !maps.Equal(got, v.content) || v.m.Len() != len(got) {
			v.t.Errorf("the map holds %v (Len %d), want %v", got, v.m.Len(), v.content)
		}
		if err := outOfStep(v.content, v.byLetter.fn, v.byLetter.At(s).All()); err != nil {
			v.t.Error(err)
		}
		v.whim = func(int, string) []string { return []string{"fresh"} }
		v.m.Store(100, "fresh")
		if v.byWhim.Len("fresh") != 1 || v.byLetter.Len("r") != 1 {
			v.t.Error("an entry that was stored afterwards is not found")
		}
		v.m.Delete(100)
	})
}

// writes are all ways to have an index function called.
var writes = map[string]func(m *Map[int, string]){
	"Store":          func(m *Map[int, string]) { m.Store(1, "cd") },
	"Store anew":     func(m *Map[int, string]) { m.Store(3, "cd") },
	"Swap":           func(m *Map[int, string]) { m.Swap(1, "cd") },
	"LoadOrStore":    func(m *Map[int, string]) { m.LoadOrStore(3, "cd") },
	"CompareAndSwap": func(m *Map[int, string]) { m.CompareAndSwap(1, "ab", "cd") },
	"Compute": func(m *Map[int, string]) {
		m.Compute(2, func(string, bool) (string, shardmap.Op) { return "cd", shardmap.Set })
	},
	"Replace": func(m *Map[int, string]) { m.Replace(maps.All(map[int]string{1: "cd", 4: "x"})) },
	"Add":     func(m *Map[int, string]) { Add(m, "another", func(int, string) []int { panic("another whim") }) },
}

func TestAnIndexFunctionThatPanicsOrExitsChangesNothing(t *testing.T) {
	for name, write := range writes {
		t.Run(name, func(t *testing.T) {
			v := newVictim(t)
			v.whim = func(int, string) []string { panic("whim") }
			requirePanic(t, "whim", func() { write(&v.m) })
			v.requireIntact()
			v.whim = func(int, string) []string { runtime.Goexit(); return nil }
			goexit(func() {
				defer func() { _ = recover() }() // of the function in Add
				write(&v.m)
				t.Error("the write returned")
			})
			v.requireIntact()
			if got := v.m.Indexes(); !slices.Equal(got, []string{"letter", "whim"}) {
				t.Errorf("the indexes are %q", got)
			}
		})
	}
}

func TestCallbacksThatPanicOrExitChangeNothing(t *testing.T) {
	for name, call := range map[string]func(m *Map[int, string], callback func()){
		"Compute": func(m *Map[int, string], callback func()) {
			m.Compute(1, func(old string, _ bool) (string, shardmap.Op) { callback(); return old, shardmap.Set })
		},
		"DeleteFunc": func(m *Map[int, string], callback func()) {
			m.DeleteFunc(func(int, string) bool { callback(); return true })
		},
		"Range": func(m *Map[int, string], callback func()) {
			m.Range(func(int, string) bool { callback(); return true })
		},
		"Replace": func(m *Map[int, string], callback func()) {
			m.Replace(func(yield func(int, string) bool) { yield(1, "x"); callback() })
		},
	} {
		t.Run(name, func(t *testing.T) {
			v := newVictim(t)
			requirePanic(t, "callback", func() { call(&v.m, func() { panic("callback") }) })
			v.requireIntact()
			goexit(func() { call(&v.m, runtime.Goexit); t.Error("the call returned") })
			v.requireIntact()
		})
	}
}

func TestAnIndexFunctionMayUseTheMap(t *testing.T) {
	v := newVictim(t)
	v.whim = func(key int, word string) []string {
		if key == 50 { // the write from inside comes here, too
			return nil
		}
		v.m.Snapshot()
		v.m.Store(50, "inner "+word)
		previous, _ := v.m.Load(50)
		v.m.Delete(50)
		return []string{previous, fmt.Sprint(v.byLetter.Len("b"))}
	}
	inTime(t, "a write whose index function writes", func() { v.m.Store(3, "cd") })
	if got := slices.Collect(v.byWhim.Get("inner cd").Keys()); !slices.Equal(got, []int{3}) || v.byWhim.Len("2") != 1 {
		t.Errorf("what the function computed finds %v", got)
	}
	v.content[3] = "cd"
	v.requireIntact()
}

func TestAnIndexFunctionThatWritesItsOwnEntryIsAskedAgain(t *testing.T) {
	v := newVictim(t)
	calls := 0
	v.whim = func(key int, word string) []string {
		if calls++; calls == 1 {
			v.m.Store(1, "interfering")
		}
		return []string{word}
	}
	v.m.Store(1, "last")
	v.content[1] = "last"
	if v.byWhim.Len("interfering") != 0 || v.byWhim.Len("last") != 1 || v.byWhim.Len("ab") != 0 {
		t.Errorf("the index has the keys %q", slices.Collect(v.byWhim.Keys()))
	}
	v.requireIntact()
}

func TestAnIndexFunctionThatChangesItsAnswerLeavesNothingBehind(t *testing.T) {
	v := newVictim(t)
	n := 0
	v.whim = func(int, string) []string {
		n++
		return []string{fmt.Sprint(n), fmt.Sprint(-n)}
	}
	for range 100 {
		v.m.Store(1, "ab")
		v.m.Compute(2, func(old string, _ bool) (string, shardmap.Op) { return old, shardmap.Set })
	}
	if got := v.byWhim.NumKeys(); got != 4 {
		t.Errorf("two entries have %d index keys, want 4", got)
	}
	v.requireIntact()
	v.m.Delete(1)
	v.m.Delete(2)
	if got := v.byWhim.NumKeys() + v.byLetter.NumKeys(); got != 0 {
		t.Errorf("no entry has %d index keys", got)
	}
}

func TestTheSliceOfAnIndexFunctionIsCopied(t *testing.T) {
	v := newVictim(t)
	shared := []string{"x", "y", "x", "y"}
	v.whim = func(int, string) []string { return shared }
	v.m.Store(1, "ab")
	shared[0], shared[1], shared[2], shared[3] = "p", "q", "r", "s"
	if got := slices.Sorted(v.byWhim.Keys()); !slices.Equal(got, []string{"bc", "x", "y"}) || v.byWhim.Len("x") != 1 {
		t.Errorf("the index has the keys %q", got)
	}
	v.m.Delete(1)
	if got := slices.Collect(v.byWhim.Keys()); !slices.Equal(got, []string{"bc"}) {
		t.Errorf("after the deletion the index has the keys %q", got)
	}
}

func TestBadCallsOfAddPanicAndChangeNothing(t *testing.T) {
	v := newVictim(t)
	requirePanic(t, `index: Add "bad": nil index function`, func() { Add[int, string, int](&v.m, "bad", nil) })
	requirePanic(t, `index: Add "letter": there is an index of that name`, func() {
		Add(&v.m, "letter", func(int, string) []int { return []int{1} })
	})
	v.requireIntact()
}

func TestADroppedIndexPanicsAndItsSnapshotsStay(t *testing.T) {
	v := newVictim(t)
	s := v.m.Snapshot()
	set := v.byWhim.Get("ab")
	v.byWhim.Drop()
	v.byWhim.Drop()
	const want = `index: use of index "whim": it was dropped`
	for name, use := range map[string]func(){
		"Get":       func() { v.byWhim.Get("ab") },
		"Len":       func() { v.byWhim.Len("ab") },
		"NumKeys":   func() { v.byWhim.NumKeys() },
		"Keys":      func() { _ = slices.Collect(v.byWhim.Keys()) },
		"All":       func() { _ = maps.Collect(v.byWhim.All()) },
		"DeleteAll": func() { v.byWhim.DeleteAll("ab") },
	} {
		t.Run(name, func(t *testing.T) { requirePanic(t, want, use) })
	}
	requirePanic(t, `index: At: index "whim": not in the snapshot`, func() { v.byWhim.At(v.m.Snapshot()) })
	requirePanic(t, `not in the snapshot`, func() { v.byWhim.At(new(Snapshot[int, string])) })
	if v.byWhim.Name() != "whim" || v.byWhim.At(s).Len("ab") != 1 || set.Len() != 1 {
		t.Error("what was read before the drop has changed")
	}
	v.byWhim = Add(&v.m, "whim", func(key int, word string) []string { return v.whim(key, word) })
	v.requireIntact()
}

// TestASnapshotDoesNotHaveAnIndexThatWasBeingBuilt takes one from inside Add, by way of the index function.
func TestASnapshotDoesNotHaveAnIndexThatWasBeingBuilt(t *testing.T) {
	v := newVictim(t)
	var during *Snapshot[int, string]
	ix := Add(&v.m, "late", func(int, string) []int {
		during = v.m.Snapshot()
		return []int{1}
	})
	requirePanic(t, `index: At: index "late": not in the snapshot`, func() { ix.At(during) })
	if s := v.m.Snapshot(); ix.At(s).Len(1) != 2 || v.byWhim.At(during).Len("ab") != 1 {
		t.Errorf("an index that was added to 2 entries finds %d", ix.Len(1))
	}
	v.requireIntact()
}

// TestReplaceSeesIndexesThatComeAndGoMeanwhile has them come and go from inside its sequence.
func TestReplaceSeesIndexesThatComeAndGoMeanwhile(t *testing.T) {
	v := newVictim(t)
	var ix *Index[int, string, int]
	v.m.Replace(func(yield func(int, string) bool) {
		yield(1, "ab")
		ix = Add(&v.m, "late", func(int, string) []int { return []int{1} })
		v.byWhim.Drop()
		yield(2, "bc")
	})
	if got := v.m.Indexes(); !slices.Equal(got, []string{"letter", "late"}) || ix.Len(1) != 2 {
		t.Errorf("of the indexes %q the late one finds %d entries, want 2", got, ix.Len(1))
	}
	requirePanic(t, "it was dropped", func() { v.byWhim.Get("ab") })
	v.byWhim = Add(&v.m, "whim", func(key int, word string) []string { return v.whim(key, word) })
	v.requireIntact()
}

func TestKeysThatCannotBeComparedOrFoundPanicAndChangeNothing(t *testing.T) {
	var m Map[any, any]
	ix := Add(&m, "value", func(_, value any) []any { return []any{value} })
	m.Store("a", 1)
	bad := []int{1}
	for name, use := range map[string]func(){
		"Store":               func() { m.Store(bad, 1) },
		"Load":                func() { m.Load(bad) },
		"Load of an empty":    func() { new(Map[any, any]).Load(bad) },
		"Delete":              func() { m.Delete(bad) },
		"Store of a bad key":  func() { m.Store("b", bad) }, // for the index key
		"Get":                 func() { ix.Get(bad) },
		"Set.Load":            func() { ix.Get(1).Load(bad) },
		"Replace":             func() { m.Replace(maps.All(map[any]any{"b": bad})) },
		"two bad index keys":  func() { Add(&m, "two", func(any, any) []any { return []any{1, bad, bad} }) },
		"many bad index keys": func() { Add(&m, "many", func(any, any) []any { return append(make([]any, 20), bad) }) },
	} {
		t.Run(name, func(t *testing.T) { requirePanic(t, "[]int", use) })
	}
	nan := math.NaN()
	for name, use := range map[string]func(){
		"Store":       func() { m.Store(nan, 1) },
		"LoadOrStore": func() { m.LoadOrStore(nan, 1) },
		"Replace":     func() { m.Replace(maps.All(map[any]any{nan: 1})) },
	} {
		t.Run("NaN/"+name, func(t *testing.T) { requirePanic(t, "index: key NaN: not equal to itself", use) })
	}
	if _, ok := m.Load(nan); ok || m.CompareAndDelete(nan, 1) {
		t.Error("a NaN is found")
	}
	m.Delete(nan)
	m.Store("b", nan) // found by no index key
	if m.Len() != 2 || ix.NumKeys() != 1 || ix.Len(nan) != 0 || len(m.Indexes()) != 1 || m.Snapshot().Len() != 2 {
		t.Errorf("the map has %d entries and %d index keys", m.Len(), ix.NumKeys())
	}
}

func TestBadOldValuesAndOpsPanicAndChangeNothing(t *testing.T) {
	var m Map[string, any]
	m.Store("a", 1)
	requirePanic(t, "index: CompareAndSwap: old value of type []int is not comparable", func() { m.CompareAndSwap("a", []int{1}, 2) })
	requirePanic(t, "index: CompareAndDelete: old value of type []int is not comparable", func() { m.CompareAndDelete("b", []int{1}) })
	requirePanic(t, "index: Compute: Op(77) is none of Keep, Set, Remove", func() {
		m.Compute("a", func(any, bool) (any, shardmap.Op) { return 1, 77 })
	})
	m.Store("a", []int{1})
	if m.CompareAndSwap("a", 1, 2) || m.Snapshot().Len() != 1 {
		t.Error("a value that is not comparable was taken for 1")
	}
}

func TestZeroValues(t *testing.T) {
	var m Map[string, int]
	if _, ok := m.Load("a"); ok || m.Len() != 0 || len(m.Indexes()) != 0 || m.CompareAndDelete("a", 0) {
		t.Error("the zero Map is not empty")
	}
	m.Clear()
	m.Delete("a")
	if old := m.Replace(maps.All(map[string]int{"a": 0})); old.Len() != 0 || m.Len() != 1 {
		t.Error("Replace in the zero Map")
	}
	var s Snapshot[string, int]
	var set Set[string, int]
	var view View[string, int, bool]
	_, inSnapshot := s.Load("a")
	_, inSet := set.Load("a")
	n := s.Len() + set.Len() + view.NumKeys() + view.Len(true) + len(maps.Collect(s.All())) + len(maps.Collect(view.All()))
	if n != 0 || inSnapshot || inSet || len(maps.Collect(m.Snapshot().Diff(nil))) != 1 {
		t.Error("the zero Snapshot, Set and View are not empty")
	}
	value, ok := m.LoadAndDelete("a")
	if value != 0 || !ok || New[string, int]().Len() != 0 {
		t.Error("a stored zero value is not present")
	}
}
