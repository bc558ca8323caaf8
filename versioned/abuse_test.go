package versioned_test

import (
	"fmt"
	"math"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/shardmap-go/shardmap/versioned"
)

// panicOf returns what f panics with, as text, or the empty string.
func panicOf(f func()) (text string) {
	defer func() {
		if r := recover(); r != nil {
			text = fmt.Sprint(r)
		}
	}()
	f()
	return ""
}

func TestBadOptionsAndFunctionsPanicWithTheirValue(t *testing.T) {
	for want, f := range map[string]func(){
		"versioned: WithTombstones(-1): ":    func() { versioned.New[int, int, int](versioned.WithTombstones(-1)) },
		"versioned: WithTombstoneAge(0s): ":  func() { versioned.New[int, int, int](versioned.WithTombstoneAge(0)) },
		"versioned: WithTombstoneAge(-1s): ": func() { versioned.New[int, int, int](versioned.WithTombstoneAge(-time.Second)) },
		"versioned: WithClock(nil): ":        func() { versioned.New[int, int, int](versioned.WithClock(nil)) },
		"versioned: NewFunc(nil): ":          func() { versioned.NewFunc[int, int, int](nil) },
	} {
		if got := panicOf(f); !strings.HasPrefix(got, want) {
			t.Errorf("panic %q, want %q…", got, want)
		}
	}
}

func TestTheZeroMapIsEmptyAndRefusesWriters(t *testing.T) {
	var m versioned.Map[string, int, int]
	if _, ok := m.Load("a"); ok || m.Len() != 0 || m.Tombstones() != 0 || m.Prune() != 0 || m.PruneThrough(1) != 0 {
		t.Error("the zero map is not empty")
	}
	for range m.All() {
		t.Error("the zero map shows something")
	}
	m.Forget("a")
	m.Clear()
	if s := m.Snapshot(); s.Len() != 0 {
		t.Error("the snapshot of the zero map is not empty")
	}
	for method, f := range map[string]func(){
		"Observe":          func() { m.Observe("a", 1, 1) },
		"ObserveFunc":      func() { m.ObserveFunc("a", 1, func(int, bool) int { return 1 }) },
		"DeleteAt":         func() { m.DeleteAt("a", 1) },
		"CompareAndDelete": func() { m.CompareAndDelete("a", 1) },
	} {
		if got := panicOf(f); !strings.HasPrefix(got, "versioned: "+method+" of a zero Map: ") {
			t.Errorf("%s panics with %q", method, got)
		}
	}
	var s versioned.Snapshot[string, int, int]
	if _, _, ok := s.LoadVersion("a"); ok || s.Len() != 0 {
		t.Error("the zero snapshot is not empty")
	}
	for range s.Diff(nil) {
		t.Error("the zero snapshot differs from nothing")
	}
}

func TestKeysThatCannotBeFoundAreRefused(t *testing.T) {
	m := versioned.New[any, int, int]()
	for _, key := range []any{math.NaN(), [2]any{1, math.NaN()}, []int{1}, struct{ x any }{func() {}}} {
		for method, f := range map[string]func(){
			"Observe":          func() { m.Observe(key, 1, 1) },
			"ObserveFunc":      func() { m.ObserveFunc(key, 1, func(int, bool) int { return 1 }) },
			"DeleteAt":         func() { m.DeleteAt(key, 1) },
			"CompareAndDelete": func() { m.CompareAndDelete(key, 1) },
		} {
			if panicOf(f) == "" {
				t.Errorf("%s of key %v does not panic", method, key)
			}
		}
	}
	if m.Len() != 0 || m.Tombstones() != 0 {
		t.Error("something was stored")
	}
	if got := panicOf(func() { m.DeleteAt(math.NaN(), 1) }); got != "versioned: DeleteAt of key NaN: it is not equal to itself" {
		t.Errorf("panic %q", got)
	}
}

// A callback fails in one of these ways.
var failures = map[string]func(){
	"panic":  func() { panic("as ordered") },
	"Goexit": runtime.Goexit,
}

// survive runs f, which panics or exits, in a goroutine of its own.
func survive(f func()) {
	var group sync.WaitGroup
	group.Go(func() {
		defer func() { _ = recover() }()
		f()
	})
	group.Wait()
}

