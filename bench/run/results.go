package run

import (
	"github.com/shardmap-go/shardmap/bench/workload"
)

// A Result is what one workload did to each of the strategies.
type Result struct {
	Workload   *workload.Workload `json:"workload"`
	Goroutines int                `json:"goroutines"`         // that there really were; of the phase that had most
	Procs      int                `json:"procs"`              // GOMAXPROCS
	Seed       uint64             `json:"seed"`               // of keys, order and choices
	Isolated   bool               `json:"isolated,omitempty"` // whether each round of each strategy had a process of its own
	Overhead   float64            `json:"overhead"`           // nanoseconds of an operation that are mapbench's own: with a map that does nothing
	Strategies []Strategy         `json:"strategies"`         // in the order in which they were asked for
}

// A Strategy is what was measured of one strategy.
type Strategy struct {
	Name         string          `json:"name"`
	Excluded     string          `json:"excluded,omitempty"`     // why it was not measured at all
	Disqualified string          `json:"disqualified,omitempty"` // what it did wrong; its rounds before that are kept
	Rounds       []Round         `json:"rounds"`
	Costs        map[string]Cost `json:"costs,omitempty"` // by kind of operation, of one goroutine alone
}

// A Cost is what operations of one kind take if one goroutine does nothing else. It is measured after the rounds, in a
// few batches, so that counting disturbs no round.
type Cost struct {
	Operations int64   `json:"operations"` // that were measured
	Allocs     float64 `json:"allocs"`     // per operation
	Bytes      float64 `json:"bytes"`      // allocated per operation
	// Nanoseconds per operation: the median of the batches, the least and the greatest. Mapbench's own time is in it, so that
	// only differences between strategies mean something.
	NS     float64 `json:"ns"`
	NSLow  float64 `json:"nsLow"`
	NSHigh float64 `json:"nsHigh"`
}

// A Round is what was measured in one round. Latencies are in nanoseconds, precise to one part in a hundred.
type Round struct {
	Operations int64   `json:"operations"`
	Seconds    float64 `json:"seconds"`

	Samples int64 `json:"samples"` // operations whose latency was taken
	P50     int64 `json:"p50"`
	P99     int64 `json:"p99"`
	P999    int64 `json:"p999"`
	Max     int64 `json:"max"`
	Late    int64 `json:"late,omitempty"` // operations of the target rate that were given up, and count as if they had ended then

	Allocs        float64 `json:"allocs"`        // allocations per operation
	Bytes         float64 `json:"bytes"`         // bytes allocated per operation
	BytesPerEntry float64 `json:"bytesPerEntry"` // memory of the map at the end, without the data of keys and values
	GCs           uint32  `json:"gcs"`           // garbage collections
	GCPause       float64 `json:"gcPause"`       // seconds that they stopped everything
	GCMaxPause    float64 `json:"gcMaxPause"`    // seconds of the longest such stop, precise to a quarter
	MutexWait     float64 `json:"mutexWait"`     // the part of the goroutines' time that they waited for locks; the runtime estimates it

	Kinds  map[string]Kind `json:"kinds,omitempty"`  // by kind of operation, if there is more than one
	Views  map[string]Kind `json:"views,omitempty"`  // "snapshot" and "range": what was done at a cadence, beside the operations
	Phases []Phase         `json:"phases,omitempty"` // of a workload with phases; the above is of all of them together
}

// A Kind is what was measured of the operations of one kind in a round or a phase.
type Kind struct {
	Operations int64 `json:"operations"`
	Samples    int64 `json:"samples"`
	P50        int64 `json:"p50"`
	P99        int64 `json:"p99"`
	P999       int64 `json:"p999"`
	Max        int64 `json:"max"`
}

// A Phase is what was measured in one phase of a round.
type Phase struct {
	Name       string          `json:"name"`
	Goroutines int             `json:"goroutines"`
	Operations int64           `json:"operations"`
	Seconds    float64         `json:"seconds"`
	Samples    int64           `json:"samples"`
	P50        int64           `json:"p50"`
	P99        int64           `json:"p99"`
	P999       int64           `json:"p999"`
	Max        int64           `json:"max"`
	Late       int64           `json:"late,omitempty"`
	MutexWait  float64         `json:"mutexWait"`
	Kinds      map[string]Kind `json:"kinds,omitempty"`
	Views      map[string]Kind `json:"views,omitempty"`
}

// Throughput returns operations per second.
func (r Round) Throughput() float64 { return float64(r.Operations) / r.Seconds }

// Measured tells whether there is anything to compare.
func (s Strategy) Measured() bool {
	return s.Excluded == "" && s.Disqualified == "" && len(s.Rounds) > 0
}

// Summary returns the median, with its interval, of what of says about each round.
func (s Strategy) Summary(of func(Round) float64) Summary {
	values := make([]float64, len(s.Rounds))
	for i, r := range s.Rounds {
		values[i] = of(r)
	}
	return Summarise(values)
}
