package report

import (
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/shardmap-go/shardmap/bench/run"
)

// newRandom returns random numbers that SHARDMAP_SEED repeats.
func newRandom(t *testing.T) *rand.Rand {
	t.Helper()
	seed := uint64(time.Now().UnixNano())
	if text := os.Getenv("SHARDMAP_SEED"); text != "" {
		given, err := strconv.ParseUint(text, 0, 64)
		if err != nil {
			t.Fatalf("SHARDMAP_SEED: %v", err)
		}
		seed = given
	}
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("repeat with SHARDMAP_SEED=%d", seed)
		}
	})
	return rand.New(rand.NewPCG(seed, 0))
}

// fillIn gives a strategy all that newer files have, different in each round.
func fillIn(rng *rand.Rand, s *run.Strategy) {
	latencies := func() run.Kind {
		p50 := 1 + rng.Int64N(1000)
		return run.Kind{Operations: 1000, Samples: 500, P50: p50, P99: 2 * p50, P999: 3 * p50, Max: 9 * p50}
	}
	for i := range s.Rounds {
		r := &s.Rounds[i]
		r.GCMaxPause, r.MutexWait = rng.Float64()/1e4, rng.Float64()
		r.Kinds = map[string]run.Kind{"load": latencies(), "store": latencies(), "churn": latencies()}
		r.Views = map[string]run.Kind{"snapshot": latencies(), "range": latencies()}
		r.Phases = nil
		for _, name := range []string{"fill", "steady"} {
			r.Phases = append(r.Phases, run.Phase{
				Name: name, Operations: 1 + rng.Int64N(1e6), Seconds: 0.25, Samples: 500, P99: 1 + rng.Int64N(1e6),
			})
		}
	}
	if len(s.Rounds) > 0 {
		s.Costs = map[string]run.Cost{"load": {NS: 20 * rng.Float64()}, "store": {NS: 50 * rng.Float64(), Allocs: 1, Bytes: 16}}
	}
}

// oddNumber is one of those that spoil drawings.
func oddNumber(rng *rand.Rand) float64 {
	odd := []float64{0, -1, 1e-300, 1e300, math.MaxFloat64, math.SmallestNonzeroFloat64, -math.MaxFloat64, math.NaN(), math.Inf(1), math.Inf(-1), 1, 0.1, 12345}
	return odd[rng.IntN(len(odd))]
}

func oddInt(rng *rand.Rand) int64 {
	odd := []int64{0, 1, -1, math.MaxInt64, math.MinInt64, 1000, 1e9, 123}
	return odd[rng.IntN(len(odd))]
}

// oddFile returns results of any kind: no strategies or rounds, numbers that are none, names of any length.
func oddFile(t *testing.T, rng *rand.Rand) *File {
	t.Helper()
	f := &File{}
	for range rng.IntN(4) {
		r := sampleFile(t).Results[0]
		w := *r.Workload
		w.Name = []string{"", "a", "a, 1 processor", strings.Repeat("long ", 50)}[rng.IntN(4)]
		if rng.IntN(3) == 0 {
			w.Rate = 1e6
		}
		r.Workload, r.Procs, r.Strategies = &w, rng.IntN(4), nil
		for range rng.IntN(16) {
			s := run.Strategy{Name: strings.Repeat("M", rng.IntN(40))}
			for range rng.IntN(8) {
				s.Rounds = append(s.Rounds, run.Round{
					Operations: oddInt(rng), Seconds: oddNumber(rng), Samples: oddInt(rng),
					P50: oddInt(rng), P99: oddInt(rng), P999: oddInt(rng), Max: oddInt(rng),
					Allocs: oddNumber(rng), Bytes: oddNumber(rng), BytesPerEntry: oddNumber(rng), GCPause: oddNumber(rng),
				})
			}
			if rng.IntN(2) == 0 {
				fillIn(rng, &s)
			}
			if rng.IntN(5) == 0 {
				s.Disqualified = "wrong"
			}
			r.Strategies = append(r.Strategies, s)
		}
		f.Results = append(f.Results, r)
	}
	return f
}

func TestAnyResultsMakeAPageAndCharts(t *testing.T) {
	rng := newRandom(t)
	for range 60 {
		f := oddFile(t, rng)
		root := parsedPage(t, f)
		checkSelfContained(t, root)
		checkAccessible(t, root)
		for _, s := range f.sheets() {
			checkSelfContained(t, parse(t, s.svg("origin")))
		}
		if t.Failed() {
			break
		}
	}
}

