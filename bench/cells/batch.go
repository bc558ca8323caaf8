package cells

import (
	"context"
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"github.com/shardmap-go/shardmap/bench/internal/guard"
	"github.com/shardmap-go/shardmap/bench/strategy"
)

// patience is how long a batch may take before its map is given up. The goroutines of one that never comes back stay, and disturb
// what is measured after it.
const patience = time.Minute

// enter makes the player of a strategy: with a filled map, unless each batch makes its own.
func enter[K, V comparable](ctx context.Context, s strategy.Strategy, op Operation, f *field[K, V], workers int) *player[K, V] {
	newMap := strategy.MakerFor[K, V](s)
	if newMap == nil {
		return &player[K, V]{name: s.Name, wrong: "takes no such keys and values"}
	}
	if op.Name == "presized" {
		if sizer, ok := newMap().(strategy.Sizer[K, V]); ok {
			newMap = func() strategy.Map[K, V] { return sizer.Sized(len(f.present)) }
		}
	}
	p := newPlayer(f, s.Name, newMap, workers)
	p.updates = op.Name == "update" || op.Name == "rangeWrites"
	p.wrong = p.cannot(op.Name)
	if op.kind != fills && p.wrong == "" {
		p.guarded(ctx, func() (time.Duration, error) { p.fill(0, len(f.present)); return 0, nil })
	}
	return p
}

// guarded calls f, and notes if it does not come back, or what went wrong.
func (p *player[K, V]) guarded(ctx context.Context, f func() (time.Duration, error)) time.Duration {
	took, cameBack, err := guard.Within(ctx, patience, f)
	switch {
	case !cameBack && ctx.Err() == nil:
		p.wrong = fmt.Sprintf("did not come back within %v, and disturbs what is measured after it", patience)
	case !cameBack:
		p.wrong = "was interrupted"
	case err != nil:
		p.wrong = err.Error()
	}
	return took
}

// calibrate returns how large a batch takes about as long as it should. That warms up the map, too.
func (p *player[K, V]) calibrate(ctx context.Context, op Operation, procs int, goal time.Duration) int {
	size := 2 // exchanges come in twos
	for p.wrong == "" && ctx.Err() == nil {
		took := p.guarded(ctx, func() (time.Duration, error) { return p.batch(op, procs, size) })
		if took >= goal/2 || size > 1<<30 {
			return max(2, int(float64(size)*float64(goal)/float64(max(took, 1)))&^1)
		}
		size *= 2
	}
	return size
}

// batch does a batch of an operation on procs processors, and returns what it took. Each goroutine makes size calls, or walks; or
// all together fill size maps.
func (p *player[K, V]) batch(op Operation, procs, size int) (time.Duration, error) {
	if op.allocates {
		runtime.GC()
	}
	switch op.kind {
	case fills:
		return p.fillMaps(procs, size)
	case walks:
		return p.walks(op.Name == "rangeWrites", procs, size)
	}
	return together(procs, func(i int) error {
		p.do(op.Name, &p.workers[i], size)
		return nil
	})
}

// fillMaps fills so many maps, one after the other, each in parts. The last one stays, to be checked.
func (p *player[K, V]) fillMaps(procs, maps int) (total time.Duration, err error) {
	n := len(p.present)
	for range maps {
		begin := time.Now()
		p.m = p.newMap()
		making := time.Since(begin)
		filling, err := together(procs, func(i int) error {
			p.fill(i*n/procs, (i+1)*n/procs)
			return nil
		})
		if err != nil {
			return 0, err
		}
		total += making + filling
	}
	return total, nil
}

// walks has each goroutine walk the map so many times. With writes, one of them updates keys instead.
func (p *player[K, V]) walks(writes bool, procs, times int) (time.Duration, error) {
	walkers, stop := procs, new(atomic.Bool)
	var writer sync.WaitGroup
	if writes {
		walkers--
		writer.Go(func() {
			for w := &p.workers[walkers]; !stop.Load(); {
				p.do("update", w, 100)
			}
		})
	}
	took, err := together(walkers, func(int) error {
		for range times {
			if n := p.walk(); n != len(p.present) {
				return fmt.Errorf("a walk saw %d entries, want %d", n, len(p.present))
			}
		}
		return nil
	})
	stop.Store(true)
	writer.Wait()
	return took, err
}

// together calls f in so many goroutines at once, and returns how long it took until all were done, and an error of one of them. A
// panic is an error.
func together(goroutines int, f func(i int) error) (time.Duration, error) {
	var (
		group   sync.WaitGroup
		ready   sync.WaitGroup
		start   = make(chan struct{})
		failure = make(chan error, goroutines)
	)
	ready.Add(goroutines)
	for i := range goroutines {
		group.Go(func() {
			defer func() {
				if r := recover(); r != nil {
					failure <- fmt.Errorf("panicked: %v", r)
				}
			}()
			ready.Done()
			<-start
			if err := f(i); err != nil {
				failure <- err
			}
		})
	}
	ready.Wait()
	begin := time.Now()
	close(start)
	group.Wait()
	took := time.Since(begin)
	select {
	case err := <-failure:
		return 0, err
	default:
		return took, nil
	}
}
