package run

import (
	"math/rand/v2"
	"sync/atomic"
	"time"

	"github.com/shardmap-go/shardmap/bench/internal/data"
	"github.com/shardmap-go/shardmap/bench/strategy"
	"github.com/shardmap-go/shardmap/bench/workload"
)

// A bench is a workload with everything made in advance that all its runs have in common.
type bench[K comparable, V comparable] struct {
	workload *workload.Workload
	parts    []part
	number   int           // of keys
	start    int           // of them that are there at the start
	warmUp   time.Duration // with the operations of the first phase
	length   time.Duration // of all phases

	// What the operations of all phases and the keys ask for:
	churns, counts, removes     bool
	sequential, growing, living bool

	keys   []K // by number; if keys churn, those from number on are the twins
	stored []K // equal to keys, but not the same strings: with those, comparing would cost nothing
	absent []K // never stored
	fresh  nursery[K]
	order  []uint32
	values data.ValueKind[V]

	draws     []uint32
	random    uint64
	latencies [kinds][]*latencies // of those kinds that happen

	run[K, V]
}

// A part is a phase with everything decided.
type part struct {
	workload.Phase
	chooser
	duration   time.Duration
	goroutines int
	schedules  []schedule // of each goroutine, with lifetimes
}

// A run is what a bench remembers of one strategy in one round.
type run[K comparable, V comparable] struct {
	filled     int // keys that are there for sure, of the lowest numbers, at the start of the phase
	workers    []*worker[K, V]
	increments int64         // of workers that have left
	fault      string        // the first thing that the map did wrong
	age        time.Duration // that the keys have lived before the phase
	aged       uint64        // the same, in operations
	sampleMask uint64        // bits of an operation's random number that are 0 if its latency is to be taken
}

func newBench[K, V comparable](w *workload.Workload, parts []part, seed uint64,
	key func(n, seed uint64, length int) K, values func(keys int) data.ValueKind[V],
) *bench[K, V] {
	rng := rand.New(rand.NewPCG(seed, 0))
	all := w.Any()
	b := &bench[K, V]{
		workload: w, parts: parts, number: w.Keys.Number, start: w.Filled(), random: seed,
		churns: all.Churn > 0, counts: all.Increment > 0, removes: all.Removes(),
		sequential: w.Keys.Distribution == "sequential", growing: w.Keys.Distribution == "growing",
		living: w.Keys.Lifetimes != workload.Lifetimes{},
	}
	for _, p := range parts {
		b.length += p.duration
	}
	if all.Insert == 0 && !b.growing {
		b.warmUp = parts[0].duration / 5 // it would use up keys to insert
	}
	b.makeKeys(all, seed, rng, key)
	b.order = data.Shuffled(b.start, rng)
	b.draws = draws(w.Keys, b.reach(all), rng)
	b.values = values(len(b.keys))
	b.makeLatencies(all)
	return b
}

// reach returns how many keys operations may choose among, in the phase in which they are most.
func (b *bench[K, V]) reach(all workload.Mix) int {
	if all.Insert > 0 && len(b.parts) > 1 {
		return b.number
	}
	return b.start
}

// makeKeys makes keys in random order, so that neighbours in a sequence are not neighbours in memory.
func (b *bench[K, V]) makeKeys(all workload.Mix, seed uint64, rng *rand.Rand, key func(n, seed uint64, length int) K) {
	length := b.workload.Keys.Length
	universe := b.number
	if b.churns {
		universe *= 2
	}
	b.keys, b.stored = make([]K, universe), make([]K, universe)
	for _, i := range data.Shuffled(universe, rng) {
		b.keys[i] = key(uint64(i), seed, length)
	}
	for _, i := range data.Shuffled(universe, rng) {
		b.stored[i] = key(uint64(i), seed, length)
	}
	if all.Miss > 0 {
		b.absent = make([]K, b.number)
		for i := range b.absent {
			b.absent[i] = key(uint64(universe+i), seed, length)
		}
	}
	if b.living {
		b.fresh.fill(func(n int) K { return key(uint64(universe+b.number+n), seed, length) }, b.deaths(rng))
	}
}

// makeLatencies makes histograms for the kinds of operations that there will be, besides those of the mix.
func (b *bench[K, V]) makeLatencies(all workload.Mix) {
	all.Churn += sign(b.living)
	all.Insert += sign(b.growing) + sign(b.removes)
	sets := 0
	for _, p := range b.parts {
		sets = max(sets, min(p.goroutines, latencySets))
	}
	for i, op := range all.All() {
		if op.Weight > 0 {
			for range sets {
				b.latencies[i] = append(b.latencies[i], newLatencies())
			}
		}
	}
}

func sign(b bool) float64 {
	if b {
		return 1
	}
	return 0
}

// initial returns the value with which a key is inserted.
func (b *bench[K, V]) initial(i int, version uint32) V {
	if b.counts {
		var zero V
		return zero
	}
	return b.values.Of(i, version)
}

func (b *bench[K, V]) fill(m strategy.Map[K, V]) {
	entries := func(yield func(K, V) bool) {
		for _, i := range b.order {
			if !yield(b.stored[i], b.initial(int(i), 1)) {
				return
			}
		}
	}
	if f, ok := m.(strategy.Filler[K, V]); ok {
		f.Fill(entries)
		return
	}
	for key, value := range entries {
		m.Store(key, value)
	}
}

// begin forgets the run before.
func (b *bench[K, V]) begin() {
	b.run = run[K, V]{filled: b.start, sampleMask: sampleMask}
	b.fresh.born.Store(0)
}

// hire makes the workers of a phase. They know what those of the phase before knew.
func (b *bench[K, V]) hire(m strategy.Map[K, V], goroutines int) {
	old := b.workers
	for _, w := range old {
		b.increments += w.increments
	}
	b.filled = b.present(old)
	b.workers = make([]*worker[K, V], goroutines)
	for id := range b.workers {
		w := &worker[K, V]{bench: b, id: id, goroutines: goroutines, removed: -1}
		w.use(m)
		b.random += 0x632BE59BD9B4E019 // another stream for each
		w.random = random(b.random)
		w.position = id * (max(b.filled, 1) / goroutines)
		if b.draws != nil {
			w.position = id * (drawsLen / goroutines)
		}
		for op, sets := range b.latencies {
			if sets != nil {
				w.latencies[op] = sets[id%len(sets)]
			}
		}
		places := (b.number - id + goroutines - 1) / goroutines
		w.versions = make([]uint32, places)
		if b.churns {
			w.twins = make([]atomic.Uint32, places)
		}
		if b.living {
			w.slots = make([]atomic.Pointer[K], places)
		}
		for place := range places {
			w.learn(place, old)
		}
		there := w.present()
		w.there.Store(int64(there))
		w.next = there*goroutines + id
		b.workers[id] = w
	}
}

// present returns how many of the keys with the lowest numbers are there without a gap.
func (b *bench[K, V]) present(workers []*worker[K, V]) int {
	if workers == nil {
		return b.start
	}
	n := b.number
	for _, w := range workers {
		n = min(n, w.present()*w.goroutines+w.id)
	}
	return n
}

// entries returns how many entries must be in the map.
func (b *bench[K, V]) entries() int {
	n := 0
	for _, w := range b.workers {
		for _, version := range w.versions {
			if version > 0 {
				n++
			}
		}
	}
	return n
}
