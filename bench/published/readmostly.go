package published

import (
	"context"
	"crypto/sha256"
	"fmt"
	"math/rand/v2"
	"runtime"
	"sync/atomic"
	"time"

	"github.com/shardmap-go/shardmap/bench/internal/text"
)

// A readMostlyLoad is many goroutines, each of which loads any key 99 times out of 100, and else stores its own one.
// After each operation it makes room for the others, as a goroutine does that waits for the next request. It does so
// twice: first the map is all there is, and then whoever loads something works with it, under the lock if there is
// one.
type readMostlyLoad struct {
	goroutines int // and keys
	duration   time.Duration
}

func prepareReadMostly(quick bool) (string, []contestant) {
	l := readMostlyLoad{goroutines: 10_000, duration: 250 * time.Millisecond}
	if quick {
		l = readMostlyLoad{goroutines: 100, duration: 3 * time.Millisecond}
	}
	var all []contestant
	for _, one := range []struct {
		name   string
		newMap func() viewable
	}{
		{"RWMutex", func() viewable { return newRWLockedMap(0) }}, {"Mutex", func() viewable { return newMutexLockedMap() }},
		{"Map", func() viewable { return new(liveMap) }}, {"AtomicMap", func() viewable { return new(immutableMap) }},
	} {
		all = append(all, contestant{one.name, func(ctx context.Context) (Sample, error) { return l.measure(ctx, one.newMap) }})
	}
	return fmt.Sprintf("%s goroutines at full speed, as many keys, 99 %% loads and 1 %% stores, for %v; "+
		"and again with %s of work in each load", text.Thousands(l.goroutines), l.duration, workTime().Round(100*time.Nanosecond)), all
}

func (l readMostlyLoad) measure(ctx context.Context, newMap func() viewable) (Sample, error) {
	m := newMap()
	m.storeAll(initial(l.goroutines))
	versions := make([]int, l.goroutines)
	throughput, latency, err := l.play(ctx, m, versions, func() {})
	if err != nil {
		return nil, err
	}
	throughputWithWork, latencyWithWork, err := l.play(ctx, m, versions, work)
	if err != nil {
		return nil, err
	}
	return Sample{
		"throughput": throughput / 1e3, "latency": latency / 1e3,
		"throughput with work": throughputWithWork / 1e3, "latency with work": latencyWithWork / 1e3,
	}, expect(m, current(versions))
}

// play returns the operations per second, and the nanoseconds that one takes on average.
func (l readMostlyLoad) play(ctx context.Context, m viewable, versions []int, work func()) (throughput, latency float64, err error) {
	var operations, busy atomic.Int64
	var wrong fault
	elapsed := during(ctx, l.duration, l.goroutines, func(id int, stop *atomic.Bool) {
		rng := rand.New(rand.NewPCG(uint64(id), 3))
		done, took := 0, time.Duration(0)
		for !stop.Load() {
			key, stores := rng.IntN(l.goroutines), rng.IntN(100) == 0
			start := time.Now()
			if stores {
				versions[id]++
				m.Store(id, value(id, versions[id]))
			} else {
				m.view(key, func(v int, ok bool) {
					if !ok || keyOf(v) != key {
						wrong.report("the value of %d is %d, %t", key, v, ok)
					}
					work()
				})
			}
			took += time.Since(start)
			done++
			runtime.Gosched()
		}
		operations.Add(int64(done))
		busy.Add(int64(took))
	})
	n := max(operations.Load(), 1)
	return perSecond(int(n), elapsed), float64(busy.Load()) / float64(n), wrong.err()
}

// block is what work works on.
var block [4096]byte

// work takes some µs of a processor's time.
func work() { runtime.KeepAlive(sha256.Sum256(block[:])) }

// workTime returns how long work takes here.
func workTime() time.Duration {
	const times = 50
	start := time.Now()
	for range times {
		work()
	}
	return time.Since(start) / times
}

// A viewable map is one whose values can be worked with in place.
type viewable interface {
	readable[int, int]
	storable
	view(key int, f func(value int, ok bool))
}
