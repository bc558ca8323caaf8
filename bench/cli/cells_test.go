package cli

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/shardmap-go/shardmap/bench/cells"
)

func TestCellsPrintsTablesAndWritesFilesThatItReads(t *testing.T) {
	dir := t.TempDir()
	file, rows := filepath.Join(dir, "cells.json"), filepath.Join(dir, "rows.txt")
	code, stdout, stderr := mapbench(t.Context(), "cells", "-operations", "hit,insert", "-keys", "int, string", "-values", "int",
		"-entries", "128,200", "-procs", "1", "-strategies", "Map,sync.Map", "-rounds", "2", "-batch", "50us", "-o", file, "-rows", rows)
	if code != 0 || stderr != "" {
		t.Fatalf("exit code %d, errors %q", code, stderr)
	}
	for _, want := range []string{
		"mapbench: 2 strategies in 2 rounds; ", "\nhit: Load of a key that is there\n", "\nstring          int            200  1 ",
		"\nMap against the fastest of the others, cell by cell; below 1 it is faster\n",
	} {
		if !strings.Contains(stdout, want) {
			t.Errorf("%s\ndoes not have %q", stdout, want)
		}
	}
	if f, err := cells.Read(file); err != nil || len(f.Results) != 8 || f.Rounds != 2 {
		t.Errorf("%+v, %v", f, err)
	}
	if text, err := os.ReadFile(rows); err != nil || !strings.HasPrefix(string(text), "operation | ") || strings.Count(string(text), "\n") != 4 {
		t.Errorf("%s, %v", text, err)
	}
	code, again, stderr := mapbench(t.Context(), "cells", "-read", file)
	if _, twice, _ := mapbench(t.Context(), "cells", "-read", file+","+file); strings.Count(twice, "\nstring          int            200  1 ") != 4 {
		t.Errorf("two files show as\n%s", twice)
	}
	if _, tables, _ := strings.Cut(stdout, "\n"); code != 0 || stderr != "" || again != tables {
		t.Errorf("exit code %d, errors %q, and it prints\n%s\nwant\n%s", code, stderr, again, tables)
	}
}

func TestCellsPrintsWhatThereIsWhenInterrupted(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	file := filepath.Join(t.TempDir(), "cells.json")
	code, stdout, stderr := mapbench(ctx, "cells", "-o", file)
	if code != 130 || stderr != "" || !strings.HasSuffix(stdout, "\nInterrupted: this is what was measured until then.\n") {
		t.Errorf("exit code %d, errors %q, output\n%s", code, stderr, stdout)
	}
	if f, err := cells.Read(file); err != nil || len(f.Results) != 0 {
		t.Errorf("%+v, %v", f, err)
	}
}

func TestCellsHasAHelpOfItsOwn(t *testing.T) {
	code, stdout, stderr := mapbench(t.Context(), "cells", "-h")
	if code != 0 || stderr != "" || !strings.Contains(stdout, "\n  -rows file\n") || !strings.Contains(stdout, "\n  loadOrStore  ") {
		t.Errorf("exit code %d, errors %q, output\n%s", code, stderr, stdout)
	}
}

func TestErrorsOfCellsAreOneLineAndExitCode2(t *testing.T) {
	for want, args := range map[string][]string{
		`unknown operation "x"`:                          {"-operations", "x"},
		`5 entries, want 128 to 50000000`:                {"-entries", "5"},
		`"many" is not a number`:                         {"-entries", "many"},
		`0 rounds, want 1 to 10000`:                      {"-rounds", "0"},
		`unknown strategy "nobody"`:                      {"-strategies", "nobody"},
		`cells takes no arguments, but flags; got "hit"`: {"hit"},
		`no such file`:                                   {"-read", filepath.Join(t.TempDir(), "missing.json")},
		`no such file or directory`:                      {"-o", filepath.Join(t.TempDir(), "no", "c.json")},
	} {
		code, stdout, stderr := mapbench(t.Context(), append([]string{"cells"}, args...)...)
		if code != 2 || stdout != "" || strings.Count(stderr, "\n") != 1 || !strings.Contains(stderr, want) {
			t.Errorf("%q: exit code %d, output %q, errors %q, want %q", args, code, stdout, stderr, want)
		}
	}
}
