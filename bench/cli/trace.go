package cli

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/shardmap-go/shardmap/bench/record"
	"github.com/shardmap-go/shardmap/bench/run"
	"github.com/shardmap-go/shardmap/bench/strategy"
	"github.com/shardmap-go/shardmap/bench/trace"
	"github.com/shardmap-go/shardmap/bench/workload"
)

// A traceSource adds the flags of run which have a trace done again.
type traceSource struct {
	file  string
	speed speed
}

func (s *traceSource) flags(f *flag.FlagSet) {
	f.StringVar(&s.file, "trace", "", "do what was recorded in this `file`")
	f.Var(&s.speed, "speed", "of -trace: full, or a `number`: 1 for the recorded times, 2 for twice as fast")
}

func (s *traceSource) jobs() ([]job, error) {
	if s.file == "" {
		if s.speed != 0 {
			return nil, errors.New("-speed is for traces: give one with -trace")
		}
		return nil, nil
	}
	p, err := openReplay(s.file)
	if err != nil {
		return nil, err
	}
	play := func(ctx context.Context, strategies []strategy.Strategy, o run.Options) *run.Result {
		return p.Run(ctx, strategies, float64(s.speed), o)
	}
	return []job{{traceName(s.file), play}}, nil
}

func openReplay(name string) (*run.Replay, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	r, err := trace.NewReader(f)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	p, err := run.NewReplay(traceName(name), r)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return p, nil
}

func traceName(file string) string { return strings.TrimSuffix(filepath.Base(file), ".trace") }

// A speed is the value of the flag -speed: 0 is full.
type speed float64

func (s *speed) String() string {
	if *s == 0 {
		return "full"
	}
	return strconv.FormatFloat(float64(*s), 'g', -1, 64)
}

func (s *speed) Set(text string) error {
	if text == "full" {
		*s = 0
		return nil
	}
	x, err := strconv.ParseFloat(text, 64)
	if err != nil || !(x > 0) || math.IsInf(x, 1) {
		return errors.New("want full, or a number above 0")
	}
	*s = speed(x)
	return nil
}

// traceCommand says what is in a trace.
func traceCommand(_ context.Context, args []string, stdout, _ io.Writer) error {
	if len(args) != 2 || args[0] != "info" {
		return errors.New("trace takes info and a file")
	}
	return writeInfo(stdout, args[1])
}

// writeInfo writes what is in a trace, for a person.
func writeInfo(w io.Writer, name string) error {
	f, err := os.Open(name)
	if err != nil {
		return err
	}
	defer f.Close()
	r, err := trace.NewReader(f)
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	s, err := trace.Summarise(r)
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	if s.Operations == 0 {
		return fmt.Errorf("%s: there are no operations in the trace", name)
	}
	info, err := f.Stat()
	if err != nil {
		return err
	}
	var text strings.Builder
	describeTrace(&text, s, name, info.Size())
	writeKinds(&text, s)
	fmt.Fprintf(&text, "\nof the operations on single keys, %s are on the hottest key, %s on the hottest 1 %% of the keys, %s on the hottest 10 %%\n",
		percent(s.Hottest(0)), percent(s.Hottest(0.01)), percent(s.Hottest(0.1)))
	fmt.Fprintf(&text, "\nA workload that resembles it:\n\n%v\n", suggest(s, traceName(name)))
	_, err = io.WriteString(w, text.String())
	return err
}

func describeTrace(w io.Writer, s *trace.Summary, name string, size int64) {
	h := s.Header
	fmt.Fprintf(w, "%s: %d operations in %v, %.1f bytes each", name, s.Operations, s.Duration, float64(size)/float64(s.Operations))
	if h.Sample > 1 {
		fmt.Fprintf(w, "; those on one of %d keys were recorded", h.Sample)
	}
	if s.Lost > 0 {
		fmt.Fprintf(w, "; %d were lost, as the recorder could not write them in time", s.Lost)
	}
	fmt.Fprintln(w)
	if n := s.Tracks - s.Goroutines; n > 0 {
		fmt.Fprintf(w, "%d goroutines and %d processors, of the %d that there were", s.Goroutines, n, h.Procs)
	} else {
		fmt.Fprintf(w, "%d goroutines on %d processors", s.Goroutines, h.Procs)
	}
	if !h.Date.IsZero() {
		fmt.Fprintf(w, ", %s", h.Date.Format(time.DateTime))
	}
	fmt.Fprintf(w, "\n%d keys of %d to %d bytes, %d in the median (%s, replayed as %s); %d were there at the start, at most %d at once; values replayed as %s\n\n",
		s.Keys, s.Shortest, s.Longest, s.Median, h.KeyType, h.Keys, s.Starts, s.Peak, h.Values)
}

func writeKinds(w io.Writer, s *trace.Summary) {
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(table, "operation\tnumber\tshare\tkey found\tstored\tdeleted\t")
	for _, k := range s.Kinds {
		found, stored, deleted := "–", "–", "–"
		if k.Told > 0 {
			found = percent(float64(k.Found) / float64(k.Told))
		}
		if k.Stored > 0 {
			stored = percent(float64(k.Stored) / float64(k.Operations))
		}
		if k.Deleted > 0 {
			deleted = percent(float64(k.Deleted) / float64(k.Operations))
		}
		fmt.Fprintf(table, "%v\t%d\t%s\t%s\t%s\t%s\t\n", k.Kind, k.Operations, percent(float64(k.Operations)/float64(s.Operations)), found, stored, deleted)
	}
	_ = table.Flush() // into memory
}

func percent(part float64) string { return fmt.Sprintf("%.3g %%", 100*part) }

// recordCommand runs a workload and writes its trace.
func recordCommand(ctx context.Context, args []string, stdout, _ io.Writer) error {
	f := flag.NewFlagSet("mapbench record", flag.ContinueOnError)
	f.SetOutput(io.Discard)
	out := f.String("o", "", "the file to write; the workload's name and .trace without")
	duration := f.Duration("duration", 0, "how long, instead of what the workload says")
	sample := f.Int("sample", 1, "record one of so many keys")
	seed := f.Uint64("seed", 1, "decides on keys, order and choices")
	names, err := parseMixed(f, args)
	switch {
	case err != nil:
		return err
	case len(names) != 1:
		return errors.New("record takes one workload")
	case *duration != 0 && (*duration < time.Millisecond || *duration > time.Hour):
		return fmt.Errorf("-duration is %v, want 1ms to 1h", *duration)
	case *sample < 1:
		return fmt.Errorf("-sample is %d, want at least 1", *sample)
	}
	w, err := workload.Open(names[0])
	if err != nil {
		return err
	}
	if *out == "" {
		*out = w.Name + ".trace"
	}
	if err := recordWorkload(ctx, w, *out, record.Options{Sample: *sample, Block: true}, run.Options{Duration: *duration, Seed: *seed}); err != nil {
		return err
	}
	return writeInfo(stdout, *out)
}

func recordWorkload(ctx context.Context, w *workload.Workload, name string, how record.Options, o run.Options) (err error) {
	file, err := os.Create(name)
	if err != nil {
		return err
	}
	rec := record.New(file, how)
	err = run.Record(ctx, w, rec, o)
	return errors.Join(err, rec.Close(), file.Close())
}
