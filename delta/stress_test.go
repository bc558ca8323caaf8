package delta_test

import (
	"cmp"
	"fmt"
	"maps"
	"math/rand/v2"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/shardmap-go/shardmap/delta"
)

// The stress test runs writers, readers and clients that get in each other's way, best with -race, and verifies these
// properties:
//
//  1. Commits are atomic and in one order: each has a revision of its own, there is none without a commit, and the
//     content that anybody ever sees at a revision is what all commits up to there give, done one after another.
//  2. Revisions never go back, neither for somebody who asks again and again nor for a client; and whoever asks after a
//     commit has returned sees its revision or a later one.
//  3. A client's copy, changed by nothing but deltas, equals the content at the revision that it was told – also if it
//     lags, comes back with an old revision, refuses, acknowledges late or never.
//  4. A delta begins where the client is, and has each key once. A client whose revision the history
//     reaches back to is never told to resync.
//  5. The history never exceeds its bound.
//  6. In the end all clients have the last content.
//
// It is bounded by work, not by time. The seed is printed; with it the goroutines do the same again, though not in the
// same order.

// A sighting is a content that somebody saw, as its fingerprint.
type sighting struct{ revision, print uint64 }

// A written is a commit as its writer knows it.
type written struct {
	revision uint64
	replace  bool
	stored   map[int]uint64
	deleted  []int
}

type stressTest struct {
	t       *testing.T
	set     *delta.Set[int, uint64]
	most    int
	tokens  atomic.Uint64 // each value is stored once, so that no store is of an equal value
	writing sync.WaitGroup
	others  sync.WaitGroup

	mu        sync.Mutex
	commits   []written
	sightings []sighting
}

const (
	stressKeys = 64
	lastKey    = -1 // stored by the last commit of all

	unbounded = 1 << 20 // a history that holds all that the test does
)

// print adds up hashes of the entries, so that their order does not matter.
func printOf(key int, value uint64) uint64 {
	x := uint64(key)*0x9e3779b97f4a7c15 ^ value*0xd6e8feb86659fd93
	x ^= x >> 32
	x *= 0xd6e8feb86659fd93
	return x ^ x>>29
}

