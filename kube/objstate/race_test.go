package objstate_test

import (
	"context"
	"maps"
	"math/rand/v2"
	"runtime"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"

	"k8s.io/apimachinery/pkg/types"

	"github.com/shardmap-go/shardmap/kube/objstate"
)

// The stress tests run goroutines that get in each other's way, best with -race, and verify these properties:
//
//  1. Whoever delivers which events, in whatever order and at the same time, the map ends as the lives of the objects
//     did; no state is handed from one incarnation to another.
//  2. No update is lost: what Observe and Update count is the number of calls that took.
//  3. Once Delete or Forget has returned, nobody sees that UID again.
//  4. At every instant the owners agree with the objects: in a Snapshot as in ByOwner.
//  5. When nobody writes, Len is exact and tombstones are within their bound: none is in the map that the list does not know.
//  6. Prune drops nothing that exists, whatever is created meanwhile, and all that was gone before it.
//
// All are bounded by work. The seed is printed; with it the goroutines do the same again, though not in the same order.

// Property 1.
func TestConcurrentDeliveriesEndAsTheObjectsDid(t *testing.T) {
	const workers, names, rounds = 4, 6, 60
	seed := testSeed(t)
	for round := range rounds {
		var m objstate.Map[[2]int]
		rng := rand.New(rand.NewPCG(seed, uint64(1000+round)))
		lives := make([]life, names)
		for i := range lives {
			lives[i] = lifeOf(rng, strconv.Itoa(i))
		}
		inParallel(seed+uint64(round), workers, func(id int, rng *rand.Rand) {
			for _, i := range rng.Perm(names * 20) {
				l := lives[i%names]
				n := i / names
				if n >= len(l.events) || n%workers != id && n%3 != 0 { // its own, and some that others deliver, too
					continue
				}
				if err := l.deliver(&m, l.events[n]); err != nil {
					t.Error(err)
				}
				waver(rng)
			}
		})
		for _, l := range lives {
			l.check(t, &m)
		}
		if t.Failed() {
			t.Fatalf("round %d", round)
		}
	}
}

// Property 2.
func TestConcurrentUpdatesAreNotLost(t *testing.T) {
	const workers, steps, names = 6, 2000, 3
	m := objstate.New[map[string]int](objstate.WithCopy(maps.Clone[map[string]int]))
	var clock atomic.Int64
	var took [names]atomic.Int64
	for i := range names {
		observe(t, m, pod(strconv.Itoa(i), "uid", "1"), map[string]int{}, true)
	}
	count := func(s map[string]int, _ bool) (map[string]int, error) {
		s["n"]++
		return s, nil
	}
	inParallel(testSeed(t), workers, func(_ int, rng *rand.Rand) {
		for range steps {
			i := rng.IntN(names)
			var ok bool
			var err error
			if name := strconv.Itoa(i); rng.IntN(2) == 0 {
				p := pod(name, "uid", strconv.FormatInt(1+clock.Add(1), 10))
				waver(rng) // so that a newer one gets ahead
				ok, err = m.Observe(p, count)
			} else {
				ok, err = m.Update(named(name), "uid", func(s map[string]int) (map[string]int, error) { return count(s, true) })
			}
			if err != nil {
				t.Error(err)
			}
			if ok {
				took[i].Add(1)
			}
		}
	})
	for i := range names {
		if s, _ := m.Load(named(strconv.Itoa(i))); int64(s["n"]) != took[i].Load() {
			t.Errorf("object %d: %d updates took, and %d are counted", i, took[i].Load(), s["n"])
		}
	}
}

// Property 3.
func TestConcurrentObserversBringNothingBack(t *testing.T) {
	const workers, rounds = 6, 800
	seed := testSeed(t)
	var m objstate.Map[int]
	for round := range rounds {
		uid := strconv.Itoa(round)
		var dead atomic.Bool
		inParallel(seed+uint64(round), workers, func(id int, rng *rand.Rand) {
			for range 6 {
				version := strconv.Itoa(1 + round*10 + rng.IntN(9))
				switch {
				case id > 1:
					if _, err := m.Observe(pod("a", uid, version), setTo(round)); err != nil {
						t.Error(err)
					}
				case id == 1 && rng.IntN(4) == 0:
					if round%2 == 0 {
						mustDelete(t, &m, pod("a", uid, version))
					} else if _, err := m.Forget(named("a"), types.UID(uid)); err != nil {
						t.Error(err)
					}
					dead.Store(true)
				default:
					was := dead.Load()
					e, ok := m.LoadEntry(named("a"))
					if ok && was && string(e.UID) == uid {
						t.Errorf("UID %s is back at version %s", uid, e.ResourceVersion)
					}
				}
				waver(rng)
			}
		})
	}
}

// Property 4.
func TestOwnersAgreeWithObjectsAtEveryInstant(t *testing.T) {
	const writers, readers, steps, names = 3, 2, 1500, 8
	var m objstate.Map[seen]
	var clock atomic.Int64
	inParallel(testSeed(t), writers+readers, func(id int, rng *rand.Rand) {
		for i := range steps {
			name, owner := strconv.Itoa(rng.IntN(names)), owners[rng.IntN(len(owners))]
			switch {
			case id >= writers && i%10 == 0:
				checkOwners(t, m.Snapshot())
			case id >= writers:
				for key, s := range m.ByOwner(types.UID(owner)) {
					if s.owner != owner {
						t.Errorf("ByOwner(%s) shows %s, which %s owns", owner, key, s.owner)
					}
				}
			case rng.IntN(4) == 0:
				if e, ok := m.LoadEntry(named(name)); ok {
					mustDelete(t, &m, pod(name, string(e.UID), e.ResourceVersion))
				}
			default:
				version := strconv.FormatInt(clock.Add(1), 10)
				if _, err := m.Observe(pod(name, version, version, owner), setTo(seen{version, owner})); err != nil {
					t.Error(err)
				}
			}
		}
	})
	checkOwners(t, m.Snapshot())
}

