package delta_test

import (
	"context"
	"maps"
	"math"
	"testing"

	"github.com/shardmap-go/shardmap/delta"
	"github.com/stretchr/testify/require"
)

func TestBadOptionsPanicWithTheirValue(t *testing.T) {
	for want, option := range map[string]delta.Option{
		"delta: WithHistory(-1, 5): want 0 <= keep <= most":                           delta.WithHistory(-1, 5),
		"delta: WithHistory(6, 5): want 0 <= keep <= most":                            delta.WithHistory(6, 5),
		"delta: WithHistory(0, -1): want 0 <= keep <= most":                           delta.WithHistory(0, -1),
		"delta: WithRevision(18446744073709551615): want at most 9223372036854775808": delta.WithRevision(math.MaxUint64),
		"delta: WithEqual(nil): want a function":                                      delta.WithEqual[int](nil),
		"delta: WithEqual(func(string, string) bool): want func(int, int) bool":       delta.WithEqual(same[string]),
	} {
		require.PanicsWithValue(t, want, func() { delta.New[string, int](option) })
	}
}

func TestAKeyThatIsNotEqualToItselfIsRefused(t *testing.T) {
	var s delta.Set[float64, int]
	s.Store(1, 1)
	var b delta.Batch[float64, int]
	nan := math.NaN()
	require.PanicsWithValue(t, "delta: Store: key NaN: is not equal to itself", func() { s.Store(nan, 1) })
	require.PanicsWithValue(t, "delta: Store: key NaN: is not equal to itself", func() { b.Store(nan, 1) })
	require.PanicsWithValue(t, "delta: Replace: key NaN: is not equal to itself", func() {
		s.Replace(maps.All(map[float64]int{nan: 1}))
	})
	require.Zero(t, b.Len())
	require.Equal(t, uint64(1), s.Delete(nan))
	b.Delete(nan)
	require.Equal(t, uint64(1), s.Update(&b))
	_, ok := s.Load(nan)
	require.False(t, ok)
	require.Equal(t, map[float64]int{1: 1}, content(&s))
	require.Equal(t, uint64(2), s.Store(2, 2))
}

func TestAKeyThatCannotBeComparedPanicsBeforeAnythingChanges(t *testing.T) {
	for _, used := range []bool{false, true} {
		var s delta.Set[any, int]
		if used {
			s.Store("a", 1)
		}
		before, revision := content(&s), s.Revision()
		bad := []int{1}
		var b delta.Batch[any, int]
		require.Panics(t, func() { s.Store(bad, 1) })
		require.Panics(t, func() { s.Delete(bad) })
		require.Panics(t, func() { s.Load(bad) })
		require.Panics(t, func() { b.Store(bad, 1) })
		require.Panics(t, func() { s.Replace(func(yield func(any, int) bool) { _ = yield("b", 1) && yield(bad, 2) }) })
		require.Equal(t, before, content(&s))
		require.Equal(t, revision+1, s.Store("b", 1))
	}
}

func TestNilArgumentsPanicAndLeaveNothingBehind(t *testing.T) {
	s := delta.New[string, int]()
	require.PanicsWithValue(t, "delta: Subscribe: context nil: want one", func() {
		var none context.Context
		s.Subscribe(none, 0)
	})
	require.Panics(t, func() { s.Update(nil) })
	require.Panics(t, func() { s.Replace(nil) })
	d := s.Since(0)
	require.PanicsWithValue(t, "delta: Apply: nil map: want a copy of the set", func() { d.Apply(nil) })
	require.Panics(t, func() { (*delta.Set[string, int])(nil).Store("a", 1) })
	require.Zero(t, s.Stats().Subscribers)
	works(t, s)
}

func TestStrangeRevisionsAreToldToResyncWithTheWholeState(t *testing.T) {
	s := delta.New[string, int](delta.WithRevision(100), delta.WithHistory(0, 1))
	for _, r := range []uint64{0, 99, 101, 1 << 63, math.MaxUint64} {
		require.Equal(t, uint64(100), s.Since(r).To)
		require.True(t, s.Since(r).Resync, "revision %d", r)
	}
	require.False(t, s.Since(100).Resync)
	s.Store("a", 1)
	s.Store("b", 2)
	d := s.Since(100)
	require.True(t, d.Resync)
	require.Equal(t, "resync to 102: 2 entries", d.String())
	have := map[string]int{"of a former life": 1}
	d.Apply(have)
	require.Equal(t, map[string]int{"a": 1, "b": 2}, have)
}

func TestRevisionsGoOnThroughClearAndReplace(t *testing.T) {
	s := delta.New[string, int](delta.WithHistory(2, 2))
	require.Equal(t, uint64(0), s.Clear(), "nothing to clear")
	require.Equal(t, uint64(0), s.Update(new(delta.Batch[string, int])), "nothing to do")
	require.Equal(t, uint64(0), s.Delete("a"), "nothing to delete")
	require.Equal(t, uint64(1), s.Replace(maps.All(map[string]int{"a": 1, "b": 2, "c": 3})))
	require.Equal(t, uint64(2), s.Clear())
	require.Equal(t, uint64(2), s.Clear())
	require.Equal(t, uint64(3), s.Store("a", 1))
	require.Equal(t, delta.Stats{Revision: 3, Oldest: 2, Acked: 3, Entries: 1, History: 1}, s.Stats(),
		"a commit larger than the history leaves none")
}

