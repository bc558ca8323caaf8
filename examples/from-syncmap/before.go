package main

import "sync"

// podsBefore is the cache over sync.Map.
type podsBefore struct{ byName sync.Map } // string → pod, says only this comment

func (c *podsBefore) observe(p pod) (changed bool) {
	previous, loaded := c.byName.Swap(p.name, p)
	return !loaded || previous.(pod) != p
}

func (c *podsBefore) node(name string) (node string, known bool) {
	value, ok := c.byName.Load(name)
	if !ok {
		return "", false
	}
	return value.(pod).node, true
}

func (c *podsBefore) forget(name string) (last pod, known bool) {
	value, loaded := c.byName.LoadAndDelete(name)
	if !loaded {
		return pod{}, false
	}
	return value.(pod), true
}

func (c *podsBefore) count(phase string) (n int) {
	c.byName.Range(func(_, value any) bool {
		if value.(pod).phase == phase {
			n++
		}
		return true
	})
	return n
}

func (c *podsBefore) len() (n int) {
	c.byName.Range(func(_, _ any) bool { n++; return true })
	return n
}
