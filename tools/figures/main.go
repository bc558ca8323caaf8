// Command figures brings the figures in README.md up to date with the measurements in results/.
//
//	go run -C tools ./figures [-check] [folder]
//
// A figure lies between the lines "<!-- figures: NAME -->" and "<!-- end -->", and is made from results/NAME.txt:
//
//   - the output of go test -bench becomes a table of ratios: for each workload and number of processors, the median time of
//     Map divided by that of sync.Map;
//   - other files are tables already, one row a line, with " | " between the cells.
//
// With -check it changes nothing, and fails if anything would change. make results and make proof measure anew.
package main

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
)

func main() {
	check := flag.Bool("check", false, "change nothing, and fail if README.md is out of date")
	flag.Parse()
	root := ".."
	if flag.NArg() > 0 {
		root = flag.Arg(0)
	}
	if err := run(root, *check); err != nil {
		fmt.Fprintln(os.Stderr, "figures:", err)
		os.Exit(1)
	}
}

var section = regexp.MustCompile(`(?s)(<!-- figures: ([a-z-]+) -->\n).*?(<!-- end -->)`)

func run(root string, check bool) error {
	readme := filepath.Join(root, "README.md")
	old, err := os.ReadFile(readme)
	if err != nil {
		return err
	}
	fresh, err := update(old, filepath.Join(root, "results"))
	switch {
	case err != nil:
		return err
	case bytes.Equal(old, fresh):
		return nil
	case check:
		return fmt.Errorf("%s does not show what results/ holds: run make figures", readme)
	}
	return os.WriteFile(readme, fresh, 0o644)
}

// update returns the document with its figures made from the files in the folder results.
func update(document []byte, results string) ([]byte, error) {
	var failed error
	fresh := section.ReplaceAllFunc(document, func(found []byte) []byte {
		parts := section.FindSubmatch(found)
		file := filepath.Join(results, string(parts[2])+".txt")
		table, err := tableOf(file)
		if err != nil {
			failed = err
			return found
		}
		return bytes.Join([][]byte{parts[1], []byte("\n" + table + "\n"), parts[3]}, nil)
	})
	return fresh, failed
}

// tableOf returns the Markdown table for a file of results.
func tableOf(file string) (string, error) {
	data, err := os.ReadFile(file)
	if err != nil {
		return "", err
	}
	if bytes.Contains(data, []byte("\nBenchmark")) {
		return ratios(file)
	}
	var table strings.Builder
	for i, line := range strings.Split(strings.TrimSpace(string(data)), "\n") {
		fmt.Fprintf(&table, "| %s |\n", line)
		if i == 0 {
			table.WriteString(strings.Repeat("|---", strings.Count(line, " | ")+1) + "|\n")
		}
	}
	return table.String(), nil
}
