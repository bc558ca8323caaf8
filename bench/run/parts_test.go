package run

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/shardmap-go/shardmap/bench/internal/data"
	"github.com/shardmap-go/shardmap/bench/strategy"
	"github.com/shardmap-go/shardmap/bench/workload"
)

func TestIntervalsHaveTheOrderStatisticsOfTheBinomialDistribution(t *testing.T) {
	// The places, from below and from above, that tables of the sign test give for 95 %.
	for n, place := range map[int]int{1: 1, 2: 1, 5: 1, 6: 1, 8: 1, 9: 2, 11: 2, 12: 3, 15: 4, 20: 6, 25: 8, 50: 18, 100: 40, 5000: 2431} {
		values := make([]float64, n)
		for i, j := range rand.Perm(n) {
			values[i] = float64(j + 1)
		}
		want := Summary{float64(place), float64(n+1) / 2, float64(n + 1 - place)}
		if got := Summarise(values); got != want {
			t.Errorf("of 1 to %d: %v, want %v", n, got, want)
		}
	}
	if s := Summarise(nil); !math.IsNaN(s.Median) {
		t.Errorf("of nothing: %v", s)
	}
}

func TestIntervalsOverlapIfTheyShareAValue(t *testing.T) {
	a := Summary{Low: 1, High: 2}
	for b, want := range map[Summary]bool{{Low: 2, High: 3}: true, {Low: 0, High: 9}: true, {Low: 2.1, High: 3}: false, {Low: 0, High: 0.9}: false} {
		if a.Overlaps(b) != want || b.Overlaps(a) != want {
			t.Errorf("%v and %v: want %v", a, b, want)
		}
	}
}

func TestKeysAreDifferentAndOfTheLengthAskedFor(t *testing.T) {
	const n = 20_000
	ints, texts, names := map[int]bool{}, map[string]bool{}, map[strategy.NamespacedName]bool{}
	for i := range uint64(n) {
		ints[data.IntKey(i, 7, 0)] = true
		texts[data.StringKey(i, 7, 9)] = true
		names[data.NamespacedKey(i, 7, 21)] = true
	}
	if len(ints) != n || len(texts) != n || len(names) != n {
		t.Errorf("%d, %d and %d different keys, want %d", len(ints), len(texts), len(names), n)
	}
	for text := range texts {
		if len(text) != 9 {
			t.Fatalf("%q has %d bytes, want 9", text, len(text))
		}
	}
	spaces := map[string]bool{}
	for name := range names {
		spaces[name.Namespace] = true
		if len(name.Namespace)+len(name.Name) != 21 {
			t.Fatalf("%v has not 21 bytes", name)
		}
	}
	if len(spaces) != n/50 {
		t.Errorf("%d namespaces, want %d", len(spaces), n/50)
	}
}

func TestOperationsAreChosenAsOftenAsTheirWeightsSay(t *testing.T) {
	c := newChooser(workload.Mix{Load: 7, Store: 2, Range: 0.9, Insert: 0.1})
	rng := random(1)
	const n = 1_000_000
	got := map[operation]float64{}
	for range n {
		got[c.choose(rng.next())] += 1.0 / n
	}
	// The deviation is below 0.0005; the seed is fixed.
	for op, want := range map[operation]float64{load: 0.7, store: 0.2, walk: 0.09, insert: 0.01} {
		if math.Abs(got[op]-want) > 0.005 {
			t.Errorf("operation %d: %.4f, want %.4f", op, got[op], want)
		}
	}
	if len(got) != 4 {
		t.Errorf("chosen were %v", got)
	}
}

func TestDistributionsAreWhatTheyAreCalled(t *testing.T) {
	const n = 1000
	share := func(k workload.Keys) []float64 {
		shares := make([]float64, n)
		for _, i := range draws(k, n, rand.New(rand.NewPCG(1, 2))) {
			shares[i] += 1.0 / drawsLen
		}
		return shares
	}
	zipf := share(workload.Keys{Distribution: "zipf", Skew: 1})
	for i, rank := range []float64{1, 2, 3} {
		if want := zipf[0] / rank; math.Abs(zipf[i]-want) > want/20 {
			t.Errorf("zipf: rank %v has %.4f, want about %.4f", rank, zipf[i], want)
		}
	}
	hot := 0.0
	for _, s := range share(workload.Keys{Distribution: "hotset", Hot: 0.1, Share: 0.9})[:n/10] {
		hot += s
	}
	if math.Abs(hot-0.9) > 0.01 {
		t.Errorf("hotset: the hot tenth has %.4f, want 0.9", hot)
	}
	for _, name := range []string{"uniform", "sequential"} {
		if draws(workload.Keys{Distribution: name}, n, nil) != nil {
			t.Errorf("%s is computed in advance", name)
		}
	}
}

func TestEveryWriterHasKeysOfItsOwn(t *testing.T) {
	for _, goroutines := range []int{1, 2, 3, 7, 100} {
		for _, filled := range []int{100, 101, 113} {
			owner := map[int]int{}
			for id := range goroutines {
				w := &worker[int, int]{bench: &bench[int, int]{number: filled, run: run[int, int]{filled: filled}}, id: id, goroutines: goroutines}
				w.there.Store(int64((filled - id + goroutines - 1) / goroutines))
				for i := range filled {
					key, place := w.own(i)
					if key < 0 || key >= filled || place != key/goroutines {
						t.Fatalf("own(%d) = %d, %d of %d keys and %d goroutines", i, key, place, filled, goroutines)
					}
					if other, taken := owner[key]; taken && other != id {
						t.Fatalf("key %d belongs to %d and %d of %d", key, other, id, goroutines)
					}
					owner[key] = id
				}
			}
			if len(owner) != filled {
				t.Errorf("%d of %d keys have an owner, with %d goroutines", len(owner), filled, goroutines)
			}
		}
	}
}

func TestTornValuesAreSeen(t *testing.T) {
	kind := data.TripleValues()
	v := kind.Of(5, 9)
	if kind.Key(v) != 5 {
		t.Errorf("%v belongs to %d", v, kind.Key(v))
	}
	v.B++
	if kind.Key(v) >= 0 {
		t.Errorf("%v belongs to %d", v, kind.Key(v))
	}
}

func TestOperationsHaveTheOrderOfTheMix(t *testing.T) {
	want := map[operation]string{
		load: "load", miss: "miss", store: "store", loadOrStore: "loadOrStore", churn: "churn", insert: "insert", increment: "increment",
		walk: "range", remove: "delete", loadAndDelete: "loadAndDelete", swap: "swap", compareAndSwap: "compareAndSwap",
	}
	if n := len((workload.Mix{}).All()); n != kinds || n != len(want) {
		t.Errorf("%d operations, %d of the mix, want %d", kinds, n, len(want))
	}
	for op, name := range want {
		if names()[op] != name {
			t.Errorf("operation %d is called %q, want %q", op, names()[op], name)
		}
	}
}
