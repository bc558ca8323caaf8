//go:build explore

package shardmap

import (
	"flag"
	"fmt"
	"hash/crc32"
	"maps"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/shardmap-go/shardmap/internal/sched"
)

// Every order in which a few operations may meet, up to some preemptions, and random ones beyond; see internal/sched.
//
//	go test -tags explore -run Explore -v .
//
// A failure prints its schedule and how to repeat it, which prints every step.

var (
	systematic = flag.Int("explore.systematic", 12_000, "schedules of each scenario that are explored depth first")
	randomly   = flag.Int("explore.random", 6_000, "random schedules of each scenario")
	pairs      = flag.Bool("explore.pairs", false, "explore every two tasks of three, too: there are few enough schedules to try all")
	seed       = flag.Uint64("explore.seed", 0, "seed of the random schedules")
	schedule   = flag.String("explore.schedule", "", "the only schedule to run; select one scenario with -run")
)

// A scenario is a map with some content, and what two or three tasks do to it.
type scenario[V any] struct {
	name    string
	entries int                  // 1 → 1, 2 → 2, …
	hasher  func(int) uint64     // nil for the built-in one
	prepare func(m *Map[int, V]) // nil for nothing
	tasks   []func(m *tested[V])
	// met returns something that must happen in some schedule, and whether it has.
	met func(m *Map[int, V]) bool
}

// The sizes of an explored map: six entries fill the only bucket, and the seventh makes four buckets; eight fill these,
// and the ninth splits the shard; a bucket's chain is two buckets long before the hash function is given up.
const (
	fillsBucket = 6
	fillsShard  = 8
)

func TestExploreWords(t *testing.T) {
	exploreAll(t, func(n int) int { return n }, func(n int) int { return n })
}

func TestExplorePointers(t *testing.T) {
	var numbers [2000]int
	for i := range numbers {
		numbers[i] = i
	}
	exploreAll(t, func(n int) *int { return &numbers[n] }, func(p *int) int { return *p })
}

func TestExploreBoxes(t *testing.T) {
	type pair struct{ a, b int }
	exploreAll(t, func(n int) pair { return pair{n, -n} }, func(p pair) int {
		if p.b != -p.a {
			panic(fmt.Sprintf("torn value %v", p))
		}
		return p.a
	})
}

func exploreAll[V any](t *testing.T, v func(int) V, n func(V) int) {
	total := 0
	for _, s := range scenarios(v) {
		t.Run(s.name, func(t *testing.T) { total += s.explore(t, v, n) })
		if *pairs && len(s.tasks) == 3 {
			for i := range s.tasks {
				two := s
				two.tasks, two.met = slices.Delete(slices.Clone(s.tasks), i, i+1), nil
				t.Run(fmt.Sprintf("%s, without %c", s.name, 'a'+i), func(t *testing.T) { total += two.explore(t, v, n) })
			}
		}
	}
	t.Logf("%d schedules", total)
}

func (s *scenario[V]) explore(t *testing.T, v func(int) V, n func(V) int) int {
	met, steps := s.met == nil, 0
	schedules := explore(t, func() meeting {
		m := &tested[V]{Map: s.make(v), history: &history{initial: content{}}, v: v, n: n}
		if s.prepare != nil {
			s.prepare(m.Map)
		}
		for key, value := range m.All() {
			m.initial[key] = n(value)
		}
		tasks := make([]func(), len(s.tasks))
		for i, task := range s.tasks {
			tasks[i] = func() { task(m) }
		}
		return meeting{m.history, tasks, func() {
			m.atTheEnd()
			met = met || s.met(m.Map)
			steps = max(steps, m.steps)
		}}
	})
	require.True(t, met || *schedule != "", "what the scenario is about never happened")
	require.LessOrEqual(t, steps, maxLoadSteps, "Load must not depend on what the others do")
	t.Logf("at most %d steps in a Load", steps)
	return schedules
}

// A meeting is what happens under each schedule: some tasks that write a history, and what is to be done when they have.
type meeting struct {
	*history
	tasks []func()
	end   func()
}

// explore runs a meeting, made anew each time, under many schedules, and demands that all histories are linearizable. It
// returns the number of schedules.
func explore(t *testing.T, setUp func() meeting) int {
	x := sched.Explorer{Preemptions: 3, Systematic: *systematic, Random: *randomly, Replay: *schedule,
		Seed: *seed<<32 + uint64(crc32.ChecksumIEEE([]byte(t.Name())))}
	seen := map[string]bool{}
	for x.Next() {
		m := setUp()
		x.Run(m.tasks...)
		if x.Err() != nil {
			break
		}
		m.end()
		if m.broken != "" {
			x.Fail("%s\n%s", m.broken, m.text())
		}
		if sig := m.signature(); !seen[sig] {
			seen[sig] = true
			if !m.linearizable() {
				x.Fail("not linearizable:\n%s", m.text())
			}
		}
	}
	if err := x.Err(); err != nil {
		t.Fatalf("%v\nto repeat it, step by step: go test -tags explore -run '^%s$' . -explore.schedule %s", err, t.Name(), x.Schedule())
	}
	t.Logf("%d schedules, all of those with up to %d preemptions; %d histories; at most %d steps",
		x.Schedules, x.Complete, len(seen), x.Longest)
	return x.Schedules
}

// maxLoadSteps bounds the steps of one Load: the directory, a page, the shard, and of two buckets the meta word, six
// entries and the next pointer; and the slot.
const maxLoadSteps = 3 + 2*(2+bucketEntries) + 1

// atTheEnd looks at the map when all is quiet: what is there in the end is part of the history, nothing is locked, and the
// counters are right.
func (m *tested[V]) atTheEnd() {
	end := m.numbers(m.Snapshot())
	m.do(func() (string, func(content) bool) { return whole("the end", end, nil) })
	for key := range end {
		if got := m.number(m.Load(key)); got != end[key] {
			m.broken = fmt.Sprintf("the end: Load(%d) is %d, Snapshot has %d", key, got, end[key])
		}
	}
	shown := content{}
	for key, value := range m.All() {
		if _, twice := shown[key]; twice {
			m.broken = fmt.Sprintf("the end: Range shows key %d twice", key)
		}
		shown[key] = m.n(value)
	}
	if !maps.Equal(end, shown) || m.Len() != len(end) {
		m.broken = fmt.Sprintf("the end: Snapshot has %v, Range shows %v, Len is %d", end, shown, m.Len())
	}
	counted, dead, d := 0, 0, m.directory()
	for s := range d.shards {
		counted += s.present()
		for e := range s.entries {
			if d.isDead(d.load(e)) {
				dead++
			}
		}
	}
	if counted != len(end) || dead > 0 {
		m.broken = fmt.Sprintf("the end: the shards have %d entries, %d of them deleted, not %d", counted, dead, len(end))
	}
	if err := m.checkInvariants(true); err != nil {
		m.broken = fmt.Sprintf("the end: %v", err)
	}
	for key := range end { // whatever is still locked panics
		m.Delete(key)
		m.Store(key, m.v(end[key]))
	}
}

func (s *scenario[V]) make(v func(int) V) *Map[int, V] {
	m := new(Map[int, V])
	if s.hasher != nil {
		m = New[int, V](WithHasher(s.hasher))
	}
	for i := 1; i <= s.entries; i++ {
		m.Store(i, v(i))
	}
	return m
}
