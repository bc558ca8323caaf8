package delta_test

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"testing"

	"github.com/shardmap-go/shardmap"
	"github.com/shardmap-go/shardmap/delta"
	"github.com/stretchr/testify/require"
)

// The model keeps the whole content of every revision, and computes everything from that the plain way. Random commits,
// subscribers and answers are done to a set and to the model, which have to agree after each step: on what changed
// since every revision there ever was, on where the history begins, and on what subscribers are told.

type model struct {
	equal      bool
	keep, most int
	first      uint64
	states     []map[int]int      // by revision, less first
	touched    []map[int]struct{} // the keys that the commit of that revision changed
	floor      uint64
	clients    []*client
}

// A client is a subscriber and what the model knows about it.
type client struct {
	sub       *delta.Subscriber[int, int]
	has       mark   // acknowledged
	from      mark   // where the next delta begins
	seen      mark   // the revision that it need not be told again
	holds     uint64 // the history after this is kept for it
	delivered uint64
	refused   bool // something; then answers up to void do not count
	void      uint64
}

// A mark is a revision that the client is at, unless it is none that the set knew when the client came.
type mark struct {
	revision uint64
	known    bool
}

func (m *model) current() uint64                { return m.first + uint64(len(m.states)) - 1 }
func (m *model) at(revision uint64) map[int]int { return m.states[revision-m.first] }
func (m *model) knows(revision uint64) bool     { return m.floor <= revision && revision <= m.current() }

// changesAfter counts changes of one key in one commit.
func (m *model) changesAfter(revision uint64) (n int) {
	for _, keys := range m.touched[revision-m.first+1:] {
		n += len(keys)
	}
	return n
}

// commit makes a revision of content, with those keys stored or deleted, unless nothing changed.
func (m *model) commit(content map[int]int, edited map[int]struct{}) {
	old, touched := m.at(m.current()), map[int]struct{}{}
	for key := range edited {
		was, had := old[key]
		is, has := content[key]
		if had != has || has && (!m.equal || was != is) {
			touched[key] = struct{}{}
		}
	}
	if len(touched) > 0 {
		m.states, m.touched = append(m.states, content), append(m.touched, touched)
		m.trim()
	}
}

// trim raises the floor step by step, as long as the documentation says that it may or must.
func (m *model) trim() {
	acked := m.current()
	for _, c := range m.clients {
		acked = min(acked, c.holds)
	}
	for m.floor < m.current() {
		bounded := m.changesAfter(m.floor) > m.most
		acknowledged := m.floor < acked && m.changesAfter(m.floor+1) >= m.keep
		if !bounded && !acknowledged {
			return
		}
		m.floor++
	}
}

// since returns the net changes from one revision to the current one.
func (m *model) since(revision uint64) map[int]shardmap.Change[int] {
	changes := map[int]shardmap.Change[int]{}
	old, now := m.at(revision), m.at(m.current())
	for _, keys := range m.touched[revision-m.first+1:] {
		for key := range keys {
			was, had := old[key]
			is, has := now[key]
			c := shardmap.Change[int]{Old: was, New: is}
			switch {
			case had && has && !(m.equal && was == is):
				c.Kind = shardmap.Updated
			case had && !has:
				c.Kind = shardmap.Removed
			case has && !had:
				c.Kind = shardmap.Added
			default:
				continue
			}
			changes[key] = c
		}
	}
	return changes
}

// agree checks a delta that is to begin with from.
func (m *model) agree(t *testing.T, d delta.Delta[int, int], from uint64, known bool) {
	t.Helper()
	require.Equal(t, m.current(), d.To)
	require.Equal(t, !known, d.Resync, "resync from %d to %d, floor %d", from, m.current(), m.floor)
	require.Equal(t, m.at(d.To), d.State.ToMap())
	have := map[int]int{-1: -1} // what does not belong there goes with a resync
	if known {
		require.Equal(t, from, d.From)
		require.Equal(t, m.since(from), changesOf(t, d))
		have = maps.Clone(m.at(from))
	}
	d.Apply(have)
	require.Equal(t, m.at(d.To), have)
}

func TestEveryHistoryAndEverySinceAgreesWithTheModel(t *testing.T) {
	seed := testSeed(t)
	for _, equal := range []bool{false, true} {
		for _, bounds := range [][2]int{{0, 0}, {0, 5}, {3, 3}, {2, 40}, {1000, 1000}} {
			for _, first := range []uint64{0, 7} {
				t.Run(fmt.Sprintf("equal=%v/history=%v/first=%d", equal, bounds, first), func(t *testing.T) {
					for round := range uint64(3) {
						walk(t, rand.New(rand.NewPCG(seed, round)), &model{
							equal: equal, keep: bounds[0], most: bounds[1], first: first, floor: first,
							states: []map[int]int{{}}, touched: []map[int]struct{}{nil},
						})
					}
				})
			}
		}
	}
}

