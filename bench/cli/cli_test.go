package cli

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/shardmap-go/shardmap/bench/report"
	"github.com/shardmap-go/shardmap/bench/run"
	"github.com/shardmap-go/shardmap/bench/strategy"
	"github.com/shardmap-go/shardmap/bench/workload"
)

// TestMain lets this program do for isolated runs what mapbench does: it is what they start.
func TestMain(m *testing.M) {
	if len(os.Args) == 2 && os.Args[1] == isolatedArg {
		Main()
	}
	os.Exit(m.Run())
}

// mapbench runs the command.
func mapbench(ctx context.Context, args ...string) (code int, stdout, stderr string) {
	var out, err bytes.Buffer
	code = Run(ctx, args, &out, &err)
	return code, out.String(), err.String()
}

// smallWorkload writes a workload that takes no time.
func smallWorkload(t *testing.T, dir string) string {
	t.Helper()
	name := filepath.Join(dir, "small.json")
	const text = `{"about": "a test", "keys": {"number": 100}, "operations": {"load": 9, "store": 1}, "duration": "2ms"}`
	if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}

func TestARunPrintsATableAndWritesEveryFile(t *testing.T) {
	dir := t.TempDir()
	json, bench, table := filepath.Join(dir, "r.json"), filepath.Join(dir, "r.txt"), filepath.Join(dir, "r.csv")
	if err := os.WriteFile(json, bytes.Repeat([]byte("old "), 10_000), 0o600); err != nil {
		t.Fatal(err)
	}
	code, stdout, stderr := mapbench(t.Context(), "run", "-strategies", "Map,sync.Map", "-rounds", "2",
		"-o", json, "-bench", bench, "-csv", table, smallWorkload(t, dir))
	if code != 0 || stderr != "" {
		t.Fatalf("exit code %d, errors %q", code, stderr)
	}
	for _, want := range []string{"mapbench: 2 strategies in 2 rounds; ", "\nsmall: a test\n", "\nMap  ", "\nsync.Map  ", "\nFor this workload: "} {
		if !strings.Contains(stdout, want) {
			t.Errorf("%s\ndoes not have %q", stdout, want)
		}
	}
	results, err := report.Read(json)
	if err != nil || len(results.Results) != 1 || len(results.Results[0].Strategies) != 2 || len(results.Results[0].Strategies[0].Rounds) != 2 {
		t.Errorf("%s holds %+v, %v", json, results, err)
	}
	for file, want := range map[string]int{bench: 4, table: 5} {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Error(err)
		}
		lines := 0
		for line := range strings.Lines(string(text)) {
			part := file == table && strings.HasPrefix(line, "small,") && !strings.HasSuffix(line, ",,\n") // of a round
			if strings.Contains(line, "small") && !part || strings.HasPrefix(line, "workload,") {
				lines++
			}
		}
		if lines != want {
			t.Errorf("%s has %d lines, want %d:\n%s", file, lines, want, text)
		}
	}
	code, stdout, stderr = mapbench(t.Context(), "compare", json, json)
	if code != 0 || stderr != "" || strings.Count(stdout, "intervals overlap") != 2 {
		t.Errorf("compare: exit code %d, errors %q, output\n%s", code, stderr, stdout)
	}
}

func TestAnInterruptedRunPrintsAndWritesWhatItHas(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	dir := t.TempDir()
	json := filepath.Join(dir, "r.json")
	code, stdout, stderr := mapbench(ctx, "run", "-o", json, smallWorkload(t, dir), "mixed")
	if code != 130 || stderr != "" || !strings.Contains(stdout, "Interrupted: this is what was measured until then.") {
		t.Errorf("exit code %d, errors %q, output\n%s", code, stderr, stdout)
	}
	if f, err := report.Read(json); err != nil || len(f.Results) != 1 {
		t.Errorf("%+v, %v", f, err)
	}
}

func TestListShowsEverythingThereIs(t *testing.T) {
	code, stdout, _ := mapbench(t.Context(), "list")
	for _, w := range workload.Builtin() {
		if !strings.Contains(stdout, "\n  "+w.Name+" ") {
			t.Errorf("the workload %s is not there", w.Name)
		}
	}
	for _, s := range strategy.All() {
		if !strings.Contains(stdout, "\n  "+s.Name+" ") {
			t.Errorf("the strategy %s is not there", s.Name)
		}
	}
	if code != 0 {
		t.Errorf("exit code %d", code)
	}
}

func TestShowPrintsAFileThatCanBeRun(t *testing.T) {
	code, stdout, _ := mapbench(t.Context(), "show", "mixed")
	if w, err := workload.Parse("shown", []byte(stdout)); code != 0 || err != nil || w.Name != "mixed" {
		t.Errorf("exit code %d: %v, %v", code, w, err)
	}
}

