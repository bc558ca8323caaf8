//go:build explore

package shardmap

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/shardmap-go/shardmap/internal/sched"
)

// What a few operations did, and whether that can be: the checker tries all orders in which they may have taken effect.

// content is the state of the model. Values are never 0.
type content map[int]int

// An operation is one call: when it began and ended, and what it must have been, had it been alone.
type operation struct {
	text       string
	begin, end int
	apply      func(content) bool // does it to the model; false if the results would have been others
}

// A history records the operations of one run.
type history struct {
	initial content
	clock   int
	ops     []*operation
	steps   int // of the longest Load
	broken  string
}

// do records one call of a task. call makes it, and returns a text of it with its results, and what it does to the model.
func (h *history) do(call func() (string, func(content) bool)) {
	o := &operation{begin: h.tick(), end: -1}
	h.ops = append(h.ops, o)
	o.text, o.apply = call()
	o.end = h.tick()
}

func (h *history) tick() int {
	h.clock++
	return h.clock
}

// signature tells histories apart that the checker must tell apart.
func (h *history) signature() string {
	var b strings.Builder
	for _, o := range h.ops {
		fmt.Fprintf(&b, "%s@%d-%d;", o.text, o.begin, o.end)
	}
	return b.String()
}

// linearizable reports whether the operations can have taken effect one after the other, each between its begin and its
// end, with the results that they had.
func (h *history) linearizable() bool { return search(h.initial, h.ops) }

func search(state content, left []*operation) bool {
	if len(left) == 0 {
		return true
	}
	firstEnd := left[0].end
	for _, o := range left {
		firstEnd = min(firstEnd, o.end)
	}
	for i, o := range left {
		if o.begin > firstEnd {
			continue // another one had ended before it began
		}
		next := maps.Clone(state)
		if o.apply(next) && search(next, slices.Delete(slices.Clone(left), i, i+1)) {
			return true
		}
	}
	return false
}

func (h *history) text() string {
	text := fmt.Sprintf("  initially %v\n", h.initial)
	for _, o := range h.ops {
		text += fmt.Sprintf("  [%d, %d] %s\n", o.begin, o.end, o.text)
	}
	return text
}

// The operations of a Map, with the results of each in its text. v makes values, n is the inverse.
type tested[V any] struct {
	*Map[int, V]
	*history
	v func(int) V
	n func(V) int
}

func (m *tested[V]) number(value V, ok bool) int {
	if !ok {
		return 0
	}
	return m.n(value)
}

// is makes the model's side of an operation that returns what was there, and then does change.
func is(key, was int, change func(content)) func(content) bool {
	return func(c content) bool {
		if c[key] != was {
			return false
		}
		if change != nil {
			change(c)
		}
		return true
	}
}

func set(key, value int) func(content) { return func(c content) { c[key] = value } }
func unset(key int) func(content)      { return func(c content) { delete(c, key) } }

func (m *tested[V]) load(key int) {
	m.do(func() (string, func(content) bool) {
		before := sched.Steps()
		got := m.number(m.Load(key))
		m.steps = max(m.steps, sched.Steps()-before)
		return fmt.Sprintf("Load(%d)=%d", key, got), is(key, got, nil)
	})
}

func (m *tested[V]) store(key, value int) {
	m.do(func() (string, func(content) bool) {
		m.Store(key, m.v(value))
		return fmt.Sprintf("Store(%d,%d)", key, value), func(c content) bool { c[key] = value; return true }
	})
}

func (m *tested[V]) swap(key, value int) {
	m.do(func() (string, func(content) bool) {
		got := m.number(m.Swap(key, m.v(value)))
		return fmt.Sprintf("Swap(%d,%d)=%d", key, value, got), is(key, got, set(key, value))
	})
}

func (m *tested[V]) loadOrStore(key, value int) {
	m.do(func() (string, func(content) bool) {
		actual, loaded := m.LoadOrStore(key, m.v(value))
		got := m.number(actual, loaded)
		text := fmt.Sprintf("LoadOrStore(%d,%d)=%d", key, value, got)
		if loaded {
			return text, is(key, got, nil)
		}
		return text, is(key, 0, set(key, value))
	})
}

func (m *tested[V]) delete(key int) {
	m.do(func() (string, func(content) bool) {
		got := m.number(m.LoadAndDelete(key))
		return fmt.Sprintf("LoadAndDelete(%d)=%d", key, got), is(key, got, unset(key))
	})
}

