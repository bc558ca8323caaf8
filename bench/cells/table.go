package cells

import (
	"cmp"
	"fmt"
	"io"
	"math"
	"slices"
	"strings"

	"github.com/shardmap-go/shardmap/bench/internal/text"
	"github.com/shardmap-go/shardmap/bench/strategy"
)

// A Verdict is how the time of one strategy compares with the best of its peers in one cell.
type Verdict struct {
	Cell
	Own, Peer Time
	Ratio     float64 // of the medians: below 1 the strategy is faster
	Overlap   bool    // of the intervals: which is faster is not sure
}

// Compare compares a strategy with the best of those that are not of this project, in all cells that have both.
func Compare(results []Result, name string) (all []Verdict) {
	for _, r := range results {
		mine, ok := r.Of(name)
		best, found := r.Best(func(name string) bool { return !strategy.Own(name) })
		if !ok || !found {
			continue
		}
		overlap := mine.Low <= best.High && best.Low <= mine.High
		all = append(all, Verdict{Cell: r.Cell, Own: mine, Peer: best, Ratio: mine.Median / best.Median, Overlap: overlap})
	}
	return all
}

// A Total sums up some cells.
type Total struct {
	Cells, Ahead, Behind int     // those where intervals overlap are neither
	Mean                 float64 // geometric, of the ratios
	Worst                Verdict
}

// Sum sums up.
func Sum(all []Verdict) (t Total) {
	logs := 0.0
	for _, v := range all {
		t.Cells++
		logs += math.Log(v.Ratio)
		switch {
		case v.Overlap:
		case v.Ratio < 1:
			t.Ahead++
		default:
			t.Behind++
		}
		if v.Ratio > t.Worst.Ratio {
			t.Worst = v
		}
	}
	t.Mean = math.Exp(logs / float64(t.Cells))
	return t
}

// WriteTable writes the times of all strategies, a line for each cell. A time in parentheses cannot be told apart from the best one.
func WriteTable(w io.Writer, results []Result) error {
	var out strings.Builder
	shown := ""
	for _, r := range results {
		if r.Operation != shown {
			shown = r.Operation
			fmt.Fprintf(&out, "\n%s: %s\n%-15s %-8s %9s %2s", shown, operation(shown).About, "keys", "values", "entries", "p")
			for _, t := range r.Times {
				fmt.Fprintf(&out, " %14s", t.Strategy)
			}
			out.WriteString("\n")
		}
		fmt.Fprintf(&out, "%-15s %-8s %9s %2d", r.Keys, r.Values, text.Thousands(r.Entries), r.Procs)
		best, _ := r.Best(func(string) bool { return true })
		for _, t := range r.Times {
			fmt.Fprintf(&out, " %14s", inTable(t, best))
		}
		out.WriteString("\n")
	}
	out.WriteString(notMeasured(results))
	_, err := io.WriteString(w, out.String())
	return err
}

func inTable(t, best Time) string {
	if !t.Measured() {
		return "–"
	}
	s := fmt.Sprintf("%.1f", t.Median)
	if t.Strategy != best.Strategy && t.Low <= best.High {
		s = "(" + s + ")"
	}
	return s
}

// notMeasured says once for each strategy and reason why there are no times, and how often.
func notMeasured(results []Result) string {
	count := make(map[string]int)
	var order []string
	for _, r := range results {
		for _, t := range r.Times {
			if t.Measured() {
				continue
			}
			key := fmt.Sprintf("%s, %s: %s", t.Strategy, r.Operation, t.Wrong)
			if count[key]++; count[key] == 1 {
				order = append(order, key)
			}
		}
	}
	var out strings.Builder
	for i, key := range order {
		if i == 0 {
			out.WriteString("\nWithout times:\n")
		}
		fmt.Fprintf(&out, "  %s (%d cells)\n", key, count[key])
	}
	return out.String()
}

// WriteComparison writes how a strategy compares with the best of its peers: a line for each operation and number of entries, and a
// list of the cells in which it is behind.
func WriteComparison(w io.Writer, name string, all []Verdict) error {
	var out strings.Builder
	fmt.Fprintf(&out, "\n%s against the fastest of the others, cell by cell; below 1 it is faster\n", name)
	fmt.Fprintf(&out, "%-12s %9s %6s %6s %6s  %6s  %s\n", "operation", "entries", "cells", "ahead", "behind", "mean", "worst")
	type kind struct {
		operation string
		entries   int
	}
	for _, group := range groups(all, func(v Verdict) kind { return kind{v.Operation, v.Entries} }) {
		t := Sum(group)
		fmt.Fprintf(&out, "%-12s %9s %6d %6d %6d  %6.2f  %s\n", group[0].Operation, text.Thousands(group[0].Entries),
			t.Cells, t.Ahead, t.Behind, t.Mean, worst(t))
	}
	t := Sum(all)
	fmt.Fprintf(&out, "%-12s %9s %6d %6d %6d  %6.2f\n", "all", "", t.Cells, t.Ahead, t.Behind, t.Mean)
	behind := slices.DeleteFunc(slices.Clone(all), func(v Verdict) bool { return v.Overlap || v.Ratio < 1 })
	slices.SortStableFunc(behind, func(a, b Verdict) int { return cmp.Compare(b.Ratio, a.Ratio) })
	for i, v := range behind {
		if i == 0 {
			fmt.Fprintf(&out, "\nCells in which %s is behind:\n", name)
		}
		fmt.Fprintf(&out, "  %.2f  %s: %.1f ns, %s %.1f\n", v.Ratio, v.Cell, v.Own.Median, v.Peer.Strategy, v.Peer.Median)
	}
	_, err := io.WriteString(w, out.String())
	return err
}

// WriteRows writes a summary of the same as rows, with " | " between the cells of each, for a table in Markdown: a row for each operation.
func WriteRows(w io.Writer, all []Verdict) error {
	var out strings.Builder
	out.WriteString("operation | cells | faster | slower | mean ratio | worst ratio\n")
	for _, group := range groups(all, func(v Verdict) string { return v.Operation }) {
		t := Sum(group)
		fmt.Fprintf(&out, "%s | %d | %d | %d | %.2f | %s, %s entries\n", group[0].Operation, t.Cells, t.Ahead, t.Behind, t.Mean, worst(t), text.Thousands(t.Worst.Entries))
	}
	t := Sum(all)
	fmt.Fprintf(&out, "all | %d | %d | %d | %.2f | \n", t.Cells, t.Ahead, t.Behind, t.Mean)
	_, err := io.WriteString(w, out.String())
	return err
}

func worst(t Total) string {
	v := t.Worst
	return fmt.Sprintf("%.2f to %s: %s keys, %s values, %d procs", v.Ratio, v.Peer.Strategy, v.Keys, v.Values, v.Procs)
}

// groups returns the verdicts with the same key together, in the order in which the keys come first.
func groups[K comparable](all []Verdict, key func(Verdict) K) (groups [][]Verdict) {
	at := make(map[K]int)
	for _, v := range all {
		i, ok := at[key(v)]
		if !ok {
			i = len(groups)
			at[key(v)], groups = i, append(groups, nil)
		}
		groups[i] = append(groups[i], v)
	}
	return groups
}