func TestTicksAreRoundAndOnTheScale(t *testing.T) {
	rng := newRandom(t)
	for range 10_000 {
		a, b := math.Pow(10, 30*rng.Float64()-12), math.Pow(10, 30*rng.Float64()-12)
		for _, s := range []scale{linearScale([]float64{a, b}), logScale([]float64{a, b})} {
			ticks := s.ticks(4)
			if len(ticks) < 2 || len(ticks) > 4 || !slices.IsSorted(ticks) {
				t.Fatalf("%+v has the ticks %v", s, ticks)
			}
			for _, tick := range ticks {
				if tick < s.low*(1-1e-9) || tick > s.high*(1+1e-9) {
					t.Fatalf("%+v has the tick %v", s, tick)
				}
			}
			// Round is 1, 2 or 5 times a power of ten, and its multiples.
			digits := strings.TrimRight(strconv.FormatFloat(ticks[1], 'e', 6, 64)[:8], "0")
			if !slices.Contains([]string{"1.", "2.", "5."}, digits) {
				t.Fatalf("%+v has the tick %v", s, ticks[1])
			}
			low, high := min(a, b), max(a, b)
			if !(s.at(low) >= 0 && s.at(low) <= s.at(high) && s.at(high) <= 1 && (s.logarithmic || s.at(high) == 1)) {
				t.Fatalf("%+v has %v at %v and %v at %v", s, low, s.at(low), high, s.at(high))
			}
		}
	}
}

func TestBarsAreAsLongAsTheirNumbers(t *testing.T) {
	for name, c := range map[string]struct {
		values []float64
		cut    int // how many bars are too long
		last   float64
	}{
		"alike":          {[]float64{1, 2, 3, 4}, 0, 1},
		"tiny":           {[]float64{1e-9, 2e-9, 4e-9}, 0, 1},
		"one is huge":    {[]float64{1, 2, 3, 4, 1e9}, 1, 1},
		"a few are huge": {[]float64{1, 1, 1, 1, 1, 1, 2, 500, 600}, 2, 1},
		"one alone":      {[]float64{7}, 0, 1},
		"all are zero":   {[]float64{0, 0}, 0, 0},
		"below zero":     {[]float64{-5, 5}, 0, 1},
	} {
		t.Run(name, func(t *testing.T) {
			chart := &barChart{text: figure}
			for i, v := range c.values {
				chart.bars = append(chart.bars, bar{name: fmt.Sprint(i), value: run.Summary{Low: v, Median: v, High: v}})
			}
			var d drawing
			chart.draw(&d, 0, 0, 500)
			root := parse(t, d.String())
			if cut := len(root.all(func(n *node) bool { return n.attr["class"] == "cut" })); cut != c.cut {
				t.Errorf("%d bars are cut off, want %d", cut, c.cut)
			}
			limit := chart.scale().high
			longest := 0.0
			for i, rect := range root.all(func(n *node) bool { return n.attr["class"] == "bar" }) {
				width, err := strconv.ParseFloat(strings.TrimSuffix(rect.attr["width"], "%"), 64)
				want := min(max(c.values[i]/limit, 0), 1)
				if err != nil || math.Abs(width/100-want) > 1e-4 {
					t.Errorf("the bar of %v is %s long, %v; want %v of all", c.values[i], rect.attr["width"], err, want)
				}
				longest = max(longest, width/100)
			}
			if longest != c.last {
				t.Errorf("the longest bar takes %v of the width, want %v", longest, c.last)
			}
		})
	}
}

func TestWhiskersGoFromLowToHigh(t *testing.T) {
	chart := &barChart{text: figure, bars: []bar{
		{name: "with", value: run.Summary{Low: 20, Median: 50, High: 80}}, {name: "without", value: run.Summary{Low: 100, Median: 100, High: 100}},
	}}
	var d drawing
	chart.draw(&d, 0, 0, 500)
	whiskers := parse(t, d.String()).all(func(n *node) bool { return n.attr["class"] == "whisker" })
	var ends []string
	for _, w := range whiskers {
		ends = append(ends, w.attr["x1"], w.attr["x2"])
	}
	if want := []string{"20%", "80%", "20%", "20%", "80%", "80%"}; !slices.Equal(ends, want) {
		t.Errorf("the whiskers go from and to %v, want %v", ends, want)
	}
}

