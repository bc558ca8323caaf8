package ttl

import (
	"fmt"
	"time"
)

// An Option sets up a [Map] in [New].
type Option func(*config)

// config collects what the options ask for; New checks it as a whole.
type config struct {
	lifetime Lifetime
	clock    func() time.Time
	interval time.Duration
	max      int
	policy   Policy
	onEvict  any // nil, or a func(K, V, Reason)

	hasClock, hasInterval, hasMax, hasOnEvict bool
}

// defaultInterval is the time between two passes of the janitor.
const defaultInterval = time.Second

// A Policy says what happens when a new key comes to a map that is full.
type Policy uint8

const (
	// Reject refuses the new key with [ErrFull], unless entries have expired whose place it can take.
	Reject Policy = iota + 1

	// Evict drops another entry, one that has not been loaded recently. It is CLOCK (Corbató, "A Paging Experiment with
	// the Multics System", 1968), an approximation of LRU: a hand goes round the entries, spares those that were loaded
	// since it last came by, and takes the first other one; or, when it has spared 64 in a row, the next one. There is a
	// hand for each of several random parts of the entries, and a part is chosen at random.
	Evict
)

// String returns "reject" or "evict".
func (p Policy) String() string {
	switch p {
	case Reject:
		return "reject"
	case Evict:
		return "evict"
	}
	return fmt.Sprintf("Policy(%d)", uint8(p))
}

// WithLifetime sets the lifetime of entries that are stored without one of their own. New panics if a duration in l is
// negative.
func WithLifetime(l Lifetime) Option {
	return func(c *config) { c.lifetime = l }
}

// WithMaxEntries limits the number of entries that the map holds, those that have expired and were not collected yet and
// the errors that LoadOrCompute caches included. It holds at every instant. A stored value of a key that is there
// replaces the old one, and needs no room. New panics if n is less than 1 or above 2³¹-1, or policy is none of [Reject]
// and [Evict].
//
// Inserts and deletes of a limited map write one counter that they share.
func WithMaxEntries(n int, policy Policy) Option {
	return func(c *config) { c.max, c.policy, c.hasMax = n, policy, true }
}

// WithOnEvict has f called for each entry that left the map, exactly once, with the [Reason]. Errors that LoadOrCompute
// caches are no entries in this sense.
//
// f is called with no lock held, after the entry is gone and what took its place is there, on the goroutine of the
// operation that took it out: a store, a deletion, Clear, Collect, the janitor; or a load that was the first to find the
// entry expired. It may use the map. If it panics or calls [runtime.Goexit] that goes on in the caller of the operation,
// after f was called for whatever else the operation took out. Calls for different entries may run at the same time, and
// in another order than that in which the entries left.
//
// New panics if f is nil, or takes keys or values of other types than the map's.
func WithOnEvict[K comparable, V any](f func(key K, value V, reason Reason)) Option {
	return func(c *config) { c.onEvict, c.hasOnEvict = f, true }
}

// WithClock makes the map take the time from now instead of the system's monotonic clock. It must not go back, and is
// called by any number of goroutines at the same time, with no lock held; it must not use the map. New panics if now is
// nil.
func WithClock(now func() time.Time) Option {
	return func(c *config) { c.clock, c.hasClock = now, true }
}

// WithInterval sets the time between two passes of the janitor, see [Map.Start]; it is a second otherwise. The interval
// says when memory is freed and OnEvict is called, not when entries expire. New panics unless d is positive.
func WithInterval(d time.Duration) Option {
	return func(c *config) { c.interval, c.hasInterval = d, true }
}

// check panics with a sentence that names the first bad option and its value.
func (c *config) check() {
	c.lifetime.check("WithLifetime")
	switch {
	case c.lifetime.TTL < 0:
		panic(fmt.Sprintf("ttl: WithLifetime: TTL %v: must not be negative", c.lifetime.TTL))
	case c.hasMax && (c.max < 1 || int64(c.max) > 1<<31-1):
		panic(fmt.Sprintf("ttl: WithMaxEntries: %d entries: want a number from 1 to %d", c.max, int64(1<<31-1)))
	case c.hasMax && c.policy != Reject && c.policy != Evict:
		panic(fmt.Sprintf("ttl: WithMaxEntries: policy %v: want Reject or Evict", c.policy))
	case c.hasClock && c.clock == nil:
		panic("ttl: WithClock: clock <nil>: want a function")
	case c.hasInterval && c.interval <= 0:
		panic(fmt.Sprintf("ttl: WithInterval: interval %v: must be positive", c.interval))
	}
}

// onEvictFor returns the function given WithOnEvict as one for the types of a map.
func onEvictFor[K comparable, V any](c *config) func(K, V, Reason) {
	if !c.hasOnEvict {
		return nil
	}
	f, ok := c.onEvict.(func(K, V, Reason))
	if !ok {
		panic(fmt.Sprintf("ttl: WithOnEvict: function of type %T: this map needs a %T", c.onEvict, f))
	}
	if f == nil {
		panic("ttl: WithOnEvict: function <nil>: want a function")
	}
	return f
}
