package report

import (
	"fmt"
	"strings"
)

// A panelChart shows lines, each in a small panel of its own, before those of all others in grey: that way they need no
// colours to be told apart, however many there are.
type panelChart struct {
	title  string
	across []place // the values along the x axis, as far as they are labelled
	up     scale
	lines  []line
	text   func(float64) string
}

// A place is a labelled place along an axis, from 0 to 1.
type place struct {
	at    float64
	label string
}

// A line is what one strategy does. Its note is a figure below its name.
type line struct {
	name   string
	note   string
	points []point
}

// A point is a value at a place along the x axis from 0 to 1, with its interval. Without a value it is NaN.
type point struct{ x, low, y, high float64 }

// The sizes of a panel are in pixels.
const (
	panelWidth, panelHeight = 172.0, 150.0
	panelLeft, panelRight   = 42.0, 166.0
	panelTop, panelBottom   = 42.0, 128.0
	panelTicks              = 4
)

// describe says everything that the panel shows.
func (c *panelChart) describe(l line) string {
	var parts []string
	for i, p := range l.points {
		if finite(p.y) {
			parts = append(parts, c.across[i].label+" "+c.text(p.y))
		}
	}
	return l.name + ": " + strings.Join(parts, ", ")
}

// drawPanel draws the panel of the i-th line into an element svg with the attributes given.
func (c *panelChart) drawPanel(d *drawing, i int, attributes ...any) {
	l := c.lines[i]
	d.open("svg", append(attributes, "viewBox", fmt.Sprintf("0 0 %v %v", panelWidth, panelHeight))...)
	d.text("title", c.describe(l))
	d.text("text", abridge(l.name, longestName+2), "x", "0", "y", 14.0, "class", "heading "+family(l.name))
	d.text("text", l.note, "x", "0", "y", 29.0, "class", "quiet small")
	for _, tick := range c.up.ticks(panelTicks) {
		y := c.y(tick)
		d.element("line", "class", "grid", "x1", panelLeft, "x2", panelRight, "y1", y, "y2", y)
		d.text("text", round(c.text(tick)), "x", panelLeft-6, "y", y+3.5, "class", "number small quiet")
	}
	for _, p := range c.across {
		d.text("text", p.label, "x", c.x(p.at), "y", panelBottom+14, "class", "tick small")
	}
	for j, other := range c.lines {
		if j != i {
			d.element("path", "class", "context", "d", c.path(other.points))
		}
	}
	d.open("g", "class", family(l.name), "data-name", l.name)
	d.element("path", "class", "line", "d", c.path(l.points))
	for _, p := range l.points {
		if finite(p.y) {
			d.element("line", "class", "whisker", "x1", c.x(p.x), "x2", c.x(p.x), "y1", c.y(p.low), "y2", c.y(p.high))
			d.element("circle", "class", "dot", "cx", c.x(p.x), "cy", c.y(p.y), "r", 2.5, "data-value", number(p.y))
		}
	}
	d.close("g")
	d.close("svg")
}

// x and y return coordinates within a panel.
func (c *panelChart) x(at float64) float64 { return panelLeft + 8 + at*(panelRight-panelLeft-20) }
func (c *panelChart) y(v float64) float64  { return panelBottom - c.up.at(v)*(panelBottom-panelTop) }

// path joins the points that have a value.
func (c *panelChart) path(points []point) string {
	var path strings.Builder
	letter := "M"
	for _, p := range points {
		if finite(p.y) {
			path.WriteString(letter + coordinate(c.x(p.x)) + " " + coordinate(c.y(p.y)))
			letter = "L"
		}
	}
	return path.String()
}
