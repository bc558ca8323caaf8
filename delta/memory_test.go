package delta_test

import (
	"runtime"
	"testing"
	"weak"

	"github.com/shardmap-go/shardmap/delta"
	"github.com/stretchr/testify/require"
)

func TestASubscriberThatNeverAcknowledgesCostsABoundedHistory(t *testing.T) {
	const most, commits = 500, 5_000
	for name, follows := range map[string]bool{"never asks": false, "asks, never answers": true} {
		t.Run(name, func(t *testing.T) {
			s := delta.New[int, int](delta.WithHistory(10, most))
			sub := s.Subscribe(t.Context(), 0)
			for i := range commits {
				if s.Store(i%50, i); i%3 == 0 {
					s.Delete(i % 50)
				}
				s.Store(-i, 1) // a key that is there once
				s.Delete(-i)
				if follows && i%100 == 0 {
					require.False(t, next(t, sub).Resync)
				}
				require.LessOrEqual(t, s.Stats().History, most)
				records, keys := delta.LogRoom(s)
				require.LessOrEqual(t, records, 4*most, "the array behind the log")
				require.LessOrEqual(t, keys, most)
			}
			require.Equal(t, !follows, next(t, sub).Resync)
		})
	}
}

// What was overwritten or deleted, and acknowledged, can be collected, though nothing is written any more.
func TestWhatEverybodyHasAcknowledgedIsCollected(t *testing.T) {
	const n = 1000
	s := delta.New[int, *[64]byte](delta.WithHistory(0, 10*n))
	sub := s.Subscribe(t.Context(), 0)
	var old []weak.Pointer[[64]byte]
	for i := range n {
		value := new([64]byte)
		old = append(old, weak.Make(value))
		s.Store(i, value)
	}
	for i := range n {
		if i%2 == 0 {
			s.Store(i, nil)
		} else {
			s.Delete(i)
		}
	}
	require.Equal(t, n, alive(old), "the history holds what it needs")
	last := next(t, sub).To
	require.Equal(t, n, alive(old))
	require.NoError(t, sub.Ack(last))
	require.Zero(t, alive(old), "values are kept for nobody")
	runtime.KeepAlive(s)
	sub.Close()
}

// alive returns how many of the values are left after a collection.
func alive(values []weak.Pointer[[64]byte]) (n int) {
	runtime.GC()
	runtime.GC()
	for _, p := range values {
		if p.Value() != nil {
			n++
		}
	}
	return n
}
