package report

import (
	"math"
	"slices"
	"strings"

	"github.com/shardmap-go/shardmap/bench/run"
)

// A barChart has a horizontal bar for each strategy, with its name to the left and its number to the right. It has three
// columns, so that it can be as wide as the place where it is put: the names and numbers keep their size, and the bars,
// whose measures are parts of the width, take the rest.
type barChart struct {
	title string
	unit  string
	bars  []bar
	band  *run.Summary // an interval that is shaded behind the bars, if there is one
	text  func(float64) string
}

// A bar is one row. Without an interval, Low and High are the Median.
type bar struct {
	name  string
	value run.Summary
	mark  bool // whether it is marked as not told apart from the best
}

// The sizes are in pixels, at a font size of 12.
const (
	rowHeight   = 22.0
	barHeight   = 12.0
	headHeight  = 20.0
	axisHeight  = 20.0
	letterWidth = 7.6 // of a wide font
	longestName = 18
	overlapMark = "≈"
	markWidth   = 14.0
	barTicks    = 4
)

func (c *barChart) height() float64 { return headHeight + rowHeight*float64(len(c.bars)) + axisHeight }

// nameWidth is that of the longest name, so that the bars begin where it ends.
func (c *barChart) nameWidth() float64 {
	most := 3
	for _, b := range c.bars {
		most = max(most, min(len([]rune(b.name)), longestName))
	}
	return float64(most)*letterWidth + 10
}

// numberWidth is that of the longest number, with a space before it.
func (c *barChart) numberWidth() float64 {
	most := 4
	for _, b := range c.bars {
		most = max(most, len([]rune(c.text(b.value.Median))))
	}
	return float64(most)*letterWidth + 12 + markWidth
}

// scale goes from 0 to the end of the longest bar or interval. A bar that is more than ten times as long as those of
// three quarters of the strategies is cut off, as nothing could be seen of the others; its number tells how long it is.
func (c *barChart) scale() scale {
	var values, ends []float64
	for _, b := range c.bars {
		if finite(b.value.Median) {
			values = append(values, b.value.Median)
		}
	}
	slices.Sort(values)
	limit := math.Inf(1)
	if n := len(values); n >= 4 && values[(n-1)*3/4] > 0 && c.band == nil {
		limit = 10 * values[(n-1)*3/4]
	}
	for _, b := range c.bars {
		if b.value.Median <= limit {
			ends = append(ends, b.value.Median, b.value.High)
		}
	}
	return linearScale(ends)
}

// describe says everything that the chart shows, for those who do not see it.
func (c *barChart) describe() string {
	parts := make([]string, len(c.bars))
	for i, b := range c.bars {
		parts[i] = c.sentence(b)
	}
	return strings.Join(parts, "; ") + "."
}

func (c *barChart) sentence(b bar) string {
	s := b.name + " " + c.text(b.value.Median) + " " + c.unit
	if b.value.Low != b.value.High && finite(b.value.Median) {
		s += " (" + c.text(b.value.Low) + " to " + c.text(b.value.High) + ")"
	}
	if b.mark {
		s += ", not told apart from the best"
	}
	return s
}

// draw draws the chart from left and top on.
func (c *barChart) draw(d *drawing, left, top, width float64) {
	bars := width - c.nameWidth() - c.numberWidth()
	c.drawNames(d, "x", left, "y", top)
	c.drawBars(d, "x", left+c.nameWidth(), "y", top, "width", bars)
	c.drawNumbers(d, "x", left+width-c.numberWidth(), "y", top)
}

// drawNames, drawBars and drawNumbers draw the three columns, each into an element svg with the attributes given. Only
// that of the bars can have any width.
func (c *barChart) drawNames(d *drawing, attributes ...any) {
	d.open("svg", append(attributes, "width", c.nameWidth(), "height", c.height())...)
	for i, b := range c.bars {
		d.open("g", "class", family(b.name))
		d.text("title", c.sentence(b))
		d.text("text", abridge(b.name, longestName), "x", c.nameWidth()-8, "y", middle(i)+4, "class", "name")
		d.close("g")
	}
	d.close("svg")
}

func (c *barChart) drawBars(d *drawing, attributes ...any) {
	s := c.scale()
	d.open("svg", append(attributes, "height", c.height())...)
	c.drawAxis(d, s)
	for i, b := range c.bars {
		c.drawBar(d, s, b, middle(i))
	}
	d.close("svg")
}

func (c *barChart) drawNumbers(d *drawing, attributes ...any) {
	right := c.numberWidth() - markWidth
	d.open("svg", append(attributes, "width", c.numberWidth(), "height", c.height())...)
	d.text("text", c.unit, "x", right, "y", 13.0, "class", "number quiet")
	for i, b := range c.bars {
		d.open("g", "class", family(b.name))
		d.text("text", c.text(b.value.Median), "x", right, "y", middle(i)+4, "class", "number")
		if b.mark {
			d.text("text", overlapMark, "x", right+3, "y", middle(i)+4, "class", "quiet")
		}
		d.close("g")
	}
	d.close("svg")
}

// middle returns the height in the middle of the i-th row.
func middle(i int) float64 { return headHeight + rowHeight*(float64(i)+0.5) }

func (c *barChart) drawAxis(d *drawing, s scale) {
	bottom := c.height() - axisHeight
	if c.band != nil {
		low, high := s.at(c.band.Low), s.at(c.band.High)
		d.element("rect", "class", "band", "x", ofWidth(low), "width", ofWidth(high-low), "y", headHeight-2, "height", bottom-headHeight+4)
	}
	for _, tick := range s.ticks(barTicks) {
		x := ofWidth(s.at(tick))
		d.element("line", "class", "grid", "x1", x, "x2", x, "y1", headHeight-2, "y2", bottom+2)
		d.text("text", round(c.text(tick)), "x", x, "y", bottom+15, "class", "tick")
	}
}

// drawBar draws the bar and its interval, around the height y.
func (c *barChart) drawBar(d *drawing, s scale, b bar, y float64) {
	if !finite(b.value.Median) {
		return
	}
	d.open("g", "class", family(b.name), "data-name", b.name, "data-value", number(b.value.Median))
	d.text("title", c.sentence(b))
	d.element("rect", "class", "bar", "x", "0", "width", ofWidth(s.at(b.value.Median)), "y", y-barHeight/2, "height", barHeight)
	if b.value.Median > s.high {
		d.element("line", "class", "cut", "x1", "96%", "x2", "96%", "y1", y-barHeight/2-1, "y2", y+barHeight/2+1)
	} else if b.value.Low != b.value.High {
		low, high := ofWidth(s.at(b.value.Low)), ofWidth(s.at(b.value.High))
		d.element("line", "class", "whisker", "x1", low, "x2", high, "y1", y, "y2", y)
		for _, end := range []string{low, high} {
			d.element("line", "class", "whisker", "x1", end, "x2", end, "y1", y-3, "y2", y+3)
		}
	}
	d.close("g")
}

// family tells the maps of this project from others: they are drawn in colour.
func family(name string) string {
	switch {
	case name == "Map":
		return "ours"
	case strings.HasPrefix(name, "Map:"):
		return "kin"
	}
	return "other"
}
