package shardmap

import (
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"
)

// Properties of the lanes, under writers and closers at the same time:
//
//  1. While the lanes are closed nobody is inside.
//  2. Nobody waits for ever.
//  3. The number of entries is exact while closed, through widening too.
func TestLanes(t *testing.T) {
	const (
		writing = 8
		closing = 3
		rounds  = 3_000
	)
	var w writers
	var group sync.WaitGroup
	var inside, entered atomic.Int64
	closed := 0 // guarded by the lanes being closed
	for range writing {
		group.Go(func() {
			for range rounds {
				l := w.enter()
				inside.Add(1)
				entered.Add(1)
				inside.Add(-1)
				l.leave(1)
			}
		})
	}
	for c := range closing {
		group.Go(func() {
			for i := range rounds {
				if c == 0 && i == rounds/2 {
					w.widen()
				}
				ls := w.exclude()
				closed++
				if inside.Load() != 0 {
					t.Error("somebody is inside closed lanes")
				}
				if n := ls.len(); n != int(entered.Load()) {
					t.Errorf("%d entries counted, %d entered", n, entered.Load())
				}
				w.open(ls)
			}
		})
	}
	group.Wait()
	require.Equal(t, closing*rounds, closed)
	require.Equal(t, writing*rounds, w.lanes.Load().len())
	require.Greater(t, len(w.lanes.Load().lanes), 1)
}

func TestLanesCountDown(t *testing.T) {
	var w writers
	for range 3 {
		w.enter().leave(1)
	}
	w.enter().leave(-2)
	require.Equal(t, 1, w.lanes.Load().len())
	w.widen()
	for range 100 { // from other stacks, so that lanes go below zero
		var group sync.WaitGroup
		group.Go(func() { w.enter().leave(1) })
		group.Go(func() { w.enter().leave(-1) })
		group.Wait()
	}
	require.Equal(t, 1, w.lanes.Load().len())
}

// A lane that only ever sees inserts wraps around one day; the sum of the lanes must not notice.
func TestLanesCountAcrossWrapAround(t *testing.T) {
	ls := newLaneSet(2, 1000)
	for range 4 { // 2³⁸ entries more in one lane, which is one more than it can hold, and as many fewer in the other
		ls.lanes[0].state.Add(laneEntry << 36)
		ls.lanes[1].state.Add(-laneEntry << 36)
	}
	require.Negative(t, ls.lanes[0].state.Load(), "the lane must have wrapped")
	require.Equal(t, 1000, ls.len())
}
