package report

import (
	"flag"
	"fmt"
	"maps"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/shardmap-go/shardmap/bench/run"
)

var update = flag.Bool("update", false, "write the files in testdata anew")

func pageOf(t *testing.T, f *File) string {
	t.Helper()
	var text strings.Builder
	if err := f.WriteHTML(&text); err != nil {
		t.Fatal(err)
	}
	return text.String()
}

func parsedPage(t *testing.T, f *File) *node {
	t.Helper()
	return parse(t, pageOf(t, f))
}

// fullFile has everything in it that results can have: two numbers of processors, kinds, views, phases, costs, a rate,
// and strategies that were excluded or disqualified.
func fullFile(t *testing.T) *File {
	t.Helper()
	rng := newRandom(t)
	f := sampleFile(t)
	f.Command, f.Commit = "mapbench run -procs 1,2 mixed", "0123456789abcdef"
	f.Results[0].Isolated = true
	for range 2 {
		f.Results = append(f.Results, sampleFile(t).Results...)
	}
	f.Results[1].Procs = 1 // after the one with 2
	for i, s := range f.Results[1].Strategies {
		for j := range s.Rounds {
			s.Rounds[j].Operations = s.Rounds[j].Operations * int64(10-i) / 13
		}
	}
	other := *f.Results[2].Workload
	other.Name, other.Rate = "at a rate", 1e6
	f.Results[2].Workload = &other
	for _, r := range f.Results {
		for i := range r.Strategies {
			fillIn(rng, &r.Strategies[i])
		}
	}
	return f
}

func TestEveryNumberOfThePageIsThatOfTheJSON(t *testing.T) {
	f := fullFile(t)
	results := written(t, f)["results"].([]any)
	root := parsedPage(t, f)
	sections := root.all(func(n *node) bool { return n.attr["class"] == "result" })
	if len(sections) != len(results) {
		t.Fatalf("%d sections for %d results", len(sections), len(results))
	}
	seen := map[string]int{}
	for i, section := range sections {
		strategies := map[string]map[string]any{}
		for _, s := range results[i].(map[string]any)["strategies"].([]any) {
			strategies[s.(map[string]any)["name"].(string)] = s.(map[string]any)
		}
		best := expected(strategies[section.with("data-strategy")[1].attr["data-strategy"]], mainMeasure(f.Results[i]).key)
		for _, row := range section.named("tr") {
			name := row.attr["data-strategy"]
			for _, cell := range row.with("data-key") {
				key := cell.attr["data-key"]
				seen[strings.TrimRight(strings.Split(key, "-")[0], "0123456789")]++
				if key == "overlaps" {
					continue
				}
				want := 0.0
				switch procs, ok := strings.CutPrefix(key, "mops-"); {
				case ok && procs != "low" && procs != "high":
					want = throughputAt(results, procs, name)
				case key == "speedup":
					want = throughputAt(results, "2", name) / throughputAt(results, "1", name)
				case key == "of-best":
					want = expected(strategies[name], mainMeasure(f.Results[i]).key) / best
				default:
					want = expected(strategies[name], key)
				}
				checkCell(t, fmt.Sprintf("%s of %s in result %d", key, name, i), cell, want)
			}
		}
	}
	for _, key := range []string{
		"mops", "p", "max", "bytes", "allocs", "gcs", "gc", "mutex", "load", "snapshot", "phase", "cost", "speedup", "of", "overlaps",
	} {
		if seen[key] == 0 {
			t.Errorf("there is no cell with %s; there are %v", key, slices.Sorted(maps.Keys(seen)))
		}
	}
}

// checkCell checks the exact number of a cell, and that a person reads the same but for rounding.
func checkCell(t *testing.T, what string, cell *node, want float64) {
	t.Helper()
	value, exact := cell.attr["data-value"]
	if math.IsNaN(want) {
		if exact || cell.text != "–" {
			t.Errorf("%s is %q (%q), and should be none", what, cell.text, value)
		}
		return
	}
	if x, err := strconv.ParseFloat(value, 64); err != nil || !near(x, want) {
		t.Errorf("%s is %q, want %v", what, value, want)
	}
	if x := readNumber(cell.text); !(math.Abs(x-want) <= 0.06*math.Abs(want)+1e-4) {
		t.Errorf("%s reads %q, want %v", what, cell.text, want)
	}
}

func TestEveryNumberOfAChartIsInTheTableBesideIt(t *testing.T) {
	charts := 0
	for _, exhibit := range parsedPage(t, fullFile(t)).all(func(n *node) bool { return strings.HasPrefix(n.attr["class"], "exhibit") }) {
		cells := map[string][]string{}
		for _, row := range exhibit.named("tr") {
			for _, cell := range row.with("data-value") {
				cells[row.attr["data-strategy"]] = append(cells[row.attr["data-strategy"]], cell.attr["data-value"])
			}
		}
		for _, figure := range exhibit.named("figure") {
			columns := figure.named("div")[0].children
			for i, row := range exhibit.named("tbody")[0].named("tr") {
				name, shown := columns[0].children[i].named("text")[0].text, columns[2].named("g")[i].named("text")[0].text
				inRow := func(cell *node) bool { return cell.text == shown }
				if name != row.attr["data-strategy"] || !slices.ContainsFunc(row.named("td"), inRow) {
					t.Errorf("the chart says %s beside %s, but the table %s", shown, name, row.outline(0))
				}
			}
		}
		for _, mark := range exhibit.with("data-name") {
			charts++
			for _, n := range append(mark.with("data-value"), mark) {
				if value, ok := n.attr["data-value"]; ok && !slices.Contains(cells[mark.attr["data-name"]], value) {
					t.Errorf("%s of %s is in a chart and not in its table", value, mark.attr["data-name"])
				}
			}
		}
	}
	if charts < 50 {
		t.Errorf("only %d bars and lines were looked at", charts)
	}
}

