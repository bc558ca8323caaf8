// Package run measures what a workload does to maps, and checks that they do it right. The README says how.
package run

import (
	"context"
	"fmt"
	"math/rand/v2"
	"runtime"
	"time"

	"github.com/shardmap-go/shardmap/bench/strategy"
	"github.com/shardmap-go/shardmap/bench/workload"
)

// Options say how thoroughly to measure.
type Options struct {
	Rounds   int           // how often each strategy is measured
	Duration time.Duration // of one round of one strategy; 0 for the workload's own
	Within   time.Duration // no round is begun that would end after that, apart from the first; 0 for no limit
	Seed     uint64        // of keys, order and choices
	Patience time.Duration // for a map that does not come back; 0 for as long as the workload should ever take

	// Progress, if it is not nil, is called before each run of one strategy.
	Progress func(strategy string, done, total int)
}

// Run measures the strategies round by round: each once in every round, in random order, with a new map each time. When
// ctx is cancelled it stops at once, and returns what has been measured until then. It sets GOMAXPROCS meanwhile.
func Run(ctx context.Context, w *workload.Workload, strategies []strategy.Strategy, o Options) *Result {
	result := &Result{Workload: w, Procs: w.Procs, Goroutines: w.Goroutines, Seed: o.Seed}
	if result.Procs == 0 {
		result.Procs = runtime.NumCPU()
	}
	if result.Goroutines == 0 {
		result.Goroutines = max(1, min(2*result.Procs, w.Keys.Number))
		if w.Filled() > 0 {
			result.Goroutines = min(result.Goroutines, w.Filled())
		}
	}
	if o.Duration == 0 {
		o.Duration = time.Duration(w.Duration)
	}
	if o.Patience == 0 {
		o.Patience = 30*time.Second + 10*o.Duration + time.Duration(w.Keys.Number)*5*time.Microsecond
	}
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(result.Procs))
	switch w.Keys.Type {
	case "int":
		withKeys(ctx, result, strategies, o, intKey)
	case "string":
		withKeys(ctx, result, strategies, o, stringKey)
	default:
		withKeys(ctx, result, strategies, o, namespacedKey)
	}
	return result
}

// afterInterrupt is how long a map may take to come back after the user has asked to stop.
const afterInterrupt = 2 * time.Second

func withKeys[K comparable](ctx context.Context, result *Result, strategies []strategy.Strategy, o Options,
	key func(n, seed uint64, length int) K,
) {
	switch result.Workload.Values {
	case "pointer":
		withValues(ctx, result, strategies, o, key, pointerValues)
	case "int":
		withValues(ctx, result, strategies, o, key, func(int) valueKind[int] { return intValues() })
	default:
		withValues(ctx, result, strategies, o, key, func(int) valueKind[strategy.Triple] { return tripleValues() })
	}
}

func withValues[K, V comparable](ctx context.Context, result *Result, strategies []strategy.Strategy, o Options,
	key func(n, seed uint64, length int) K, values func(keys int) valueKind[V],
) {
	s := &session[K, V]{Result: result, Options: o, rng: rand.New(rand.NewPCG(o.Seed, 1))}
	s.prepare = func() {
		s.bench = newBench(result.Workload, result.Goroutines, o.Duration, o.Seed, key, values)
	}
	s.prepare()
	for _, one := range strategies {
		newMap := strategy.MakerFor[K, V](one)
		s.makers = append(s.makers, newMap)
		result.Strategies = append(result.Strategies, Strategy{
			Name: one.Name, Excluded: excluded(result.Workload, newMap), Rounds: []Round{},
		})
	}
	s.run(ctx)
	if len(s.overheads) > 0 {
		result.Overhead = Summarise(s.overheads).Median
	}
}

// A session is one call of Run.
type session[K, V comparable] struct {
	*Result
	Options
	rng       *rand.Rand
	prepare   func() // makes bench
	bench     *bench[K, V]
	makers    []func() strategy.Map[K, V] // in the order of the strategies
	done      int                         // runs
	overheads []float64                   // nanoseconds of an operation with a map that does nothing, in each round
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
			} else if s.Workload.Rate == 0 {
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
	round, ok, err := s.bench.measureWithin(ctx, s.Patience, s.makers[i])
	switch {
	case ctx.Err() != nil: // what was measured is cut short
	case !ok:
		result.Disqualified = fmt.Sprintf("did not come back within %v, and disturbs what is measured after it", s.Patience)
		s.prepare() // the old bench is still in use
	case err != nil:
		result.Disqualified = err.Error()
	default:
		result.Rounds = append(result.Rounds, round)
	}
}

// measureNothing runs a map that does nothing, which is wrong in all respects, but that is not looked at.
func (s *session[K, V]) measureNothing(ctx context.Context) {
	round, ok, _ := s.bench.measureWithin(ctx, s.Patience, newNothing[K, V])
	if !ok {
		s.prepare() // the old bench is still in use
	} else if ctx.Err() == nil && round.Operations > 0 {
		s.overheads = append(s.overheads, round.Seconds*1e9/float64(round.Operations))
	}
}

// excluded returns why a strategy cannot run the workload, or nothing.
func excluded[K, V comparable](w *workload.Workload, newMap func() strategy.Map[K, V]) string {
	if newMap == nil {
		return fmt.Sprintf("takes no %s keys with %s values", w.Keys.Type, w.Values)
	}
	if _, ok := newMap().(strategy.Updater[K, V]); !ok && w.Operations.Increment > 0 {
		return "has no Update, which increments need"
	}
	return ""
}

// measureWithin measures, or gives up waiting after a while and returns false. A panic of the map is an error.
func (b *bench[K, V]) measureWithin(ctx context.Context, patience time.Duration, newMap func() strategy.Map[K, V]) (r Round, finished bool, err error) {
	type outcome struct {
		round Round
		err   error
	}
	outcomes := make(chan outcome, 1) // nobody has to be there to receive
	go func() {
		var o outcome
		defer func() {
			if r := recover(); r != nil {
				o.err = fmt.Errorf("panicked: %v", r)
			}
			outcomes <- o
		}()
		o.round, o.err = b.measure(ctx, newMap)
	}()
	timeout := time.After(patience)
	select {
	case o := <-outcomes:
		return o.round, true, o.err
	case <-ctx.Done():
		timeout = time.After(afterInterrupt)
	case <-timeout:
		return Round{}, false, nil
	}
	select {
	case o := <-outcomes:
		return o.round, true, o.err
	case <-timeout:
		return Round{}, false, nil
	}
}

// nothing is a map that does nothing, to measure what everything around the map takes.
type nothing[K, V comparable] struct{}

func newNothing[K, V comparable]() strategy.Map[K, V] { return nothing[K, V]{} }

func (nothing[K, V]) Load(K) (value V, ok bool)       { return value, false }
func (nothing[K, V]) Store(K, V)                      {}
func (nothing[K, V]) LoadOrStore(_ K, v V) (V, bool)  { return v, false }
func (nothing[K, V]) Delete(K)                        {}
func (nothing[K, V]) Range(func(key K, value V) bool) {}
func (nothing[K, V]) Len() int                        { return 0 }
func (nothing[K, V]) Update(K, func(V) V)             {}
