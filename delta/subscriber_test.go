package delta_test

import (
	"context"
	"sync"
	"testing"

	"github.com/shardmap-go/shardmap/delta"
	"github.com/stretchr/testify/require"
)

func TestNextWakesForACommitForCloseAndForItsContext(t *testing.T) {
	type (
		set        = delta.Set[string, int]
		subscriber = delta.Subscriber[string, int]
	)
	for name, wake := range map[string]struct {
		by   func(s *set, sub *subscriber, cancel func())
		want error
	}{
		"commit":  {func(s *set, _ *subscriber, _ func()) { s.Store("a", 1) }, nil},
		"Close":   {func(_ *set, sub *subscriber, _ func()) { sub.Close() }, delta.ErrClosed},
		"context": {func(_ *set, _ *subscriber, cancel func()) { cancel() }, context.Canceled},
	} {
		t.Run(name, func(t *testing.T) {
			for range 200 { // before, while and after Next begins to wait
				var s delta.Set[string, int]
				sub := s.Subscribe(t.Context(), 0)
				ctx, cancel := context.WithCancel(t.Context())
				var waiters sync.WaitGroup
				var err error
				waiters.Go(func() { _, err = sub.Next(ctx) })
				waiters.Go(func() { wake.by(&s, sub, cancel) })
				waiters.Wait()
				cancel()
				sub.Close()
				require.ErrorIs(t, err, wake.want)
			}
		})
	}
}

func TestACommitWakesEverySubscriber(t *testing.T) {
	const n = 50
	var s delta.Set[string, int]
	var waiters sync.WaitGroup
	told := make([]uint64, n)
	for i := range n {
		sub := s.Subscribe(t.Context(), 0)
		waiters.Go(func() {
			if d, err := sub.Next(t.Context()); err == nil {
				told[i] = d.To
			}
		})
	}
	s.Store("a", 1)
	waiters.Wait()
	require.NotContains(t, told, uint64(0))
}

func TestSubscriberEndsWithTheContextOfSubscribe(t *testing.T) {
	var s delta.Set[string, int]
	ctx, cancel := context.WithCancel(t.Context())
	sub := s.Subscribe(ctx, 0)
	cancel()
	_, err := sub.Next(t.Context()) // waits until the context has closed it
	require.ErrorIs(t, err, delta.ErrClosed)
	require.Zero(t, s.Stats().Subscribers)
	sub.Close()

	late := s.Subscribe(ctx, 0) // with a context that is done already
	_, err = late.Next(t.Context())
	require.ErrorIs(t, err, delta.ErrClosed)
}

func TestAClosedSubscriberSaysSoAndHoldsNothing(t *testing.T) {
	s := delta.New[string, int](delta.WithHistory(0, 100))
	sub := s.Subscribe(t.Context(), 0)
	s.Store("a", 1)
	require.Equal(t, 1, s.Stats().History)
	sub.Close()
	sub.Close()
	require.Equal(t, delta.Stats{Revision: 1, Oldest: 1, Acked: 1, Entries: 1}, s.Stats())
	_, err := sub.Next(t.Context())
	require.ErrorIs(t, err, delta.ErrClosed)
	require.ErrorIs(t, sub.Ack(1), delta.ErrClosed)
	require.ErrorIs(t, sub.Nack(1), delta.ErrClosed)
}

func TestAnswersToWhatWasNotDeliveredAreErrorsThatNameIt(t *testing.T) {
	var s delta.Set[string, int]
	sub := s.Subscribe(t.Context(), 0)
	s.Store("a", 1)
	for _, answer := range []func(uint64) error{sub.Ack, sub.Nack} {
		require.ErrorIs(t, answer(1), delta.ErrUndelivered)
	}
	require.EqualError(t, sub.Ack(5), "delta: Ack 5: not delivered yet: the last revision delivered is 0")
	require.Equal(t, uint64(1), next(t, sub).To)
	require.NoError(t, sub.Ack(1))
	require.NoError(t, sub.Ack(0), "an older one changes nothing")
	require.Equal(t, uint64(1), s.Stats().Acked)
}

