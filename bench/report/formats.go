package report

import (
	"bufio"
	"encoding/csv"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/shardmap-go/shardmap/bench/run"
)

// A column is one figure of a round, by its unit in Go's benchmark format, which is also its name in CSV.
type column struct {
	unit string
	of   func(run.Round) float64
}

var columns = []column{
	{"ns/op", func(r run.Round) float64 { return r.Seconds * 1e9 / float64(r.Operations) }},
	{"p50-ns", func(r run.Round) float64 { return float64(r.P50) }},
	{"p99-ns", func(r run.Round) float64 { return float64(r.P99) }},
	{"p99.9-ns", func(r run.Round) float64 { return float64(r.P999) }},
	{"max-ns", func(r run.Round) float64 { return float64(r.Max) }},
	{"B/op", func(r run.Round) float64 { return r.Bytes }},
	{"allocs/op", func(r run.Round) float64 { return r.Allocs }},
	{"B/entry", func(r run.Round) float64 { return r.BytesPerEntry }},
	{"GCs", func(r run.Round) float64 { return float64(r.GCs) }},
	{"GC-pause-ns", func(r run.Round) float64 { return r.GCPause * 1e9 }},
}

// each calls f with every round of the strategies that were measured and not disqualified. A round without a finished
// operation has no time per operation, and is left out.
func (f *File) each(visit func(r *run.Result, s run.Strategy, n int, round run.Round) error) error {
	for _, r := range f.Results {
		for _, s := range r.Strategies {
			if !s.Measured() {
				continue
			}
			for n, round := range s.Rounds {
				if round.Operations == 0 {
					continue
				}
				if err := visit(r, s, n, round); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// WriteBenchmarks writes Go's benchmark format, which benchstat reads: one line for each round.
func (f *File) WriteBenchmarks(w io.Writer) error {
	out := bufio.NewWriter(w)
	fmt.Fprintf(out, "goos: %s\ngoarch: %s\npkg: github.com/shardmap-go/shardmap/bench\n", f.GOOS, f.GOARCH)
	if f.CPU != "" {
		fmt.Fprintf(out, "cpu: %s\n", f.CPU)
	}
	for _, r := range f.Results {
		for _, s := range r.Strategies {
			if s.Disqualified != "" {
				fmt.Fprintf(out, "# disqualified on %s: %s: %s\n", r.Workload.Name, s.Name, s.Disqualified)
			}
		}
	}
	err := f.each(func(r *run.Result, s run.Strategy, _ int, round run.Round) error {
		// The number of processors comes last even if it is 1, as names may end in a number of their own.
		fmt.Fprintf(out, "BenchmarkMapbench/workload=%s/impl=%s-%d\t%d", oneWord(r.Workload.Name), s.Name, r.Procs, round.Operations)
		for _, c := range columns {
			fmt.Fprintf(out, "\t%s %s", number(c.of(round)), c.unit)
		}
		_, err := fmt.Fprintln(out)
		return err
	})
	if err != nil {
		return err
	}
	return out.Flush()
}

// oneWord makes a name fit into that of a benchmark, which ends at a space and has parts between slashes.
func oneWord(name string) string {
	return strings.Map(func(r rune) rune {
		if r <= ' ' || r == '/' || r == '=' || r > '~' {
			return '_'
		}
		return r
	}, name)
}

// WriteCSV writes one line for each round, and one that names the columns.
func (f *File) WriteCSV(w io.Writer) error {
	out := csv.NewWriter(w)
	header := []string{"workload", "strategy", "round", "procs", "goroutines", "operations", "seconds"}
	for _, c := range columns {
		header = append(header, c.unit)
	}
	if err := out.Write(header); err != nil {
		return err
	}
	err := f.each(func(r *run.Result, s run.Strategy, n int, round run.Round) error {
		line := []string{
			r.Workload.Name, s.Name, strconv.Itoa(n + 1), strconv.Itoa(r.Procs), strconv.Itoa(r.Goroutines),
			strconv.FormatInt(round.Operations, 10), number(round.Seconds),
		}
		for _, c := range columns {
			line = append(line, number(c.of(round)))
		}
		return out.Write(line)
	})
	if err != nil {
		return err
	}
	out.Flush()
	return out.Error()
}

// number writes x with as many digits as it takes to read the same number again, and no exponent.
func number(x float64) string { return strconv.FormatFloat(x, 'f', -1, 64) }
