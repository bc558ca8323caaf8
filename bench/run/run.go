// Package run measures what a workload does to maps, and checks that they do it right. The README says how.
package run

import (
	"context"
	"fmt"
	"math/rand/v2"
	"runtime"
	"time"

	"github.com/shardmap-go/shardmap/bench/internal/data"
	"github.com/shardmap-go/shardmap/bench/internal/guard"
	"github.com/shardmap-go/shardmap/bench/strategy"
	"github.com/shardmap-go/shardmap/bench/workload"
)

// Options say how thoroughly to measure.
type Options struct {
	Rounds   int           // how often each strategy is measured
	Duration time.Duration // of one round of one strategy, all phases together; 0 for the workload's own
	Within   time.Duration // no round is begun that would end after that, apart from the first; 0 for no limit
	Procs    int           // GOMAXPROCS; 0 for the workload's own
	Seed     uint64        // of keys, order and choices
	Patience time.Duration // for a map that does not come back; 0 for as long as the workload should ever take

	// Isolate, if it is not nil, runs each strategy of each round in a process of its own. See [Isolated].
	Isolate Isolator

	// Progress, if it is not nil, is called before each run of one strategy.
	Progress func(strategy string, done, total int)

	traced traced // set by [Replay.Run] and [Record]
}

// Run measures the strategies round by round: each once in every round, in random order, with a new map each time. When
// ctx is cancelled it stops at once, and returns what has been measured until then. It sets GOMAXPROCS meanwhile.
func Run(ctx context.Context, w *workload.Workload, strategies []strategy.Strategy, o Options) *Result {
	o.complete(w)
	result := &Result{Workload: w, Procs: o.Procs, Seed: o.Seed, Isolated: o.Isolate != nil}
	for _, p := range parts(w, o) {
		result.Goroutines = max(result.Goroutines, p.goroutines)
	}
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(o.Procs))
	start := starter{ctx: ctx, strategies: strategies, Options: o}
	start.start(result)
	return result
}

// complete fills in what is left to the workload and the machine.
func (o *Options) complete(w *workload.Workload) {
	if o.Procs == 0 {
		o.Procs = w.Procs
	}
	if o.Procs == 0 {
		o.Procs = runtime.NumCPU()
	}
	if o.Duration == 0 {
		o.Duration = w.Length()
	}
	if o.Patience == 0 {
		o.Patience = 30*time.Second + 10*o.Duration + time.Duration(w.Keys.Number)*5*time.Microsecond
	}
}

// parts returns the phases with everything decided. Together they take as long as a round should.
func parts(w *workload.Workload, o Options) []part {
	stretch := float64(o.Duration) / float64(w.Length())
	var all []part
	for i, p := range w.Parts() {
		goroutines := p.Goroutines
		if goroutines == 0 {
			goroutines = max(1, min(2*o.Procs, w.Keys.Number))
			if filled := w.Filled(); filled > 0 && i == 0 {
				goroutines = min(goroutines, filled)
			}
		}
		all = append(all, part{
			Phase: p, chooser: newChooser(p.Operations),
			duration: time.Duration(float64(p.Duration) * stretch), goroutines: goroutines,
		})
	}
	return all
}

// A starter has what all types of keys and values have in common.
type starter struct {
	ctx        context.Context
	strategies []strategy.Strategy
	Options

	single int    // which run of all to do, in an isolated process; else 0
	answer answer // of that run
}

func (s *starter) start(result *Result) {
	switch result.Workload.Keys.Type {
	case "int":
		withKeys(s, result, data.IntKey)
	case "string":
		withKeys(s, result, data.StringKey)
	default:
		withKeys(s, result, data.NamespacedKey)
	}
}

func withKeys[K comparable](s *starter, result *Result, key func(n, seed uint64, length int) K) {
	switch result.Workload.Values {
	case "pointer":
		withValues(s, result, key, data.PointerValues)
	case "int":
		withValues(s, result, key, func(int) data.ValueKind[int] { return data.IntValues() })
	default:
		withValues(s, result, key, func(int) data.ValueKind[strategy.Triple] { return data.TripleValues() })
	}
}

func withValues[K, V comparable](start *starter, result *Result,
	key func(n, seed uint64, length int) K, values func(keys int) data.ValueKind[V],
) {
	s := &session[K, V]{Result: result, Options: start.Options, rng: rand.New(rand.NewPCG(start.Seed, 1))}
	s.prepare = func() {
		s.bench = newSubject(start, result, key, values)
	}
	s.prepare()
	for _, one := range start.strategies {
		newMap := strategy.MakerFor[K, V](one)
		s.makers = append(s.makers, newMap)
		result.Strategies = append(result.Strategies, Strategy{
			Name: one.Name, Excluded: excluded(result.Workload, newMap), Rounds: []Round{},
		})
	}
	if start.single > 0 {
		start.answer = s.alone(start.ctx, start.single)
		return
	}
	s.run(start.ctx)
	s.measureCosts(start.ctx)
	if len(s.overheads) > 0 {
		result.Overhead = Summarise(s.overheads).Median
	}
}

