package report

import (
	"bytes"
	"encoding/csv"
	"slices"
	"strings"
	"testing"

	"github.com/shardmap-go/shardmap/bench/run"
	"github.com/shardmap-go/shardmap/bench/workload"
)

// withParts returns a result with two phases, of which one is at a rate, kinds, views and costs.
func withParts(t *testing.T) *run.Result {
	t.Helper()
	w, err := workload.Parse("parts.json", []byte(`{"name": "parts", "phases": [
		{"name": "fill", "operations": {"insert": 1}}, {"operations": {"load": 3, "swap": 1}, "rate": 1000, "goroutines": 7}],
		"keys": {"lifetimes": {}, "filled": 0}, "snapshot": {"every": "10ms"}}`))
	if err != nil {
		t.Fatal(err)
	}
	load := run.Kind{Operations: 300, Samples: 300, P50: 10, P99: 20, P999: 30, Max: 40}
	swap := run.Kind{Operations: 100, Samples: 1}
	views := map[string]run.Kind{"snapshot": {Operations: 9, Samples: 9, P50: 1000, P99: 2000, P999: 3000, Max: 4000}}
	s := strategyOf("fast", 100, 50, 10, 10)
	s.Costs = map[string]run.Cost{"load": {Operations: 5, Bytes: 16}, "swap": {Operations: 5, Allocs: 2, Bytes: 48}}
	for i := range s.Rounds {
		s.Rounds[i].Kinds = map[string]run.Kind{"load": load, "swap": swap}
		s.Rounds[i].Views = views
		s.Rounds[i].Phases = []run.Phase{
			{Name: "fill", Goroutines: 4, Operations: 2_000_000, Seconds: 0.5},
			{Goroutines: 7, Operations: 400, Seconds: 2, Samples: 400, P50: 11, P99: 21, P999: 31, Max: 41, MutexWait: 0.25,
				Kinds: map[string]run.Kind{"load": load, "swap": swap}, Views: views},
		}
	}
	return &run.Result{Workload: w, Goroutines: 7, Procs: 2, Strategies: []run.Strategy{s}}
}

func TestPhasesKindsViewsAndAllocationsHaveTablesOfTheirOwn(t *testing.T) {
	var text strings.Builder
	if err := (Tables{Kinds: true, Allocs: true}).Write(&text, withParts(t)); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"string keys of 24 bytes (uniform), pointer values; 7 goroutines on 2 processors\nfill: insert 100 %; at full speed\n" +
			"phase 2: load 75 %, swap 25 %; 7 goroutines, 1,000 operations per second\na snapshot every 10ms\n",
		"Phases: Mop/s, or P99 where the rate is given.\nstrategy  fill  phase 2\nfast      4.00     21ns\n",
		"Views of the whole map, beside the operations.\nstrategy      kind  in a round     P50  P99  P99.9     max\nfast      snapshot        9.00  1.00µs    –      –  4.00µs\n",
		"Latencies by kind of operation.\nstrategy  kind  in a round   P50   P99  P99.9   max\nfast      load         300  10ns  20ns      –  40ns\nfast      swap         100     –     –      –   0ns\n",
		"Allocations and bytes of one operation, of one goroutine alone.\nstrategy       load          swap\nfast      0, 16.0 B  2.00, 48.0 B\n",
	} {
		if !strings.Contains(text.String(), want) {
			t.Errorf("%s\ndoes not have\n%s", text.String(), want)
		}
	}
	text.Reset()
	if err := WriteTable(&text, withParts(t)); err != nil || strings.Contains(text.String(), "by kind") || strings.Contains(text.String(), "Allocations and") {
		t.Errorf("%v: shows what was not asked for:\n%s", err, text.String())
	}
}

