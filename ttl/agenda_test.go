package ttl

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// A load may prolong the life of an entry that the janitor has just found due. The entry stays then, and does not stay for
// ever.
func TestAnEntryThatALoadSavesFromTheJanitorIsCollectedLater(t *testing.T) {
	now := time.Now()
	m := New[string, int](WithLifetime(Lifetime{Idle: time.Minute}), WithClock(func() time.Time { return now }))
	require.NoError(t, m.Store("key", 1))
	e, _ := m.entries.Load("key")
	deadline := e.deadline()
	now = now.Add(time.Minute)
	require.Equal(t, deadline, m.now())

	due, _ := m.stripeOf(e).takeDue(deadline, make([]*entry[string, int], 0, 1))
	require.Len(t, due, 1)
	require.True(t, e.slide(deadline-1), "a load that read the clock just before")
	var gone notices[string, int]
	require.Zero(t, m.removeDue(due, deadline, &gone))
	require.Empty(t, gone)
	require.Equal(t, 1, m.Len())

	now = now.Add(time.Hour)
	require.Equal(t, 1, m.Collect())
	require.Zero(t, m.Len())
}
