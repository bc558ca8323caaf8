package objstate_test

import (
	"testing"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/tools/cache"

	"github.com/shardmap-go/shardmap/kube/objstate"
)

// Failures of real controllers. Each test runs one fixed order of events twice: first through code as it was written,
// which has to fail, or the test would show nothing; then through a Map, which has to get it right.

// Karpenter's cluster state is fed by several controllers. A deletion that overtook the add left a node in it for
// ever; the state then never again agreed with the API, and nothing was provisioned any more.
func TestADeletionThatOvertakesItsAddLeavesNothingBehind(t *testing.T) {
	node := pod("node", "uid-1", "9")
	gone := pod("node", "uid-1", "10")

	naive := map[types.NamespacedName]*corev1.Pod{}
	delete(naive, named(gone.Name))
	naive[named(node.Name)] = node
	if len(naive) == 0 {
		t.Fatal("the naive state does not fail: the test shows nothing")
	}

	for _, how := range []string{"Delete", "Forget"} {
		var m objstate.Map[string]
		if how == "Delete" {
			mustDelete(t, &m, gone)
		} else if _, err := m.Forget(named(gone.Name), gone.UID); err != nil {
			t.Error(err)
		}
		observe(t, &m, node, "there", false)
		if s := m.Stats(); s.Objects != 0 || s.Dead != 1 {
			t.Errorf("%s: %+v", how, s)
		}
		observe(t, &m, pod("node", "uid-2", "11"), "there again", true)
		observe(t, &m, node, "there", false)
	}
}

// The deletion of an object that was never seen arrives while its predecessor is still there.
func TestADeletionOfTheNextObjectOutlivesThisOne(t *testing.T) {
	var m objstate.Map[int]
	observe(t, &m, pod("a", "uid-1", "10"), 1, true)
	if dropped, err := m.Forget(named("a"), "uid-2"); dropped || err != nil {
		t.Errorf("%v, %v: uid-2 has no state", dropped, err)
	}
	if _, ok := m.Load(named("a")); !ok {
		t.Error("uid-1 has gone, and nobody said so")
	}
	observe(t, &m, pod("a", "uid-2", "20"), 2, false)
	mustDelete(t, &m, pod("a", "uid-1", "15"))
	observe(t, &m, pod("a", "uid-2", "21"), 2, false)
	observe(t, &m, pod("a", "uid-3", "30"), 3, true)
	observe(t, &m, pod("a", "uid-2", "22"), 2, false)
}

// Crossplane kept what it had observed by name, and never removed it: an object that was created again under the name
// of a deleted one inherited its times, and the map grew by each name there ever was.
func TestAnObjectThatIsCreatedAgainInheritsNothing(t *testing.T) {
	type readiness struct{ ready bool }
	naive := map[types.NamespacedName]*readiness{}
	var m objstate.Map[readiness]

	s := newSource()
	bind(t, &m, s)
	if _, err := s.AddEventHandler(cache.ResourceEventHandlerFuncs{AddFunc: func(obj any) {
		name := named(obj.(*corev1.Pod).Name)
		if naive[name] == nil {
			naive[name] = new(readiness)
		}
	}}); err != nil {
		t.Fatal(err)
	}
	s.start(t)
	first, second := pod("db", "uid-1", ""), pod("db", "uid-2", "")
	s.Add(first)
	s.wait(t, "add db", "add db")
	naive[named("db")].ready = true
	observe(t, &m, first, readiness{true}, true)
	s.Delete(first)
	s.wait(t, "delete db", "delete db")
	if len(naive) != 1 || m.Len() != 0 {
		t.Errorf("%d objects in the naive map, %d in the map, want 1 and 0", len(naive), m.Len())
	}
	s.Add(second)
	s.wait(t, "add db", "add db")
	if !naive[named("db")].ready {
		t.Fatal("the naive map does not fail: the test shows nothing")
	}
	took, err := m.Observe(second, func(s readiness, ok bool) (readiness, error) {
		if ok || s.ready {
			t.Errorf("the new object inherits %+v", s)
		}
		return s, nil
	})
	if !took || err != nil {
		t.Error(took, err)
	}
}

// A reconciler takes long; meanwhile its object is deleted and created again. What it has found out is of the old one.
func TestALateReconcilerWritesNotIntoTheNextObject(t *testing.T) {
	naive := map[types.NamespacedName]string{}
	var m objstate.Map[string]
	old, next := pod("a", "uid-1", "1"), pod("a", "uid-2", "5")
	observe(t, &m, old, "working", true)

	naive[named("a")] = "new" // meanwhile
	mustDelete(t, &m, old)
	observe(t, &m, next, "new", true)

	naive[named("a")] = "done"
	took, err := m.Update(named("a"), old.UID, func(string) (string, error) { return "done", nil })
	if took || err != nil {
		t.Errorf("Update of the old object: %v, %v", took, err)
	}
	observe(t, &m, old, "done", false)
	if naive[named("a")] != "done" {
		t.Fatal("the naive map does not fail: the test shows nothing")
	}
	if state, _ := m.Load(named("a")); state != "new" {
		t.Errorf("the new object is %q", state)
	}
}

// A finalizer's last update and a resync come in the wrong order; versions compared as text would take "9" for newer.
func TestVersionsAreNumbers(t *testing.T) {
	var m objstate.Map[int]
	observe(t, &m, pod("a", "uid", "10"), 10, true)
	observe(t, &m, pod("a", "uid", "9"), 9, false)
	observe(t, &m, pod("a", "uid", "10"), 11, true) // the same version again: a resync
	observe(t, &m, pod("a", "uid", "100000000000000000000000000000"), 12, true)
	observe(t, &m, pod("a", "uid", "99999999999999999999999999999"), 13, false)
	if got, _ := m.Load(named("a")); got != 12 {
		t.Errorf("the state is %d", got)
	}
}
