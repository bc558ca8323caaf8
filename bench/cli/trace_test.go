package cli

import (
	"bytes"
	"fmt"
	"maps"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"sort"
	"strings"
	"testing"

	"github.com/shardmap-go/shardmap"
	"github.com/shardmap-go/shardmap/bench/record"
	"github.com/shardmap-go/shardmap/bench/report"
	"github.com/shardmap-go/shardmap/bench/trace"
	"github.com/shardmap-go/shardmap/bench/workload"
)

// recorded writes the trace of a small workload.
func recorded(t *testing.T, text string) string {
	t.Helper()
	dir := t.TempDir()
	file, out := filepath.Join(dir, "tiny.json"), filepath.Join(dir, "tiny.trace")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	if code, stdout, stderr := mapbench(t.Context(), "record", "-o", out, file); code != 0 || stderr != "" || !strings.Contains(stdout, out+": ") {
		t.Fatalf("exit code %d, errors %q, output\n%s", code, stderr, stdout)
	}
	return out
}

func TestAWorkloadIsRecordedAndItsTraceIsRun(t *testing.T) {
	for _, text := range []string{
		`{"keys": {"number": 200}, "operations": {"load": 9, "store": 3, "churn": 1, "miss": 2, "range": 0.5}, "goroutines": 3, "duration": "2ms"}`,
		`{"keys": {"number": 30, "type": "int"}, "operations": {"increment": 1}, "goroutines": 3, "duration": "2ms"}`,
		`{"keys": {"number": 300, "type": "namespacedName"}, "values": "triple", "operations": {"insert": 1}, "duration": "2ms"}`,
	} {
		file := recorded(t, text)
		json := filepath.Join(t.TempDir(), "r.json")
		code, stdout, stderr := mapbench(t.Context(), "run", "-trace", file, "-strategies", "Map,RWMap,sync.Map", "-rounds", "2", "-o", json)
		if code != 0 || stderr != "" || !strings.Contains(stdout, "\ntiny: trace of ") || strings.Contains(stdout, "DISQUALIFIED") || strings.Contains(stdout, "contradict") {
			t.Fatalf("exit code %d, errors %q, output\n%s", code, stderr, stdout)
		}
		r, err := report.Read(json)
		if err != nil || len(r.Results) != 1 || len(r.Results[0].Strategies) != 3 || len(r.Results[0].Strategies[0].Rounds) != 2 {
			t.Fatalf("%+v, %v", r, err)
		}
		code, stdout, stderr = mapbench(t.Context(), "run", "-trace", file, "-speed", "2", "-strategies", "Map", "-rounds", "1")
		if code != 0 || stderr != "" || !strings.Contains(stdout, "operations per second") {
			t.Fatalf("exit code %d, errors %q, output\n%s", code, stderr, stdout)
		}
	}
}

// The programs do so many operations, however long that takes.
func TestTheSuggestedWorkloadResemblesTheProgram(t *testing.T) {
	const keys, operations = 500, 20_000
	rng := rand.New(rand.NewPCG(1, 2))
	zipf := draw(rng, keys, 0.9)
	even := draw(rng, keys, 0)
	next := keys
	for _, c := range []struct {
		name   string
		choose func() int
		want   workload.Mix
		skew   float64
		do     map[int]func(m *record.Recorded[string, int], key int) // below how many percent
	}{
		{"cache", zipf, workload.Mix{Load: 80, Miss: 5, Store: 15}, 0.9, map[int]func(*record.Recorded[string, int], int){
			80:  func(m *record.Recorded[string, int], key int) { m.Load(name(key)) },
			85:  func(m *record.Recorded[string, int], key int) { m.Load("-" + name(key)) },
			100: func(m *record.Recorded[string, int], key int) { m.Store(name(key), 1) },
		}},
		{"counters", zipf, workload.Mix{Increment: 90, Load: 10}, 0.9, map[int]func(*record.Recorded[string, int], int){
			90: func(m *record.Recorded[string, int], key int) {
				m.Compute(name(key), func(old int, _ bool) (int, shardmap.Op) { return old + 1, shardmap.Set })
			},
			100: func(m *record.Recorded[string, int], key int) { m.Load(name(key)) },
		}},
		{"sessions", even, workload.Mix{Load: 60, Churn: 30, LoadOrStore: 10}, 0, map[int]func(*record.Recorded[string, int], int){
			60: func(m *record.Recorded[string, int], key int) { m.Load(name(next - 1 - key)) },
			90: func(m *record.Recorded[string, int], _ int) {
				m.Delete(name(next - keys))
				m.Store(name(next), 1)
				next++
			},
			100: func(m *record.Recorded[string, int], key int) { m.LoadOrStore(name(next-1-key), 1) },
		}},
	} {
		inner := shardmap.New[string, int]()
		for i := range keys {
			inner.Store(name(next-1-i), 0)
		}
		var file bytes.Buffer
		rec := record.New(&file, record.Options{Block: true})
		m := record.Map(rec, shardmap.ConcurrentMap[string, int](inner)).Goroutine()
		for i := range operations {
			for _, limit := range slices.Sorted(maps.Keys(c.do)) {
				if i%100 < limit {
					c.do[limit](m, c.choose())
					break
				}
			}
		}
		if err := rec.Close(); err != nil {
			t.Fatal(err)
		}
		r, err := trace.NewReader(&file)
		if err != nil {
			t.Fatal(err)
		}
		s, err := trace.Summarise(r)
		if err != nil {
			t.Fatal(err)
		}
		got := suggest(s, c.name)
		if k := got.Keys; k.Type != "string" || k.Length != 12 || k.Number != keys || got.Filled() != keys || got.Goroutines != 1 || got.Values != "int" {
			t.Errorf("%s: suggested %v", c.name, got)
		}
		if c.name != "sessions" && math.Abs(got.Keys.Skew-c.skew) > 0.1 {
			t.Errorf("%s: a skew of %v, suggested %v", c.name, c.skew, got.Keys.Skew)
		}
		for i, op := range c.want.All() {
			if other := got.Operations.All()[i]; math.Abs(op.Weight-other.Weight) > 0.1 {
				t.Errorf("%s: suggested %v", c.name, got)
			}
		}
	}
}

