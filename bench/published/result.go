package published

import (
	"encoding/json"
	"fmt"
	"io"
	"os"

	"github.com/shardmap-go/shardmap/bench/report"
	"github.com/shardmap-go/shardmap/bench/run"
)

// A Result is what was measured of a scenario, with everything it takes to understand it.
type Result struct {
	Scenario    string       `json:"scenario"`
	About       string       `json:"about"`
	Setting     string       `json:"setting"`         // what was measured, in a line
	Quick       bool         `json:"quick,omitempty"` // with sizes that are too small to mean anything
	Figures     []Figure     `json:"figures"`
	Contestants []Contestant `json:"contestants"`
	Verdicts    []Verdict    `json:"verdicts"`
	Notes       []string     `json:"notes,omitempty"`
}

// A Contestant is what was measured of one of the things that a scenario compares.
type Contestant struct {
	Name    string   `json:"name"`
	Refused string   `json:"refused,omitempty"` // what it did wrong; its rounds before that are kept
	Rounds  []Sample `json:"rounds"`
}

// Summary returns the median of a figure, with its interval.
func (c *Contestant) Summary(figure string) run.Summary {
	values := make([]float64, len(c.Rounds))
	for i, sample := range c.Rounds {
		values[i] = sample[figure]
	}
	return run.Summarise(values)
}

// judgeable tells whether there is enough to compare.
func (c *Contestant) judgeable() bool { return c.Refused == "" && len(c.Rounds) >= MinRounds }

// contestant returns the one of that name, or nil.
func (r *Result) contestant(name string) *Contestant {
	for i := range r.Contestants {
		if r.Contestants[i].Name == name {
			return &r.Contestants[i]
		}
	}
	return nil
}

// rounds returns the number of rounds of the contestant that has least.
func (r *Result) rounds() int {
	fewest := len(r.Contestants[0].Rounds)
	for _, c := range r.Contestants {
		if c.Refused == "" {
			fewest = min(fewest, len(c.Rounds))
		}
	}
	return fewest
}

// A File is what a file of results holds: the results, and where they come from, as in the files of other results.
type File struct {
	report.Origin
	Results []*Result `json:"results"`
}

// NewFile returns a file without results that says where it was made.
func NewFile() *File { return &File{Origin: report.Here()} }

// WriteJSON writes the file as [Read] reads it.
func (f *File) WriteJSON(w io.Writer) error {
	enc := json.NewEncoder(w)
	enc.SetIndent("", "  ")
	return enc.Encode(f)
}

// Read reads what [File.WriteJSON] has written.
func Read(name string) (*File, error) {
	text, err := os.ReadFile(name)
	if err != nil {
		return nil, err
	}
	f := new(File)
	if err := json.Unmarshal(text, f); err != nil {
		return nil, fmt.Errorf("%s is not a file of published scenarios: %w", name, err)
	}
	for _, r := range f.Results {
		if r == nil || r.Scenario == "" || len(r.Contestants) == 0 {
			return nil, fmt.Errorf("%s is not a file of published scenarios: a result has no scenario", name)
		}
	}
	return f, nil
}
