package report

import (
	"fmt"
	"slices"

	"github.com/shardmap-go/shardmap/bench/run"
)

// The measures below are of parts of a round: kinds of operations, views of the whole map, phases. A round that does not
// have the part does not count; where none has it, the measure is NaN.

// only returns the strategy with the rounds that fulfil the condition.
func only(s run.Strategy, condition func(run.Round) bool) run.Strategy {
	s.Rounds = slices.DeleteFunc(slices.Clone(s.Rounds), func(r run.Round) bool { return !condition(r) })
	return s
}

// namesIn returns the keys that the maps of any round have, in order.
func namesIn(strategies []run.Strategy, of func(run.Round) map[string]run.Kind) (names []string) {
	for _, s := range strategies {
		for _, r := range s.Rounds {
			for name := range of(r) {
				names = append(names, name)
			}
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// kindMeasures returns the percentiles of one kind of operation, or of one kind of view.
func kindMeasures(name string, of func(run.Round) map[string]run.Kind) (p50, p99 measure) {
	percentile := func(head, key string, fewest int64, latencyOf func(run.Kind) int64) measure {
		return measure{name + "-" + key, name + " " + head, name, head, func(s run.Strategy) run.Summary {
			s = only(s, func(r run.Round) bool { return of(r)[name].Samples >= fewest })
			return s.Summary(func(r run.Round) float64 { return float64(latencyOf(of(r)[name])) })
		}, latency}
	}
	return percentile("P50", "p50", 2, func(k run.Kind) int64 { return k.P50 }),
		percentile("P99", "p99", 100, func(k run.Kind) int64 { return k.P99 })
}

func kinds(r run.Round) map[string]run.Kind { return r.Kinds }
func views(r run.Round) map[string]run.Kind { return r.Views }

// kindsExhibit shows the latencies of each kind, of operations or views. There is nothing to show if there are no kinds.
func kindsExhibit(heading, note string, ranked []run.Strategy, id string, of func(run.Round) map[string]run.Kind) (e exhibit, ok bool) {
	var columns, charts []measure
	for _, name := range namesIn(ranked, of) {
		p50, p99 := kindMeasures(name, of)
		columns = append(columns, p50, p99)
		if chart := bars(p99, ranked); chart.flat() {
			charts = append(charts, p50) // too few for a P99
		} else {
			charts = append(charts, p99)
		}
	}
	return severalBars(heading, note, ranked, id, charts, columns), len(columns) > 0
}

// phasesOf returns the phases of the first round that has some.
func phasesOf(strategies []run.Strategy) []run.Phase {
	for _, s := range strategies {
		for _, r := range s.Rounds {
			if len(r.Phases) > 0 {
				return r.Phases
			}
		}
	}
	return nil
}

// phaseMeasures returns the throughput and P99 of the i-th phase.
func phaseMeasures(i int, name string) (mops, p99 measure) {
	title := phaseName(name, i)
	key := fmt.Sprintf("phase-%d-", i+1)
	mops = measure{key + "mops", title + " Mop/s", title, "Mop/s", func(s run.Strategy) run.Summary {
		s = only(s, func(r run.Round) bool { return i < len(r.Phases) })
		return s.Summary(func(r run.Round) float64 { return float64(r.Phases[i].Operations) / r.Phases[i].Seconds / 1e6 })
	}, figure}
	p99 = measure{key + "p99", title + " P99", title, "P99", func(s run.Strategy) run.Summary {
		s = only(s, func(r run.Round) bool { return i < len(r.Phases) && r.Phases[i].Samples >= 100 })
		return s.Summary(func(r run.Round) float64 { return float64(r.Phases[i].P99) })
	}, latency}
	return mops, p99
}

// phasesExhibit shows the throughput of each phase.
func phasesExhibit(ranked []run.Strategy, id string) (e exhibit, ok bool) {
	var columns, charts []measure
	phases := phasesOf(ranked)
	for i, phase := range phases {
		mops, p99 := phaseMeasures(i, phase.Name)
		columns, charts = append(columns, mops, p99), append(charts, mops)
	}
	const note = "Millions of operations per second in each phase; the medians of the rounds."
	return severalBars("Phases", note, ranked, id, charts, columns), len(phases) > 0
}

// costsExhibit shows what operations of one kind take if one goroutine does nothing else.
func costsExhibit(ranked []run.Strategy, id string) (e exhibit, ok bool) {
	var names []string
	for _, s := range ranked {
		for name := range s.Costs {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	names = slices.Compact(names)
	var columns, charts []measure
	for _, name := range names {
		cost := func(key, head string, of func(run.Cost) float64, text func(float64) string) measure {
			return measure{"cost-" + name + "-" + key, name + " " + head, name, head, func(s run.Strategy) run.Summary {
				c, ok := s.Costs[name]
				if !ok {
					return run.Summarise(nil)
				}
				return run.Summarise([]float64{of(c)})
			}, text}
		}
		ns := cost("ns", "time", func(c run.Cost) float64 { return c.NS }, shortLatency)
		allocs := cost("allocs", "allocs", func(c run.Cost) float64 { return c.Allocs }, figure)
		bytes := cost("bytes", "B", func(c run.Cost) float64 { return c.Bytes }, figure)
		charts, columns = append(charts, ns), append(columns, ns, allocs, bytes)
	}
	const note = "Operations of one kind by one goroutine that does nothing else: time, allocations and bytes allocated for each. " +
		"Mapbench’s own time is included, so that only the differences between strategies mean something."
	return severalBars("One goroutine alone", note, ranked, id, charts, columns), len(names) > 0
}
