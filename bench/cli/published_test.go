package cli

import (
	"context"
	"path/filepath"
	"strings"
	"testing"

	"github.com/shardmap-go/shardmap/bench/published"
)

func TestPublishedPrintsVerdictsAndWritesTheFile(t *testing.T) {
	file := filepath.Join(t.TempDir(), "published.json")
	code, stdout, stderr := mapbench(t.Context(), "published", "-quick", "-rounds", "6", "-json", file, "insert", "steady-state")
	if code != 0 || stderr != "" {
		t.Fatalf("exit code %d, errors %q", code, stderr)
	}
	for _, want := range []string{
		"mapbench: 2 published scenarios in 6 rounds; ", "\ninsert: ", "  published  measured  95 % interval\n", "\n    preallocated  ",
		"\n  time: preallocated before allocating  ", "\nsteady-state: ", "\nOf 1 claims, the direction holds for ",
	} {
		if !strings.Contains(stdout, want) {
			t.Errorf("%s\ndoes not have %q", stdout, want)
		}
	}
	results, err := published.Read(file)
	if err != nil || len(results.Results) != 2 || results.Results[0].Scenario != "insert" || len(results.Results[1].Contestants[0].Rounds) != 6 {
		t.Errorf("%s holds %+v, %v", file, results, err)
	}
}

func TestPublishedPrintsWhatThereIsWhenInterrupted(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	file := filepath.Join(t.TempDir(), "published.json")
	code, stdout, stderr := mapbench(ctx, "published", "-quick", "-json", file, "owners", "insert")
	if code != 130 || stderr != "" || !strings.HasSuffix(stdout, "\nInterrupted: this is what was measured until then.\n") ||
		!strings.Contains(stdout, "not measured") {
		t.Errorf("exit code %d, errors %q, output\n%s", code, stderr, stdout)
	}
	if f, err := published.Read(file); err != nil || len(f.Results) != 1 {
		t.Errorf("%+v, %v", f, err)
	}
}

func TestPublishedHasAHelpOfItsOwn(t *testing.T) {
	code, stdout, stderr := mapbench(t.Context(), "published", "-h")
	if code != 0 || stderr != "" || !strings.Contains(stdout, "\n  -quick\n") {
		t.Errorf("exit code %d, errors %q, output\n%s", code, stderr, stdout)
	}
	for _, s := range published.Scenarios() {
		if !strings.Contains(stdout, "\n  "+s.Name+" ") {
			t.Errorf("%s is not in the help", s.Name)
		}
	}
}

func TestErrorsOfPublishedAreOneLineAndExitCode2(t *testing.T) {
	missing := filepath.Join(t.TempDir(), "no", "p.json")
	for _, c := range []struct {
		want string
		args []string
	}{
		{`unknown scenario "inserts", want read-mostly, traversal, heart-beats, connections, resources, contentions, million, insert, owners, steady-state`,
			[]string{"owners", "inserts"}},
		{`unknown scenario "", want read-mostly, `, []string{""}},
		{`the flag -quick comes after a name, want it before`, []string{"owners", "-quick"}},
		{`-rounds is 4, want 5 to 10000`, []string{"-rounds", "4"}},
		{`-rounds is -1, want 5 to 10000`, []string{"-rounds", "-1"}},
		{`-rounds is 10001, want 5 to 10000`, []string{"-rounds", "10001"}},
		{`flag provided but not defined: -x`, []string{"-x"}},
		{`open ` + missing + `: no such file or directory`, []string{"-quick", "-json", missing, "owners"}},
	} {
		code, stdout, stderr := mapbench(t.Context(), append([]string{"published"}, c.args...)...)
		if code != 2 || stdout != "" || !strings.HasPrefix(stderr, "mapbench: "+c.want) || strings.Count(stderr, "\n") != 1 {
			t.Errorf("%q: exit code %d\n got %swant mapbench: %s\n%s", c.args, code, stderr, c.want, stdout)
		}
	}
}
