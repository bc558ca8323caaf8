package cli

import (
	"context"
	"flag"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/shardmap-go/shardmap/bench/cells"
	"github.com/shardmap-go/shardmap/bench/strategy"
)

// cellsSettings are the flags of cells.
type cellsSettings struct {
	cells.Options
	strategies, subject string
	read                words
	json, rows          string
}

func newCellsFlags() (*flag.FlagSet, *cellsSettings) {
	s := &cellsSettings{Options: cells.Defaults()}
	f := flag.NewFlagSet("mapbench cells", flag.ContinueOnError)
	f.SetOutput(io.Discard)
	f.Var((*words)(&s.Operations), "operations", "a comma-separated `list` of operations")
	f.Var((*words)(&s.Keys), "keys", "a `list` of kinds of keys")
	f.Var((*words)(&s.Values), "values", "a `list` of kinds of values")
	f.Var((*numbers)(&s.Entries), "entries", "a `list` of numbers of entries")
	f.IntVar(&s.Large, "large", s.Large, "with more entries than that, measure only the first kind of values")
	f.Var((*processors)(&s.Options.Procs), "procs", "a `list` of numbers of processors")
	f.StringVar(&s.strategies, "strategies", "Map,Map:maphash,sync.Map,xsync.Map,concurrent-map,haxmap", "`names` of strategies, or patterns")
	f.StringVar(&s.subject, "subject", "Map", "the strategy that is compared with the best of those that are not of this project")
	f.IntVar(&s.Rounds, "rounds", s.Rounds, "how often to measure each")
	f.DurationVar(&s.Batch, "batch", s.Batch, "how long to measure each in one round, about")
	f.Uint64Var(&s.Seed, "seed", s.Seed, "decides on keys and order")
	f.Var(&s.read, "read", "measure nothing, and show what is in these `files`")
	f.StringVar(&s.json, "o", "", "write the results to this `file`, as JSON")
	f.StringVar(&s.rows, "rows", "", "write the comparison to this `file`, for a table in Markdown")
	return f, s
}

// cellsHelp writes the help of cells.
func cellsHelp(w io.Writer) error {
	f, _ := newCellsFlags()
	var text strings.Builder
	text.WriteString("mapbench cells [flags] measures one operation at a time, all of them unless told otherwise, which takes a quarter of an hour:\n\n")
	for _, o := range cells.Operations() {
		fmt.Fprintf(&text, "  %-12s %s\n", o.Name, o.About)
	}
	text.WriteString("\nFlags:\n")
	f.SetOutput(&text)
	f.PrintDefaults()
	_, err := io.WriteString(w, text.String())
	return err
}

// cellsCommand measures cells, or reads what was measured, and prints the times and how the subject compares.
func cellsCommand(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	f, s := newCellsFlags()
	switch err := f.Parse(args); {
	case err == flag.ErrHelp:
		return cellsHelp(stdout)
	case err != nil:
		return err
	case f.NArg() > 0:
		return fmt.Errorf("cells takes no arguments, but flags; got %q", f.Arg(0))
	}
	var file *cells.File
	out, err := openOutputs(append(
		outputTo(s.json, func(w io.Writer) error { return file.WriteJSON(w) }),
		outputTo(s.rows, func(w io.Writer) error { return cells.WriteRows(w, cells.Compare(file.Results, s.subject)) })...))
	if err != nil {
		return err
	}
	defer out.close()
	if len(s.read) > 0 {
		file, err = readCells(s.read)
	} else {
		file, err = s.measure(ctx, stdout, stderr)
	}
	if err != nil {
		return err
	}
	if err := s.show(file, stdout); err != nil {
		return err
	}
	if ctx.Err() != nil {
		fmt.Fprintln(stdout, "\nInterrupted: this is what was measured until then.")
	}
	if err := out.write(nil); err != nil {
		return err
	}
	return ctx.Err()
}

// measure measures the cells that the flags name.
func (s *cellsSettings) measure(ctx context.Context, stdout, stderr io.Writer) (*cells.File, error) {
	var err error
	if s.Strategies, err = strategy.Named(s.strategies); err != nil {
		return nil, err
	}
	if err := s.Check(); err != nil {
		return nil, err
	}
	file := cells.NewFile(s.Options)
	fmt.Fprintf(stdout, "mapbench: %d strategies in %d rounds; %s\n", len(s.Strategies), s.Rounds, file)
	bar := newProgress(stderr, 1)
	if show := bar.workload(0, "cells"); show != nil {
		s.Progress = func(c cells.Cell, done, total int) { show(c.String(), done, total) }
	}
	file.Results = cells.Measure(ctx, s.Options)
	bar.clear()
	return file, nil
}

// readCells reads files, and returns their cells as if they were one: the first.
func readCells(names []string) (all *cells.File, err error) {
	for _, name := range names {
		file, err := cells.Read(name)
		if err != nil {
			return nil, err
		}
		if all == nil {
			all = file
		} else {
			all.Results = append(all.Results, file.Results...)
		}
	}
	all.Sort()
	return all, nil
}

// show prints the results and the comparison.
func (s *cellsSettings) show(file *cells.File, w io.Writer) error {
	if err := cells.WriteTable(w, file.Results); err != nil {
		return err
	}
	if compared := cells.Compare(file.Results, s.subject); len(compared) > 0 {
		return cells.WriteComparison(w, s.subject, compared)
	}
	return nil
}

// words is a flag with a comma-separated list.
type words []string

func (l *words) String() string { return strings.Join(*l, ",") }

func (l *words) Set(text string) error {
	*l = strings.Split(strings.ReplaceAll(text, " ", ""), ",")
	return nil
}

// numbers is a flag with a comma-separated list of numbers.
type numbers []int

func (l *numbers) String() string {
	return strings.Trim(strings.ReplaceAll(fmt.Sprint([]int(*l)), " ", ","), "[]")
}

func (l *numbers) Set(text string) error {
	*l = nil
	for word := range strings.SplitSeq(text, ",") {
		n, err := strconv.Atoi(strings.TrimSpace(word))
		if err != nil {
			return fmt.Errorf("%q is not a number", word)
		}
		*l = append(*l, n)
	}
	return nil
}
