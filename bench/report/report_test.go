package report

import (
	"bytes"
	"encoding/csv"
	"os"
	"path/filepath"
	"reflect"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/perf/benchfmt"

	"github.com/shardmap-go/shardmap/bench/run"
	"github.com/shardmap-go/shardmap/bench/workload"
)

// strategyOf returns a strategy with one round for each number of operations per second, in millions.
func strategyOf(name string, p99 int64, bytesPerEntry float64, mops ...float64) run.Strategy {
	s := run.Strategy{Name: name, Rounds: []run.Round{}}
	for _, m := range mops {
		s.Rounds = append(s.Rounds, run.Round{
			Operations: int64(m * 5e5), Seconds: 0.5, Samples: 5000,
			P50: p99 / 2, P99: p99, P999: 2 * p99, Max: 1_500_000, Allocs: 0.25, Bytes: 12.5,
			BytesPerEntry: bytesPerEntry, GCs: 2, GCPause: 0.000125,
		})
	}
	return s
}

func sampleFile(t *testing.T) *File {
	t.Helper()
	w, err := workload.Open("mixed")
	if err != nil {
		t.Fatal(err)
	}
	lossy := strategyOf("lossy", 90, 30, 99)
	lossy.Disqualified = "lost 1 of 9 entries"
	return &File{
		Origin: Origin{Date: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC), Go: "go1.26", GOOS: "linux", GOARCH: "amd64", CPU: "Some CPU", Cores: 2},
		Results: []*run.Result{{
			Workload: w, Goroutines: 4, Procs: 2, Seed: 3, Overhead: 10,
			Strategies: []run.Strategy{
				strategyOf("slow:64", 200, 120, 5, 4, 6, 5, 5, 5),
				strategyOf("fast", 300, 50, 10, 11, 12, 13, 14, 15),
				strategyOf("equal", 100, 30, 14, 9, 10, 11, 12, 10),
				lossy,
				{Name: "narrow", Excluded: "takes no string keys", Rounds: []run.Round{}},
			},
		}},
	}
}