func (s *stressTest) saw(revision uint64, content map[int]uint64) {
	var print uint64
	for key, value := range content {
		print += printOf(key, value)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.sightings = append(s.sightings, sighting{revision, print})
}

// write makes one commit that changes something for certain.
func (s *stressTest) write(rng *rand.Rand) {
	w := written{stored: map[int]uint64{rng.IntN(stressKeys): s.tokens.Add(1)}}
	switch kind := rng.IntN(20); {
	case kind == 0:
		w.replace = true
		for range rng.IntN(stressKeys) {
			w.stored[rng.IntN(stressKeys)] = s.tokens.Add(1)
		}
		w.revision = s.set.Replace(maps.All(w.stored))
	case kind < 8:
		var b delta.Batch[int, uint64]
		for range rng.IntN(4) {
			key := rng.IntN(stressKeys)
			if _, ok := w.stored[key]; !ok {
				w.deleted = append(w.deleted, key)
				b.Delete(key)
			}
		}
		for key, value := range w.stored {
			b.Store(key, value)
		}
		w.revision = s.set.Update(&b)
	default:
		for key, value := range w.stored {
			w.revision = s.set.Store(key, value)
		}
	}
	if now := s.set.Revision(); now < w.revision {
		s.t.Errorf("property 2: a commit returned revision %d, and then the set is at %d", w.revision, now)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.commits = append(s.commits, w)
}

// read looks at the set until the last commit.
func (s *stressTest) read() {
	last := uint64(0)
	for {
		snapshot, revision := s.set.Snapshot()
		if revision < last {
			s.t.Errorf("property 2: a reader sees revision %d after %d", revision, last)
		}
		if stats := s.set.Stats(); stats.History > s.most {
			s.t.Errorf("property 5: %d changes in the history, at most %d are allowed", stats.History, s.most)
		}
		if revision != last {
			s.saw(revision, snapshot.ToMap())
		}
		last = revision
		if _, over := snapshot.Load(lastKey); over {
			return
		}
		runtime.Gosched()
	}
}

// A habit is how a client behaves.
type habit struct {
	name                         string
	lags, returns, acks, refuses int // out of 16
}

var habits = []habit{
	{name: "prompt", acks: 16},
	{name: "lagging", acks: 16, lags: 15},
	{name: "coming back", acks: 12, lags: 4, returns: 5},
	{name: "refusing", acks: 12, refuses: 6},
	{name: "late", acks: 1, lags: 2},
	{name: "silent"},
}

// follow is a client until it has the last commit.
func (s *stressTest) follow(h habit, rng *rand.Rand) {
	type version struct {
		revision uint64
		copy     map[int]uint64
	}
	mine := version{0, map[int]uint64{}}
	acked := version{0, map[int]uint64{}}
	past := []version{acked}
	sub := s.set.Subscribe(s.t.Context(), 0)
	defer func() { sub.Close() }()
	for newest := uint64(0); mine.copy[lastKey] == 0; {
		for range rng.IntN(1 + h.lags*8) {
			runtime.Gosched()
		}
		d, err := sub.Next(s.t.Context())
		if err != nil {
			s.t.Errorf("%s: %v", h.name, err)
			return
		}
		if d.To <= newest {
			s.t.Errorf("property 2: %s client is told revision %d after %d", h.name, d.To, newest)
		}
		newest = d.To
		if !d.Resync && d.From != mine.revision {
			s.t.Errorf("property 4: %s client at %d is told what changed from %d on", h.name, mine.revision, d.From)
		}
		if d.Resync && s.most >= unbounded {
			s.t.Errorf("property 4: %s client is told to resync, though the history is complete", h.name)
		}
		if len(changed(d)) != len(d.Changes) {
			s.t.Errorf("property 4: %s client is told a key twice", h.name)
		}
		refused := rng.IntN(16) < h.refuses && d.To > acked.revision && !hasLast(d)
		if refused {
			s.check(h, sub.Nack(d.To))
			mine = version{acked.revision, maps.Clone(acked.copy)}
			continue
		}
		mine.revision = d.To
		d.Apply(mine.copy)
		if !maps.Equal(mine.copy, d.State.ToMap()) {
			s.t.Errorf("property 3: %s client has another content than the set at %d", h.name, d.To)
		}
		s.saw(mine.revision, mine.copy)
		if rng.IntN(16) < h.acks {
			s.check(h, sub.Ack(d.To))
			acked = version{mine.revision, maps.Clone(mine.copy)}
		}
		past = append(past, version{mine.revision, maps.Clone(mine.copy)})
		if rng.IntN(16) < h.returns && !hasLast(d) {
			sub.Close()
			back := past[rng.IntN(len(past))]
			mine = version{back.revision, maps.Clone(back.copy)}
			acked = back
			sub, newest = s.set.Subscribe(s.t.Context(), mine.revision), mine.revision
		}
	}
}

func (s *stressTest) check(h habit, err error) {
	if err != nil {
		s.t.Errorf("%s client: %v", h.name, err)
	}
}

func hasLast(d delta.Delta[int, uint64]) bool {
	_, ok := d.State.Load(lastKey)
	return ok
}

func changed(d delta.Delta[int, uint64]) map[int]bool {
	keys := map[int]bool{}
	for _, c := range d.Changes {
		keys[c.Key] = true
	}
	return keys
}

// replay verifies property 1, when all is over.
func (s *stressTest) replay() {
	slices.SortFunc(s.commits, func(a, b written) int { return cmp.Compare(a.revision, b.revision) })
	content, prints := map[int]uint64{}, []uint64{0}
	for i, w := range s.commits {
		if w.revision != uint64(i)+1 {
			s.t.Fatalf("property 1: the commit after revision %d has revision %d", i, w.revision)
		}
		if w.replace {
			clear(content)
		}
		for _, key := range w.deleted {
			delete(content, key)
		}
		maps.Copy(content, w.stored)
		var print uint64
		for key, value := range content {
			print += printOf(key, value)
		}
		prints = append(prints, print)
	}
	for _, seen := range s.sightings {
		if prints[seen.revision] != seen.print {
			s.t.Fatalf("property 1: the content that was seen at revision %d is not what was committed", seen.revision)
		}
	}
	snapshot, revision := s.set.Snapshot()
	if revision != uint64(len(s.commits)) || !maps.Equal(snapshot.ToMap(), content) {
		s.t.Fatalf("property 6: in the end the set, at revision %d, has another content than what was committed", revision)
	}
}

func TestConcurrentClientsConvergeWhateverTheyDo(t *testing.T) {
	seed := testSeed(t)
	for _, bounds := range [][2]int{{0, 50}, {200, 2000}, {unbounded, unbounded}} {
		for _, procs := range []int{2, 8} {
			t.Run(fmt.Sprintf("history=%v/procs=%d", bounds, procs), func(t *testing.T) {
				defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(procs))
				s := &stressTest{t: t, most: bounds[1], set: delta.New[int, uint64](
					delta.WithHistory(bounds[0], bounds[1]), delta.WithEqual(same[uint64]))}
				s.run(seed)
			})
		}
	}
}

func (s *stressTest) run(seed uint64) {
	const writers, commits = 4, 1000
	members := uint64(0)
	member := func() *rand.Rand { members++; return rand.New(rand.NewPCG(seed, members)) }
	start := make(chan struct{})
	for range writers {
		rng := member()
		s.writing.Go(func() {
			<-start
			for range commits {
				s.write(rng)
				if rng.IntN(4) == 0 {
					runtime.Gosched()
				}
			}
		})
	}
	for range 2 {
		s.others.Go(func() { <-start; s.read() })
	}
	for _, h := range habits {
		rng := member()
		s.others.Go(func() { <-start; s.follow(h, rng) })
	}
	close(start)
	s.writing.Wait()
	last := written{stored: map[int]uint64{lastKey: s.tokens.Add(1)}}
	last.revision = s.set.Store(lastKey, last.stored[lastKey])
	s.commits = append(s.commits, last)
	s.others.Wait()
	if s.t.Failed() {
		return
	}
	s.replay()
}