// A session is one call of Run.
type session[K, V comparable] struct {
	*Result
	Options
	rng          *rand.Rand
	prepare      func() // makes bench
	bench        subject[K, V]
	makers       []func() strategy.Map[K, V] // in the order of the strategies
	done         int                         // runs
	isolatedRuns int
	overheads    []float64 // nanoseconds of an operation with a map that does nothing, in each round
}

// run runs the rounds. The map that does nothing takes part like a strategy, so that it meets the same circumstances.
func (s *session[K, V]) run(ctx context.Context) {
	start := time.Now()
	for n := range s.Options.Rounds {
		if n > 0 && s.Within > 0 && time.Since(start)*time.Duration(n+1)/time.Duration(n) > s.Within {
			return // one more round as long as those before would end too late
		}
		for _, i := range s.rng.Perm(len(s.makers) + 1) {
			if i < len(s.makers) {
				s.measure(ctx, i)
			} else if s.Workload.FullSpeed() {
				s.measureNothing(ctx)
			}
			if ctx.Err() != nil {
				return
			}
		}
	}
}

// measure runs a strategy once.
func (s *session[K, V]) measure(ctx context.Context, i int) {
	result := &s.Strategies[i]
	s.done++
	if result.Excluded != "" || result.Disqualified != "" {
		return
	}
	if s.Progress != nil {
		s.Progress(result.Name, s.done-1, s.Options.Rounds*len(s.makers))
	}
	round, ok, err := s.once(ctx, result.Name, s.makers[i])
	switch {
	case ctx.Err() != nil: // what was measured is cut short
	case !ok && s.Isolate != nil:
		result.Disqualified = fmt.Sprintf("did not come back within %v", s.Patience)
	case !ok:
		result.Disqualified = fmt.Sprintf("did not come back within %v, and disturbs what is measured after it", s.Patience)
		s.prepare() // the old bench is still in use
	case err != nil:
		result.Disqualified = err.Error()
	default:
		result.Rounds = append(result.Rounds, round)
	}
}

// once runs one strategy, here or in a process of its own. It returns false if that did not come back.
func (s *session[K, V]) once(ctx context.Context, name string, newMap func() strategy.Map[K, V]) (Round, bool, error) {
	if s.Isolate != nil {
		return s.isolated(ctx, name)
	}
	bench := s.bench // a run that does not come back keeps this one, while the session gets another
	return guard.Within(ctx, s.Patience, func() (Round, error) { return bench.measure(ctx, newMap) })
}

// measureNothing runs a map that does nothing, which is wrong in all respects, but that is not looked at.
func (s *session[K, V]) measureNothing(ctx context.Context) {
	round, ok, _ := s.once(ctx, nothingName, newNothing[K, V])
	if !ok && s.Isolate == nil {
		s.prepare() // the old bench is still in use
	} else if ctx.Err() == nil && round.Operations > 0 {
		s.overheads = append(s.overheads, round.Seconds*1e9/float64(round.Operations))
	}
}

// measureCosts measures what operations of each kind cost, of the strategies that did everything right.
func (s *session[K, V]) measureCosts(ctx context.Context) {
	for i := range s.Strategies {
		one := &s.Strategies[i]
		if !one.Measured() || ctx.Err() != nil {
			continue
		}
		bench, newMap := s.bench, s.makers[i]
		costs, ok, err := guard.Within(ctx, s.Patience, func() (map[string]Cost, error) { return bench.costs(ctx, newMap), nil })
		switch {
		case !ok:
			s.prepare() // the old bench is still in use
		case err == nil && ctx.Err() == nil:
			one.Costs = costs
		}
	}
}

// excluded returns why a strategy cannot run the workload, or nothing.
func excluded[K, V comparable](w *workload.Workload, newMap func() strategy.Map[K, V]) string {
	if newMap == nil {
		return fmt.Sprintf("takes no %s keys with %s values", w.Keys.Type, w.Values)
	}
	m, ops := newMap(), w.Any()
	_, updates := m.(strategy.Updater[K, V])
	_, deletes := m.(strategy.LoadAndDeleter[K, V])
	_, swaps := m.(strategy.Swapper[K, V])
	_, compares := m.(strategy.CompareAndSwapper[K, V])
	switch {
	case ops.Increment > 0 && !updates:
		return "has no Update, which increments need"
	case ops.LoadAndDelete > 0 && !deletes:
		return "has no LoadAndDelete"
	case ops.Swap > 0 && !swaps:
		return "has no Swap"
	case ops.CompareAndSwap > 0 && !compares:
		return "has no CompareAndSwap"
	}
	return ""
}
