package run

import (
	"context"
	"fmt"
	"math/rand/v2"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"github.com/shardmap-go/shardmap/bench/internal/data"
	"github.com/shardmap-go/shardmap/bench/strategy"
)

// A replayBench is a replay with everything made in advance that all its rounds have in common.
type replayBench[K, V comparable] struct {
	*playback
	known, stored []K // by number; equal, but not the same strings
	values        data.ValueKind[V]
	order         []uint32 // of filling
	latencies     [kinds][]*latencies
	random        uint64

	players []*player[K, V] // of the current round
}

func newReplayBench[K, V comparable](p *playback, seed uint64,
	key func(n, seed uint64, length int) K, values func(keys int) data.ValueKind[V],
) *replayBench[K, V] {
	rng := rand.New(rand.NewPCG(seed, 0))
	n := len(p.keys)
	b := &replayBench[K, V]{playback: p, known: make([]K, n), stored: make([]K, n), values: values(n), random: seed}
	for _, keys := range [][]K{b.known, b.stored} {
		for _, i := range data.Shuffled(n, rng) {
			keys[i] = key(uint64(i), seed, p.keyLength(p.keys[i]))
		}
	}
	for _, i := range data.Shuffled(n, rng) {
		if p.keys[i].start {
			b.order = append(b.order, i)
		}
	}
	for _, t := range p.tracks {
		for _, s := range t.steps {
			if b.latencies[s.does] != nil {
				continue
			}
			for range min(len(p.tracks), latencySets) {
				b.latencies[s.does] = append(b.latencies[s.does], newLatencies())
			}
		}
	}
	return b
}

func (b *replayBench[K, V]) costs(context.Context, func() strategy.Map[K, V]) map[string]Cost {
	return nil
}

// vary makes the choices of the next round differ from those of others.
func (b *replayBench[K, V]) vary(by uint64) { b.random += by }

// measure makes a map, fills it, does the trace to it, and checks it.
func (b *replayBench[K, V]) measure(ctx context.Context, newMap func() strategy.Map[K, V]) (Round, error) {
	b.players = nil // they keep the map of the round before in memory
	baseline := heap()
	m := newMap()
	for _, i := range b.order {
		m.Store(b.stored[i], b.values.Of(int(i), 1))
	}
	b.hire(m)
	runtime.GC()
	t := b.work(ctx)
	r := t.round()
	used := float64(heap() - baseline)
	if ctx.Err() != nil {
		return r, ctx.Err()
	}
	for _, p := range b.players {
		if p.fault != "" {
			return r, fmt.Errorf("%s", p.fault)
		}
	}
	if n := t.operations(); n < int64(b.operations) {
		return r, fmt.Errorf("too slow: after %v, %d of %d operations were done", t.elapsed.Round(time.Millisecond), n, b.operations)
	}
	entries, err := b.check(m)
	if entries > 0 {
		r.BytesPerEntry = max(used, 0) / float64(entries)
	}
	return r, err
}

func (b *replayBench[K, V]) hire(m strategy.Map[K, V]) {
	for i := range b.tracks {
		p := &player[K, V]{replayBench: b, track: &b.tracks[i], m: m}
		p.updater, _ = m.(strategy.Updater[K, V])
		p.loadDeleter, _ = m.(strategy.LoadAndDeleter[K, V])
		p.swapper, _ = m.(strategy.Swapper[K, V])
		p.update = func(V) V { return p.next }
		b.random += 0x632BE59BD9B4E019 // another stream for each
		p.random = random(b.random)
		for does, sets := range b.latencies {
			if sets != nil {
				p.latencies[does] = sets[i%len(sets)]
			}
		}
		b.players = append(b.players, p)
	}
}

// work does the whole trace, unless it takes too long, and returns what was done.
func (b *replayBench[K, V]) work(ctx context.Context) *tally {
	var stop atomic.Bool
	defer context.AfterFunc(ctx, func() { stop.Store(true) })()
	var all sync.WaitGroup
	ready := make(chan struct{})
	var start time.Time
	for _, p := range b.players {
		all.Go(func() {
			defer p.guard()
			<-ready
			if b.speed > 0 {
				p.playAt(start, &stop)
			} else {
				p.play(&stop)
			}
		})
	}
	t := newTally()
	before := readGauges()
	defer time.AfterFunc(b.limit, func() { stop.Store(true) }).Stop()
	start = time.Now()
	close(ready)
	all.Wait()
	t.elapsed = time.Since(start)
	t.used = before.since()
	t.goroutineTime = t.elapsed * time.Duration(len(b.players))
	for _, p := range b.players {
		for does, n := range p.done {
			t.done[does] += n
		}
	}
	for does, sets := range b.latencies {
		for _, l := range sets {
			t.hists[does] = sum(t.hists[does], l.hist)
			l.hist.Reset()
		}
	}
	return t
}

// A player is a goroutine that does a track.
type player[K, V comparable] struct {
	*replayBench[K, V]
	track *replayTrack

	m           strategy.Map[K, V]
	updater     strategy.Updater[K, V] // these are nil if the map does not offer them
	loadDeleter strategy.LoadAndDeleter[K, V]
	swapper     strategy.Swapper[K, V]

	random       random
	latencies    [kinds]*latencies
	done         [kinds]int64
	next         V         // what update makes of any value
	update       func(V) V // made once, as closures are allocated
	sink         V         // loaded values go here, so that loading them cannot be left out
	fault        string    // the first thing that the map did wrong
	timed        bool      // whether the current step is
	began, ended time.Time
}

// few is the number of operations in a trace below which the latency of each is taken.
const few = 1 << 15

// play does the track at full speed.
func (p *player[K, V]) play(stop *atomic.Bool) {
	mask := uint64(sampleMask)
	if p.operations < few {
		mask = 0
	}
	for i := range p.track.steps {
		if i&15 == 0 && stop.Load() {
			return
		}
		s := &p.track.steps[i]
		p.timed = p.random.next()&mask == 0
		p.do(s)
		if p.timed {
			p.latencies[s.does].add(p.ended.Sub(p.began))
		}
		p.done[s.does]++
	}
}

// playAt does the track at the times of the recording. What is late counts from when it was to start, and is done
// nevertheless, or the map could not be checked.
func (p *player[K, V]) playAt(start time.Time, stop *atomic.Bool) {
	p.timed = true
	for i := range p.track.steps {
		at := start.Add(time.Duration(float64(p.track.at[i]) / p.speed))
		waitUntil(at, stop)
		if stop.Load() {
			return
		}
		s := &p.track.steps[i]
		p.do(s)
		p.latencies[s.does].add(p.ended.Sub(at))
		p.done[s.does]++
	}
}

func (p *player[K, V]) begin() {
	if p.timed {
		p.began = time.Now()
	}
}

func (p *player[K, V]) end() {
	if p.timed {
		p.ended = time.Now()
	}
}

// wrong takes down the first thing that goes wrong.
func (p *player[K, V]) wrong(what string) {
	if p.fault == "" {
		p.fault = what
	}
}

// guard turns a panic of the map into a fault.
func (p *player[K, V]) guard() {
	if r := recover(); r != nil {
		p.wrong(fmt.Sprintf("panicked: %v", r))
	}
}
