package cells

import (
	"bytes"
	"context"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/shardmap-go/shardmap/bench/internal/data"
	"github.com/shardmap-go/shardmap/bench/strategy"
)

// brief measures everything of one map in little time.
func brief(strategies ...strategy.Strategy) Options {
	o := Defaults()
	o.Entries, o.Rounds, o.Batch, o.Strategies = []int{minEntries, 300}, 1, 10*time.Microsecond, strategies
	return o
}

func TestEveryCellIsMeasuredAndFindsRightMapsRight(t *testing.T) {
	all, err := strategy.Named("Map,RWMap,AtomicMap,sync.Map,xsync.Map,concurrent-map")
	if err != nil {
		t.Fatal(err)
	}
	o := brief(all...)
	seen := make(map[Cell]bool)
	o.Done = func(r Result) { seen[r.Cell] = true }
	o.Progress = func(_ Cell, done, total int) {
		if done != len(seen) || total != 2*3*(12*3*2+2+3) {
			t.Errorf("%d of %d done, want %d", done, total, len(seen))
		}
	}
	results := Measure(t.Context(), o)
	// Increments count in int values only, and walks beside a writer take two processors.
	if want := 2 * 3 * (12*3*2 + 2 + 3); len(results) != want || len(seen) != want {
		t.Errorf("%d results, %d different cells, want %d", len(results), len(seen), want)
	}
	for i, r := range results {
		if i > 0 && r.Operation != results[i-1].Operation && r.Operation == results[0].Operation {
			t.Errorf("%v is not beside the others of its operation", r.Cell)
		}
		for j, one := range r.Times {
			if one.Strategy != all[j].Name || !one.Measured() || !(0 < one.Low && one.Low <= one.Median && one.Median <= one.High) {
				t.Errorf("%v: %+v", r.Cell, one)
			}
		}
	}
}

func TestLargeMapsAreMeasuredWithTheFirstKindOfValuesOnly(t *testing.T) {
	right, _ := strategy.Named("Map")
	o := brief(right...)
	o.Operations, o.Keys, o.Procs, o.Large = []string{"hit"}, []string{"int"}, []int{1}, 200
	var got []string
	for _, r := range Measure(t.Context(), o) {
		got = append(got, r.String())
	}
	want := []string{
		"hit, int keys, pointer values, 128 entries, 1 procs", "hit, int keys, pointer values, 300 entries, 1 procs",
		"hit, int keys, int values, 128 entries, 1 procs", "hit, int keys, triple values, 128 entries, 1 procs",
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("measured %q, want %q", got, want)
	}
}

// faulty is a right map, one method of which may be replaced.
type faulty struct {
	strategy.Map[int, int]
	load   func(int) (int, bool)
	store  func(key, value int)
	either func(key, value int) (int, bool)
	remove func(int)
	take   func(int) (int, bool)
	update func(int, func(int) int)
	visit  func(func(int, int) bool)
	length func() int
}

func (m *faulty) Load(k int) (int, bool)            { return m.load(k) }
func (m *faulty) Store(k, v int)                    { m.store(k, v) }
func (m *faulty) LoadOrStore(k, v int) (int, bool)  { return m.either(k, v) }
func (m *faulty) Delete(k int)                      { m.remove(k) }
func (m *faulty) LoadAndDelete(k int) (int, bool)   { return m.take(k) }
func (m *faulty) Update(k int, f func(old int) int) { m.update(k, f) }
func (m *faulty) Range(f func(int, int) bool)       { m.visit(f) }
func (m *faulty) Len() int                          { return m.length() }

func faultyStrategy(t *testing.T, spoil func(*faulty)) strategy.Strategy {
	named, err := strategy.Named("RWMap")
	if err != nil {
		t.Fatal(err)
	}
	return strategy.New("faulty", "", strategy.Of(func() strategy.Map[int, int] {
		right := strategy.MakerFor[int, int](named[0])()
		m := &faulty{
			right, right.Load, right.Store, right.LoadOrStore, right.Delete, right.(strategy.LoadAndDeleter[int, int]).LoadAndDelete,
			right.(strategy.Updater[int, int]).Update, right.Range, right.Len,
		}
		spoil(m)
		return m
	}))
}