func TestHelpIsOnStandardOutput(t *testing.T) {
	for _, args := range [][]string{{"help"}, {"-h"}, {"run", "-h"}, {"run", "-help"}} {
		code, stdout, stderr := mapbench(t.Context(), args...)
		if code != 0 || stderr != "" || !strings.Contains(stdout, "-strategies names") {
			t.Errorf("%v: exit code %d, errors %q, output\n%s", args, code, stderr, stdout)
		}
	}
}

func TestErrorsAreOneLineAndExitCode2(t *testing.T) {
	dir := t.TempDir()
	bad := filepath.Join(dir, "bad.json")
	if err := os.WriteFile(bad, []byte("{\n\"procs\": \"two\"}"), 0o600); err != nil {
		t.Fatal(err)
	}
	good := smallWorkload(t, dir)
	for _, c := range []struct {
		want string
		args []string
	}{
		{`flag provided but not defined: -x`, []string{"-x"}},
		{`flag needs an argument: -rounds`, []string{"run", "-rounds"}},
		{`invalid value "many" for flag -rounds: parse error`, []string{"run", "-rounds", "many"}},
		{`-rounds is 0, want 1 to 10000`, []string{"run", "-rounds", "0", good}},
		{`-duration is 1µs, want 1ms to 1h`, []string{"run", "-duration", "1us", good}},
		{`-within is -1s, want a time above 0`, []string{"run", "-within", "-1s", good}},
		{`invalid value "1,x" for flag -procs: want numbers from 1 to 4096, such as 1,2,4`, []string{"run", "-procs", "1,x", good}},
		{`invalid value "2,1,2" for flag -procs: 2 is there twice`, []string{"run", "-procs", "2,1,2", good}},
		{`the flag -rounds comes after a workload, want it before`, []string{"run", good, "-rounds", "2"}},
		{`unknown strategy "Mapp": "mapbench list" shows all`, []string{"run", "-strategies", "Mapp", good}},
		{`unknown workload "mixd": "mapbench list" shows all, and a file's name ends in .json`, []string{"run", "mixd"}},
		{bad + `:2: procs: want a whole number, not a string`, []string{"run", bad}},
		{`open ` + filepath.Join(dir, "none.json") + `: no such file or directory`, []string{"run", filepath.Join(dir, "none.json")}},
		{`open ` + filepath.Join(dir, "no", "r.json") + `: no such file or directory`, []string{"run", "-o", filepath.Join(dir, "no", "r.json"), good}},
		{`list takes no arguments`, []string{"list", "all"}},
		{`show takes one workload`, []string{"show"}},
		{`compare takes two files of results`, []string{"compare", good}},
		{good + ` has no results`, []string{"compare", good, good}},
	} {
		code, stdout, stderr := mapbench(t.Context(), c.args...)
		if code != 2 || stdout != "" || stderr != "mapbench: "+c.want+"\n" {
			t.Errorf("%v: exit code %d\n got %swant mapbench: %s\n%s", c.args, code, stderr, c.want, stdout)
		}
	}
}

func TestAnUnknownCommandIsToldWhichThereAre(t *testing.T) {
	code, stdout, stderr := mapbench(t.Context(), "rn")
	if code != 2 || stdout != "" || !strings.HasPrefix(stderr, `mapbench: unknown command "rn", want run, list, show, `) || strings.Count(stderr, "\n") != 1 {
		t.Errorf("exit code %d, output %q, errors %q", code, stdout, stderr)
	}
	_, help, _ := mapbench(t.Context(), "help")
	for _, c := range commands() {
		if !strings.Contains(stderr, c.name) || !strings.Contains(help, "mapbench "+c.name+" ") {
			t.Errorf("%s is not in the error or the help:\n%s%s", c.name, stderr, help)
		}
	}
}

func TestProgressIsForTerminalsOnly(t *testing.T) {
	file, err := os.Create(filepath.Join(t.TempDir(), "log"))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	for _, w := range []*progress{newProgress(file, 1), newProgress(new(bytes.Buffer), 1)} {
		if w.workload(0, "w") != nil {
			t.Error("there is a progress line where nobody can see it")
		}
	}
	var terminal bytes.Buffer
	p := newProgress(&terminal, 2)
	p.w = &terminal
	p.workload(1, "mixed")("sync.Map", 5, 10)
	if got := terminal.String(); !strings.HasPrefix(got, "\r\x1b[K[##################......]  75 %  about ") || !strings.HasSuffix(got, " left  mixed: sync.Map") {
		t.Errorf("progress line %q", got)
	}
}

func TestTheDefaultWorkloadsAreBuiltIn(t *testing.T) {
	for _, name := range defaultWorkloads {
		if _, err := workload.Open(name); err != nil {
			t.Error(err)
		}
	}
	if _, s := newFlags(); s.rounds < run.MinRounds {
		t.Errorf("%d rounds by default do not make an interval", s.rounds)
	}
}