func walk(t *testing.T, rng *rand.Rand, m *model) {
	const steps, keys = 120, 6
	opts := []delta.Option{delta.WithHistory(m.keep, m.most), delta.WithRevision(m.first)}
	if m.equal {
		opts = append(opts, delta.WithEqual(same[int]))
	}
	s := delta.New[int, int](opts...)
	for range steps {
		if rng.IntN(2) == 0 {
			m.write(t, rng, s, keys)
		} else {
			m.follow(t, rng, s)
		}
		m.check(t, s)
	}
	for _, c := range m.clients {
		c.sub.Close()
	}
}

// write makes a random commit.
func (m *model) write(t *testing.T, rng *rand.Rand, s *delta.Set[int, int], keys int) {
	content, edited := maps.Clone(m.at(m.current())), map[int]struct{}{}
	store := func(key, value int) { content[key] = value; edited[key] = struct{}{} }
	remove := func(key int) { delete(content, key); edited[key] = struct{}{} }
	var revision uint64
	switch key, value := rng.IntN(keys), rng.IntN(3); rng.IntN(10) {
	case 0, 1, 2:
		store(key, value)
		revision = s.Store(key, value)
	case 3, 4:
		remove(key)
		revision = s.Delete(key)
	case 5, 6, 7:
		var b delta.Batch[int, int]
		for range rng.IntN(5) {
			if key, value := rng.IntN(keys), rng.IntN(3); rng.IntN(3) > 0 {
				store(key, value)
				b.Store(key, value)
			} else {
				remove(key)
				b.Delete(key)
			}
		}
		require.Equal(t, len(edited), b.Len())
		revision = s.Update(&b)
	case 8:
		for key := range content {
			remove(key)
		}
		for range rng.IntN(keys) {
			store(rng.IntN(keys), rng.IntN(3))
		}
		revision = s.Replace(maps.All(content))
	case 9:
		for key := range content {
			remove(key)
		}
		revision = s.Clear()
	}
	m.commit(content, edited)
	require.Equal(t, m.current(), revision)
}

// follow makes a client come, be told, answer, or go.
func (m *model) follow(t *testing.T, rng *rand.Rand, s *delta.Set[int, int]) {
	if len(m.clients) == 0 || len(m.clients) < 3 && rng.IntN(5) == 0 {
		m.subscribe(t, rng, s)
		return
	}
	i := rng.IntN(len(m.clients))
	switch c := m.clients[i]; rng.IntN(8) {
	case 0:
		c.sub.Close()
		m.clients = append(m.clients[:i], m.clients[i+1:]...)
		m.trim()
	case 1, 2, 3:
		m.next(t, c)
	case 4, 5:
		m.ack(t, c, c.delivered-min(c.delivered, uint64(rng.IntN(2))))
	case 6:
		m.nack(t, c)
	case 7:
		require.ErrorIs(t, c.sub.Ack(c.delivered+1), delta.ErrUndelivered)
		require.ErrorIs(t, c.sub.Nack(c.delivered+1), delta.ErrUndelivered)
	}
}

func (m *model) subscribe(t *testing.T, rng *rand.Rand, s *delta.Set[int, int]) {
	from := rng.Uint64N(m.current() + 3) // old, current, or of the future
	at := mark{from, m.knows(from)}
	c := &client{sub: s.Subscribe(t.Context(), from), has: at, from: at, seen: at, holds: from}
	if !at.known {
		c.holds = m.current()
	}
	c.delivered = c.holds
	m.clients = append(m.clients, c)
}

func (m *model) next(t *testing.T, c *client) {
	now := mark{m.current(), true}
	if c.seen == now {
		require.True(t, waiting(t, c.sub), "told something twice")
		return
	}
	m.agree(t, next(t, c.sub), c.from.revision, c.from.known && m.knows(c.from.revision))
	c.from, c.seen, c.delivered = now, now, now.revision
}

func (m *model) ack(t *testing.T, c *client, revision uint64) {
	require.NoError(t, c.sub.Ack(revision))
	if revision < c.holds || c.refused && revision <= c.void {
		return
	}
	c.has, c.holds = mark{revision, true}, revision
	m.trim()
}

func (m *model) nack(t *testing.T, c *client) {
	require.NoError(t, c.sub.Nack(c.delivered))
	if c.refused && c.delivered <= c.void {
		return
	}
	c.refused, c.void, c.from = true, c.delivered, c.has
}

// check compares everything that can be asked, without changing anything.
func (m *model) check(t *testing.T, s *delta.Set[int, int]) {
	stats := s.Stats()
	require.Equal(t, m.floor, stats.Oldest, "the beginning of the history")
	require.Equal(t, m.current(), stats.Revision)
	require.Equal(t, m.changesAfter(m.floor), stats.History)
	require.LessOrEqual(t, stats.History, m.most)
	require.Equal(t, len(m.at(m.current())), stats.Entries)
	require.Equal(t, len(m.clients), stats.Subscribers)
	snapshot, revision := s.Snapshot()
	require.Equal(t, m.current(), revision)
	require.Equal(t, m.at(revision), snapshot.ToMap())
	for from := range m.current() + 3 {
		m.agree(t, s.Since(from), from, m.knows(from))
	}
}
