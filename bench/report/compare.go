package report

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/shardmap-go/shardmap/bench/run"
)

// WriteComparison writes what changed from one file to another, for every workload and strategy that both have.
func WriteComparison(w io.Writer, before, after *File) error {
	var text strings.Builder
	fmt.Fprintf(&text, "before: %s\nafter:  %s\n", before, after)
	if before.CPU != after.CPU || before.Cores != after.Cores || before.Go != after.Go {
		fmt.Fprintln(&text, "They come from different machines or versions of Go, which may be all the difference.")
	}
	compared := 0
	for _, b := range before.Results {
		for _, a := range after.Results {
			if a.Workload.Name != b.Workload.Name || a.Procs != b.Procs && (several(before, b) || several(after, a)) {
				continue
			}
			table := compareResults(b, a)
			if len(table) == 1 {
				continue
			}
			compared++
			fmt.Fprintf(&text, "\n%s\n", heading(before, b))
			if a.Workload.String() != b.Workload.String() || a.Procs != b.Procs || a.Goroutines != b.Goroutines {
				fmt.Fprintln(&text, "The workloads differ, although their names are the same.")
			}
			text.WriteString(align(table))
		}
	}
	if compared == 0 {
		fmt.Fprintln(&text, "\nThey have no workload and strategy in common.")
	}
	_, err := io.WriteString(w, text.String())
	return err
}

// several tells whether a file has a workload at several numbers of processors, which then are compared one by one.
func several(f *File, r *run.Result) bool {
	return slices.ContainsFunc(f.Results, func(other *run.Result) bool {
		return other.Workload.Name == r.Workload.Name && other.Procs != r.Procs
	})
}

func heading(f *File, r *run.Result) string {
	if several(f, r) {
		return r.Workload.Name + ", " + count(r.Procs, "processor")
	}
	return r.Workload.Name
}

// compareResults returns one row for each strategy that was measured both times, below a heading.
func compareResults(before, after *run.Result) [][]string {
	what, unit := run.Round.Throughput, 1e6
	table := [][]string{{"strategy", "before", "after Mop/s", "after/before", "verdict"}}
	if before.Workload.Paced() {
		what, unit = func(r run.Round) float64 { return float64(r.P99) }, 1e3
		table[0][2] = "after P99 µs"
	}
	for _, b := range before.Strategies {
		for _, a := range after.Strategies {
			if a.Name != b.Name || !a.Measured() || !b.Measured() {
				continue
			}
			x, y := b.Summary(what), a.Summary(what)
			verdict := "differs"
			if x.Overlaps(y) {
				verdict = "intervals overlap"
			}
			table = append(table, []string{
				b.Name, digits(x.Median / unit), digits(y.Median / unit), fmt.Sprintf("%.2f", y.Median/x.Median), verdict,
			})
		}
	}
	return table
}
