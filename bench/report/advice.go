package report

import (
	"fmt"
	"slices"
	"strings"

	"github.com/shardmap-go/shardmap/bench/run"
)

// Advice says in a few sentences what to take for the workload, and what speaks against it.
func Advice(r *run.Result) string {
	ranked := rank(r)
	if len(ranked) == 0 {
		return "Nothing was measured that could be recommended."
	}
	best := ranked[0]
	if fewestRounds(ranked) == 1 {
		return fmt.Sprintf("%s came first, but from one round nothing can be told.", best.Name)
	}
	equal, slower := []string{}, []run.Strategy{}
	for _, s := range ranked[1:] {
		if score(r, s).Overlaps(score(r, best)) {
			equal = append(equal, s.Name)
		} else {
			slower = append(slower, s)
		}
	}
	sentences := []string{"For this workload: " + best.Name + "."}
	if len(equal) > 0 {
		sentences = append(sentences, "The intervals do not tell it from "+enumerate(equal)+".")
	}
	if s := distances(r, best, slower); s != "" {
		sentences = append(sentences, s)
	}
	sentences = append(sentences, crossover(r, ranked)...)
	sentences = append(sentences, reservations(r, ranked)...)
	return strings.Join(sentences, " ")
}

// distances says how far the next strategy, sync.Map and the last one are behind.
func distances(r *run.Result, best run.Strategy, slower []run.Strategy) string {
	var parts []string
	for i, s := range slower {
		if i != 0 && i != len(slower)-1 && s.Name != "sync.Map" {
			continue
		}
		times := score(r, best).Median / score(r, s).Median
		if r.Workload.Paced() {
			times = 1 / times
		}
		parts = append(parts, fmt.Sprintf("%s %s×", s.Name, digits(times)))
	}
	if len(parts) == 0 {
		return ""
	}
	if r.Workload.Paced() {
		return "Times as long takes the P99 of: " + strings.Join(parts, ", ") + "."
	}
	return "Slower: " + strings.Join(parts, ", ") + "."
}

// reservations says what speaks against the best strategy, and against the measurement.
func reservations(r *run.Result, ranked []run.Strategy) (sentences []string) {
	best := ranked[0]
	memory := func(r run.Round) float64 { return r.BytesPerEntry }
	p99 := func(r run.Round) float64 { return float64(r.P99) }
	smallest, quickest := best, best
	var late []string
	for _, s := range ranked {
		if slices.ContainsFunc(s.Rounds, func(r run.Round) bool { return r.Late > 0 }) {
			late = append(late, s.Name)
		}
		if s.Summary(run.Round.Throughput).Median < best.Summary(run.Round.Throughput).Median/2 {
			continue // no alternative
		}
		if s.Summary(memory).Median < smallest.Summary(memory).Median {
			smallest = s
		}
		if s.Summary(p99).Median < quickest.Summary(p99).Median {
			quickest = s
		}
	}
	if a, b := smallest.Summary(memory).Median, best.Summary(memory).Median; a < 0.8*b {
		sentences = append(sentences, fmt.Sprintf("%s takes least memory, %s bytes an entry instead of %s.", smallest.Name, digits(a), digits(b)))
	}
	if a, b := quickest.Summary(p99), best.Summary(p99); a.Median < 0.8*b.Median && !a.Overlaps(b) {
		sentences = append(sentences, fmt.Sprintf("%s has the lowest P99, %s instead of %s.", quickest.Name, duration(a.Median), duration(b.Median)))
	}
	if len(late) > 0 {
		sentences = append(sentences, "Not up to the rate: "+enumerate(late)+".")
	}
	perOperation := best.Summary(columns[0].of).Median
	if r.Workload.FullSpeed() && r.Overhead > perOperation/3 {
		sentences = append(sentences, fmt.Sprintf(
			"With a map that does nothing, an operation takes %s ns instead of %s: the maps themselves differ by more than the table shows.",
			digits(r.Overhead), digits(perOperation)))
	}
	if n := fewestRounds(ranked); n < run.MinRounds {
		sentences = append(sentences, fmt.Sprintf("That is from %d rounds; it takes %d to be 95 %% sure of an interval.", n, run.MinRounds))
	}
	return sentences
}

// enumerate returns "a, b and c".
func enumerate(names []string) string {
	last := len(names) - 1
	if last == 0 {
		return names[0]
	}
	return strings.Join(names[:last], ", ") + " and " + names[last]
}
