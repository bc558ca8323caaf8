package reconciler

import (
	"context"
	"slices"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	coordinationv1 "k8s.io/client-go/kubernetes/typed/coordination/v1"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/builder"
	"sigs.k8s.io/controller-runtime/pkg/controller"
	"sigs.k8s.io/controller-runtime/pkg/handler"

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
		WatchesRawSource(sharder.Source(manager.GetClient(), newList("Widget"))).
		WithOptions(controller.Options{NeedLeaderElection: &everyReplica}).
		Complete(sharder.Reconciler(r))
}

// leave resets what was learnt about widgets that another replica reconciles now. They exist and may come back, so that Forget
// would be wrong: it says that an object has gone.
func (r *Reconciler) leave(partitions []int, sharder *shard.Sharder) {
	for name := range r.health.All() {
		if !slices.Contains(partitions, sharder.Partition(name)) {
			continue
		}
		r.users.DropOwned(name)
		if e, ok := r.health.LoadEntry(name); ok {
			_, _ = r.health.Update(name, e.UID, func(Health) (Health, error) { return Health{}, nil }) // cannot fail
		}
	}
}

func newList(kind string) *unstructured.UnstructuredList {
	list := &unstructured.UnstructuredList{}
	list.SetGroupVersionKind(groupVersion.WithKind(kind + "List"))
	return list
}
