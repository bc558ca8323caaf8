package fixed_test

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"runtime"
	"strings"
	"sync"
	"testing"

	"github.com/shardmap-go/shardmap/fixed"
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

func TestBadCapacitiesAndOptionsPanicWithTheirValue(t *testing.T) {
	for want, f := range map[string]func(){
		"fixed: New(-1): want a capacity of 0 to ":                                 func() { fixed.New[int, int](-1) },
		fmt.Sprintf("fixed: New(%d): want a capacity", math.MinInt):                func() { fixed.New[int, int](math.MinInt) },
		fmt.Sprintf("fixed: New(%d): want a capacity", math.MaxInt):                func() { fixed.New[int, int](math.MaxInt) },
		"fixed: New(1073741825): want a capacity":                                  func() { fixed.New[int, int](1<<30 + 1) },
		"fixed: WithShards(0): want 1 to 65536":                                    func() { fixed.New[int, int](1, fixed.WithShards(0)) },
		"fixed: WithShards(65537): want 1 to 65536":                                func() { fixed.New[int, int](1, fixed.WithShards(65537)) },
		"fixed: WithHasher(nil): want a function":                                  func() { fixed.New[int, int](1, fixed.WithHasher[int](nil)) },
		"fixed: WithHasher(func(string) uint64): want a func(int) uint64, for the": func() { fixed.New[int, int](1, fixed.WithHasher(func(string) uint64 { return 0 })) },
	} {
		if got := panicOf(f); !strings.HasPrefix(got, want) {
			t.Errorf("panic %q, want %q…", got, want)
		}
	}
}

func TestTheZeroMapHasNoRoom(t *testing.T) {
	var m fixed.Map[any, int]
	if _, ok := m.Load("a"); ok || m.Len() != 0 || m.Cap() != 0 {
		t.Error("the zero map is not empty")
	}
	if err := m.Store("a", 1); !errors.Is(err, fixed.ErrFull) {
		t.Errorf("Store says %v", err)
	}
	if err := m.Store(math.NaN(), 1); !errors.Is(err, fixed.ErrKey) {
		t.Errorf("Store of NaN says %v", err)
	}
	if _, loaded, err := m.LoadOrStore("a", 1); loaded || !errors.Is(err, fixed.ErrFull) {
		t.Errorf("LoadOrStore says %v", err)
	}
	m.Delete("a")
	m.Clear()
	for range m.All() {
		t.Error("the zero map shows something")
	}
	if m.CompareAndDelete("a", 0) || m.CompareAndSwap("a", 0, 1) {
		t.Error("an absent key was taken for one with the zero value")
	}
	if panicOf(func() { m.Load([]int{1}) }) == "" {
		t.Error("a key that is not comparable does not panic")
	}
}

// operations on a key that may be bad, each alone.
func operations(m *fixed.Map[any, any], key any) map[string]func() error {
	return map[string]func() error{
		"Load":             func() error { m.Load(key); return nil },
		"Store":            func() error { return m.Store(key, 1) },
		"Swap":             func() error { _, _, err := m.Swap(key, 1); return err },
		"LoadOrStore":      func() error { _, _, err := m.LoadOrStore(key, 1); return err },
		"LoadAndDelete":    func() error { m.LoadAndDelete(key); return nil },
		"Delete":           func() error { m.Delete(key); return nil },
		"CompareAndSwap":   func() error { m.CompareAndSwap(key, 1, 2); return nil },
		"CompareAndDelete": func() error { m.CompareAndDelete(key, 1); return nil },
	}
}

// requireUsable: no lock is held, and nothing has changed.
func requireUsable(t *testing.T, m *fixed.Map[any, any], want int) {
	t.Helper()
	if n := m.Len(); n != want {
		t.Errorf("Len() = %d, want %d", n, want)
	}
	for i := range want {
		if v, ok := m.Load(i); !ok || v != i {
			t.Errorf("Load(%d) = %v, %v", i, v, ok)
		}
		if err := m.Store(i, i); err != nil {
			t.Error(err)
		}
	}
	if n := m.Cap() - want; n > 0 {
		if err := m.Store("another", 1); err != nil {
			t.Error(err)
		}
		m.Delete("another")
	}
}

func TestKeysThatAreNotEqualToThemselvesTakeNoSlot(t *testing.T) {
	m := fill(t, fixed.New[any, any](4), 3)
	for _, key := range []any{math.NaN(), float32(math.NaN()), [2]any{1, math.NaN()}, struct{ f float64 }{math.NaN()}} {
		for method, operate := range operations(m, key) {
			stores := method == "Store" || method == "Swap" || method == "LoadOrStore"
			if err := operate(); errors.Is(err, fixed.ErrKey) != stores {
				t.Errorf("%s of key %v says %v", method, key, err)
			}
		}
	}
	requireUsable(t, m, 3)
	if m.Store(math.Copysign(0, -1), "zero") != nil || m.Len() != 4 {
		t.Error("-0 was not stored")
	}
	if v, ok := m.Load(0.0); !ok || v != "zero" {
		t.Error("+0 is another key than -0")
	}
}

func fill(t *testing.T, m *fixed.Map[any, any], n int) *fixed.Map[any, any] {
	t.Helper()
	for i := range n {
		if err := m.Store(i, i); err != nil {
			t.Fatal(err)
		}
	}
	return m
}