func TestTombstonesStayUntilTheLastSubscriberHasAcknowledged(t *testing.T) {
	s := delta.New[string, int](delta.WithHistory(0, 100))
	s.Store("a", 1)
	fast, slow := s.Subscribe(t.Context(), 1), s.Subscribe(t.Context(), 1)
	s.Delete("a")
	next(t, fast)
	require.NoError(t, fast.Ack(2))
	require.Equal(t, delta.Stats{Revision: 2, Oldest: 1, Acked: 1, History: 1, Subscribers: 2}, s.Stats())
	require.Len(t, s.Since(1).Changes, 1)
	next(t, slow)
	require.NoError(t, slow.Ack(2))
	require.Equal(t, delta.Stats{Revision: 2, Oldest: 2, Acked: 2, Subscribers: 2}, s.Stats())
	require.True(t, s.Since(1).Resync)
}

func TestARefusedDeltaComesBackWithWhatIsNewer(t *testing.T) {
	var s delta.Set[string, int]
	sub := s.Subscribe(t.Context(), 0)
	s.Store("good", 1)
	require.NoError(t, sub.Ack(next(t, sub).To))
	s.Store("bad", -1)
	require.NoError(t, sub.Nack(next(t, sub).To))
	require.True(t, waiting(t, sub), "the same content again")
	s.Store("bad", 2)
	s.Delete("good")
	d := next(t, sub)
	require.Equal(t, uint64(1), d.From)
	require.Len(t, changesOf(t, d), 2)
	require.NoError(t, sub.Ack(d.To))
	require.True(t, waiting(t, sub))
}

// The second delta builds on the first, which the client refuses: that the client has the second does not mean that it
// has what was in the first.
func TestWhatFollowsARefusedDeltaIsNotAcknowledged(t *testing.T) {
	var s delta.Set[string, int]
	sub := s.Subscribe(t.Context(), 0)
	s.Store("first", 1)
	first := next(t, sub)
	s.Store("second", 2)
	second := next(t, sub)
	require.NoError(t, sub.Nack(first.To))
	require.NoError(t, sub.Ack(second.To))
	require.Zero(t, s.Stats().Acked)
	s.Store("third", 3)
	require.Len(t, next(t, sub).Changes, 3)
}

// A number that is ahead of the set's may be reached by the set one day, and is not the same revision then.
func TestARevisionOfAFormerLifeNeverBecomesAKnownOne(t *testing.T) {
	var s delta.Set[string, int]
	s.Store("a", 1)
	sub := s.Subscribe(t.Context(), 3)
	s.Store("b", 2)
	s.Store("c", 3) // now it is at 3
	d := next(t, sub)
	require.True(t, d.Resync)
	require.NoError(t, sub.Nack(d.To))
	s.Store("d", 4)
	d = next(t, sub)
	require.True(t, d.Resync)
	require.NoError(t, sub.Ack(d.To))
	s.Store("e", 5)
	require.Len(t, next(t, sub).Changes, 1)
}

func TestConcurrentNextsShareOneSequence(t *testing.T) {
	const commits, takers = 2000, 4
	s := delta.New[int, int](delta.WithEqual(same[int]))
	sub := s.Subscribe(t.Context(), 0)
	var mu sync.Mutex
	ends := map[uint64]uint64{} // where each delta begins, and where it ends
	var taking sync.WaitGroup
	for range takers {
		taking.Go(func() {
			for {
				d, err := sub.Next(t.Context())
				if err != nil {
					return
				}
				mu.Lock()
				if _, twice := ends[d.From]; twice {
					t.Errorf("two deltas begin with %d", d.From)
				}
				ends[d.From] = d.To
				mu.Unlock()
				if d.To == commits {
					sub.Close() // for the others
				}
			}
		})
	}
	for i := range commits {
		s.Store(i%7, i)
	}
	taking.Wait()
	at := uint64(0)
	for range len(ends) {
		at = ends[at]
	}
	require.Equal(t, uint64(commits), at)
}

func TestAnswersAllocateNothing(t *testing.T) {
	var s delta.Set[string, int]
	sub, other := s.Subscribe(t.Context(), 0), s.Subscribe(t.Context(), 0)
	defer other.Close()
	s.Store("a", 1)
	last := next(t, sub).To
	require.Zero(t, testing.AllocsPerRun(100, func() {
		_ = sub.Ack(last)
		_ = sub.Nack(last)
		_ = s.Stats()
	}))
}
