package versioned_test

import (
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/shardmap-go/shardmap/versioned"
)

// Failures of real controllers. Each test runs one fixed interleaving twice: first through code as it was written,
// which has to fail, or the test would show nothing; then through a Map, which has to get it right.

// A node is an object with a resourceVersion.
type node struct {
	name            string
	resourceVersion string
}

// naiveNodes is a cluster state that trusts the order of arrival.
type naiveNodes struct {
	mu    sync.Mutex
	nodes map[string]node
}

func (c *naiveNodes) onUpdate(n node) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.nodes[n.name] = n
}

func (c *naiveNodes) onDelete(n node) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.nodes, n.name)
}

// Karpenter's cluster state is fed by several controllers. A deletion that overtook the add left a node in it for
// ever; the state then never again agreed with the API, and nothing was provisioned any more.
func TestADeleteThatOvertakesItsAddLeavesNothingBehind(t *testing.T) {
	added, deleted := node{"node-1", "9"}, node{"node-1", "10"}

	naive := naiveNodes{nodes: make(map[string]node)}
	naive.onDelete(deleted)
	naive.onUpdate(added)
	if _, ok := naive.nodes["node-1"]; !ok {
		t.Fatal("the naive state does not fail: the test shows nothing")
	}

	nodes := versioned.NewFunc[string, node](versioned.CompareDecimal)
	nodes.DeleteAt(deleted.name, deleted.resourceVersion)
	if nodes.Observe(added.name, added.resourceVersion, added) {
		t.Error("an add from before the deletion was taken")
	}
	if n, ok := nodes.Load("node-1"); ok || nodes.Len() != 0 {
		t.Errorf("%v is there, though it was deleted; Len is %d", n, nodes.Len())
	}
	if again := (node{"node-1", "11"}); !nodes.Observe(again.name, again.resourceVersion, again) {
		t.Error("a node that was created again under its name was refused")
	}
}

// naiveScheduler runs process for an item when its time has come, and forgets it then: the way of cert-manager's
// scheduled work queue.
type naiveScheduler struct {
	mu    sync.Mutex
	items map[string]time.Duration
}

func (s *naiveScheduler) add(name string, after time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.items[name] = after
}

func (s *naiveScheduler) fire(name string, process func()) {
	process()
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.items, name) // whatever it is by now
}

// scheduler is the same with versions from a counter. Whoever fires has loaded, so it needs no tombstones.
type scheduler struct {
	mu    sync.Mutex
	count uint64
	items *versioned.Map[string, time.Duration, uint64]
}

func (s *scheduler) add(name string, after time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.count++
	s.items.Observe(name, s.count, after)
}

func (s *scheduler) fire(name string, process func()) {
	_, version, ok := s.items.LoadVersion(name)
	if !ok {
		return // another has dealt with it
	}
	process()
	s.items.CompareAndDelete(name, version)
}

// A timer fires; while the item is processed, it is added anew, to be processed again later. Then the end of the
// processing removes the newer item: the certificate is never renewed.
func TestAnItemAddedWhileItIsProcessedIsNotLost(t *testing.T) {
	naive := naiveScheduler{items: make(map[string]time.Duration)}
	naive.add("cert", time.Second)
	naive.fire("cert", func() { naive.add("cert", time.Hour) })
	if _, ok := naive.items["cert"]; ok {
		t.Fatal("the naive scheduler does not fail: the test shows nothing")
	}

	s := scheduler{items: versioned.New[string, time.Duration, uint64](versioned.WithTombstones(0))}
	s.add("cert", time.Second)
	s.fire("cert", func() { s.add("cert", time.Hour) })
	if after, ok := s.items.Load("cert"); !ok || after != time.Hour {
		t.Errorf("the item that was added meanwhile is %v, %v, want %v", after, ok, time.Hour)
	}
	s.fire("cert", func() {})
	if s.items.Len() != 0 || s.items.Tombstones() != 0 {
		t.Errorf("%d items and %d tombstones are left", s.items.Len(), s.items.Tombstones())
	}
}

// A resource is what a controller sees of an object. Its generation begins at 1 in each incarnation.
type resource struct {
	name, uid  string
	generation int64
	ready      bool
}

type resourceID struct{ name, uid string }