func (m *tested[V]) compareAndSwap(key, old, value int) {
	m.do(func() (string, func(content) bool) {
		swapped := m.CompareAndSwap(key, m.v(old), m.v(value))
		text := fmt.Sprintf("CompareAndSwap(%d,%d,%d)=%v", key, old, value, swapped)
		if swapped {
			return text, is(key, old, set(key, value))
		}
		return text, func(c content) bool { return c[key] != old }
	})
}

func (m *tested[V]) compareAndDelete(key, old int) {
	m.do(func() (string, func(content) bool) {
		deleted := m.CompareAndDelete(key, m.v(old))
		text := fmt.Sprintf("CompareAndDelete(%d,%d)=%v", key, old, deleted)
		if deleted {
			return text, is(key, old, unset(key))
		}
		return text, func(c content) bool { return c[key] != old }
	})
}

// increment adds 10 by Compute, and deletes what has reached limit.
func (m *tested[V]) increment(key, limit int) {
	m.do(func() (string, func(content) bool) {
		was := 0
		m.Compute(key, func(old V, loaded bool) (V, Op) {
			was = m.number(old, loaded)
			if was >= limit {
				return old, Remove
			}
			return m.v(was + 10), Set
		})
		text := fmt.Sprintf("Compute(%d)=%d", key, was)
		if was >= limit {
			return text, is(key, was, unset(key))
		}
		return text, is(key, was, set(key, was+10))
	})
}

// whole makes the model's side of an operation that saw all entries at one instant, and then does change.
func whole(name string, saw content, change func(content)) (string, func(content) bool) {
	return fmt.Sprintf("%s=%v", name, saw), func(c content) bool {
		if !maps.Equal(c, saw) {
			return false
		}
		if change != nil {
			change(c)
		}
		return true
	}
}

func (m *tested[V]) numbers(s *Snapshot[int, V]) content {
	c := content{}
	for key, value := range s.All() {
		if _, twice := c[key]; twice {
			m.broken = fmt.Sprintf("a snapshot shows key %d twice", key)
		}
		c[key] = m.n(value)
	}
	if len(c) != s.Len() {
		m.broken = fmt.Sprintf("a snapshot of %d entries says that it has %d", len(c), s.Len())
	}
	return c
}

// snapshot takes a snapshot and reads it when the others have gone on.
func (m *tested[V]) snapshot() {
	var s *Snapshot[int, V]
	m.do(func() (string, func(content) bool) {
		s = m.Snapshot()
		return whole("Snapshot", m.numbers(s), nil)
	})
	first := m.numbers(s)
	sched.Step()
	if again := m.numbers(s); !maps.Equal(first, again) {
		m.broken = fmt.Sprintf("a snapshot changed from %v to %v", first, again)
	}
}

// clone takes a clone, and writes to it, which must not show up in the map.
func (m *tested[V]) clone() {
	m.do(func() (string, func(content) bool) {
		c := m.Clone()
		s := c.Snapshot()
		c.Store(1, m.v(99))
		c.Store(1000, m.v(99))
		return whole("Clone", m.numbers(s), nil)
	})
}

func (m *tested[V]) replace(with content) {
	m.do(func() (string, func(content) bool) {
		old := m.Replace(func(yield func(int, V) bool) {
			for _, key := range slices.Sorted(maps.Keys(with)) {
				if !yield(key, m.v(with[key])) {
					return
				}
			}
		})
		return whole(fmt.Sprintf("Replace(%v)", with), m.numbers(old), func(c content) {
			clear(c)
			maps.Copy(c, with)
		})
	})
}

func (m *tested[V]) clear() {
	m.do(func() (string, func(content) bool) {
		m.Clear()
		return "Clear", func(c content) bool { clear(c); return true }
	})
}

func (m *tested[V]) shrink() {
	m.do(func() (string, func(content) bool) {
		m.Shrink()
		return "Shrink", func(content) bool { return true }
	})
}

// ranges checks what Range promises: no key twice, and the keys that nobody touches – those of the initial content from
// from on – with their values.
func (m *tested[V]) ranges(from int) {
	m.do(func() (string, func(content) bool) {
		seen := content{}
		for key, value := range m.All() {
			if _, twice := seen[key]; twice {
				m.broken = fmt.Sprintf("Range shows key %d twice", key)
			}
			seen[key] = m.n(value)
		}
		for key, value := range m.initial {
			if key >= from && seen[key] != value {
				m.broken = fmt.Sprintf("Range shows %d for key %d, which has %d all the time", seen[key], key, value)
			}
		}
		return "Range", func(content) bool { return true }
	})
}