func name(i int) string { return fmt.Sprintf("session-%04d", i%10_000) }

// draw returns a function that chooses among keys in proportion to 1/rank^skew.
func draw(rng *rand.Rand, keys int, skew float64) func() int {
	sums, sum := make([]float64, keys), 0.0
	for i := range sums {
		sum += math.Pow(float64(i+1), -skew)
		sums[i] = sum
	}
	return func() int { return min(sort.SearchFloat64s(sums, rng.Float64()*sum), keys-1) }
}

// Whatever is in a trace, the workload that is suggested can be run.
func TestEverySuggestionIsAWorkload(t *testing.T) {
	for kind := trace.Load; kind <= trace.Clear; kind++ {
		for _, outcome := range []trace.Outcome{0, trace.Found, trace.Stored, trace.Deleted, trace.Found | trace.Stored, trace.Found | trace.Deleted} {
			for _, start := range []bool{false, true} {
				var file bytes.Buffer
				w, err := trace.NewWriter(&file, trace.Header{Keys: "namespacedName", Values: "pointer", Sample: 1, Shared: 1, Procs: 1})
				if err != nil {
					t.Fatal(err)
				}
				if start {
					err = w.Write(trace.Block{Ops: []trace.Op{{Kind: trace.Start, Outcome: trace.Found, Key: 1}}})
				}
				if err != nil {
					t.Fatal(err)
				}
				if w.Write(trace.Block{Track: 1, Ops: []trace.Op{{Kind: kind, Outcome: outcome, Key: 1, Length: 1}, {Kind: kind, Outcome: outcome, Key: 1, Length: 1}}}) != nil {
					continue // there is no such outcome
				}
				if err := w.Close(); err != nil {
					t.Fatal(err)
				}
				r, err := trace.NewReader(&file)
				if err != nil {
					t.Fatal(err)
				}
				s, err := trace.Summarise(r)
				if err != nil {
					t.Fatal(err)
				}
				suggested := suggest(s, "name")
				parsed, err := workload.Parse("suggested", []byte(suggested.String()))
				if err != nil || !reflect.DeepEqual(parsed, suggested) {
					t.Errorf("%v with outcome %d, start %v: %v\n%v", kind, outcome, start, err, suggested)
				}
			}
		}
	}
}

func TestErrorsAboutTracesAreOneLineAndExitCode2(t *testing.T) {
	dir := t.TempDir()
	file := recorded(t, `{"keys": {"number": 50}, "operations": {"load": 1}, "duration": "2ms"}`)
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	cut, none := filepath.Join(dir, "cut.trace"), filepath.Join(dir, "none.trace")
	if err := os.WriteFile(cut, text[:20], 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		want string
		args []string
	}{
		{"trace takes info and a file", []string{"trace"}},
		{"trace takes info and a file", []string{"trace", "show", file}},
		{cut + ": trace: offset 9: the file ends before the trace does: unexpected EOF", []string{"trace", "info", cut}},
		{cut + ": trace: offset 9: the file ends before the trace does: unexpected EOF", []string{"run", "-trace", cut}},
		{"open " + none + ": no such file or directory", []string{"run", "-trace", none}},
		{"open " + none + ": no such file or directory", []string{"trace", "info", none}},
		{"-speed is for traces: give one with -trace", []string{"run", "-speed", "1", "mixed"}},
		{`invalid value "0" for flag -speed: want full, or a number above 0`, []string{"run", "-speed", "0"}},
		{"record takes one workload", []string{"record"}},
		{"-sample is 0, want at least 1", []string{"record", "-sample", "0", "mixed"}},
		{"-duration is 1ns, want 1ms to 1h", []string{"record", "-duration", "1ns", "mixed"}},
		{"open " + filepath.Join(dir, "no", "x") + ": no such file or directory", []string{"record", "mixed", "-o", filepath.Join(dir, "no", "x")}},
	} {
		code, stdout, stderr := mapbench(t.Context(), c.args...)
		if code != 2 || stdout != "" || stderr != "mapbench: "+c.want+"\n" {
			t.Errorf("%v: exit code %d\n got %swant mapbench: %s\n%s", c.args, code, stderr, c.want, stdout)
		}
	}
}
