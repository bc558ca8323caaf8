package run

import (
	"runtime"
	"runtime/metrics"
)

// gauges are what the runtime counted between two moments, and at the first of them.
type gauges struct {
	mallocs, bytes uint64
	gcs            uint32
	gcPause        float64 // seconds
	gcMaxPause     float64 // seconds; the upper end of the interval of the runtime's histogram that it was in
	mutexWait      float64 // seconds, of all goroutines together
	pauses         *metrics.Float64Histogram
}

// readGauges reads what has been counted since the process began. The memory's counters are read last, as reading the
// others allocates.
func readGauges() gauges {
	var g gauges
	g.readMetrics()
	g.readMemory()
	return g
}

// since returns what has been counted since before. The memory's counters are read first.
func (before gauges) since() gauges {
	var g gauges
	g.readMemory()
	g.readMetrics()
	g.mallocs -= before.mallocs
	g.bytes -= before.bytes
	g.gcs -= before.gcs
	g.gcPause -= before.gcPause
	g.mutexWait -= before.mutexWait
	// The sum is exact and the longest is not, which must not make it longer than the sum.
	g.gcMaxPause = min(longest(before.pauses, g.pauses), g.gcPause)
	return g
}

func (g *gauges) readMemory() {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	g.mallocs, g.bytes = m.Mallocs, m.TotalAlloc
	g.gcs, g.gcPause = m.NumGC, float64(m.PauseTotalNs)/1e9
}

// readMetrics leaves out what the version of Go does not know.
func (g *gauges) readMetrics() {
	samples := []metrics.Sample{{Name: "/sync/mutex/wait/total:seconds"}, {Name: "/sched/pauses/total/gc:seconds"}}
	metrics.Read(samples)
	if samples[0].Value.Kind() == metrics.KindFloat64 {
		g.mutexWait = samples[0].Value.Float64()
	}
	if samples[1].Value.Kind() == metrics.KindFloat64Histogram {
		g.pauses = samples[1].Value.Float64Histogram()
	}
}

// longest returns the upper end of the highest interval that has become fuller; of the last one, which has no end, the lower.
func longest(before, after *metrics.Float64Histogram) float64 {
	if before == nil || after == nil {
		return 0
	}
	last := len(after.Counts) - 1
	for i := last; i >= 0; i-- {
		if after.Counts[i] > before.Counts[i] {
			return after.Buckets[min(i+1, last)]
		}
	}
	return 0
}

// add adds what was counted at another time.
func (g *gauges) add(more gauges) {
	g.mallocs += more.mallocs
	g.bytes += more.bytes
	g.gcs += more.gcs
	g.gcPause += more.gcPause
	g.gcMaxPause = max(g.gcMaxPause, more.gcMaxPause)
	g.mutexWait += more.mutexWait
}
