package ttl_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/shardmap-go/shardmap"
	"github.com/shardmap-go/shardmap/ttl"
)

// The stress tests have goroutines store, load, change and delete the same few keys, while the clock moves, a janitor
// collects and somebody clears the map now and then. They verify, best with -race:
//
//  1. No load returns a value whose deadline had passed when it was called.
//  2. Every value that was stored is reported exactly once, no other one ever, and Expired only at or after its deadline.
//  3. No update is lost: the increments of a counter add up over all its lives, each of which ends with one report.
//  4. A map with a limit never holds more entries than that.
//  5. Nothing is left behind: when everything has expired, one Collect empties the map, and all its places are free.
//
// They are bounded by work. The seed is printed; with it the goroutines do the same again, though not in the same order.

// A parcel is a value that knows what happened to it.
type parcel struct {
	key       int
	earliest  int64        // its deadline is not before that
	latest    atomic.Int64 // nor, if that is not 0, after that
	stored    atomic.Bool
	reports   atomic.Int32
	increment int // of a counter
}

type stressSetup struct {
	name     string
	lifetime ttl.Lifetime
	max      int
	policy   ttl.Policy
}

const stressTTL = time.Second

var stressSetups = []stressSetup{
	{name: "fixed", lifetime: ttl.Lifetime{TTL: stressTTL}},
	{name: "both", lifetime: ttl.Lifetime{TTL: stressTTL, Idle: stressTTL / 2}},
	{name: "reject", lifetime: ttl.Lifetime{TTL: stressTTL}, max: 8, policy: ttl.Reject},
	{name: "evict", lifetime: ttl.Lifetime{TTL: stressTTL, Idle: stressTTL / 2}, max: 8, policy: ttl.Evict},
	{name: "evict one", lifetime: ttl.Lifetime{TTL: stressTTL}, max: 1, policy: ttl.Evict},
}

type stress struct {
	t        *testing.T
	m        *ttl.Map[int, *parcel]
	clock    fakeClock
	setup    stressSetup
	mu       sync.Mutex
	parcels  []*parcel
	ended    atomic.Int64 // increments of counters whose life has ended
	failures atomic.Int32
}

func newStress(t *testing.T, setup stressSetup) *stress {
	s := &stress{t: t, setup: setup}
	options := []ttl.Option{ttl.WithClock(s.clock.now), ttl.WithLifetime(setup.lifetime), ttl.WithOnEvict(s.onEvict)}
	if setup.max > 0 {
		options = append(options, ttl.WithMaxEntries(setup.max, setup.policy))
	}
	s.m = ttl.New[int, *parcel](options...)
	return s
}

func (s *stress) failf(format string, args ...any) {
	if s.failures.Add(1) <= 5 {
		s.t.Errorf(format, args...)
	}
}

func (s *stress) parcel(key int) *parcel {
	p := &parcel{key: key, earliest: s.earliest()}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.parcels = append(s.parcels, p)
	return p
}

// earliest returns a time before which nothing expires that is stored from now on.
func (s *stress) earliest() int64 {
	lifetime := s.setup.lifetime.TTL
	if idle := s.setup.lifetime.Idle; idle > 0 {
		lifetime = min(lifetime, idle)
	}
	return s.clock.ns.Load() + int64(lifetime)
}

// keep says that p has been stored.
func (s *stress) keep(p *parcel, err error) {
	switch {
	case err == nil:
		p.stored.Store(true)
		p.latest.Store(s.clock.ns.Load() + int64(stressTTL))
	case !errors.Is(err, ttl.ErrFull) || s.setup.policy != ttl.Reject:
		s.failf("error %v", err)
	}
}

func (s *stress) onEvict(key int, p *parcel, reason ttl.Reason) {
	if p.key != key || p.reports.Add(1) != 1 {
		s.failf("the value of %d is reported of %d, as %v, %d times", p.key, key, reason, p.reports.Load())
	}
	if now := s.clock.ns.Load(); reason == ttl.Expired && now < p.earliest {
		s.failf("expired %v too early", time.Duration(p.earliest-now))
	}
	if reason != ttl.Replaced {
		s.ended.Add(int64(p.increment))
	}
	if p.increment == 0 && p.key%3 == 0 { // the map may be used meanwhile
		s.m.Load(key + 1)
	}
}

// check verifies property 1 of what a load returned that was called at the given time.
func (s *stress) check(key int, p *parcel, called int64) {
	if p.key != key {
		s.failf("key %d has the value of %d", key, p.key)
	}
	if latest := p.latest.Load(); latest != 0 && called >= latest {
		s.failf("loaded %v after the deadline", time.Duration(called-latest))
	}
}

