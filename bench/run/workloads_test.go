package run

import (
	"fmt"
	"iter"
	"math"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/shardmap-go/shardmap/bench/internal/data"
	"github.com/shardmap-go/shardmap/bench/strategy"
	"github.com/shardmap-go/shardmap/bench/workload"
)

// rightMaps returns strategies of several kinds that offer everything.
func rightMaps(t *testing.T, names string) []strategy.Strategy {
	t.Helper()
	right, err := strategy.Named(names)
	if err != nil {
		t.Fatal(err)
	}
	return right
}

const offersAll = "Map,RWMutex:16,sync.Map"

func TestRightMapsAreFoundRightUnderTheNewerWorkloads(t *testing.T) {
	for _, text := range []string{
		// Every operation that takes keys away, with whatever moves keys, too.
		`{"keys": {"number": 300}, "operations": {"load": 5, "delete": 1, "loadAndDelete": 1, "swap": 1, "compareAndSwap": 1, "range": 0.1}}`,
		`{"keys": {"number": 300, "type": "int"}, "values": "triple", "operations": {"load": 5, "churn": 1, "delete": 1, "loadAndDelete": 1, "swap": 1, "compareAndSwap": 1}}`,
		`{"keys": {"number": 300, "lifetimes": {"time": "1ms"}}, "values": "int", "operations": {"load": 5, "miss": 1, "store": 1, "loadOrStore": 1,
			"delete": 1, "loadAndDelete": 1, "swap": 1, "compareAndSwap": 1, "range": 0.1}, "goroutines": 3}`,
		`{"keys": {"number": 300, "lifetimes": {"operations": 1000, "distribution": "pareto"}}, "operations": {"load": 5, "store": 1, "range": 0.1}}`,
		`{"keys": {"number": 3000, "distribution": "growing", "filled": 0.01}, "operations": {"load": 5, "store": 1, "loadOrStore": 1, "delete": 1, "swap": 1, "range": 0.1}}`,
		`{"keys": {"number": 3000, "distribution": "growing"}, "operations": {"load": 5, "churn": 1}, "rate": 20000}`,
		`{"keys": {"number": 300, "lifetimes": {"time": "1ms", "distribution": "fixed"}}, "operations": {"load": 5}, "rate": 20000}`,
		// Views beside the operations.
		`{"keys": {"number": 300}, "operations": {"load": 5, "store": 1}, "snapshot": {"every": "500us"}, "range": {"every": "500us"}}`,
		`{"keys": {"number": 300}, "operations": {"load": 5, "churn": 1, "delete": 1}, "snapshot": {"every": "100us"}, "range": {"every": "500us"}}`,
		`{"keys": {"number": 300, "lifetimes": {"time": "1ms"}}, "operations": {"load": 5}, "snapshot": {"every": "100us"}, "range": {"every": "500us"}}`,
		`{"keys": {"number": 3000, "filled": 0.5}, "operations": {"load": 5, "insert": 1}, "snapshot": {"every": "100us"}}`,
		`{"keys": {"number": 3000, "distribution": "growing"}, "operations": {"load": 5}, "snapshot": {"every": "100us"}}`,
		// Phases with other goroutines, mixes and rates.
		`{"keys": {"number": 1000, "filled": 0}, "phases": [{"operations": {"insert": 1}, "goroutines": 3},
			{"operations": {"load": 3, "store": 1, "churn": 1}, "goroutines": 5}, {"operations": {"delete": 1, "load": 1}, "goroutines": 2, "rate": 9000},
			{"operations": {"insert": 1, "swap": 1}, "goroutines": 7}, {"operations": {"loadOrStore": 1, "compareAndSwap": 1, "range": 1}}]}`,
		`{"keys": {"number": 1000, "filled": 0.01, "distribution": "zipf"}, "operations": {"load": 9, "insert": 1}, "phases": [{"goroutines": 2}, {}, {"goroutines": 9}]}`,
		`{"keys": {"number": 1000, "distribution": "growing"}, "operations": {"load": 9, "store": 1}, "phases": [{"goroutines": 2}, {"goroutines": 9}, {}]}`,
		`{"keys": {"number": 500, "lifetimes": {"time": "2ms"}}, "operations": {"load": 9, "store": 1}, "phases": [{"goroutines": 2}, {"goroutines": 9}, {}]}`,
		`{"keys": {"number": 50, "filled": 0.5}, "phases": [{"operations": {"increment": 1}}, {"operations": {"insert": 1}}, {"operations": {"increment": 1, "load": 1}, "goroutines": 3}]}`,
	} {
		expectRight(t, Run(t.Context(), parse(t, text), rightMaps(t, offersAll), Options{Rounds: 1, Duration: 8 * time.Millisecond, Seed: 1}))
	}
}

