package published

import (
	"context"
	"math"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
)

func TestEveryScenarioRunsFromEndToEndAndRefusesNobody(t *testing.T) {
	for _, s := range Scenarios() {
		t.Run(s.Name, func(t *testing.T) {
			r := s.Run(t.Context(), Options{Quick: true, Seed: 1})
			for _, c := range r.Contestants {
				if c.Refused != "" || len(c.Rounds) != MinRounds {
					t.Errorf("%s: refused %q, %d rounds", c.Name, c.Refused, len(c.Rounds))
				}
				for _, sample := range c.Rounds {
					if len(sample) != len(s.Figures) {
						t.Errorf("%s: there are %d figures in %v, want %d", c.Name, len(sample), sample, len(s.Figures))
					}
					for name, value := range sample {
						if value < 0 {
							t.Errorf("%s: %s is %v", c.Name, name, value)
						}
					}
				}
			}
			for _, v := range r.Verdicts {
				if v.Direction == NotMeasured || v.Published < 1 || (v.Size == NoSize) != (v.Direction != Holds) {
					t.Errorf("verdict %+v", v)
				}
			}
			var text strings.Builder
			if err := r.WriteTable(&text); err != nil {
				t.Error(err)
			}
			for _, f := range s.Figures {
				if !strings.Contains(text.String(), f.String()) {
					t.Errorf("%q is not in the table:\n%s", f, &text)
				}
			}
			for _, c := range r.Contestants {
				if got := strings.Count(text.String(), "\n    "+c.Name+"  "); got != len(s.Figures) {
					t.Errorf("%s has %d lines in the table, want %d:\n%s", c.Name, got, len(s.Figures), &text)
				}
			}
		})
	}
}

// What was published must be in the table file without misspellings: those would show as claims that nobody measures.
func TestThePublishedFiguresAreOfContestantsThatThereAre(t *testing.T) {
	names := map[string]bool{}
	for _, s := range scenarios {
		if names[s.Name] || s.About == "" || len(s.Figures) == 0 {
			t.Errorf("scenario %q", s.Name)
		}
		names[s.Name] = true
		setting, contestants := s.prepare(true)
		if setting == "" || strings.Contains(setting, "\n") {
			t.Errorf("%s: setting %q", s.Name, setting)
		}
		ours := false
		for _, c := range contestants {
			ours = ours || strings.Contains(c.name, "Map") && c.name != "sync.Map" || s.Name == "owners"
		}
		if !ours {
			t.Errorf("%s: none of our maps takes part", s.Name)
		}
		for _, f := range s.Figures {
			if len(f.Published) == 1 {
				t.Errorf("%s: one value of %s is no claim", s.Name, f.Name)
			}
			for _, p := range f.Published {
				if p.Value <= 0 || !slices.ContainsFunc(contestants, func(c contestant) bool { return c.name == p.Contestant }) {
					t.Errorf("%s: %s: published is %+v", s.Name, f.Name, p)
				}
			}
		}
	}
}

// fake returns a scenario of two contestants, a and b, with the given claim, whose samples are made by the function.
func fake(measure func(name string) (Sample, error)) Scenario {
	return Scenario{
		Name:    "fake",
		Figures: []Figure{{Name: "time", Unit: "ms", Published: []Value{{"a", 1}, {"b", 3}}}},
		prepare: func(bool) (string, []contestant) {
			var all []contestant
			for _, name := range []string{"a", "b"} {
				all = append(all, contestant{name, func(context.Context) (Sample, error) { return measure(name) }})
			}
			return "setting", all
		},
	}
}

func TestContestantsTakeTurnsInEveryRound(t *testing.T) {
	var order []string
	s := fake(func(name string) (Sample, error) {
		order = append(order, name)
		return Sample{"time": 1}, nil
	})
	steps := 0
	s.Run(t.Context(), Options{Rounds: 20, Seed: 1, Progress: func(_ string, done, total int) {
		if done != steps || total != 40 {
			t.Errorf("%d of %d are done, want %d of 40", done, total, steps)
		}
		steps++
	}})
	first := map[string]int{}
	for round := range slices.Chunk(order, 2) {
		if round[0] == round[1] {
			t.Errorf("a round is %v", round)
		}
		first[round[0]]++
	}
	if len(order) != 40 || steps != 40 || first["a"] == 0 || first["b"] == 0 {
		t.Errorf("order %v, %d steps", order, steps)
	}
}

