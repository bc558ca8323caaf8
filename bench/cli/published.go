package cli

import (
	"context"
	"flag"
	"fmt"
	"io"
	"strings"

	"github.com/shardmap-go/shardmap/bench/published"
)

// publishedSettings are the flags of published.
type publishedSettings struct {
	quick  bool
	rounds int
	seed   uint64
	json   string
}

func newPublishedFlags() (*flag.FlagSet, *publishedSettings) {
	s := new(publishedSettings)
	f := flag.NewFlagSet("mapbench published", flag.ContinueOnError)
	f.SetOutput(io.Discard)
	f.BoolVar(&s.quick, "quick", false, "small sizes, to try it out in some seconds")
	f.IntVar(&s.rounds, "rounds", 0, "how often to measure each contestant (default 6, or 5 with -quick)")
	f.Uint64Var(&s.seed, "seed", 1, "decides on the order")
	f.StringVar(&s.json, "json", "", "write the results to this `file`, as JSON")
	return f, s
}

// publishedHelp writes the help of published.
func publishedHelp(w io.Writer) error {
	f, _ := newPublishedFlags()
	var text strings.Builder
	text.WriteString("mapbench published [flags] [name ...] redoes measurements that were published, all or those named:\n\n")
	for _, s := range published.Scenarios() {
		fmt.Fprintf(&text, "  %-13s %s\n", s.Name, s.About)
	}
	text.WriteString("\nFlags:\n")
	f.SetOutput(&text)
	f.PrintDefaults()
	_, err := io.WriteString(w, text.String())
	return err
}

// publishedCommand redoes published measurements and prints the result of each as soon as it is there.
func publishedCommand(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	f, s := newPublishedFlags()
	switch err := f.Parse(args); {
	case err == flag.ErrHelp:
		return publishedHelp(stdout)
	case err != nil:
		return err
	case s.rounds != 0 && (s.rounds < published.MinRounds || s.rounds > 10_000):
		return fmt.Errorf("-rounds is %d, want %d to 10000", s.rounds, published.MinRounds)
	}
	for _, name := range f.Args() {
		if strings.HasPrefix(name, "-") {
			return fmt.Errorf("the flag %s comes after a name, want it before", name)
		}
	}
	scenarios, err := published.Named(f.Args())
	if err != nil {
		return err
	}
	file := published.NewFile()
	out, err := openOutputs(outputTo(s.json, file.WriteJSON))
	if err != nil {
		return err
	}
	defer out.close()
	o := published.Options{Rounds: s.rounds, Quick: s.quick, Seed: s.seed}
	if o.Rounds == 0 {
		o.Rounds = published.DefaultRounds(o.Quick)
	}
	fmt.Fprintf(stdout, "mapbench: %d published scenarios in %d rounds; %s\n", len(scenarios), o.Rounds, file)
	if err := redo(ctx, file, scenarios, o, stdout, stderr); err != nil {
		return err
	}
	if err := out.write(nil); err != nil {
		return err
	}
	return ctx.Err()
}

// redo runs the scenarios until ctx is cancelled.
func redo(ctx context.Context, file *published.File, scenarios []published.Scenario, o published.Options, stdout, stderr io.Writer) error {
	bar := newProgress(stderr, len(scenarios))
	for i, scenario := range scenarios {
		o.Progress = bar.workload(i, scenario.Name)
		r := scenario.Run(ctx, o)
		bar.clear()
		file.Results = append(file.Results, r)
		fmt.Fprintln(stdout)
		if err := r.WriteTable(stdout); err != nil {
			return err
		}
		if ctx.Err() != nil {
			_, err := fmt.Fprintln(stdout, "\nInterrupted: this is what was measured until then.")
			return err
		}
	}
	_, err := fmt.Fprintf(stdout, "\n%s\n", file.Summary())
	return err
}
