package typed

import "sync"

type pod struct{ name string }

type cache struct {
	pods sync.Map  // want `sync.Map can be shardmap.Map\[string, \*pod\]`
	hits *sync.Map // want `sync.Map can be shardmap.Map\[string, int\]`
}

var seen sync.Map // want `sync.Map can be shardmap.Map\[string, struct{}\]`

var starts = &sync.Map{} // want `sync.Map can be shardmap.Map\[int, time.Time\]`

func newCache() *cache { return &cache{hits: new(sync.Map)} }

func (c *cache) add(p *pod) bool {
	c.pods.Store(p.name, p)
	starts.Store(len(p.name), now())
	_, loaded := seen.LoadOrStore(p.name, struct{}{})
	return loaded
}

func (c *cache) hit(name string) int {
	n, loaded := c.hits.LoadOrStore(name, 1)
	if loaded && c.hits.CompareAndSwap(name, n, n.(int)+1) {
		return n.(int) + 1
	}
	return 1
}

func (c *cache) get(name string) *pod {
	var p, ok = c.pods.Load(name)
	if !ok {
		return nil
	}
	return p.(*pod)
}

func (c *cache) drop(show func(any)) (names []any) {
	c.pods.Range(func(name, p any) bool {
		show(p) // the same as before, in an interface
		c.pods.CompareAndDelete(name, p)
		c.hits.Delete(name.(string))
		names = append(names, name)
		return p.(*pod) != nil
	})
	seen.Clear()
	return names
}

func local() (sum int) {
	squares := sync.Map{} // want `sync.Map can be shardmap.Map\[int, int\]`
	for i := range 3 {
		squares.Store(i, i*i)
	}
	squares.Range(func(k any, v any) bool { sum += k.(int) * v.(int); return true })
	squares.Range(func(any, any) bool { sum++; return true })
	return sum
}
