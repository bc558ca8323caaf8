package report

import (
	"bufio"
	"encoding/csv"
	"fmt"
	"io"
	"maps"
	"slices"
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
	{"GC-max-pause-ns", func(r run.Round) float64 { return r.GCMaxPause * 1e9 }},
	{"lock-wait-%", func(r run.Round) float64 { return r.MutexWait * 100 }},
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

// WriteCSV writes one line for each round, and one that names the columns. After a round come lines for its parts, with what
// is known of them: the phases, the kinds of operations, and the views beside the operations. They are told from the
// round by the columns phase and kind. Allocations of a kind are those of one goroutine alone, outside of the rounds.
func (f *File) WriteCSV(w io.Writer) error {
	out := csv.NewWriter(w)
	header := []string{"workload", "strategy", "round", "procs", "goroutines", "operations", "seconds"}
	for _, c := range columns {
		header = append(header, c.unit)
	}
	if err := out.Write(append(header, "phase", "kind")); err != nil {
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
		if err := out.Write(append(line, "", "")); err != nil {
			return err
		}
		for _, p := range partsOf(s, round) {
			if err := out.Write(p.line(header, line)); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	out.Flush()
	return out.Error()
}

// A part is a line about a part of a round: what is known of it, by column.
type part struct {
	phase, kind string
	known       map[string]float64
}

// partsOf returns the parts of a round: kinds and views, then each phase with its own.
func partsOf(s run.Strategy, round run.Round) []part {
	parts := kindsOf("", round.Kinds, round.Views, s.Costs)
	for i, p := range round.Phases {
		name := phaseName(p.Name, i)
		whole := latencies(run.Kind{Operations: p.Operations, Samples: p.Samples, P50: p.P50, P99: p.P99, P999: p.P999, Max: p.Max})
		whole["goroutines"], whole["seconds"], whole["lock-wait-%"] = float64(p.Goroutines), p.Seconds, p.MutexWait*100
		if p.Operations > 0 {
			whole["ns/op"] = p.Seconds * 1e9 / float64(p.Operations)
		}
		parts = append(parts, part{phase: name, known: whole})
		parts = append(parts, kindsOf(name, p.Kinds, p.Views, nil)...)
	}
	return parts
}

// kindsOf returns a part for each kind of operation and each view.
func kindsOf(phase string, kinds, views map[string]run.Kind, costs map[string]run.Cost) []part {
	var parts []part
	add := func(label string, of map[string]run.Kind) {
		for _, kind := range slices.Sorted(maps.Keys(of)) {
			p := part{phase: phase, kind: label + kind, known: latencies(of[kind])}
			if c, ok := costs[kind]; ok {
				p.known["allocs/op"], p.known["B/op"] = c.Allocs, c.Bytes
			}
			parts = append(parts, p)
		}
	}
	add("", kinds)
	add("view:", views)
	return parts
}

func latencies(k run.Kind) map[string]float64 {
	known := map[string]float64{"operations": float64(k.Operations)}
	if k.Samples > 0 {
		known["p50-ns"], known["p99-ns"], known["p99.9-ns"], known["max-ns"] = float64(k.P50), float64(k.P99), float64(k.P999), float64(k.Max)
	}
	return known
}

// line returns the line of a part of a round that has the given line; what is not known stays empty.
func (p part) line(header, round []string) []string {
	line := slices.Clone(round)
	for i, column := range header {
		if x, ok := p.known[column]; ok {
			line[i] = number(x)
		} else if i >= slices.Index(header, "operations") {
			line[i] = ""
		}
	}
	return append(line, p.phase, p.kind)
}

// number writes x with as many digits as it takes to read the same number again, and no exponent.
func number(x float64) string { return strconv.FormatFloat(x, 'f', -1, 64) }
