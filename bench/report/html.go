package report

import (
	"embed"
	"fmt"
	"html/template"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/shardmap-go/shardmap/bench/run"
)

// The page is made of data and a template. It is written as XML that is HTML, too, so that programs can read it with
// either parser. It loads nothing: styles and charts are in it, and there are no scripts.

//go:embed template/page.html template/page.css template/chart.css
var templates embed.FS

var (
	pageTemplate = template.Must(template.ParseFS(templates, "template/page.html"))
	pageStyle    = template.CSS(embedded("chart.css") + embedded("page.css"))
	chartStyle   = embedded("chart.css")
)

func embedded(name string) string {
	text, err := templates.ReadFile("template/" + name)
	if err != nil {
		panic(err) // embedded above
	}
	return string(text)
}

// A page is what the template shows.
type page struct {
	Title        string
	Style        template.CSS
	Facts        []fact
	Disqualified []trouble
	Sections     []*section
}

// A fact is something about the whole file.
type fact struct{ Name, Text string }

// A trouble is why a strategy has no numbers.
type trouble struct{ Workload, Strategy, Reason string }

// A section is one result.
type section struct {
	ID, Heading, About string
	Description        []string
	Advice             string
	Excluded           []trouble
	Exhibits           []exhibit
	Workload           string // as a file
}

// An exhibit is one or more charts with the table of their numbers.
type exhibit struct {
	Kind    string // "bars", "several" or "panels", for the style
	Heading string
	Note    string
	Charts  []template.HTML
	Table   dataTable
}

// WriteHTML writes the results as one page for a browser, with charts and with all numbers of the charts in tables. The
// page needs nothing else: no network, no scripts, no other files. The same results make the same bytes. An error is that
// of w, which is written to once, when the page is complete.
func (f *File) WriteHTML(w io.Writer) error {
	p := page{Title: f.title(), Style: pageStyle, Facts: f.facts()}
	for i, r := range f.Results {
		for _, s := range r.Strategies {
			if s.Disqualified != "" {
				p.Disqualified = append(p.Disqualified, trouble{f.heading(r), s.Name, s.Disqualified})
			}
		}
		p.Sections = append(p.Sections, f.section(i, r))
	}
	var text strings.Builder
	if err := pageTemplate.Execute(&text, p); err != nil {
		return err
	}
	_, err := io.WriteString(w, strings.Map(legal, text.String()))
	return err
}

// legal replaces the characters that XML cannot hold. What they mean to a browser is not defined either.
func legal(r rune) rune {
	if r < ' ' && r != '\t' && r != '\n' && r != '\r' || r == '\uFFFE' || r == '\uFFFF' {
		return utf8.RuneError
	}
	return r
}

func (f *File) title() string {
	var names []string
	for _, r := range f.Results {
		if !slices.Contains(names, r.Workload.Name) {
			names = append(names, r.Workload.Name)
		}
	}
	if len(names) == 0 {
		return "mapbench"
	}
	return "mapbench: " + enumerate(names)
}

// facts says where the results come from.
func (f *File) facts() []fact {
	var seeds []string
	for _, r := range f.Results {
		if seed := strconv.FormatUint(r.Seed, 10); !slices.Contains(seeds, seed) {
			seeds = append(seeds, seed)
		}
	}
	all := []fact{
		{"Processor", f.CPU},
		{"Cores", strconv.Itoa(f.Cores)},
		{"System", f.GOOS + "/" + f.GOARCH},
		{"Go", f.Go},
		{"Date", f.Date.UTC().Format(time.DateOnly + " 15:04 UTC")},
		{"Commit", f.Commit},
		{"Seed", strings.Join(seeds, ", ")},
		{"Command", f.Command},
	}
	return slices.DeleteFunc(all, func(f fact) bool { return f.Text == "" || f.Text == "/" })
}

// heading names a result: by its workload, and by the number of processors if there are several.
func (f *File) heading(r *run.Result) string {
	if scalingOf(f, r.Workload.Name) == nil {
		return r.Workload.Name
	}
	return r.Workload.Name + ", " + count(r.Procs, "processor")
}

func (f *File) section(i int, r *run.Result) *section {
	s := &section{
		ID: "result-" + strconv.Itoa(i+1), Heading: f.heading(r), About: r.Workload.About,
		Description: strings.Split(describe(r), "\n"), Advice: Advice(r), Workload: r.Workload.String(),
	}
	if r.Isolated {
		s.Description = append(s.Description, "each strategy of each round in a process of its own")
	}
	for _, one := range r.Strategies {
		if one.Excluded != "" {
			s.Excluded = append(s.Excluded, trouble{s.Heading, one.Name, one.Excluded})
		}
	}
	if ranked := rank(r); len(ranked) > 0 {
		s.Exhibits = exhibits(r, ranked, s.ID)
	}
	if family := scalingOf(f, r.Workload.Name); family != nil && f.last(r) {
		s.Exhibits = append(s.Exhibits, family.exhibit(s.ID))
	}
	return s
}

// exhibits returns what there is to show of one result.
func exhibits(r *run.Result, ranked []run.Strategy, id string) []exhibit {
	all := []exhibit{mainExhibit(r, id)}
	add := func(e exhibit, ok bool) {
		if ok {
			all = append(all, e)
		}
	}
	add(rateExhibit(r, ranked, id), r.Workload.Paced())
	add(latencyExhibit(ranked, id), true)
	add(phasesExhibit(ranked, id))
	add(kindsExhibit("Views of the whole map",
		"Latencies of what a goroutine of its own did at a cadence, beside the operations.", ranked, id, views))
	add(memoryExhibit(ranked, id), true)
	add(waitsExhibit(ranked, id), true)
	add(kindsExhibit("Latency by kind of operation", "The medians of the rounds. Less is better.", ranked, id, kinds))
	add(costsExhibit(ranked, id))
	return all
}

// last tells whether no other result of the same workload comes after r.
func (f *File) last(r *run.Result) bool {
	for _, other := range slices.Backward(f.Results) {
		if other.Workload.Name == r.Workload.Name {
			return other == r
		}
	}
	return false
}

// inPage returns the chart for a page, where no other may have its id.
func (c *barChart) inPage(id string) template.HTML {
	var d drawing
	d.open("figure")
	d.text("figcaption", c.title)
	d.open("div", "class", "columns")
	c.drawNames(&d, "class", "chart", "aria-hidden", "true")
	var chart drawing
	c.drawBars(&chart, "class", "chart wide", "role", "img", "aria-labelledby", id+"-title "+id+"-text")
	open, rest, _ := strings.Cut(chart.String(), ">")
	d.WriteString(open + ">")
	d.text("title", c.title, "id", id+"-title")
	d.text("desc", c.describe(), "id", id+"-text")
	d.WriteString(rest)
	c.drawNumbers(&d, "class", "chart", "aria-hidden", "true")
	d.close("div")
	d.close("figure")
	return template.HTML(d.String())
}

// inPage returns the panels for a page, which puts as many beside each other as there is room for.
func (c *panelChart) inPage() []template.HTML {
	panels := make([]template.HTML, len(c.lines))
	for i := range c.lines {
		var d drawing
		c.drawPanel(&d, i, "class", "chart panel", "role", "img", "aria-label", c.title+" of "+c.describe(c.lines[i]))
		panels[i] = template.HTML(d.String())
	}
	return panels
}

// interval says what the rounds make of an interval.
func interval(ranked []run.Strategy) string {
	if n := fewestRounds(ranked); n < run.MinRounds {
		return fmt.Sprintf("the range of %s", count(n, "round"))
	}
	return "the 95 % interval"
}
