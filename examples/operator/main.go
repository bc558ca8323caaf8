// Command operator runs operators against an API server of its own and shows, in three incidents, what state kept in maps
// makes of them: first with the code that one writes, then with this library.
//
//	go run -C examples/operator . [-objects n] [-v]
//
// The idea: state that lives and dies with the UID of its object, and views of one instant. See README.md.
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

	"github.com/go-logr/logr"
	"golang.org/x/term"
	"k8s.io/klog/v2"
	ctrl "sigs.k8s.io/controller-runtime"

	"github.com/shardmap-go/shardmap/examples/operator/internal/quiet"
)

func init() { quiet.End() }

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	context.AfterFunc(ctx, stop) // a second Ctrl-C ends the program at once
	p := &progress{out: os.Stderr, terminal: term.IsTerminal(int(os.Stderr.Fd()))}
	err := run(ctx, os.Args[1:], os.Stdout, p)
	if err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, "operator:", err)
	}
	os.Exit(exitCode(err))
}

// errUsage is an error in the command line.
var errUsage = errors.New("usage: operator [-objects n] [-v]")

var errInterrupted = errors.New("interrupted")

func exitCode(err error) int {
	switch {
	case err == nil, errors.Is(err, flag.ErrHelp):
		return 0
	case errors.Is(err, errUsage):
		return 2
	case errors.Is(err, errInterrupted):
		return 130 // what a shell reports for a program ended by Ctrl-C
	default:
		return 1
	}
}

// run runs the incidents and prints their table.
func run(ctx context.Context, args []string, out io.Writer, p *progress) (err error) {
	objects, verbose, err := parse(args, out)
	if err != nil {
		return err
	}
	logger := logr.Discard()
	if verbose {
		logger = klog.Background()
	} else {
		klog.SetLogger(logger)
	}
	ctrl.SetLogger(logger)
	began := time.Now()
	defer p.end()
	w, err := newWorld(ctx, objects, p)
	if err != nil {
		return reason(ctx, err)
	}
	defer func() { err = errors.Join(err, w.server.Stop()) }()
	results, err := w.runAll(ctx)
	p.end()
	if err != nil {
		return reason(ctx, err)
	}
	failures := table(out, results)
	fmt.Fprintf(out, "\n%d objects, %.0f s\n", objects, time.Since(began).Seconds())
	if failures > 0 {
		return fmt.Errorf("%d failures with shardmap: want none", failures)
	}
	return nil
}

// reason returns why a run has failed with err: if ctx has ended, err is only what came of that.
func reason(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return errInterrupted
	}
	return err
}

func parse(args []string, out io.Writer) (objects int, verbose bool, err error) {
	flags := flag.NewFlagSet("operator", flag.ContinueOnError)
	flags.SetOutput(out)
	flags.IntVar(&objects, "objects", 1000, "custom resources in each incident, 40 to 100,000")
	flags.BoolVar(&verbose, "v", false, "show the logs of the API server and the operators")
	if err := flags.Parse(args); err != nil {
		if errors.Is(err, flag.ErrHelp) {
			return 0, false, err
		}
		return 0, false, fmt.Errorf("%w: %w", errUsage, err)
	}
	switch {
	case flags.NArg() > 0:
		return 0, false, fmt.Errorf("%w: argument %q: not expected", errUsage, flags.Arg(0))
	case objects < 40 || objects > 100_000:
		return 0, false, fmt.Errorf("%w: -objects %d: want 40 to 100,000", errUsage, objects)
	}
	return objects, verbose, nil
}

// A result is the outcome of an incident.
type result struct {
	incident    string
	naive, ours outcome
}

// runAll runs the incidents, one after the other.
func (w *world) runAll(ctx context.Context) (results []result, err error) {
	for _, incident := range []struct {
		name        string
		naive, ours func(namespace string) (outcome, error)
	}{
		{
			"rotation",
			func(namespace string) (outcome, error) { return rotate(ctx, w, namespace, &naiveKeys{}) },
			func(namespace string) (outcome, error) { return rotate(ctx, w, namespace, &shardmapKeys{}) },
		},
		{
			"replicas",
			func(namespace string) (outcome, error) { return storm(ctx, w, namespace, (&naiveReplicas{}).setUp) },
			func(namespace string) (outcome, error) { return storm(ctx, w, namespace, newExpectingReplicas().setUp) },
		},
		{
			"sweep",
			func(namespace string) (outcome, error) {
				return sweep(ctx, w, namespace, func(c *cloud) volumes { return &naiveVolumes{namespace: namespace, cloud: c} })
			},
			func(namespace string) (outcome, error) {
				return sweep(ctx, w, namespace, func(c *cloud) volumes { return &uidVolumes{namespace: namespace, cloud: c} })
			},
		},
	} {
		r := result{incident: incident.name}
		if r.naive, err = incident.naive(r.incident + "-naive"); err != nil {
			return nil, fmt.Errorf("%s, naive: %w", r.incident, err)
		}
		if r.ours, err = incident.ours(r.incident + "-shardmap"); err != nil {
			return nil, fmt.Errorf("%s, with shardmap: %w", r.incident, err)
		}
		results = append(results, r)
	}
	return results, nil
}

// table prints the results, and returns the number of failures that there should not have been.
func table(out io.Writer, results []result) (failures int) {
	w := tabwriter.NewWriter(out, 0, 0, 3, ' ', tabwriter.AlignRight)
	fmt.Fprintln(w, "incident\tnaive\twith shardmap\t")
	for _, r := range results {
		name := r.incident
		for i, c := range r.naive {
			fmt.Fprintf(w, "%s\t%d\t%d\t %s\n", name, c.n, r.ours[i].n, c.what)
			name = "" // once is enough
		}
		failures += r.ours.failures()
	}
	w.Flush()
	return failures
}
