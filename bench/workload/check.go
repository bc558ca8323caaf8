package workload

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// The limits are there to find slips of the keyboard; what is above them would not fit into a common machine's memory.
const (
	maxKeys       = 50_000_000
	maxGoroutines = 100_000
	maxLength     = 4096
	maxDuration   = Duration(time.Hour)
	maxPhases     = 100
	minCadence    = Duration(100 * time.Microsecond)
)

var (
	keyTypes      = []string{"int", "string", "namespacedName"}
	distributions = []string{"uniform", "zipf", "hotset", "sequential", "growing"}
	lifetimes     = []string{"exponential", "fixed", "uniform", "pareto"}
	values        = []string{"pointer", "int", "triple"}
)

// A fault is what is wrong with a workload, and with which of its keys.
type fault struct {
	path, sentence string
}

func faultf(path, format string, args ...any) *fault {
	return &fault{path, fmt.Sprintf(format, args...)}
}

// check returns what is wrong with a workload, or nil. It is called after complete.
func (w *Workload) check() *fault {
	checks := []func() *fault{w.Keys.check, w.Keys.checkChoice, w.Keys.checkLifetimes, w.checkPhases, w.checkTogether, w.checkCadences}
	for _, check := range checks {
		if f := check(); f != nil {
			return f
		}
	}
	switch {
	case !oneOf(w.Values, values):
		return faultf("values", "values is %q, want %s", w.Values, list(values))
	case w.Procs < 0 || w.Procs > 4096:
		return faultf("procs", "procs is %d, want 0 (all) to 4096", w.Procs)
	}
	return nil
}

func (k *Keys) check() *fault {
	atLeast := 8 // bytes in which the keys differ
	if k.Type == "namespacedName" {
		atLeast = 16
	}
	switch {
	case !oneOf(k.Type, keyTypes):
		return faultf("keys.type", "type is %q, want %s", k.Type, list(keyTypes))
	case k.Length < atLeast || k.Length > maxLength:
		return faultf("keys.length", "length is %d, want %d to %d", k.Length, atLeast, maxLength)
	case k.Number < 1 || k.Number > maxKeys:
		return faultf("keys.number", "number is %d, want 1 to %d", k.Number, maxKeys)
	case !between(*k.Filled, 0, 1):
		return faultf("keys.filled", "filled is %v, want 0 to 1", *k.Filled)
	}
	return nil
}

// checkChoice is about how operations choose among the keys.
func (k *Keys) checkChoice() *fault {
	switch {
	case !oneOf(k.Distribution, distributions):
		return faultf("keys.distribution", "distribution is %q, want %s", k.Distribution, list(distributions))
	case k.Skew != 0 && k.Distribution != "zipf":
		return faultf("keys.skew", "skew is for the distribution zipf only")
	case k.Distribution == "zipf" && (!between(k.Skew, 0, 10) || k.Skew == 0):
		return faultf("keys.skew", "skew is %v, want more than 0 and at most 10", k.Skew)
	case k.Hot != 0 && k.Distribution != "hotset":
		return faultf("keys.hot", "hot is for the distribution hotset only")
	case k.Share != 0 && k.Distribution != "hotset":
		return faultf("keys.share", "share is for the distribution hotset only")
	case k.Distribution == "hotset" && (!between(k.Hot, 0, 1) || k.Hot == 0):
		return faultf("keys.hot", "hot is %v, want more than 0 and at most 1", k.Hot)
	case !between(k.Share, 0, 1):
		return faultf("keys.share", "share is %v, want 0 to 1", k.Share)
	}
	return nil
}

func (k *Keys) checkLifetimes() *fault {
	const path = "keys.lifetimes"
	l := k.Lifetimes
	switch {
	case l == Lifetimes{}:
		return nil
	case !oneOf(l.Distribution, lifetimes):
		return faultf(path+".distribution", "distribution is %q, want %s", l.Distribution, list(lifetimes))
	case (l.Time != 0) == (l.Operations != 0):
		return faultf(path, "lifetimes want a mean: either time or operations")
	case l.Time < 0 || l.Time != 0 && l.Time < Duration(100*time.Microsecond) || l.Time > maxDuration:
		return faultf(path+".time", "time is %v, want 100µs to 1h", time.Duration(l.Time))
	case l.Operations < 0 || l.Operations > 1e12:
		return faultf(path+".operations", "operations is %d, want 1 to 1e12", l.Operations)
	case *k.Filled != 1:
		return faultf("keys.filled", "keys with lifetimes are all there at the start: leave filled out")
	case k.Distribution == "growing":
		return faultf(path, "lifetimes cannot be combined with the distribution growing")
	}
	return nil
}

