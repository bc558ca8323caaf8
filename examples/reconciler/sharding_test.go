package reconciler

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/kubernetes"
	coordinationv1 "k8s.io/client-go/kubernetes/typed/coordination/v1"
	"k8s.io/client-go/rest"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/shardmap-go/shardmap/kube/kubetest"
	"github.com/shardmap-go/shardmap/kube/shard"
)

// startLeases starts an API server that knows Leases, which are custom resources here.
func startLeases(t *testing.T) (context.Context, *kubetest.Server, coordinationv1.LeaseInterface) {
	t.Helper()
	ctx, server := startServer(t)
	crd := kubetest.NewCRD("coordination.k8s.io", "v1", "Lease", "leases")
	crd.Annotations = map[string]string{"api-approved.kubernetes.io": "unapproved, for a test"}
	check(t, server.InstallCRD(ctx, crd))
	return ctx, server, leasesAt(t, server.Config())
}

func leasesAt(t *testing.T, config *rest.Config) coordinationv1.LeaseInterface {
	t.Helper()
	clients, err := kubernetes.NewForConfig(config)
	check(t, err)
	return clients.CoordinationV1().Leases("default")
}

func TestReplicasShareTheWidgetsAndNoneIsForgotten(t *testing.T) {
	ctx, server, leases := startLeases(t)
	join := func(identity string) replica {
		options := shard.Options{Group: "widgets", Identity: identity, LeaseDuration: 4 * time.Second}
		return startReplica(ctx, t, server, func(r *Reconciler, ctx context.Context, manager ctrl.Manager) error {
			return r.SetupShardWithManager(ctx, manager, leases, options)
		})
	}

	first := join("replica-1")
	const widgets = 60
	check(t, first.Client.Create(ctx, credential("c", "1")))
	for i := range widgets {
		check(t, first.Client.Create(ctx, widget(fmt.Sprint("w", i), "c")))
	}
	await(ctx, t, "all widgets at the first replica", func() bool { return first.world.seen.Len() == widgets })

	second := join("replica-2")
	await(ctx, t, "some widgets at the second replica, and nothing that the first has learnt about them", func() bool {
		if second.users.Len() == 0 || first.users.Len()+second.users.Len() != widgets {
			return false
		}
		for name := range second.users.Owned() {
			if h, _ := first.health.Load(name); h != (Health{}) {
				return false
			}
		}
		return true
	})

	second.stop()
	await(ctx, t, "all widgets at the first replica again", func() bool { return first.users.Len() == widgets })
}

// The first probe ends after the replica has lost everything, and after OnLost.
func TestWorkThatOutlivesOnLostLeavesNothingBehind(t *testing.T) {
	ctx, server, leases := startLeases(t)
	var probes atomic.Int64
	lost, again := make(chan struct{}), make(chan Health, 1)
	r := startReplica(ctx, t, server, func(r *Reconciler, ctx context.Context, manager ctrl.Manager) error {
		r.Probe = func(working context.Context, _ string, _ client.Object) error {
			switch probes.Add(1) {
			case 1:
				<-working.Done()
				select {
				case <-lost:
				case <-ctx.Done():
				}
				return errors.New("down")
			case 2:
				h, _ := r.health.Load(named("a"))
				again <- h
			}
			return nil
		}
		options := shard.Options{Group: "widgets", Identity: "replica", LeaseDuration: 4 * time.Second}
		return r.SetupShardWithManager(ctx, manager, leases, options)
	})
	check(t, r.Client.Create(ctx, credential("c", "1")))
	check(t, r.Client.Create(ctx, widget("a", "c")))
	await(ctx, t, "a probe", func() bool { return probes.Load() == 1 })
	check(t, leases.DeleteCollection(ctx, metav1.DeleteOptions{}, metav1.ListOptions{}))
	await(ctx, t, "OnLost", func() bool { return r.users.Len() == 0 })
	close(lost)
	select {
	case h := <-again:
		if h != (Health{}) {
			t.Errorf("when the replica has the widget again, it remembers %v", h)
		}
	case <-ctx.Done():
		t.Error("the widget is not reconciled again")
	}
}

func TestLeavingResetsWidgetsThatHaveGoneToo(t *testing.T) {
	sharder, err := shard.New(leasesAt(t, &rest.Config{}), shard.Options{Group: "widgets", Identity: "replica"})
	check(t, err)
	var r Reconciler
	c, lost, kept := named("c"), named("lost"), named("kept")
	if sharder.Partition(lost) == sharder.Partition(kept) {
		t.Fatal("the test needs widgets of two partitions")
	}
	for _, name := range []types.NamespacedName{lost, kept} {
		r.users.Link(c, name)
	}
	r.leave([]int{sharder.Partition(lost)}, sharder)
	if r.users.Linked(c, lost) || !r.users.Linked(c, kept) {
		t.Errorf("the users of the credential are %v", slices.Collect(r.users.OwnedBy(c)))
	}
}
