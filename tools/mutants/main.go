// Command mutants breaks the library by hand-written mistakes, and fails when the tests do not notice one of them.
//
//	go run -C tools ./mutants [-run regexp] [-j n] [-v] [-baseline=false] repository
//
// A mutant is a patch in testdata/mutants of the repository, with a header that says what it breaks; the README there
// tells how to write one. Each is applied to a copy of its own of the repository, and then the stages are run until one
// goes red:
//
//	explore    the schedule explorer, with a short budget
//	unit       those of the root package's tests that compile quickly
//	lincheck   the linearizability tests of the nested module, with -short
//	test       all tests of the root package but the torture, with -short
//	race       the concurrent tests of the root package, with -short, under the race detector
//
// The one that the mutant's header expects comes first, then the others, cheap ones before dear ones. For each mutant
// there is one line, with the stage and the test that caught it, and the time it took:
//
//	caught     02-entry-before-tag-in-a-used-slot  explore: TestExploreWords/insert_into_an_emptied_slot  7.1s
//
// A test that ran into the time limit of its stage caught the mutant too, because that is how a deadlock shows; the line
// says so. A patch that does not apply or does not compile is an error. Before all mutants the stages must be green
// on a copy without one. The last line is for machines:
//
//	mutants: 34 of 34 caught in 6m10s
//
// The exit code is 0 if all were caught.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"sync"
	"time"
)

func main() {
	r := new(rig)
	only := flag.String("run", "", "only the mutants whose names match this regular expression")
	flag.IntVar(&r.jobs, "j", runtime.NumCPU(), "number of mutants at a time")
	flag.BoolVar(&r.baseline, "baseline", true, "first run the stages without a mutant, to see that they are green")
	flag.BoolVar(&r.verbose, "v", false, "print what the stage said that caught a mutant")
	flag.Parse()
	if flag.NArg() != 1 || r.jobs < 1 {
		flag.Usage()
		os.Exit(2)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := r.main(ctx, flag.Arg(0), *only); err != nil {
		fmt.Fprintln(os.Stderr, "mutants:", err)
		stop()
		os.Exit(1)
	}
}

// A rig runs mutants of one repository.
type rig struct {
	jobs     int
	baseline bool
	verbose  bool
	source   string // the repository
	scratch  string // where the copies are made
}

func (r *rig) main(ctx context.Context, source, only string) (err error) {
	begin := time.Now()
	pattern, err := regexp.Compile(only)
	if err != nil {
		return err
	}
	if r.source, err = filepath.Abs(source); err != nil {
		return err
	}
	mutants, err := readMutants(filepath.Join(r.source, "testdata", "mutants"), pattern)
	if err != nil {
		return err
	}
	if r.scratch, err = os.MkdirTemp("", "mutants-"); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(r.scratch)) }()
	if r.baseline {
		if err := r.unchanged(ctx); err != nil {
			return err
		}
	}
	var caught, failed int
	var mu sync.Mutex
	r.each(len(mutants), func(i int) {
		v := r.try(ctx, &mutants[i])
		mu.Lock()
		defer mu.Unlock()
		switch {
		case v.err != nil:
			failed++
		case v.caught:
			caught++
		}
		v.print(mutants[i].name, r.verbose)
	})
	fmt.Printf("mutants: %d of %d caught in %v\n", caught, len(mutants), time.Since(begin).Round(time.Second))
	if survived := len(mutants) - caught - failed; survived+failed > 0 {
		return fmt.Errorf("%d survived, %d in error", survived, failed)
	}
	return nil
}

// each calls do with 0 to n-1, jobs at a time.
func (r *rig) each(n int, do func(i int)) {
	var wg sync.WaitGroup
	next := make(chan int)
	for range r.jobs {
		wg.Go(func() {
			for i := range next {
				do(i)
			}
		})
	}
	for i := range n {
		next <- i
	}
	close(next)
	wg.Wait()
}

// unchanged runs all stages on a copy without a mutant, which they must pass.
func (r *rig) unchanged(ctx context.Context) error {
	dir, err := r.copy("baseline")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	errs := make([]error, len(stages))
	r.each(len(stages), func(i int) {
		o := stages[i].run(ctx, dir, "")
		if o.err == nil && o.red {
			o.err = fmt.Errorf("red without a mutant: %s\n%s", o.test, o.output)
		}
		if o.err != nil {
			errs[i] = fmt.Errorf("%s: %w", stages[i].name, o.err)
			return
		}
		fmt.Printf("green      %-50s %-60s %.1fs\n", "without a mutant", stages[i].name, o.took.Seconds())
	})
	return errors.Join(errs...)
}

// A verdict is what became of a mutant.
type verdict struct {
	caught bool
	stage  string
	outcome
}

func (v *verdict) print(name string, verbose bool) {
	word, detail := "SURVIVED", ""
	switch {
	case v.err != nil:
		word, detail = "ERROR", v.err.Error()
	case v.caught:
		word, detail = "caught", v.stage+": "+v.test
	}
	fmt.Printf("%-10s %-50s %-60s %.1fs\n", word, name, detail, v.took.Seconds())
	if verbose && v.caught {
		fmt.Println("\t" + strings.ReplaceAll(strings.TrimSpace(v.output), "\n", "\n\t"))
	}
}

// try applies a mutant to a copy of the repository, and runs the stages until one notices.
func (r *rig) try(ctx context.Context, m *mutant) (v verdict) {
	begin := time.Now()
	defer func() { v.took = time.Since(begin) }()
	dir, err := r.copy(m.name)
	if err == nil {
		defer os.RemoveAll(dir)
		err = m.apply(ctx, dir)
	}
	if err != nil {
		return verdict{outcome: outcome{err: err}}
	}
	for _, run := range m.plan() {
		v.stage, v.outcome = run.stage.name, run.stage.run(ctx, dir, run.tests)
		if v.caught = v.red; v.red || v.err != nil {
			return v
		}
	}
	return v
}
