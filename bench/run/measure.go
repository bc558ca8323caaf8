package run

import (
	"context"
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"

	"github.com/shardmap-go/shardmap/bench/strategy"
)

// measure makes a map, fills it, works on it, and checks it. The error is what the map did wrong.
func (b *bench[K, V]) measure(ctx context.Context, newMap func() strategy.Map[K, V]) (Round, error) {
	b.begin()
	b.hire(nil, b.parts[0].goroutines)
	baseline := heap()
	m := newMap()
	b.fill(m)
	b.warm(ctx, m)
	runtime.GC()
	whole := newTally()
	var phases []Phase
	for i := range b.parts {
		p := &b.parts[i]
		if i > 0 {
			b.hire(m, b.staff(p))
		}
		t := b.work(ctx, m, p, p.duration)
		phases = append(phases, t.phase(p.Name, len(b.workers)))
		whole.add(t)
		if ctx.Err() != nil || b.blame() != nil {
			break
		}
	}
	r := whole.round()
	if len(b.workload.Phases) > 0 {
		r.Phases = phases
	}
	entries := b.entries()
	if used := float64(heap() - baseline); entries > 0 {
		r.BytesPerEntry = max(used, 0) / float64(entries)
	}
	if ctx.Err() != nil {
		return r, ctx.Err()
	}
	return r, b.check(m)
}

// staff returns how many goroutines a phase has: as many as it asks for, unless there are fewer keys that they could own.
func (b *bench[K, V]) staff(p *part) int {
	if p.Operations.NeedsEntries() {
		return max(1, min(p.goroutines, b.present(b.workers)))
	}
	return p.goroutines
}

// warm works for a while without measuring, but for how slow the operations are.
func (b *bench[K, V]) warm(ctx context.Context, m strategy.Map[K, V]) {
	for _, w := range b.workers {
		w.use(m)
	}
	if b.warmUp == 0 {
		return
	}
	t := b.work(ctx, m, &b.parts[0], b.warmUp)
	if float64(t.operations()) < slow*t.elapsed.Seconds() {
		b.sampleMask = 0
	}
}

// heap returns the bytes of memory that are in use.
func heap() int64 {
	var stats runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&stats)
	return int64(stats.HeapAlloc)
}

// work lets all workers work for a while, and returns what they did.
func (b *bench[K, V]) work(ctx context.Context, m strategy.Map[K, V], p *part, d time.Duration) *tally {
	var stop atomic.Bool
	defer context.AfterFunc(ctx, func() { stop.Store(true) })()
	var all, viewers sync.WaitGroup
	ready := make(chan struct{})
	var start, end time.Time
	for id, w := range b.workers {
		w.deaths = b.deathsOf(p, id)
		all.Go(func() {
			defer w.guard()
			<-ready
			w.started = start
			if p.Rate > 0 {
				w.playAt(&p.chooser, start, end, time.Duration(float64(w.goroutines)/p.Rate*1e9), &stop)
			} else {
				w.play(&p.chooser, &stop)
			}
		})
	}
	views := b.views(m)
	for _, v := range views {
		viewers.Go(func() {
			<-ready
			v.watch(start, &stop)
		})
	}
	if p.Rate > 0 {
		defer func(mask uint64) { b.sampleMask = mask }(b.sampleMask)
		b.sampleMask = 0 // of each operation
	}
	t := newTally()
	before := readGauges()
	if p.Rate == 0 {
		defer time.AfterFunc(d, func() { stop.Store(true) }).Stop()
	}
	start = time.Now()
	end = start.Add(d)
	close(ready)
	all.Wait()
	t.elapsed = time.Since(start)
	t.used = before.since()
	stop.Store(true)
	viewers.Wait()
	b.collect(t, views)
	return t
}

// deathsOf returns the schedule of one worker, from the age on that the keys have.
func (b *bench[K, V]) deathsOf(p *part, id int) schedule {
	if !b.living {
		return schedule{}
	}
	s := p.schedules[id]
	if b.workload.Keys.Lifetimes.Operations > 0 {
		s.skip(b.aged)
	} else {
		s.skip(uint64(b.age))
	}
	return s
}

// collect takes down what workers and viewers did, and leaves nothing to be taken down again.
func (b *bench[K, V]) collect(t *tally, views []*viewer[K, V]) {
	for _, w := range b.workers {
		for op, n := range w.done {
			t.done[op] += n
		}
		t.late += w.late
		w.done, w.late = [kinds]int64{}, 0
	}
	for op, sets := range b.latencies {
		for _, l := range sets {
			if t.hists[op] == nil {
				t.hists[op] = newLatencies().hist
			}
			t.hists[op].Merge(l.hist)
			l.hist.Reset()
		}
	}
	for _, v := range views {
		t.views[v.name] = v.latencies.hist
		if v.fault != "" && b.fault == "" {
			b.fault = v.fault
		}
	}
	t.goroutineTime = t.elapsed * time.Duration(len(b.workers))
	b.age += t.elapsed
	b.aged += uint64(t.operations())
}

