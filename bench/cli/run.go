package cli

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/shardmap-go/shardmap/bench/report"
	"github.com/shardmap-go/shardmap/bench/run"
	"github.com/shardmap-go/shardmap/bench/strategy"
	"github.com/shardmap-go/shardmap/bench/workload"
)

// defaultWorkloads are measured unless others are named, and defaultTime is what they may take together.
var defaultWorkloads = []string{"mixed", "operator-cache"}

const defaultTime = 50 * time.Second

// A job is one thing to measure, which has a result of its own.
type job struct {
	name string
	run  func(ctx context.Context, strategies []strategy.Strategy, o run.Options) *run.Result
}

// A source adds flags to run which name something that is measured instead of workloads.
type source interface {
	flags(f *flag.FlagSet)
	jobs() ([]job, error) // none if its flags are not given
}

// sources returns all there are, new for each command line.
func sources() []source {
	return []source{new(traceSource)}
}

// settings are the flags of run.
type settings struct {
	strategies       string
	rounds           int
	duration, within time.Duration
	procs            processors
	seed             uint64
	isolate          bool
	tables           report.Tables
	sources          []source
	outputs          []outputFlag
}

func newFlags() (*flag.FlagSet, *settings) {
	s := &settings{sources: sources(), outputs: outputFlags()}
	f := flag.NewFlagSet("mapbench run", flag.ContinueOnError)
	f.SetOutput(io.Discard)
	f.StringVar(&s.strategies, "strategies", "*", "comma-separated `names` of strategies, or patterns such as 'Map*'")
	f.IntVar(&s.rounds, "rounds", run.MinRounds, "how often to measure each strategy; from 6 on the intervals are of 95 %")
	f.DurationVar(&s.duration, "duration", 0, "how long to measure each strategy in one round, instead of what the workload says")
	f.DurationVar(&s.within, "within", 0, "begin no round that would not be over by this time (50s if no workload is named, else no limit)")
	f.Var(&s.procs, "procs", "measure at each of these numbers of processors, a comma-separated `list`, instead of what the workload says")
	f.Uint64Var(&s.seed, "seed", 1, "decides on keys, order and choices")
	f.BoolVar(&s.isolate, "isolate", false, "measure each strategy of each round in a process of its own; takes longer")
	f.BoolVar(&s.tables.Kinds, "kinds", false, "show latencies of each kind of operation, too")
	f.BoolVar(&s.tables.Allocs, "allocs", false, "show allocations of each kind of operation, too")
	for _, one := range s.sources {
		one.flags(f)
	}
	for i := range s.outputs {
		f.StringVar(&s.outputs[i].file, s.outputs[i].flag, "", "write the results to this `file`, "+s.outputs[i].as)
	}
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
	jobs, err := s.jobs(f.Args())
	if err != nil {
		return err
	}
	strategies, err := strategy.Named(s.strategies)
	if err != nil {
		return err
	}
	out, err := openOutputs(s.outputs)
	if err != nil {
		return err
	}
	defer out.close()
	file := report.NewFile()
	fmt.Fprintf(stdout, "mapbench: %d strategies in %d rounds; %s\n", len(strategies), s.rounds, file)
	if err := measure(ctx, file, jobs, strategies, s, stdout, stderr); err != nil {
		return err
	}
	if err := out.write(file); err != nil {
		return err
	}
	return ctx.Err()
}

// jobs returns what there is to measure: what the sources say, or else the workloads.
func (s *settings) jobs(names []string) ([]job, error) {
	var jobs []job
	for _, one := range s.sources {
		more, err := one.jobs()
		if err != nil {
			return nil, err
		}
		jobs = append(jobs, more...)
	}
	if len(names) == 0 && len(jobs) == 0 {
		names = defaultWorkloads
		if s.within == 0 {
			s.within = defaultTime
		}
	}
	for _, name := range names {
		if strings.HasPrefix(name, "-") {
			return nil, fmt.Errorf("the flag %s comes after a workload, want it before", name)
		}
		w, err := workload.Open(name)
		if err != nil {
			return nil, err
		}
		for _, n := range s.procs.orDefault() {
			jobs = append(jobs, job{w.Name, func(ctx context.Context, strategies []strategy.Strategy, o run.Options) *run.Result {
				o.Procs = n
				return run.Run(ctx, w, strategies, o)
			}})
		}
	}
	return jobs, nil
}

// processors are numbers of processors, as a flag.
type processors []int

// orDefault returns the numbers, or 0 as the only one: what the workload says.
func (p *processors) orDefault() []int {
	if len(*p) == 0 {
		return []int{0}
	}
	return *p
}

// String returns the list.
func (p *processors) String() string {
	return (*numbers)(p).String()
}

// Set reads a list.
func (p *processors) Set(list string) error {
	*p = nil
	for text := range strings.SplitSeq(list, ",") {
		n, err := strconv.Atoi(strings.TrimSpace(text))
		if err != nil || n < 1 || n > 4096 {
			return errors.New("want numbers from 1 to 4096, such as 1,2,4")
		}
		if slices.Contains(*p, n) {
			return fmt.Errorf("%d is there twice", n)
		}
		*p = append(*p, n)
	}
	return nil
}

// measure does the jobs and prints the result of each as soon as it is there.
func measure(ctx context.Context, file *report.File, jobs []job, strategies []strategy.Strategy,
	s *settings, stdout, stderr io.Writer,
) error {
	start := time.Now()
	bar := newProgress(stderr, len(jobs))
	for i, job := range jobs {
		o := run.Options{Rounds: s.rounds, Duration: s.duration, Seed: s.seed, Progress: bar.workload(i, job.name)}
		if s.isolate {
			o.Isolate = isolator
		}
		if s.within > 0 {
			o.Within = max(1, (s.within-time.Since(start))/time.Duration(len(jobs)-i))
		}
		if o.Progress == nil { // or else the line on the terminal tells
			fmt.Fprintf(stdout, "\nmeasuring %s, %d of %d …\n", job.name, i+1, len(jobs))
		}
		r := job.run(ctx, strategies, o)
		bar.clear()
		file.Results = append(file.Results, r)
		fmt.Fprintln(stdout)
		if err := s.tables.Write(stdout, r); err != nil {
			return err
		}
		if ctx.Err() != nil {
			_, err := fmt.Fprintln(stdout, "Interrupted: this is what was measured until then.")
			return err
		}
	}
	return report.WriteScaling(stdout, file.Results)
}
