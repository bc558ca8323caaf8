package cli

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"io"
	"os"

	"github.com/shardmap-go/shardmap/bench/report"
)

// reportCommand shows a file of results again: as tables, or as a page or charts where that is asked for.
func reportCommand(_ context.Context, args []string, stdout, _ io.Writer) error {
	f := flag.NewFlagSet("mapbench report", flag.ContinueOnError)
	f.SetOutput(io.Discard)
	page := f.String("html", "", "")
	charts := f.String("svg", "", "")
	names, err := parseMixed(f, args)
	if err != nil {
		return err
	}
	if len(names) != 1 {
		return errors.New("report takes one file of results")
	}
	results, err := report.Read(names[0])
	if err != nil {
		return err
	}
	if *page == "" && *charts == "" {
		return printTables(stdout, results)
	}
	if *page != "" {
		if err := writePage(*page, results); err != nil {
			return err
		}
	}
	if *charts != "" {
		return results.WriteCharts(*charts)
	}
	return nil
}

// parseMixed parses flags that stand before, between and after other arguments, which it returns.
func parseMixed(f *flag.FlagSet, args []string) (others []string, err error) {
	for {
		if err := f.Parse(args); err != nil {
			return nil, err
		}
		if f.NArg() == 0 {
			return others, nil
		}
		others, args = append(others, f.Arg(0)), f.Args()[1:]
	}
}

func printTables(w io.Writer, results *report.File) error {
	if _, err := io.WriteString(w, results.String()+"\n"); err != nil {
		return err
	}
	for _, r := range results.Results {
		if _, err := io.WriteString(w, "\n"); err != nil {
			return err
		}
		if err := report.WriteTable(w, r); err != nil {
			return err
		}
	}
	return nil
}

// writePage makes the page before it touches the file.
func writePage(name string, results *report.File) error {
	var page bytes.Buffer
	if err := results.WriteHTML(&page); err != nil {
		return err
	}
	return os.WriteFile(name, page.Bytes(), 0o666)
}
