package objstate

import (
	"fmt"
	"reflect"
	"sync"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	utilruntime "k8s.io/apimachinery/pkg/util/runtime"
	"k8s.io/client-go/tools/cache"
)

// Informer is what [Map.BindInformer] needs of an informer. Those of client-go ([cache.SharedInformer]) and those of
// controller-runtime's cache have it.
type Informer interface {
	AddEventHandler(handler cache.ResourceEventHandler) (cache.ResourceEventHandlerRegistration, error)
	RemoveEventHandler(handle cache.ResourceEventHandlerRegistration) error
}

// Binding is the tie between a [Map] and an informer. [Map.BindInformer] makes it.
type Binding struct {
	informer     Informer
	registration cache.ResourceEventHandlerRegistration
	handler      *handler
}

// BindInformer has the map drop the state of each object of which informer says that it has gone: by a delete event, by
// [cache.DeletedFinalStateUnknown] after a gap in the watch, or by an update that shows another UID under the name,
// which is how an informer tells that it has missed a deletion and the creation after it.
//
// What had gone before the informer started leaves no event: see [Map.Prune]. Events that do not tell which object has
// gone are counted in [Stats] and reported to [utilruntime.HandleError].
//
// It returns an error if informer is nil, or refuses the handler because it has stopped.
func (m *Map[S]) BindInformer(informer Informer) (*Binding, error) {
	if v := reflect.ValueOf(informer); informer == nil || v.Kind() == reflect.Pointer && v.IsNil() {
		return nil, fmt.Errorf("objstate: BindInformer(nil): want an informer")
	}
	h := &handler{drop: m.Delete, unusable: func() { m.counts.unusable.Add(1) }}
	registration, err := informer.AddEventHandler(h)
	if err != nil {
		return nil, fmt.Errorf("objstate: BindInformer: %w", err)
	}
	return &Binding{informer, registration, h}, nil
}

// HasSynced reports whether the map has been told of everything up to the informer's first list.
func (b *Binding) HasSynced() bool { return b.registration.HasSynced() }

// Unbind ends the tie, and returns the informer's error if it fails to remove the handler. Once it has returned, the map
// hears no more of the informer, whatever the informer still has to deliver. It may be called again.
func (b *Binding) Unbind() error {
	if !b.handler.stop() {
		return nil
	}
	if err := b.informer.RemoveEventHandler(b.registration); err != nil {
		return fmt.Errorf("objstate: Unbind: %w", err)
	}
	return nil
}

// A handler is what an informer calls.
type handler struct {
	drop     func(metav1.Object) (bool, error)
	unusable func()

	mu      sync.Mutex // held while the state of an object is dropped, which runs nothing of the user's
	stopped bool       // guarded by mu
}

// stop has the handler ignore all that comes, and reports whether it was not stopped before.
func (h *handler) stop() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	was := h.stopped
	h.stopped = true
	return !was
}

// OnAdd does nothing: a state is made by Observe alone.
func (h *handler) OnAdd(any, bool) {}

// OnUpdate drops the state of before if after is not the same object.
func (h *handler) OnUpdate(before, after any) {
	b, errBefore := meta.Accessor(before)
	a, errAfter := meta.Accessor(after)
	if errBefore == nil && errAfter == nil && b.GetUID() == a.GetUID() {
		return
	}
	h.gone(before)
}

// OnDelete drops the state of what has gone.
func (h *handler) OnDelete(obj any) {
	switch unknown := obj.(type) {
	case cache.DeletedFinalStateUnknown:
		obj = unknown.Obj
	case *cache.DeletedFinalStateUnknown:
		obj = unknown.Obj
	}
	h.gone(obj)
}

func (h *handler) gone(obj any) {
	if err := h.tryDrop(obj); err != nil {
		h.unusable()
		utilruntime.HandleError(err) // not under mu: it runs what the program has put there
	}
}

func (h *handler) tryDrop(obj any) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.stopped {
		return nil
	}
	o, err := meta.Accessor(obj)
	if err != nil {
		return fmt.Errorf("objstate: delete event with a %T: %w", obj, err)
	}
	_, err = h.drop(o)
	return err
}