// seldom returns a function that is true at every 97th call.
func seldom() func() bool {
	calls := 0
	return func() bool { calls++; return calls%97 == 0 }
}

func TestAWrongMapHasNoTimesButAReason(t *testing.T) {
	for name, c := range map[string]struct {
		operation, want string
		spoil           func(*faulty)
	}{
		"a hit is missed": {"hit", "lookups with a wrong outcome", func(m *faulty) {
			right, now := m.load, seldom()
			m.load = func(k int) (int, bool) { v, ok := right(k); return v, ok && !now() }
		}},
		"a miss finds something": {"miss", "lookups with a wrong outcome", func(m *faulty) {
			right, now := m.load, seldom()
			m.load = func(k int) (int, bool) { v, ok := right(k); return v, ok || now() }
		}},
		"a mix misses": {"mix90", "lookups with a wrong outcome", func(m *faulty) {
			right, now := m.load, seldom()
			m.load = func(k int) (int, bool) { v, ok := right(k); return v, ok && !now() }
		}},
		"LoadOrStore stores": {"loadOrStore", "lookups with a wrong outcome", func(m *faulty) {
			right, now := m.either, seldom()
			m.either = func(k, v int) (int, bool) { v, ok := right(k, v); return v, ok && !now() }
		}},
		"an insert is lost": {"insert", "has a length of 127, want 128", func(m *faulty) {
			right, now := m.store, seldom()
			m.store = func(k, v int) {
				if !now() {
					right(k, v)
				}
			}
		}},
		"the length is wrong": {"update", "has a length of 127, want 128", func(m *faulty) {
			right := m.length
			m.length = func() int { return right() - 1 }
		}},
		"another value is stored": {"update", "which is of another key", func(m *faulty) {
			right := m.store
			m.store = func(k, v int) { right(k, v+1) }
		}},
		"an update is lost": {"update", "has lost an update of key", func(m *faulty) {
			right, now := m.store, seldom()
			m.store = func(k, v int) {
				if _, there := m.load(k); !there || !now() {
					right(k, v)
				}
			}
		}},
		"a delete does nothing": {"churn", "has a length of", func(m *faulty) {
			right, now := m.remove, seldom()
			m.remove = func(k int) {
				if !now() {
					right(k)
				}
			}
		}},
		"LoadAndDelete finds nothing": {"queue", "lookups with a wrong outcome", func(m *faulty) {
			right, now := m.take, seldom()
			m.take = func(k int) (int, bool) { v, ok := right(k); return v, ok && !now() }
		}},
		"an increment is lost": {"hot", "counted ", func(m *faulty) {
			right, now := m.update, seldom()
			m.update = func(k int, f func(int) int) {
				if !now() {
					right(k, f)
				}
			}
		}},
		"a walk leaves out an entry": {"range", "a walk saw 127 entries, want 128", func(m *faulty) {
			right := m.visit
			m.visit = func(f func(int, int) bool) {
				first := true
				right(func(k, v int) bool { skip := first; first = false; return skip || f(k, v) })
			}
		}},
		"a panic": {"hit", "panicked: broken", func(m *faulty) {
			m.load = func(int) (int, bool) { panic("broken") }
		}},
		"a panic while it is filled": {"hit", "panicked: full", func(m *faulty) {
			m.store = func(int, int) { panic("full") }
		}},
	} {
		t.Run(name, func(t *testing.T) {
			o := brief(faultyStrategy(t, func(*faulty) {}), faultyStrategy(t, c.spoil))
			o.Operations, o.Keys, o.Values = []string{c.operation}, []string{"int"}, []string{"int"}
			o.Entries, o.Procs = []int{minEntries}, []int{1}
			o.Rounds = 100 // a batch has two calls at least: so there are more than 97, however slow they are
			results := Measure(t.Context(), o)
			if len(results) != 1 {
				t.Fatalf("%d results", len(results))
			}
			if right, wrong := results[0].Times[0], results[0].Times[1]; !right.Measured() || !strings.Contains(wrong.Wrong, c.want) {
				t.Errorf("right: %+v; wrong: %+v, want it wrong because of %q", right, wrong, c.want)
			}
		})
	}
}

