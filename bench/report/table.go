package report

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/shardmap-go/shardmap/bench/internal/text"
	"github.com/shardmap-go/shardmap/bench/run"
)

// WriteTable writes one result for a person: what was done, a table with the best first, and advice.
func WriteTable(w io.Writer, r *run.Result) error { return Tables{}.Write(w, r) }

// Tables says what is shown of a result besides what [WriteTable] shows.
type Tables struct {
	Kinds  bool // latencies of each kind of operation
	Allocs bool // allocations of each kind of operation
}

// Write writes one result for a person.
func (t Tables) Write(w io.Writer, r *run.Result) error {
	var out strings.Builder
	out.WriteString(r.Workload.Name)
	if r.Workload.About != "" {
		out.WriteString(": " + r.Workload.About)
	}
	fmt.Fprintf(&out, "\n%s\n", describe(r))
	if ranked := rank(r); len(ranked) > 0 {
		fmt.Fprintln(&out)
		out.WriteString(align(rows(ranked)))
		out.WriteString(t.more(r, ranked))
	}
	for _, s := range r.Strategies {
		if s.Disqualified != "" {
			fmt.Fprintf(&out, "DISQUALIFIED  %s: %s\n", s.Name, s.Disqualified)
		}
	}
	for _, s := range r.Strategies {
		if s.Excluded != "" {
			fmt.Fprintf(&out, "not measured  %s: %s\n", s.Name, s.Excluded)
		}
	}
	fmt.Fprintf(&out, "\n%s\n", text.Wrap(Advice(r)))
	_, err := io.WriteString(w, out.String())
	return err
}

// rank returns what was measured, the best first: by throughput, or by P99 if the throughput was given.
func rank(r *run.Result) []run.Strategy {
	var ranked []run.Strategy
	for _, s := range r.Strategies {
		if s.Measured() {
			ranked = append(ranked, s)
		}
	}
	slices.SortStableFunc(ranked, func(a, b run.Strategy) int {
		return cmp.Compare(score(r, b).Median, score(r, a).Median)
	})
	return ranked
}

// fewestRounds returns the number of rounds of the strategy that has least.
func fewestRounds(strategies []run.Strategy) int {
	fewest := len(strategies[0].Rounds)
	for _, s := range strategies {
		fewest = min(fewest, len(s.Rounds))
	}
	return fewest
}

// score is what strategies are ranked by; more is better.
func score(r *run.Result, s run.Strategy) run.Summary {
	if r.Workload.Paced() {
		return s.Summary(func(r run.Round) float64 { return -float64(r.P99) })
	}
	return s.Summary(run.Round.Throughput)
}

func rows(ranked []run.Strategy) [][]string {
	interval := "95 % interval"
	if fewestRounds(ranked) < run.MinRounds {
		interval = "lowest–highest"
	}
	table := [][]string{{
		"strategy", "Mop/s", interval, "of best", "P50", "P99", "P99.9", "max", "allocs/op", "B/op", "B/entry", "GCs", "GC max", "lock wait",
	}}
	best := 0.0
	for _, s := range ranked {
		best = max(best, s.Summary(run.Round.Throughput).Median)
	}
	for _, s := range ranked {
		t := s.Summary(run.Round.Throughput)
		longest, gcs, pause := int64(0), uint32(0), 0.0
		for _, round := range s.Rounds {
			longest = max(longest, round.Max)
			gcs += round.GCs
			pause = max(pause, round.GCMaxPause)
		}
		latency := func(of func(run.Round) int64, samples float64) string {
			if s.Summary(func(r run.Round) float64 { return float64(r.Samples) }).Median < samples {
				return "–" // too few to tell
			}
			return duration(s.Summary(func(r run.Round) float64 { return float64(of(r)) }).Median)
		}
		median := func(of func(run.Round) float64) float64 { return s.Summary(of).Median }
		table = append(table, []string{
			s.Name, digits(t.Median / 1e6), digits(t.Low/1e6) + "–" + digits(t.High/1e6), fmt.Sprintf("%.2f", t.Median/best),
			latency(func(r run.Round) int64 { return r.P50 }, 2), latency(func(r run.Round) int64 { return r.P99 }, 100),
			latency(func(r run.Round) int64 { return r.P999 }, 1000), duration(float64(longest)),
			digits(median(func(r run.Round) float64 { return r.Allocs })), digits(median(func(r run.Round) float64 { return r.Bytes })),
			digits(median(func(r run.Round) float64 { return r.BytesPerEntry })), strconv.Itoa(int(gcs)),
			duration(pause * 1e9), inPercent(median(func(r run.Round) float64 { return r.MutexWait })),
		})
	}
	return table
}

// align puts the cells below each other: the first column to the left, the others to the right.
func align(table [][]string) string {
	widths := make([]int, len(table[0]))
	for _, row := range table {
		for i, cell := range row {
			widths[i] = max(widths[i], utf8.RuneCountInString(cell))
		}
	}
	var out strings.Builder
	for _, row := range table {
		for i, cell := range row {
			gap := strings.Repeat(" ", widths[i]-utf8.RuneCountInString(cell))
			if i == 0 {
				out.WriteString(cell + gap)
			} else {
				out.WriteString("  " + gap + cell)
			}
		}
		out.WriteString("\n")
	}
	return out.String()
}

// digits writes x with three significant digits, two below 1, and as 0 below a ten-thousandth.
func digits(x float64) string {
	switch {
	case x >= 100:
		return text.Thousands(int(x + 0.5))
	case x >= 10:
		return fmt.Sprintf("%.1f", x)
	case x >= 1:
		return fmt.Sprintf("%.2f", x)
	case x >= 0.0001:
		return fmt.Sprintf("%.2g", x)
	}
	return "0"
}

// inPercent writes a part of 1.
func inPercent(part float64) string { return digits(100*part) + " %" }

// count returns "1 thing" or "2 things".
func count(n int, thing string) string {
	if n != 1 {
		thing += "s"
	}
	return text.Thousands(n) + " " + thing
}

// duration writes nanoseconds with three significant digits.
func duration(ns float64) string {
	switch {
	case ns >= 1e9:
		return digits(ns/1e9) + "s"
	case ns >= 1e6:
		return digits(ns/1e6) + "ms"
	case ns >= 1e3:
		return digits(ns/1e3) + "µs"
	}
	return fmt.Sprintf("%.0fns", ns)
}
