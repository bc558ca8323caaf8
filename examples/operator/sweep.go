package main

import (
	"context"
	"fmt"
	"sync"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/wait"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller/controllerutil"
	"sigs.k8s.io/controller-runtime/pkg/manager"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/shardmap-go/shardmap"
	"github.com/shardmap-go/shardmap/kube/objstate"
)

// Incident: finalizers, and a sweep for what gets past them.
//
// Each object has a disk in a cloud. A finalizer has it deleted with the object; but people take finalizers away by hand, so
// a sweep looks for disks whose objects have gone. Meanwhile objects are created again under their names, the API
// server is killed and started again, and so is the operator. In the end each object should have its own disk, no
// other disk should be left, and the cloud should never have been asked to delete what was not there.

const (
	finalizer  = "incidents.example.com/disk"
	sweepEvery = 200 * time.Millisecond
)

// volumes is an operator of disks.
type volumes interface {
	setUp(mgr ctrl.Manager) error
	sweep(ctx context.Context) error
	diskOf(v *Volume) string
}

// setUpVolumes has a manager run a reconciler and its sweep.
func setUpVolumes(mgr ctrl.Manager, r reconcile.Reconciler, sweep func(context.Context) error) error {
	err := mgr.Add(manager.RunnableFunc(func(ctx context.Context) error {
		wait.UntilWithContext(ctx, func(ctx context.Context) {
			if err := sweep(ctx); err != nil {
				mgr.GetLogger().Error(err, "sweep") // the next one will do
			}
		}, sweepEvery)
		return nil
	}))
	if err != nil {
		return err
	}
	return ctrl.NewControllerManagedBy(mgr).Named("volumes").For(&Volume{}).Complete(r)
}

// naiveVolumes knows objects and disks by name, and removes what is gone from the map that it ranges over.
type naiveVolumes struct {
	client.Client
	namespace string
	cloud     *cloud
	ready     sync.Map // the names of the objects whose disks are there
}

func (r *naiveVolumes) diskOf(v *Volume) string { return v.Name }

func (r *naiveVolumes) setUp(mgr ctrl.Manager) error {
	r.Client = mgr.GetClient()
	return setUpVolumes(mgr, r, r.sweep)
}

func (r *naiveVolumes) Reconcile(ctx context.Context, req reconcile.Request) (reconcile.Result, error) {
	var v Volume
	if err := r.Get(ctx, req.NamespacedName, &v); err != nil {
		return reconcile.Result{}, client.IgnoreNotFound(err)
	}
	if !v.DeletionTimestamp.IsZero() {
		if controllerutil.RemoveFinalizer(&v, finalizer) {
			r.cloud.delete(v.Name) // once more if the update fails
			r.ready.Delete(v.Name)
			return reconcile.Result{}, r.Update(ctx, &v)
		}
		return reconcile.Result{}, nil
	}
	if controllerutil.AddFinalizer(&v, finalizer) {
		if err := r.Update(ctx, &v); err != nil {
			return reconcile.Result{}, err
		}
	}
	if _, ok := r.ready.Load(v.Name); !ok { // it may be there for another object of that name
		r.cloud.ensure(v.Name, v.UID)
		r.ready.Store(v.Name, true)
	}
	return reconcile.Result{}, nil
}

func (r *naiveVolumes) sweep(ctx context.Context) error {
	r.ready.Range(func(name, _ any) bool { // after a restart it does not know whose disks there are
		key := types.NamespacedName{Namespace: r.namespace, Name: name.(string)}
		if apierrors.IsNotFound(r.Get(ctx, key, &Volume{})) {
			r.cloud.delete(key.Name) // and if it has been created again since?
			r.ready.Delete(name)
		}
		return true
	})
	return nil
}

// uidVolumes knows objects and disks by UID.
type uidVolumes struct {
	client.Client
	api       client.Reader // past the cache
	namespace string
	cloud     *cloud
	ready     objstate.Map[string] // the disks that are there
	releasing shardmap.Map[string, struct{}]
}

func (r *uidVolumes) diskOf(v *Volume) string { return "disk-" + string(v.UID) }

func (r *uidVolumes) setUp(mgr ctrl.Manager) error {
	r.Client, r.api = mgr.GetClient(), mgr.GetAPIReader()
	return setUpVolumes(mgr, r, r.sweep)
}

