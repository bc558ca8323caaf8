package run

import (
	"context"
	"errors"
	"runtime"

	"github.com/shardmap-go/shardmap"
	"github.com/shardmap-go/shardmap/bench/record"
	"github.com/shardmap-go/shardmap/bench/strategy"
	"github.com/shardmap-go/shardmap/bench/workload"
)

// Record does a workload once to a shardmap.Map, and records it: each goroutine has a track, and the fill is what was
// there at the start. The caller closes the recorder. Record sets GOMAXPROCS meanwhile. The error is that of ctx, or says
// what went wrong with the map.
func Record(ctx context.Context, w *workload.Workload, rec *record.Recorder, o Options) error {
	o.complete(w)
	o.traced.recorder = rec
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(o.Procs))
	start := starter{ctx: ctx, strategies: []strategy.Strategy{nothingStrategy}, Options: o, single: 1}
	start.start(&Result{Workload: w})
	if start.answer.Disqualified != "" {
		return errors.New(start.answer.Disqualified)
	}
	return ctx.Err()
}

// A recordBench does its workload to a map that is recorded, whichever map it is given.
type recordBench[K, V comparable] struct {
	*bench[K, V]
	recorder *record.Recorder
}

// A recordedMap gives a recorded map the method of a strategy.Updater.
type recordedMap[K, V comparable] struct{ *record.Recorded[K, V] }

func (m recordedMap[K, V]) Update(key K, f func(old V) V) {
	m.Compute(key, func(old V, _ bool) (V, shardmap.Op) { return f(old), shardmap.Set })
}

func (b *recordBench[K, V]) measure(ctx context.Context, _ func() strategy.Map[K, V]) (Round, error) {
	b.begin()
	b.hire(nil, b.parts[0].goroutines)
	m := shardmap.New[K, V]()
	b.fill(m)
	all := record.Map(b.recorder, shardmap.ConcurrentMap[K, V](m))
	whole := newTally()
	for i := range b.parts {
		p := &b.parts[i]
		if i > 0 {
			b.hire(m, b.staff(p))
		}
		var tracks []*record.Recorded[K, V]
		for _, w := range b.workers {
			mine := all.Goroutine()
			tracks = append(tracks, mine)
			w.use(recordedMap[K, V]{mine})
		}
		whole.add(b.work(ctx, recordedMap[K, V]{all}, p, p.duration))
		for _, mine := range tracks {
			mine.Release()
		}
		if ctx.Err() != nil || b.blame() != nil {
			break
		}
	}
	return whole.round(), b.blame()
}
