package published

import (
	"context"
	"fmt"
	"math/rand/v2"
	"runtime"
	"time"

	"github.com/shardmap-go/shardmap/bench/internal/text"
	"github.com/shardmap-go/shardmap/bench/strategy"
)

// A steadyLoad is what an operator does all day: it keeps when each device was seen last, takes down heart-beats, and
// sweeps those out that were not seen for long.
type steadyLoad struct {
	devices, beats int
	goroutines     int
	stale          int // one device in so many has not reported
}

// today is when devices were seen that are not to be swept out. Like most numbers, it does not fit into an interface
// without being allocated.
const today = 1 << 40

func prepareSteady(quick bool) (string, []contestant) {
	l := steadyLoad{devices: 470_000, beats: 400_000, goroutines: 8, stale: 100}
	if quick {
		l = steadyLoad{devices: 400, beats: 400, goroutines: 8, stale: 10}
	}
	return fmt.Sprintf("%s devices; %s heart-beats by %d goroutines; a sweep that removes one device in %d",
			text.Thousands(l.devices), text.Thousands(l.beats), l.goroutines, l.stale),
		each(l.measure, "Map", "sync.Map", "RWMutex")
}

func (l steadyLoad) measure(_ context.Context, newMap func() strategy.Map[string, int]) (Sample, error) {
	names := make([]string, l.devices)
	seen := make([]int, l.devices) // when each device was seen last
	for i := range names {
		names[i] = fmt.Sprintf("device-%07d", i)
		seen[i] = today
		if i%l.stale == 0 {
			seen[i] = today - 1
		}
	}
	before := heap()
	m := newMap()
	for i, name := range names {
		m.Store(name, seen[i])
	}
	memory := heap() - before
	beating := together(l.goroutines, func(id int) {
		rng := rand.New(rand.NewPCG(uint64(id), 6))
		share := l.devices / l.goroutines
		for range l.beats / l.goroutines {
			i := id*share + rng.IntN(share) // devices of its own, so that it knows which beat was the last
			if i%l.stale != 0 {
				seen[i]++
			}
			m.Store(names[i], seen[i])
		}
	})
	start := time.Now()
	var old []string
	for name, last := range whole(m) {
		if last < today {
			old = append(old, name)
		}
	}
	for _, name := range old {
		m.Delete(name)
	}
	swept := time.Since(start)
	return Sample{
			"memory": float64(memory) / 1e6, "heart-beat": float64(beating) / float64(l.beats), "sweep": milliseconds(swept),
		}, expect(m, func(yield func(string, int) bool) {
			for i, name := range names {
				if seen[i] >= today && !yield(name, seen[i]) {
					return
				}
			}
		})
}

func heap() int64 {
	var stats runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&stats)
	return int64(stats.HeapAlloc)
}
