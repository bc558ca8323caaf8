package delta

import "fmt"

// An Option sets up a [Set] in [New].
type Option func(*config)

// config collects what the options ask for; New checks it as a whole.
type config struct {
	equal      any // nil, or a func(a, b V) bool
	hasEqual   bool
	keep, most int
	first      uint64
}

const (
	// defaultKeep and defaultMost are the bounds of WithHistory in a set that was made without it. Chosen by hand, not
	// measured: with string keys and pointer values they are about 50 KB and 1 MB.
	defaultKeep = 1 << 10
	defaultMost = 1 << 14

	// maxFirst leaves so many revisions that they never run out.
	maxFirst = 1 << 63
)

func defaults() config { return config{keep: defaultKeep, most: defaultMost} }

// WithEqual makes a store of a value that is equal to the stored one no change: it commits nothing. [Set.Since] leaves
// out what was changed and changed back. Without it every store is a change. (Of two goroutines that store equal values
// at the same time, both may commit; nobody is told a change for the second.)
//
// equal may be called by any method that stores or reports changes, at the same time from several goroutines, and with
// no lock held. It may use the set. If it panics, the method that called it has not happened. It must not modify the
// values, and must always answer the same for the same two.
//
// New panics if equal is nil or compares values of another type than the set's.
func WithEqual[V any](equal func(a, b V) bool) Option {
	return func(c *config) { c.equal, c.hasEqual = equal, true }
}

// WithHistory bounds the history, counted in changes of one key in one revision. The last keep changes are kept in any
// case, for clients that come back. Older ones are kept while a subscriber has not acknowledged them, up to a total of
// most. A client whose revision is older than the history gets the whole state, see [Delta].
//
// A change keeps its key and the value it replaced from being collected. The defaults are 1,024 and 16,384. New panics
// if keep is negative, or most less than keep. With 0, 0 there is no history.
func WithHistory(keep, most int) Option {
	return func(c *config) { c.keep, c.most = keep, most }
}

// WithRevision makes first the revision of the empty set; the first commit makes first+1. The default is 0.
//
// The revisions of one set mean nothing in another. A server that starts anew, and whose clients come back with
// revisions of its former life, should begin above all of those – time.Now().UnixNano() will do – so that they are told
// to resync. New panics if first is above 1<<63.
func WithRevision(first uint64) Option {
	return func(c *config) { c.first = first }
}

// check panics with a sentence that names the first bad option and its value.
func (c *config) check() {
	if c.keep < 0 || c.most < c.keep {
		panic(fmt.Sprintf("delta: WithHistory(%d, %d): want 0 <= keep <= most", c.keep, c.most))
	}
	if c.first > maxFirst {
		panic(fmt.Sprintf("delta: WithRevision(%d): want at most %d", c.first, uint64(maxFirst)))
	}
}

// equalFor returns the function that WithEqual was given, or nil. It panics if that is not one for values of type V.
func equalFor[V any](c *config) func(a, b V) bool {
	if !c.hasEqual {
		return nil
	}
	equal, ok := c.equal.(func(a, b V) bool)
	if !ok {
		panic(fmt.Sprintf("delta: WithEqual(%T): want %T", c.equal, equal))
	}
	if equal == nil {
		panic("delta: WithEqual(nil): want a function")
	}
	return equal
}
