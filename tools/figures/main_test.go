package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func write(t *testing.T, folder, name, content string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(folder, name), []byte(content), 0o644); err != nil {
		t.Fatal(err)
	}
}

func TestFiguresFollowTheResults(t *testing.T) {
	root := t.TempDir()
	results := filepath.Join(root, "results")
	if err := os.Mkdir(results, 0o755); err != nil {
		t.Fatal(err)
	}
	bench := "goos: linux\n"
	for i := range 10 {
		bench += fmt.Sprintf("BenchmarkMaps/op=hit/keys=int/n=1000/impl=Map \t 10 \t %d ns/op\n", 10+i%3)
		bench += fmt.Sprintf("BenchmarkMaps/op=hit/keys=int/n=1000/impl=sync.Map \t 10 \t %d ns/op\n", 20+i%3)
		bench += fmt.Sprintf("BenchmarkMaps/op=hit/keys=int/n=1000/impl=Map-2 \t 10 \t %d ns/op\n", 10+i)
		bench += fmt.Sprintf("BenchmarkMaps/op=hit/keys=int/n=1000/impl=sync.Map-2 \t 10 \t %d ns/op\n", 10+(i+5)%10)
	}
	write(t, results, "peers.txt", bench)
	write(t, results, "proof.txt", "check | figure\nfuzz | 12\n")
	write(t, root, "README.md", "a\n<!-- figures: peers -->\nold\n<!-- end -->\nb\n<!-- figures: proof -->\n<!-- end -->\nc\n")
	if err := run(root, true); err == nil {
		t.Fatal("-check must fail while the file is out of date")
	}
	if err := run(root, false); err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile(filepath.Join(root, "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"| hit | 1000 | 1 | 0.52 |", "| hit | 1000 | 2 | (1.00) |", "| check | figure |\n|---|---|\n| fuzz | 12 |"} {
		if !strings.Contains(string(got), want) {
			t.Errorf("%q is not in:\n%s", want, got)
		}
	}
	if strings.Contains(string(got), "old") {
		t.Error("the old figure is still there")
	}
	if err := run(root, true); err != nil {
		t.Error(err)
	}
	write(t, results, "peers.txt", "goos: linux\nBenchmarkOther 1 1 ns/op\n")
	if err := run(root, false); err == nil || !strings.Contains(err.Error(), "Other") {
		t.Errorf("another benchmark must be refused by its name, not with %v", err)
	}
}
