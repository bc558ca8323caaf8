package main

import "github.com/shardmap-go/shardmap"

// podsAfter is the cache over shardmap.Map.
type podsAfter struct{ byName shardmap.Map[string, pod] }

func (c *podsAfter) observe(p pod) (changed bool) {
	previous, loaded := c.byName.Swap(p.name, p)
	return !loaded || previous != p
}

func (c *podsAfter) node(name string) (node string, known bool) {
	p, ok := c.byName.Load(name)
	return p.node, ok
}

func (c *podsAfter) forget(name string) (last pod, known bool) {
	return c.byName.LoadAndDelete(name)
}

func (c *podsAfter) count(phase string) (n int) {
	for _, p := range c.byName.All() {
		if p.phase == phase {
			n++
		}
	}
	return n
}

func (c *podsAfter) len() int { return c.byName.Len() }
