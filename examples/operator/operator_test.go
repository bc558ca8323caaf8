package main

import (
	"bufio"
	"errors"
	"io"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/types"
)

// The test of Ctrl-C runs this binary as the program, with this variable set.
const programVariable = "SHARDMAP_EXAMPLE_OPERATOR"

func TestMain(m *testing.M) {
	if os.Getenv(programVariable) != "" {
		main()
	}
	os.Exit(m.Run())
}

// What becomes of the naive code is told, and not judged: with few objects it may be lucky.
func TestNothingGoesWrongWithShardmap(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	var out, lines strings.Builder
	if err := run(t.Context(), []string{"-objects", "200"}, &out, &progress{out: &lines}); err != nil {
		t.Errorf("%v\n%s", err, lines.String())
	}
	t.Logf("\n%s", out.String())
	for _, row := range []string{
		`rotation +\d+ +0 of 6400 keys missed`, `\d+ +0 torn keyrings used`,
		`replicas +\d+ +0 children too many, for 200`, `0 +0 children missing`,
		`sweep +\d+ +0 disks leaked`, `\d+ +0 objects without a disk`, `\d+ +0 deletes of what was not there`,
	} {
		if !regexp.MustCompile(row).MatchString(out.String()) {
			t.Errorf("no row %q", row)
		}
	}
	for _, line := range []string{"starting etcd", "rotation-naive: rotation 3 of 3\n", "sweep-shardmap: waiting"} {
		if strings.Count(lines.String(), line) != 1 {
			t.Errorf("the progress does not tell %q once:\n%s", line, lines.String())
		}
	}
	isEmpty(t, os.Getenv("TMPDIR"))
}

func isEmpty(t *testing.T, dir string) {
	t.Helper()
	if files, err := os.ReadDir(dir); err != nil || len(files) > 0 {
		t.Errorf("left in the temporary folder: %v, %v", files, err)
	}
}

func TestCtrlCStopsEverythingAndLeavesNothing(t *testing.T) {
	for _, at := range []string{"starting etcd", "rotation-naive: rotation 1", "sweep-naive: deletes, and a new API server"} {
		t.Run(at, func(t *testing.T) {
			program := exec.CommandContext(t.Context(), os.Args[0], "-objects", "40")
			temporary := t.TempDir()
			program.Env = append(os.Environ(), programVariable+"=1", "TMPDIR="+temporary)
			stderr, err := program.StderrPipe()
			if err != nil {
				t.Fatal(err)
			}
			if err := program.Start(); err != nil {
				t.Fatal(err)
			}
			var told strings.Builder
			for lines := bufio.NewScanner(stderr); lines.Scan(); {
				told.WriteString(lines.Text() + "\n")
				if strings.HasPrefix(lines.Text(), at) {
					if err := program.Process.Signal(os.Interrupt); err != nil {
						t.Error(err)
					}
				}
			}
			err = program.Wait()
			if program.ProcessState.ExitCode() != 130 || !strings.HasSuffix(told.String(), "operator: interrupted\n") {
				t.Errorf("it ended with %v and told\n%s", err, told.String())
			}
			isEmpty(t, temporary)
		})
	}
}

func TestBadArgumentsAreNamed(t *testing.T) {
	for _, args := range [][]string{{"-objects", "39"}, {"-objects", "100001"}, {"-objects", "x"}, {"-x"}, {"more"}} {
		err := run(t.Context(), args, io.Discard, &progress{out: io.Discard})
		if !errors.Is(err, errUsage) || exitCode(err) != 2 || !strings.Contains(err.Error(), args[len(args)-1]) {
			t.Errorf("%q: %v", args, err)
		}
	}
	var help strings.Builder
	if err := run(t.Context(), []string{"-h"}, &help, &progress{out: io.Discard}); exitCode(err) != 0 ||
		!strings.Contains(help.String(), "-objects") {
		t.Errorf("%v\n%s", err, help.String())
	}
}

func TestAFailureWithShardmapIsAFailureOfTheProgram(t *testing.T) {
	results := []result{
		{"right", outcome{{7, "wrong"}}, outcome{{0, "wrong"}}},
		{"wrong", outcome{{0, "wrong"}, {0, "lost"}}, outcome{{2, "wrong"}, {1, "lost"}}},
	}
	if n := table(io.Discard, results); n != 3 {
		t.Errorf("%d failures, want 3", n)
	}
	if code := exitCode(errors.New("3 failures")); code != 1 {
		t.Errorf("exit code %d", code)
	}
}

func TestTheAuditFindsWhatIsWrong(t *testing.T) {
	d := &disks{}
	d.operator = &uidVolumes{cloud: &d.cloud}
	var volumes []Volume
	for _, uid := range []types.UID{"a", "b", "c"} {
		var v Volume
		v.UID = uid
		volumes = append(volumes, v)
		d.cloud.ensure(d.operator.diskOf(&v), uid)
	}
	if leaked, lost := d.compare(volumes); leaked != 0 || lost != 0 {
		t.Errorf("all is well: %d, %d", leaked, lost)
	}
	d.cloud.disks.Store("disk-a", "another")
	d.cloud.delete("disk-b")
	d.cloud.ensure("disk-gone", "gone")
	if leaked, lost := d.compare(volumes); leaked != 1 || lost != 2 {
		t.Errorf("%d leaked, want 1; %d lost, want 2", leaked, lost)
	}
	if d.cloud.delete("disk-b"); d.cloud.misses.Load() != 1 {
		t.Error("a delete of nothing does not count")
	}
}

func TestOnATerminalTheProgressIsOneLine(t *testing.T) {
	var out strings.Builder
	p := &progress{out: &out, terminal: true}
	p.begin(2, "%s: step", "incident")
	p.part()
	p.part()
	p.begin(0, "waiting")
	p.end()
	if got := out.String(); strings.Contains(got, "\n") || !strings.Contains(got, "\r\033[Kincident: step: 2 of 2\r\033[Kwaiting\r\033[K") {
		t.Errorf("%q", got)
	}
}
