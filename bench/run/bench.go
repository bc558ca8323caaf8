package run

import (
	"context"
	"fmt"
	"math/rand/v2"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"github.com/shardmap-go/shardmap/bench/strategy"
	"github.com/shardmap-go/shardmap/bench/workload"
)

// A bench is a workload with everything made in advance that all its runs have in common.
type bench[K comparable, V comparable] struct {
	workload                   *workload.Workload
	number, filled             int
	goroutines                 int
	duration, warmUp           time.Duration
	churns, counts, sequential bool

	keys   []K // by number; if keys churn, those from number on are the twins
	stored []K // equal to keys, but not the same strings: with those, comparing would cost nothing
	absent []K // never stored
	order  []uint32
	values valueKind[V]

	chooser   chooser
	draws     []uint32
	random    uint64
	latencies []*latencies

	// Of the current run:
	workers    []*worker[K, V]
	sampleMask uint64 // bits of an operation's random number that are 0 if its latency is to be taken
}

func newBench[K, V comparable](w *workload.Workload, goroutines int, duration time.Duration, seed uint64,
	key func(n, seed uint64, length int) K, values func(keys int) valueKind[V],
) *bench[K, V] {
	rng := rand.New(rand.NewPCG(seed, 0))
	b := &bench[K, V]{
		workload: w, number: w.Keys.Number, filled: w.Filled(), goroutines: goroutines,
		duration: duration, warmUp: duration / 5,
		churns: w.Operations.Churn > 0, counts: w.Operations.Increment > 0, sequential: w.Keys.Distribution == "sequential",
		chooser: newChooser(w.Operations), random: seed,
	}
	if w.Operations.Insert > 0 {
		b.warmUp = 0 // it would use up the keys
	}
	universe := b.number
	if b.churns {
		universe *= 2
	}
	// Keys are made in random order, so that neighbours in a sequence are not neighbours in memory.
	b.keys, b.stored = make([]K, universe), make([]K, universe)
	for _, i := range shuffled(universe, rng) {
		b.keys[i] = key(uint64(i), seed, w.Keys.Length)
	}
	for _, i := range shuffled(universe, rng) {
		b.stored[i] = key(uint64(i), seed, w.Keys.Length)
	}
	if w.Operations.Miss > 0 {
		b.absent = make([]K, b.number)
		for i := range b.absent {
			b.absent[i] = key(uint64(universe+i), seed, w.Keys.Length)
		}
	}
	b.order = shuffled(b.filled, rng)
	b.draws = draws(w.Keys, b.filled, rng)
	b.values = values(universe)
	for range min(goroutines, latencySets) {
		b.latencies = append(b.latencies, newLatencies())
	}
	return b
}

// start returns the value that a key has at the start.
func (b *bench[K, V]) start(i int) V {
	if b.counts {
		var zero V
		return zero
	}
	return b.values.of(i, 1)
}

func (b *bench[K, V]) fill(m strategy.Map[K, V]) {
	entries := func(yield func(K, V) bool) {
		for _, i := range b.order {
			if !yield(b.stored[i], b.start(int(i))) {
				return
			}
		}
	}
	if f, ok := m.(strategy.Filler[K, V]); ok {
		f.Fill(entries)
		return
	}
	for key, value := range entries {
		m.Store(key, value)
	}
}

// hire makes the workers of one run.
func (b *bench[K, V]) hire() {
	b.workers = make([]*worker[K, V], b.goroutines)
	for id := range b.workers {
		w := &worker[K, V]{bench: b, id: id, latencies: b.latencies[id%len(b.latencies)]}
		b.random += 0x632BE59BD9B4E019 // another stream for each
		w.random = random(b.random)
		w.position = id * (max(b.filled, 1) / b.goroutines)
		if b.draws != nil {
			w.position = id * (drawsLen / b.goroutines)
		}
		places := (b.number + b.goroutines - 1) / b.goroutines
		w.versions = make([]uint32, places)
		for place := range (b.filled - id + b.goroutines - 1) / b.goroutines {
			w.versions[place] = 1
		}
		if b.churns {
			w.twins = make([]atomic.Uint32, places)
		}
		for w.next = id; w.next < b.filled; w.next += b.goroutines {
		}
		b.workers[id] = w
	}
}

// measure makes a map, fills it, works on it, and checks it. The error is what the map did wrong.
func (b *bench[K, V]) measure(ctx context.Context, newMap func() strategy.Map[K, V]) (Round, error) {
	b.hire()
	baseline := heap()
	m := newMap()
	b.fill(m)
	for _, w := range b.workers {
		w.m = m
	}
	b.sampleMask = sampleMask
	if b.warmUp > 0 {
		var unused runtime.MemStats
		elapsed := b.work(ctx, b.warmUp, &unused)
		operations := int64(0)
		for _, w := range b.workers {
			operations += w.operations
			w.operations, w.late = 0, 0
		}
		if float64(operations) < slow*elapsed.Seconds() {
			b.sampleMask = 0
		}
	}
	for _, l := range b.latencies {
		l.hist.Reset()
	}
	runtime.GC()
	var before, after runtime.MemStats
	elapsed := b.work(ctx, b.duration, &before)
	runtime.ReadMemStats(&after)
	r := b.round(elapsed, &before, &after)
	entries := b.entries()
	if used := float64(heap() - baseline); entries > 0 {
		r.BytesPerEntry = max(used, 0) / float64(entries)
	}
	if ctx.Err() != nil {
		return r, ctx.Err()
	}
	return r, b.check(m)
}

