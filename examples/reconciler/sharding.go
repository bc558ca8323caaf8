package reconciler

import (
	"context"
	"slices"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	coordinationv1 "k8s.io/client-go/kubernetes/typed/coordination/v1"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/builder"
	"sigs.k8s.io/controller-runtime/pkg/controller"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/shardmap-go/shardmap/kube/shard"
)

// SetupShardWithManager is SetupWithManager for one of several replicas, each of which reconciles its part of the widgets.
func (r *Reconciler) SetupShardWithManager(
	ctx context.Context, manager ctrl.Manager, leases coordinationv1.LeaseInterface, options shard.Options,
) error {
	if err := r.setupState(ctx, manager); err != nil {
		return err
	}
	var sharder *shard.Sharder
	options.OnLost = func(partitions []int) { r.leave(partitions, sharder) }
	sharder, err := shard.New(leases, options)
	if err != nil {
		return err
	}
	if err := manager.Add(sharder); err != nil {
		return err
	}
	everyReplica := false
	return ctrl.NewControllerManagedBy(manager).
		For(newObject("Widget"), builder.WithPredicates(sharder.Predicate())).
		Watches(newObject("Credential"), handler.EnqueueRequestsFromMapFunc(r.usersOf)).
		WatchesRawSource(sharder.Source(manager.GetCache(), newList("Widget"))).
		WithOptions(controller.Options{NeedLeaderElection: &everyReplica}).
		Complete(sharder.Reconciler(r.whileOwned(sharder)))
}

// whileOwned returns r for widgets that may be lost while they are reconciled. OnLost does not wait for work under way. What that
// has noted since is reset when it ends, and the widget comes back no earlier.
func (r *Reconciler) whileOwned(sharder *shard.Sharder) reconcile.Func {
	return func(ctx context.Context, request ctrl.Request) (ctrl.Result, error) {
		defer func() {
			if !sharder.Owns(request.NamespacedName) {
				r.reset(request.NamespacedName)
			}
		}()
		return r.Reconcile(ctx, request)
	}
}

// leave resets what was learnt about the widgets in partitions that another replica gets now.
func (r *Reconciler) leave(partitions []int, sharder *shard.Sharder) {
	resetLost := func(widget types.NamespacedName) {
		if slices.Contains(partitions, sharder.Partition(widget)) {
			r.reset(widget)
		}
	}
	for widget := range r.health.All() {
		resetLost(widget)
	}
	for widget := range r.users.Owned() { // some may have gone, and no reconcile will find them gone here any more
		resetLost(widget)
	}
}

// reset forgets what was learnt about a widget. It may exist and come back, so that Forget would be wrong: it says that an object
// has gone.
func (r *Reconciler) reset(widget types.NamespacedName) {
	r.users.DropOwned(widget)
	if e, ok := r.health.LoadEntry(widget); ok {
		_, _ = r.health.Update(widget, e.UID, func(Health) (Health, error) { return Health{}, nil }) // cannot fail
	}
}

func newList(kind string) *unstructured.UnstructuredList {
	list := &unstructured.UnstructuredList{}
	list.SetGroupVersionKind(groupVersion.WithKind(kind + "List"))
	return list
}