func (r *uidVolumes) Reconcile(ctx context.Context, req reconcile.Request) (reconcile.Result, error) {
	var v Volume
	if err := r.Get(ctx, req.NamespacedName, &v); err != nil {
		return reconcile.Result{}, client.IgnoreNotFound(err)
	}
	if !v.DeletionTimestamp.IsZero() {
		return reconcile.Result{}, r.finalize(ctx, &v)
	}
	if controllerutil.AddFinalizer(&v, finalizer) {
		if err := r.Update(ctx, &v); err != nil {
			return reconcile.Result{}, err
		}
	}
	if ready, ok := r.ready.LoadEntry(req.NamespacedName); ok && ready.UID == v.UID {
		return reconcile.Result{}, nil
	}
	disk := r.diskOf(&v)
	r.cloud.ensure(disk, v.UID)
	took, err := r.ready.Observe(&v, func(string, bool) (string, error) { return disk, nil })
	if err == nil && !took { // v has gone: the cache is out of date
		r.release(disk)
	}
	return reconcile.Result{}, err
}

func (r *uidVolumes) finalize(ctx context.Context, v *Volume) error {
	if !controllerutil.RemoveFinalizer(v, finalizer) {
		return nil
	}
	r.release(r.diskOf(v))
	if _, err := r.ready.Forget(client.ObjectKeyFromObject(v), v.UID); err != nil {
		return err
	}
	return r.Update(ctx, v)
}

// release deletes a disk, unless it has gone. The reconciler and the sweep may come to it at the same time: then one
// of them asks the cloud, and the other waits for that.
func (r *uidVolumes) release(disk string) {
	_, _, _ = r.releasing.LoadOrCompute(disk, func() (struct{}, error) {
		if r.cloud.has(disk) {
			r.cloud.delete(disk)
		}
		return struct{}{}, nil
	})
	r.releasing.Delete(disk)
}

// sweep takes the disks of one instant, and then the objects of a later one. A disk is made for an object that is there;
// if that is not in the list, it has gone, for ever: UIDs do not come back.
func (r *uidVolumes) sweep(ctx context.Context) error {
	disks := r.cloud.disks.Snapshot()
	objects, err := objstate.ListAll(r.list)(ctx)
	if err != nil {
		return err
	}
	for disk, owner := range disks.All() {
		if _, ok := objects.UIDs[owner]; !ok {
			r.release(disk)
		}
	}
	_, err = r.ready.Prune(ctx, func(context.Context) (objstate.Listing, error) { return objects, nil })
	return err
}

func (r *uidVolumes) list(ctx context.Context, opts metav1.ListOptions) (*List[VolumeSpec], error) {
	var page List[VolumeSpec]
	return &page, r.api.List(ctx, &page,
		&client.ListOptions{Namespace: r.namespace, Limit: opts.Limit, Continue: opts.Continue})
}

// sweep is the incident. newOperator makes an operator that has no memory of what was before.
func sweep(ctx context.Context, w *world, namespace string, newOperator func(*cloud) volumes) (outcome, error) {
	d := &disks{world: w, namespace: namespace, objects: make([]Volume, w.objects)}
	d.operator = newOperator(&d.cloud)
	if err := w.operate(ctx, namespace, d.operator.setUp, d.trouble); err != nil {
		return nil, err
	}
	if err := d.whileDown(ctx); err != nil {
		return nil, err
	}
	d.operator = newOperator(&d.cloud)
	if err := w.operate(ctx, namespace, d.operator.setUp, d.settle); err != nil {
		return nil, err
	}
	leaked, lost, err := d.audit(ctx)
	return outcome{{leaked, "disks leaked"}, {lost, "objects without a disk of their own"},
		{int(d.cloud.misses.Load()), "deletes of what was not there"}}, err
}

// disks is what happens in the incident of the sweep.
type disks struct {
	*world
	namespace string
	cloud     cloud
	operator  volumes
	objects   []Volume
}

