package kubetest_test

import (
	"context"
	"strconv"
	"sync"
	"testing"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/dynamic/dynamicinformer"
	"k8s.io/client-go/tools/cache"

	"github.com/shardmap-go/shardmap/kube/objstate"
)

// Package objstate against a real API server and a real informer.

// A teller is the handler of a map that tells when it has been called, and with what.
type teller struct {
	cache.ResourceEventHandler
	told chan string
}

func (h teller) OnAdd(obj any, initial bool) {
	h.ResourceEventHandler.OnAdd(obj, initial)
	h.told <- "add " + nameOf(obj)
}

func (h teller) OnUpdate(old, obj any) {
	h.ResourceEventHandler.OnUpdate(old, obj)
	if old.(metav1.Object).GetUID() != obj.(metav1.Object).GetUID() {
		h.told <- "replace " + nameOf(obj)
	} else if old.(metav1.Object).GetResourceVersion() != obj.(metav1.Object).GetResourceVersion() { // no resync or new list
		h.told <- "update " + nameOf(obj)
	}
}

func (h teller) OnDelete(obj any) {
	h.ResourceEventHandler.OnDelete(obj)
	if unknown, ok := obj.(cache.DeletedFinalStateUnknown); ok {
		h.told <- "missed " + nameOf(unknown.Obj)
	} else {
		h.told <- "delete " + nameOf(obj)
	}
}

func nameOf(obj any) string { return obj.(metav1.Object).GetName() }

// telling is an informer that puts a teller around handlers.
type telling struct {
	cache.SharedIndexInformer
	told chan string
}

func (i telling) AddEventHandler(h cache.ResourceEventHandler) (cache.ResourceEventHandlerRegistration, error) {
	return i.SharedIndexInformer.AddEventHandler(teller{h, i.told})
}

// wait waits until the handler has dealt with event.
func (i telling) wait(ctx context.Context, t *testing.T, event string) {
	t.Helper()
	select {
	case got := <-i.told:
		if got != event {
			t.Fatalf("the informer tells %q, want %q", got, event)
		}
	case <-ctx.Done():
		t.Fatalf("the informer does not tell %q", event)
	}
}

// run runs an informer of all widgets until the test ends.
func run(ctx context.Context, t *testing.T, i telling) {
	ctx, stop := context.WithCancel(ctx)
	var running sync.WaitGroup
	running.Go(func() { i.RunWithContext(ctx) })
	t.Cleanup(func() {
		stop()
		running.Wait()
	})
	if !cache.WaitForCacheSync(ctx.Done(), i.HasSynced) {
		t.Fatal("the informer does not sync")
	}
}

func named(name string) types.NamespacedName {
	return types.NamespacedName{Namespace: "default", Name: name}
}

// observe observes w, and returns how often this incarnation was, before.
func observe(t *testing.T, m *objstate.Map[int], w *unstructured.Unstructured, taken bool) (before int) {
	t.Helper()
	took, err := m.Observe(w, func(n int, _ bool) (int, error) {
		before = n
		return n + 1, nil
	})
	if took != taken || err != nil {
		t.Errorf("Observe of %s, UID %s, at %s: %v, %v, want %v", w.GetName(), w.GetUID(), w.GetResourceVersion(), took, err, taken)
	}
	return before
}

// newInformer returns an informer of all widgets.
func newInformer(client dynamic.Interface) telling {
	informer := dynamicinformer.NewDynamicSharedInformerFactory(client, 0).ForResource(widgets).Informer()
	return telling{informer, make(chan string, 1000)}
}

