package delta_test

import (
	"context"
	"math/rand/v2"
	"os"
	"runtime"
	"strconv"
	"testing"

	"github.com/shardmap-go/shardmap"
	"github.com/shardmap-go/shardmap/delta"
	"github.com/stretchr/testify/require"
)

// testSeed returns the seed of a randomised test and prints it, so that a failure can be had again with
// SHARDMAP_SEED=<seed> go test -run <test>.
func testSeed(t *testing.T) uint64 {
	t.Helper()
	seed := rand.Uint64()
	if s := os.Getenv("SHARDMAP_SEED"); s != "" {
		var err error
		if seed, err = strconv.ParseUint(s, 10, 64); err != nil {
			t.Fatalf("SHARDMAP_SEED=%s: %v", s, err)
		}
	}
	t.Logf("SHARDMAP_SEED=%d", seed)
	return seed
}

func same[V comparable](a, b V) bool { return a == b }

// content returns the content of the set as a Go map.
func content[K comparable, V any](s *delta.Set[K, V]) map[K]V {
	snapshot, _ := s.Snapshot()
	return snapshot.ToMap()
}

// changesOf returns the changes by key, and fails if a key is there twice.
func changesOf[K comparable, V any](t *testing.T, d delta.Delta[K, V]) map[K]shardmap.Change[V] {
	t.Helper()
	changes := map[K]shardmap.Change[V]{}
	for _, c := range d.Changes {
		require.NotContains(t, changes, c.Key, "a key is told twice")
		changes[c.Key] = c.Change
	}
	return changes
}

// next returns what Next has ready, and fails if there is nothing.
func next[K comparable, V any](t *testing.T, sub *delta.Subscriber[K, V]) delta.Delta[K, V] {
	t.Helper()
	d, err := sub.Next(&impatient{Context: context.Background()})
	require.NoError(t, err)
	return d
}

// waiting reports whether Next finds nothing new. It asks with a context that is done as soon as Next begins to wait.
func waiting[K comparable, V any](t *testing.T, sub *delta.Subscriber[K, V]) bool {
	t.Helper()
	_, err := sub.Next(&impatient{Context: context.Background()})
	if err != nil {
		require.ErrorIs(t, err, context.Canceled)
	}
	return err != nil
}

// impatient is a context that is done once somebody asks for the channel to wait on.
type impatient struct {
	context.Context
	done chan struct{}
}

func (c *impatient) Done() <-chan struct{} {
	if c.done == nil {
		c.done = make(chan struct{})
		close(c.done)
	}
	return c.done
}

func (c *impatient) Err() error {
	if c.done != nil {
		return context.Canceled
	}
	return nil
}

// aborted runs f, which is to panic with that value, or to call runtime.Goexit if the value is nil.
func aborted(t *testing.T, value any, f func()) {
	t.Helper()
	var returned bool
	var recovered any
	over := make(chan struct{})
	go func() {
		defer close(over)
		defer func() { recovered = recover() }()
		f()
		returned = true
	}()
	<-over
	require.False(t, returned, "it returned")
	require.Equal(t, value, recovered)
}

// stops are the ways in which a callback can end without returning.
var stops = map[string]struct {
	value any
	stop  func()
}{
	"panic":  {"stop", func() { panic("stop") }},
	"Goexit": {nil, runtime.Goexit},
}

// works checks that the set still does everything.
func works(t *testing.T, s *delta.Set[string, int]) {
	t.Helper()
	before := content(s)
	from := s.Revision()
	sub := s.Subscribe(t.Context(), from)
	defer sub.Close()
	require.Equal(t, from+1, s.Store("works", 1))
	d := next(t, sub)
	require.NoError(t, sub.Ack(d.To))
	d.Apply(before)
	require.Equal(t, content(s), before)
	require.Equal(t, from+2, s.Delete("works"))
}
