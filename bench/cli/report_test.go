package cli

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func contentOf(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func TestReportShowsAgainWhatARunHasShown(t *testing.T) {
	dir := t.TempDir()
	results, page := filepath.Join(dir, "r.json"), filepath.Join(dir, "r.html")
	code, ran, stderr := mapbench(t.Context(), "run", "-strategies", "Map,sync.Map", "-rounds", "2",
		"-o", results, "-html", page, smallWorkload(t, dir))
	if code != 0 || stderr != "" {
		t.Fatalf("run: exit code %d, errors %q", code, stderr)
	}
	if text := contentOf(t, page); !strings.HasPrefix(text, "<!DOCTYPE html>") || !strings.Contains(text, "mapbench: small") {
		t.Errorf("the run wrote no page but\n%s", text)
	}
	code, reported, stderr := mapbench(t.Context(), "report", results)
	if _, tables, ok := strings.Cut(reported, "\n\n"); code != 0 || stderr != "" || !ok || !strings.Contains(ran, tables) {
		t.Errorf("exit code %d, errors %q, report\n%swhile the run printed\n%s", code, stderr, reported, ran)
	}

	again, charts := filepath.Join(dir, "again.html"), filepath.Join(dir, "charts")
	for _, args := range [][]string{
		{results, "-html", again, "-svg", charts}, {"-svg", charts, results, "-html", again}, {"-html", again, "-svg", charts, results},
	} {
		code, stdout, stderr := mapbench(t.Context(), append([]string{"report"}, args...)...)
		if code != 0 || stdout != "" || stderr != "" {
			t.Errorf("%q: exit code %d, output %q, errors %q", args, code, stdout, stderr)
		}
		if contentOf(t, again) != contentOf(t, page) {
			t.Errorf("%q: the page is not that of the run", args)
		}
		names, err := filepath.Glob(filepath.Join(charts, "*.svg"))
		for i := range names {
			names[i] = filepath.Base(names[i])
		}
		if want := []string{"small-latency.svg", "small-memory.svg", "small-throughput.svg"}; err != nil || !slices.Equal(names, want) {
			t.Errorf("%q: charts %q, %v; want %q", args, names, err, want)
		}
		if err := os.RemoveAll(charts); err != nil {
			t.Fatal(err)
		}
		if err := os.Remove(again); err != nil {
			t.Fatal(err)
		}
	}
}

func TestReportRefusesWhatItCannotShow(t *testing.T) {
	dir := t.TempDir()
	none := filepath.Join(dir, "none.json")
	for _, c := range []struct {
		want string
		args []string
	}{
		{"report takes one file of results", nil},
		{"report takes one file of results", []string{"a.json", "b.json"}},
		{"flag provided but not defined: -pdf", []string{"a.json", "-pdf", "x"}},
		{"flag needs an argument: -html", []string{"a.json", "-html"}},
		{"open " + none + ": no such file or directory", []string{none, "-html", filepath.Join(dir, "r.html")}},
	} {
		code, stdout, stderr := mapbench(t.Context(), append([]string{"report"}, c.args...)...)
		if code != 2 || stdout != "" || stderr != "mapbench: "+c.want+"\n" {
			t.Errorf("%q: exit code %d, output %q\n got %swant mapbench: %s", c.args, code, stdout, stderr, c.want)
		}
	}
	if names, err := os.ReadDir(dir); err != nil || len(names) != 0 {
		t.Errorf("files %v, %v were written", names, err)
	}
}