func TestJSONIsReadAsItWasWritten(t *testing.T) {
	f := sampleFile(t)
	var text bytes.Buffer
	if err := f.WriteJSON(&text); err != nil {
		t.Fatal(err)
	}
	name := filepath.Join(t.TempDir(), "r.json")
	if err := os.WriteFile(name, text.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	again, err := Read(name)
	if err != nil || !reflect.DeepEqual(again, f) {
		t.Errorf("%+v, %v; want %+v", again, err, f)
	}
}

func TestWhatIsNoFileOfResultsIsRefused(t *testing.T) {
	name := filepath.Join(t.TempDir(), "r.json")
	for _, text := range []string{"", "[]", "{}", `{"results": [null]}`, `{"results": [{}]}`, `{"results": 1}`} {
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if f, err := Read(name); err == nil {
			t.Errorf("%q was read as %+v", text, f)
		}
	}
}

func TestBenchmarkLinesAreThoseThatBenchstatReads(t *testing.T) {
	f := sampleFile(t)
	for i := range f.Results[0].Strategies[0].Rounds {
		f.Results[0].Strategies[0].Rounds[i].GCMaxPause, f.Results[0].Strategies[0].Rounds[i].MutexWait = 0.0001, 0.015
	}
	var text bytes.Buffer
	if err := f.WriteBenchmarks(&text); err != nil {
		t.Fatal(err)
	}
	names := map[string]int{}
	reader := benchfmt.NewReader(&text, "test")
	for reader.Scan() {
		result, ok := reader.Result().(*benchfmt.Result)
		if !ok {
			t.Fatalf("not a result: %v", reader.Result())
		}
		names[result.Name.String()]++
		if got := result.GetConfig("cpu"); got != "Some CPU" {
			t.Errorf("cpu: %q", got)
		}
		if result.Name.String() != "Mapbench/workload=mixed/impl=slow:64-2" || names[result.Name.String()] > 1 {
			continue
		}
		if result.Iters != 2_500_000 {
			t.Errorf("%d operations, want 2500000", result.Iters)
		}
		for unit, want := range map[string]float64{
			"sec/op": 200e-9, "p50-sec": 100e-9, "p99-sec": 200e-9, "p99.9-sec": 400e-9, "max-sec": 1.5e-3,
			"B/op": 12.5, "allocs/op": 0.25, "B/entry": 120, "GCs": 2, "GC-pause-sec": 0.000125, "GC-max-pause-sec": 0.0001, "lock-wait-%": 1.5,
		} {
			if got, ok := result.Value(unit); !ok || got < want*0.999999 || got > want*1.000001 {
				t.Errorf("%s is %v, %v; want %v", unit, got, ok, want)
			}
		}
	}
	if err := reader.Err(); err != nil {
		t.Error(err)
	}
	want := map[string]int{
		"Mapbench/workload=mixed/impl=slow:64-2": 6, "Mapbench/workload=mixed/impl=fast-2": 6, "Mapbench/workload=mixed/impl=equal-2": 6,
	}
	if !reflect.DeepEqual(names, want) {
		t.Errorf("lines of %v, want %v", names, want)
	}
}

func TestCSVHasARowForEveryRoundThatCounts(t *testing.T) {
	f := sampleFile(t)
	var text bytes.Buffer
	if err := f.WriteCSV(&text); err != nil {
		t.Fatal(err)
	}
	rows, err := csv.NewReader(&text).ReadAll()
	if err != nil || len(rows) != 1+18 {
		t.Fatalf("%d rows, %v; want a heading and 18", len(rows), err)
	}
	row := map[string]string{}
	for i, name := range rows[0] {
		row[name] = rows[2][i]
	}
	for name, want := range map[string]string{
		"workload": "mixed", "strategy": "slow:64", "round": "2", "procs": "2", "goroutines": "4",
		"operations": "2000000", "seconds": "0.5", "ns/op": "250", "p99-ns": "200", "allocs/op": "0.25",
	} {
		if row[name] != want {
			t.Errorf("%s is %q, want %q", name, row[name], want)
		}
	}
}

func TestTheTableHasTheBestFirstAndNamesTheDisqualified(t *testing.T) {
	sample := sampleFile(t).Results[0]
	for _, s := range sample.Strategies {
		for i := range s.Rounds {
			s.Rounds[i].GCMaxPause, s.Rounds[i].MutexWait = 0.0001, 0.015
		}
	}
	var text strings.Builder
	if err := WriteTable(&text, sample); err != nil {
		t.Fatal(err)
	}
	const want = `mixed: a bit of everything, on keys chosen evenly
50,000 string keys of 24 bytes (uniform), pointer values; 4 goroutines on 2 processors, at full speed
load 75 %, store 12 %, miss 5 %, churn 4 %, loadOrStore 4 %

strategy  Mop/s  95 % interval  of best    P50    P99  P99.9     max  allocs/op  B/op  B/entry  GCs  GC max  lock wait
fast       12.5      10.0–15.0     1.00  150ns  300ns  600ns  1.50ms       0.25  12.5     50.0   12   100µs     1.50 %
equal      10.5      9.00–14.0     0.84   50ns  100ns  200ns  1.50ms       0.25  12.5     30.0   12   100µs     1.50 %
slow:64    5.00      4.00–6.00     0.40  100ns  200ns  400ns  1.50ms       0.25  12.5      120   12   100µs     1.50 %
DISQUALIFIED  lossy: lost 1 of 9 entries
not measured  narrow: takes no string keys

For this workload: fast. The intervals do not tell it from equal. Slower: slow:64 2.50×. equal takes least
memory, 30.0 bytes an entry instead of 50.0. equal has the lowest P99, 100ns instead of 300ns.
`
	if text.String() != want {
		t.Errorf("got\n%s\nwant\n%s", text.String(), want)
	}
}

func TestAdviceAtATargetRateIsByP99(t *testing.T) {
	r := sampleFile(t).Results[0]
	r.Workload.Rate = 1e6
	r.Strategies[1].Rounds[2].Late = 1
	const want = "For this workload: equal. Times as long takes the P99 of: slow:64 2.00×, fast 3.00×. Not up to the rate: fast."
	if got := Advice(r); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

func TestAdviceAdmitsWhatTheMeasurementCannotTell(t *testing.T) {
	r := sampleFile(t).Results[0]
	r.Overhead = 40
	r.Strategies[1].Rounds = r.Strategies[1].Rounds[:3]
	got := Advice(r)
	for _, want := range []string{
		"With a map that does nothing, an operation takes 40.0 ns instead of",
		"That is from 3 rounds; it takes 6 to be 95 % sure of an interval.",
	} {
		if !strings.Contains(got, want) {
			t.Errorf("%s\ndoes not say: %s", got, want)
		}
	}
	r.Strategies[1].Rounds = r.Strategies[1].Rounds[:1]
	if got, want := Advice(r), "equal came first, but from one round nothing can be told."; got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	r.Strategies = r.Strategies[3:]
	if got := Advice(r); got != "Nothing was measured that could be recommended." {
		t.Errorf("of nothing: %s", got)
	}
}

func TestAComparisonSaysWhatChanged(t *testing.T) {
	before, after := sampleFile(t), sampleFile(t)
	after.Results[0].Strategies[0] = strategyOf("slow:64", 1, 1, 8, 8, 8, 8, 8, 8)
	after.Results[0].Strategies = after.Results[0].Strategies[:4]
	var text strings.Builder
	if err := WriteComparison(&text, before, after); err != nil {
		t.Fatal(err)
	}
	const where = "Some CPU, 2 cores, go1.26, 2026-01-02"
	const want = "before: " + where + "\nafter:  " + where + `

mixed
strategy  before  after Mop/s  after/before            verdict
slow:64     5.00         8.00          1.60            differs
fast        12.5         12.5          1.00  intervals overlap
equal       10.5         10.5          1.00  intervals overlap
`
	if text.String() != want {
		t.Errorf("got\n%s\nwant\n%s", text.String(), want)
	}

	after.Go, after.Results[0].Procs = "go1.27", 4
	text.Reset()
	if err := WriteComparison(&text, before, after); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"different machines or versions of Go", "The workloads differ"} {
		if !strings.Contains(text.String(), want) {
			t.Errorf("%s\ndoes not say: %s", text.String(), want)
		}
	}

	one := *after.Results[0]
	one.Procs = 2
	after.Results = append(after.Results, &one)
	text.Reset()
	if err := WriteComparison(&text, before, after); err != nil || strings.Count(text.String(), "\nmixed\n") != 1 || strings.Contains(text.String(), "The workloads differ") {
		t.Errorf("%v: numbers of processors are mixed up:\n%s", err, text.String())
	}

	after.Results = after.Results[:1]
	after.Results[0].Strategies = nil
	text.Reset()
	if err := WriteComparison(&text, before, after); err != nil || !strings.Contains(text.String(), "no workload and strategy in common") {
		t.Errorf("%v: %s", err, text.String())
	}
}

func TestNumbersAreWrittenForPeople(t *testing.T) {
	for x, want := range map[float64]string{0: "0", 1e-9: "0", 0.00003: "0", 0.00012: "0.00012", 0.0123: "0.012", 0.5: "0.5", 1: "1.00", 9.994: "9.99", 12.34: "12.3", 1234567: "1,234,567"} {
		if got := digits(x); got != want {
			t.Errorf("digits(%v) = %s, want %s", x, got, want)
		}
	}
	for ns, want := range map[float64]string{0: "0ns", 999: "999ns", 1500: "1.50µs", 25e6: "25.0ms", 1e9: "1.00s", 600e9: "600s"} {
		if got := duration(ns); got != want {
			t.Errorf("duration(%v) = %s, want %s", ns, got, want)
		}
	}
	if got := strconv.Quote(oneWord("a b/ü=c")); got != `"a_b___c"` {
		t.Errorf("oneWord: %s", got)
	}
}
