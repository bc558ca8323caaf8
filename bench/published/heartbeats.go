package published

import (
	"context"
	"fmt"
	"iter"
	"runtime/metrics"
	"slices"
	"sync"
	"time"

	"github.com/shardmap-go/shardmap"
	"github.com/shardmap-go/shardmap/bench/internal/text"
	"github.com/shardmap-go/shardmap/bench/strategy"
)

// A heartbeatLoad is devices that report at a fixed rate, each by a goroutine of its own, as a server has for each
// request; and a monitor that looks at all of them again and again.
type heartbeatLoad struct {
	devices, beats int
	rate           float64       // beats per second
	pause          time.Duration // of the monitor
}

func prepareHeartbeats(quick bool) (string, []contestant) {
	l := heartbeatLoad{devices: 470_000, beats: 6_000, rate: 8_000, pause: 10 * time.Millisecond}
	if quick {
		l = heartbeatLoad{devices: 300, beats: 40, rate: 8_000, pause: time.Millisecond}
	}
	return fmt.Sprintf("%s devices, %s heart-beats at %s/s; a monitor walks over all devices, with pauses of %v",
			text.Thousands(l.devices), text.Thousands(l.beats), digits(l.rate), l.pause),
		[]contestant{
			with("1 shard", l.measure, "RWMutex"), with("16 shards", l.measure, "RWMutex:16"), with("64 shards", l.measure, "RWMutex:64"),
			with("Map", l.measure, "Map"), with("sync.Map", l.measure, "sync.Map"),
		}
}

func (l heartbeatLoad) measure(ctx context.Context, newMap func() intMap) (Sample, error) {
	m := newMap()
	fill(m, initial(l.devices))
	var wrong fault
	monitor, stop := context.WithCancel(ctx)
	var monitoring sync.WaitGroup
	monitoring.Go(func() { l.monitor(monitor, m, &wrong) })
	versions := make([]int, l.devices)
	waited := lockWait()
	latencies := l.beat(ctx, m, versions)
	waited = lockWait() - waited
	stop()
	monitoring.Wait()
	if err := wrong.err(); err != nil {
		return nil, err
	}
	total := time.Duration(0)
	for _, took := range latencies {
		total += took
	}
	slices.Sort(latencies)
	return Sample{
		"average":      milliseconds(total) / float64(len(latencies)),
		"P99":          milliseconds(latencies[len(latencies)*99/100]),
		"lock waiting": 100 * waited / total.Seconds(),
	}, expect(m, current(versions))
}

// beat lets the devices report, in an order in which neighbours have nothing to do with each other, and returns how
// long each report took. It counts from when the report's goroutine was started, which waits for nobody.
func (l heartbeatLoad) beat(ctx context.Context, m intMap, versions []int) []time.Duration {
	latencies := make([]time.Duration, l.beats)
	var all sync.WaitGroup
	begin := time.Now()
	for n := 0; n < l.beats && ctx.Err() == nil; time.Sleep(time.Millisecond) {
		due := min(int(time.Since(begin).Seconds()*l.rate), l.beats)
		for ; n < due; n++ {
			device := n * 7919 % l.devices // 7919 is a prime: each device once before any reports again
			versions[device]++
			beat, version, start := n, versions[device], time.Now()
			all.Go(func() {
				m.Store(device, value(device, version))
				latencies[beat] = time.Since(start)
			})
		}
	}
	all.Wait()
	return latencies
}

// monitor walks over all devices until ctx is cancelled.
func (l heartbeatLoad) monitor(ctx context.Context, m intMap, wrong *fault) {
	for ctx.Err() == nil {
		seen := 0
		for device, v := range whole(m) {
			if keyOf(v) != device {
				wrong.report("the monitor saw the value %d for the key %d", v, device)
			}
			seen++
		}
		if seen != l.devices {
			wrong.report("the monitor saw %d devices, want %d", seen, l.devices)
		}
		select {
		case <-ctx.Done():
		case <-time.After(l.pause):
		}
	}
}

// lockWait returns the seconds that goroutines have waited for locks since the process began, as the runtime
// estimates from one goroutine in eight.
func lockWait() float64 {
	sample := []metrics.Sample{{Name: "/sync/mutex/wait/total:seconds"}}
	metrics.Read(sample)
	return sample[0].Value.Float64()
}

// whole returns an iterator over all entries: of a snapshot if the map has them, and else of the map while it changes.
func whole[K, V comparable](m strategy.Map[K, V]) iter.Seq2[K, V] {
	if s, ok := m.(interface {
		Snapshot() *shardmap.Snapshot[K, V]
	}); ok {
		return s.Snapshot().All()
	}
	return m.Range
}
