package main

import (
	"context"
	"fmt"
	"maps"
	"time"

	"golang.org/x/sync/errgroup"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/rand"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/builder"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/predicate"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/shardmap-go/shardmap/kube/objstate"
)

// Incident: a storm of replicas.
//
// A parent wants a number of children. The reconciler counts those that it has by the cache, which lags behind: the child
// that was created a moment ago is not there yet, and is created once more. To make it worse, parents are deleted
// and created again under their names, scaled up, and lose children; and each should have exactly as many as it wants.
// Children of a parent that has gone do not count: they are the garbage collector's, which this API server does not have.

// replicas is what both reconcilers do.
type replicas struct {
	client.Client
}

// load returns a parent and its children, by the cache, or no parent if there is none.
func (r *replicas) load(ctx context.Context, key types.NamespacedName) (*Parent, []Child, error) {
	var parent Parent
	if err := r.Get(ctx, key, &parent); err != nil {
		return nil, nil, client.IgnoreNotFound(err)
	}
	var children List[ChildSpec]
	err := r.List(ctx, &children, client.InNamespace(key.Namespace), client.MatchingFields{"owner": string(parent.UID)})
	return &parent, children.Items, err
}

func newChild(parent *Parent) *Child {
	c := &Child{}
	c.Namespace = parent.Namespace
	c.OwnerReferences = []metav1.OwnerReference{*metav1.NewControllerRef(parent, groupVersion.WithKind("Parent"))}
	return c
}

func (r *replicas) setUp(mgr ctrl.Manager, reconciler reconcile.Reconciler, children ...predicate.Predicate) error {
	r.Client = mgr.GetClient()
	err := mgr.GetFieldIndexer().IndexField(context.Background(), &Child{}, "owner",
		func(obj client.Object) []string { return []string{string(ownerOf(obj))} })
	if err != nil {
		return err
	}
	return ctrl.NewControllerManagedBy(mgr).Named("replicas").For(&Parent{}).
		Owns(&Child{}, builder.WithPredicates(children...)).Complete(reconciler)
}

// ownerOf returns the UID of the controller of obj, or none.
func ownerOf(obj metav1.Object) types.UID {
	if owner := metav1.GetControllerOf(obj); owner != nil {
		return owner.UID
	}
	return ""
}

// naiveReplicas believes the cache.
type naiveReplicas struct{ replicas }

func (r *naiveReplicas) setUp(mgr ctrl.Manager) error { return r.replicas.setUp(mgr, r) }

func (r *naiveReplicas) Reconcile(ctx context.Context, req reconcile.Request) (reconcile.Result, error) {
	parent, children, err := r.load(ctx, req.NamespacedName)
	if parent == nil || err != nil {
		return reconcile.Result{}, err
	}
	var group errgroup.Group
	for range parent.Spec.Replicas - len(children) {
		child := newChild(parent)
		child.GenerateName = parent.Name + "-"
		group.Go(func() error { return r.Create(ctx, child) })
	}
	return reconcile.Result{}, group.Wait()
}

// expectingReplicas remembers which children it has asked for until the cache shows them, as the controllers of
// Kubernetes do, which call that expectations. They belong to the parent's UID: a new parent of the same name expects
// nothing.
//
// So every child that there is, is in the cache or expected. The names are chosen before the children are created: if the
// answer to a request is lost, the same name is asked for again.
type expectingReplicas struct {
	replicas
	api      client.Reader // past the cache
	expected *objstate.Map[expectations]
}

type expectations struct {
	children map[string]types.UID // by name; without UID until the API server has told it
	since    time.Time            // when the last one was added
}

// patience is how long the cache may take to show a child before it is asked for again. If it was created and deleted
// while the watch was broken, no event tells of it. To ask for a name that is there does no harm, so this may be short; the
// controllers of Kubernetes, whose expectations are mere numbers, wait for five minutes.
const patience = 10 * time.Second

