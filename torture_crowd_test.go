package shardmap_test

import (
	"runtime"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/shardmap-go/shardmap"
)

// crowdSize returns how many goroutines to have at once. The race detector knows 8,128 at most, and js/wasm has one
// thread and little room for stacks.
func crowdSize() int {
	switch {
	case raceDetector:
		return 5_000
	case runtime.GOARCH == "wasm":
		return 10_000
	}
	return 100_000
}

// 100,000 goroutines are inside the operations of one map at the same time: the callbacks, which run between the two
// halves of Compute and inside LoadOrCompute, let others run, so that nearly all of them get stuck in the middle.
//
//  1. No update is lost: the counters, each of which some goroutines fight over, add up.
//  2. Of the goroutines that ask for one key by LoadOrCompute, one makes the value, and all get it.
//  3. What each stores for itself is there, and stays there or is gone as it says.
//  4. Snapshots show whole values, and Len is exact at the end.
func TestTortureByACrowd(t *testing.T) {
	const (
		fighting = 8   // goroutines for each counter
		asking   = 100 // goroutines for each value that is computed
	)
	n := crowdSize()
	l := newManifest(4 * n)
	c := &crew{t: t, start: newStart()}
	var m shardmap.Map[int, *parcel]
	look := func(where string, key int, p *parcel) int {
		number, version, err := l.check(p)
		if err != nil || number != key {
			c.failf("%s: key %d has a value of key %d: %v", where, key, number, err)
		}
		return version
	}
	own := func(id int) int { return 3 * id }
	counter := func(id int) int { return 3*(id%(n/fighting)) + 1 }
	computed := func(id int) int { return 3*(id%(n/asking)) + 2 }

	var ready, finished sync.WaitGroup
	var made atomic.Int64
	member := func(id int) {
		defer finished.Done()
		ready.Done()
		<-c.start
		m.Store(own(id), l.parcel(own(id), id))
		m.Compute(counter(id), func(old *parcel, loaded bool) (*parcel, shardmap.Op) {
			count := 0
			if loaded {
				count = look("Compute", counter(id), old)
			}
			runtime.Gosched()
			return l.parcel(counter(id), count+1), shardmap.Set
		})
		p, _, err := m.LoadOrCompute(computed(id), func() (*parcel, error) {
			made.Add(1)
			runtime.Gosched()
			return l.parcel(computed(id), id), nil
		})
		if err != nil {
			c.failf("LoadOrCompute(%d): %v", computed(id), err)
		} else {
			look("LoadOrCompute", computed(id), p)
		}
		if p, ok := m.Load(own(id)); !ok || look("Load", own(id), p) != id {
			c.failf("Load(%d) = %v, %v after it was stored", own(id), p, ok)
		}
		if id%2 == 0 {
			if p, ok := m.LoadAndDelete(own(id)); !ok || look("LoadAndDelete", own(id), p) != id {
				c.failf("LoadAndDelete(%d) = %v, %v after it was stored", own(id), p, ok)
			}
		}
	}
	ready.Add(n)
	finished.Add(n)
	for id := range n {
		go member(id)
	}
	ready.Wait() // so that they are all there at once
	inTime(t, "a crowd", func() {
		close(c.start)
		for range 5 {
			s, shown := m.Snapshot(), 0
			for key, p := range s.All() {
				look("a snapshot", key, p)
				shown++
			}
			if shown != s.Len() {
				c.failf("a snapshot shows %d entries, its Len is %d", shown, s.Len())
			}
			runtime.Gosched()
		}
		finished.Wait()
	})

	counted, kept := 0, 0
	for key, p := range m.All() {
		switch version := look("All", key, p); key % 3 {
		case 0:
			kept++
		case 1:
			counted += version
		}
	}
	if want := n/2 + n/fighting + n/asking; m.Len() != want || kept != n/2 {
		t.Errorf("Len() = %d, want %d; %d goroutines' own keys, want %d", m.Len(), want, kept, n/2)
	}
	if counted != n {
		t.Errorf("the counters add up to %d, want %d", counted, n)
	}
	if made.Load() != int64(n/asking) {
		t.Errorf("%d values were computed, want %d", made.Load(), n/asking)
	}
	if failures := c.failures.Load(); failures > 0 {
		t.Fatalf("%d failures", failures)
	}
}