func TestOverlapsWithTheBestAreMarked(t *testing.T) {
	r := sampleFile(t).Results[0]
	marks := func() (marked []string) {
		for _, b := range mainBars(r).bars {
			if b.mark {
				marked = append(marked, b.name)
			}
		}
		return marked
	}
	if got := marks(); !slices.Equal(got, []string{"equal"}) {
		t.Errorf("marked are %v, want equal", got)
	}
	for i, s := range r.Strategies {
		if s.Measured() {
			r.Strategies[i].Rounds = r.Strategies[0].Rounds[:1] // all alike
		}
	}
	if got := marks(); got != nil {
		t.Errorf("marked are %v after one round, which tells nothing", got)
	}
}

func TestLabelsAreShort(t *testing.T) {
	for label, want := range map[string]string{
		"2.00": "2", "1.00ms": "1ms", "10.0µs": "10µs", "0ns": "0", "0.5": "0.5", "2.50s": "2.5s", "1,000": "1,000", "20.0 %": "20 %", "100ns": "100ns",
	} {
		if got := round(label); got != want {
			t.Errorf("round(%q) = %q, want %q", label, got, want)
		}
	}
	for x, want := range map[float64]string{1.0 / 3: "0.33", -0.001: "0", 12: "12", 1e6: "1000000", -1.5: "-1.5"} {
		if got := coordinate(x); got != want {
			t.Errorf("coordinate(%v) = %q, want %q", x, got, want)
		}
	}
	for _, c := range []struct {
		name, want string
		most       int
	}{{"Map", "Map", 3}, {"Map:maphash", "Map:…hash", 9}, {"äöüßéè", "äö…è", 4}} {
		if got := abridge(c.name, c.most); got != c.want {
			t.Errorf("abridge(%q, %d) = %q, want %q", c.name, c.most, got, c.want)
		}
	}
	for x, want := range map[float64]string{math.NaN(): "–", math.Inf(1): "–", -2.5: "−2.50", 2e300: "2e+300", 1.5: "1.50"} {
		if got := figure(x); got != want {
			t.Errorf("figure(%v) = %q, want %q", x, got, want)
		}
	}
}

func TestChartsAreFilesThatNeedNothingElse(t *testing.T) {
	f := fullFile(t)
	f.Results[2].Workload.Name = "../../<evil> & ü/"
	first, again := t.TempDir(), filepath.Join(t.TempDir(), "new", "folder")
	for _, dir := range []string{first, again} {
		if err := f.WriteCharts(dir); err != nil {
			t.Fatal(err)
		}
	}
	var names []string
	entries, err := os.ReadDir(first)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		names = append(names, e.Name())
		text, err := os.ReadFile(filepath.Join(first, e.Name()))
		if err != nil {
			t.Fatal(err)
		}
		root := parse(t, string(text))
		checkSelfContained(t, root)
		svg := root.children[0]
		described := svg.children[0].name == "title" && svg.children[1].name == "desc"
		if !described || !strings.Contains(svg.text, "prefers-color-scheme: dark") {
			t.Errorf("%s is not described, or not for light and dark", e.Name())
		}
		if !strings.Contains(svg.text, "Some CPU, 2 cores, go1.26, 2026-01-02, commit 0123456789ab") {
			t.Errorf("%s does not say where it comes from", e.Name())
		}
		if same, err := os.ReadFile(filepath.Join(again, e.Name())); err != nil || string(same) != string(text) {
			t.Errorf("%s is not the same the second time, %v", e.Name(), err)
		}
	}
	want := []string{
		"evil-latency.svg", "evil-memory.svg", "evil-p99.svg",
		"mixed-1-processor-latency.svg", "mixed-1-processor-memory.svg", "mixed-1-processor-throughput.svg",
		"mixed-2-processors-latency.svg", "mixed-2-processors-memory.svg", "mixed-2-processors-throughput.svg",
		"mixed-scaling.svg",
	}
	slices.Sort(names)
	if !slices.Equal(names, want) {
		t.Errorf("files %q, want %q", names, want)
	}
}

func TestChartsWithTheSameNameDoNotReplaceEachOther(t *testing.T) {
	f := sampleFile(t)
	f.Results = append(f.Results, sampleFile(t).Results...)
	dir := t.TempDir()
	if err := f.WriteCharts(dir); err != nil {
		t.Fatal(err)
	}
	if names, err := filepath.Glob(filepath.Join(dir, "mixed-throughput*.svg")); err != nil || len(names) != 2 {
		t.Errorf("%q, %v; want two files", names, err)
	}
	if err := f.WriteCharts(filepath.Join(dir, "mixed-memory.svg")); err == nil {
		t.Error("charts were written into a file")
	}
}
