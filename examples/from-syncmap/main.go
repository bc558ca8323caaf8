// Command from-syncmap is one small cache twice: over sync.Map, and over
// shardmap.Map.
//
// The idea: change the type and keep the code. before.go and after.go differ
// in the declaration, in the type assertions, which are gone, and in what
// sync.Map has no method for: the number of entries.
package main

import (
	"fmt"
	"os"
	"strings"
)

// A pod is what the caches hold, by name.
type pod struct{ name, node, phase string }

// cache is what both versions do.
type cache interface {
	observe(p pod) (changed bool)
	node(name string) (node string, known bool)
	forget(name string) (last pod, known bool)
	count(phase string) int
	len() int
}

func main() {
	before, after := report(new(podsBefore)), report(new(podsAfter))
	if before != after {
		fmt.Printf("before:\n%s\nafter:\n%s\nthe results differ\n", before, after)
		os.Exit(1)
	}
	fmt.Print(after, "before and after agree\n")
}

// report uses every method of c and tells the results.
func report(c cache) string {
	var text strings.Builder
	for _, p := range []pod{
		{"web-0", "node-a", "Pending"}, {"web-1", "node-b", "Running"},
		{"web-0", "node-a", "Running"}, {"web-1", "node-b", "Running"}, {"job-7", "", "Pending"},
	} {
		fmt.Fprintf(&text, "observe %s %s: changed %t\n", p.name, p.phase, c.observe(p))
	}
	for _, name := range []string{"web-1", "job-7", "web-9"} {
		node, known := c.node(name)
		fmt.Fprintf(&text, "node of %s: %q, known %t\n", name, node, known)
	}
	fmt.Fprintf(&text, "running: %d of %d\n", c.count("Running"), c.len())
	for range 2 {
		last, known := c.forget("web-0")
		fmt.Fprintf(&text, "forget web-0: was %q, known %t\n", last.phase, known)
	}
	fmt.Fprintf(&text, "left: %d\n", c.len())
	return text.String()
}
