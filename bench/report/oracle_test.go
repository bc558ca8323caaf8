package report

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// What is here works out the numbers of a page from the JSON file alone, with nothing of this package.

// written returns the file as a program reads it that knows nothing of this package.
func written(t *testing.T, f *File) map[string]any {
	t.Helper()
	var text bytes.Buffer
	if err := f.WriteJSON(&text); err != nil {
		t.Fatal(err)
	}
	var values map[string]any
	if err := json.Unmarshal(text.Bytes(), &values); err != nil {
		t.Fatal(err)
	}
	return values
}

// at follows keys into JSON; a number is an index. What is not there is NaN, or 0 if its object is there, as JSON leaves out
// what is zero.
func at(value any, keys ...string) float64 {
	for i, key := range keys {
		switch inner := value.(type) {
		case map[string]any:
			next, ok := inner[key]
			if !ok && i == len(keys)-1 {
				return 0
			}
			value = next
		case []any:
			n, _ := strconv.Atoi(key)
			if n >= len(inner) {
				return math.NaN()
			}
			value = inner[n]
		default:
			return math.NaN()
		}
	}
	x, ok := value.(float64)
	if !ok {
		return math.NaN()
	}
	return x
}

// middleOf is the median, worked out anew. Rounds that have no value do not count.
func middleOf(values []float64) float64 {
	values = slices.DeleteFunc(slices.Clone(values), math.IsNaN)
	slices.Sort(values)
	if len(values) == 0 {
		return math.NaN()
	}
	return (values[(len(values)-1)/2] + values[len(values)/2]) / 2
}

// expected works out from JSON what a cell of the page must hold.
func expected(strategy map[string]any, key string) float64 {
	rounds := strategy["rounds"].([]any)
	each := func(of func(round any) float64) (values []float64) {
		for _, r := range rounds {
			values = append(values, of(r))
		}
		return values
	}
	field := func(name string) float64 { return middleOf(each(func(r any) float64 { return at(r, name) })) }
	mops := each(func(r any) float64 { return at(r, "operations") / at(r, "seconds") / 1e6 })
	if x, ok := map[string]float64{
		"mops": middleOf(mops), "mops-low": slices.Min(mops), "mops-high": slices.Max(mops),
		"p50": field("p50"), "p99": field("p99"), "p999": field("p999"),
		"p99-low":         slices.Min(each(func(r any) float64 { return at(r, "p99") })),
		"p99-high":        slices.Max(each(func(r any) float64 { return at(r, "p99") })),
		"max":             slices.Max(each(func(r any) float64 { return at(r, "max") })),
		"bytes-per-entry": field("bytesPerEntry"), "bytes-per-op": field("bytes"), "allocs-per-op": field("allocs"),
		"gc-pause": field("gcPause") * 1e9, "mutex-wait": field("mutexWait") * 100,
		"gc-longest-pause": slices.Max(each(func(r any) float64 { return at(r, "gcMaxPause") })) * 1e9,
	}[key]; ok {
		return x
	}
	parts := strings.Split(key, "-")
	switch {
	case key == "gcs":
		sum := 0.0
		for _, x := range each(func(r any) float64 { return at(r, "gcs") }) {
			sum += x
		}
		return sum
	case parts[0] == "phase" && parts[2] == "mops":
		n, _ := strconv.Atoi(parts[1])
		i := strconv.Itoa(n - 1)
		return middleOf(each(func(r any) float64 { return at(r, "phases", i, "operations") / at(r, "phases", i, "seconds") / 1e6 }))
	case parts[0] == "phase":
		n, _ := strconv.Atoi(parts[1])
		return middleOf(each(func(r any) float64 { return at(r, "phases", strconv.Itoa(n-1), "p99") }))
	case parts[0] == "cost":
		return at(strategy["costs"], parts[1], parts[2])
	}
	return middleOf(each(func(r any) float64 {
		return cmpOr(at(r, "kinds", parts[0], parts[1]), at(r, "views", parts[0], parts[1]))
	}))
}

// cmpOr returns the first of the values that is a number.
func cmpOr(values ...float64) float64 {
	for _, x := range values {
		if !math.IsNaN(x) {
			return x
		}
	}
	return math.NaN()
}

// near tells whether two numbers are the same but for the order of operations.
func near(a, b float64) bool { return a == b || math.Abs(a-b) <= 1e-12*math.Abs(b) }

// throughputAt is that of the workload "mixed" with so many processors.
func throughputAt(results []any, procs, name string) float64 {
	for _, r := range results {
		r := r.(map[string]any)
		if fmt.Sprint(r["procs"]) != procs || r["workload"].(map[string]any)["name"] != "mixed" {
			continue
		}
		for _, s := range r["strategies"].([]any) {
			if s := s.(map[string]any); s["name"] == name {
				return expected(s, "mops")
			}
		}
	}
	return math.NaN()
}

// readNumber reads a number that was written for people, durations in nanoseconds.
func readNumber(text string) float64 {
	text = strings.NewReplacer(",", "", "−", "-", " %", "").Replace(text)
	unit := 1.0
	for _, u := range []struct {
		suffix string
		ns     float64
	}{{"ns", 1}, {"µs", 1e3}, {"ms", 1e6}, {"s", 1e9}} {
		if rest, ok := strings.CutSuffix(text, u.suffix); ok {
			text, unit = rest, u.ns
			break
		}
	}
	x, err := strconv.ParseFloat(text, 64)
	if err != nil {
		return math.NaN()
	}
	return x * unit
}
