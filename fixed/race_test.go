package fixed_test

import (
	"errors"
	"math/rand/v2"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/shardmap-go/shardmap/fixed"
)

// The stress tests run goroutines that get in each other's way, best with -race, and verify these properties:
//
//  1. The capacity is always usable: goroutines that together never want more than the capacity are never told ErrFull,
//     though slots pass between shards all the time.
//  2. The capacity is never exceeded: Len is never above it, and ErrFull is told to all but as many as fit.
//  3. What is stored is taken out exactly once: each token is returned by the one operation that replaced or deleted it, or
//     is there at the end. No value is torn, or another key's.
//  4. Range shows no key twice, every key that stays, and no key with another's value.
//  5. Len is that of one instant: it is within the bounds that hold at each instant.
//  6. Clear takes effect for all keys at one instant.
//
// full_test.go has the narrowest case of 1, as one fixed interleaving.
//
// All are bounded by work. The seed is printed; with it the goroutines do the same again, though not in the same order.

// inParallel runs f in n goroutines that start together, and waits for them.
func inParallel(seed uint64, n int, f func(id int, rng *rand.Rand)) {
	var group sync.WaitGroup
	start := make(chan struct{})
	for id := range n {
		group.Go(func() {
			<-start
			f(id, rand.New(rand.NewPCG(seed, uint64(id))))
		})
	}
	close(start)
	group.Wait()
}

// waver lets others run now and then, which on few processors they seldom would.
func waver(rng *rand.Rand) {
	if rng.IntN(8) == 0 {
		runtime.Gosched()
	}
}

// eachShape runs f for maps with few and many shards, and with hashes that do and do not tell keys apart.
func eachShape(t *testing.T, f func(t *testing.T, seed uint64, opts ...fixed.Option)) {
	seed := testSeed(t)
	for name, opts := range map[string][]fixed.Option{
		"shards=1":             {fixed.WithShards(1)},
		"shards=4":             {fixed.WithShards(4)},
		"shards=64":            {fixed.WithShards(64)},
		"shards=16/hash=equal": {fixed.WithShards(16), fixed.WithHasher(func(int) uint64 { return 1 })},
		"shards=16/hash=5":     {fixed.WithShards(16), fixed.WithHasher(func(key int) uint64 { return uint64(key % 5) })},
	} {
		t.Run(name, func(t *testing.T) { f(t, seed, opts...) })
	}
}

// Properties 1 and 5.
func TestConcurrentUsersOfTheWholeCapacityAreNeverRefused(t *testing.T) {
	eachShape(t, func(t *testing.T, seed uint64, opts ...fixed.Option) {
		const workers, quota, steps = 6, 9, 4000
		m := fixed.New[int, int](workers*quota, opts...)
		inParallel(seed, workers, func(id int, rng *rand.Rand) {
			var own []int
			for i := range steps {
				key := i*workers + id
				if len(own) < quota-1 || len(own) < quota && rng.IntN(2) == 0 {
					if err := m.Store(key, key); err != nil {
						t.Errorf("Store says %v with %d of %d entries of its own", err, len(own), quota)
					}
					own = append(own, key)
				} else {
					at := rng.IntN(len(own))
					if v, loaded := m.LoadAndDelete(own[at]); !loaded || v != own[at] {
						t.Errorf("LoadAndDelete(%d) = %d, %v", own[at], v, loaded)
					}
					own[at] = own[len(own)-1]
					own = own[:len(own)-1]
				}
				if n := m.Len(); i > 2*quota && n < len(own) || n > workers*quota {
					t.Errorf("Len() = %d with a capacity of %d, of which this worker has %d", n, workers*quota, len(own))
				}
				waver(rng)
			}
		})
	})
}

// Property 5.
func TestConcurrentLenIsThatOfOneInstant(t *testing.T) {
	eachShape(t, func(t *testing.T, seed uint64, opts ...fixed.Option) {
		const workers, readers, steps = 4, 2, 4000
		m := fixed.New[int, int](2*workers, opts...)
		for id := range workers {
			if err := m.Store(id, id); err != nil {
				t.Fatal(err)
			}
		}
		inParallel(seed, workers+readers, func(id int, rng *rand.Rand) {
			for i := range steps {
				if id < workers { // each has one entry always, and a second one for moments
					if err := m.Store((i+1)*workers+id, i); err != nil {
						t.Error(err)
					}
					m.Delete(i*workers + id)
				} else if n := m.Len(); n < workers || n > 2*workers {
					t.Errorf("Len() = %d, want %d to %d", n, workers, 2*workers)
				}
				waver(rng)
			}
		})
	})
}

// Property 2.
func TestConcurrentInsertsFillTheMapExactly(t *testing.T) {
	eachShape(t, func(t *testing.T, seed uint64, opts ...fixed.Option) {
		const workers, capacity, rounds = 6, 50, 60
		for range rounds {
			m := fixed.New[int, int](capacity, opts...)
			var stored, refused atomic.Int32
			inParallel(seed, workers, func(id int, rng *rand.Rand) {
				for i := range capacity/workers + 5 {
					switch err := m.Store(i*workers+id, i); {
					case err == nil:
						stored.Add(1)
					case errors.Is(err, fixed.ErrFull):
						refused.Add(1)
					default:
						t.Error(err)
					}
					waver(rng)
				}
			})
			if stored.Load() != capacity || refused.Load() == 0 || m.Len() != capacity {
				t.Fatalf("%d stored, %d refused, Len %d, want %d", stored.Load(), refused.Load(), m.Len(), capacity)
			}
		}
	})
}