func TestTheCheckFindsAKeyThatIsThereInsteadOfAnother(t *testing.T) {
	named, _ := strategy.Named("RWMap")
	m := &measurement{rng: rand.New(rand.NewPCG(1, 1))}
	f := newField(m, minEntries, data.IntKey, data.IntValues())
	p := newPlayer(f, "", strategy.MakerFor[int, int](named[0]), 2)
	p.fill(0, minEntries)
	for range 3 * minEntries { // until keys have been exchanged in both directions
		p.exchange(&p.workers[1], 1, false)
		if err := p.check(); err != nil {
			t.Fatal(err)
		}
	}
	p.m.Delete(f.present[5])
	if err := p.check(); err == nil || !strings.Contains(err.Error(), "has a length of 127") {
		t.Error(err)
	}
	p.m.Store(-1, 0)
	if err := p.check(); err == nil || !strings.Contains(err.Error(), "has lost key") {
		t.Error(err)
	}
	p.m.Delete(-1)
	p.m.Store(f.absent[5], 0)
	if err := p.check(); err == nil || !strings.Contains(err.Error(), "still has key") {
		t.Error(err)
	}
}

func TestWhatAMapCannotDoIsSaid(t *testing.T) {
	bare := strategy.New("bare", "", strategy.Of(func() strategy.Map[int, int] {
		named, _ := strategy.Named("RWMap")
		return struct{ strategy.Map[int, int] }{strategy.MakerFor[int, int](named[0])()}
	}))
	o := brief(bare)
	o.Operations, o.Values, o.Entries, o.Procs = []string{"hot", "queue"}, []string{"int"}, []int{minEntries}, []int{1}
	var got []string
	for _, r := range Measure(t.Context(), o) {
		got = append(got, r.Operation+" "+r.Keys+": "+r.Times[0].Wrong)
	}
	const types = "takes no such keys and values"
	want := []string{
		"hot int: has no Update", "hot string: " + types, "hot namespacedName: " + types,
		"queue int: has no LoadAndDelete", "queue string: " + types, "queue namespacedName: " + types,
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestAnInterruptEndsTheMeasurementWithWhatIsComplete(t *testing.T) {
	right, _ := strategy.Named("Map")
	o := brief(right...)
	ctx, cancel := context.WithCancel(t.Context())
	done := 0
	o.Done = func(Result) {
		if done++; done == 3 {
			cancel()
		}
	}
	if results := Measure(ctx, o); len(results) != 3 {
		t.Errorf("%d results, want 3", len(results))
	}
}

func TestBadOptionsAreNamed(t *testing.T) {
	right, _ := strategy.Named("Map")
	for want, spoil := range map[string]func(*Options){
		`unknown operation "hits", want some of ["hit" `: func(o *Options) { o.Operations = []string{"hit", "hits"} },
		`no operation`:                                     func(o *Options) { o.Operations = nil },
		`unknown kind of keys ""`:                          func(o *Options) { o.Keys = []string{""} },
		`unknown kind of values "float"`:                   func(o *Options) { o.Values = []string{"float"} },
		`127 entries, want 128 to 50000000`:                func(o *Options) { o.Entries = []int{127} },
		`no number of entries`:                             func(o *Options) { o.Entries = nil },
		`65 procs, want 1 to 64`:                           func(o *Options) { o.Procs = []int{1, 65} },
		`no number of procs`:                               func(o *Options) { o.Procs = nil },
		`no strategies`:                                    func(o *Options) { o.Strategies = nil },
		`0 rounds, want 1 to 10000`:                        func(o *Options) { o.Rounds = 0 },
		`batches of 0s, want more than 0 and at most 1m0s`: func(o *Options) { o.Batch = 0 },
	} {
		o := brief(right...)
		spoil(&o)
		if err := o.Check(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %q", err, want)
		}
	}
}

// sample are two cells with times that were made up.
func sample() []Result {
	return []Result{
		{Cell{"hit", "int", "pointer", 1000, 1}, []Time{
			{Strategy: "Map", Low: 9, Median: 10, High: 11}, {Strategy: "sync.Map", Low: 39, Median: 40, High: 41},
			{Strategy: "xsync.Map", Low: 19, Median: 20, High: 21}, {Strategy: "haxmap", Wrong: "has lost key 5"},
		}},
		{Cell{"hit", "string", "pointer", 1000, 1}, []Time{
			{Strategy: "Map", Low: 29, Median: 30, High: 31}, {Strategy: "Map:maphash", Low: 1, Median: 1, High: 1},
			{Strategy: "sync.Map", Low: 30.5, Median: 33, High: 35},
		}},
		{Cell{"churn", "string", "pointer", 1000000, 2}, []Time{
			{Strategy: "Map", Low: 190, Median: 200, High: 210}, {Strategy: "xsync.Map", Low: 99, Median: 100, High: 101},
		}},
	}
}

func TestComparisonIsWithTheBestOfTheOthers(t *testing.T) {
	all := Compare(sample(), "Map")
	if len(all) != 3 || all[0].Peer.Strategy != "xsync.Map" || all[0].Ratio != 0.5 || all[0].Overlap ||
		all[1].Peer.Strategy != "sync.Map" || !all[1].Overlap || all[2].Ratio != 2 {
		t.Errorf("%+v", all)
	}
	sum := Sum(all)
	if mean := math.Cbrt(0.5 * 30 / 33 * 2); sum.Cells != 3 || sum.Ahead != 1 || sum.Behind != 1 || math.Abs(sum.Mean-mean) > 1e-9 || sum.Worst.Operation != "churn" {
		t.Errorf("%+v", sum)
	}
}

func TestTables(t *testing.T) {
	var got bytes.Buffer
	all := Compare(sample(), "Map")
	for _, err := range []error{WriteTable(&got, sample()[:1]), WriteComparison(&got, "Map", all), WriteRows(&got, all)} {
		if err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile("testdata/tables.txt")
	if os.Getenv("UPDATE") != "" {
		if err := os.WriteFile("testdata/tables.txt", got.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	} else if err != nil || got.String() != string(want) {
		t.Errorf("%v; got\n%s\nwant\n%s", err, got.String(), want)
	}
}

func TestFilesAreReadAsTheyWereWritten(t *testing.T) {
	f := NewFile(brief())
	for _, f.Results = range [][]Result{nil, sample()} {
		var text bytes.Buffer
		if err := f.WriteJSON(&text); err != nil {
			t.Fatal(err)
		}
		name := filepath.Join(t.TempDir(), "cells.json")
		if err := os.WriteFile(name, text.Bytes(), 0o600); err != nil {
			t.Fatal(err)
		}
		read, err := Read(name)
		if err != nil || !reflect.DeepEqual(read.Origin, f.Origin) || len(read.Results) != len(f.Results) ||
			len(f.Results) > 0 && !reflect.DeepEqual(read, f) {
			t.Errorf("%s is read as %+v, %v", text.String(), read, err)
		}
	}
	bad := filepath.Join(t.TempDir(), "bad.json")
	for _, text := range []string{"", "{", `{"cells": [{}]}`} {
		if err := os.WriteFile(bad, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if f, err := Read(bad); err == nil || !strings.Contains(err.Error(), "bad.json is not a file of cells: ") {
			t.Errorf("%q is read as %+v, %v", text, f, err)
		}
	}
}
