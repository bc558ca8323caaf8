package cli

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/shardmap-go/shardmap/bench/report"
	"github.com/shardmap-go/shardmap/bench/run"
	"github.com/shardmap-go/shardmap/bench/strategy"
	"github.com/shardmap-go/shardmap/bench/workload"
)

func TestSeveralNumbersOfProcessorsAreSeveralResultsOfOneFile(t *testing.T) {
	dir := t.TempDir()
	json := filepath.Join(dir, "r.json")
	code, stdout, stderr := mapbench(t.Context(), "run", "-strategies", "Map,RWMap", "-rounds", "1", "-procs", "2,1", "-allocs", "-kinds", "-o", json, smallWorkload(t, dir))
	if code != 0 || stderr != "" {
		t.Fatalf("exit code %d, errors %q", code, stderr)
	}
	for _, want := range []string{
		"on 1 processor,", "on 2 processors,", "\nLatencies by kind of operation.\n", "\nAllocations and bytes of one operation, ",
		"\nsmall: Mop/s by number of processors, and how many times the first.\nstrategy ",
	} {
		if !strings.Contains(stdout, want) {
			t.Errorf("%s\ndoes not have %q", stdout, want)
		}
	}
	f, err := report.Read(json)
	if err != nil || len(f.Results) != 2 || f.Results[0].Procs != 2 || f.Results[1].Procs != 1 {
		t.Errorf("%+v, %v; want a result for 2 processors and one for 1", f, err)
	}
}

func TestIsolatedRunsAreMeasuredInProcessesOfTheirOwn(t *testing.T) {
	dir := t.TempDir()
	json := filepath.Join(dir, "r.json")
	code, stdout, stderr := mapbench(t.Context(), "run", "-strategies", "Map,sync.Map", "-rounds", "2", "-isolate", "-o", json, smallWorkload(t, dir))
	if code != 0 || stderr != "" {
		t.Fatalf("exit code %d, errors %q, output\n%s", code, stderr, stdout)
	}
	f, err := report.Read(json)
	if err != nil || len(f.Results) != 1 || !f.Results[0].Isolated || f.Results[0].Overhead <= 0 {
		t.Fatalf("%+v, %v; want an isolated result with the overhead", f, err)
	}
	for _, s := range f.Results[0].Strategies {
		if !s.Measured() || len(s.Rounds) != 2 || s.Rounds[0].Operations == 0 || s.Costs["load"].Operations == 0 {
			t.Errorf("%+v, want two rounds and the costs", s)
		}
	}
}

// isolatedBy runs one strategy in a process that the shell is told to be.
func isolatedBy(t *testing.T, script string) run.Strategy {
	t.Helper()
	w, err := workload.Parse("w.json", []byte(`{"keys": {"number": 10}, "operations": {"load": 1}, "duration": "1ms"}`))
	if err != nil {
		t.Fatal(err)
	}
	one, err := strategy.Named("Map")
	if err != nil {
		t.Fatal(err)
	}
	r := run.Run(t.Context(), w, one, run.Options{Rounds: 2, Isolate: func(ctx context.Context) *exec.Cmd {
		return exec.CommandContext(ctx, "sh", "-c", script)
	}})
	return r.Strategies[0]
}

func TestAProcessThatFailsDisqualifiesItsStrategyOnly(t *testing.T) {
	for script, want := range map[string]string{
		"cat >/dev/null; echo 'fatal error: concurrent map writes' >&2; echo more >&2; exit 2": "its process ended: exit status 2: fatal error: concurrent map writes",
		"cat >/dev/null; exit 3":        "its process ended: exit status 3",
		"cat >/dev/null; echo nonsense": "its process answered what is no result: ",
		`cat >/dev/null; echo '{"Round": {"operations": 1}, "Disqualified": "lost 1 of 2 entries"}'`: "lost 1 of 2 entries",
	} {
		if s := isolatedBy(t, script); !strings.HasPrefix(s.Disqualified, want) || len(s.Rounds) > 0 || strings.Contains(s.Disqualified, "\n") {
			t.Errorf("%s: %+v, want disqualified because %q", script, s, want)
		}
	}
}

