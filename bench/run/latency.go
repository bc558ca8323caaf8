package run

import (
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
)

const (
	longestLatency = int64(10 * time.Minute)
	latencyDigits  = 2     // one part in a hundred, in 30 KB
	latencySets    = 64    // histograms that goroutines share if there are more of them
	sleepSlack     = 300e3 // nanoseconds by which a sleep may be late
	longestSleep   = 10e6  // nanoseconds until a sleeper looks whether it should stop
)

// latencies is a histogram that goroutines can share.
type latencies struct {
	mu   sync.Mutex
	hist *hdrhistogram.Histogram
}

func newLatencies() *latencies {
	return &latencies{hist: hdrhistogram.New(1, longestLatency, latencyDigits)}
}

func (l *latencies) add(d time.Duration) {
	ns := min(max(int64(d), 1), longestLatency)
	l.mu.Lock()
	_ = l.hist.RecordValue(ns) // fails only for values out of the range
	l.mu.Unlock()
}

// waitUntil returns at the given time, or when stop is set. It sleeps most of the time and yields in the end, as a sleep
// can take longer than it should.
func waitUntil(at time.Time, stop *atomic.Bool) {
	for !stop.Load() {
		switch left := time.Until(at); {
		case left <= 0:
			return
		case left > sleepSlack:
			time.Sleep(min(left-sleepSlack, longestSleep))
		default:
			runtime.Gosched()
		}
	}
}