func checkOwners(t *testing.T, s *objstate.Snapshot[seen]) {
	want := map[string]map[types.NamespacedName]seen{"owner-1": {}, "owner-2": {}}
	for key, state := range s.All() {
		if state.owner != "" {
			want[state.owner][key] = state
		}
	}
	for owner := range want {
		if got := maps.Collect(s.ByOwner(types.UID(owner))); !maps.Equal(got, want[owner]) {
			t.Errorf("ByOwner(%s) shows %v, All %v", owner, got, want[owner])
		}
	}
}

// Property 5.
func TestConcurrentWritersLeaveNoTombstoneBeyondTheBound(t *testing.T) {
	const workers, steps, names = 6, 1500, 10
	seed := testSeed(t)
	for _, limit := range []int{0, 1, 4, 100} {
		m := objstate.New[int](objstate.WithTombstones(limit))
		var clock atomic.Int64
		clock.Store(100)
		inParallel(seed, workers, func(_ int, rng *rand.Rand) {
			for range steps {
				name, version := strconv.Itoa(rng.IntN(names)), strconv.FormatInt(clock.Add(1)-rng.Int64N(2*workers), 10)
				p := pod(name, version, version)
				switch rng.IntN(8) {
				case 0, 1, 2:
					// Others are at the same version with another UID only by chance: an error that says so is right.
					_, _ = m.Observe(p, setTo(1))
				case 3, 4:
					mustDelete(t, m, p)
				case 5:
					if _, err := m.Forget(named(name), types.UID(version)); err != nil {
						t.Error(err)
					}
				case 6:
					if e, ok := m.LoadEntry(named(name)); ok {
						mustDelete(t, m, pod(name, string(e.UID), e.ResourceVersion))
					}
				case 7:
					if m.Len() < 0 {
						t.Error("Len is negative")
					}
				}
				waver(rng)
			}
		})
		objects, stats, refused := len(maps.Collect(m.All())), m.Stats(), 0
		if m.Len() != objects || stats.Tombstones > limit {
			t.Errorf("limit %d: Len() = %d, but All shows %d; %+v", limit, m.Len(), objects, stats)
		}
		// A name with a version is known if it refuses the oldest observation there can be. One that was only forgotten
		// refuses the UIDs that it was forgotten for; so none of those is left.
		for name := range names {
			mustDelete(t, m, pod(strconv.Itoa(name), "last", strconv.FormatInt(clock.Add(1), 10)))
		}
		for name := range names {
			if took, err := m.Observe(pod(strconv.Itoa(name), "new", "1"), setTo(1)); err != nil {
				t.Error(err)
			} else if !took {
				refused++
			}
		}
		if want := min(limit, names); refused != want || m.Stats().Tombstones != want || m.Len() != names-want {
			t.Errorf("limit %d: %d names are remembered; %+v", limit, refused, m.Stats())
		}
	}
}

// A cluster is what an API server has: objects, and the version of the last change.
type cluster struct {
	mu      sync.Mutex
	version int
	uids    map[string]types.UID // by name
}

func (c *cluster) create(name string) (uid types.UID, version string, ok bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.uids[name] != "" {
		return "", "", false
	}
	c.version++
	version = strconv.Itoa(c.version)
	c.uids[name] = types.UID(version)
	return c.uids[name], version, true
}

func (c *cluster) delete(name string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.version++
	delete(c.uids, name)
}

// list lists what there is, and then dawdles, so that it is out of date when it is used.
func (c *cluster) list(context.Context) (objstate.Listing, error) {
	c.mu.Lock()
	listing := objstate.Listing{ResourceVersion: strconv.Itoa(c.version), UIDs: map[types.UID]struct{}{}}
	for _, uid := range c.uids {
		listing.UIDs[uid] = struct{}{}
	}
	c.mu.Unlock()
	for range 10 {
		runtime.Gosched()
	}
	return listing, nil
}

// Property 6. Each name has one worker, who looks whether its object keeps its state; deletions are told to nobody.
func TestConcurrentPruningDropsWhatIsGoneAndNothingElse(t *testing.T) {
	const workers, pruners, steps = 4, 2, 1500
	var m objstate.Map[int]
	c := &cluster{version: 1, uids: map[string]types.UID{}}
	inParallel(testSeed(t), workers+pruners, func(id int, rng *rand.Rand) {
		name := strconv.Itoa(id)
		for i := range steps {
			if id >= workers {
				if _, err := m.Prune(context.Background(), c.list); err != nil {
					t.Error(err)
				}
				continue
			}
			uid, version, created := c.create(name)
			if !created {
				t.Errorf("%s is there", name)
				return
			}
			observe(t, &m, pod(name, string(uid), version), i, true)
			for range rng.IntN(4) {
				runtime.Gosched()
			}
			if got, ok := m.Load(named(name)); !ok || got != i {
				t.Errorf("%s, which exists, has %d, %v, want %d", name, got, ok, i)
			}
			c.delete(name)
			waver(rng)
		}
	})
	if _, err := m.Prune(context.Background(), c.list); err != nil || m.Len() != 0 {
		t.Errorf("%d objects are left, %v", m.Len(), err)
	}
}
