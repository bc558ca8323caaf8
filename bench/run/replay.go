package run

import (
	"context"
	"fmt"
	"math"
	"runtime"
	"time"

	"github.com/shardmap-go/shardmap/bench/internal/data"
	"github.com/shardmap-go/shardmap/bench/strategy"
	"github.com/shardmap-go/shardmap/bench/trace"
	"github.com/shardmap-go/shardmap/bench/workload"
)

// A Replay is a recorded trace that is ready to be done to strategies. It never changes once made.
type Replay struct {
	name   string
	header trace.Header
	tracks []replayTrack
	keys   []keyPlan // by number, in the order in which they first occur

	starts         int // keys that are there at the start
	operations     int
	lost           uint64
	contradictions int
	length         time.Duration
	mix            workload.Mix // how many operations of which kind

	// While planning:
	single  bool // there is one track only
	entries int  // that there are at this step, if so
}

// A playback is a replay at a speed.
type playback struct {
	*Replay
	speed float64       // times as fast as recorded; 0 for full speed
	limit time.Duration // of a round; a map that takes longer is given up
}

// A map that takes long beside what was recorded is out of the question, and so is waiting for it, in each round.
const (
	leastLimit = 10 * time.Second // chosen by hand
	limitTimes = 3                // as long as at the recorded, or chosen, speed
)

// Run does the trace to the strategies, round by round as [Run] does a workload: each round has a new map, with the keys that
// were there when the recording began. A speed of 1 begins every operation when it began in the recording, and counts its latency
// from then, as workloads with a rate do, 2 twice as soon; 0 is full speed. In each track, operations are done in the
// order in which they were recorded. A round is the whole trace, whatever o.Duration says; o.Isolate does not count either. The
// check that ends a round is as thorough as can be, which the comment in replay_plan.go spells out. Run panics if the
// speed is negative or not a number.
func (p *Replay) Run(ctx context.Context, strategies []strategy.Strategy, speed float64, o Options) *Result {
	if !(speed >= 0) || math.IsInf(speed, 1) {
		panic(fmt.Sprintf("run: Replay.Run: speed %v: want 0 for full speed, or more", speed))
	}
	w := p.workload(speed)
	o.Duration, o.Isolate = 0, nil
	o.complete(w)
	limit := max(leastLimit, limitTimes*time.Duration(w.Duration))
	o.Patience += limit
	o.traced.replay = &playback{p, speed, limit}
	result := &Result{Workload: w, Goroutines: len(p.tracks), Procs: o.Procs, Seed: o.Seed}
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(o.Procs))
	start := starter{ctx: ctx, strategies: strategies, Options: o}
	start.start(result)
	return result
}

// workload describes the trace in the terms of workloads, for reports.
func (p *Replay) workload(speed float64) *workload.Workload {
	filled := float64(p.starts) / float64(max(1, len(p.keys)))
	w := &workload.Workload{
		Name: p.name, About: p.about(),
		Keys: workload.Keys{
			Type: p.header.Keys, Length: p.meanLength(), Number: max(1, len(p.keys)), Filled: &filled, Distribution: "as recorded",
		},
		Values: p.header.Values, Operations: p.mix, Goroutines: len(p.tracks),
		Duration: workload.Duration(max(p.length, time.Millisecond)),
	}
	if speed > 0 {
		seconds := max(p.length.Seconds(), 1e-3) / speed
		w.Rate = float64(p.operations) / seconds
		w.Duration = workload.Duration(max(time.Duration(seconds*1e9), time.Millisecond))
	}
	return w
}

// about says in one line what the trace is.
func (p *Replay) about() string {
	text := fmt.Sprintf("trace of %d operations in %v", p.operations, p.length.Round(time.Microsecond))
	if p.header.Sample > 1 {
		text += fmt.Sprintf(", a sample of one in %d keys", p.header.Sample)
	}
	if p.lost > 0 {
		text += fmt.Sprintf(", %d were lost", p.lost)
	}
	if p.contradictions > 0 {
		text += fmt.Sprintf("; %d outcomes contradict the rest, as if not everything was recorded", p.contradictions)
	}
	return text
}

func (p *Replay) meanLength() int {
	sum := uint64(0)
	for _, k := range p.keys {
		sum += uint64(k.length)
	}
	return int(sum / uint64(max(1, len(p.keys))))
}

// The least that makes different keys of different numbers, and the most that workloads allow.
const (
	leastString         = data.Tail
	leastNamespacedName = 2 * data.Tail
	longestKey          = 4096
)

// keyLength returns the length that the replay gives a key.
func (p *Replay) keyLength(k keyPlan) int {
	least := leastString
	if p.header.Keys == "namespacedName" {
		least = leastNamespacedName
	}
	return min(max(int(k.length), least), longestKey)
}
