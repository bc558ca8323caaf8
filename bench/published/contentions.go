package published

import (
	"context"
	"fmt"
	"math/rand/v2"
	"runtime"
	"strings"
	"sync/atomic"
	"time"

	"github.com/shardmap-go/shardmap/bench/internal/text"
	"github.com/shardmap-go/shardmap/bench/strategy"
)

// A contentionLoad is goroutines that count in a map, one increment for each load. An increment takes some time,
// which a map that locks spends under the lock.
type contentionLoad struct {
	goroutines, operations, keys int
}

func prepareContentions(quick bool) (string, []contestant) {
	l := contentionLoad{goroutines: 64, operations: 2_000, keys: 10_000}
	if quick {
		l = contentionLoad{goroutines: 8, operations: 100, keys: 50}
	}
	return fmt.Sprintf("%d goroutines with %s operations each, every other an increment that takes %v, on %s keys",
			l.goroutines, text.Thousands(l.operations), workTime().Round(100*time.Nanosecond), text.Thousands(l.keys)),
		[]contestant{
			with("one lock", l.measure, "RWMutex"), with("64 shards", l.measure, "RWMutex:64"),
			with("Map", l.measure, "Map"), with("sync.Map", l.measure, "sync.Map"),
		}
}

func (l contentionLoad) measure(ctx context.Context, newMap func() intMap) (Sample, error) {
	defer runtime.SetMutexProfileFraction(runtime.SetMutexProfileFraction(1))
	m := newMap()
	fill(m, func(yield func(int, int) bool) {
		for key := range l.keys {
			if !yield(key, 0) {
				return
			}
		}
	})
	counter, ok := m.(strategy.Updater[int, int])
	if !ok {
		return nil, fmt.Errorf("the map has no Update")
	}
	counts := make([]atomic.Int64, l.keys)
	before := contentions()
	elapsed := together(l.goroutines, func(id int) {
		rng := rand.New(rand.NewPCG(uint64(id), 5))
		for n := 0; n < l.operations && ctx.Err() == nil; n += 2 {
			m.Load(rng.IntN(l.keys))
			key := rng.IntN(l.keys)
			counter.Update(key, func(old int) int {
				work()
				return old + 1
			})
			counts[key].Add(1)
		}
	})
	return Sample{"contentions": contentions() - before, "time": milliseconds(elapsed)}, expect(m, func(yield func(int, int) bool) {
		for key := range counts {
			if !yield(key, int(counts[key].Load())) {
				return
			}
		}
	})
}

// contentions returns the mutex profile's count of the times that a goroutine had to wait for a sync.Mutex or
// sync.RWMutex.
func contentions() float64 {
	records := make([]runtime.BlockProfileRecord, 64)
	n, ok := runtime.MutexProfile(records)
	for !ok {
		records = make([]runtime.BlockProfileRecord, 2*n)
		n, ok = runtime.MutexProfile(records)
	}
	sum := int64(0)
	for i := range records[:n] {
		if ofMutex(records[i].Stack()) {
			sum += records[i].Count
		}
	}
	return float64(sum)
}

// ofMutex tells whether a stack of the profile is of a lock that a program has; the others are the runtime's own.
func ofMutex(stack []uintptr) bool {
	frames := runtime.CallersFrames(stack)
	for more := true; more; {
		var f runtime.Frame
		f, more = frames.Next()
		if strings.HasPrefix(f.Function, "sync.(*") || strings.HasPrefix(f.Function, "internal/sync.(*") {
			return true
		}
	}
	return false
}