// A token is a value that was stored once. It is too large to be written at once.
type token struct{ key, number, again int }

// Property 3.
func TestConcurrentOperationsTakeOutEachTokenOnce(t *testing.T) {
	eachShape(t, func(t *testing.T, seed uint64, opts ...fixed.Option) {
		const workers, keys, capacity, steps = 6, 40, 25, 4000
		m := fixed.New[int, token](capacity, opts...)
		balance := make([]atomic.Int32, workers*steps) // by number: stored minus taken out
		take := func(key int, v token, ok bool) {
			if !ok {
				return
			}
			if v.key != key || v.again != v.number {
				t.Errorf("key %d had %+v", key, v)
				return
			}
			balance[v.number].Add(-1)
		}
		inParallel(seed, workers, func(id int, rng *rand.Rand) {
			for i := range steps {
				key, number := rng.IntN(keys), i*workers+id
				v := token{key, number, number}
				switch rng.IntN(7) {
				case 0, 1:
					old, loaded, err := m.Swap(key, v)
					if err == nil {
						balance[number].Add(1)
					}
					take(key, old, loaded)
				case 2:
					actual, loaded, err := m.LoadOrStore(key, v)
					if err == nil && !loaded {
						balance[number].Add(1)
					}
					if loaded && actual.key != key || !loaded && err == nil && actual != v || err != nil && actual != (token{}) {
						t.Errorf("LoadOrStore(%d, %+v) = %+v, %v, %v", key, v, actual, loaded, err)
					}
				case 3:
					old, loaded := m.LoadAndDelete(key)
					take(key, old, loaded)
				case 4:
					if old, ok := m.Load(key); ok && m.CompareAndSwap(key, old, v) {
						balance[number].Add(1)
						take(key, old, true)
					}
				case 5:
					if old, ok := m.Load(key); ok && m.CompareAndDelete(key, old) {
						take(key, old, true)
					}
				case 6:
					if old, ok := m.Load(key); ok && (old.key != key || old.again != old.number) {
						t.Errorf("Load(%d) = %+v", key, old)
					}
				}
				waver(rng)
			}
		})
		for key, v := range m.All() {
			take(key, v, true)
		}
		for number := range balance {
			if n := balance[number].Load(); n != 0 {
				t.Errorf("token %d was stored %d times more than taken out", number, n)
			}
		}
	})
}

// Property 4.
func TestConcurrentRangeShowsNoKeyTwiceAndAllThatStay(t *testing.T) {
	eachShape(t, func(t *testing.T, seed uint64, opts ...fixed.Option) {
		const workers, readers, permanent, passing, steps = 3, 3, 60, 100, 3000
		m := fixed.New[int, int](permanent+passing, opts...)
		for i := range permanent {
			if err := m.Store(i*2, i*2); err != nil {
				t.Fatal(err)
			}
		}
		var over atomic.Int32
		inParallel(seed, workers+readers, func(id int, rng *rand.Rand) {
			if id < workers {
				defer over.Add(1)
				for range steps {
					key := 2*rng.IntN(passing) + 1 // the same ones again and again, so that they come back during a Range
					m.Store(key, key)
					waver(rng)
					m.Delete(2*rng.IntN(passing) + 1)
					stays := 2 * rng.IntN(permanent)
					m.Store(stays, stays)
				}
				return
			}
			for over.Load() < workers {
				seen := make(map[int]int)
				for key, value := range m.All() {
					if seen[key]++; seen[key] > 1 || value != key {
						t.Errorf("Range shows %d → %d, for the %d. time", key, value, seen[key])
					}
					waver(rng)
				}
				for i := range permanent {
					if seen[i*2] == 0 {
						t.Errorf("Range does not show %d, which was there all the time", i*2)
					}
				}
			}
		})
	})
}

// Property 6: of two keys of which one is stored before the other, Clear cannot leave the first and delete the second.
func TestConcurrentClearTakesAllAtOneInstant(t *testing.T) {
	eachShape(t, func(t *testing.T, seed uint64, opts ...fixed.Option) {
		const rounds, pairs = 200, 20
		for round := range rounds {
			m := fixed.New[int, int](2*pairs, opts...)
			inParallel(seed+uint64(round), 2, func(id int, rng *rand.Rand) {
				if id == 0 {
					for range rng.IntN(20) {
						runtime.Gosched()
					}
					m.Clear()
					return
				}
				for i := range 2 * pairs {
					if err := m.Store(i, i); err != nil {
						t.Error(err)
					}
					waver(rng)
				}
			})
			for i := range 2*pairs - 1 {
				_, first := m.Load(i)
				if _, second := m.Load(i + 1); first && !second {
					t.Fatalf("Clear has deleted %d, and left %d, which was stored before", i+1, i)
				}
			}
			n := 0
			for range m.All() {
				n++
			}
			if m.Len() != n {
				t.Fatalf("Len() = %d, but Range shows %d entries", m.Len(), n)
			}
		}
	})
}
