// Package workload describes what mapbench does to a map: small JSON files that say which keys there are and what is
// done with them. The README has the reference of the files.
package workload

import (
	"encoding/json"
	"time"
)

// A Workload says what is done to a map. [Parse] makes one out of a file, with the defaults filled in and everything
// checked.
type Workload struct {
	Name       string   `json:"name"`              // for the report; without a name it is that of the file
	About      string   `json:"about"`             // one line for a person
	Keys       Keys     `json:"keys"`              // which there are
	Values     string   `json:"values"`            // "pointer", "int" or "triple"
	Operations Mix      `json:"operations"`        // how often each happens, relative to the others
	Goroutines int      `json:"goroutines"`        // 0 for twice as many as there are processors
	Procs      int      `json:"procs"`             // GOMAXPROCS during the run, 0 for all
	Duration   Duration `json:"duration"`          // of one round of one strategy
	Rate       float64  `json:"rate"`              // operations per second to start, by all goroutines together; 0 for full speed
	Snapshot   Cadence  `json:"snapshot,omitzero"` // whole-map views beside the operations, by the strategy's best way
	Range      Cadence  `json:"range,omitzero"`    // walks over the live map beside the operations
	Phases     []Phase  `json:"phases,omitempty"`  // what follows one another in a round; see [Workload.Parts]
}

// Keys says which keys there are and which of them operations choose.
type Keys struct {
	Type         string    `json:"type"`         // "int", "string" or "namespacedName"
	Length       int       `json:"length"`       // of a string in bytes; of a namespacedName, both strings together
	Number       int       `json:"number"`       // of different keys; with lifetimes, of those that live at a time
	Filled       *float64  `json:"filled"`       // the part of the keys that is there at the start, 0 to 1
	Distribution string    `json:"distribution"` // "uniform", "zipf", "hotset", "sequential" or "growing"
	Skew         float64   `json:"skew"`         // of zipf: the key of rank r is chosen in proportion to 1/r^skew
	Hot          float64   `json:"hot"`          // of hotset: the part of the keys that is hot
	Share        float64   `json:"share"`        // of hotset: the part of the operations that go there
	Lifetimes    Lifetimes `json:"lifetimes,omitzero"`
}

// Lifetimes says how long keys live. A key whose life is over is replaced by one that was never there before. With
// neither Time nor Operations, keys live for ever.
type Lifetimes struct {
	Distribution string   `json:"distribution"` // "exponential", "fixed", "uniform" or "pareto"
	Time         Duration `json:"time"`         // the mean
	Operations   int      `json:"operations"`   // the mean, in operations of all goroutines together
}

// Cadence says how often something happens beside the operations; 0 for never.
type Cadence struct {
	Every Duration `json:"every"`
}

// A Phase is a part of a round. What its file leaves out is as the workload says.
type Phase struct {
	Name       string   `json:"name"`
	Operations Mix      `json:"operations"`
	Goroutines int      `json:"goroutines"`
	Duration   Duration `json:"duration"`
	Rate       float64  `json:"rate"`
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

// Filled returns how many of the keys are there at the start.
func (w *Workload) Filled() int {
	return int(float64(w.Keys.Number)**w.Keys.Filled + 0.5)
}

// Parts returns what follows one another in a round: the phases, or the whole workload as the only one, without a name.
func (w *Workload) Parts() []Phase {
	if len(w.Phases) > 0 {
		return w.Phases
	}
	return []Phase{{Operations: w.Operations, Goroutines: w.Goroutines, Duration: w.Duration, Rate: w.Rate}}
}

// Any returns the operations of all phases together; what matters is which have a weight at all.
func (w *Workload) Any() Mix {
	var sum Mix
	for _, p := range w.Parts() {
		sum = sum.plus(p.Operations)
	}
	return sum
}

// Paced tells whether every operation is started at a given rate, so that throughput says nothing and latency all.
func (w *Workload) Paced() bool {
	for _, p := range w.Parts() {
		if p.Rate == 0 {
			return false
		}
	}
	return true
}

// FullSpeed tells whether no operation waits for its time.
func (w *Workload) FullSpeed() bool {
	for _, p := range w.Parts() {
		if p.Rate > 0 {
			return false
		}
	}
	return true
}

// Length returns how long a round of one strategy takes.
func (w *Workload) Length() time.Duration {
	sum := time.Duration(0)
	for _, p := range w.Parts() {
		sum += time.Duration(p.Duration)
	}
	return sum
}

// complete fills in what the file left out. The keys that it has are given by their paths.
func (w *Workload) complete(given map[string]int) {
	k := &w.Keys
	setDefault(given, "keys.type", &k.Type, "string")
	setDefault(given, "keys.length", &k.Length, 24)
	setDefault(given, "keys.number", &k.Number, 100_000)
	setDefault(given, "keys.distribution", &k.Distribution, "uniform")
	if k.Lifetimes != (Lifetimes{}) {
		setDefault(given, "keys.lifetimes.distribution", &k.Lifetimes.Distribution, "exponential")
	}
	setDefault(given, "duration", &w.Duration, Duration(100*time.Millisecond))
	w.completePhases(given)
	filled := 1.0
	switch first := w.Parts()[0].Operations; {
	case first.Insert > 0 && first.Insert == first.total():
		filled = 0
	case k.Distribution == "growing":
		filled = 0.1
	}
	setDefault(given, "keys.filled", &k.Filled, &filled)
	kind := "pointer"
	if w.Any().Increment > 0 {
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

// completePhases fills in what phases have in common with the workload.
func (w *Workload) completePhases(given map[string]int) {
	if len(w.Phases) == 0 {
		w.Phases = nil // as without the key
	}
	for i := range w.Phases {
		p, path := &w.Phases[i], phasePath(i)
		setDefault(given, path+".operations", &p.Operations, w.Operations)
		setDefault(given, path+".goroutines", &p.Goroutines, w.Goroutines)
		setDefault(given, path+".duration", &p.Duration, w.Duration)
		setDefault(given, path+".rate", &p.Rate, w.Rate)
	}
}

func setDefault[T any](given map[string]int, path string, field *T, value T) {
	if _, ok := given[path]; !ok {
		*field = value
	}
}

// String returns the workload as a file would have it.
func (w *Workload) String() string {
	text, err := json.MarshalIndent(w, "", "  ")
	if err != nil {
		return err.Error() // a number that JSON does not have; Parse lets none through
	}
	return string(text)
}