func newExpectingReplicas() *expectingReplicas {
	return &expectingReplicas{expected: objstate.New[expectations](objstate.WithCopy(
		func(e expectations) expectations { return expectations{maps.Clone(e.children), e.since} }))}
}

func (r *expectingReplicas) setUp(mgr ctrl.Manager) error {
	parents, err := mgr.GetCache().GetInformer(context.Background(), &Parent{})
	if err != nil {
		return err
	}
	if _, err := r.expected.BindInformer(parents); err != nil { // expectations go with their parent
		return err
	}
	r.api = mgr.GetAPIReader()
	return r.replicas.setUp(mgr, r, predicate.Funcs{DeleteFunc: func(e event.DeleteEvent) bool {
		r.forget(e.Object)
		return true
	}})
}

// forget expects a child no longer, which has gone.
func (r *expectingReplicas) forget(child client.Object) {
	owner := metav1.GetControllerOf(child)
	if owner == nil {
		return
	}
	parent := types.NamespacedName{Namespace: child.GetNamespace(), Name: owner.Name}
	_, _ = r.expected.Update(parent, owner.UID, func(e expectations) (expectations, error) { // it cannot fail
		if e.children[child.GetName()] == child.GetUID() {
			delete(e.children, child.GetName())
		}
		return e, nil
	})
}

func (r *expectingReplicas) Reconcile(ctx context.Context, req reconcile.Request) (reconcile.Result, error) {
	parent, children, err := r.load(ctx, req.NamespacedName)
	if parent == nil || err != nil {
		return reconcile.Result{}, err
	}
	var result reconcile.Result
	var unanswered []string
	took, err := r.expected.Observe(parent, func(e expectations, _ bool) (expectations, error) {
		e = e.after(parent, children)
		unanswered = unanswered[:0]
		for name, uid := range e.children {
			if uid == "" {
				unanswered = append(unanswered, name)
			}
		}
		if result.RequeueAfter = 0; len(e.children) > 0 {
			result.RequeueAfter = patience + time.Second // should the cache never show one of them
		}
		return e, nil
	})
	if !took || err != nil {
		return reconcile.Result{}, err // not took: the cache has shown a parent that has gone
	}
	var group errgroup.Group
	for _, name := range unanswered {
		group.Go(func() error { return r.create(ctx, parent, name) })
	}
	if err := group.Wait(); err != nil {
		return reconcile.Result{}, err
	}
	return result, nil
}

// after returns what is to be expected when the cache has shown these children: those that it does not show yet,
// and as many more as are missing. A child leaves the expectations when the cache shows that very child, by its UID.
func (e expectations) after(parent *Parent, children []Child) expectations {
	if e.children == nil {
		e.children = make(map[string]types.UID)
	}
	if time.Since(e.since) > patience {
		for name := range e.children {
			e.children[name] = ""
		}
	}
	have := 0 // in the cache only
	for _, c := range children {
		uid, expected := e.children[c.Name]
		if uid == c.UID {
			delete(e.children, c.Name)
		}
		if !expected || uid == c.UID {
			have++
		}
	}
	for have+len(e.children) < parent.Spec.Replicas {
		e.children[parent.Name+"-"+rand.String(10)] = ""
		e.since = time.Now()
	}
	return e
}

// create creates a child, unless it is there, and keeps its UID.
func (r *expectingReplicas) create(ctx context.Context, parent *Parent, name string) error {
	child := newChild(parent)
	child.Name = name
	err := r.Create(ctx, child)
	if apierrors.IsAlreadyExists(err) { // it was created before, and the answer was lost
		err = r.api.Get(ctx, client.ObjectKeyFromObject(child), child)
	}
	if err != nil {
		return err
	}
	_, err = r.expected.Update(client.ObjectKeyFromObject(parent), parent.UID,
		func(e expectations) (expectations, error) {
			e.children[name] = child.UID
			return e, nil
		})
	return err
}