func TestCSVHasARowForEveryPartOfARound(t *testing.T) {
	var text bytes.Buffer
	if err := (&File{Results: []*run.Result{withParts(t)}}).WriteCSV(&text); err != nil {
		t.Fatal(err)
	}
	rows, err := csv.NewReader(&text).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	cell := func(row []string, column string) string { return row[slices.Index(rows[0], column)] }
	var parts []string
	for _, row := range rows[1:] {
		parts = append(parts, cell(row, "round")+" "+cell(row, "phase")+"/"+cell(row, "kind"))
	}
	want := []string{"1 /", "1 /load", "1 /swap", "1 /view:snapshot", "1 fill/", "1 phase 2/", "1 phase 2/load", "1 phase 2/swap", "1 phase 2/view:snapshot"}
	for _, p := range slices.Clone(want) {
		want = append(want, "2"+p[1:])
	}
	if !slices.Equal(parts, want) {
		t.Fatalf("rows of %q, want %q", parts, want)
	}
	for i, want := range map[int]map[string]string{
		2: {"operations": "300", "p99-ns": "20", "allocs/op": "0", "B/op": "16", "ns/op": "", "GCs": "", "goroutines": "7"},
		3: {"operations": "100", "allocs/op": "2", "B/op": "48"},
		5: {"operations": "2000000", "ns/op": "250", "seconds": "0.5", "goroutines": "4", "p50-ns": ""},
		6: {"operations": "400", "max-ns": "41", "lock-wait-%": "25", "goroutines": "7", "B/entry": ""},
	} {
		for column, value := range want {
			if got := cell(rows[i], column); got != value {
				t.Errorf("row %d: %s is %q, want %q", i, column, got, value)
			}
		}
	}
}

func TestScalingSetsProcessorsSideBySide(t *testing.T) {
	one, two := sampleFile(t).Results[0], sampleFile(t).Results[0]
	one.Procs = 1
	two.Strategies[1] = strategyOf("fast", 1, 1, 25)
	one.Strategies[2].Disqualified = "lost"
	var text strings.Builder
	if err := WriteScaling(&text, []*run.Result{one, two}); err != nil {
		t.Fatal(err)
	}
	const want = `
mixed: Mop/s by number of processors, and how many times the first.
strategy     1     2     ×
fast      12.5  25.0  2.00
equal        –  10.5     –
slow:64   5.00  5.00  1.00
`
	if text.String() != want {
		t.Errorf("got\n%s\nwant\n%s", text.String(), want)
	}
	text.Reset()
	if err := WriteScaling(&text, []*run.Result{two}); err != nil || text.Len() > 0 {
		t.Errorf("%v: of one number of processors: %s", err, text.String())
	}
}

func TestAdviceTellsWhereTheCostsOfAnotherStrategyAreEqual(t *testing.T) {
	cost := func(ns float64) run.Cost {
		return run.Cost{Operations: 1000, NS: ns, NSLow: ns * 0.95, NSHigh: ns * 1.05}
	}
	sample := func(read, write run.Cost) *run.Result {
		r := sampleFile(t).Results[0]
		r.Workload.Operations = workload.Mix{Load: 60, Miss: 20, Store: 20}
		r.Strategies[0].Costs = map[string]run.Cost{"load": read, "miss": read, "store": write}
		r.Strategies[1].Costs = map[string]run.Cost{"load": cost(20), "miss": cost(20), "store": cost(100)}
		return r
	}
	// fast does 12.5 million operations a second, 10 of them reads. With a read that is 10 ns cheaper and a write that is
	// 1,000 ns dearer, slow:64 is even at one write to 100 reads, 100,000 a second.
	want := "slow:64 would win below 100,000 writes/s beside as many reads, one in 100 operations: alone, a read takes it 10ns less, and a write 1.00µs more."
	if got := Advice(sample(cost(10), cost(1100))); !strings.Contains(got, want) {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	missing := sample(cost(10), cost(100_100))
	delete(missing.Strategies[0].Costs, "miss")
	paced := sample(cost(10), cost(100_100))
	paced.Workload.Rate = 1e6
	for what, r := range map[string]*run.Result{
		"reads are not cheaper":         sample(cost(30), cost(100_100)),
		"reads may be no cheaper":       sample(cost(19), cost(100_100)),
		"writes are not dearer":         sample(cost(10), cost(90)),
		"writes may be no dearer":       sample(cost(10), cost(105)),
		"a cost is missing":             missing,
		"throughput says nothing":       paced,
		"fewer than one write a second": sample(cost(10), cost(1e12)),
	} {
		if got := Advice(r); strings.Contains(got, "would win") {
			t.Errorf("%s, but: %s", what, got)
		}
	}
}