func TestIsolatedTasksThatMakeNoSenseAreErrors(t *testing.T) {
	for task, want := range map[string]string{
		"":                                     "isolated: the task is no JSON: EOF",
		"{":                                    "isolated: the task is no JSON: unexpected EOF",
		`{"Workload": {}, "Strategy": "none"}`: `isolated: unknown strategy "none": the process has not registered it`,
		`{"Strategy": "Map"}`:                  "isolated: the task has no workload",
	} {
		if err := run.Isolated(t.Context(), strategy.All(), strings.NewReader(task), io.Discard); err == nil || err.Error() != want {
			t.Errorf("%s: %v, want %s", task, err, want)
		}
	}
}

// TestCtrlCPrintsAndWritesWhatWasMeasured is about the real program: it builds mapbench, waits until it has
// come to the second workload, and interrupts it there, which would go on for hours.
func TestCtrlCPrintsAndWritesWhatWasMeasured(t *testing.T) {
	dir := t.TempDir()
	program := filepath.Join(dir, "mapbench")
	if out, err := exec.Command("go", "build", "-buildvcs=false", "-o", program, "../cmd/mapbench").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	endless := filepath.Join(dir, "endless.json")
	const text = `{"keys": {"number": 100}, "operations": {"load": 9, "store": 1}, "duration": "1h"}`
	if err := os.WriteFile(endless, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, more := range [][]string{nil, {"-isolate"}} {
		t.Run(fmt.Sprint(more), func(t *testing.T) {
			json, csv := filepath.Join(dir, "r.json"), filepath.Join(dir, "r.csv")
			args := append([]string{"run", "-strategies", "Map,RWMap", "-rounds", "2", "-o", json, "-csv", csv}, more...)
			stdout, code := interrupted(t, program, append(args, smallWorkload(t, dir), endless)...)
			if code != exitInterrupted {
				t.Errorf("exit code %d, want %d", code, exitInterrupted)
			}
			for _, want := range []string{"\nsmall: a test\n", "\nendless\n", "\nInterrupted: this is what was measured until then.\n"} {
				if !strings.Contains(stdout, want) {
					t.Errorf("%s\ndoes not have %q", stdout, want)
				}
			}
			f, err := report.Read(json)
			if err != nil || len(f.Results) != 2 {
				t.Fatalf("%+v, %v; want both workloads", f, err)
			}
			for i, rounds := range []int{2, 0} {
				for _, s := range f.Results[i].Strategies {
					if len(s.Rounds) != rounds || s.Disqualified != "" {
						t.Errorf("%s: %+v, want %d rounds", f.Results[i].Workload.Name, s, rounds)
					}
				}
			}
			if lines, err := os.ReadFile(csv); err != nil || strings.Count(string(lines), ",,\n") != 2*2 {
				t.Errorf("%v: %s", err, lines)
			}
		})
	}
}

// interrupted runs a program, interrupts it when it says that it measures what is endless, and returns its output and exit code.
func interrupted(t *testing.T, program string, args ...string) (stdout string, code int) {
	t.Helper()
	process := exec.Command(program, args...)
	process.Stderr = os.Stderr
	out, err := process.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := process.Start(); err != nil {
		t.Fatal(err)
	}
	defer process.Process.Kill() //nolint:errcheck // it has ended unless the test fails
	var text strings.Builder
	sent := false
	for lines := bufio.NewReader(out); ; {
		line, err := lines.ReadString('\n')
		text.WriteString(line)
		if err != nil {
			break
		}
		if !sent && strings.HasPrefix(line, "measuring endless") {
			sent = true
			if err := process.Process.Signal(os.Interrupt); err != nil {
				t.Fatal(err)
			}
		}
	}
	_ = process.Wait() // the code tells
	return text.String(), process.ProcessState.ExitCode()
}
