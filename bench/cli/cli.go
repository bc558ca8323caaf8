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
	"time"

	"github.com/shardmap-go/shardmap/bench/report"
	"github.com/shardmap-go/shardmap/bench/run"
	"github.com/shardmap-go/shardmap/bench/strategy"
	"github.com/shardmap-go/shardmap/bench/workload"
)

const usage = `mapbench measures concurrent maps under a workload, and checks that they do it right.

  mapbench                             the workloads "mixed" and "operator-cache", within a minute
  mapbench run [flags] [workload ...]  other workloads: built-in ones by name, or files that end in .json
  mapbench list                        the built-in workloads and the strategies
  mapbench show workload               a workload as a file, with all defaults filled in
  mapbench compare a.json b.json       what changed between two files of results

Flags of run:
`

// The exit codes of the command.
const (
	exitOK          = 0
	exitError       = 2
	exitInterrupted = 130 // as shells report a process that Ctrl-C ended
)

// defaultWorkloads are measured unless others are named, and defaultTime is what they may take together.
var defaultWorkloads = []string{"mixed", "operator-cache"}

const defaultTime = 50 * time.Second

// Main runs the command with the arguments of the process, and ends the process.
func Main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	context.AfterFunc(ctx, stop) // so that a second Ctrl-C ends the process at once
	os.Exit(Run(ctx, os.Args[1:], os.Stdout, os.Stderr))
}

// Run runs the command and returns its exit code: 0, or 2 after an error that it has written in one line, or 130 if
// ctx was cancelled, after what was measured until then.
func Run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	command := "run"
	if len(args) > 0 && !strings.HasPrefix(args[0], "-") {
		command, args = args[0], args[1:]
	}
	var err error
	switch command {
	case "run":
		err = runCommand(ctx, args, stdout, stderr)
	case "list":
		err = listCommand(args, stdout)
	case "show":
		err = showCommand(args, stdout)
	case "compare":
		err = compareCommand(args, stdout)
	case "help":
		_, err = io.WriteString(stdout, usage+flagHelp())
	default:
		err = fmt.Errorf("unknown command %q, want run, list, show, compare or help", command)
	}
	switch {
	case err == nil:
		return exitOK
	case errors.Is(err, flag.ErrHelp):
		fmt.Fprint(stdout, usage+flagHelp())
		return exitOK
	case errors.Is(err, context.Canceled):
		return exitInterrupted
	}
	fmt.Fprintln(stderr, "mapbench:", strings.ReplaceAll(err.Error(), "\n", " "))
	return exitError
}

// settings are the flags of run.
type settings struct {
	strategies           string
	rounds               int
	duration, within     time.Duration
	seed                 uint64
	json, benchmark, csv string
}

func newFlags() (*flag.FlagSet, *settings) {
	s := new(settings)
	f := flag.NewFlagSet("mapbench run", flag.ContinueOnError)
	f.SetOutput(io.Discard)
	f.StringVar(&s.strategies, "strategies", "*", "comma-separated `names` of strategies, or patterns such as 'Map*'")
	f.IntVar(&s.rounds, "rounds", run.MinRounds, "how often to measure each strategy; from 6 on the intervals are of 95 %")
	f.DurationVar(&s.duration, "duration", 0, "how long to measure each strategy in one round, instead of what the workload says")
	f.DurationVar(&s.within, "within", 0, "begin no round that would not be over by this time (50s if no workload is named, else no limit)")
	f.Uint64Var(&s.seed, "seed", 1, "decides on keys, order and choices")
	f.StringVar(&s.json, "o", "", "write the results to this `file`, as JSON")
	f.StringVar(&s.benchmark, "bench", "", "write the results to this `file`, in Go's benchmark format, for benchstat")
	f.StringVar(&s.csv, "csv", "", "write the results to this `file`, as CSV")
	return f, s
}

func flagHelp() string {
	f, _ := newFlags()
	var text strings.Builder
	f.SetOutput(&text)
	f.PrintDefaults()
	return text.String()
}

func (s *settings) check() error {
	switch {
	case s.rounds < 1 || s.rounds > 10_000:
		return fmt.Errorf("-rounds is %d, want 1 to 10000", s.rounds)
	case s.duration != 0 && (s.duration < time.Millisecond || s.duration > time.Hour):
		return fmt.Errorf("-duration is %v, want 1ms to 1h", s.duration)
	case s.within < 0:
		return fmt.Errorf("-within is %v, want a time above 0", s.within)
	}
	return nil
}

func runCommand(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	f, s := newFlags()
	if err := f.Parse(args); err != nil {
		return err
	}
	if err := s.check(); err != nil {
		return err
	}
	names := f.Args()
	if len(names) == 0 {
		names = defaultWorkloads
		if s.within == 0 {
			s.within = defaultTime
		}
	}
	var workloads []*workload.Workload
	for _, name := range names {
		if strings.HasPrefix(name, "-") {
			return fmt.Errorf("the flag %s comes after a workload, want it before", name)
		}
		w, err := workload.Open(name)
		if err != nil {
			return err
		}
		workloads = append(workloads, w)
	}
	strategies, err := strategy.Named(s.strategies)
	if err != nil {
		return err
	}
	out, err := openOutputs(s)
	if err != nil {
		return err
	}
	defer out.close()
	file := report.NewFile()
	fmt.Fprintf(stdout, "mapbench: %d strategies in %d rounds; %s\n", len(strategies), s.rounds, file)
	if err := measure(ctx, file, workloads, strategies, s, stdout, stderr); err != nil {
		return err
	}
	if err := out.write(file); err != nil {
		return err
	}
	return ctx.Err()
}

// measure runs the workloads and prints the result of each as soon as it is there.
func measure(ctx context.Context, file *report.File, workloads []*workload.Workload, strategies []strategy.Strategy,
	s *settings, stdout, stderr io.Writer,
) error {
	start := time.Now()
	bar := newProgress(stderr, len(workloads))
	for i, w := range workloads {
		o := run.Options{Rounds: s.rounds, Duration: s.duration, Seed: s.seed, Progress: bar.workload(i, w.Name)}
		if s.within > 0 {
			o.Within = max(1, (s.within-time.Since(start))/time.Duration(len(workloads)-i))
		}
		r := run.Run(ctx, w, strategies, o)
		bar.clear()
		file.Results = append(file.Results, r)
		fmt.Fprintln(stdout)
		if err := report.WriteTable(stdout, r); err != nil {
			return err
		}
		if ctx.Err() != nil {
			_, err := fmt.Fprintln(stdout, "Interrupted: this is what was measured until then.")
			return err
		}
	}
	return nil
}

func listCommand(args []string, stdout io.Writer) error {
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

func showCommand(args []string, stdout io.Writer) error {
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

func compareCommand(args []string, stdout io.Writer) error {
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
