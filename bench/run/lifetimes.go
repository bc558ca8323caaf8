package run

import (
	"cmp"
	"math"
	"math/rand/v2"
	"slices"
	"sort"
	"sync/atomic"
	"time"

	"github.com/shardmap-go/shardmap/bench/workload"
)

// With lifetimes, each key has a place at which it is followed by another one when its life is over, and that one by the
// next: keys are never seen again, as pods are not. When lives end does not depend on the map, so it is decided in
// advance, and is the same in all rounds of all strategies; the keys are made in advance, too. Lives are in nanoseconds,
// or in operations of all goroutines together.

const (
	maxDeaths = 2_000_000  // that are decided in advance; from then on they repeat
	fastest   = 50_000_000 // operations per second of any map, as a guess; a faster one sees deaths repeat, too
	oldAge    = 3          // mean lifetimes of history before the start, so that keys of all ages are there
	pareto    = 1.5        // shape: most keys die young, half of them before 0.53 of the mean, and a few live for long
)

// A death says when the life of the key at a place ends. The place is among all keys, then among those of one worker.
type death struct {
	at    uint64
	place int
}

// A schedule is the deaths at the places of one worker, in their order.
type schedule struct {
	deaths []death
	next   int
	lap    uint64 // time of the laps that are over
	length uint64 // of a lap, after which the deaths repeat
}

// due returns the place where the next life ends, if that is not after now.
func (s *schedule) due(now uint64) (place int, ok bool) {
	if len(s.deaths) == 0 {
		return 0, false
	}
	if s.next == len(s.deaths) {
		s.next = 0
		s.lap += s.length
	}
	if next := s.deaths[s.next]; s.lap+next.at <= now {
		s.next++
		return next.place, true
	}
	return 0, false
}

// skip lets what was due before now be forgotten.
func (s *schedule) skip(now uint64) {
	if s.length > 0 {
		s.lap = now / s.length * s.length
		s.next = sort.Search(len(s.deaths), func(i int) bool { return s.lap+s.deaths[i].at >= now })
	}
}

// drawLife draws how long a key lives.
func drawLife(l workload.Lifetimes, mean float64, rng *rand.Rand) float64 {
	switch l.Distribution {
	case "fixed":
		return mean
	case "uniform":
		return 2 * mean * rng.Float64()
	case "pareto":
		return mean * (pareto - 1) / pareto * math.Pow(1-rng.Float64(), -1/pareto)
	}
	return mean * rng.ExpFloat64()
}

// lapLength returns for how long deaths are decided in advance: for a whole round, or until there are too many.
func (b *bench[K, V]) lapLength() float64 {
	l := b.workload.Keys.Lifetimes
	length := float64(b.warmUp) + 1.1*float64(b.length)
	if l.Operations > 0 {
		return min(length/1e9*fastest, maxDeaths/float64(b.number)*float64(l.Operations))
	}
	return min(length, maxDeaths/float64(b.number)*float64(l.Time))
}

// deaths decides when lives end, for the schedule of each worker in each phase. It returns how many there are.
func (b *bench[K, V]) deaths(rng *rand.Rand) int {
	l := b.workload.Keys.Lifetimes
	mean, length := float64(l.Time+workload.Duration(l.Operations)), b.lapLength() // one of the two means is 0
	var all []death
	for place := range b.number {
		for at := -oldAge * mean * (1 + rng.Float64()); at < length; at += drawLife(l, mean, rng) {
			if at >= 0 {
				all = append(all, death{uint64(at), place})
			}
		}
	}
	slices.SortFunc(all, func(a, b death) int { return cmp.Compare(a.at, b.at) })
	for i := range b.parts {
		p := &b.parts[i]
		p.schedules = make([]schedule, p.goroutines)
		for _, d := range all {
			s := &p.schedules[d.place%p.goroutines]
			s.deaths = append(s.deaths, death{d.at, d.place / p.goroutines})
			s.length = uint64(length)
		}
	}
	return len(all)
}

// A nursery has the keys that follow others, in the order in which they are needed.
type nursery[K any] struct {
	born         atomic.Int64 // keys that were taken
	keys, stored []K          // equal, but not the same strings
	more         func(n int) K
}

func (n *nursery[K]) fill(more func(n int) K, number int) {
	n.more = more
	n.keys, n.stored = make([]K, number), make([]K, number)
	for i := range number {
		n.keys[i] = more(i)
	}
	for i := range number {
		n.stored[i] = more(i)
	}
}

// take returns a key that was never there, twice. When there are no more it makes one, which takes time outside of
// what is measured as latency, but inside of what is measured as throughput.
func (n *nursery[K]) take() (key *K, stored K) {
	i := int(n.born.Add(1) - 1)
	if i < len(n.keys) {
		return &n.keys[i], n.stored[i]
	}
	made := n.more(i)
	return &made, n.more(i)
}

// chores does what is due beside the operations: it lets the map grow, and keys die. The latencies of as many are taken
// as of others.
func (w *worker[K, V]) chores(stop *atomic.Bool) {
	if !w.growing && !w.living {
		return
	}
	now := time.Now()
	if w.growing {
		for target := w.target(now); int(w.there.Load()) < target && !stop.Load(); {
			if w.sample(); !w.insert() {
				return
			}
			w.finish(insert, w.began)
		}
		return
	}
	age := uint64(w.age + now.Sub(w.started))
	if w.workload.Keys.Lifetimes.Operations > 0 {
		age = w.aged + uint64(w.operations())*uint64(w.goroutines)
	}
	for !stop.Load() {
		place, ok := w.deaths.due(age)
		if !ok {
			return
		}
		w.sample()
		w.replace(place)
		w.finish(churn, w.began)
	}
}

// target returns how many of the worker's keys should be there by now: the map grows evenly over all phases, and is
// complete a little before the end, so that no goroutine stops too early to do its part.
func (w *worker[K, V]) target(now time.Time) int {
	part := float64(w.age+now.Sub(w.started)) / (0.99 * float64(w.length))
	keys := w.start + int(float64(w.number-w.start)*min(part, 1))
	return (keys - w.id + w.goroutines - 1) / w.goroutines
}

// replace ends the life of the key at one of the worker's places, and begins that of another.
func (w *worker[K, V]) replace(place int) {
	i := place*w.goroutines + w.id
	out := *w.slots[place].Load()
	key, in := w.fresh.take()
	w.versions[place]++
	value := w.values.Of(i, w.versions[place])
	w.begin()
	w.m.Delete(out)
	w.m.Store(in, value)
	w.end()
	w.slots[place].Store(key)
}
