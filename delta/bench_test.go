package delta_test

import (
	"fmt"
	"maps"
	"testing"

	"github.com/shardmap-go/shardmap"
	"github.com/shardmap-go/shardmap/delta"
)

// What 10,000 resources of which 1 % change cost whoever has to find out what changed, and whoever changes them. The
// alternatives: to copy the whole map and to compare the copy with the last one, which is what servers do that have no
// revisions; and to keep a snapshot and Diff it.

const (
	benchResources = 10_000
	benchChurn     = benchResources / 100
)

type resource struct{ name, version string }

// spread steps through all resources, so that the churn of each round is all over the map.
func spread(round, i int) int { return (round*benchChurn + i) * 7919 % benchResources }

func benchName(i int) string { return fmt.Sprintf("cluster-%05d.default.svc.cluster.local", i) }

func benchBatch(round int) *delta.Batch[string, *resource] {
	var b delta.Batch[string, *resource]
	for i := range benchChurn {
		name := benchName(spread(round, i))
		b.Store(name, &resource{name, fmt.Sprint(round)})
	}
	return &b
}

func benchContent() map[string]*resource {
	m := map[string]*resource{}
	for i := range benchResources {
		m[benchName(i)] = &resource{benchName(i), "0"}
	}
	return m
}

var sink int

func BenchmarkChanges(b *testing.B) {
	s := delta.New[string, *resource](delta.WithHistory(benchResources, benchResources), delta.WithEqual(same[*resource]))
	s.Replace(maps.All(benchContent()))
	before, revision := s.Snapshot()
	copied := before.ToMap()
	s.Update(benchBatch(1))
	after, _ := s.Snapshot()

	name := func(impl string) string {
		return fmt.Sprintf("impl=%s/n=%d/changed=%d", impl, benchResources, benchChurn)
	}
	check := func(b *testing.B, n int) {
		if n != benchChurn {
			b.Fatalf("%d changes, want %d", n, benchChurn)
		}
	}
	b.Run(name("since"), func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			check(b, len(s.Since(revision).Changes))
		}
	})
	b.Run(name("diff"), func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			n := 0
			for range after.Diff(before) {
				n++
			}
			check(b, n)
		}
	})
	b.Run(name("copy"), func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			n := 0
			now := after.ToMap()
			for key, value := range now {
				if copied[key] != value {
					n++
				}
			}
			for key := range copied {
				if _, ok := now[key]; !ok {
					n++
				}
			}
			check(b, n)
		}
	})
}

func BenchmarkCommit(b *testing.B) {
	for _, n := range []int{1, benchChurn} {
		b.Run(fmt.Sprintf("impl=delta/n=%d/batch=%d", benchResources, n), func(b *testing.B) {
			var s delta.Set[string, *resource]
			s.Replace(maps.All(benchContent()))
			batches := batchesOf(n)
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				s.Update(batches[i%len(batches)])
			}
		})
		b.Run(fmt.Sprintf("impl=map/n=%d/batch=%d", benchResources, n), func(b *testing.B) {
			var m shardmap.Map[string, *resource]
			m.Replace(maps.All(benchContent()))
			names := namesOf(n)
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				for _, name := range names[i%len(names)] {
					m.Store(name, &resource{name, "1"})
				}
			}
		})
	}
}

func namesOf(n int) (names [][]string) {
	for round := range 100 {
		var batch []string
		for i := range n {
			batch = append(batch, benchName(spread(round, i)))
		}
		names = append(names, batch)
	}
	return names
}

func batchesOf(n int) (batches []*delta.Batch[string, *resource]) {
	for _, names := range namesOf(n) {
		var batch delta.Batch[string, *resource]
		for _, name := range names {
			batch.Store(name, &resource{name, "1"})
		}
		batches = append(batches, &batch)
	}
	return batches
}

func BenchmarkLoad(b *testing.B) {
	var s delta.Set[string, *resource]
	s.Replace(maps.All(benchContent()))
	var m shardmap.Map[string, *resource]
	m.Replace(maps.All(benchContent()))
	names := make([]string, benchResources)
	for i := range names {
		names[i] = benchName(spread(0, i))
	}
	b.Run("impl=delta", func(b *testing.B) {
		for i := 0; b.Loop(); i++ {
			if _, ok := s.Load(names[i%len(names)]); ok {
				sink++
			}
		}
	})
	b.Run("impl=map", func(b *testing.B) {
		for i := 0; b.Loop(); i++ {
			if _, ok := m.Load(names[i%len(names)]); ok {
				sink++
			}
		}
	})
}
