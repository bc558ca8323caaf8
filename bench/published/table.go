package published

import (
	"fmt"
	"io"
	"strconv"
	"strings"
	"text/tabwriter"
	"unicode/utf8"

	"github.com/shardmap-go/shardmap/bench/internal/text"
	"github.com/shardmap-go/shardmap/bench/run"
)

// WriteTable writes a result for a person: what was measured, a table with the published figures beside those
// measured, and the verdicts on the claims.
func (r *Result) WriteTable(w io.Writer) error {
	var out strings.Builder
	fmt.Fprintf(&out, "%s: %s\n%s\n", r.Scenario, r.About, r.Setting)
	if r.Quick {
		fmt.Fprintln(&out, "These sizes are for trying it out; what they show means little.")
	}
	fmt.Fprintln(&out)
	r.writeFigures(&out)
	for _, c := range r.Contestants {
		if c.Refused != "" {
			fmt.Fprintf(&out, "REFUSED  %s: %s\n", c.Name, c.Refused)
		}
	}
	if len(r.Verdicts) > 0 {
		fmt.Fprintln(&out)
		r.writeVerdicts(&out)
	}
	for _, note := range r.Notes {
		fmt.Fprintf(&out, "\n%s\n", text.Wrap(note))
	}
	_, err := io.WriteString(w, out.String())
	return err
}

// writeFigures writes a line for each contestant below each figure.
func (r *Result) writeFigures(w io.Writer) {
	interval := "95 % interval"
	if r.rounds() < run.MinRounds {
		interval = "lowest–highest"
	}
	var table [][]string
	for _, f := range r.Figures {
		table = append(table, []string{f.String(), "published", "measured", interval})
		for _, c := range r.Contestants {
			if c.Refused != "" || len(c.Rounds) == 0 {
				continue
			}
			s := c.Summary(f.Name)
			table = append(table, []string{"  " + c.Name, f.published(c.Name), digits(s.Median), digits(s.Low) + "–" + digits(s.High)})
		}
	}
	writeAligned(w, table)
}

// String returns the name of the figure with its unit, and which way is better.
func (f Figure) String() string {
	better := "less is better"
	if f.More {
		better = "more is better"
	}
	if f.Unit != "" {
		better = f.Unit + ", " + better
	}
	return fmt.Sprintf("%s (%s)", f.Name, better)
}

// published returns what was published about the contestant, or a dash.
func (f Figure) published(contestant string) string {
	for _, p := range f.Published {
		if p.Contestant == contestant {
			return digits(p.Value)
		}
	}
	return "–"
}

func (r *Result) writeVerdicts(w io.Writer) {
	table := [][]string{{"claim", "published", "measured", "direction", "size"}}
	for _, v := range r.Verdicts {
		measured := "–"
		if v.Direction != NotMeasured {
			measured = v.Measured.String()
		}
		size := string(v.Size)
		if v.Size == NoSize {
			size = "–"
		}
		claim := v.Figure + ": " + v.Better + " before " + v.Worse
		table = append(table, []string{claim, v.Published.String(), measured, string(v.Direction), size})
	}
	writeAligned(w, table)
}

// String writes the ratio as a factor, such as 2.4×.
func (r Ratio) String() string {
	if r > 1e9 {
		return "∞"
	}
	return digits(float64(r)) + "×"
}

// Summary says in a sentence what has become of the claims of all results.
func (f *File) Summary() string {
	directions, sizes, claims := map[Direction]int{}, map[Size]int{}, 0
	for _, r := range f.Results {
		for _, v := range r.Verdicts {
			claims++
			directions[v.Direction]++
			sizes[v.Size]++
		}
	}
	return fmt.Sprintf("Of %d claims, the direction holds for %d, and with it the size, within a factor of %d, for %d. "+
		"Reversed are %d, not told apart %d, not measured %d.", claims, directions[Holds], SizeFactor, sizes[SizeHolds],
		directions[Reversed], directions[NotTold], directions[NotMeasured])
}

// writeAligned writes the first column to the left, and the others to the right.
func writeAligned(w io.Writer, table [][]string) {
	width := 0
	for _, row := range table {
		width = max(width, utf8.RuneCountInString(row[0]))
	}
	tw := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	for _, row := range table {
		fmt.Fprintf(tw, "%-*s\t%s\t\n", width, row[0], strings.Join(row[1:], "\t"))
	}
	_ = tw.Flush() // to memory, which does not fail
}

// digits writes x with three significant digits.
func digits(x float64) string {
	if x >= 100 {
		return text.Thousands(int(x + 0.5))
	}
	return strconv.FormatFloat(x, 'g', 3, 64)
}
