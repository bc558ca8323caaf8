package published

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"runtime"
	"slices"
	"strings"

	"github.com/shardmap-go/shardmap/bench/run"
)

// A Scenario is something that was published about maps, and how it is measured here.
type Scenario struct {
	Name    string   // what the command line calls it
	About   string   // one line for a person
	Figures []Figure // what each of the contestants is measured for
	Notes   []string // what one must know to judge the figures, a sentence or some each

	// prepare returns what this run consists of, in a line, and what takes part in it. Quick is for sizes so small that
	// only the scenario itself is tried.
	prepare func(quick bool) (setting string, contestants []contestant)
}

// A contestant is one of the things that a scenario compares.
type contestant struct {
	name string
	// measure measures once, with everything made anew. The error says what the map did wrong. When ctx is cancelled
	// it returns soon, and what it returns does not count.
	measure func(ctx context.Context) (Sample, error)
}

// A Sample is what was measured of one contestant in one round: a value for each figure, by its name.
type Sample map[string]float64

// Scenarios returns all there are.
func Scenarios() []Scenario { return slices.Clone(scenarios) }

// Named returns the scenarios of the given names, or all if there are none. The error is one line.
func Named(names []string) ([]Scenario, error) {
	if len(names) == 0 {
		return Scenarios(), nil
	}
	var chosen []Scenario
	for _, name := range names {
		i := slices.IndexFunc(scenarios, func(s Scenario) bool { return s.Name == name })
		if i < 0 {
			var all []string
			for _, s := range scenarios {
				all = append(all, s.Name)
			}
			return nil, fmt.Errorf("unknown scenario %q, want %s", name, strings.Join(all, ", "))
		}
		if !slices.ContainsFunc(chosen, func(s Scenario) bool { return s.Name == name }) {
			chosen = append(chosen, scenarios[i])
		}
	}
	return chosen, nil
}

// MinRounds is the number of rounds below which no verdict is given.
const MinRounds = 5

// Options say how thoroughly to measure.
type Options struct {
	Rounds int    // how often each contestant is measured; 0 for [DefaultRounds]
	Quick  bool   // sizes for trying it out, within a second or so
	Seed   uint64 // decides on the order

	// Progress, if it is not nil, is called before each measurement.
	Progress func(contestant string, done, total int)
}

// DefaultRounds returns as many as it takes for intervals of 95 %, or for a verdict if it is to be quick.
func DefaultRounds(quick bool) int {
	if quick {
		return MinRounds
	}
	return run.MinRounds
}

// Run measures a scenario round by round: each contestant once in every round, in an order that is drawn anew for each,
// so that what changes on the machine meanwhile meets them all. A contestant that does something wrong is refused, and
// measured no more. When ctx is cancelled, Run returns what has been measured until then.
func (s Scenario) Run(ctx context.Context, o Options) *Result {
	setting, contestants := s.prepare(o.Quick)
	r := &Result{Scenario: s.Name, About: s.About, Setting: setting, Quick: o.Quick, Figures: s.Figures, Notes: s.Notes}
	for _, c := range contestants {
		r.Contestants = append(r.Contestants, Contestant{Name: c.name, Rounds: []Sample{}})
	}
	rng := rand.New(rand.NewPCG(o.Seed, 2))
	rounds, done := o.Rounds, 0
	if rounds == 0 {
		rounds = DefaultRounds(o.Quick)
	}
	for range rounds {
		for _, i := range rng.Perm(len(contestants)) {
			if ctx.Err() == nil {
				if o.Progress != nil {
					o.Progress(contestants[i].name, done, rounds*len(contestants))
				}
				s.measure(ctx, contestants[i], &r.Contestants[i])
			}
			done++
		}
	}
	r.Verdicts = r.judge()
	return r
}

// measure measures a contestant once, unless it was refused before.
func (s Scenario) measure(ctx context.Context, c contestant, result *Contestant) {
	if result.Refused != "" {
		return
	}
	runtime.GC()
	sample, err := c.measure(ctx)
	if err == nil {
		err = s.complete(sample)
	}
	switch {
	case ctx.Err() != nil: // what was measured is cut short
	case err != nil:
		result.Refused = err.Error()
	default:
		result.Rounds = append(result.Rounds, sample)
	}
}

// complete returns an error unless there is a number for each figure.
func (s Scenario) complete(sample Sample) error {
	for _, f := range s.Figures {
		if value, ok := sample[f.Name]; !ok || math.IsNaN(value) || math.IsInf(value, 0) {
			return fmt.Errorf("nothing was measured for %q", f.Name)
		}
	}
	return nil
}