func TestCallbacksThatFailChangeNothing(t *testing.T) {
	for name, fail := range failures {
		t.Run(name, func(t *testing.T) {
			failing := false
			compare := func(a, b int) int {
				if failing {
					fail()
				}
				return a - b
			}
			clock := func() time.Time {
				if failing {
					fail()
				}
				return time.Unix(1e9, 0)
			}
			m := versioned.NewFunc[string, int](compare, versioned.WithTombstoneAge(time.Hour), versioned.WithClock(clock))
			m.Observe("a", 5, 5)
			m.DeleteAt("b", 5)
			for _, key := range []string{"a", "b", "c"} {
				failing = true
				survive(func() { m.ObserveFunc(key, 9, func(int, bool) int { fail(); return 9 }) })
				survive(func() { m.DeleteAt(key, 9) })
				survive(func() { m.CompareAndDelete(key, 5) })
				survive(func() { m.PruneThrough(9) })
				survive(func() { m.Prune() })
				if key != "c" { // for which there is nothing to compare with
					survive(func() { m.Observe(key, 9, 9) })
				}
				survive(func() {
					for range m.All() {
						fail()
					}
				})
				failing = false
				if value, version, ok := m.LoadVersion("a"); value != 5 || version != 5 || !ok || m.Len() != 1 || m.Tombstones() != 1 {
					t.Fatalf("after failures at %s: a is %d at %d, %v; Len %d, %d tombstones", key, value, version, ok, m.Len(), m.Tombstones())
				}
			}
			if m.Observe("b", 4, 4) || !m.Observe("b", 6, 6) || !m.DeleteAt("a", 6) || m.PruneThrough(6) != 1 {
				t.Error("the map does not work as before")
			}
		})
	}
}

func TestCallbacksMayUseTheMap(t *testing.T) {
	var m *versioned.Map[string, int, int]
	inside := false
	use := func() {
		if inside {
			return
		}
		inside = true
		m.Observe("other", 1, 1)
		m.DeleteAt("other", 2)
		m.Prune()
		m.Clear()
		inside = false
	}
	clock := func() time.Time { use(); return time.Unix(1e9, 0) }
	compare := func(a, b int) int { use(); return a - b }
	m = versioned.NewFunc[string, int](compare, versioned.WithTombstoneAge(time.Hour), versioned.WithClock(clock))
	m.Observe("a", 1, 1)
	m.Observe("a", 2, 2)
	m.ObserveFunc("a", 3, func(int, bool) int { use(); return 3 })
	m.DeleteAt("a", 4)
	m.PruneThrough(4)
	for range m.All() {
		use()
	}
	m.Clear()
	if m.Len() != 0 || m.Tombstones() != 0 {
		t.Errorf("Len %d, %d tombstones after Clear", m.Len(), m.Tombstones())
	}
}

// ObserveFunc is called again with what is there if the key was changed meanwhile, and not at all if that was newer.
func TestObserveFuncStartsOverAfterAChange(t *testing.T) {
	m := versioned.New[string, int, int]()
	var seen []int
	took := m.ObserveFunc("a", 5, func(old int, _ bool) int {
		if seen = append(seen, old); len(seen) < 3 {
			m.Observe("a", len(seen), 100*len(seen))
		}
		return old + 1
	})
	if value, _ := m.Load("a"); !took || value != 201 || fmt.Sprint(seen) != "[0 100 200]" {
		t.Errorf("took %v, value %d, seen %v", took, value, seen)
	}
	took = m.ObserveFunc("a", 6, func(int, bool) int { m.Observe("a", 7, 7); return 6 })
	if value, _ := m.Load("a"); took || value != 7 {
		t.Errorf("an older version took: %v, value %d", took, value)
	}
}

// A value that replaces a tombstone while that is being forgotten stays.
func TestForgettingATombstoneSparesWhatHasReplacedIt(t *testing.T) {
	var m *versioned.Map[string, int, int]
	var between func()
	compare := func(a, b int) int {
		if f := between; f != nil {
			between = nil
			f()
		}
		return a - b
	}
	m = versioned.NewFunc[string, int](compare)
	m.DeleteAt("a", 1)
	between = func() { m.Observe("a", 2, 2) }
	if n := m.PruneThrough(9); n != 0 {
		t.Errorf("%d deletions forgotten, want none", n)
	}
	if v, ok := m.Load("a"); v != 2 || !ok || m.Len() != 1 || m.Tombstones() != 0 {
		t.Errorf("a is %d, %v; Len %d, %d tombstones", v, ok, m.Len(), m.Tombstones())
	}
	m.DeleteAt("a", 3)
	between = func() { m.DeleteAt("a", 4) } // another tombstone, of the same key
	if n := m.PruneThrough(3); n != 0 || m.Tombstones() != 1 || m.Observe("a", 4, 4) {
		t.Errorf("%d deletions forgotten, %d tombstones, want none and 1", n, m.Tombstones())
	}
}
