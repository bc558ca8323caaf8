package run

import (
	"context"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/shardmap-go/shardmap/bench/strategy"
	"github.com/shardmap-go/shardmap/bench/workload"
)

// brief is long enough for some thousands of operations; nothing here depends on how many there are.
var brief = Options{Rounds: 1, Duration: 5 * time.Millisecond, Seed: 1}

func parse(t *testing.T, text string) *workload.Workload {
	t.Helper()
	w, err := workload.Parse(t.Name(), []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return w
}

// everything has all operations that can be combined.
const everything = `{"keys": {"type": %q, "number": 300, "filled": 0.5, "distribution": %q}, "values": %q, "goroutines": 3,
	"operations": {"load": 50, "miss": 5, "store": 20, "loadOrStore": 10, "churn": 10, "insert": 0.5, "range": 1}}`

func TestRightMapsAreFoundRightUnderEveryKindOfWorkload(t *testing.T) {
	right, err := strategy.Named("Map,RWMap,AtomicMap,RWMutex:16,sync.Map")
	if err != nil {
		t.Fatal(err)
	}
	for _, types := range [][3]string{
		{"int", "uniform", "pointer"}, {"int", "zipf", "int"}, {"int", "hotset", "triple"},
		{"string", "sequential", "pointer"}, {"string", "uniform", "int"}, {"string", "zipf", "triple"},
		{"namespacedName", "hotset", "pointer"}, {"namespacedName", "sequential", "int"}, {"namespacedName", "uniform", "triple"},
	} {
		w := parse(t, fmt.Sprintf(everything, types[0], types[1], types[2]))
		expectRight(t, Run(t.Context(), w, right, brief))
	}
	for _, text := range []string{
		`{"keys": {"number": 20}, "operations": {"increment": 90, "load": 10, "range": 1}}`,
		`{"keys": {"number": 1000}, "operations": {"insert": 1}, "goroutines": 7}`,
		`{"keys": {"number": 100}, "operations": {"churn": 1, "load": 1}, "rate": 5000, "goroutines": 3}`,
		`{"keys": {"number": 1}, "operations": {"store": 1}}`,
	} {
		expectRight(t, Run(t.Context(), parse(t, text), right, brief))
	}
}

func expectRight(t *testing.T, r *Result) {
	t.Helper()
	if (r.Overhead > 0) != r.Workload.FullSpeed() {
		t.Errorf("overhead of %v ns, on %v", r.Overhead, r.Workload)
	}
	for _, s := range r.Strategies {
		if !s.Measured() || len(s.Rounds) != brief.Rounds {
			t.Errorf("%s: %q %q, %d rounds, on %v", s.Name, s.Excluded, s.Disqualified, len(s.Rounds), r.Workload)
		}
		for _, round := range s.Rounds {
			if round.Operations+round.Late == 0 || round.Seconds <= 0 || round.P50 > round.P99 || round.P99 > round.P999 || round.P999 > round.Max {
				t.Errorf("%s: %+v, on %v", s.Name, round, r.Workload)
			}
		}
	}
}

// A faulty map is right but for what is put in the place of one of its methods.
type faulty struct {
	strategy.Map[string, int]
	load        func(key string) (int, bool)
	store       func(key string, value int)
	loadOrStore func(key string, value int) (int, bool)
	remove      func(key string)
	visit       func(f func(string, int) bool)
	len         func() int
	update      func(key string, f func(int) int)
	take        func(key string) (int, bool)
	swap        func(key string, value int) (int, bool)
	cas         func(key string, old, new int) bool
}

func (m *faulty) Load(key string) (int, bool)               { return m.load(key) }
func (m *faulty) Store(key string, value int)               { m.store(key, value) }
func (m *faulty) LoadOrStore(key string, v int) (int, bool) { return m.loadOrStore(key, v) }
func (m *faulty) Delete(key string)                         { m.remove(key) }
func (m *faulty) Range(f func(string, int) bool)            { m.visit(f) }
func (m *faulty) Len() int                                  { return m.len() }
func (m *faulty) Update(key string, f func(int) int)        { m.update(key, f) }
func (m *faulty) LoadAndDelete(key string) (int, bool)      { return m.take(key) }
func (m *faulty) Swap(key string, value int) (int, bool)    { return m.swap(key, value) }
func (m *faulty) CompareAndSwap(key string, o, n int) bool  { return m.cas(key, o, n) }

// faultyMap makes a right map that spoil makes faulty.
func faultyMap(spoil func(m *faulty)) *faulty {
	good, err := strategy.Named("RWMap")
	if err != nil {
		panic(err)
	}
	right := strategy.MakerFor[string, int](good[0])()
	m := &faulty{
		right, right.Load, right.Store, right.LoadOrStore, right.Delete, right.Range, right.Len,
		right.(strategy.Updater[string, int]).Update,
		right.(strategy.LoadAndDeleter[string, int]).LoadAndDelete,
		right.(strategy.Swapper[string, int]).Swap,
		right.(strategy.CompareAndSwapper[string, int]).CompareAndSwap,
	}
	spoil(m)
	return m
}

// faultyStrategy makes right maps that spoil makes faulty.
func faultyStrategy(name string, spoil func(m *faulty)) strategy.Strategy {
	return strategy.New(name, "", strategy.Of(func() strategy.Map[string, int] { return faultyMap(spoil) }))
}

// nth returns a function that is true the n-th time that it is called by anybody.
func nth(n int64) func() bool {
	var calls atomic.Int64
	return func() bool { return calls.Add(1) == n }
}

func TestAWrongMapIsDisqualifiedByNameAndWithTheReason(t *testing.T) {
	const (
		stores   = `{"keys": {"number": 100}, "values": "int", "operations": {"store": 1}}`
		loads    = `{"keys": {"number": 100}, "values": "int", "operations": {"load": 1}}`
		misses   = `{"keys": {"number": 100}, "values": "int", "operations": {"miss": 1}}`
		churns   = `{"keys": {"number": 100}, "values": "int", "operations": {"churn": 1}}`
		inserts  = `{"keys": {"number": 100}, "values": "int", "operations": {"insert": 1}}`
		either   = `{"keys": {"number": 100}, "values": "int", "operations": {"loadOrStore": 1}}`
		ranges   = `{"keys": {"number": 100}, "values": "int", "operations": {"range": 1}}`
		takes    = `{"keys": {"number": 100}, "values": "int", "operations": {"loadAndDelete": 1}}`
		swaps    = `{"keys": {"number": 100}, "values": "int", "operations": {"swap": 1}}`
		lives    = `{"keys": {"number": 100, "lifetimes": {"time": "100us"}}, "values": "int", "operations": {"miss": 1}}`
		views    = `{"keys": {"number": 100}, "values": "int", "operations": {"miss": 1}, "snapshot": {"every": "100us"}}`
		compares = `{"keys": {"number": 100}, "values": "int", "operations": {"compareAndSwap": 1}}`
		counts   = `{"keys": {"number": 5}, "operations": {"increment": 1}}`
	)
	for _, c := range []struct {
		name, workload, want string
		spoil                func(m *faulty)
	}{
		{"loses-an-insert", inserts, "lost 1 of 100 entries", func(m *faulty) {
			lose := nth(50)
			m.store = func(key string, value int) {
				if !lose() {
					m.Map.Store(key, value)
				}
			}
		}},
		{"loses-updates", stores, "entries have a value that is not the last one stored", func(m *faulty) {
			m.store = func(key string, value int) { m.Map.LoadOrStore(key, value) }
		}},
		{"keeps-deleted", churns, "entries are there although they were deleted", func(m *faulty) {
			m.remove = func(string) {}
		}},
		{"load-misses", loads, "Load missed a key that was there", func(m *faulty) {
			miss := nth(1)
			m.load = func(key string) (int, bool) {
				if miss() {
					return 0, false
				}
				return m.Map.Load(key)
			}
		}},
		{"load-mixes-up", loads, "Load returned the value of another key", func(m *faulty) {
			m.load = func(key string) (int, bool) {
				time.Sleep(100 * time.Microsecond) // every load of a slow map is looked at
				value, ok := m.Map.Load(key)
				return value ^ 1, ok
			}
		}},
		{"load-finds-all", misses, "Load found a key that was never stored", func(m *faulty) {
			m.load = func(string) (int, bool) { return 0, true }
		}},
		{"stores-anyway", either, "LoadOrStore did not find what was stored", func(m *faulty) {
			m.loadOrStore = func(key string, value int) (int, bool) {
				m.Map.Store(key, value)
				return value, false
			}
		}},
		{"len-is-off", loads, "Len says 101, but there are 100 entries", func(m *faulty) {
			m.len = func() int { return m.Map.Len() + 1 }
		}},
		{"range-repeats", loads, "Range showed 100 entries twice", func(m *faulty) {
			m.visit = func(f func(string, int) bool) { m.Map.Range(f); m.Map.Range(f) }
		}},
		{"range-stops", loads, "Range showed 1 of 100 entries", func(m *faulty) {
			m.visit = func(f func(string, int) bool) {
				m.Map.Range(func(key string, value int) bool { f(key, value); return false })
			}
		}},
		{"range-mixes-up", loads, "Range showed 100 entries with the value of another key", func(m *faulty) {
			m.visit = func(f func(string, int) bool) {
				m.Map.Range(func(key string, value int) bool { return f(key, value^1) })
			}
		}},
		{"range-is-empty", ranges, "Range left out entries that were there", func(m *faulty) {
			m.visit = func(func(string, int) bool) {}
		}},
		{"miscounts", counts, "increments", func(m *faulty) {
			lose := nth(1)
			m.update = func(key string, f func(int) int) {
				if !lose() {
					m.Map.(strategy.Updater[string, int]).Update(key, f)
				}
			}
		}},
		{"takes-nothing", takes, "LoadAndDelete did not return what was stored", func(m *faulty) {
			m.take = func(key string) (int, bool) { m.Map.Delete(key); return 0, false }
		}},
		{"swaps-blindly", swaps, "Swap did not return what was stored", func(m *faulty) {
			m.swap = func(key string, value int) (int, bool) { m.Map.Store(key, value); return value, true }
		}},
		{"never-swaps", compares, "CompareAndSwap did not find what was stored", func(m *faulty) {
			m.cas = func(string, int, int) bool { return false }
		}},
		{"only-says-it-swaps", compares, "entries have a value that is not the last one stored", func(m *faulty) {
			m.cas = func(string, int, int) bool { return true }
		}},
		{"keeps-the-dead", lives, "entries are there although they were deleted", func(m *faulty) {
			m.remove = func(string) {}
		}},
		{"loses-the-young", lives, "lost", func(m *faulty) {
			stores := int64(0)
			m.store = func(key string, value int) {
				if atomic.AddInt64(&stores, 1) <= 100 {
					m.Map.Store(key, value)
				}
			}
		}},
		{"panics-in-a-view", views, "panicked: a bug", func(m *faulty) {
			m.visit = func(func(string, int) bool) { panic("a bug") }
		}},
		{"panics", stores, "panicked: a bug", func(m *faulty) {
			bug := nth(101) // after the filling
			m.store = func(key string, value int) {
				if bug() {
					panic("a bug")
				}
				m.Map.Store(key, value)
			}
		}},
		{"panics-at-once", stores, "panicked: a bug", func(m *faulty) {
			m.store = func(string, int) { panic("a bug") }
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			pair := []strategy.Strategy{faultyStrategy("right", func(*faulty) {}), faultyStrategy(c.name, c.spoil)}
			o := brief
			if c.workload == inserts { // which ends by itself, when all are there
				o.Duration = 10 * time.Second
			}
			r := Run(t.Context(), parse(t, c.workload), pair, o)
			if right := r.Strategies[0]; !right.Measured() {
				t.Errorf("the right map: %+v", right)
			}
			if wrong := r.Strategies[1]; !strings.Contains(wrong.Disqualified, c.want) || wrong.Measured() || len(wrong.Rounds) > 0 {
				t.Errorf("%+v, want disqualified because %q", wrong, c.want)
			}
		})
	}
}

func TestAMapThatNeverComesBackIsGivenUp(t *testing.T) {
	for _, method := range []string{"store", "len"} {
		release := make(chan struct{})
		t.Cleanup(func() { close(release) })
		stuck := faultyStrategy("stuck", func(m *faulty) {
			if method == "len" {
				m.len = func() int { <-release; return m.Map.Len() }
				return
			}
			block := nth(101) // after the filling
			m.store = func(key string, value int) {
				if block() {
					<-release
				}
				m.Map.Store(key, value)
			}
		})
		o := brief
		o.Patience = 300 * time.Millisecond
		w := parse(t, `{"keys": {"number": 100}, "values": "int", "operations": {"store": 1}}`)
		r := Run(t.Context(), w, []strategy.Strategy{stuck}, o)
		if s := r.Strategies[0]; !strings.HasPrefix(s.Disqualified, "did not come back within 300ms") {
			t.Errorf("%s: %+v", method, s)
		}
	}
}

func TestAStrategyThatCannotTakeTheTypesSaysSo(t *testing.T) {
	good := faultyStrategy("strings-only", func(*faulty) {})
	// This one has no Update.
	bare := strategy.New("bare", "", strategy.Of(func() strategy.Map[string, int] {
		return struct{ strategy.Map[string, int] }{}
	}))
	r := Run(t.Context(), parse(t, `{"keys": {"type": "int", "number": 10}, "operations": {"load": 1}}`), []strategy.Strategy{good}, brief)
	if got := r.Strategies[0].Excluded; got != "takes no int keys with pointer values" {
		t.Errorf("excluded because %q", got)
	}
	r = Run(t.Context(), parse(t, `{"keys": {"number": 10}, "operations": {"increment": 1}}`), []strategy.Strategy{bare, good}, brief)
	if got := r.Strategies[0].Excluded; got != "has no Update, which increments need" || !r.Strategies[1].Measured() {
		t.Errorf("%+v", r.Strategies)
	}
}

func TestInterruptionKeepsWhatWasMeasured(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	o := brief
	o.Rounds, o.Duration = 1000, 5*time.Millisecond
	o.Progress = func(_ string, done, _ int) {
		if done == 5 {
			cancel()
		}
	}
	w := parse(t, `{"keys": {"number": 10}, "values": "int", "operations": {"load": 1}}`)
	two := []strategy.Strategy{faultyStrategy("a", func(*faulty) {}), faultyStrategy("b", func(*faulty) {})}
	r := Run(ctx, w, two, o)
	if n := len(r.Strategies[0].Rounds) + len(r.Strategies[1].Rounds); n != 5 {
		t.Errorf("%d rounds were kept, want the 5 before the interruption", n)
	}
}

func TestRoundsGoOverAllStrategiesInChangingOrder(t *testing.T) {
	var mu sync.Mutex
	var order []string
	o := Options{Rounds: 5, Duration: time.Millisecond, Progress: func(name string, _, _ int) {
		mu.Lock()
		order = append(order, name)
		mu.Unlock()
	}}
	all := []strategy.Strategy{}
	for _, name := range []string{"a", "b", "c", "d"} {
		all = append(all, faultyStrategy(name, func(*faulty) {}))
	}
	Run(t.Context(), parse(t, `{"keys": {"number": 10}, "values": "int", "operations": {"load": 1}}`), all, o)
	orders := map[string]bool{}
	for round := range slices.Chunk(order, 4) {
		orders[strings.Join(round, "")] = true
		if sorted := slices.Sorted(slices.Values(round)); !reflect.DeepEqual(sorted, []string{"a", "b", "c", "d"}) {
			t.Errorf("a round of %v", round)
		}
	}
	if len(orders) < 2 {
		t.Errorf("all rounds go in the order %v", slices.Collect(maps.Keys(orders)))
	}
}

func TestNoRoundIsBegunThatEndsTooLate(t *testing.T) {
	o := brief
	o.Rounds, o.Within = 1000, time.Nanosecond
	r := Run(t.Context(), parse(t, `{"keys": {"number": 10}, "values": "int", "operations": {"load": 1}}`),
		[]strategy.Strategy{faultyStrategy("a", func(*faulty) {})}, o)
	if n := len(r.Strategies[0].Rounds); n != 1 {
		t.Errorf("%d rounds, want the first only", n)
	}
}
