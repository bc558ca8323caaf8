package shardmapprom

import (
	"math/rand/v2"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/shardmap-go/shardmap"
)

// What goroutines were told by the wrapper, added up, is what it counts:
//
//  1. no operation is lost or counted twice, however many goroutines share a stripe;
//  2. between two scrapes that follow each other no counter goes down;
//  3. no more than one in n operations on single keys is measured;
//  4. maps may come and go meanwhile, and the one that stays is in every scrape.
func TestCountsAreExactAndScrapesMonotoneWhileAllIsUsedConcurrently(t *testing.T) {
	seed := testSeed(t)
	m := Instrument(new(shardmap.Map[int, int]), WithSampling(raceSampling))
	checkConcurrentUse(t, m, seed)
	if t.Failed() {
		return
	}
	m = Instrument(new(shardmap.Map[int, int]), WithSampling(raceSampling))
	m.ops.stripes, m.ops.spread = m.ops.stripes[:1], 0 // where all meet
	checkConcurrentUse(t, m, seed)
}

// raceSampling measures often.
const raceSampling = 16

func checkConcurrentUse(t *testing.T, m *Map[int, int], seed uint64) {
	const workers, each = 8, 20_000
	collector, registry := registered(t, m)
	tallies := make([]map[string]float64, workers)
	var others sync.WaitGroup
	stop := make(chan struct{})
	until := func(f func()) {
		others.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
					f()
				}
			}
		})
	}
	before := map[string]float64{}
	until(func() {
		now := gathered(t, registry)
		for name, value := range before {
			if strings.HasPrefix(name, "shardmap_op") && now[name] < value {
				t.Errorf("%s went from %v to %v", name, value, now[name])
			}
		}
		if _, ok := now[`shardmap_entries{map="m"}`]; !ok {
			t.Error("a scrape lacks the map")
		}
		before = now
	})
	comings := 0
	until(func() {
		name := strconv.Itoa(comings % 7)
		if err := collector.Register(name, new(shardmap.Map[string, bool])); err != nil || !collector.Unregister(name) {
			t.Errorf("map %s: %v", name, err)
		}
		comings++
	})
	together(workers, func(i int) {
		tallies[i] = work(m, rand.New(rand.NewPCG(seed, uint64(i))), each)
	})
	close(stop)
	others.Wait()

	want := map[string]float64{}
	for _, tally := range tallies {
		for name, value := range tally {
			want[name] += value
		}
	}
	got := gathered(t, registry)
	checkCounts(t, got, want)
	for _, kind := range kinds[:rangeOver] {
		measured, done := 0.0, 0.0
		for _, result := range []string{"miss", "hit", "ok", "error", "panic"} {
			measured += got[durationSeries(kind.name, result)]
			done += got[operationSeries(kind.name, result)]
		}
		if measured > done/raceSampling {
			t.Errorf("%s: %v of %v were measured, want one in %d", kind.name, measured, done, raceSampling)
		}
	}
	if t.Failed() {
		t.Logf("SHARDMAP_SEED=%d", seed)
	}
}

// work does random operations and returns what they should be counted as.
func work(m *Map[int, int], rng *rand.Rand, times int) map[string]float64 {
	tally := map[string]float64{}
	count := func(operation string, value int, ok bool) {
		if !ok {
			tally[operationSeries(operation, "miss")]++
			return
		}
		tally[operationSeries(operation, "hit")]++
		if value == 0 {
			tally[zeroSeries(operation)]++
		}
	}
	for range times {
		switch key, value := rng.IntN(16), rng.IntN(3); rng.IntN(8) {
		case 0:
			m.Store(key, value)
			tally[operationSeries("store", "ok")]++
		case 1:
			v, ok := m.LoadAndDelete(key)
			count("load_and_delete", v, ok)
		case 2:
			v, ok := m.LoadOrStore(key, value)
			count("load_or_store", v, ok)
		case 3:
			v, ok := m.Swap(key, value)
			count("swap", v, ok)
		case 4:
			count("compare_and_swap", 1, m.CompareAndSwap(key, value, value+1))
		case 5:
			var last result // what the last call was told is what took effect
			m.Compute(key, func(old int, loaded bool) (int, shardmap.Op) {
				last = result{value: old, ok: loaded}
				return value, shardmap.Set
			})
			count("compute", last.value, last.ok)
		default:
			v, ok := m.Load(key)
			count("load", v, ok)
		}
	}
	return tally
}

// Many additions to one cell, with nothing in between, so that one that is not atomic loses some.
func TestNoCountIsLostInOneCellThatAllAddTo(t *testing.T) {
	const workers, each = 8, 500_000
	m := Instrument(new(shardmap.Map[int, int]), WithSampling(0))
	m.ops.stripes, m.ops.spread = m.ops.stripes[:1], 0
	c := cellOf(store, hit)
	together(workers, func(int) {
		for range each {
			m.ops.end(m.ops.begin(store), c)
		}
	})
	if got := m.ops.counts()[c]; got != workers*each {
		t.Errorf("%d of %d were counted", got, workers*each)
	}
}
