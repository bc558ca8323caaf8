package main

import (
	"os"
	"path/filepath"
	"regexp"
	"testing"
)

func TestFailedNamesTheInnermostTestThatFailedFirst(t *testing.T) {
	for output, want := range map[string]string{
		"--- FAIL: TestA (0.1s)\n    --- FAIL: TestA/b (0.1s)\n--- FAIL: TestC (0.1s)\nFAIL": "TestA/b",
		"panic: test timed out after 3m0s\n\trunning tests:\n\t\tTestA (3m0s)\n":             "TestA (time-out)",
		"WARNING: DATA RACE\n--- FAIL: TestA (0.1s)\nFAIL":                                   "TestA (data race)",
		"fatal error: all goroutines are asleep - deadlock!\nFAIL":                           "fatal error: all goroutines are asleep - deadlock!",
	} {
		if got := failed(output); got != want {
			t.Errorf("%q: %q failed, want %q", output, got, want)
		}
	}
}

func TestHeaderMustSayWhatToExpect(t *testing.T) {
	for header, ok := range map[string]bool{
		"Broken.\n\nExpect: explore\n\n":      true,
		"Broken.\n\nExpect: test TestFlood\n": true,
		"Broken.\n\nExpect: luck\n":           false,
		"Broken.\n":                           false,
	} {
		dir := t.TempDir()
		if err := os.WriteFile(filepath.Join(dir, "01-m.patch"), []byte(header+"diff --git a/f b/f\n"), 0o644); err != nil {
			t.Fatal(err)
		}
		mutants, err := readMutants(dir, regexp.MustCompile(""))
		if (err == nil) != ok || ok && mutants[0].name != "01-m" {
			t.Errorf("%q: %v, %v", header, mutants, err)
		}
	}
}

func TestPlanBeginsWithWhatIsExpectedAndEndsWithEveryStage(t *testing.T) {
	m := mutant{expect: &stages[1], tests: "TestFlood"}
	if plan := m.plan(); len(plan) != 1+len(stages) || plan[0] != (step{&stages[1], "TestFlood"}) {
		t.Errorf("plan with tests: %v", plan)
	}
	m.tests = ""
	if plan := m.plan(); len(plan) != len(stages) || plan[0].stage != &stages[1] {
		t.Errorf("plan without: %v", plan)
	}
}
