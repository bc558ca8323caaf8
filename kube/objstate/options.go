package objstate

import "fmt"

// An Option sets up a [Map] in [New].
type Option func(*config)

type config struct {
	tombstones int
	copy       any // nil, or a func(S) S
}

// defaultTombstones is what a map remembers if nobody says otherwise: some 10 MB. Chosen by hand, not measured.
const defaultTombstones = 1 << 16

// WithTombstones sets how many names of deleted objects the map remembers; it is 65,536 otherwise. When there are more,
// the one that was deleted first is forgotten, and with it the protection against late events of that object. n may be
// 0: then an object that has gone is unknown.
//
// New panics if n is negative.
func WithTombstones(n int) Option {
	return func(c *config) { c.tombstones = n }
}

// WithCopy makes the map copy each state on the way in and out, for states that refer to what their users modify, such
// as maps and slices: nobody then shares a state with the map. Functions that are given a state may modify it.
//
// copy is called with no lock held, by any number of goroutines at once; it may not modify its argument. If it panics,
// nothing has changed. New panics if copy is nil, or if S is not the state of the map.
func WithCopy[S any](copy func(S) S) Option {
	return func(c *config) {
		if copy == nil {
			panic("objstate: WithCopy(nil): want a function")
		}
		c.copy = copy
	}
}

// New returns an empty map. It panics if an option is bad, with a sentence that names the option and the value. The zero
// Map does the same as New without options.
func New[S any](opts ...Option) *Map[S] {
	c := config{tombstones: defaultTombstones}
	for _, o := range opts {
		o(&c)
	}
	if c.tombstones < 0 {
		panic(fmt.Sprintf("objstate: WithTombstones(%d): want 0 or more", c.tombstones))
	}
	m := &Map[S]{limit: c.tombstones}
	if c.copy != nil {
		var ok bool
		if m.copy, ok = c.copy.(func(S) S); !ok {
			panic(fmt.Sprintf("objstate: WithCopy(%T): want a %T", c.copy, m.copy))
		}
	}
	m.setUp.Do(m.index)
	return m
}
