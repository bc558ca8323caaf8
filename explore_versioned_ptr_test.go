//go:build explore

package shardmap

import (
	"fmt"
	"testing"
)

// The model of a VersionedPtr is a content with the keys pointer and version; the pointer 0 is nil.
const (
	pointer = iota
	version
)

type testedPtr struct {
	VersionedPtr[int]
	*history
	numbers [10]int
}

func (p *testedPtr) number(n *int) int {
	for i := range p.numbers {
		if n == &p.numbers[i] {
			return i
		}
	}
	return 0
}

func (p *testedPtr) load() (v uint64) {
	p.do(func() (string, func(content) bool) {
		got, current := p.Load()
		v = current
		return fmt.Sprintf("Load=%d,%d", p.number(got), v), func(c content) bool {
			return c[pointer] == p.number(got) && c[version] == int(v)
		}
	})
	return v
}

func (p *testedPtr) swap(to int) {
	p.do(func() (string, func(content) bool) {
		old, v := p.Swap(&p.numbers[to])
		return fmt.Sprintf("Swap(%d)=%d,%d", to, p.number(old), v), func(c content) bool {
			was := c[pointer]
			c[pointer] = to
			c[version]++
			return was == p.number(old) && c[version] == int(v)
		}
	})
}

func (p *testedPtr) compareAndSwap(known uint64, to int) {
	p.do(func() (string, func(content) bool) {
		v, swapped := p.CompareAndSwap(known, &p.numbers[to])
		return fmt.Sprintf("CompareAndSwap(%d,%d)=%d,%v", known, to, v, swapped), func(c content) bool {
			if !swapped {
				return c[version] == int(v) && v != known
			}
			was := c[version]
			c[pointer], c[version] = to, was+1
			return was == int(known) && c[version] == int(v)
		}
	})
}

// Pointers come back to what they were; versions must not be taken in by that.
func TestExploreVersionedPtr(t *testing.T) {
	meetings := map[string][]func(*testedPtr){
		"there and back": {
			func(p *testedPtr) { p.compareAndSwap(p.load(), 2) },
			func(p *testedPtr) { p.swap(3); p.swap(1) },
			func(p *testedPtr) { p.load(); p.compareAndSwap(p.load(), 1) },
		},
		"from nil": {
			func(p *testedPtr) { p.compareAndSwap(0, 1); p.load() },
			func(p *testedPtr) { p.compareAndSwap(0, 2); p.swap(1) },
			func(p *testedPtr) { p.load(); p.swap(3) },
		},
	}
	total := 0
	for name, tasks := range meetings {
		t.Run(name, func(t *testing.T) {
			total += explore(t, func() meeting {
				p := &testedPtr{history: &history{initial: content{}}}
				if name == "there and back" {
					p.Store(&p.numbers[1])
				}
				current, v := p.Load()
				p.initial[pointer], p.initial[version] = p.number(current), int(v)
				all := make([]func(), len(tasks))
				for i, task := range tasks {
					all[i] = func() { task(p) }
				}
				return meeting{p.history, all, func() { p.load() }}
			})
		})
	}
	t.Logf("%d schedules", total)
}
