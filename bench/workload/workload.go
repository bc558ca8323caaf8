// Package workload describes what mapbench does to a map: small JSON files that say which keys there are and what is
// done with them. The README has the reference of the files.
package workload

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"
)

// A Workload says what is done to a map. [Parse] makes one out of a file, with the defaults filled in and everything
// checked.
type Workload struct {
	Name       string   `json:"name"`       // for the report; without a name it is that of the file
	About      string   `json:"about"`      // one line for a person
	Keys       Keys     `json:"keys"`       // which there are
	Values     string   `json:"values"`     // "pointer", "int" or "triple"
	Operations Mix      `json:"operations"` // how often each happens, relative to the others
	Goroutines int      `json:"goroutines"` // 0 for twice as many as there are processors
	Procs      int      `json:"procs"`      // GOMAXPROCS during the run, 0 for all
	Duration   Duration `json:"duration"`   // of one round of one strategy
	Rate       float64  `json:"rate"`       // operations per second to start, by all goroutines together; 0 for full speed
}

// Keys says which keys there are and which of them operations choose.
type Keys struct {
	Type         string   `json:"type"`         // "int", "string" or "namespacedName"
	Length       int      `json:"length"`       // of a string in bytes; of a namespacedName, both strings together
	Number       int      `json:"number"`       // of different keys
	Filled       *float64 `json:"filled"`       // the part of the keys that is there at the start, 0 to 1
	Distribution string   `json:"distribution"` // "uniform", "zipf", "hotset" or "sequential"
	Skew         float64  `json:"skew"`         // of zipf: the key of rank r is chosen in proportion to 1/r^skew
	Hot          float64  `json:"hot"`          // of hotset: the part of the keys that is hot
	Share        float64  `json:"share"`        // of hotset: the part of the operations that go there
}

// Mix is how often each operation happens, relative to the others.
type Mix struct {
	Load        float64 `json:"load"`        // a load of a key that is there
	Miss        float64 `json:"miss"`        // a load of a key that never is
	Store       float64 `json:"store"`       // a store of a key that is there
	LoadOrStore float64 `json:"loadOrStore"` // a LoadOrStore of a key that is there
	Churn       float64 `json:"churn"`       // a deletion of one key and an insertion of another in its place
	Insert      float64 `json:"insert"`      // a store of a key that is not there yet
	Increment   float64 `json:"increment"`   // an atomic addition of 1 to the value of a key
	Range       float64 `json:"range"`       // a walk over all entries
}

// Duration is a [time.Duration] that is written like "500ms".
type Duration time.Duration

// MarshalText writes d as [time.Duration.String] does.
func (d Duration) MarshalText() ([]byte, error) { return []byte(time.Duration(d).String()), nil }

// UnmarshalText reads what [time.ParseDuration] does.
func (d *Duration) UnmarshalText(text []byte) error {
	parsed, err := time.ParseDuration(string(text))
	*d = Duration(parsed)
	return err
}

// The limits are there to find slips of the keyboard; what is above them would not fit into a common machine's memory.
const (
	maxKeys       = 50_000_000
	maxGoroutines = 100_000
	maxLength     = 4096
	maxDuration   = Duration(time.Hour)
)

// Filled returns how many of the keys are there at the start.
func (w *Workload) Filled() int {
	return int(float64(w.Keys.Number)**w.Keys.Filled + 0.5)
}

// Writes tells whether operations change or insert entries of which a goroutine remembers what they must be.
func (m Mix) Writes() bool { return m.Store+m.LoadOrStore+m.Churn > 0 }

func (m Mix) total() float64 {
	return m.Load + m.Miss + m.Store + m.LoadOrStore + m.Churn + m.Insert + m.Increment + m.Range
}