// Crossplane kept what it had observed by name, and never removed it: an object that was created again under the name
// of a deleted one inherited its state, and the map grew.
func TestAnObjectThatIsCreatedAgainInheritsNothing(t *testing.T) {
	old := resource{"db", "uid-1", 7, true}
	created := resource{"db", "uid-2", 1, false}

	naive := map[string]resource{}
	naiveObserve := func(r resource) {
		if seen, ok := naive[r.name]; ok {
			r.ready = r.ready || seen.ready // once ready, it stays ready
			r.generation = max(r.generation, seen.generation)
		}
		naive[r.name] = r
	}
	naiveObserve(old)
	naiveObserve(created)
	if seen := naive["db"]; !seen.ready || seen.generation != 7 {
		t.Fatal("the naive map does not fail: the test shows nothing")
	}

	m := versioned.New[resourceID, resource, int64]()
	observe := func(r resource) bool {
		return m.ObserveFunc(resourceID{r.name, r.uid}, r.generation, func(seen resource, ok bool) resource {
			r.ready = r.ready || ok && seen.ready
			return r
		})
	}
	observe(old)
	if !observe(created) { // generation 1, after 7; and the deletion comes last
		t.Error("the new incarnation was refused for its lower generation")
	}
	m.DeleteAt(resourceID{old.name, old.uid}, old.generation)
	if seen, ok := m.Load(resourceID{"db", "uid-2"}); !ok || seen != created {
		t.Errorf("the new object is seen as %+v, %v, want %+v", seen, ok, created)
	}
	if observe(old) || m.Len() != 1 {
		t.Errorf("a late event has brought back the old incarnation; Len is %d", m.Len())
	}
	m.PruneThrough(old.generation)
	if m.Tombstones() != 0 || m.Len() != 1 {
		t.Errorf("%d tombstones and %d objects after pruning, want 0 and 1", m.Tombstones(), m.Len())
	}

	// Where versions go on rising, as resourceVersions do, the name is enough: the deletion is in between.
	byName := versioned.New[string, resource, int64]()
	byName.Observe("db", 100, old)
	byName.DeleteAt("db", 101)
	byName.ObserveFunc("db", 102, func(seen resource, ok bool) resource {
		if ok || seen != (resource{}) {
			t.Errorf("the new object inherits %+v", seen)
		}
		return created
	})
}

// Some controllers remember what they have dealt with by uid and time. Nobody can remove such a key, since nobody
// knows it any more.
func TestOneKeyPerObjectDoesNotGrowWithItsUpdates(t *testing.T) {
	const objects, updates, kept = 5, 1000, 3
	naive := map[string]bool{}
	m := versioned.New[string, bool, int64](versioned.WithTombstones(kept))
	for update := range updates {
		for object := range objects {
			uid := "uid-" + strconv.Itoa(object)
			naive[uid+"/"+strconv.Itoa(update)] = true
			if !m.Observe(uid, int64(update), true) {
				t.Fatalf("update %d of %s was refused", update, uid)
			}
			if m.Observe(uid, int64(update), true) {
				t.Fatalf("update %d of %s was dealt with twice", update, uid)
			}
		}
	}
	if len(naive) != objects*updates {
		t.Fatal("the naive map does not fail: the test shows nothing")
	}
	if m.Len() != objects {
		t.Errorf("%d entries for %d objects", m.Len(), objects)
	}
	for object := range objects {
		m.DeleteAt("uid-"+strconv.Itoa(object), updates)
	}
	if m.Len() != 0 || m.Tombstones() != kept {
		t.Errorf("%d entries and %d tombstones are left, want 0 and %d", m.Len(), m.Tombstones(), kept)
	}
}

// What is lost when the bound is hit, as the documentation says it.
func TestAnAddFromBeforeAForgottenDeletionIsTaken(t *testing.T) {
	m := versioned.New[string, int, int64](versioned.WithTombstones(1))
	m.DeleteAt("a", 10)
	m.DeleteAt("b", 20)
	if !m.Observe("a", 5, 5) {
		t.Error("the deletion of a was to be forgotten")
	}
	if m.Observe("b", 15, 15) {
		t.Error("the deletion of b was to be remembered")
	}
	if !m.DeleteAt("a", 10) {
		t.Error("the deletion, delivered again, does not help")
	}
}

func TestTombstonesAreForgottenWithTime(t *testing.T) {
	now := time.Unix(1e9, 0)
	m := versioned.New[string, int, int64](versioned.WithTombstoneAge(time.Minute), versioned.WithClock(func() time.Time { return now }))
	m.DeleteAt("a", 10)
	now = now.Add(time.Minute)
	m.DeleteAt("b", 20)
	if m.Observe("a", 5, 5) {
		t.Error("a deletion was forgotten at its age, and not after")
	}
	now = now.Add(time.Second)
	if n := m.Prune(); n != 1 || m.Tombstones() != 1 || !m.Observe("a", 5, 5) || m.Observe("b", 15, 15) {
		t.Errorf("Prune forgot %d deletions, %d are left, want 1 and 1", n, m.Tombstones())
	}
	now = now.Add(time.Hour)
	m.DeleteAt("c", 30)
	if m.Tombstones() != 1 {
		t.Errorf("%d tombstones after a deletion that should have forgotten those that are too old", m.Tombstones())
	}
}
