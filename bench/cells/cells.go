package cells

import (
	"context"
	"fmt"
	"math"
	"time"

	"github.com/shardmap-go/shardmap/bench/run"
	"github.com/shardmap-go/shardmap/bench/strategy"
)

// A Cell is what is measured: one operation on one kind of map.
type Cell struct {
	Operation string `json:"operation"` // the name of one of [Operations]
	Keys      string `json:"keys"`      // one of [KeyKinds]
	Values    string `json:"values"`    // one of [ValueKinds]
	Entries   int    `json:"entries"`
	Procs     int    `json:"procs"` // GOMAXPROCS, and as many goroutines
}

func (c Cell) String() string {
	return fmt.Sprintf("%s, %s keys, %s values, %d entries, %d procs", c.Operation, c.Keys, c.Values, c.Entries, c.Procs)
}

// The kinds of keys and values. The strings of the former have 24 bytes; a namespacedName has two of 12. A triple is a struct
// of 24 bytes.
var (
	KeyKinds   = []string{"int", "string", "namespacedName"}
	ValueKinds = []string{"pointer", "int", "triple"}
)

// A Time is what an operation takes: wall-clock time divided by the operations of all goroutines, so that with two processors
// half a nanosecond is possible. For a walk over all entries it is the time per entry.
type Time struct {
	Strategy string  `json:"strategy"`
	Low      float64 `json:"low"` // nanoseconds, as the others: see [run.Summary]
	Median   float64 `json:"median"`
	High     float64 `json:"high"`
	Wrong    string  `json:"wrong,omitempty"` // why there are no times: what it got wrong, or cannot do
}

// Measured reports whether t has times.
func (t Time) Measured() bool { return t.Wrong == "" }

// A Result is a cell with the times of all strategies, in the order of [Options].
type Result struct {
	Cell
	Times []Time `json:"times"`
}

// Of returns the time of a strategy, and whether it was measured.
func (r Result) Of(name string) (Time, bool) {
	for _, t := range r.Times {
		if t.Strategy == name {
			return t, t.Measured()
		}
	}
	return Time{}, false
}

// Best returns the least median of the strategies for which pick is true, and whether there is one.
func (r Result) Best(pick func(name string) bool) (best Time, ok bool) {
	best.Median = math.Inf(1)
	for _, t := range r.Times {
		if t.Measured() && pick(t.Strategy) && t.Median < best.Median {
			best, ok = t, true
		}
	}
	return best, ok
}

// Options say what to measure. Every list must have something in it; [Options.Check] says what is wrong.
type Options struct {
	Operations, Keys, Values []string
	Entries, Procs           []int
	Large                    int // with more entries than that, only the first kind of values is measured
	Strategies               []strategy.Strategy
	Rounds                   int
	Batch                    time.Duration // how long a strategy has in each round, about; walks and fillings may take longer
	Seed                     uint64        // decides on keys and on the order of everything
	// Progress, if not nil, is called before each cell.
	Progress func(c Cell, done, total int)
	// Done, if not nil, is called with each result as soon as it is there.
	Done func(Result)
}

// Defaults returns options that measure everything, but a million entries with pointer values only, as that takes long.
func Defaults() Options {
	o := Options{
		Keys: KeyKinds, Values: ValueKinds,
		Entries: []int{1_000, 100_000, 1_000_000}, Large: 100_000, Procs: []int{1, 2},
		Rounds: 10, Batch: 10 * time.Millisecond, Seed: 1,
	}
	for _, op := range Operations() {
		o.Operations = append(o.Operations, op.Name)
	}
	return o
}

const maxEntries = 50_000_000

// Check returns an error that names the first bad option and its value.
func (o *Options) Check() error {
	for _, list := range []struct {
		what       string
		got, known []string
	}{
		{"operation", o.Operations, operationNames()}, {"kind of keys", o.Keys, KeyKinds}, {"kind of values", o.Values, ValueKinds},
	} {
		if err := oneOf(list.what, list.got, list.known); err != nil {
			return err
		}
	}
	for _, n := range o.Entries {
		if n < minEntries || n > maxEntries {
			return fmt.Errorf("%d entries, want %d to %d", n, minEntries, maxEntries)
		}
	}
	for _, n := range o.Procs {
		if n < 1 || n > maxProcs {
			return fmt.Errorf("%d procs, want 1 to %d", n, maxProcs)
		}
	}
	switch {
	case len(o.Entries) == 0:
		return fmt.Errorf("no number of entries")
	case len(o.Procs) == 0:
		return fmt.Errorf("no number of procs")
	case len(o.Strategies) == 0:
		return fmt.Errorf("no strategies")
	case o.Rounds < 1 || o.Rounds > 10_000:
		return fmt.Errorf("%d rounds, want 1 to 10000", o.Rounds)
	case o.Batch <= 0 || o.Batch > time.Minute:
		return fmt.Errorf("batches of %v, want more than 0 and at most %v", o.Batch, time.Minute)
	}
	return nil
}

func oneOf(what string, got, known []string) error {
	if len(got) == 0 {
		return fmt.Errorf("no %s", what)
	}
next:
	for _, g := range got {
		for _, k := range known {
			if g == k {
				continue next
			}
		}
		return fmt.Errorf("unknown %s %q, want some of %q", what, g, known)
	}
	return nil
}

// Measure measures all cells and returns the results, in the order of operation, keys, values, entries and procs as in o. If ctx
// ends, it returns those that are complete. It sets GOMAXPROCS meanwhile. It panics if o.Check returns an error.
func Measure(ctx context.Context, o Options) []Result {
	if err := o.Check(); err != nil {
		panic("cells: Measure: " + err.Error())
	}
	m := measurement{Options: o, ctx: ctx, total: o.count()}
	m.all()
	return m.results
}

// count returns the number of cells; see onField for those that do not exist.
func (o *Options) count() (n int) {
	for _, operation := range o.Operations {
		for i, values := range o.Values {
			for _, entries := range o.Entries {
				for _, procs := range o.Procs {
					if (i == 0 || entries <= o.Large) && (operation != "hot" || values == "int") && (operation != "rangeWrites" || procs > 1) {
						n += len(o.Keys)
					}
				}
			}
		}
	}
	return n
}

// summary turns the nanoseconds of the rounds into a [Time].
func summary(name string, rounds []float64) Time {
	s := run.Summarise(rounds)
	return Time{Strategy: name, Low: round3(s.Low), Median: round3(s.Median), High: round3(s.High)}
}

// round3 rounds to three decimals, so that files do not pretend to know more.
func round3(x float64) float64 { return math.Round(x*1000) / 1000 }
