package reconciler

import (
	"context"
	"fmt"
	"testing"
	"time"

	"k8s.io/client-go/kubernetes"
	ctrl "sigs.k8s.io/controller-runtime"

	"github.com/shardmap-go/shardmap/kube/kubetest"
	"github.com/shardmap-go/shardmap/kube/shard"
)

func TestReplicasShareTheWidgetsAndNoneIsForgotten(t *testing.T) {
	ctx, server := startServer(t)
	leases := kubetest.NewCRD("coordination.k8s.io", "v1", "Lease", "leases")
	leases.Annotations = map[string]string{"api-approved.kubernetes.io": "unapproved, for a test"}
	check(t, server.InstallCRD(ctx, leases))
	clients, err := kubernetes.NewForConfig(server.Config())
	check(t, err)
	join := func(identity string) replica {
		options := shard.Options{Group: "widgets", Identity: identity, LeaseDuration: 4 * time.Second}
		return startReplica(ctx, t, server, func(r *Reconciler, ctx context.Context, manager ctrl.Manager) error {
			return r.SetupShardWithManager(ctx, manager, clients.CoordinationV1().Leases("default"), options)
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
		for name := range second.world.seen.Keys() {
			if h, _ := first.health.Load(named(name)); h != (Health{}) {
				return false
			}
		}
		return true
	})

	second.stop()
	await(ctx, t, "all widgets at the first replica again", func() bool { return first.users.Len() == widgets })
}
