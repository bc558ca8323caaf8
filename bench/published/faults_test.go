package published

import (
	"context"
	"iter"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/shardmap-go/shardmap/bench/strategy"
)

// A faulty map does one thing wrong.
type faulty[K comparable] struct {
	strategy.Map[K, int]
	fault  string
	stores atomic.Int64
	seen   sync.Map // keys that were stored
}

func (m *faulty[K]) Store(key K, value int) {
	_, again := m.seen.LoadOrStore(key, true)
	switch n := m.stores.Add(1); {
	case m.fault == "loses every seventh store" && n%7 == 0:
	case m.fault == "ignores stores of what is there" && again:
	case m.fault == "stores another value":
		m.Map.Store(key, value^1)
	default:
		m.Map.Store(key, value)
	}
}

func (m *faulty[K]) Load(key K) (int, bool) {
	value, ok := m.Map.Load(key)
	if m.fault == "loads a value that is not the last" {
		value += 1 << 33
	}
	return value, ok
}

func (m *faulty[K]) Delete(key K) {
	if m.fault != "ignores deletions" {
		m.Map.Delete(key)
	}
}

func (m *faulty[K]) Len() int {
	if m.fault == "miscounts" {
		return m.Map.Len() + 1
	}
	return m.Map.Len()
}

func (m *faulty[K]) Range(f func(key K, value int) bool) {
	first, second, more := true, false, true
	m.Map.Range(func(key K, value int) bool {
		leavesOut := first && (m.fault == "leaves out an entry" || m.fault == "shows one entry for another")
		showsTwice := first && m.fault == "shows an entry twice" || second && m.fault == "shows one entry for another"
		first, second = false, first
		if !leavesOut {
			more = f(key, value)
		}
		if showsTwice && more {
			more = f(key, value)
		}
		return more
	})
}

func (m *faulty[K]) Update(key K, f func(old int) int) {
	if m.stores.Add(1)%7 == 0 && m.fault == "loses every seventh store" {
		return
	}
	m.Map.(strategy.Updater[K, int]).Update(key, f)
}

// walk and the rest are what some scenarios need besides.
func (m *faulty[K]) walk(f func(key K, value int) bool) { m.Range(f) }

func (m *faulty[K]) view(key K, f func(value int, ok bool)) { f(m.Load(key)) }

func (m *faulty[K]) storeAll(entries iter.Seq2[K, int]) {
	for key, value := range entries {
		m.Store(key, value)
	}
}

// always are the faults that every scenario meets, be it short. Those that need entries to be stored twice, or
// deleted, are met by some.
var always = []string{
	"loses every seventh store", "stores another value", "miscounts", "leaves out an entry", "shows an entry twice",
	"shows one entry for another", "loads a value that is not the last",
}

const (
	stale  = "ignores stores of what is there"
	ghosts = "ignores deletions"
)

func TestNoScenarioAcceptsAResultOfAWrongMap(t *testing.T) {
	wrong := func(fault string) *faulty[int] {
		return &faulty[int]{Map: maker[int, int]("sync.Map")(), fault: fault}
	}
	intMapOf := func(fault string) func() intMap { return func() intMap { return wrong(fault) } }
	const enough = 5 * time.Millisecond
	for name, s := range map[string]struct {
		more    []string // faults
		measure func(ctx context.Context, fault string) (Sample, error)
	}{
		"read-mostly": {[]string{stale}, func(ctx context.Context, fault string) (Sample, error) {
			return readMostlyLoad{goroutines: 8, duration: enough}.measure(ctx, func() viewable { return wrong(fault) })
		}},
		"traversal": {[]string{stale}, func(ctx context.Context, fault string) (Sample, error) {
			l := traversalLoad{entries: 50, batch: 10, walks: 1, duration: time.Millisecond}
			return l.measure(ctx, func() walkable { return wrong(fault) })
		}},
		"heart-beats": {[]string{stale}, func(ctx context.Context, fault string) (Sample, error) {
			l := heartbeatLoad{devices: 50, beats: 20, rate: 8_000, pause: time.Millisecond}
			return l.measure(ctx, intMapOf(fault))
		}},
		"connections": {[]string{stale, ghosts}, func(ctx context.Context, fault string) (Sample, error) {
			return connectionLoad{connections: 8, peers: 2, requests: 3, duration: enough}.measure(ctx, intMapOf(fault))
		}},
		"contentions": {nil, func(ctx context.Context, fault string) (Sample, error) {
			return contentionLoad{goroutines: 4, operations: 40, keys: 20}.measure(ctx, intMapOf(fault))
		}},
		"million": {nil, func(ctx context.Context, fault string) (Sample, error) {
			return millionLoad{goroutines: 4, operations: 80}.measure(ctx, intMapOf(fault))
		}},
		"insert": {nil, func(_ context.Context, fault string) (Sample, error) {
			return insertLoad{entries: 80}.measure(wrong(fault))
		}},
		"steady-state": {[]string{stale, ghosts}, func(ctx context.Context, fault string) (Sample, error) {
			return steadyLoad{devices: 80, beats: 400, goroutines: 4, stale: 10}.measure(ctx, func() strategy.Map[string, int] {
				return &faulty[string]{Map: maker[string, int]("sync.Map")(), fault: fault}
			})
		}},
	} {
		if sample, err := s.measure(t.Context(), "none"); err != nil {
			t.Errorf("%s: a right map is refused with %v: %v", name, sample, err)
		}
		for _, fault := range append(s.more, always...) {
			if !refused(t, func() (Sample, error) { return s.measure(t.Context(), fault) }) {
				t.Errorf("%s: a map that %s is measured", name, fault)
			}
		}
	}
}

