package report

import (
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
)

// A node is an element of a page or a drawing.
type node struct {
	name     string
	attr     map[string]string
	children []*node
	text     string // of itself and all elements in it

	parts strings.Builder // of the text, until the element ends
}

// parse reads a page or a drawing with a strict parser, as both promise to be XML. The root has no name.
func parse(t *testing.T, text string) *node {
	t.Helper()
	root := &node{attr: map[string]string{}}
	path := []*node{root}
	d := xml.NewDecoder(strings.NewReader(text))
	for {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			root.text = root.parts.String()
			return root
		}
		if err != nil {
			t.Fatalf("not well-formed: %v", err)
		}
		switch token := token.(type) {
		case xml.StartElement:
			n := &node{name: token.Name.Local, attr: map[string]string{}}
			for _, a := range token.Attr {
				if _, twice := n.attr[a.Name.Local]; twice {
					t.Fatalf("<%s> has %s twice", n.name, a.Name.Local)
				}
				n.attr[a.Name.Local] = a.Value
			}
			parent := path[len(path)-1]
			parent.children = append(parent.children, n)
			path = append(path, n)
		case xml.EndElement:
			last := len(path) - 1
			path[last].text = path[last].parts.String()
			path[last-1].parts.WriteString(path[last].text)
			path = path[:last]
		case xml.CharData:
			path[len(path)-1].parts.Write(token)
		}
	}
}

// all returns the elements that fulfil the condition, in their order.
func (n *node) all(condition func(*node) bool) (found []*node) {
	for _, child := range n.children {
		if condition(child) {
			found = append(found, child)
		}
		found = append(found, child.all(condition)...)
	}
	return found
}

func (n *node) named(name string) []*node {
	return n.all(func(n *node) bool { return n.name == name })
}

func (n *node) with(attribute string) []*node {
	return n.all(func(n *node) bool { _, ok := n.attr[attribute]; return ok })
}

// outline writes what elements there are, with what tells them apart, and the text of those without elements in them, but
// for sentences and styles.
func (n *node) outline(depth int) string {
	var text strings.Builder
	for _, child := range n.children {
		fmt.Fprintf(&text, "%s%s", strings.Repeat("  ", depth), child.name)
		for _, key := range []string{"id", "class", "data-strategy", "data-key", "data-name", "data-value"} {
			if value, ok := child.attr[key]; ok {
				fmt.Fprintf(&text, " %s=%s", key, value)
			}
		}
		sentence := slices.Contains([]string{"p", "style", "pre", "desc"}, child.name)
		if len(child.children) == 0 && !sentence && child.text != "" {
			fmt.Fprintf(&text, ": %s", child.text)
		}
		text.WriteString("\n" + child.outline(depth+1))
	}
	return text.String()
}

var coordinates = []string{"x", "y", "x1", "x2", "y1", "y2", "cx", "cy", "width", "height"}

// checkSelfContained checks what a page and a drawing promise: they load nothing, run nothing, and hold no number that
// is none; every element that is referred to is there once.
func checkSelfContained(t *testing.T, root *node) {
	t.Helper()
	ids := map[string]int{}
	for _, n := range root.all(func(*node) bool { return true }) {
		switch n.name {
		case "script", "link", "img", "image", "iframe", "object", "embed", "use", "foreignObject", "base":
			t.Errorf("there is an element <%s>", n.name)
		case "style":
			for _, bad := range []string{"url(", "@import", "http", "//"} {
				if strings.Contains(n.text, bad) {
					t.Errorf("the style has %s", bad)
				}
			}
		}
		for key, value := range n.attr {
			if key == "xmlns" && value == "http://www.w3.org/2000/svg" {
				continue
			}
			named := strings.HasPrefix(key, "data-") || key == "aria-label" // may hold any name
			if strings.HasPrefix(key, "on") || key == "src" || key == "href" && !strings.HasPrefix(value, "#") {
				t.Errorf("<%s> has %s=%q", n.name, key, value)
			}
			if !named && (strings.Contains(value, "http:") || strings.Contains(value, "https:") || strings.Contains(value, "NaN") || strings.Contains(value, "Inf")) {
				t.Errorf("<%s> has %s=%q", n.name, key, value)
			}
			if _, decimals, _ := strings.Cut(value, "."); slices.Contains(coordinates, key) && len(strings.TrimSuffix(decimals, "%")) > 2 {
				t.Errorf("<%s> has %s=%q, which is finer than anybody sees", n.name, key, value)
			}
			if key == "data-value" && (strings.Contains(value, "N") || strings.Contains(value, "I")) {
				t.Errorf("<%s> has %s=%q", n.name, key, value)
			}
		}
		if id := n.attr["id"]; id != "" {
			ids[id]++
		}
	}
	for id, times := range ids {
		if times > 1 {
			t.Errorf("the id %s is there %d times", id, times)
		}
	}
	for _, n := range root.all(func(*node) bool { return true }) {
		refers := strings.Fields(n.attr["aria-labelledby"])
		if href := n.attr["href"]; href != "" {
			refers = append(refers, strings.TrimPrefix(href, "#"))
		}
		for _, id := range refers {
			if ids[id] != 1 {
				t.Errorf("<%s> refers to %s, which is there %d times", n.name, id, ids[id])
			}
		}
	}
}

// checkAccessible checks that each drawing says what it shows to those who do not see it, or is hidden from them.
func checkAccessible(t *testing.T, root *node) {
	t.Helper()
	for _, n := range root.all(func(n *node) bool { return n.name == "svg" && n.attr["class"] != "" }) {
		if n.attr["aria-hidden"] == "true" {
			continue
		}
		if n.attr["role"] != "img" || n.attr["aria-labelledby"] == "" && n.attr["aria-label"] == "" {
			t.Errorf("a drawing says nothing: %v", n.attr)
		}
	}
	for _, n := range root.named("table") {
		if len(n.named("caption")) != 1 || len(n.named("thead")) != 1 {
			t.Errorf("a table has no caption or heading: %s", n.outline(0))
		}
		columns := len(n.named("thead")[0].named("th"))
		for _, row := range n.named("tbody")[0].named("tr") {
			if len(row.children) != columns || row.children[0].attr["scope"] != "row" {
				t.Errorf("a row does not fit to its heading: %s", row.outline(0))
			}
		}
	}
}