// heap returns the bytes of memory that are in use.
func heap() int64 {
	var stats runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&stats)
	return int64(stats.HeapAlloc)
}

// work lets all workers work for a while. It takes down the state of the memory when they are there but have not begun,
// and returns how long it took until the last one was done.
func (b *bench[K, V]) work(ctx context.Context, d time.Duration, before *runtime.MemStats) time.Duration {
	var stop atomic.Bool
	defer context.AfterFunc(ctx, func() { stop.Store(true) })()
	var all sync.WaitGroup
	ready := make(chan struct{})
	var start, end time.Time
	for _, w := range b.workers {
		all.Go(func() {
			defer w.guard()
			<-ready
			if rate := b.workload.Rate; rate > 0 {
				w.playAt(start, end, time.Duration(float64(b.goroutines)/rate*1e9), &stop)
			} else {
				w.play(&stop)
			}
		})
	}
	runtime.ReadMemStats(before)
	if b.workload.Rate == 0 {
		defer time.AfterFunc(d, func() { stop.Store(true) }).Stop()
	}
	start = time.Now()
	end = start.Add(d)
	close(ready)
	all.Wait()
	return time.Since(start)
}

// round adds up what the workers did.
func (b *bench[K, V]) round(elapsed time.Duration, before, after *runtime.MemStats) Round {
	r := Round{
		Seconds: elapsed.Seconds(),
		GCs:     after.NumGC - before.NumGC,
		GCPause: float64(after.PauseTotalNs-before.PauseTotalNs) / 1e9,
	}
	for _, w := range b.workers {
		r.Operations += w.operations
		r.Late += w.late
	}
	hist := merged(b.latencies)
	r.Samples = hist.TotalCount()
	r.P50, r.P99, r.P999 = hist.ValueAtQuantile(50), hist.ValueAtQuantile(99), hist.ValueAtQuantile(99.9)
	r.Max = hist.Max()
	if r.Operations > 0 {
		r.Allocs = float64(after.Mallocs-before.Mallocs) / float64(r.Operations)
		r.Bytes = float64(after.TotalAlloc-before.TotalAlloc) / float64(r.Operations)
	}
	return r
}

// entries returns how many entries must be in the map.
func (b *bench[K, V]) entries() int {
	n := b.filled
	for _, w := range b.workers {
		for i := w.id; i < w.next; i += b.goroutines {
			if i >= b.filled {
				n++
			}
		}
	}
	return n
}

// check compares the map with what the workers know. The error says what is wrong first.
func (b *bench[K, V]) check(m strategy.Map[K, V]) error {
	for _, w := range b.workers {
		if w.fault != "" {
			return fmt.Errorf("%s", w.fault)
		}
	}
	if b.counts {
		return b.checkCount(m)
	}
	lost, wrong, ghosts := 0, 0, 0
	for _, w := range b.workers {
		for i, place := w.id, 0; i < w.next; i, place = i+b.goroutines, place+1 {
			here, twin := i, i+b.number
			if b.churns {
				if w.twins[place].Load() == 1 {
					here, twin = twin, here
				}
				if _, ok := m.Load(b.keys[twin]); ok {
					ghosts++
				}
			}
			switch value, ok := m.Load(b.keys[here]); {
			case !ok:
				lost++
			case value != b.values.of(here, w.versions[place]):
				wrong++
			}
		}
	}
	switch {
	case lost > 0:
		return fmt.Errorf("lost %d of %d entries", lost, b.entries())
	case wrong > 0:
		return fmt.Errorf("%d of %d entries have a value that is not the last one stored", wrong, b.entries())
	case ghosts > 0:
		return fmt.Errorf("%d entries are there although they were deleted", ghosts)
	}
	return b.checkWhole(m)
}

// checkCount compares the sum of all counters with the number of increments.
func (b *bench[K, V]) checkCount(m strategy.Map[K, V]) error {
	var want, got int64
	for _, w := range b.workers {
		want += w.increments
	}
	for i := range b.filled {
		value, _ := m.Load(b.keys[i])
		n, _ := any(value).(int) // the only type that counts
		got += int64(n)
	}
	if got != want {
		return fmt.Errorf("counted %d after %d increments", got, want)
	}
	return nil
}

// checkWhole compares Len and Range with what must be there.
func (b *bench[K, V]) checkWhole(m strategy.Map[K, V]) error {
	entries := b.entries()
	if n := m.Len(); n != entries {
		return fmt.Errorf("Len says %d, but there are %d entries", n, entries)
	}
	seen := make([]bool, len(b.keys))
	visits, repeats, strange := 0, 0, 0
	m.Range(func(key K, value V) bool {
		visits++
		switch i := b.values.key(value); {
		case i < 0 || i >= len(seen) || b.keys[i] != key:
			strange++
		case seen[i]:
			repeats++
		default:
			seen[i] = true
		}
		return true
	})
	switch {
	case strange > 0:
		return fmt.Errorf("Range showed %d entries with the value of another key", strange)
	case repeats > 0:
		return fmt.Errorf("Range showed %d entries twice", repeats)
	case visits != entries:
		return fmt.Errorf("Range showed %d of %d entries", visits, entries)
	}
	return nil
}
