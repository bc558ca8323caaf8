//go:build explore

package sched_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/shardmap-go/shardmap/internal/sched"
	"github.com/shardmap-go/shardmap/internal/sched/atomic"
	"github.com/shardmap-go/shardmap/internal/sched/sync"
)

// increment twice, in two steps each, loses updates unless the steps stay together.
func increment(n *atomic.Int64) func() {
	return func() { n.Store(n.Load() + 1) }
}

func explore(x *sched.Explorer, tasks int) error {
	for x.Next() {
		var n atomic.Int64
		all := make([]func(), tasks)
		for i := range all {
			all[i] = increment(&n)
		}
		x.Run(all...)
		if got := n.Load(); x.Err() == nil && got != int64(tasks) {
			x.Fail("lost updates: %d of %d", got, tasks)
		}
	}
	return x.Err()
}

func TestALostUpdateNeedsOnePreemption(t *testing.T) {
	require.NoError(t, explore(&sched.Explorer{Preemptions: 0, Systematic: 1000}, 2))
	x := sched.Explorer{Preemptions: 1, Systematic: 1000}
	err := explore(&x, 2)
	require.ErrorContains(t, err, "lost updates: 1 of 2")

	again := sched.Explorer{Replay: x.Schedule()}
	err = explore(&again, 2)
	require.ErrorContains(t, err, "lost updates: 1 of 2")
	require.ErrorContains(t, err, "explore_test.go", "a replay names its steps")
	require.Equal(t, 1, again.Schedules)
}

func TestRandomSchedulesFindALostUpdate(t *testing.T) {
	require.Error(t, explore(&sched.Explorer{Random: 1000, Seed: 1}, 3))
}

// Two tasks of n steps each meet in (2n over n) ways, if nothing bounds the preemptions.
func TestEveryScheduleIsRunOnce(t *testing.T) {
	for n, want := range []int{1: 2, 2: 6, 3: 20, 4: 70, 5: 252} {
		if n == 0 {
			continue
		}
		seen := map[string]bool{}
		x := sched.Explorer{Preemptions: 2 * n, Systematic: 1_000_000}
		for x.Next() {
			var order strings.Builder
			task := func(name byte) func() {
				return func() {
					for range n {
						sched.Step()
						order.WriteByte(name)
					}
				}
			}
			x.Run(task('a'), task('b'))
			seen[order.String()] = true
		}
		require.NoError(t, x.Err())
		require.Len(t, seen, want)
		require.Equal(t, 2*n, x.Complete)
	}
}

func TestTasksThatWaitForEachOtherAreFound(t *testing.T) {
	x := sched.Explorer{Preemptions: 1, Systematic: 1000}
	for x.Next() {
		var one, other sync.Mutex
		both := func(first, second *sync.Mutex) {
			first.Lock()
			defer first.Unlock()
			second.Lock()
			defer second.Unlock()
		}
		x.Run(func() { both(&one, &other) }, func() { both(&other, &one) })
	}
	require.ErrorContains(t, x.Err(), "wait for each other")
}

func TestMutexesExclude(t *testing.T) {
	x := sched.Explorer{Preemptions: 3, Systematic: 100_000, Random: 1000}
	for x.Next() {
		var mu sync.Mutex
		var n atomic.Int64
		inside := func() { mu.Lock(); increment(&n)(); mu.Unlock() }
		x.Run(inside, inside, inside)
		if n.Load() != 3 {
			x.Fail("%d of 3", n.Load())
		}
	}
	require.NoError(t, x.Err())
	require.Equal(t, 3, x.Complete)
}

func TestSignalsWake(t *testing.T) {
	x := sched.Explorer{Preemptions: 3, Systematic: 100_000}
	for x.Next() {
		s := sync.NewSignal()
		done := false
		x.Run(func() { s.Wait(); done = true }, func() { s.Notify() })
		if !done {
			x.Fail("still waiting")
		}
	}
	require.NoError(t, x.Err())
}

func TestATaskThatWaitsForAnotherByYieldingEnds(t *testing.T) {
	x := sched.Explorer{Preemptions: 3, Systematic: 100_000, Random: 1000}
	for x.Next() {
		var ready atomic.Int32
		x.Run(
			func() {
				for ready.Load() == 0 {
					sync.Gosched()
				}
			},
			func() { ready.Store(1) },
		)
	}
	require.NoError(t, x.Err())
}

func TestAPanicIsReportedWithItsTask(t *testing.T) {
	x := sched.Explorer{Systematic: 10}
	for x.Next() {
		x.Run(func() { sched.Step() }, func() { sched.Step(); panic("out of cheese") })
	}
	require.ErrorContains(t, x.Err(), "task 1 panics: out of cheese")
}
