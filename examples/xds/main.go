// Command xds serves clusters to Envoy's incremental cluster discovery client, over gRPC, from a delta.Set.
//
//	go run -C examples/xds . [-resources n] [-churn percent] [-rounds n]
//
// The idea: the set knows what has changed since any recent revision, so that the server keeps no table of what each
// client has. In every round some of the clusters change, and clients of several habits follow: they are slow, hang up
// and come back with the versions that they have, refuse what is not valid. Each checks that what it has is what the
// server had at that revision, and that nothing is sent to it that it has already. Messages, streams and the rules for
// what is valid are those of Envoy's go-control-plane.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"text/tabwriter"
	"time"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	context.AfterFunc(ctx, stop) // a second Ctrl-C ends the program at once
	var terminal io.Writer
	if info, err := os.Stderr.Stat(); err == nil && info.Mode()&os.ModeCharDevice != 0 {
		terminal = os.Stderr
	}
	err := run(ctx, os.Args[1:], os.Stdout, terminal)
	if err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, "xds:", err)
	}
	os.Exit(exitCode(err))
}

// errUsage is an error in the command line.
var errUsage = errors.New("usage: xds [-resources n] [-churn percent] [-rounds n]")

func exitCode(err error) int {
	switch {
	case err == nil, errors.Is(err, flag.ErrHelp):
		return 0
	case errors.Is(err, errUsage):
		return 2
	case errors.Is(err, context.Canceled):
		return 130 // what a shell reports for a program ended by Ctrl-C
	default:
		return 1
	}
}

// run makes one run and prints its table. Progress goes to terminal, if there is one.
func run(ctx context.Context, args []string, out, terminal io.Writer) error {
	s, err := parse(args, out)
	if err != nil {
		return err
	}
	if terminal != nil {
		s.progress = func(round int) { fmt.Fprintf(terminal, "\rround %d of %d ", round, s.rounds) }
		defer fmt.Fprint(terminal, "\r\033[K")
	}
	fmt.Fprintf(out, "%d clusters, %d changes in each of %d rounds, a history of %d changes; seed %d\n\n",
		s.resources, s.changes, s.rounds, s.history*s.changes, s.seed)
	began := time.Now()
	tallies, err := newWorld(s).run(ctx)
	if err != nil {
		return err
	}
	if terminal != nil {
		fmt.Fprint(terminal, "\r\033[K")
	}
	twice, lost := table(out, tallies)
	fmt.Fprintf(out, "\n%.1f s\n", time.Since(began).Seconds())
	if twice+lost > 0 {
		return fmt.Errorf("%d resources were sent twice, %d were lost", twice, lost)
	}
	return nil
}

func parse(args []string, out io.Writer) (s settings, err error) {
	s.history = historyRounds
	flags := flag.NewFlagSet("xds", flag.ContinueOnError)
	flags.SetOutput(out)
	flags.IntVar(&s.resources, "resources", 10_000, "clusters in the set, at least 10")
	flags.IntVar(&s.rounds, "rounds", 100, "commits, at least 1")
	flags.Uint64Var(&s.seed, "seed", uint64(time.Now().UnixNano()), "of what changes")
	churn := flags.Float64("churn", 1, "`percent` of the clusters that change in each round, above 0, at most 50")
	if err := flags.Parse(args); err != nil {
		if errors.Is(err, flag.ErrHelp) {
			return s, err
		}
		return s, fmt.Errorf("%w: %w", errUsage, err)
	}
	switch {
	case flags.NArg() > 0:
		return s, fmt.Errorf("%w: argument %q: not expected", errUsage, flags.Arg(0))
	case s.resources < 10 || s.resources > 1_000_000:
		return s, fmt.Errorf("%w: -resources %d: want 10 to 1,000,000", errUsage, s.resources)
	case s.rounds < 1 || s.rounds > 1_000_000:
		return s, fmt.Errorf("%w: -rounds %d: want 1 to 1,000,000", errUsage, s.rounds)
	case !(*churn > 0 && *churn <= 50):
		return s, fmt.Errorf("%w: -churn %v: want above 0, at most 50", errUsage, *churn)
	}
	s.changes = max(1, int(float64(s.resources)**churn/100))
	return s, nil
}

// table prints what happened to the clients of each habit, and returns what should not have happened.
func table(out io.Writer, tallies []tally) (twice, lost int) {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(w, "clients\thabit\tconnections\tresponses\trefused\tresyncs\tresources\tremovals\twhole states\t"+
		"sent twice\tlost\t")
	for i, t := range tallies {
		fmt.Fprintf(w, "%d\t%s\t%d\t%d\t%d\t%d\t%d\t%d\t%d\t%d\t%d\t\n", habits[i].clients, habits[i].name, t.connections,
			t.responses, t.refused, t.resyncs, t.resources, t.removals, t.whole, t.twice, t.lost)
		twice += t.twice
		lost += t.lost
	}
	w.Flush()
	fmt.Fprintln(out, "\nwhole states: the resources that the responses would have had if each had been the whole state")
	return twice, lost
}
