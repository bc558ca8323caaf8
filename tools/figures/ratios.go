package main

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"golang.org/x/perf/benchfmt"
	"golang.org/x/perf/benchmath"
)

// A cell is one entry of the table. A row is one operation with one number of entries on one number of processors.
type cell struct{ row, keys string }

var benchmark = regexp.MustCompile(`^Maps/op=(\w+)/keys=(\w+)/n=(\d+)/impl=(Map|sync\.Map)(?:-(\d+))?$`)

// ratios returns the table for benchmark output.
func ratios(file string) (string, error) {
	times := map[cell]map[string][]float64{} // by implementation
	var rows, keys []string
	input := benchfmt.Files{Paths: []string{file}}
	for input.Scan() {
		result, ok := input.Result().(*benchfmt.Result)
		if !ok {
			return "", fmt.Errorf("%v", input.Result())
		}
		name := benchmark.FindStringSubmatch(string(result.Name.Full()))
		seconds, ok := result.Value("sec/op")
		if name == nil || !ok {
			return "", fmt.Errorf("%s: a benchmark %s, which is not one of Maps/op=…/keys=…/n=…/impl=…", file, result.Name)
		}
		procs := name[5]
		if procs == "" {
			procs = "1"
		}
		c := cell{fmt.Sprintf("%s | %s | %s", name[1], name[3], procs), name[2]}
		if times[c] == nil {
			times[c] = map[string][]float64{}
		}
		times[c][name[4]] = append(times[c][name[4]], seconds)
		rows, keys = appendNew(rows, c.row), appendNew(keys, c.keys)
	}
	if err := input.Err(); err != nil {
		return "", err
	}
	table := "| operation | entries | processors | " + strings.Join(keys, " | ") + " |\n|---|---:|---:|" + strings.Repeat("---:|", len(keys)) + "\n"
	for _, row := range rows {
		table += "| " + row + " |"
		for _, k := range keys {
			table += " " + ratio(times[cell{row, k}]) + " |"
		}
		table += "\n"
	}
	return table, nil
}

// ratio returns the median of Map divided by that of sync.Map, in parentheses if the two may be equal (U-test, 5 %).
func ratio(times map[string][]float64) string {
	ours, theirs := sample(times["Map"]), sample(times["sync.Map"])
	if len(ours.Values) < 10 || len(theirs.Values) < 10 {
		return "too few counts"
	}
	none := benchmath.AssumeNothing
	r := fmt.Sprintf("%.2f", none.Summary(ours, 0.95).Center/none.Summary(theirs, 0.95).Center)
	if none.Compare(ours, theirs).P > 0.05 {
		r = "(" + r + ")"
	}
	return r
}

func sample(values []float64) *benchmath.Sample {
	return benchmath.NewSample(values, &benchmath.DefaultThresholds)
}

func appendNew(list []string, s string) []string {
	if slices.Contains(list, s) {
		return list
	}
	return append(list, s)
}