func TestThePageNamesWhatHasNoNumbers(t *testing.T) {
	root := parsedPage(t, fullFile(t))
	box := root.all(func(n *node) bool { return n.attr["class"] == "disqualified" })
	const reason = "lossy on mixed, 1 processor: lost 1 of 9 entries"
	if len(box) != 1 || strings.Count(box[0].text, reason) != 1 || len(box[0].with("data-strategy")) != 3 {
		t.Errorf("the disqualified are not as they should be: %v", box)
	}
	if n := strings.Count(root.text, "each strategy of each round in a process of its own"); n != 1 {
		t.Errorf("it is said %d times that a result is isolated, want once", n)
	}
	if n := strings.Count(root.text, "not measured: narrow: takes no string keys"); n != 3 {
		t.Errorf("the excluded strategy is named %d times, want 3", n)
	}
	for _, row := range root.named("tr") {
		if name := row.attr["data-strategy"]; name == "lossy" || name == "narrow" {
			t.Errorf("there is a row for %s", name)
		}
	}
	for _, want := range []string{
		"Some CPU", "go1.26", "2026-01-02 03:04 UTC", "0123456789abcdef", "mapbench run -procs 1,2 mixed", "linux/amd64",
	} {
		if !strings.Contains(root.named("header")[0].text, want) {
			t.Errorf("the heading does not say %s", want)
		}
	}
}

func TestThePageIsCompleteInItself(t *testing.T) {
	for name, f := range map[string]*File{"full": fullFile(t), "nothing": {}, "sample": sampleFile(t)} {
		t.Run(name, func(t *testing.T) {
			root := parsedPage(t, f)
			checkSelfContained(t, root)
			checkAccessible(t, root)
		})
	}
}

func TestNamesInThePageAreText(t *testing.T) {
	const evil = `<script>alert("1" + '&amp;')</script><!--`
	f := sampleFile(t)
	w := *f.Results[0].Workload
	w.Name, w.About = evil+"name", evil+"about"
	f.CPU, f.Go, f.Commit, f.Command, f.Results[0].Workload = evil+"cpu", evil+"go", evil+"commit", evil+"command", &w
	for i := range f.Results[0].Strategies {
		s := &f.Results[0].Strategies[i]
		s.Name = evil + s.Name
		if s.Disqualified != "" {
			s.Disqualified = evil + "reason\x00\x01\xff"
		}
		fillIn(newRandom(t), s)
		for j := range s.Rounds {
			s.Rounds[j].Kinds[evil+"kind"] = run.Kind{Samples: 1000, P50: 1, P99: 2}
		}
	}
	root := parsedPage(t, f)
	checkSelfContained(t, root)
	for _, want := range []string{"name", "about", "cpu", "go", "commit", "command", "fast", "reason\uFFFD\uFFFD\uFFFD", "kind"} {
		if !strings.Contains(root.text, evil+want) {
			t.Errorf("the page does not show %s", evil+want)
		}
	}
}

func TestTheSameResultsMakeTheSamePage(t *testing.T) {
	f := fullFile(t)
	first := pageOf(t, f)
	name := filepath.Join(t.TempDir(), "r.json")
	out, err := os.Create(name)
	if err != nil {
		t.Fatal(err)
	}
	if err := f.WriteJSON(out); err != nil {
		t.Fatal(err)
	}
	if err := out.Close(); err != nil {
		t.Fatal(err)
	}
	for range 20 {
		again, err := Read(name)
		if err != nil {
			t.Fatal(err)
		}
		if pageOf(t, again) != first {
			t.Fatal("two pages of the same results differ")
		}
	}
}

func TestThePageHasTheStructureOnFile(t *testing.T) {
	f, err := Read("testdata/small.json")
	if err != nil {
		t.Fatal(err)
	}
	const golden = "testdata/page.txt"
	got := parsedPage(t, f).outline(0)
	if *update {
		if err := os.WriteFile(golden, []byte(got), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("the page differs from %s, which go test -run %s -update writes anew:\n%s", golden, t.Name(), got)
	}
}

func TestThePageSaysWhatItsIntervalsAre(t *testing.T) {
	f := sampleFile(t)
	for _, c := range []struct {
		rounds int
		want   string
	}{{6, "the whisker is the 95 % interval"}, {5, "the whisker is the range of 5 rounds"}} {
		for i := range f.Results[0].Strategies {
			s := &f.Results[0].Strategies[i]
			s.Rounds = s.Rounds[:min(c.rounds, len(s.Rounds))]
		}
		if !strings.Contains(parsedPage(t, f).text, c.want) {
			t.Errorf("the page of %d rounds does not say %q", c.rounds, c.want)
		}
	}
}