func TestKeysAndOldValuesThatCannotBeComparedPanicAndChangeNothing(t *testing.T) {
	equal := fixed.WithHasher(func(any) uint64 { return 0 })
	for _, opts := range [][]fixed.Option{nil, {equal}} { // maphash panics by itself, a function of the user's may not
		m := fill(t, fixed.New[any, any](8, opts...), 5)
		for _, key := range []any{[]int{1}, map[int]int{}, func() {}, [2]any{0, []int{1}}, struct{ x, y any }{1, []int{}}} {
			for method, operate := range operations(m, key) {
				if panicOf(func() { _ = operate() }) == "" {
					t.Errorf("%s of a key of type %T does not panic", method, key)
				}
			}
		}
		for want, f := range map[string]func(){
			"fixed: CompareAndSwap: old value of type []int is not comparable":   func() { m.CompareAndSwap(1, []int{}, 1) },
			"fixed: CompareAndDelete: old value of type []int is not comparable": func() { m.CompareAndDelete(1, []int{}) },
		} {
			if got := panicOf(f); got != want {
				t.Errorf("panic %q, want %q", got, want)
			}
		}
		if err := m.Store(1, []int{1}); err != nil {
			t.Fatal(err)
		}
		if m.CompareAndSwap(1, 1, 2) || m.CompareAndDelete(1, "x") {
			t.Error("a value that is not comparable was equal to another")
		}
		if err := m.Store(1, 1); err != nil {
			t.Fatal(err)
		}
		requireUsable(t, m, 5)
	}
}

// survive runs f, which may panic or exit, in a goroutine of its own.
func survive(f func()) {
	var group sync.WaitGroup
	group.Go(func() {
		defer func() { _ = recover() }()
		f()
	})
	group.Wait()
}

func TestHashersAndCallbacksThatFailChangeNothing(t *testing.T) {
	for name, fail := range map[string]func(){"panic": func() { panic("as ordered") }, "Goexit": runtime.Goexit} {
		t.Run(name, func(t *testing.T) {
			failing := false
			m := fill(t, fixed.New[any, any](6, fixed.WithShards(2), fixed.WithHasher(func(any) uint64 {
				if failing {
					fail()
				}
				return 1
			})), 5)
			for _, key := range []any{0, 3, 77} {
				for method, operate := range operations(m, key) {
					failing = true
					survive(func() {
						_ = operate()
						t.Errorf("%s does not call the hasher", method)
					})
					failing = false
					requireUsable(t, m, 5)
				}
			}
			survive(func() {
				for range m.All() {
					fail()
				}
			})
			requireUsable(t, m, 5)
		})
	}
}

func TestHashersThatReturnGarbageDoNoHarm(t *testing.T) {
	rng := rand.New(rand.NewPCG(testSeed(t), 1))
	const capacity = 50
	m := fixed.New[int, int](capacity, fixed.WithShards(8), fixed.WithHasher(func(int) uint64 { return rng.Uint64() }))
	for range 20 {
		stored := 0
		for i := range 400 { // what is stored can hardly be found again
			key := i % 60
			switch rng.IntN(4) {
			case 0, 1:
				if m.Store(key, 10*key) == nil {
					stored++
				}
			case 2:
				m.Delete(key)
			case 3:
				if v, ok := m.Load(key); ok && v != 10*key {
					t.Errorf("Load(%d) = %d", key, v)
				}
			}
		}
		n := 0
		for key, value := range m.All() {
			if n++; value != 10*key {
				t.Errorf("Range shows %d → %d", key, value)
			}
		}
		if n != m.Len() || n > capacity || n > stored {
			t.Errorf("Range shows %d entries, Len is %d, stored were %d", n, m.Len(), stored)
		}
		if m.Clear(); m.Len() != 0 {
			t.Errorf("Len() = %d after Clear", m.Len())
		}
	}
}

// f may do anything to the map.
func TestRangeMayChangeTheMap(t *testing.T) {
	const capacity = 100
	equal := fixed.WithHasher(func(int) uint64 { return 0 })
	oneChain := fixed.WithShards(2 * capacity) // each shard has one chain only
	for _, opts := range [][]fixed.Option{nil, {equal}, {fixed.WithShards(1)}, {oneChain}, {equal, oneChain}} {
		m := fixed.New[int, int](capacity, opts...)
		for i := range capacity {
			_ = m.Store(i, i)
		}
		shown := make(map[int]int)
		m.Range(func(key, value int) bool {
			shown[key]++
			m.Delete(key) // and insert it again, where it must not be seen a second time
			if err := m.Store(key, value); err != nil {
				t.Error(err)
			}
			m.Len()
			return true
		})
		for i := range capacity {
			if shown[i] != 1 {
				t.Errorf("%d is shown %d times", i, shown[i])
			}
		}
		clear(shown)
		m.Range(func(key, _ int) bool {
			if shown[key]++; len(shown) == 1 { // all come back, in an order in which some of them can be new to Range
				m.Clear()
				for i := range capacity {
					_ = m.Store(i, i)
				}
			}
			return true
		})
		for key, n := range shown {
			if n != 1 {
				t.Errorf("%d, cleared and stored again, is shown %d times", key, n)
			}
		}
		n := 0
		m.Range(func(int, int) bool { n++; m.Clear(); return true })
		if n > 16 || m.Len() != 0 {
			t.Errorf("%d entries are shown after Clear, Len %d", n-1, m.Len())
		}
	}
}
