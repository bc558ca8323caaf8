package published

import (
	"encoding/json"
	"errors"
	"io"
	"math"
	"os"
	"strings"
	"testing"

	"github.com/shardmap-go/shardmap/bench/run"
)

var errLost = errors.New("an entry is lost")

func writeFile(t *testing.T, name string, write func(io.Writer) error) {
	t.Helper()
	f, err := os.Create(name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err := write(f); err != nil {
		t.Fatal(err)
	}
}

func TestVerdictsAreOnDirectionAndSize(t *testing.T) {
	less, more := Figure{}, Figure{More: true}
	at := func(low, median, high float64) run.Summary { return run.Summary{Low: low, Median: median, High: high} }
	exactly := func(x float64) run.Summary { return at(x, x, x) }
	for _, c := range []struct {
		name          string
		figure        Figure
		better, worse run.Summary // of the contestant that is the better or the worse one as published
		published     Ratio
		direction     Direction
		size          Size
	}{
		{"as published", less, exactly(1), exactly(4), 4, Holds, SizeHolds},
		{"as published, of what should be much", more, exactly(4), exactly(1), 4, Holds, SizeHolds},
		{"just within the factor, below", less, exactly(1), exactly(2), 4, Holds, SizeHolds},
		{"just within the factor, above", less, exactly(1), exactly(8), 4, Holds, SizeHolds},
		{"below the factor", less, exactly(1), exactly(1.99), 4, Holds, SizeSmaller},
		{"above the factor", less, exactly(1), exactly(8.01), 4, Holds, SizeLarger},
		{"a ratio that is published as nearly 1", less, exactly(1), exactly(1.01), 1.2, Holds, SizeHolds},
		{"the other way round", less, exactly(4), exactly(1), 4, Reversed, NoSize},
		{"the other way round, of what should be much", more, exactly(1), exactly(4), 4, Reversed, NoSize},
		{"the intervals overlap", less, at(1, 2, 3), at(2.9, 8, 9), 4, NotTold, NoSize},
		{"the intervals touch", less, at(1, 2, 3), at(3, 8, 9), 4, NotTold, NoSize},
		{"the intervals do not quite touch", less, at(1, 2, 3), at(3.1, 8, 9), 4, Holds, SizeHolds},
		{"one interval in the other", less, at(1, 2, 30), at(3, 8, 9), 4, NotTold, NoSize},
		{"the other way round, but they overlap", less, at(3, 8, 9), at(1, 2, 4), 4, NotTold, NoSize},
		{"all the same", less, exactly(1), exactly(1), 4, NotTold, NoSize},
		{"both nothing", less, exactly(0), exactly(0), 4, NotTold, NoSize},
		{"nothing against something", less, exactly(0), exactly(5), 400, Holds, SizeLarger},
		{"something against nothing", less, exactly(5), exactly(0), 400, Reversed, NoSize},
		{"much against nothing", more, exactly(5), exactly(0), 400, Holds, SizeLarger},
		{"nothing against much", more, exactly(0), exactly(5), 400, Reversed, NoSize},
	} {
		if direction, size := verdict(c.figure, c.better, c.worse, c.published); direction != c.direction || size != c.size {
			t.Errorf("%s: %q, %q; want %q, %q", c.name, direction, size, c.direction, c.size)
		}
	}
}

func TestRatiosAreAboveOneForTheBetterOne(t *testing.T) {
	for _, c := range []struct {
		more bool
		a, b float64
		want Ratio
	}{
		{false, 1, 4, 4}, {false, 4, 1, 0.25}, {true, 1, 4, 0.25}, {true, 4, 1, 4}, {false, 0, 0, 1}, {true, 0, 0, 1},
		{false, 0, 1, Ratio(math.Inf(1))}, {false, 1, 0, 0}, {true, 1, 0, Ratio(math.Inf(1))}, {true, 0, 1, 0},
	} {
		if got := (Figure{More: c.more}).ratio(c.a, c.b); got != c.want {
			t.Errorf("ratio of %v and %v, more %t: %v, want %v", c.a, c.b, c.more, got, c.want)
		}
	}
}

// rounds returns what was measured of a contestant, in rounds of the figure "time".
func rounds(name string, values ...float64) Contestant {
	c := Contestant{Name: name}
	for _, v := range values {
		c.Rounds = append(c.Rounds, Sample{"time": v})
	}
	return c
}

func TestEachTwoPublishedValuesInARowAreAClaim(t *testing.T) {
	r := &Result{
		Figures: []Figure{
			{Name: "time", Published: []Value{{"one", 8}, {"two", 4}, {"three", 5}}},
			{Name: "unpublished"},
		},
		Contestants: []Contestant{
			rounds("one", 9, 9, 9, 9, 9), rounds("two", 3, 3, 3, 3, 3), rounds("three", 4, 4, 4, 4), rounds("four", 1, 1, 1, 1, 1),
		},
	}
	want := []Verdict{
		{Figure: "time", Better: "two", Worse: "one", Published: 2, Measured: 3, Direction: Holds, Size: SizeHolds},
		{Figure: "time", Better: "two", Worse: "three", Published: 1.25, Direction: NotMeasured}, // three has four rounds
	}
	got := r.judge()
	if len(got) != len(want) {
		t.Fatalf("verdicts %+v", got)
	}
	for i := range want {
		if got[i] != want[i] {
			t.Errorf("verdict %+v, want %+v", got[i], want[i])
		}
	}
	r.Contestants[1].Refused = "wrong"
	if v := r.judge()[0]; v.Direction != NotMeasured {
		t.Errorf("a contestant that was refused is judged: %+v", v)
	}
	r.Contestants = r.Contestants[:1]
	if v := r.judge()[0]; v.Direction != NotMeasured {
		t.Errorf("a contestant that is not there is judged: %+v", v)
	}
}

func TestRatiosSurviveJSON(t *testing.T) {
	for _, want := range []Ratio{0, 0.25, 1, 415.6666666666667, Ratio(math.Inf(1))} {
		text, err := json.Marshal(want)
		if err != nil {
			t.Fatal(err)
		}
		var got Ratio
		if err := json.Unmarshal(text, &got); err != nil || got != want {
			t.Errorf("%v became %s, and then %v, %v", want, text, got, err)
		}
	}
	var r Ratio
	if json.Unmarshal([]byte(`"many"`), &r) == nil {
		t.Errorf("a word was read as %v", r)
	}
}

func TestOtherFilesAreRefused(t *testing.T) {
	name := t.TempDir() + "/other.json"
	for _, text := range []string{`[]`, `{"results": [{"workload": {}}]}`, `{"results": [null]}`, `{`, `{"results": [{"scenario": "x", "contestants": []}]}`} {
		writeFile(t, name, func(w io.Writer) error { _, err := io.WriteString(w, text); return err })
		if f, err := Read(name); err == nil || !strings.HasPrefix(err.Error(), name+" is not a file of published scenarios: ") {
			t.Errorf("%s: %+v, %v", text, f, err)
		}
	}
	if _, err := Read(name + ".none"); !errors.Is(err, os.ErrNotExist) {
		t.Error(err)
	}
}

func TestTheTableHasThePublishedFiguresBesideOurs(t *testing.T) {
	r := &Result{
		Scenario: "name", About: "what it is about", Setting: "the setting", Quick: true, Notes: []string{"A note."},
		Figures:     []Figure{{Name: "time", Unit: "ms", Published: []Value{{"slow", 14.2}, {"fast", 2.3}}}},
		Contestants: []Contestant{rounds("slow", 1234, 1234, 1234, 1234, 1235), rounds("fast", 0.5, 0.5, 0.5, 0.5, 0.25), rounds("Map", 1, 1, 1, 1, 1)},
	}
	r.Verdicts = r.judge()
	var text strings.Builder
	if err := r.WriteTable(&text); err != nil {
		t.Fatal(err)
	}
	const want = `name: what it is about
the setting
These sizes are for trying it out; what they show means little.

  time (ms, less is better)  published  measured  lowest–highest
    slow                          14.2     1,234     1,234–1,235
    fast                           2.3       0.5        0.25–0.5
    Map                              –         1             1–1

  claim                   published  measured  direction    size
  time: fast before slow      6.17×    2,468×      holds  larger

A note.
`
	if text.String() != want {
		t.Errorf("got\n%s\nwant\n%s", &text, want)
	}
	f := &File{Results: []*Result{r}}
	if got := f.Summary(); got != "Of 1 claims, the direction holds for 1, and with it the size, within a factor of 2, for 0. "+
		"Reversed are 0, not told apart 0, not measured 0." {
		t.Error(got)
	}
}