// An equality function that ends the call by a panic or Goexit, whichever call it is, must leave no trace.
func TestACallbackThatStopsChangesNothingAndHoldsNoLock(t *testing.T) {
	for name, how := range stops {
		t.Run(name, func(t *testing.T) {
			var armed bool
			s := delta.New[string, int](delta.WithEqual(func(a, b int) bool {
				if armed {
					how.stop()
				}
				return a == b
			}))
			s.Store("a", 1)
			s.Store("b", 1)
			sub := s.Subscribe(t.Context(), 1)
			since := s.Subscribe(t.Context(), 2)
			s.Store("a", 2)
			s.Store("b", 2)
			var b delta.Batch[string, int]
			b.Store("new", 1)
			b.Store("a", 3)
			before, stats := content(s), s.Stats()
			for _, call := range []func(){
				func() { s.Store("a", 3) },
				func() { s.Update(&b) },
				func() { s.Replace(maps.All(map[string]int{"a": 3, "new": 1})) },
				func() { s.Since(2) },
				func() { _, _ = since.Next(t.Context()) },
			} {
				armed = true
				aborted(t, how.value, call)
				armed = false
				require.Equal(t, before, content(s))
				require.Equal(t, stats, s.Stats())
			}
			aborted(t, how.value, func() { s.Replace(func(yield func(string, int) bool) { yield("new", 1); how.stop() }) })
			require.Equal(t, stats, s.Stats())
			require.Equal(t, uint64(2), next(t, since).From, "what the failed Next would have told is lost")
			require.Len(t, next(t, sub).Changes, 2)
			works(t, s)
		})
	}
}

// While Store, Update and Replace look at what is stored, others change it: the callback does, so that it happens for
// certain. What is committed must be as if all of it had been decided at the commit.
func TestACommitTakesEffectOnWhatIsThereByThen(t *testing.T) {
	for name, test := range map[string]struct {
		meanwhile, call func(s *delta.Set[string, int])
		want            map[string]int
	}{
		"a store of what was stored, which is overwritten meanwhile": {
			func(s *delta.Set[string, int]) { s.Store("a", 7) },
			func(s *delta.Set[string, int]) { s.Store("a", 1) },
			map[string]int{"a": 1, "b": 1}},
		"a store of what was stored, which is deleted meanwhile": {
			func(s *delta.Set[string, int]) { s.Delete("a") },
			func(s *delta.Set[string, int]) { s.Store("a", 1) },
			map[string]int{"a": 1, "b": 1}},
		"a batch that deletes what is added meanwhile": {
			func(s *delta.Set[string, int]) { s.Store("c", 7) },
			func(s *delta.Set[string, int]) {
				var b delta.Batch[string, int]
				b.Store("a", 1)
				b.Delete("c")
				s.Update(&b)
			},
			map[string]int{"a": 1, "b": 1}},
		"a replacement while others add, change and delete": {
			func(s *delta.Set[string, int]) { s.Store("c", 7); s.Store("a", 7); s.Delete("b") },
			func(s *delta.Set[string, int]) { s.Replace(maps.All(map[string]int{"a": 1, "d": 4})) },
			map[string]int{"a": 1, "d": 4}},
		"a replacement while everything is cleared": {
			func(s *delta.Set[string, int]) { s.Clear() },
			func(s *delta.Set[string, int]) { s.Replace(maps.All(map[string]int{"a": 1, "b": 1})) },
			map[string]int{"a": 1, "b": 1}},
	} {
		for _, bounds := range [][2]int{{100, 100}, {0, 0}} { // with the history of what happened meanwhile, and without
			t.Run(name, func(t *testing.T) {
				var s *delta.Set[string, int]
				var inside, armed bool
				s = delta.New[string, int](delta.WithHistory(bounds[0], bounds[1]), delta.WithEqual(func(a, b int) bool {
					if armed && !inside {
						inside = true
						test.meanwhile(s)
						inside = false
					}
					return a == b
				}))
				s.Replace(maps.All(map[string]int{"a": 1, "b": 1}))
				armed = true
				test.call(s)
				armed = false
				require.Equal(t, test.want, content(s))
				works(t, s)
			})
		}
	}
}

// Nobody who only reads waits for the mutex of the set.
func TestReadersNeverWaitForWriters(t *testing.T) {
	var s delta.Set[string, int]
	for range 2 {
		delta.Locked(&s, func() {
			for range 1000 {
				_, _ = s.Load("a")
				_, _ = s.Snapshot()
				_ = s.Revision()
			}
		})
		s.Store("a", 1)
	}
	require.Zero(t, testing.AllocsPerRun(100, func() {
		_, _ = s.Load("a")
		_, _ = s.Snapshot()
	}))
}