func TestAStrategyThatLacksAnOperationSaysSo(t *testing.T) {
	bare := strategy.New("bare", "", strategy.Of(func() strategy.Map[string, int] {
		return struct{ strategy.Map[string, int] }{faultyMap(func(*faulty) {})}
	}))
	for op, want := range map[string]string{
		"increment": "has no Update, which increments need", "loadAndDelete": "has no LoadAndDelete",
		"swap": "has no Swap", "compareAndSwap": "has no CompareAndSwap", "delete": "", "load": "",
	} {
		w := parse(t, `{"keys": {"number": 10}, "values": "int", "operations": {"`+op+`": 1}}`)
		r := Run(t.Context(), w, []strategy.Strategy{bare}, brief)
		if got := r.Strategies[0]; got.Excluded != want || got.Measured() != (want == "") {
			t.Errorf("%s: %+v, want excluded because %q", op, got, want)
		}
	}
}

func TestAMapGrowsEvenlyUntilAllKeysAreThereAndOperationsChooseAmongThoseThereSoFar(t *testing.T) {
	w := parse(t, `{"keys": {"number": 2000, "filled": 0.1, "distribution": "growing"}, "values": "int", "operations": {"load": 1}, "goroutines": 3, "duration": "1s"}`)
	o := Options{}
	o.complete(w)
	b := newBench(w, parts(w, o), 1, data.StringKey, func(int) data.ValueKind[int] { return data.IntValues() })
	b.begin()
	m := faultyMap(func(*faulty) {})
	b.fill(m)
	b.hire(m, 3)
	start := time.Now()
	for part, want := range map[float64]int{0: 200, 0.495: 1100, 1: 2000, 2: 2000} {
		sum := 0
		for _, one := range b.workers {
			one.started = start
			sum += one.target(start.Add(time.Duration(part * 1e9)))
		}
		if sum < want-1 || sum > want+1 {
			t.Errorf("after %v of the round, %d keys are to be there, want %d", part, sum, want)
		}
	}
	var stop atomic.Bool
	rng := random(1)
	for _, filled := range []int{200, 2000} {
		seen := map[int]bool{}
		for range 40_000 {
			seen[b.workers[0].choose(rng.next()>>32)] = true
		}
		if most := slices.Max(slices.Collect(keysOf(seen))); len(seen) != filled || most != filled-1 || m.Len() != filled {
			t.Errorf("operations choose among %d keys up to %d of %d, want the %d that are there", len(seen), most, m.Len(), filled)
		}
		for _, one := range b.workers {
			one.started = start.Add(-time.Hour) // all keys are due
			one.chores(&stop)
		}
	}
	if err := b.check(m); err != nil {
		t.Error(err)
	}
}

func keysOf(m map[int]bool) func(yield func(int) bool) {
	return func(yield func(int) bool) {
		for k := range m {
			if !yield(k) {
				return
			}
		}
	}
}

func TestLifetimesAreDrawnAsTheyAreCalled(t *testing.T) {
	const n, mean = 200_000, 1000.0
	for name, want := range map[string]struct{ median, below float64 }{ // below is the part of the lives that are shorter than the mean
		"fixed": {mean, 0}, "uniform": {mean, 0.5}, "exponential": {mean * math.Ln2, 1 - 1/math.E}, "pareto": {mean / 3 * math.Pow(2, 1/1.5), 1 - math.Pow(3, -1.5)},
	} {
		rng := rand.New(rand.NewPCG(1, 2))
		lives := make([]float64, n)
		below := 0.0
		for i := range lives {
			lives[i] = drawLife(workload.Lifetimes{Distribution: name}, mean, rng)
			if lives[i] < mean {
				below += 1.0 / n
			}
		}
		slices.Sort(lives)
		if got := lives[n/2]; math.Abs(got-want.median) > mean/100 || math.Abs(below-want.below) > 0.01 {
			t.Errorf("%s: the median is %.0f and %.3f are below the mean, want %.0f and %.3f", name, got, below, want.median, want.below)
		}
	}
}

