package cli

import (
	"math"
	"time"

	"github.com/shardmap-go/shardmap/bench/trace"
	"github.com/shardmap-go/shardmap/bench/workload"
)

// suggest returns a workload that resembles a trace: as many keys, of the same length, chosen as unevenly, and the same
// mix of operations, as far as workloads have them. What it cannot have is the order of things: a trace that fills a map and
// then reads it becomes a workload that does both at once.
func suggest(s *trace.Summary, name string) *workload.Workload {
	w := &workload.Workload{
		Name: name, About: "resembles a trace", Keys: suggestKeys(s), Operations: suggestMix(s),
		Values: s.Header.Values, Goroutines: min(s.Goroutines, 100_000), Duration: workload.Duration(100 * time.Millisecond),
	}
	if s.Goroutines < s.Tracks {
		w.Goroutines = 0 // nobody knows how many there were
	}
	w.Keys.Number = max(w.Keys.Number, w.Goroutines)
	filled := 1.0
	switch m := w.Operations; {
	case m.Increment > 0:
		w.Values = "int"
	case m.Insert > 0:
		filled = 0
	}
	w.Keys.Filled = &filled
	return w
}

func suggestKeys(s *trace.Summary) workload.Keys {
	k := workload.Keys{
		Type: s.Header.Keys, Length: min(max(int(s.Median), 8), 4096), Number: min(max(s.Peak, 1), 50_000_000),
		Distribution: "uniform",
	}
	if k.Type == "namespacedName" {
		k.Length = max(k.Length, 16)
	}
	// Below that, keys are as good as chosen evenly.
	if skew := math.Round(100*s.Skew(max(k.Number, s.Used))) / 100; skew >= 0.2 {
		k.Distribution, k.Skew = "zipf", skew
	}
	return k
}

// suggestMix returns how often each operation happens in a workload that does about the same.
func suggestMix(s *trace.Summary) workload.Mix {
	var m workload.Mix
	counted := 0 // stores of keys that were there, and of those that were not
	atomic := 0  // of these, by Compute
	for _, k := range s.Kinds {
		n := float64(k.Operations - k.Stored - k.Deleted)
		switch k.Kind {
		case trace.Range, trace.Len:
			m.Range += n
		case trace.LoadOrStore, trace.LoadOrCompute:
			m.LoadOrStore += float64(k.Found)
		case trace.Clear:
		default: // what neither stored nor deleted was a lookup
			found := 0.0
			if k.Told > 0 {
				found = min(n, float64(k.Found))
			}
			if k.Kind == trace.Compute {
				found = n
			}
			m.Load += found
			m.Miss += n - found
		}
		counted += k.Stored
		if k.Kind == trace.Compute {
			atomic += k.Stored
		}
	}
	churn := min(s.Inserts, s.Removals)
	m.Churn = float64(churn)
	switch stores := float64(counted - churn); {
	case s.Inserts == s.Operations:
		m.Churn, m.Insert = 0, 1
	case atomic > 0 && atomic == counted && churn == 0:
		m.LoadOrStore, m.Increment = 0, stores
	default:
		m.Store = stores
	}
	return rounded(m)
}

// rounded returns the mix in parts of a hundred, to two places behind the point, so that a person can read it.
func rounded(m workload.Mix) workload.Mix {
	total := 0.0
	for _, op := range m.All() {
		total += op.Weight
	}
	if total == 0 {
		return workload.Mix{Miss: 100} // all that there was is a Clear
	}
	for _, weight := range []*float64{&m.Load, &m.Miss, &m.Store, &m.LoadOrStore, &m.Churn, &m.Insert, &m.Increment, &m.Range} {
		*weight = math.Round(10_000**weight/total) / 100
	}
	return m
}
