package main

import "sync"

type pod struct{ name, node string }

// cache is typed by its comments only.
type cache struct {
	pods sync.Map  // name → *pod
	hits *sync.Map // name → int
}

func (c *cache) observe(p *pod) {
	c.pods.Store(p.name, p)
	for {
		n, loaded := c.hits.LoadOrStore(p.name, 1)
		if !loaded || c.hits.CompareAndSwap(p.name, n, n.(int)+1) {
			return
		}
	}
}

func (c *cache) node(name string) string {
	value, ok := c.pods.Load(name)
	if !ok {
		return "unknown"
	}
	return value.(*pod).node
}

func (c *cache) hitsOf(name string) int {
	if n, ok := c.hits.Load(name); ok {
		return n.(int)
	}
	return 0
}

func (c *cache) forget(name string) bool {
	p, loaded := c.pods.LoadAndDelete(name)
	return loaded && p.(*pod).name == name
}

func (c *cache) names() (names []string) {
	c.pods.Range(func(key, _ any) bool {
		names = append(names, key.(string))
		return true
	})
	return sorted(names)
}