func TestEveryLifeEndsWhenItShouldAndKeysAreNeverSeenAgain(t *testing.T) {
	// 1000 keys that live for 1 ms each: 20 ms and the warm-up see about 20,000 deaths in 20 ms.
	w := parse(t, `{"keys": {"number": 1000, "lifetimes": {"time": "1ms", "distribution": "uniform"}}, "values": "int", "operations": {"load": 1}, "goroutines": 4, "duration": "20ms"}`)
	o := Options{}
	o.complete(w)
	b := newBench(w, parts(w, o), 1, data.StringKey, func(int) data.ValueKind[int] { return data.IntValues() })
	deaths := 0
	for id, s := range b.parts[0].schedules {
		places := 250
		for i, d := range s.deaths {
			if d.place < 0 || d.place >= places || i > 0 && d.at < s.deaths[i-1].at {
				t.Fatalf("worker %d: death %d is %v after %v", id, i, d, s.deaths[max(i-1, 0)])
			}
			if d.at < 20e6 {
				deaths++
			}
		}
	}
	if deaths < 19_000 || deaths > 21_000 {
		t.Errorf("%d deaths in 20 ms of 1000 keys that live for 1 ms, want about 20,000", deaths)
	}
	// More are taken than were made in advance.
	seen := map[string]bool{}
	for _, key := range b.keys {
		seen[key] = true
	}
	total := len(b.fresh.keys) + 1000
	for range total {
		key, stored := b.fresh.take()
		if *key != stored || seen[*key] {
			t.Fatalf("%q and %q, seen: %v", *key, stored, seen[*key])
		}
		seen[*key] = true
	}
}

func TestSchedulesGoOnForEver(t *testing.T) {
	s := schedule{deaths: []death{{3, 0}, {5, 1}}, length: 10}
	due := func(now uint64) (places []int) {
		for place, ok := s.due(now); ok; place, ok = s.due(now) {
			places = append(places, place)
		}
		return places
	}
	for _, c := range []struct {
		now  uint64
		want string
	}{{2, "[]"}, {3, "[0]"}, {4, "[]"}, {12, "[1]"}, {13, "[0]"}, {36, "[1 0 1 0 1]"}} {
		if got := fmt.Sprint(due(c.now)); got != c.want {
			t.Errorf("at %d: %s, want %s", c.now, got, c.want)
		}
	}
	s.skip(1004)
	if got := fmt.Sprint(due(1005)); got != "[1]" {
		t.Errorf("after skipping to 1004, at 1005: %s, want [1]", got)
	}
	var never schedule
	if _, ok := never.due(1 << 60); ok {
		t.Error("somebody dies whom nobody knew")
	}
}

func TestPhasesAreToldApartAndAddUp(t *testing.T) {
	w := parse(t, `{"keys": {"number": 1000, "filled": 0}, "phases": [
		{"name": "fill", "operations": {"insert": 1}, "goroutines": 3, "duration": "10s"},
		{"name": "use", "operations": {"load": 3, "swap": 1}, "goroutines": 5, "duration": "100ms"},
		{"operations": {"miss": 1}, "duration": "10ms", "rate": 1000, "goroutines": 1}], "snapshot": {"every": "1ms"}}`)
	r := Run(t.Context(), w, rightMaps(t, "Map,RWMap"), Options{Rounds: 2, Seed: 1})
	if r.Goroutines != 5 {
		t.Errorf("%d goroutines, want those of the phase with most, 5", r.Goroutines)
	}
	for _, s := range r.Strategies {
		for _, round := range s.Rounds {
			if len(round.Phases) != 3 {
				t.Fatalf("%s: %+v", s.Name, round)
			}
			fill, use, paced := round.Phases[0], round.Phases[1], round.Phases[2]
			if fill.Name != "fill" || fill.Operations != 1000 || fill.Goroutines != 3 || fill.Kinds != nil {
				t.Errorf("%s: %+v, want all keys inserted, and no kinds as there is one", s.Name, fill)
			}
			if use.Goroutines != 5 || use.Kinds["load"].Operations+use.Kinds["swap"].Operations != use.Operations {
				t.Errorf("%s: %+v, want loads and swaps", s.Name, use)
			}
			if paced.Operations+paced.Late != 10 || paced.Samples != 10 {
				t.Errorf("%s: %+v, want the latencies of 10 operations", s.Name, paced)
			}
			var sum, kinds int64
			seconds := 0.0
			for _, p := range round.Phases {
				sum += p.Operations
				seconds += p.Seconds
			}
			for _, k := range round.Kinds {
				kinds += k.Operations
			}
			if round.Operations != sum || kinds != sum || math.Abs(round.Seconds-seconds) > 1e-6 || len(round.Kinds) != 4 {
				t.Errorf("%s: %d operations of %d kinds in %v s; the phases have %d in %v s", s.Name, round.Operations, len(round.Kinds), round.Seconds, sum, seconds)
			}
		}
	}
}

