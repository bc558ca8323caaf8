package index

import (
	"fmt"
	"iter"
	"maps"
	"math/rand/v2"
	"os"
	"runtime"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// item is the value of most tests. It says by itself, through the functions below, under which index keys it belongs.
type item struct {
	n     int // a number of its own
	group int
	tags  uint8
}

func randomItem(rng *rand.Rand) item {
	return item{n: rng.IntN(1000), group: rng.IntN(5), tags: uint8(rng.Uint32())}
}

// byGroup gives one index key.
func byGroup(_ int, it item) []int { return []int{it.group} }

// byTag gives none to eight, each twice.
func byTag(_ int, it item) (tags []string) {
	for i := range 8 {
		if it.tags>>i&1 == 1 {
			tags = append(tags, strconv.Itoa(i))
		}
	}
	return append(tags, tags...)
}

// rarely gives one for every third item, and nil for the others.
func rarely(key int, it item) []bool {
	if it.n%3 == 0 {
		return []bool{key%2 == 0}
	}
	return nil
}

// byMany gives up to 40 index keys, so that they are not looked through one by one.
func byMany(key int, it item) (pairs [][2]int) {
	for i := range it.n % 41 {
		pairs = append(pairs, [2]int{i, key % 3})
	}
	return pairs
}

// requireInStep fails unless all is exactly what fn makes of the entries.
func requireInStep[K, IK, V comparable](t *testing.T, what string, entries map[K]V, fn func(K, V) []IK,
	all iter.Seq2[IK, Set[K, V]]) {
	t.Helper()
	if err := outOfStep(entries, fn, all); err != nil {
		t.Fatalf("%s: %v", what, err)
	}
}

func outOfStep[K, IK, V comparable](entries map[K]V, fn func(K, V) []IK, all iter.Seq2[IK, Set[K, V]]) error {
	want := map[IK]map[K]V{}
	for key, value := range entries {
		for _, ik := range fn(key, value) {
			if want[ik] == nil {
				want[ik] = map[K]V{}
			}
			want[ik][key] = value
		}
	}
	for ik, set := range all {
		got := maps.Collect(set.All())
		if !maps.Equal(got, want[ik]) || len(got) != set.Len() || len(got) == 0 {
			return fmt.Errorf("index key %v finds %v (Len %d), want %v", ik, got, set.Len(), want[ik])
		}
		for key, value := range got {
			if v, ok := set.Load(key); !ok || v != value {
				return fmt.Errorf("index key %v: the set shows %v for %v, but loads %v, %v", ik, value, key, v, ok)
			}
		}
		delete(want, ik)
	}
	if len(want) > 0 {
		return fmt.Errorf("nothing is found for index keys %v", want)
	}
	return nil
}

// testSeed returns the seed of a randomised test and prints it, so that a failure can be had again with
// SHARDMAP_SEED=<seed> go test -run <test>.
func testSeed(t *testing.T) uint64 {
	t.Helper()
	seed := rand.Uint64()
	if s := os.Getenv("SHARDMAP_SEED"); s != "" {
		var err error
		if seed, err = strconv.ParseUint(s, 10, 64); err != nil {
			t.Fatalf("SHARDMAP_SEED=%s: %v", s, err)
		}
	}
	t.Logf("SHARDMAP_SEED=%d", seed)
	return seed
}

// inTime runs f, and shows where every goroutine is if it seems to hang.
func inTime(t *testing.T, what string, f func()) {
	t.Helper()
	done := make(chan struct{})
	go func() {
		defer close(done)
		f()
	}()
	select {
	case <-done:
	case <-time.After(5 * time.Minute):
		stacks := make([]byte, 1<<20)
		t.Fatalf("%s does not end; a lock may be held:\n%s", what, stacks[:runtime.Stack(stacks, true)])
	}
}

// A crew is the goroutines of a stress test: workers, which have a given amount of work, and helpers, which go on until
// the workers have finished.
type crew struct {
	t                *testing.T
	seed             uint64
	members          uint64
	start            chan struct{}
	workers, helpers sync.WaitGroup
	over             atomic.Bool
	failures         atomic.Int32
}

func newCrew(t *testing.T) *crew { return &crew{t: t, seed: testSeed(t), start: make(chan struct{})} }

func (c *crew) rng() *rand.Rand {
	c.members++
	return rand.New(rand.NewPCG(c.seed, c.members))
}

// work has n goroutines run f once each.
func (c *crew) work(n int, f func(id int, rng *rand.Rand)) {
	for id := range n {
		rng := c.rng()
		c.workers.Go(func() {
			<-c.start
			f(id, rng)
		})
	}
}

// help has n goroutines run f as long as there are workers, and once more after that.
func (c *crew) help(n int, f func(rng *rand.Rand)) {
	for range n {
		rng := c.rng()
		c.helpers.Go(func() {
			<-c.start
			for !c.over.Load() {
				f(rng)
				runtime.Gosched()
			}
			f(rng)
		})
	}
}

// run starts all goroutines at once and waits for them.
func (c *crew) run() {
	c.t.Helper()
	inTime(c.t, "a stress test", func() {
		close(c.start)
		c.workers.Wait()
		c.over.Store(true)
		c.helpers.Wait()
	})
	if n := c.failures.Load(); n > 0 {
		c.t.Fatalf("%d failures (SHARDMAP_SEED=%d)", n, c.seed)
	}
}

// failf reports a failure, if it is one of the first, and lets the others finish.
func (c *crew) failf(format string, args ...any) {
	if c.failures.Add(1) <= 5 {
		c.t.Errorf(format, args...)
	}
}

// waver lets others run now and then, which on few processors they seldom would.
func waver(rng *rand.Rand) {
	if rng.IntN(8) == 0 {
		runtime.Gosched()
	}
}

// amount is how much work to do: n, or less if the race detector slows it down or somebody is in a hurry.
func amount(n int) int {
	if raceDetector {
		n /= 4
	}
	if testing.Short() {
		n /= 4
	}
	return max(n, 1)
}