func phasePath(i int) string { return "phases." + strconv.Itoa(i) }

func (w *Workload) checkPhases() *fault {
	if len(w.Phases) > maxPhases {
		return faultf("phases", "there are %d phases, want at most %d", len(w.Phases), maxPhases)
	}
	if f := w.checkPart("", Phase{Operations: w.Operations, Goroutines: w.Goroutines, Duration: w.Duration, Rate: w.Rate}); f != nil {
		return f
	}
	for i, p := range w.Phases {
		if f := w.checkPart(phasePath(i)+".", p); f != nil {
			return f
		}
	}
	return nil
}

// checkPart checks what phases have and the workload has, too. The path ends in a dot unless it is empty.
func (w *Workload) checkPart(path string, p Phase) *fault {
	m := p.Operations
	for _, op := range m.All() {
		if !between(op.Weight, 0, 1e9) {
			return faultf(path+"operations."+op.Name, "%s is %v, want 0 to 1e9", op.Name, op.Weight)
		}
	}
	switch {
	case m.total() == 0 && (path != "" || len(w.Phases) == 0):
		return faultf(path+"operations", "there are no operations: give at least one a weight above 0")
	case p.Goroutines < 0 || p.Goroutines > maxGoroutines:
		return faultf(path+"goroutines", "goroutines is %d, want 0 (twice the processors) to %d", p.Goroutines, maxGoroutines)
	case p.Duration < Duration(time.Millisecond) || p.Duration > maxDuration:
		return faultf(path+"duration", "duration is %v, want 1ms to 1h", time.Duration(p.Duration))
	case p.Rate != 0 && !between(p.Rate, 1, 1e9):
		return faultf(path+"rate", "rate is %v, want 0 (full speed), or 1 to 1e9 operations per second", p.Rate)
	case p.Rate != 0 && m.Insert > 0:
		return faultf(path+"rate", "rate cannot be combined with insert, which ends when the keys are used up")
	}
	return nil
}

// checkTogether is about operations that exclude others, or need something of the keys. The first phase needs keys
// that are there at the start; what later ones need, those before them may have inserted.
func (w *Workload) checkTogether() *fault {
	m, first, path := w.Any(), w.Parts()[0], ""
	if len(w.Phases) > 0 {
		path = phasePath(0) + "."
	}
	switch {
	case m.Increment > 0 && m.Writes():
		return faultf(path+"operations.increment", "increment cannot be combined with operations that write keys which are there: the count could not be checked")
	case m.Increment > 0 && w.Values != "int":
		return faultf("values", "increment needs values of int")
	case first.Operations.NeedsEntries() && w.Filled() < max(first.Goroutines, 1):
		return faultf("keys.filled", "%d keys are there at the start, want at least one for each goroutine", w.Filled())
	case m.Insert > 0 && w.Keys.Lifetimes != (Lifetimes{}):
		return faultf("keys.lifetimes", "lifetimes cannot be combined with insert, whose keys live for ever")
	case (m.Churn > 0 || m.Increment > 0) && w.Keys.Lifetimes != (Lifetimes{}):
		return faultf("keys.lifetimes", "lifetimes cannot be combined with churn or increment")
	case m.Insert > 0 && w.Filled() == w.Keys.Number:
		return faultf("keys.filled", "insert needs keys that are not there at the start: set filled below 1")
	case w.Keys.Distribution == "growing" && w.Filled() == w.Keys.Number:
		return faultf("keys.filled", "growing needs keys that are not there at the start: set filled below 1")
	case m.Insert+m.Increment > 0 && w.Keys.Distribution == "growing":
		return faultf("keys.distribution", "growing inserts by itself, and cannot be combined with insert or increment")
	}
	return nil
}

func (w *Workload) checkCadences() *fault {
	for _, c := range []struct {
		path  string
		every Duration
	}{{"snapshot", w.Snapshot.Every}, {"range", w.Range.Every}} {
		if c.every != 0 && (c.every < minCadence || c.every > maxDuration) {
			return faultf(c.path+".every", "every is %v, want 0s (never), or 100µs to 1h", time.Duration(c.every))
		}
	}
	return nil
}

func between(x, low, high float64) bool { return x >= low && x <= high }

func oneOf(s string, of []string) bool { return slices.Contains(of, s) }

// list returns `"a", "b" or "c"`.
func list(of []string) string {
	quoted := make([]string, len(of))
	for i, s := range of {
		quoted[i] = fmt.Sprintf("%q", s)
	}
	last := len(quoted) - 1
	return strings.Join(quoted[:last], ", ") + " or " + quoted[last]
}
