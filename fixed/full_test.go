package fixed

import (
	"regexp"
	"runtime"
	"strings"
	"testing"
)

// While an insert looks for a free slot in one region after another, the only one moves to a region that it has looked at
// already. The map was never full, and must not say so.
func TestAFreeSlotThatMovesBehindAnInsertIsFound(t *testing.T) {
	m := New[int, int](2, WithShards(2))
	key := 0
	for at, _ := m.locate(key); at.shard != 0; at, _ = m.locate(key) {
		key++
	}
	seen, unseen := &m.shards[0].region, &m.shards[1].region
	slot, _ := seen.take() // so that the insert goes on to the other region, where a slot is free,

	unseen.mu.Lock() // but has to wait
	stored := make(chan error)
	go func() { stored <- m.Store(key, 1) }()
	waitUntilBlocked(t, `fixed\.\(\*region\)\.take\(`)

	seen.give(slot) // Another frees its slot, and then takes the one that the insert is about to find.
	unseen.takeLocked()
	unseen.mu.Unlock()
	if err := <-stored; err != nil {
		t.Errorf("Store says %v, though a slot was free all the time", err)
	}
	if m.Store(key+1, 1) == nil || m.Store(key, 2) != nil || m.Len() != 2 {
		t.Errorf("the map is not as full as it should be: Len %d", m.Len())
	}
}

// While Len is about to count the second of two regions, an entry comes into the first, if it can, and then one leaves the
// second. There was one entry at each instant, at least.
func TestLenCountsAllRegionsAtOneInstant(t *testing.T) {
	m := New[int, int](4, WithShards(2))
	first, second := &m.shards[0].region, &m.shards[1].region
	second.take()
	second.mu.Lock()
	counted := make(chan int)
	go func() { counted <- m.Len() }()
	waitUntilBlocked(t, `fixed\.\(\*Map\[.*Len\(`)
	if first.mu.TryLock() {
		first.takeLocked()
		first.mu.Unlock()
		second.resetLocked()
	}
	second.mu.Unlock()
	if n := <-counted; n != 1 {
		t.Errorf("Len() = %d, want 1", n)
	}
}

// waitUntilBlocked waits until a goroutine waits for a mutex in a function whose name matches pattern.
func waitUntilBlocked(t *testing.T, pattern string) {
	t.Helper()
	blocked := regexp.MustCompile(`^goroutine \d+ \[sync\.(?:RW)?Mutex\.Lock[^\n]*\n(?s:.*)` + pattern)
	stacks := make([]byte, 1<<20)
	for range 1_000_000 {
		for stack := range strings.SplitSeq(string(stacks[:runtime.Stack(stacks, true)]), "\n\n") {
			if blocked.MatchString(stack) {
				return
			}
		}
		runtime.Gosched()
	}
	t.Fatalf("nobody waits for a mutex in %s", pattern)
}