// snapping is a faulty map with snapshots.
type snapping struct {
	*faulty
	snapshot func() iter.Seq2[string, int]
}

func (m snapping) Snapshot() iter.Seq2[string, int] { return m.snapshot() }

// gated is a workload whose inserts begin only when views have been taken, if the map sees to that; a round ends when all keys are there.
const gated = `{"keys": {"number": 100, "filled": 0.5}, "values": "int", "operations": {"insert": 1}, "duration": "10s", "goroutines": 1`

// gate returns a function that lets a map be filled, and then waits for what has to happen first.
func gate(wait func()) func() {
	var stores atomic.Int64
	return func() {
		if stores.Add(1) > 50 {
			wait()
		}
	}
}

func TestViewsAreTakenBesideTheOperationsByTheBestWayThereIs(t *testing.T) {
	for _, snaps := range []bool{true, false} {
		var ranged, snapped sync.WaitGroup
		ranged.Add(1)
		snapped.Add(1)
		var rangedOnce, snappedOnce sync.Once
		one := strategy.New("one", "", strategy.Of(func() strategy.Map[string, int] {
			m := faultyMap(func(m *faulty) {
				wait := gate(func() { ranged.Wait(); snapped.Wait() })
				m.store = func(key string, value int) { wait(); m.Map.Store(key, value) }
				m.visit = func(f func(string, int) bool) {
					m.Map.Range(f)
					rangedOnce.Do(ranged.Done)
				}
			})
			if !snaps {
				snappedOnce.Do(snapped.Done) // there is nothing else to wait for
				return m
			}
			return snapping{m, func() iter.Seq2[string, int] {
				return func(yield func(string, int) bool) {
					m.Map.Range(yield)
					snappedOnce.Do(snapped.Done)
				}
			}}
		}))
		w := parse(t, gated+`, "snapshot": {"every": "1ms"}, "range": {"every": "1ms"}}`)
		if !snaps {
			w = parse(t, gated+`, "snapshot": {"every": "1ms"}}`)
		}
		r := Run(t.Context(), w, []strategy.Strategy{one}, Options{Rounds: 1, Seed: 1})
		s := r.Strategies[0]
		if !s.Measured() {
			t.Fatalf("%+v", s)
		}
		names := map[bool][]string{true: {"range", "snapshot"}, false: {"snapshot"}}[snaps]
		for _, name := range names {
			v := s.Rounds[0].Views[name]
			if v.Operations == 0 || v.Samples != v.Operations || v.P50 == 0 || v.Max < v.P50 {
				t.Errorf("%s: %+v", name, v)
			}
			if c := s.Costs[name]; c.Operations == 0 {
				t.Errorf("the costs have no %s: %+v", name, s.Costs)
			}
		}
		if len(s.Rounds[0].Views) != len(names) || s.Rounds[0].Kinds != nil {
			t.Errorf("views are %v, and operations %v", s.Rounds[0].Views, s.Rounds[0].Kinds)
		}
	}
}

func TestASnapshotThatIsNotOfOneInstantIsFoundOut(t *testing.T) {
	for name, spoil := range map[string]func(m *faulty, f func(string, int) bool){
		"0":   func(*faulty, func(string, int) bool) {},
		"150": func(m *faulty, f func(string, int) bool) { m.Map.Range(f); m.Map.Range(f); m.Map.Range(f) },
	} {
		var viewed sync.WaitGroup
		viewed.Add(1)
		var once sync.Once
		cheat := strategy.New("cheat", "", strategy.Of(func() strategy.Map[string, int] {
			m := faultyMap(func(m *faulty) {
				wait := gate(viewed.Wait)
				m.store = func(key string, value int) { wait(); m.Map.Store(key, value) }
			})
			return snapping{m, func() iter.Seq2[string, int] {
				return func(yield func(string, int) bool) {
					spoil(m, yield)
					once.Do(viewed.Done)
				}
			}}
		}))
		r := Run(t.Context(), parse(t, gated+`, "snapshot": {"every": "1ms"}}`), []strategy.Strategy{cheat}, Options{Rounds: 1, Seed: 1})
		want := "a snapshot showed " + name + " entries, when there were 50 to 100"
		if got := r.Strategies[0].Disqualified; got != want {
			t.Errorf("disqualified because %q, want %q", got, want)
		}
	}
}
