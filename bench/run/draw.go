package run

import (
	"math"
	"math/rand/v2"
	"sort"

	"github.com/shardmap-go/shardmap/bench/workload"
)

// What an operation does to which key is decided by one random number of 64 bits, because deciding takes time
// that is measured along: the lowest bits choose the operation, the next ones whether its latency is taken, and the upper
// half chooses the key. Distributions that take long to compute are computed in advance.

// An operation is one of the kinds of [workload.Mix], in the order of its fields.
type operation uint8

const (
	load operation = iota
	miss
	store
	loadOrStore
	churn
	insert
	increment
	walk
	remove
	loadAndDelete
	swap
	compareAndSwap

	kinds = int(compareAndSwap) + 1
)

// names returns what the operations are called in files.
func names() (names [kinds]string) {
	for i, op := range (workload.Mix{}).All() {
		names[i] = op.Name
	}
	return names
}

const (
	operationBits = 27
	sampleMask    = (1<<5 - 1) << operationBits // one of 32, unless operations are slow
	slow          = 100_000                     // operations per second below which the latency of each is taken
)

// A chooser chooses operations: the first one whose limit is above the lowest bits of a random number.
type chooser struct {
	operations []operation
	limits     []uint64
}

func newChooser(m workload.Mix) chooser {
	var c chooser
	type choice struct {
		op     operation
		weight float64
	}
	var all []choice
	for i, op := range m.All() {
		all = append(all, choice{operation(i), op.Weight})
	}
	sort.SliceStable(all, func(i, j int) bool { return all[i].weight > all[j].weight })
	total, sum := 0.0, 0.0
	for _, a := range all {
		total += a.weight
	}
	for _, a := range all {
		if a.weight == 0 {
			break
		}
		sum += a.weight
		c.operations = append(c.operations, a.op)
		c.limits = append(c.limits, uint64(math.Ceil(sum/total*(1<<operationBits))))
	}
	c.limits[len(c.limits)-1] = 1 << operationBits
	return c
}

func (c *chooser) choose(random uint64) operation {
	low := random & (1<<operationBits - 1)
	i := 0
	for low >= c.limits[i] {
		i++
	}
	return c.operations[i]
}

// A random is the generator SplitMix64: small, fast, and good enough to choose keys with.
type random uint64

func (r *random) next() uint64 {
	*r += 0x9E3779B97F4A7C15
	z := uint64(*r)
	z = (z ^ z>>30) * 0xBF58476D1CE4E5B9
	z = (z ^ z>>27) * 0x94D049BB133111EB
	return z ^ z>>31
}

// drawsLen is how many choices are computed in advance; goroutines go round in them from different places.
const drawsLen = 1 << 20

// draws returns choices among n keys for the distributions that take long to compute, and nil for the others.
func draws(k workload.Keys, n int, rng *rand.Rand) []uint32 {
	var draw func() uint32
	switch {
	case n == 0:
		return nil
	case k.Distribution == "zipf":
		sums := make([]float64, n)
		sum := 0.0
		for i := range sums {
			sum += math.Pow(float64(i+1), -k.Skew)
			sums[i] = sum
		}
		draw = func() uint32 { return uint32(sort.SearchFloat64s(sums, rng.Float64()*sum)) }
	case k.Distribution == "hotset":
		hot := max(1, int(float64(n)*k.Hot))
		draw = func() uint32 {
			if rng.Float64() < k.Share || hot == n {
				return uint32(rng.IntN(hot))
			}
			return uint32(hot + rng.IntN(n-hot))
		}
	default: // growing, too: its choice is among those there so far
		return nil
	}
	all := make([]uint32, drawsLen)
	for i := range all {
		all[i] = min(draw(), uint32(n-1))
	}
	return all
}
