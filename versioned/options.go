package versioned

import (
	"fmt"
	"time"
)

// An Option sets up a [Map] in [New] and [NewFunc].
type Option func(*config)

type config struct {
	tombstones int
	age        time.Duration // 0: no limit
	clock      func() time.Time
}

// defaultTombstones is what a map remembers if nobody says otherwise: with keys that are names, some 10 MB.
// Chosen by hand, not measured.
const defaultTombstones = 1 << 16

// WithTombstones sets how many deleted keys the map remembers; it is 65,536 otherwise. When there are more, the one
// that was deleted first is forgotten, and with it the protection against an observation from before its deletion. n
// may be 0: then only what is present is protected against old versions.
//
// New and NewFunc panic if n is negative.
func WithTombstones(n int) Option {
	return func(c *config) { c.tombstones = n }
}

// WithTombstoneAge lets the map forget keys that were deleted longer ago than age; otherwise only their number is
// bounded. It does so when the next key is deleted, and in [Map.Prune]: no goroutine runs for it. The longest delay
// of an event is a good age, with something on top.
//
// New and NewFunc panic if age is not positive.
func WithTombstoneAge(age time.Duration) Option {
	return func(c *config) {
		if age <= 0 {
			panic(fmt.Sprintf("versioned: WithTombstoneAge(%v): want a positive duration", age))
		}
		c.age = age
	}
}

// WithClock makes the map take the time from now instead of [time.Now], for tests. It is called by the operations that
// delete, with no lock held and before they change anything, and only if there is a [WithTombstoneAge].
//
// New and NewFunc panic if now is nil.
func WithClock(now func() time.Time) Option {
	return func(c *config) { c.clock = now }
}

func newConfig(opts []Option) config {
	c := config{tombstones: defaultTombstones, clock: time.Now}
	for _, o := range opts {
		o(&c)
	}
	if c.tombstones < 0 {
		panic(fmt.Sprintf("versioned: WithTombstones(%d): want 0 or more", c.tombstones))
	}
	if c.clock == nil {
		panic("versioned: WithClock(nil): want a function")
	}
	return c
}