// trouble deletes three of four objects: one in the ordinary way, one by force, and one by force to create it again under its
// name. Half-way it kills the API server and starts another one.
func (d *disks) trouble(ctx context.Context) error {
	n := len(d.objects)
	err := d.each(ctx, n, d.namespace+": objects", func(ctx context.Context, i int) error {
		return d.create(ctx, &d.objects[i], d.namespace, fmt.Sprintf("volume-%05d", i))
	})
	if err != nil {
		return err
	}
	if err := until(ctx, func() (bool, error) { return d.cloud.disks.Len() == n, nil }); err != nil {
		return err
	}
	err = d.each(ctx, n, d.namespace+": deletes, and a new API server", func(ctx context.Context, i int) error {
		if i == n/2 {
			return d.restartServer(ctx)
		}
		switch v := d.objects[i]; i % 4 {
		case 0:
			return nil
		case 1:
			return d.remove(ctx, v)
		case 2:
			return d.removeByForce(ctx, v)
		default:
			if err := d.removeByForce(ctx, v); err != nil {
				return err
			}
			return d.create(ctx, &Volume{}, v.Namespace, v.Name)
		}
	})
	if err != nil {
		return err
	}
	return until(ctx, func() (bool, error) {
		volumes, err := d.volumes(ctx)
		return isQuiet(volumes), err
	})
}

// whileDown deletes half of the other objects while no operator runs: by turns in the ordinary way and by force.
func (d *disks) whileDown(ctx context.Context) error {
	return d.each(ctx, len(d.objects)/8, d.namespace+": deletes without an operator", func(ctx context.Context, i int) error {
		if v := d.objects[8*i]; i%2 == 0 {
			return d.remove(ctx, v)
		} else {
			return d.removeByForce(ctx, v)
		}
	})
}

// remove deletes v, which goes when the operator has taken its finalizer away.
func (d *disks) remove(ctx context.Context, v Volume) error {
	return client.IgnoreNotFound(persist(ctx, func() error {
		return d.client.Delete(ctx, &v, client.Preconditions{UID: &v.UID})
	}))
}

// removeByForce deletes v as they do who have lost patience: they take the finalizers away by hand.
func (d *disks) removeByForce(ctx context.Context, v Volume) error {
	if err := d.remove(ctx, v); err != nil {
		return err
	}
	patch := client.RawPatch(types.MergePatchType, []byte(`{"metadata":{"finalizers":null}}`))
	return client.IgnoreNotFound(persist(ctx, func() error { return d.client.Patch(ctx, &v, patch) }))
}

// volumes returns the objects that there are.
func (d *disks) volumes(ctx context.Context) ([]Volume, error) {
	var all List[VolumeSpec]
	err := persist(ctx, func() error { return d.client.List(ctx, &all, client.InNamespace(d.namespace)) })
	return all.Items, err
}

// isQuiet reports whether the operator has dealt with all of the objects: none waits for its finalizer.
func isQuiet(all []Volume) bool {
	for _, v := range all {
		if (len(v.Finalizers) > 0) != v.DeletionTimestamp.IsZero() {
			return false
		}
	}
	return true
}

// settle gives the operator time until nothing is wrong, or nothing has got better in a hundred looks, five seconds. They are counted,
// as seconds would pass for an operator that gets no processor, too.
func (d *disks) settle(ctx context.Context) error {
	const patience = 100
	d.progress.begin(0, "%s: waiting for the sweep", d.namespace)
	least, stalled := len(d.objects)*4, 0
	return until(ctx, func() (bool, error) {
		volumes, err := d.volumes(ctx)
		if err != nil {
			return false, err
		}
		leaked, lost := d.compare(volumes)
		wrong := leaked + lost
		if !isQuiet(volumes) {
			wrong++
		}
		stalled++
		if wrong < least {
			least, stalled = wrong, 0
		}
		return wrong == 0 || isQuiet(volumes) && stalled > patience, nil
	})
}

// audit sweeps for the last time, and tells what is wrong.
func (d *disks) audit(ctx context.Context) (leaked, lost int, err error) {
	if err := d.operator.sweep(ctx); err != nil {
		return 0, 0, err
	}
	volumes, err := d.volumes(ctx)
	leaked, lost = d.compare(volumes)
	return leaked, lost, err
}

// compare returns how many disks belong to no object, and how many objects have no disk, or one made for another object.
func (d *disks) compare(volumes []Volume) (leaked, lost int) {
	disks := d.cloud.disks.Snapshot()
	used := 0
	for _, v := range volumes {
		owner, ok := disks.Load(d.operator.diskOf(&v))
		if ok {
			used++
		}
		if owner != v.UID {
			lost++
		}
	}
	return disks.Len() - used, lost
}
