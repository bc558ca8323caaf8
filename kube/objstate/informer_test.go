package objstate_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	utilruntime "k8s.io/apimachinery/pkg/util/runtime"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/tools/cache"
	fakecache "k8s.io/client-go/tools/cache/testing"

	"github.com/shardmap-go/shardmap/kube/objstate"
)

// The informers here are client-go's own, with its Reflector, fed by its fake source of lists and watches.

// A source is a fake API server with pods, and an informer of them that tells when a handler has been called.
type source struct {
	*fakecache.FakeControllerSource
	cache.SharedIndexInformer
	told     chan string   // what the handlers were told, after they have dealt with it
	watching chan struct{} // closed when the informer watches
}

func newSource() *source {
	f, watching := fakecache.NewFakeControllerSource(), make(chan struct{})
	watches := sync.OnceFunc(func() { close(watching) })
	return &source{f, cache.NewSharedIndexInformer(&cache.ListWatch{
		ListWithContextFunc: func(_ context.Context, opts metav1.ListOptions) (runtime.Object, error) {
			return f.List(opts)
		},
		WatchFuncWithContext: func(_ context.Context, opts metav1.ListOptions) (watch.Interface, error) {
			w, err := f.Watch(opts)
			if err == nil {
				watches()
			}
			return w, err
		},
	}, &corev1.Pod{}, 0, cache.Indexers{}), make(chan string, 100), watching}
}

// start runs the informer until the test ends. It returns when the informer watches: what is changed from then on comes as an event,
// where a list, or a watch that has to catch up, may tell of it in another way.
func (s *source) start(t *testing.T) {
	ctx, stop := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() { s.RunWithContext(ctx) })
	t.Cleanup(func() {
		stop()
		running.Wait()
	})
	<-s.watching
}

// AddEventHandler puts a handler in that tells when another has been called.
func (s *source) AddEventHandler(h cache.ResourceEventHandler) (cache.ResourceEventHandlerRegistration, error) {
	return s.SharedIndexInformer.AddEventHandler(teller{h, s.told})
}

// wait waits until a handler has dealt with all of these, in this order.
func (s *source) wait(t *testing.T, events ...string) {
	t.Helper()
	for _, want := range events {
		if got := <-s.told; got != want {
			t.Fatalf("the informer told %q, want %q", got, want)
		}
	}
}

type teller struct {
	cache.ResourceEventHandler
	told chan string
}

func (h teller) OnAdd(obj any, initial bool) {
	h.ResourceEventHandler.OnAdd(obj, initial)
	h.told <- "add " + obj.(*corev1.Pod).Name
}

func (h teller) OnUpdate(old, obj any) {
	h.ResourceEventHandler.OnUpdate(old, obj)
	h.told <- "update " + obj.(*corev1.Pod).Name
}

func (h teller) OnDelete(obj any) {
	h.ResourceEventHandler.OnDelete(obj)
	switch obj := obj.(type) {
	case *corev1.Pod:
		h.told <- "delete " + obj.Name
	case cache.DeletedFinalStateUnknown:
		h.told <- "missed " + obj.Key
	}
}

