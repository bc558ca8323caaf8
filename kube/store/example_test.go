package store_test

import (
	"context"
	"fmt"
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/tools/cache"

	"github.com/shardmap-go/shardmap/kube/store"
)

func pod(name, version, node string) *corev1.Pod {
	return &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: name, ResourceVersion: version},
		Spec:       corev1.PodSpec{NodeName: node},
	}
}

func byNode(obj any) ([]string, error) { return []string{obj.(*corev1.Pod).Spec.NodeName}, nil }

func ExampleNew() {
	pods := store.New(cache.MetaNamespaceKeyFunc, cache.Indexers{"node": byNode})
	for _, p := range []*corev1.Pod{pod("web", "1", "node-1"), pod("db", "2", "node-2"), pod("mail", "3", "node-2")} {
		if err := pods.Add(p); err != nil {
			fmt.Println(err)
		}
	}
	keys, err := pods.IndexKeys("node", "node-2")
	fmt.Println(keys, err)
	_, there, _ := pods.GetByKey("default/web") // takes no lock
	fmt.Println(there, len(pods.List()))
	// Output:
	// [default/db default/mail] <nil>
	// true 3
}

func ExampleNewThreadSafeStore() {
	s := store.NewThreadSafeStore(cache.Indexers{"node": byNode})
	add := func(name, version string) cache.ThreadSafeStoreTransaction {
		txn := cache.Transaction{Type: cache.TransactionTypeAdd, Object: pod(name, version, "node-1")}
		return cache.ThreadSafeStoreTransaction{Key: name, Transaction: txn}
	}
	s.Transaction(add("web", "1"), add("db", "2"))
	keys, err := s.IndexKeys("node", "node-1")
	fmt.Println(keys, err, s.LastStoreSyncResourceVersion())
	// Output: [db web] <nil> 2
}

// fakeServer lists one pod and announces another. Any cache.ListerWatcher does instead, such as that of a clientset:
// cache.NewListWatchFromClient(clientset.CoreV1().RESTClient(), "pods", "default", fields.Everything()).
type fakeServer struct{ cache.ListWatch }

// IsWatchListSemanticsUnSupported makes reflectors list before they watch.
func (*fakeServer) IsWatchListSemanticsUnSupported() bool { return true }

func newFakeServer() *fakeServer {
	return &fakeServer{cache.ListWatch{
		ListWithContextFunc: func(context.Context, metav1.ListOptions) (runtime.Object, error) {
			list := &corev1.PodList{Items: []corev1.Pod{*pod("web", "4", "node-1")}}
			list.ResourceVersion = "5"
			return list, nil
		},
		WatchFuncWithContext: func(context.Context, metav1.ListOptions) (watch.Interface, error) {
			events := watch.NewFakeWithChanSize(2, false)
			events.Add(pod("db", "6", "node-2"))
			events.Modify(pod("web", "7", "node-2"))
			return events, nil
		},
	}}
}

// A reflector keeps a store in step with the API server; nothing else is needed to read from it.
func ExampleNew_reflector() {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	pods := store.New(cache.MetaNamespaceKeyFunc, cache.Indexers{"node": byNode})
	reflector := cache.NewReflectorWithOptions(newFakeServer(), &corev1.Pod{}, pods, cache.ReflectorOptions{})
	go reflector.RunWithContext(ctx)

	var keys []string
	err := wait.PollUntilContextCancel(ctx, time.Millisecond, true, func(context.Context) (done bool, err error) {
		keys, err = pods.IndexKeys("node", "node-2")
		return len(keys) == 2, err
	})
	fmt.Println(keys, err)
	// Output: [default/db default/web] <nil>
}

// A controller of one's own takes the events from a queue, brings the store up to date, and does what is to be done.
func ExampleNew_controller() {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	pods := store.New(cache.DeletionHandlingMetaNamespaceKeyFunc, cache.Indexers{"node": byNode})
	seen := make(chan string)
	controller := cache.New(&cache.Config{
		Queue: cache.NewRealFIFOWithOptions(cache.RealFIFOOptions{
			KeyFunction:  cache.MetaNamespaceKeyFunc,
			KnownObjects: pods, // so that the queue can tell what has been deleted
		}),
		ListerWatcher: newFakeServer(),
		ObjectType:    &corev1.Pod{},
		Process: func(obj any, _ bool) error {
			for _, delta := range obj.(cache.Deltas) {
				var err error
				if delta.Type == cache.Deleted {
					err = pods.Delete(delta.Object)
				} else {
					err = pods.Update(delta.Object)
				}
				if err != nil {
					return err
				}
				seen <- fmt.Sprint(delta.Type, " ", pods.ListKeys())
			}
			return nil
		},
	})
	go controller.RunWithContext(ctx)
	var events []string
	for range 3 {
		events = append(events, <-seen)
	}
	fmt.Println(events[0], len(events), slices.Sorted(slices.Values(pods.ListIndexFuncValues("node"))))
	// Output: Replaced [default/web] 3 [node-2]
}
