package report

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/shardmap-go/shardmap/bench/internal/text"
	"github.com/shardmap-go/shardmap/bench/run"
	"github.com/shardmap-go/shardmap/bench/workload"
)

// describe says in a few lines what was done.
func describe(r *run.Result) string {
	w := r.Workload
	size := ""
	if w.Keys.Type != "int" {
		size = fmt.Sprintf(" of %d bytes", w.Keys.Length)
	}
	pace := ", " + speed(w.Rate)
	if len(w.Phases) > 0 {
		pace = "" // each has its own
	}
	lines := []string{fmt.Sprintf("%s %s keys%s (%s), %s values; %s on %s%s",
		text.Thousands(w.Keys.Number), w.Keys.Type, size, w.Keys.Distribution, w.Values,
		count(r.Goroutines, "goroutine"), count(r.Procs, "processor"), pace)}
	if len(w.Phases) == 0 {
		lines = append(lines, shares(w.Operations))
	}
	for i, p := range w.Phases {
		lines = append(lines, fmt.Sprintf("%s: %s; %s%s", phaseName(p.Name, i), shares(p.Operations), goroutinesOf(p), speed(p.Rate)))
	}
	if also := beside(w); also != "" {
		lines = append(lines, also)
	}
	return strings.Join(lines, "\n")
}

// phaseName returns the name of a phase, or its number.
func phaseName(name string, i int) string {
	if name != "" {
		return name
	}
	return "phase " + strconv.Itoa(i+1)
}

func goroutinesOf(p workload.Phase) string {
	if p.Goroutines == 0 {
		return ""
	}
	return count(p.Goroutines, "goroutine") + ", "
}

func speed(rate float64) string {
	if rate > 0 {
		return text.Thousands(int(rate)) + " operations per second"
	}
	return "at full speed"
}

// shares returns the operations of a mix in percent, the most frequent first.
func shares(m workload.Mix) string {
	weights := m.Weights()
	names := slices.SortedFunc(maps.Keys(weights), func(a, b string) int {
		return cmp.Or(cmp.Compare(weights[b], weights[a]), strings.Compare(a, b))
	})
	total := 0.0
	for _, weight := range weights {
		total += weight
	}
	for i, name := range names {
		names[i] = fmt.Sprintf("%s %.3g %%", name, 100*weights[name]/total)
	}
	return strings.Join(names, ", ")
}

// beside says what happens besides the operations.
func beside(w *workload.Workload) string {
	var parts []string
	switch l := w.Keys.Lifetimes; {
	case l.Time > 0:
		parts = append(parts, fmt.Sprintf("each key is replaced by a new one after %v on average (%s)", time.Duration(l.Time), l.Distribution))
	case l.Operations > 0:
		parts = append(parts, fmt.Sprintf("each key is replaced by a new one after %s operations on average (%s)", text.Thousands(l.Operations), l.Distribution))
	}
	if w.Snapshot.Every > 0 {
		parts = append(parts, fmt.Sprintf("a snapshot every %v", time.Duration(w.Snapshot.Every)))
	}
	if w.Range.Every > 0 {
		parts = append(parts, fmt.Sprintf("a walk over the live map every %v", time.Duration(w.Range.Every)))
	}
	return strings.Join(parts, "; ")
}