// blame returns what the map has done wrong so far.
func (b *bench[K, V]) blame() error {
	for _, w := range b.workers {
		if w.fault != "" && b.fault == "" {
			b.fault = w.fault
		}
	}
	if b.fault != "" {
		return fmt.Errorf("%s", b.fault)
	}
	return nil
}

// A tally is what was done in a phase, or in several.
type tally struct {
	elapsed       time.Duration
	goroutineTime time.Duration // of all workers together
	done          [kinds]int64
	late          int64
	hists         [kinds]*hdrhistogram.Histogram // nil for those that do not happen
	views         map[string]*hdrhistogram.Histogram
	used          gauges
}

func newTally() *tally { return &tally{views: map[string]*hdrhistogram.Histogram{}} }

func (t *tally) operations() int64 {
	sum := int64(0)
	for _, n := range t.done {
		sum += n
	}
	return sum
}

// add adds a phase to those before it.
func (t *tally) add(p *tally) {
	t.elapsed += p.elapsed
	t.goroutineTime += p.goroutineTime
	t.late += p.late
	for op := range kinds {
		t.done[op] += p.done[op]
		t.hists[op] = sum(t.hists[op], p.hists[op])
	}
	for name, hist := range p.views {
		t.views[name] = sum(t.views[name], hist)
	}
	t.used.add(p.used)
}

// sum returns both histograms in one; either may be nil.
func sum(a, b *hdrhistogram.Histogram) *hdrhistogram.Histogram {
	if a == nil && b == nil {
		return nil
	}
	both := newLatencies().hist
	for _, h := range []*hdrhistogram.Histogram{a, b} {
		if h != nil {
			both.Merge(h)
		}
	}
	return both
}

// all returns the latencies of all kinds of operations.
func (t *tally) all() Kind {
	whole := newLatencies().hist
	for _, h := range t.hists {
		if h != nil {
			whole.Merge(h)
		}
	}
	return kindOf(t.operations(), whole)
}

func kindOf(operations int64, h *hdrhistogram.Histogram) Kind {
	return Kind{
		Operations: operations, Samples: h.TotalCount(),
		P50: h.ValueAtQuantile(50), P99: h.ValueAtQuantile(99), P999: h.ValueAtQuantile(99.9), Max: h.Max(),
	}
}

// kinds returns what was done, by kind, if there is more than one.
func (t *tally) kinds() map[string]Kind {
	by := map[string]Kind{}
	for op, name := range names() {
		if h := t.hists[op]; h != nil && (t.done[op] > 0 || h.TotalCount() > 0) {
			by[name] = kindOf(t.done[op], h)
		}
	}
	if len(by) < 2 {
		return nil
	}
	return by
}

func (t *tally) viewed() map[string]Kind {
	if len(t.views) == 0 {
		return nil
	}
	by := map[string]Kind{}
	for name, h := range t.views {
		by[name] = kindOf(h.TotalCount(), h)
	}
	return by
}

func (t *tally) mutexWait() float64 {
	if t.goroutineTime == 0 {
		return 0
	}
	return t.used.mutexWait / t.goroutineTime.Seconds()
}

func (t *tally) phase(name string, goroutines int) Phase {
	k := t.all()
	return Phase{
		Name: name, Goroutines: goroutines, Operations: k.Operations, Seconds: t.elapsed.Seconds(),
		Samples: k.Samples, P50: k.P50, P99: k.P99, P999: k.P999, Max: k.Max, Late: t.late,
		MutexWait: t.mutexWait(), Kinds: t.kinds(), Views: t.viewed(),
	}
}

func (t *tally) round() Round {
	k := t.all()
	r := Round{
		Operations: k.Operations, Seconds: t.elapsed.Seconds(),
		Samples: k.Samples, P50: k.P50, P99: k.P99, P999: k.P999, Max: k.Max, Late: t.late,
		GCs: t.used.gcs, GCPause: t.used.gcPause, GCMaxPause: t.used.gcMaxPause,
		MutexWait: t.mutexWait(), Kinds: t.kinds(), Views: t.viewed(),
	}
	if r.Operations > 0 {
		r.Allocs = float64(t.used.mallocs) / float64(r.Operations)
		r.Bytes = float64(t.used.bytes) / float64(r.Operations)
	}
	return r
}