// storm is the incident.
func storm(ctx context.Context, w *world, namespace string, setUp func(ctrl.Manager) error) (outcome, error) {
	const replicas = 10
	parents := make([]Parent, w.objects/replicas)
	err := w.operate(ctx, namespace, setUp, func(ctx context.Context) error {
		step := namespace + ": parents, and a new API server"
		err := w.each(ctx, len(parents), step, func(ctx context.Context, i int) error {
			if i == len(parents)/2 {
				if err := w.restartServer(ctx); err != nil {
					return err
				}
			}
			return w.createParent(ctx, namespace, &parents[i], i, replicas)
		})
		if err != nil {
			return err
		}
		if err := w.untilComplete(ctx, namespace, parents); err != nil {
			return err
		}
		if err := w.evict(ctx, namespace, parents); err != nil {
			return err
		}
		return w.untilComplete(ctx, namespace, parents)
	})
	if err != nil {
		return nil, err
	}
	owned, err := w.children(ctx, namespace)
	if err != nil {
		return nil, err
	}
	var missing, surplus, wanted int
	for _, p := range parents {
		have := len(owned[p.UID])
		wanted += p.Spec.Replicas
		missing += max(0, p.Spec.Replicas-have)
		surplus += max(0, have-p.Spec.Replicas)
	}
	return outcome{{surplus, fmt.Sprintf("children too many, for %d", wanted)}, {missing, "children missing"}}, nil
}

// createParent creates a parent, deletes it and creates it again under its name if i is odd, and scales it up in steps.
func (w *world) createParent(ctx context.Context, namespace string, p *Parent, i, replicas int) error {
	const step = 3
	name := fmt.Sprintf("parent-%05d", i)
	for range 1 + i%2 {
		if p.UID != "" {
			if err := client.IgnoreNotFound(persist(ctx, func() error { return w.client.Delete(ctx, p) })); err != nil {
				return err
			}
		}
		*p = Parent{Spec: ParentSpec{Replicas: 1}}
		if err := w.create(ctx, p, namespace, name); err != nil {
			return err
		}
	}
	for p.Spec.Replicas < replicas {
		p.Spec.Replicas = min(p.Spec.Replicas+step, replicas)
		patch := fmt.Appendf(nil, `{"spec":{"replicas":%d}}`, p.Spec.Replicas)
		err := persist(ctx, func() error { return w.client.Patch(ctx, p, client.RawPatch(types.MergePatchType, patch)) })
		if err != nil {
			return err
		}
	}
	return nil
}

// children returns the children that there are, by owner.
func (w *world) children(ctx context.Context, namespace string) (map[types.UID][]Child, error) {
	var all List[ChildSpec]
	err := persist(ctx, func() error { return w.client.List(ctx, &all, client.InNamespace(namespace)) })
	owned := make(map[types.UID][]Child)
	for _, c := range all.Items {
		owned[ownerOf(&c)] = append(owned[ownerOf(&c)], c)
	}
	return owned, err
}

// untilComplete waits until no parent lacks a child.
func (w *world) untilComplete(ctx context.Context, namespace string, parents []Parent) error {
	w.progress.begin(0, "%s: waiting for all children", namespace)
	return until(ctx, func() (bool, error) {
		owned, err := w.children(ctx, namespace)
		for _, p := range parents {
			if len(owned[p.UID]) < p.Spec.Replicas {
				return false, err
			}
		}
		return true, err
	})
}

// evict deletes a child of every second parent, as the loss of a node does.
func (w *world) evict(ctx context.Context, namespace string, parents []Parent) error {
	owned, err := w.children(ctx, namespace)
	if err != nil {
		return err
	}
	return w.each(ctx, len(parents)/2, namespace+": lose children", func(ctx context.Context, i int) error {
		err := w.client.Delete(ctx, &owned[parents[2*i].UID][0])
		if apierrors.IsNotFound(err) {
			return nil
		}
		return err
	})
}
