package report

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// A sheet is a chart in a file of its own, with a heading above and its origin below. Its style follows the reader's
// choice of light or dark, and it has a background, as nobody knows what it will be put on.
type sheet struct {
	name        string   // of the file
	heading     string   // names the workload
	title       string   // what is shown
	lines       []string // small print between the title and the chart
	description string   // for those who do not see it
	height      float64  // of what draw draws
	draw        func(d *drawing, left, top, width float64)
}

// The sizes of a sheet are in pixels.
const (
	sheetWidth  = 760.0
	sheetMargin = 20.0
	lineHeight  = 17.0
	lineLetters = 110 // that fit into a line of a wide font
	panelsInRow = 4
	panelGap    = 10.0
)

// WriteCharts writes the charts for a README into the folder, each as an SVG file, and makes the folder if it is not there.
// A file is named by its workload and what it shows, as in mixed-throughput.svg; other files in the folder stay. The same
// results make the same bytes. An error names the file that could not be written.
func (f *File) WriteCharts(dir string) error {
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return err
	}
	written := map[string]bool{}
	for _, s := range f.sheets() {
		name := s.name
		for n := 2; written[name]; n++ {
			name = fmt.Sprintf("%s-%d", s.name, n)
		}
		written[name] = true
		if err := os.WriteFile(filepath.Join(dir, name+".svg"), []byte(s.svg(f.String())), 0o666); err != nil {
			return err
		}
	}
	return nil
}

// sheets returns the charts of all results in which something was measured.
func (f *File) sheets() (sheets []sheet) {
	for _, r := range f.Results {
		ranked := rank(r)
		if len(ranked) == 0 {
			continue
		}
		conditions, _, _ := strings.Cut(describe(r), "\n")
		add := func(heading, kind string, s sheet, lines ...string) {
			s.name, s.heading, s.lines = fileName(heading+"-"+kind), heading, lines
			sheets = append(sheets, s)
		}
		heading, kind, main := f.heading(r), "throughput", mainBars(r)
		if r.Workload.Paced() {
			kind = "p99"
		}
		legend := []string{conditions}
		if main.band != nil {
			legend = append(legend, fmt.Sprintf("whisker: %s; shaded: that of the best; %s not told apart from the best",
				interval(ranked), overlapMark))
		}
		add(heading, kind, barSheet(main), legend...)
		add(heading, "latency", panelSheet(percentileCurves(ranked)), conditions,
			"medians of the rounds, and the longest of all rounds; each before all others in grey")
		if memory := bars(bytesPerEntry, ranked); !memory.flat() {
			add(heading, "memory", barSheet(memory), conditions)
		}
		if family := scalingOf(f, r.Workload.Name); family != nil && f.last(r) {
			add(r.Workload.Name, "scaling", panelSheet(family.chart()),
				"million operations per second over processors; each before all others in grey")
		}
	}
	return sheets
}

func barSheet(c *barChart) sheet {
	return sheet{title: c.title, description: c.describe(), height: c.height(), draw: c.draw}
}

func panelSheet(c *panelChart) sheet {
	descriptions := make([]string, len(c.lines))
	for i, l := range c.lines {
		descriptions[i] = c.describe(l)
	}
	rows := float64((len(c.lines) + panelsInRow - 1) / panelsInRow)
	return sheet{
		title: c.title, description: strings.Join(descriptions, "; ") + ".", height: rows*(panelHeight+panelGap) - panelGap,
		draw: func(d *drawing, left, top, width float64) {
			step := (width - panelWidth) / (panelsInRow - 1)
			for i := range c.lines {
				x, y := left+step*float64(i%panelsInRow), top+(panelHeight+panelGap)*float64(i/panelsInRow)
				c.drawPanel(d, i, "x", x, "y", y, "width", panelWidth, "height", panelHeight)
			}
		},
	}
}

// svg returns the file.
func (s *sheet) svg(origin string) string {
	top := sheetMargin + 20 + lineHeight*float64(len(s.lines)) + 8
	height := top + s.height + 12 + lineHeight + sheetMargin/2
	d := new(drawing)
	d.open("svg", "xmlns", "http://www.w3.org/2000/svg", "width", sheetWidth, "height", height,
		"viewBox", "0 0 "+coordinate(sheetWidth)+" "+coordinate(height), "role", "img", "aria-labelledby", "title description")
	d.text("title", s.heading+": "+s.title, "id", "title")
	d.text("desc", s.description, "id", "description")
	d.text("style", chartStyle)
	d.element("rect", "class", "paper", "width", sheetWidth, "height", height, "rx", 6.0)
	d.text("text", abridge(s.heading+": "+strings.ToLower(s.title), lineLetters*3/4), "class", "title", "x", sheetMargin, "y", sheetMargin+12)
	for i, line := range s.lines {
		d.text("text", abridge(line, lineLetters), "class", "quiet", "x", sheetMargin, "y", sheetMargin+16+lineHeight*float64(i+1))
	}
	s.draw(d, sheetMargin, top, sheetWidth-2*sheetMargin)
	d.text("text", abridge(origin, lineLetters), "class", "quiet small", "x", sheetMargin, "y", height-sheetMargin/2-2)
	d.close("svg")
	return d.String() + "\n"
}

// fileName turns any text into a name that every file system takes: its letters a to z and digits, with dashes between.
func fileName(text string) string {
	words := strings.FieldsFunc(strings.ToLower(text), func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < '0' || r > '9')
	})
	return strings.Join(words, "-")
}
