// Command benchtable writes the table of results in a Markdown file anew, from the output of BenchmarkMaps:
//
//	go run ./benchtable results.txt README.md
//
// The table stands between the lines <!-- benchtable --> and <!-- end of benchtable -->. Each cell is the median of all
// runs in the results; a ratio above 1, where Map loses, is set in bold.
package main

import (
	"bufio"
	"fmt"
	"io"
	"math"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

const (
	begin = "<!-- benchtable -->\n"
	end   = "<!-- end of benchtable -->\n"

	subject = "Map"
)

// peers are the other columns, in order.
var peers = []string{"sync.Map", "RWMap"}

// A cell is one row of the table on one number of processors.
type cell struct{ op, keys, n, procs string }

var line = regexp.MustCompile(`^BenchmarkMaps/op=([^/]+)/keys=([^/]+)/n=(\d+)/impl=([^-\s]+)(?:-(\d+))?\s+\d+\s+([\d.]+) ns/op`)

func main() {
	if len(os.Args) != 3 {
		fmt.Fprintln(os.Stderr, "usage: benchtable results.txt README.md")
		os.Exit(2)
	}
	if err := run(os.Args[1], os.Args[2]); err != nil {
		fmt.Fprintln(os.Stderr, "benchtable:", err)
		os.Exit(1)
	}
}

func run(results, document string) error {
	f, err := os.Open(results)
	if err != nil {
		return err
	}
	defer f.Close()
	rows, times, err := read(f)
	if err != nil {
		return err
	}
	if len(rows) == 0 {
		return fmt.Errorf("%s: no results of BenchmarkMaps", results)
	}
	text, err := os.ReadFile(document)
	if err != nil {
		return err
	}
	before, rest, ok1 := strings.Cut(string(text), begin)
	_, after, ok2 := strings.Cut(rest, end)
	if !ok1 || !ok2 {
		return fmt.Errorf("%s: no lines %q and %q", document, begin, end)
	}
	return os.WriteFile(document, []byte(before+begin+table(rows, times)+end+after), 0o644)
}

// read returns the rows in the order of their first appearance, and all times by row and strategy.
func read(r io.Reader) (rows []cell, times map[cell]map[string][]float64, err error) {
	times = map[cell]map[string][]float64{}
	in := bufio.NewScanner(r)
	for in.Scan() {
		m := line.FindStringSubmatch(in.Text())
		if m == nil {
			continue
		}
		c := cell{m[1], m[2], m[3], m[5]}
		if c.procs == "" {
			c.procs = "1"
		}
		ns, err := strconv.ParseFloat(m[6], 64)
		if err != nil {
			return nil, nil, err
		}
		if times[c] == nil {
			times[c] = map[string][]float64{}
			rows = append(rows, c)
		}
		times[c][m[4]] = append(times[c][m[4]], ns)
	}
	return rows, times, in.Err()
}

func table(rows []cell, times map[cell]map[string][]float64) string {
	var b strings.Builder
	b.WriteString("| operation | keys | entries | procs | Map, ns |")
	rule := "|---|---|---:|---:|---:|"
	for _, p := range peers {
		fmt.Fprintf(&b, " %s, ns | Map / %s |", p, p)
		rule += "---:|---:|"
	}
	b.WriteString("\n" + rule + "\n")
	slices.SortStableFunc(rows, func(x, y cell) int {
		return strings.Compare(x.op+x.keys+fmt.Sprintf("%9s", x.n)+x.procs, y.op+y.keys+fmt.Sprintf("%9s", y.n)+y.procs)
	})
	for _, c := range rows {
		ours := median(times[c][subject])
		fmt.Fprintf(&b, "| %s | %s | %s | %s | %s |", c.op, c.keys, c.n, c.procs, number(ours))
		for _, p := range peers {
			theirs := median(times[c][p])
			ratio := ours / theirs
			text := fmt.Sprintf("%.2f", ratio)
			if ratio > 1 {
				text = "**" + text + "**" // a loss is to be seen
			}
			fmt.Fprintf(&b, " %s | %s |", number(theirs), text)
		}
		b.WriteString("\n")
	}
	return b.String()
}

func median(x []float64) float64 {
	if len(x) == 0 {
		return math.NaN()
	}
	x = slices.Sorted(slices.Values(x))
	return (x[(len(x)-1)/2] + x[len(x)/2]) / 2
}

func number(ns float64) string {
	if ns < 100 {
		return fmt.Sprintf("%.1f", ns)
	}
	return fmt.Sprintf("%.0f", ns)
}
