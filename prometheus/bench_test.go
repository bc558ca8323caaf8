package shardmapprom

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/shardmap-go/shardmap"
)

var sink *int

// BenchmarkHit measures hits with and without the wrapper in turns of 4096, so that a noisy machine is noisy to both, and
// reports the medians of the turns and their ratio.
func BenchmarkHit(b *testing.B) {
	for _, n := range []int{1000, 100_000} {
		ints, names := make([]int, n), make([]string, n)
		for i := range n {
			ints[i], names[i] = i, fmt.Sprintf("namespace-%d/name-%d", i%10, i)
		}
		for _, sampling := range []int{0, 64} {
			setting := fmt.Sprintf("n=%d/sampling=%d", n, sampling)
			b.Run("keys=int/"+setting, func(b *testing.B) { benchmarkHit(b, ints, sampling) })
			b.Run("keys=string/"+setting, func(b *testing.B) { benchmarkHit(b, names, sampling) })
		}
	}
}

func benchmarkHit[K comparable](b *testing.B, keys []K, sampling int) {
	bare := new(shardmap.Map[K, *int])
	for _, key := range keys {
		bare.Store(key, new(int))
	}
	wrapped := Instrument(bare, WithSampling(sampling))
	rand.Shuffle(len(keys), func(i, j int) { keys[i], keys[j] = keys[j], keys[i] })
	const turn = 4096
	var spent [2][]float64 // ns per hit, bare and wrapped
	measure := func(which int, load func(K) (*int, bool)) {
		from := rand.IntN(len(keys))
		start := time.Now()
		for i := range turn {
			sink, _ = load(keys[(from+i)%len(keys)])
		}
		spent[which] = append(spent[which], float64(time.Since(start).Nanoseconds())/turn)
	}
	for turns := 0; b.Loop(); turns++ {
		if turns%2 == 0 {
			measure(0, bare.Load)
			measure(1, wrapped.Load)
		} else {
			measure(1, wrapped.Load)
			measure(0, bare.Load)
		}
	}
	slices.Sort(spent[0])
	slices.Sort(spent[1])
	bareTime, wrappedTime := spent[0][len(spent[0])/2], spent[1][len(spent[1])/2]
	b.ReportMetric(bareTime, "bare-ns/hit")
	b.ReportMetric(wrappedTime, "wrapped-ns/hit")
	b.ReportMetric(wrappedTime/bareTime, "ratio")
	b.ReportMetric(0, "ns/op")
}

func BenchmarkScrape(b *testing.B) {
	_, registry := registered(b, exercised())
	b.ReportAllocs()
	for b.Loop() {
		if _, err := registry.Gather(); err != nil {
			b.Fatal(err)
		}
	}
}