// complete fills in what the file left out. The keys that it has are given by their paths.
func (w *Workload) complete(given map[string]int) {
	k := &w.Keys
	setDefault(given, "keys.type", &k.Type, "string")
	setDefault(given, "keys.length", &k.Length, 24)
	setDefault(given, "keys.number", &k.Number, 100_000)
	setDefault(given, "keys.distribution", &k.Distribution, "uniform")
	setDefault(given, "duration", &w.Duration, Duration(100*time.Millisecond))
	filled := 1.0
	if w.Operations.Insert > 0 && w.Operations.Insert == w.Operations.total() {
		filled = 0
	}
	setDefault(given, "keys.filled", &k.Filled, &filled)
	kind := "pointer"
	if w.Operations.Increment > 0 {
		kind = "int"
	}
	setDefault(given, "values", &w.Values, kind)
	switch k.Distribution {
	case "zipf":
		setDefault(given, "keys.skew", &k.Skew, 0.99)
	case "hotset":
		setDefault(given, "keys.hot", &k.Hot, 0.1)
		setDefault(given, "keys.share", &k.Share, 0.9)
	}
}

func setDefault[T any](given map[string]int, path string, field *T, value T) {
	if _, ok := given[path]; !ok {
		*field = value
	}
}

// A fault is what is wrong with a workload, and with which of its keys.
type fault struct {
	path, sentence string
}

func faultf(path, format string, args ...any) *fault {
	return &fault{path, fmt.Sprintf(format, args...)}
}

// check returns what is wrong with a workload, or nil. It is called after complete.
func (w *Workload) check() *fault {
	if f := w.Keys.check(); f != nil {
		return f
	}
	if f := w.checkOperations(); f != nil {
		return f
	}
	switch {
	case !oneOf(w.Values, values):
		return faultf("values", "values is %q, want %s", w.Values, list(values))
	case w.Goroutines < 0 || w.Goroutines > maxGoroutines:
		return faultf("goroutines", "goroutines is %d, want 0 (twice the processors) to %d", w.Goroutines, maxGoroutines)
	case w.Procs < 0 || w.Procs > 4096:
		return faultf("procs", "procs is %d, want 0 (all) to 4096", w.Procs)
	case w.Duration < Duration(time.Millisecond) || w.Duration > maxDuration:
		return faultf("duration", "duration is %v, want 1ms to 1h", time.Duration(w.Duration))
	case w.Rate != 0 && (w.Rate < 1 || w.Rate > 1e9):
		return faultf("rate", "rate is %v, want 0 (full speed), or 1 to 1e9 operations per second", w.Rate)
	case w.Rate != 0 && w.Operations.Insert > 0:
		return faultf("rate", "rate cannot be combined with insert, which ends when the keys are used up")
	}
	return nil
}

var (
	keyTypes      = []string{"int", "string", "namespacedName"}
	distributions = []string{"uniform", "zipf", "hotset", "sequential"}
	values        = []string{"pointer", "int", "triple"}
)

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

func (w *Workload) checkOperations() *fault {
	m := w.Operations
	for _, op := range []struct {
		name   string
		weight float64
	}{
		{"load", m.Load}, {"miss", m.Miss}, {"store", m.Store}, {"loadOrStore", m.LoadOrStore}, {"churn", m.Churn},
		{"insert", m.Insert}, {"increment", m.Increment}, {"range", m.Range},
	} {
		if !between(op.weight, 0, 1e9) {
			return faultf("operations."+op.name, "%s is %v, want 0 to 1e9", op.name, op.weight)
		}
	}
	switch {
	case m.total() == 0:
		return faultf("operations", "there are no operations: give at least one a weight above 0")
	case m.Increment > 0 && m.Writes():
		return faultf("operations.increment", "increment cannot be combined with store, loadOrStore or churn: the count could not be checked")
	case m.Increment > 0 && w.Values != "int":
		return faultf("values", "increment needs values of int")
	case m.Load+m.Store+m.LoadOrStore+m.Churn+m.Increment > 0 && w.Filled() < max(w.Goroutines, 1):
		return faultf("keys.filled", "%d keys are there at the start, want at least one for each goroutine", w.Filled())
	case m.Insert > 0 && w.Filled() == w.Keys.Number:
		return faultf("keys.filled", "insert needs keys that are not there at the start: set filled below 1")
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

// String returns the workload as a file would have it.
func (w *Workload) String() string {
	text, err := json.MarshalIndent(w, "", "  ")
	if err != nil {
		return err.Error() // a number that JSON does not have; Parse lets none through
	}
	return string(text)
}