func TestWhoDoesWrongIsRefusedAndNotJudged(t *testing.T) {
	calls := map[string]int{}
	s := fake(func(name string) (Sample, error) {
		calls[name]++
		if name == "b" && calls[name] == 3 {
			return Sample{"time": 9}, errLost
		}
		return Sample{"time": 1}, nil
	})
	r := s.Run(t.Context(), Options{Rounds: 8})
	if b := r.contestant("b"); b.Refused != errLost.Error() || len(b.Rounds) != 2 || calls["b"] != 3 || calls["a"] != 8 {
		t.Errorf("%+v after %v calls", b, calls)
	}
	if v := r.Verdicts[0]; v.Direction != NotMeasured || v.Measured != 0 || v.Size != NoSize {
		t.Errorf("verdict %+v", v)
	}
	var text strings.Builder
	if err := r.WriteTable(&text); err != nil || !strings.Contains(text.String(), "\nREFUSED  b: "+errLost.Error()+"\n") {
		t.Errorf("%v:\n%s", err, &text)
	}
}

func TestASampleWithoutANumberForEachFigureIsRefused(t *testing.T) {
	for _, sample := range []Sample{{}, {"tim": 1}, {"time": math.NaN()}, {"time": math.Inf(1)}} {
		r := fake(func(string) (Sample, error) { return sample, nil }).Run(t.Context(), Options{})
		for _, c := range r.Contestants {
			if c.Refused != `nothing was measured for "time"` || len(c.Rounds) != 0 {
				t.Errorf("%v: %+v", sample, c)
			}
		}
	}
}

func TestACancelledRunKeepsWhatWasMeasuredBefore(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	calls := 0
	s := fake(func(string) (Sample, error) {
		if calls++; calls == 6 {
			cancel()
		}
		return Sample{"time": 1}, nil
	})
	r := s.Run(ctx, Options{Rounds: 10})
	if got := len(r.Contestants[0].Rounds) + len(r.Contestants[1].Rounds); got != 5 || calls != 6 {
		t.Errorf("%d samples of %d calls, want 5 of 6: the sixth was cut short", got, calls)
	}
	if v := r.Verdicts[0]; v.Direction != NotMeasured {
		t.Errorf("a verdict from too few rounds: %+v", v)
	}
	if r := s.Run(ctx, Options{}); r.rounds() != 0 || r.WriteTable(new(strings.Builder)) != nil {
		t.Errorf("a run that was cancelled before: %+v", r)
	}
}

func TestScenariosCanBeCancelledInTheMiddle(t *testing.T) {
	for _, s := range scenarios {
		_, contestants := s.prepare(true)
		for _, c := range contestants {
			ctx, cancel := context.WithCancel(t.Context())
			cancel()
			_, _ = c.measure(ctx) // comes back: what it returns does not count
		}
	}
}

func TestNamesChooseScenariosAndBadOnesAreToldWhichThereAre(t *testing.T) {
	if all, err := Named(nil); err != nil || len(all) != len(scenarios) {
		t.Errorf("%d scenarios, %v", len(all), err)
	}
	if two, err := Named([]string{"owners", "insert", "owners"}); err != nil || len(two) != 2 || two[0].Name != "owners" || two[1].Name != "insert" {
		t.Errorf("%v, %v", two, err)
	}
	_, err := Named([]string{"owners", "no"})
	if err == nil || !strings.HasPrefix(err.Error(), `unknown scenario "no", want read-mostly, traversal, `) || strings.Contains(err.Error(), "\n") {
		t.Error(err)
	}
}

func TestAFileIsReadAsItWasWritten(t *testing.T) {
	f := NewFile()
	f.Results = append(f.Results,
		scenarios[0].Run(t.Context(), Options{Quick: true}),
		fake(func(name string) (Sample, error) {
			return Sample{"time": float64(len(name) - 1 + int(name[0]-'a'))}, nil
		}).Run(t.Context(), Options{}))
	if v := f.Results[1].Verdicts[0]; !math.IsInf(float64(v.Measured), 1) || v.Direction != Holds || v.Size != SizeLarger {
		t.Errorf("0 against 1: %+v", v)
	}
	name := filepath.Join(t.TempDir(), "published.json")
	writeFile(t, name, f.WriteJSON)
	got, err := Read(name)
	if err != nil || !reflect.DeepEqual(got, f) {
		t.Errorf("%v: read %+v, want %+v", err, got, f)
	}
}
