package shardmapprom

import (
	"fmt"
	"math"
	"math/bits"

	"github.com/prometheus/client_golang/prometheus"
)

// defaultSampling makes the two readings of the clock and the observation, some 200 ns together, cost 3 ns per operation.
const defaultSampling = 64

// defaultBuckets are twelve upper bounds from 50 ns, a hit in the cache, to 0.2 s, in steps of four.
var defaultBuckets = prometheus.ExponentialBuckets(50e-9, 4, 12)

type config struct {
	sampling int
	buckets  []float64
}

// An Option sets up a [Map]. See [Instrument].
type Option func(*config)

// WithSampling has the duration of one in n operations measured; the default is 64. A number that is no power of two is
// rounded up to one. 1 measures all, and 0 none. Operations on the whole map, such as Range and Snapshot, are rare and slow
// enough that all of them are measured, unless n is 0.
//
// [Instrument] panics if n is negative or more than 2³⁰.
func WithSampling(n int) Option { return func(c *config) { c.sampling = n } }

// WithBuckets sets the upper bounds, in seconds, of the classic buckets of the latency histograms, which need to be
// increasing. Without bounds there are native buckets only; there are native buckets always. The default has twelve from
// 50 ns to 0.2 s.
//
// [Instrument] panics if the bounds do not increase.
func WithBuckets(seconds ...float64) Option {
	return func(c *config) { c.buckets = append([]float64(nil), seconds...) }
}

func newConfig(options []Option) config {
	c := config{sampling: defaultSampling, buckets: defaultBuckets}
	for _, o := range options {
		o(&c)
	}
	if c.sampling < 0 || c.sampling > 1<<30 {
		panic(fmt.Sprintf("shardmapprom: WithSampling %d: must be in 0 to 2^30", c.sampling))
	}
	for i, b := range c.buckets {
		if math.IsNaN(b) || i > 0 && b <= c.buckets[i-1] {
			panic(fmt.Sprintf("shardmapprom: WithBuckets %v: bound %v is not above the one before it", c.buckets, b))
		}
	}
	return c
}

// mask returns what an operation's number is masked with, and is zero for one in n of them.
func (c config) mask() uint64 {
	if c.sampling == 0 {
		return math.MaxUint64
	}
	return 1<<bits.Len64(uint64(c.sampling-1)) - 1
}

// histogram returns the options of a latency histogram. Its name and help are those of the metric that it is shown as. A
// factor of 1.1 keeps the error of a quantile below 5 %, and 100 buckets of that factor span four decades.
func (c config) histogram() prometheus.HistogramOpts {
	return prometheus.HistogramOpts{
		Name:                           durationName,
		Help:                           durationHelp,
		Buckets:                        c.buckets,
		NativeHistogramBucketFactor:    1.1,
		NativeHistogramMaxBucketNumber: 100,
	}
}
