package report

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/shardmap-go/shardmap/bench/run"
)

// more returns the smaller tables below the main one: the phases and views of the workload, and what was asked for.
func (t Tables) more(r *run.Result, ranked []run.Strategy) string {
	var text strings.Builder
	add := func(title string, table [][]string) {
		if len(table) > 1 && len(table[0]) > 1 {
			fmt.Fprintf(&text, "\n%s\n%s", title, align(table))
		}
	}
	add("Phases: Mop/s, or P99 where the rate is given.", phaseRows(r, ranked))
	add("Views of the whole map, beside the operations.", kindRows(ranked, func(r run.Round) map[string]run.Kind { return r.Views }))
	if t.Kinds {
		add("Latencies by kind of operation.", kindRows(ranked, func(r run.Round) map[string]run.Kind { return r.Kinds }))
	}
	if t.Allocs {
		add("Allocations and bytes of one operation, of one goroutine alone.", allocRows(ranked))
	}
	return text.String()
}

// phaseRows returns a row for each strategy, with a cell for each phase.
func phaseRows(r *run.Result, ranked []run.Strategy) [][]string {
	header := []string{"strategy"}
	for i, p := range r.Workload.Phases {
		header = append(header, phaseName(p.Name, i))
	}
	table := [][]string{header}
	for _, s := range ranked {
		row := []string{s.Name}
		for i, p := range r.Workload.Phases {
			of := func(r run.Round) run.Phase {
				if i < len(r.Phases) {
					return r.Phases[i]
				}
				return run.Phase{Seconds: 1}
			}
			if p.Rate > 0 {
				row = append(row, duration(s.Summary(func(r run.Round) float64 { return float64(of(r).P99) }).Median))
			} else {
				row = append(row, digits(s.Summary(func(r run.Round) float64 { return float64(of(r).Operations) / of(r).Seconds / 1e6 }).Median))
			}
		}
		table = append(table, row)
	}
	return table
}

// kindRows returns a row for each strategy and kind: how many there were in a round, and the latencies; the median of
// the rounds, and the longest of all.
func kindRows(ranked []run.Strategy, of func(run.Round) map[string]run.Kind) [][]string {
	table := [][]string{{"strategy", "kind", "in a round", "P50", "P99", "P99.9", "max"}}
	for _, s := range ranked {
		for _, name := range kindNames(s, of) {
			median := func(figure func(run.Kind) int64) float64 {
				return s.Summary(func(r run.Round) float64 { return float64(figure(of(r)[name])) }).Median
			}
			samples := median(func(k run.Kind) int64 { return k.Samples })
			latency := func(figure func(run.Kind) int64, enough float64) string {
				if samples < enough {
					return "–" // too few to tell
				}
				return duration(median(figure))
			}
			longest := int64(0)
			for _, r := range s.Rounds {
				longest = max(longest, of(r)[name].Max)
			}
			table = append(table, []string{
				s.Name, name, digits(median(func(k run.Kind) int64 { return k.Operations })),
				latency(func(k run.Kind) int64 { return k.P50 }, 2), latency(func(k run.Kind) int64 { return k.P99 }, 100),
				latency(func(k run.Kind) int64 { return k.P999 }, 1000), duration(float64(longest)),
			})
		}
	}
	return table
}

// kindNames returns the kinds that a strategy has in any round.
func kindNames(s run.Strategy, of func(run.Round) map[string]run.Kind) []string {
	all := map[string]bool{}
	for _, r := range s.Rounds {
		for name := range of(r) {
			all[name] = true
		}
	}
	return slices.Sorted(maps.Keys(all))
}

// allocRows returns a row for each strategy, with a cell for each kind of operation.
func allocRows(ranked []run.Strategy) [][]string {
	all := map[string]bool{}
	for _, s := range ranked {
		for name := range s.Costs {
			all[name] = true
		}
	}
	names := slices.Sorted(maps.Keys(all))
	table := [][]string{append([]string{"strategy"}, names...)}
	for _, s := range ranked {
		row := []string{s.Name}
		for _, name := range names {
			cell := "–"
			if c, ok := s.Costs[name]; ok {
				cell = digits(c.Allocs) + ", " + digits(c.Bytes) + " B"
			}
			row = append(row, cell)
		}
		table = append(table, row)
	}
	return table
}

// WriteScaling writes how each strategy does with different numbers of processors, for each workload that was measured
// with several. Without such a workload it writes nothing.
func WriteScaling(w io.Writer, results []*run.Result) error {
	var text strings.Builder
	done := map[string]bool{}
	for _, first := range results {
		name := first.Workload.Name
		if done[name] || first.Workload.Paced() {
			continue
		}
		done[name] = true
		var columns []*run.Result
		for _, r := range results {
			if r.Workload.Name == name && !slices.ContainsFunc(columns, func(c *run.Result) bool { return c.Procs == r.Procs }) {
				columns = append(columns, r)
			}
		}
		if table := scalingRows(columns); len(columns) > 1 && len(table) > 1 {
			fmt.Fprintf(&text, "\n%s: Mop/s by number of processors, and how many times the first.\n%s", name, align(table))
		}
	}
	_, err := io.WriteString(w, text.String())
	return err
}

// scalingRows returns a row for each strategy, the best at the last number of processors first.
func scalingRows(columns []*run.Result) [][]string {
	header := []string{"strategy"}
	for i, r := range columns {
		header = append(header, strconv.Itoa(r.Procs))
		if i > 0 {
			header = append(header, "×")
		}
	}
	table := [][]string{header}
	for _, s := range rank(columns[len(columns)-1]) {
		row, base := []string{s.Name}, 0.0
		for i, r := range columns {
			at := slices.IndexFunc(r.Strategies, func(other run.Strategy) bool { return other.Name == s.Name && other.Measured() })
			cell, times := "–", "–"
			if at >= 0 {
				x := r.Strategies[at].Summary(run.Round.Throughput).Median / 1e6
				cell = digits(x)
				if i == 0 {
					base = x
				} else if base > 0 {
					times = fmt.Sprintf("%.2f", x/base)
				}
			}
			if row = append(row, cell); i > 0 {
				row = append(row, times)
			}
		}
		table = append(table, row)
	}
	return table
}
