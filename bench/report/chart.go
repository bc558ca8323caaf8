package report

import (
	"fmt"

	"github.com/shardmap-go/shardmap/bench/internal/text"
	"github.com/shardmap-go/shardmap/bench/run"
)

// A measure is one figure of a strategy, made of all its rounds.
type measure struct {
	key   string // its name in the page, for programs
	head  string // of its column in a table
	title string
	unit  string
	of    func(run.Strategy) run.Summary // NaN if it cannot be told
	text  func(float64) string
}

var (
	throughput = measure{"mops", "Mop/s", "Throughput", "Mop/s",
		medianOf(func(r run.Round) float64 { return r.Throughput() / 1e6 }), figure}

	p50  = percentile("p50", "P50", func(r run.Round) int64 { return r.P50 }, 2)
	p99  = percentile("p99", "P99", func(r run.Round) int64 { return r.P99 }, 100)
	p999 = percentile("p999", "P99.9", func(r run.Round) int64 { return r.P999 }, 1000)
	most = measure{"max", "max", "Longest latency", "",
		greatestOf(func(r run.Round) float64 { return float64(r.Max) }), latency}

	bytesPerEntry = measure{"bytes-per-entry", "B/entry", "Memory of the map", "bytes per entry",
		medianOf(func(r run.Round) float64 { return r.BytesPerEntry }), figure}
	bytesPerOp = measure{"bytes-per-op", "B/op", "Allocated", "bytes per operation",
		medianOf(func(r run.Round) float64 { return r.Bytes }), figure}
	allocsPerOp = measure{"allocs-per-op", "allocs/op", "Allocations", "per operation",
		medianOf(func(r run.Round) float64 { return r.Allocs }), figure}

	collections = measure{"gcs", "GCs", "Garbage collections", "in all rounds",
		sumOf(func(r run.Round) float64 { return float64(r.GCs) }), whole}
	pause = measure{"gc-pause", "GC pause", "Stopped by them", "in a round",
		medianOf(func(r run.Round) float64 { return r.GCPause * 1e9 }), latency}
	longestPause = measure{"gc-longest-pause", "longest pause", "Longest stop", "of all rounds",
		greatestOf(func(r run.Round) float64 { return r.GCMaxPause * 1e9 }), latency}
	mutexWait = measure{"mutex-wait", "lock wait", "Waiting for locks", "of the goroutines’ time",
		medianOf(func(r run.Round) float64 { return 100 * r.MutexWait }), share}
)

// percentile returns the measure of a percentile. It cannot be told from fewer than so many latencies in a round.
func percentile(key, head string, of func(run.Round) int64, fewest float64) measure {
	return measure{key, head, head + " latency", "", func(s run.Strategy) run.Summary {
		if !(s.Summary(func(r run.Round) float64 { return float64(r.Samples) }).Median >= fewest) {
			return run.Summarise(nil)
		}
		return s.Summary(func(r run.Round) float64 { return float64(of(r)) })
	}, latency}
}

func medianOf(of func(run.Round) float64) func(run.Strategy) run.Summary {
	return func(s run.Strategy) run.Summary { return s.Summary(of) }
}

// greatestOf and sumOf make one figure of all rounds, which has no interval.
func greatestOf(of func(run.Round) float64) func(run.Strategy) run.Summary {
	return joined(of, func(greatest, x float64) float64 { return max(greatest, x) })
}

func sumOf(of func(run.Round) float64) func(run.Strategy) run.Summary {
	return joined(of, func(sum, x float64) float64 { return sum + x })
}

func joined(of func(run.Round) float64, join func(sum, x float64) float64) func(run.Strategy) run.Summary {
	return func(s run.Strategy) run.Summary {
		sum := 0.0
		for _, r := range s.Rounds {
			sum = join(sum, of(r))
		}
		return run.Summary{Low: sum, Median: sum, High: sum}
	}
}

// The functions below write numbers for a person as digits and duration do, and cope with whatever else a file may hold.

func figure(x float64) string { return readable(x, "", digits) }

func whole(x float64) string {
	return readable(x, "", func(x float64) string { return text.Thousands(int(x)) })
}

// share writes a number of hundredths.
func share(x float64) string {
	return readable(x, " %", func(x float64) string { return digits(x) + " %" })
}

func latency(x float64) string { return readable(x, "ns", duration) }

// shortLatency is for those of which parts of a nanosecond matter.
func shortLatency(x float64) string {
	if x >= 0 && x < 100 {
		return figure(x) + "ns"
	}
	return latency(x)
}

func readable(x float64, unit string, text func(float64) string) string {
	switch {
	case !finite(x):
		return "–"
	case x < 0:
		return "−" + readable(-x, unit, text)
	case x >= 1e18: // more than fits into an int
		return fmt.Sprintf("%.3g", x) + unit
	}
	return text(x)
}

// bars returns the chart of a measure for the strategies, in their order, without intervals.
func bars(m measure, strategies []run.Strategy) *barChart {
	c := &barChart{title: m.title, unit: m.unit, text: m.text}
	for _, s := range strategies {
		median := m.of(s).Median
		c.bars = append(c.bars, bar{name: s.Name, value: run.Summary{Low: median, Median: median, High: median}})
	}
	return c
}

// mainMeasure is what the strategies are ranked by.
func mainMeasure(r *run.Result) measure {
	if r.Workload.Paced() {
		return p99
	}
	return throughput
}

// mainBars returns the chart of what the strategies are ranked by, the best first, with those marked that are not told
// apart from it.
func mainBars(r *run.Result) *barChart {
	ranked := rank(r)
	c := bars(mainMeasure(r), ranked)
	for i := range c.bars {
		c.bars[i].value = mainMeasure(r).of(ranked[i])
		c.bars[i].mark = i > 0 && c.bars[i].value.Overlaps(c.bars[0].value)
	}
	if fewestRounds(ranked) > 1 {
		c.band = &c.bars[0].value
	} else {
		for i := range c.bars {
			c.bars[i].mark = false // one round tells nothing
		}
	}
	return c
}

// flat tells whether there is nothing to see in a chart: no number above 0.
func (c *barChart) flat() bool {
	for _, b := range c.bars {
		if b.value.Median > 0 && finite(b.value.Median) {
			return false
		}
	}
	return true
}

// latencyMeasures are those of the percentile curve, with their places along it.
var latencyMeasures = []struct {
	measure
	at float64
}{{p50, 0}, {p99, 1. / 3}, {p999, 2. / 3}, {most, 1}}

// percentileCurves returns the latencies of the strategies as curves.
func percentileCurves(strategies []run.Strategy) *panelChart {
	c := &panelChart{title: "Latency", text: latency}
	var all []float64
	for _, m := range latencyMeasures {
		c.across = append(c.across, place{m.at, m.head})
	}
	for _, s := range strategies {
		l := line{name: s.Name}
		for _, m := range latencyMeasures {
			v := m.of(s).Median
			all = append(all, v)
			l.points = append(l.points, point{m.at, v, v, v})
		}
		if v := l.points[1].y; finite(v) {
			l.note = "P99 " + latency(v)
		}
		c.lines = append(c.lines, l)
	}
	c.up = logScale(all)
	return c
}
