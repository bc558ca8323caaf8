package report

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strconv"

	"github.com/shardmap-go/shardmap/bench/run"
)

// scaling is the results of one workload at several numbers of processors, the smallest number first.
type scaling []*run.Result

// scalingOf returns the results of the workload at different numbers of processors, or nothing if there is only one
// number. Of several results with the same number it takes the first.
func scalingOf(f *File, workload string) scaling {
	var results scaling
	for _, r := range f.Results {
		same := func(s *run.Result) bool { return s.Procs == r.Procs }
		if r.Workload.Name == workload && !slices.ContainsFunc(results, same) {
			results = append(results, r)
		}
	}
	if len(results) < 2 {
		return nil
	}
	slices.SortStableFunc(results, func(a, b *run.Result) int { return cmp.Compare(a.Procs, b.Procs) })
	return results
}

// names returns those of all strategies that were measured at any number of processors, in the order of their rank
// at the largest.
func (s scaling) names() (names []string) {
	for _, r := range slices.Backward(s) {
		for _, one := range rank(r) {
			if !slices.Contains(names, one.Name) {
				names = append(names, one.Name)
			}
		}
	}
	return names
}

// throughputs returns those of a strategy at each number of processors, NaN where it was not measured.
func (s scaling) throughputs(name string) []run.Summary {
	summaries := make([]run.Summary, len(s))
	for i, r := range s {
		summaries[i] = run.Summarise(nil)
		for _, one := range r.Strategies {
			if one.Name == name && one.Measured() {
				summaries[i] = throughput.of(one)
			}
		}
	}
	return summaries
}

// chart returns the throughputs over the numbers of processors. Twice the processors is the same distance everywhere.
func (s scaling) chart() *panelChart {
	first, last := float64(s[0].Procs), float64(s[len(s)-1].Procs)
	axis := scale{first, last, true}
	c := &panelChart{title: "Scaling", text: figure}
	for _, r := range s {
		c.across = append(c.across, place{axis.at(float64(r.Procs)), strconv.Itoa(r.Procs)})
	}
	var all []float64
	for _, name := range s.names() {
		l := line{name: name}
		summaries := s.throughputs(name)
		for i, t := range summaries {
			l.points = append(l.points, point{c.across[i].at, t.Low, t.Median, t.High})
			all = append(all, t.Median, t.High)
		}
		if factor := speedup(summaries); finite(factor) {
			l.note = fmt.Sprintf("%s× from %d to %d", ratio(factor), s[0].Procs, s[len(s)-1].Procs)
		}
		c.lines = append(c.lines, l)
	}
	c.up = linearScale(all)
	return c
}

// speedup is the throughput with most processors in terms of that with fewest.
func speedup(summaries []run.Summary) float64 {
	if least := summaries[0].Median; least > 0 {
		return summaries[len(summaries)-1].Median / least
	}
	return math.NaN()
}