// bind binds m to s.
func bind[S any](t *testing.T, m *objstate.Map[S], s *source) *objstate.Binding {
	t.Helper()
	b, err := m.BindInformer(s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestAnInformerDropsWhatIsDeleted(t *testing.T) {
	var m objstate.Map[int]
	s := newSource()
	bind(t, &m, s)
	s.start(t)
	a := pod("a", "uid-a", "")
	s.Add(a)
	s.wait(t, "add a")
	observe(t, &m, a, 1, true)
	late := a.DeepCopy()
	s.Modify(a)
	s.wait(t, "update a")
	if _, ok := m.Load(named("a")); !ok {
		t.Error("an update drops the state")
	}
	s.Delete(a)
	s.wait(t, "delete a")
	if m.Len() != 0 {
		t.Error("the state of a deleted object is there")
	}
	observe(t, &m, late, 1, false)
	again := pod("a", "uid-2", "")
	s.Add(again)
	s.wait(t, "add a")
	observe(t, &m, again, 2, true)
}

// The watch breaks, the object is deleted, and the new list does not have it: client-go then tells the last state that
// it knows.
func TestAnInformerDropsWhatWasDeletedInAGapOfTheWatch(t *testing.T) {
	var m objstate.Map[int]
	s := newSource()
	bind(t, &m, s)
	a, b := pod("a", "uid-a", ""), pod("b", "uid-b", "")
	s.Add(a)
	s.start(t)
	s.wait(t, "add a")
	s.Add(b)
	s.wait(t, "add b")
	observe(t, &m, a, 1, true)
	observe(t, &m, b, 1, true)
	newer := a.DeepCopy()
	s.ModifyDropWatch(newer) // a version that the informer does not see, and the map does
	observe(t, &m, newer, 2, true)
	s.DeleteDropWatch(newer.DeepCopy())
	s.ResetWatch()
	s.wait(t, "missed default/a")
	if _, ok := m.Load(named("a")); ok {
		t.Error("the state of the object that has gone is there")
	}
	observe(t, &m, newer, 2, false)
	if _, ok := m.Load(named("b")); !ok {
		t.Error("the state of another has gone, too")
	}
}

// In the gap the object is deleted and another is created under its name: the informer tells of an update.
func TestAnInformerDropsWhatWasReplacedInAGapOfTheWatch(t *testing.T) {
	var m objstate.Map[int]
	s := newSource()
	bind(t, &m, s)
	a, again := pod("a", "uid-1", ""), pod("a", "uid-2", "")
	s.Add(a)
	s.start(t)
	s.wait(t, "add a")
	observe(t, &m, a, 1, true)
	s.DeleteDropWatch(a.DeepCopy())
	s.AddDropWatch(again)
	s.ResetWatch()
	s.wait(t, "update a")
	if got, ok := m.Load(named("a")); ok {
		t.Errorf("the new object has the state %d of the old one", got)
	}
	took, err := m.Observe(again, func(_ int, ok bool) (int, error) {
		if ok {
			t.Error("the new object inherits a state")
		}
		return 2, nil
	})
	if !took || err != nil {
		t.Error(took, err)
	}
	observe(t, &m, a, 1, false)
}

func TestAnInformerThatLagsBehindDropsNoNewObject(t *testing.T) {
	var m objstate.Map[int]
	s := newSource()
	binding := bind(t, &m, s)
	a, again := pod("a", "uid-1", "1"), pod("a", "uid-2", "9")
	observe(t, &m, again, 2, true) // from the answer to a create, before the watch tells of anything
	s.Add(a)
	s.start(t)
	s.wait(t, "add a")
	observe(t, &m, a, 1, false)
	s.Delete(a.DeepCopy())
	s.wait(t, "delete a")
	if got, ok := m.Load(named("a")); !ok || got != 2 {
		t.Errorf("the new object has %d, %v", got, ok)
	}
	// That the informer has its first list reaches the handlers on a way of its own, not with the events.
	if !cache.WaitForCacheSync(t.Context().Done(), binding.HasSynced) {
		t.Error("the informer has told all and is not synced")
	}
}

func TestAStoreIsAListerThatMayLagBehind(t *testing.T) {
	var m objstate.Map[int]
	s := newSource()
	a, b := pod("a", "uid-a", ""), pod("b", "uid-b", "")
	s.Add(a)
	s.Add(b)
	observe(t, &m, a, 1, true) // at version 1
	observe(t, &m, b, 1, true)
	observe(t, &m, pod("c", "uid-c", "100"), 1, true) // which the store does not know yet
	observe(t, &m, pod("d", "uid-d", "1"), 1, true)   // which was deleted before the informer started
	bind(t, &m, s)
	s.start(t)
	if !cache.WaitForCacheSync(context.Background().Done(), s.HasSynced) {
		t.Fatal("the informer does not sync")
	}
	for range 2 {
		<-s.told // in the order of a Go map
	}
	if m.Len() != 4 {
		t.Errorf("%d objects before pruning", m.Len())
	}
	n, err := m.Prune(context.Background(), objstate.ListStore(s.GetStore()))
	if n != 1 || err != nil || m.Stats().Pruned != 1 {
		t.Errorf("%d, %v, %+v", n, err, m.Stats())
	}
	if _, ok := m.Load(named("d")); ok || m.Len() != 3 {
		t.Errorf("%d objects after pruning; d: %v", m.Len(), ok)
	}
	list := func(_ context.Context, opts metav1.ListOptions) (runtime.Object, error) { return s.List(opts) }
	if n, err := m.Prune(context.Background(), objstate.ListAll(list)); n != 0 || err != nil {
		t.Errorf("%d, %v", n, err)
	}
}

func TestAfterUnbindTheMapHearsNoMore(t *testing.T) {
	var m objstate.Map[int]
	s := newSource()
	binding, other := bind(t, &m, s), bind(t, new(objstate.Map[int]), s)
	a := pod("a", "uid-a", "")
	s.Add(a)
	s.start(t)
	s.wait(t, "add a", "add a")
	observe(t, &m, a, 1, true)
	for range 2 {
		if err := binding.Unbind(); err != nil {
			t.Error(err)
		}
	}
	s.Delete(a)
	s.wait(t, "delete a")
	if m.Len() != 1 {
		t.Error("the state has gone")
	}
	if err := other.Unbind(); err != nil {
		t.Error(err)
	}
}

// A silent informer takes a handler and leaves it to the test to call it.
type silent struct {
	handler cache.ResourceEventHandler
	refuse  error
}

type registration struct {
	cache.ResourceEventHandlerRegistration
}

func (s *silent) AddEventHandler(h cache.ResourceEventHandler) (cache.ResourceEventHandlerRegistration, error) {
	s.handler = h
	return registration{}, s.refuse
}

func (s *silent) RemoveEventHandler(cache.ResourceEventHandlerRegistration) error { return s.refuse }

func TestEventsThatTellNothingAreCountedAndDropNothing(t *testing.T) {
	defer func(handlers []utilruntime.ErrorHandler) { utilruntime.ErrorHandlers = handlers }(utilruntime.ErrorHandlers)
	var reported []string
	var m objstate.Map[int]
	var informer silent
	binding, err := m.BindInformer(&informer)
	if err != nil {
		t.Fatal(err)
	}
	utilruntime.ErrorHandlers = []utilruntime.ErrorHandler{func(_ context.Context, err error, _ string, _ ...any) {
		reported = append(reported, err.Error())
		_ = m.Len() // no lock is held
	}}
	observe(t, &m, pod("a", "uid", "5"), 1, true)
	for _, obj := range []any{nil, "text", cache.DeletedFinalStateUnknown{Key: "default/a"}, pod("a", "", "5"), pod("", "uid", "5"), (*corev1.Pod)(nil),
		cache.DeletedFinalStateUnknown{Key: "default/a", Obj: (*corev1.Pod)(nil)}} {
		before := len(reported)
		informer.handler.OnDelete(obj)
		if len(reported) != before+1 || !strings.HasPrefix(reported[before], "objstate: ") {
			t.Errorf("of %v %q is reported", obj, reported[before:])
		}
	}
	if s := m.Stats(); s.Unusable != uint64(len(reported)) || s.Objects != 1 {
		t.Errorf("%+v", s)
	}
	informer.handler.OnUpdate(pod("a", "uid", "5"), pod("a", "uid", "5")) // a resync
	informer.handler.OnAdd(pod("a", "new", "5"), true)
	if m.Len() != 1 {
		t.Error("the state has gone")
	}
	informer.handler.OnDelete(&cache.DeletedFinalStateUnknown{Key: "default/a", Obj: pod("a", "uid", "3")})
	if m.Len() != 0 {
		t.Error("the state has not gone")
	}

	informer.refuse = errors.New("as ordered")
	if err := binding.Unbind(); !errors.Is(err, informer.refuse) {
		t.Errorf("Unbind: %v", err)
	}
	before := len(reported)
	informer.handler.OnDelete("text")
	informer.handler.OnDelete(pod("b", "uid-b", "5"))
	observe(t, &m, pod("b", "uid-b", "5"), 1, true)
	if len(reported) != before {
		t.Error("after Unbind something is reported")
	}
	for _, bad := range []objstate.Informer{nil, (*silent)(nil), &informer} {
		if b, err := m.BindInformer(bad); b != nil || err == nil || !strings.HasPrefix(err.Error(), "objstate: BindInformer") {
			t.Errorf("BindInformer(%v): %v, %v", bad, b, err)
		}
	}
}
