package report

import (
	"encoding/xml"
	"fmt"
	"math"
	"strconv"
	"strings"
)

// A drawing is SVG that is being written. All text and attributes in it are escaped.
type drawing struct{ strings.Builder }

// open begins an element. Attributes are names and values in turn; a value is a string or a float64.
func (d *drawing) open(name string, attributes ...any) { d.tag(name, attributes, ">") }

// close ends the element that was begun last.
func (d *drawing) close(name string) { d.WriteString("</" + name + ">") }

// element writes an element without content.
func (d *drawing) element(name string, attributes ...any) { d.tag(name, attributes, "/>") }

// text writes an element with nothing but text in it.
func (d *drawing) text(name, content string, attributes ...any) {
	d.open(name, attributes...)
	d.WriteString(escape(content))
	d.close(name)
}

func (d *drawing) tag(name string, attributes []any, end string) {
	d.WriteString("<" + name)
	for i := 0; i < len(attributes); i += 2 {
		value, ok := attributes[i+1].(string)
		if !ok {
			value = coordinate(attributes[i+1].(float64))
		}
		fmt.Fprintf(d, ` %s="%s"`, attributes[i], escape(value))
	}
	d.WriteString(end)
}

// escape makes text fit for XML. Characters that XML cannot hold become U+FFFD.
func escape(text string) string {
	var escaped strings.Builder
	_ = xml.EscapeText(&escaped, []byte(text)) // a Builder takes everything
	return escaped.String()
}

// coordinate writes x with two decimals at most, which is finer than a screen, and always in the same way.
func coordinate(x float64) string {
	rounded := math.Round(x*100) / 100
	return strconv.FormatFloat(rounded+0, 'f', -1, 64) // + 0 as there is a negative zero
}

// ofWidth writes a part of the width of the element around it.
func ofWidth(part float64) string { return coordinate(100*part) + "%" }

// abridge shortens a name from the middle, as the ends are what tells names apart.
func abridge(name string, most int) string {
	runes := []rune(name)
	if len(runes) <= most {
		return name
	}
	tail := (most - 1) / 2
	return string(runes[:most-1-tail]) + "…" + string(runes[len(runes)-tail:])
}

// round shortens the label of a round number: 2.00 to 2, 1.00ms to 1ms, and 0ns to 0.
func round(label string) string {
	if strings.HasPrefix(label, "0ns") {
		return "0"
	}
	whole, rest, found := strings.Cut(label, ".")
	unit := strings.TrimLeft(rest, "0123456789")
	decimals := strings.TrimRight(strings.TrimSuffix(rest, unit), "0")
	if found && decimals != "" {
		whole += "." + decimals
	}
	return whole + unit
}
