package shard_test

import (
	"context"
	"fmt"
	"strings"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/kubernetes/fake"
	"k8s.io/client-go/util/workqueue"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/shardmap-go/shardmap/kube/shard"
)

// A replica that is alone owns everything, and when it leaves, nothing is left of it. More than one would need an API
// server: see New.
func ExampleSharder() {
	leases := fake.NewClientset().CoordinationV1().Leases("operators")
	gained := make(chan int)
	sharder, err := shard.New(leases, shard.Options{
		Group: "widgets", Identity: "widgets-0",
		OnGained: func(partitions []int) { gained <- len(partitions) },
		OnLost:   func(partitions []int) { fmt.Println("lost", len(partitions)) },
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	ctx, leave := context.WithCancel(context.Background())
	left := make(chan error)
	go func() { left <- sharder.Run(ctx) }()
	fmt.Println("gained", <-gained)

	web := types.NamespacedName{Namespace: "default", Name: "web"}
	fmt.Println("owned:", sharder.Owns(web), "in partition", sharder.Partition(web))
	err = sharder.Do(ctx, web, func(context.Context) error {
		fmt.Println("working on", web)
		return nil
	})
	fmt.Println(err)

	leave()
	fmt.Println(<-left)
	fmt.Println(sharder.Do(ctx, web, nil))
	list, err := leases.List(context.Background(), metav1.ListOptions{})
	fmt.Println(len(list.Items), "leases", err)
	// Output:
	// gained 128
	// owned: true in partition 39
	// working on default/web
	// <nil>
	// lost 128
	// <nil>
	// shard: the key belongs to another replica
	// 0 leases <nil>
}

// What a controller is made of: a predicate for its events, a source of what is gained, and a reconciler that counts
// its work.
func ExampleSharder_Source() {
	leases := fake.NewClientset().CoordinationV1().Leases("operators")
	sharder, err := shard.New(leases, shard.Options{Group: "configmaps", Identity: "operator-0"})
	if err != nil {
		fmt.Println(err)
		return
	}
	ctx, stop := context.WithCancel(context.Background())
	defer stop()

	// In a manager these lines are in the builder, as in the package comment, and the controller runs the rest.
	queue := workqueue.NewTypedRateLimitingQueue(workqueue.DefaultTypedControllerRateLimiter[reconcile.Request]())
	gained := sharder.Source(cacheOf("default/web"), &corev1.ConfigMapList{})
	reconciler := sharder.Reconciler(reconcile.Func(
		func(_ context.Context, req reconcile.Request) (reconcile.Result, error) {
			fmt.Println("reconciling", req)
			return reconcile.Result{}, nil
		}))

	if err := gained.Start(ctx, queue); err != nil {
		fmt.Println(err)
	}
	go func() { _ = sharder.Start(ctx) }() // mgr.Add(sharder)
	req, _ := queue.Get()
	fmt.Println(reconciler.Reconcile(ctx, req))
	// Output:
	// reconciling default/web
	// {false 0s <nil>} <nil>
}

// cache stands for the manager's cache.
type cache struct {
	client.Reader
	items []corev1.ConfigMap
}

func (c cache) List(_ context.Context, list client.ObjectList, _ ...client.ListOption) error {
	list.(*corev1.ConfigMapList).Items = c.items
	return nil
}

func cacheOf(key string) cache {
	namespace, name, _ := strings.Cut(key, "/")
	return cache{items: []corev1.ConfigMap{{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name}}}}
}

// Bad options are named.
func ExampleOptions() {
	leases := fake.NewClientset().CoordinationV1().Leases("operators")
	_, err := shard.New(leases, shard.Options{Group: "widgets", Partitions: 1000})
	fmt.Println(err)
	// Output: shard: Partitions 1000: want 1 to 256
}
