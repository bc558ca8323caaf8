package run

import (
	"context"
	"runtime"
	"slices"
	"time"

	"github.com/shardmap-go/shardmap/bench/strategy"
)

const (
	batches    = 5
	batchTime  = 2 * time.Millisecond
	batchLimit = 2000                  // operations
	trialTime  = 50 * time.Microsecond // and
	trialLimit = 64                    // operations, to decide how many a batch has
)

// A batch is what some operations of one kind took.
type batch struct {
	operations     int
	time           time.Duration
	mallocs, bytes uint64
}

// costs measures what operations of each kind cost if one goroutine does nothing else, with a map of its own. Kinds are
// those of the workload, with what happens beside its operations. What the map does is not checked: it was, in the rounds.
func (b *bench[K, V]) costs(ctx context.Context, newMap func() strategy.Map[K, V]) map[string]Cost {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1)) // nothing else may allocate meanwhile
	b.begin()
	b.hire(nil, 1)
	m := newMap()
	b.fill(m)
	w := b.workers[0]
	w.use(m)
	w.timed = false
	measured := map[string][]batch{}
	for op, name := range names() {
		if b.latencies[op] == nil || ctx.Err() != nil {
			continue
		}
		if op := operation(op); op == remove || op == loadAndDelete {
			w.costOfRemoving(op, func(kind operation, one batch) {
				measured[names()[kind]] = append(measured[names()[kind]], one)
			})
		} else {
			measured[name] = append(measured[name], batchesOf(w.step(op))...)
		}
	}
	for _, v := range b.views(m) {
		if ctx.Err() == nil {
			measured[v.name] = append(measured[v.name], batchesOf(func() bool { v.view(); return true })...)
		}
	}
	costs := map[string]Cost{}
	for name, all := range measured {
		if c := summed(all); c.Operations > 0 {
			costs[name] = c
		}
	}
	return costs
}

// step returns what does one operation, and returns false if that cannot be done any more.
func (w *worker[K, V]) step(op operation) func() bool {
	if op == churn && w.living {
		place := 0
		return func() bool {
			w.replace(place % len(w.versions))
			place++
			return true
		}
	}
	return func() bool { return w.do(op, w.random.next()>>32) }
}

// batchesOf measures batches of a step that can be done many times.
func batchesOf(step func() bool) []batch {
	n := batchSize(step)
	var all []batch
	for range batches {
		all = append(all, batchOf(n, step))
	}
	return all
}

// costOfRemoving measures batches of removals, each of other keys, and of putting these back, which is inserting.
func (w *worker[K, V]) costOfRemoving(op operation, take func(operation, batch)) {
	removed := make([]int, 0, batchLimit)
	removeNext := func() bool {
		w.remove(op, len(removed))
		removed = append(removed, w.removed)
		w.removed = -1
		return true
	}
	putBackLast := func() bool {
		last := len(removed) - 1
		w.putBack(removed[last])
		removed = removed[:last]
		return true
	}
	n := min(batchSize(func() bool { return removeNext() && putBackLast() }), w.filled)
	for range batches {
		take(op, batchOf(n, removeNext))
		take(insert, batchOf(n, putBackLast))
	}
}

// batchSize returns how many steps take about as long as a batch should.
func batchSize(step func() bool) int {
	start := time.Now()
	n := 0
	for n < trialLimit && time.Since(start) < trialTime && step() {
		n++
	}
	took := max(time.Since(start), 1)
	return max(1, min(batchLimit, int(batchTime*time.Duration(n)/took)))
}

// batchOf measures n steps.
func batchOf(n int, step func() bool) batch {
	var before, after runtime.MemStats
	var b batch
	runtime.ReadMemStats(&before)
	start := time.Now()
	for b.operations < n && step() {
		b.operations++
	}
	b.time = time.Since(start)
	runtime.ReadMemStats(&after)
	b.mallocs, b.bytes = after.Mallocs-before.Mallocs, after.TotalAlloc-before.TotalAlloc
	return b
}

// summed makes a cost out of batches.
func summed(all []batch) Cost {
	var c Cost
	var mallocs, bytes uint64
	var times []float64
	for _, one := range all {
		if one.operations == 0 {
			continue
		}
		c.Operations += int64(one.operations)
		mallocs += one.mallocs
		bytes += one.bytes
		times = append(times, float64(one.time)/float64(one.operations))
	}
	if c.Operations == 0 {
		return c
	}
	c.Allocs, c.Bytes = float64(mallocs)/float64(c.Operations), float64(bytes)/float64(c.Operations)
	c.NS, c.NSLow, c.NSHigh = Summarise(times).Median, slices.Min(times), slices.Max(times)
	return c
}
