package cells

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"time"

	"github.com/shardmap-go/shardmap/bench/strategy"
)

// Repeat does the operation of a cell for each of its entries, so many times over, in one goroutine and without a clock: for tools that count
// instructions or cache misses. The filling comes on top; the difference between two numbers of times is free of it. It returns an
// error if the cell is not one, or the strategy cannot do it or does it wrong.
func Repeat(ctx context.Context, s strategy.Strategy, c Cell, seed uint64, times int) error {
	o := Options{
		Operations: []string{c.Operation}, Keys: []string{c.Keys}, Values: []string{c.Values}, Entries: []int{c.Entries}, Procs: []int{1},
		Strategies: []strategy.Strategy{s}, Rounds: 1, Batch: time.Second, Seed: seed,
	}
	if err := o.Check(); err != nil {
		return err
	}
	if times < 1 {
		return fmt.Errorf("%d times, want 1 at least", times)
	}
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	m := measurement{Options: o, ctx: ctx, repeat: times, failure: errors.New("there is no such cell")}
	m.allKeys()
	return m.failure
}

// repeat does the operation times times for each entry, and checks the map.
func (p *player[K, V]) repeat(ctx context.Context, op Operation, times int) error {
	if op.kind == calls {
		times *= len(p.present)
		if op.Name == "churn" || op.Name == "queue" {
			times *= 2 // each replacement counts as two
		}
	}
	if p.wrong == "" {
		p.guarded(ctx, func() (time.Duration, error) { return p.batch(op, 1, times) })
	}
	if p.wrong == "" {
		p.guarded(ctx, func() (time.Duration, error) { return 0, p.check() })
	}
	if p.wrong != "" {
		return fmt.Errorf("%s %s", p.name, p.wrong)
	}
	return nil
}