// run has workers run f, steps times each, while the clock moves, and checks properties 2 and 5 at the end.
func (s *stress) run(seed uint64, workers, steps int, f func(rng *rand.Rand, step int)) {
	var group, helpers sync.WaitGroup
	var over atomic.Bool
	for id := range workers {
		rng := rand.New(rand.NewPCG(seed, uint64(id)))
		group.Go(func() {
			for step := range steps {
				if f(rng, step); rng.IntN(8) == 0 {
					runtime.Gosched()
				}
			}
		})
	}
	rng := rand.New(rand.NewPCG(seed, 1000))
	helpers.Go(func() {
		for !over.Load() {
			s.clock.advance(time.Duration(rng.Int64N(int64(stressTTL / 8))))
			if rng.IntN(4) == 0 {
				s.m.Collect()
			}
			if s.setup.max > 0 && rng.IntN(4) == 0 { // Len is not exact while others write, and a snapshot is
				if n := s.m.Held(); n > s.setup.max {
					s.failf("%d entries", n)
				}
			}
			runtime.Gosched()
		}
	})
	group.Wait()
	over.Store(true)
	helpers.Wait()
	s.clock.advance(2 * stressTTL)
	if s.m.Collect(); s.m.Len() != 0 {
		s.failf("%d entries are left", s.m.Len())
	}
	for _, p := range s.parcels {
		if stored := p.stored.Load(); stored != (p.reports.Load() == 1) {
			s.failf("a value of %d, stored: %v, was reported %d times", p.key, stored, p.reports.Load())
		}
	}
	for i := range s.setup.max { // as many as there were places at the beginning
		if err := s.m.Store(i, s.parcel(i)); err != nil || s.m.Len() != i+1 {
			s.failf("%d entries fit where %d should: %v", s.m.Len(), s.setup.max, err)
		}
	}
	if n := s.failures.Load(); n > 0 {
		s.t.Fatalf("%d failures (SHARDMAP_SEED=%d)", n, seed)
	}
}

// Properties 1, 2, 4 and 5.
func TestStressValuesExpireOnTimeAndAreReportedExactlyOnce(t *testing.T) {
	seed := testSeed(t)
	for _, setup := range stressSetups {
		for _, keys := range []int{2, 30} {
			t.Run(fmt.Sprintf("%s/keys=%d", setup.name, keys), func(t *testing.T) {
				s := newStress(t, setup)
				s.run(seed, 8, amount(4000), func(rng *rand.Rand, step int) { s.act(rng, rng.IntN(keys), step) })
			})
		}
	}
}

func (s *stress) act(rng *rand.Rand, key, step int) {
	called := s.clock.ns.Load()
	switch rng.IntN(12) {
	case 0, 1:
		p := s.parcel(key)
		s.keep(p, s.m.Store(key, p))
	case 2:
		p := s.parcel(key)
		_, _, err := s.m.Swap(key, p)
		s.keep(p, err)
	case 3:
		p := s.parcel(key)
		actual, loaded, err := s.m.LoadOrStore(key, p)
		if loaded {
			s.check(key, actual, called)
		} else {
			s.keep(p, err)
		}
	case 4:
		p := s.parcel(key)
		if old, ok := s.m.Load(key); ok && s.m.CompareAndSwap(key, old, p) {
			s.keep(p, nil)
		}
	case 5:
		if old, ok := s.m.Load(key); ok {
			s.m.CompareAndDelete(key, old)
		}
	case 6:
		if p, ok := s.m.LoadAndDelete(key); ok {
			s.check(key, p, called)
		}
	case 7:
		p := s.parcel(key)
		actual, err := s.m.LoadOrCompute(context.Background(), key, func(context.Context) (*parcel, ttl.Lifetime, error) {
			p.earliest = s.earliest()
			return p, ttl.Lifetime{}, nil
		})
		if actual == p {
			s.keep(p, err)
		}
	case 8:
		for key, p := range s.m.All() {
			s.check(key, p, called)
		}
		for key, p := range s.m.Snapshot().All() {
			s.check(key, p, called)
		}
	case 9:
		if step%50 == 0 {
			s.m.Clear()
		}
	default:
		if p, ok := s.m.Load(key); ok {
			s.check(key, p, called)
		}
	}
}

// Property 3.
func TestStressIncrementsAddUpOverTheLivesOfACounter(t *testing.T) {
	seed := testSeed(t)
	for _, setup := range stressSetups {
		t.Run(setup.name, func(t *testing.T) {
			s := newStress(t, setup)
			var incremented atomic.Int64
			s.run(seed, 8, amount(4000), func(rng *rand.Rand, _ int) {
				switch key := rng.IntN(3); rng.IntN(8) {
				case 0:
					s.m.Load(key)
				case 1:
					if rng.IntN(20) == 0 {
						s.m.Delete(key)
					}
				default:
					var p *parcel
					_, _, err := s.m.Compute(key, func(old *parcel, loaded bool) (*parcel, shardmap.Op) {
						if p = s.parcel(key); loaded {
							p.increment = old.increment
						}
						p.increment++
						return p, shardmap.Set
					})
					if s.keep(p, err); err == nil {
						incremented.Add(1)
					}
				}
			})
			if got, want := s.ended.Load(), incremented.Load(); got != want {
				t.Errorf("%d increments were reported, %d made (SHARDMAP_SEED=%d)", got, want, seed)
			}
		})
	}
}
