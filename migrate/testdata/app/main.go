// Command app prints what a program does with concurrent maps in several places and forms.
package main

import (
	"fmt"
	"slices"
	"sync"
)

func main() {
	c := &cache{hits: new(sync.Map)}
	for _, name := range []string{"web", "db", "web", "mail"} {
		c.observe(&pod{name: name, node: "node-" + name})
	}
	fmt.Println("nodes:", c.node("web"), c.node("db"), c.node("none"))
	fmt.Println("hits:", c.hitsOf("web"), c.hitsOf("db"), c.hitsOf("none"))
	fmt.Println("forget:", c.forget("db"), c.forget("db"))
	fmt.Println("left:", c.names())

	var r registry
	r.Store("a", 1)
	r.Store(2, "b")
	r.Store(nil, nil)
	value, ok := r.Load(nil)
	fmt.Println("registry:", value, ok)
	_, loaded := r.LoadOrStore("a", 3)
	fmt.Println("registry:", loaded, r.CompareAndSwap("a", 1, 4), r.CompareAndDelete("a", 1))

	load := (*sync.Map).Load
	value, ok = load(&r.Map, "a")
	fmt.Println("registry:", value, ok)
	r.Clear()
	value, ok = load(&r.Map, "a")
	fmt.Println("registry:", value, ok)

	byZone := map[string]*sync.Map{"a": new(sync.Map), "b": {}}
	byZone["b"].Store(1, 2)
	fmt.Println("zones:", count(byZone["a"]), count(byZone["b"]))
	fmt.Println("concurrent:", concurrently())
}

// registry holds anything.
type registry struct{ sync.Map }

func count(m *sync.Map) (n int) {
	m.Range(func(_, _ any) bool { n++; return true })
	return n
}

func concurrently() int {
	var squares sync.Map
	var group sync.WaitGroup
	for i := range 100 {
		group.Go(func() { squares.Store(i, i*i) })
	}
	group.Wait()
	sum := 0
	squares.Range(func(key, value any) bool {
		if key.(int)%2 == 0 {
			sum += value.(int)
		}
		return true
	})
	return sum
}

func sorted(names []string) []string {
	slices.Sort(names)
	return names
}
