// Package cli is the command mapbench. A program that registers strategies of its own and then calls [Main] is mapbench
// with those strategies.
package cli

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"

	"github.com/shardmap-go/shardmap/bench/report"
	"github.com/shardmap-go/shardmap/bench/strategy"
	"github.com/shardmap-go/shardmap/bench/workload"
)

// The exit codes of the command.
const (
	exitOK          = 0
	exitError       = 2
	exitInterrupted = 130 // as shells report a process that Ctrl-C ended
)

// A command is what the first argument of mapbench names. Its error is written in one line; flag.ErrHelp shows the help.
type command struct {
	name  string
	args  string // as the help shows them
	about string // one line for a person
	run   func(ctx context.Context, args []string, stdout, stderr io.Writer) error
}

// commands returns all there are, in the order of the help.
func commands() []command {
	return []command{
		{"run", "[flags] [workload ...]", "measure workloads: built-in ones by name, or files that end in .json", runCommand},
		{"list", "", "the built-in workloads and the strategies", listCommand},
		{"show", "workload", "a workload as a file, with all defaults filled in", showCommand},
		{"compare", "a.json b.json", "what changed between two files of results", compareCommand},
		{"cells", "[flags]", "measure one operation at a time; -h tells which", cellsCommand},
		{"published", "[flags] [name ...]", "redo published measurements of maps; -h tells which", publishedCommand},
		{"report", "[flags] results.json", "its tables; with -html file a page for a browser, with -svg dir charts", reportCommand},
		{"record", "[-o file] [flags] workload", "do a workload once, and write its trace", recordCommand},
		{"trace", "info file", "what is in a trace, and a workload that resembles it", traceCommand},
		{"help", "", "this text", helpCommand},
	}
}

// Main runs the command with the arguments of the process, and ends the process.
func Main() {
	if len(os.Args) == 2 && os.Args[1] == isolatedArg {
		os.Exit(isolated())
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	context.AfterFunc(ctx, stop) // so that a second Ctrl-C ends the process at once
	os.Exit(Run(ctx, os.Args[1:], os.Stdout, os.Stderr))
}

// Run runs the command and returns its exit code: 0, or 2 after an error that it has written in one line, or 130 if
// ctx was cancelled, after what was measured until then.
func Run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	name := "run"
	if len(args) > 0 && !strings.HasPrefix(args[0], "-") {
		name, args = args[0], args[1:]
	}
	err := dispatch(ctx, name, args, stdout, stderr)
	switch {
	case err == nil:
		return exitOK
	case errors.Is(err, flag.ErrHelp):
		_ = helpCommand(ctx, nil, stdout, stderr) // a standard output that is closed cannot be told anybody
		return exitOK
	case errors.Is(err, context.Canceled):
		return exitInterrupted
	}
	fmt.Fprintln(stderr, "mapbench:", strings.ReplaceAll(err.Error(), "\n", " "))
	return exitError
}

func dispatch(ctx context.Context, name string, args []string, stdout, stderr io.Writer) error {
	var names []string
	for _, c := range commands() {
		if c.name == name {
			return c.run(ctx, args, stdout, stderr)
		}
		names = append(names, c.name)
	}
	last := len(names) - 1
	return fmt.Errorf("unknown command %q, want %s or %s", name, strings.Join(names[:last], ", "), names[last])
}

func helpCommand(_ context.Context, _ []string, stdout, _ io.Writer) error {
	var text strings.Builder
	text.WriteString("mapbench measures concurrent maps under a workload, and checks that they do it right.\n\n")
	lines := [][2]string{{"mapbench", `the workloads "mixed" and "operator-cache", within a minute`}}
	width := 0
	for _, c := range commands() {
		line := strings.TrimSpace("mapbench " + c.name + " " + c.args)
		lines = append(lines, [2]string{line, c.about})
		width = max(width, len(line))
	}
	for _, line := range lines {
		fmt.Fprintf(&text, "  %-*s  %s\n", width, line[0], line[1])
	}
	text.WriteString("\nFlags of run:\n" + flagHelp())
	_, err := io.WriteString(stdout, text.String())
	return err
}

func listCommand(_ context.Context, args []string, stdout, _ io.Writer) error {
	if len(args) > 0 {
		return errors.New("list takes no arguments")
	}
	var text strings.Builder
	fmt.Fprintln(&text, "Workloads:")
	for _, w := range workload.Builtin() {
		fmt.Fprintf(&text, "  %-16s %s\n", w.Name, w.About)
	}
	fmt.Fprintln(&text, "\nStrategies:")
	for _, s := range strategy.All() {
		fmt.Fprintf(&text, "  %-16s %s\n", s.Name, s.About)
	}
	_, err := io.WriteString(stdout, text.String())
	return err
}

func showCommand(_ context.Context, args []string, stdout, _ io.Writer) error {
	if len(args) != 1 {
		return errors.New("show takes one workload")
	}
	w, err := workload.Open(args[0])
	if err != nil {
		return err
	}
	_, err = fmt.Fprintln(stdout, w)
	return err
}

func compareCommand(_ context.Context, args []string, stdout, _ io.Writer) error {
	if len(args) != 2 {
		return errors.New("compare takes two files of results")
	}
	before, err := report.Read(args[0])
	if err != nil {
		return err
	}
	after, err := report.Read(args[1])
	if err != nil {
		return err
	}
	return report.WriteComparison(stdout, before, after)
}