func TestStateLivesAndDiesWithARealObject(t *testing.T) {
	ctx, server, all := start(t)
	client := all.Namespace("default")
	informer := newInformer(must(dynamic.NewForConfig(server.Config()))(t))
	var m objstate.Map[int]
	binding := must(m.BindInformer(informer))(t)
	run(ctx, t, informer)

	// Created, updated.
	first := must(client.Create(ctx, widget("a"), metav1.CreateOptions{}))(t)
	informer.wait(ctx, t, "add a")
	observe(t, &m, first, true)
	changed := first.DeepCopy()
	changed.SetLabels(map[string]string{"n": "1"})
	changed = must(client.Update(ctx, changed, metav1.UpdateOptions{}))(t)
	informer.wait(ctx, t, "update a")
	if n := observe(t, &m, changed, true); n != 1 {
		t.Errorf("the state was %d, want 1", n)
	}
	observe(t, &m, first, false) // late

	// Deleted, and created again under its name.
	if err := client.Delete(ctx, "a", metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	informer.wait(ctx, t, "delete a")
	if _, ok := m.Load(named("a")); ok {
		t.Error("the state of a deleted object is there")
	}
	observe(t, &m, changed, false) // late
	second := must(client.Create(ctx, widget("a"), metav1.CreateOptions{}))(t)
	informer.wait(ctx, t, "add a")
	if n := observe(t, &m, second, true); n != 0 {
		t.Errorf("the new object inherits %d", n)
	}

	// The API server dies and comes back; nothing has gone.
	if err := server.Kill(); err != nil {
		t.Error(err)
	}
	if err := server.Restart(ctx); err != nil {
		t.Fatal(err)
	}
	third := must(client.Create(ctx, widget("b"), metav1.CreateOptions{}))(t)
	informer.wait(ctx, t, "add b") // so the watch has caught up
	observe(t, &m, third, true)
	if e, ok := m.LoadEntry(named("a")); !ok || e.UID != second.GetUID() || e.State != 1 {
		t.Errorf("after the restart a is %+v, %v", e, ok)
	}

	// Unbound, the map hears of no deletion; pruned with a real list, it drops what has gone.
	if err := binding.Unbind(); err != nil {
		t.Error(err)
	}
	if err := client.Delete(ctx, "b", metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	if n := must(m.Prune(ctx, objstate.ListAll(all.List)))(t); n != 1 || m.Len() != 1 {
		t.Errorf("%d pruned, %d are left", n, m.Len())
	}
	observe(t, &m, third, false)
}

// An informer that starts after the deletion, as after a restart of the program, tells nothing of it; its store does.
func TestAStoreOfARealInformerPrunes(t *testing.T) {
	ctx, server, all := start(t)
	client := all.Namespace("default")
	var m objstate.Map[int]
	const kept, gone = 600, 30 // more than a page
	for i := range kept + gone {
		w := must(client.Create(ctx, widget("w"+strconv.Itoa(i)), metav1.CreateOptions{}))(t)
		observe(t, &m, w, true)
	}
	for i := range gone {
		if err := client.Delete(ctx, "w"+strconv.Itoa(kept+i), metav1.DeleteOptions{}); err != nil {
			t.Fatal(err)
		}
	}
	informer := newInformer(must(dynamic.NewForConfig(server.Config()))(t))
	run(ctx, t, informer)
	if n := must(m.Prune(ctx, objstate.ListStore(informer.GetStore())))(t); n != gone {
		t.Errorf("%d pruned, want %d", n, gone)
	}
	if n := must(m.Prune(ctx, objstate.ListAll(all.List)))(t); n != 0 || m.Len() != kept {
		t.Errorf("%d more pruned, %d are left", n, m.Len())
	}
}

// The API server is started anew, and the object deleted and created again before the informer has found its way back.
func TestStateOfAnObjectReplacedUnseenIsDropped(t *testing.T) {
	ctx, server, all := start(t)
	client := all.Namespace("default")
	informer := newInformer(must(dynamic.NewForConfig(server.Config()))(t))
	var m objstate.Map[int]
	must(m.BindInformer(informer))(t)
	run(ctx, t, informer)
	first := must(client.Create(ctx, widget("a"), metav1.CreateOptions{}))(t)
	informer.wait(ctx, t, "add a")
	observe(t, &m, first, true)
	observe(t, &m, must(client.Get(ctx, "a", metav1.GetOptions{}))(t), true)

	// Each time the informer has to find its way back, by another watch or another list.
	for round := range 2 {
		if err := server.Restart(ctx); err != nil {
			t.Fatal(err)
		}
		if err := client.Delete(ctx, "a", metav1.DeleteOptions{}); err != nil && !apierrors.IsNotFound(err) {
			t.Fatal(err)
		}
		next := must(client.Create(ctx, widget("a"), metav1.CreateOptions{}))(t)
		// By events of its own or as one update, the informer tells that the object is another.
		for told := ""; told != "add a" && told != "replace a"; {
			select {
			case told = <-informer.told:
			case <-ctx.Done():
				t.Fatalf("round %d: the informer does not come back", round)
			}
		}
		if e, ok := m.LoadEntry(named("a")); ok {
			t.Errorf("round %d: %+v is there, though it was deleted", round, e)
		}
		if n := observe(t, &m, next, true); n != 0 {
			t.Errorf("round %d: the new object inherits %d", round, n)
		}
		observe(t, &m, first, false)
	}
}