// refused tells whether a scenario refuses what it measures. It is asked again if not, as those that go on for a
// fixed time may, on a busy machine, do nothing in which the fault shows.
func refused(t *testing.T, measure func() (Sample, error)) bool {
	t.Helper()
	for range 50 {
		if _, err := measure(); err != nil {
			if err.Error() == "" || strings.Contains(err.Error(), "\n") {
				t.Errorf("the reason is %q", err)
			}
			return true
		}
	}
	return false
}

// A staleSet keeps one resource as it was at first.
type staleSet struct{ replacedSet }

func (s *staleSet) apply(names []string, list int) {
	first, _ := s.load(names[0])
	s.replacedSet.apply(names, list)
	if first != nil {
		s.m.Store(names[0], first)
	}
}

// A hoardingSet has one resource more.
type hoardingSet struct{ updatedSet }

func (s *hoardingSet) apply(names []string, list int) {
	s.updatedSet.apply(names, list)
	s.m.Store("surplus", new(resource))
}

// A losingSet has one resource less.
type losingSet struct{ updatedSet }

func (s *losingSet) apply(names []string, list int) {
	s.updatedSet.apply(names[1:], list)
	s.m.Store("surplus", new(resource))
}

func TestNoResultOfAWrongSetOfResourcesIsAccepted(t *testing.T) {
	l := resourceLoad{resources: 10, lists: 3}
	for name, newSet := range map[string]func() resourceSet{
		"stale":    func() resourceSet { return new(staleSet) },
		"hoarding": func() resourceSet { return new(hoardingSet) },
		"losing":   func() resourceSet { return new(losingSet) },
	} {
		if sample, err := l.measure(t.Context(), newSet); err == nil {
			t.Errorf("a %s set is measured: %v", name, sample)
		}
	}
}

func TestTheListsChangeEachResourceOnceInAHundred(t *testing.T) {
	for i := range 250 {
		last := 0
		for list := 1; list < 500; list++ {
			if list%changing == i%changing {
				last = list
			}
			if got := changed(i, list); got != last {
				t.Fatalf("the resource %d was changed last by the list %d, want %d, after %d lists", i, got, last, list)
			}
		}
	}
}

// A greedySet finds what others own, a sharingSet hands out what it should copy, and a forgetfulSet finds less than
// there is.
type (
	greedySet    struct{ indexedSet }
	sharingSet   struct{ scannedSet }
	forgetfulSet struct{ listedSet }
)

func (s *greedySet) ownedBy(owner int) map[objectName]*object {
	owned := s.indexedSet.ownedBy(owner + 1)
	return owned
}

func (s *sharingSet) ownedBy(owner int) map[objectName]*object {
	owned := s.scannedSet.ownedBy(owner)
	for name := range owned {
		owned[name], _ = s.m.Load(name)
	}
	return owned
}

func (s *forgetfulSet) ownedBy(owner int) map[objectName]*object {
	owned := s.listedSet.ownedBy(owner)
	for name := range owned {
		delete(owned, name)
		break
	}
	return owned
}

func TestNoResultOfAWrongSetOfOwnedObjectsIsAccepted(t *testing.T) {
	l := ownerLoad{objects: 20, owners: 4, lookUps: 2}
	objects := map[objectName]*object{}
	for i := range l.objects {
		objects[objectName{Name: strings.Repeat("x", i)}] = &object{owner: i % l.owners}
	}
	for name, set := range map[string]ownedSet{"greedy": new(greedySet), "sharing": new(sharingSet), "forgetful": new(forgetfulSet)} {
		if sample, err := l.measure(t.Context(), set, objects); err == nil {
			t.Errorf("a %s set is measured: %v", name, sample)
		}
	}
	for name, set := range map[string]ownedSet{"listed": new(listedSet), "scanned": new(scannedSet), "indexed": new(indexedSet)} {
		if sample, err := l.measure(t.Context(), set, objects); err != nil {
			t.Errorf("a %s set is refused with %v: %v", name, sample, err)
		}
	}
}
