package store_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/client-go/tools/cache"

	"github.com/shardmap-go/shardmap/kube/store"
)

// TestInformersHaveTheStore has handlers look into the store. Before an informer calls one, the store must have the object.
func TestInformersHaveTheStore(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	informer := store.NewInformer(newFakeServer(), &corev1.Pod{}, 0, cache.Indexers{"node": byNode})
	pods := informer.GetIndexer()
	want := fmt.Sprintf("%T", store.New(cache.MetaNamespaceKeyFunc, nil))
	if fmt.Sprintf("%T", pods) != want || informer.GetStore() != cache.Store(pods) {
		t.Fatalf("the informer has a %T", pods)
	}
	if err := informer.AddIndexers(cache.Indexers{cache.NamespaceIndex: cache.MetaNamespaceIndexFunc}); err != nil {
		t.Fatal(err)
	}
	if err := informer.SetTransform(func(obj any) (any, error) {
		obj.(*corev1.Pod).Labels = map[string]string{"transformed": "yes"}
		return obj, nil
	}); err != nil {
		t.Fatal(err)
	}
	seen := make(chan string, 10)
	check := func(obj any) {
		p := obj.(*corev1.Pod)
		got, ok, err := pods.Get(p)
		if !ok || err != nil || got.(*corev1.Pod).Labels["transformed"] != "yes" {
			t.Errorf("the store has no %s: %v, %v", p.Name, got, err)
		}
		seen <- p.Name + p.ResourceVersion
	}
	registration, err := informer.AddEventHandler(cache.ResourceEventHandlerFuncs{
		AddFunc:    check,
		UpdateFunc: func(_, obj any) { check(obj) },
	})
	if err != nil {
		t.Fatal(err)
	}
	go informer.RunWithContext(ctx)
	if !cache.WaitForCacheSync(ctx.Done(), informer.HasSynced, registration.HasSynced) {
		t.Fatal("the informer has not synced")
	}
	events := []string{<-seen, <-seen, <-seen}
	if got := strings.Join(events, " "); got != "web4 db6 web7" {
		t.Errorf("the events are %s", got)
	}
	byNode, err := pods.ByIndex("node", "node-2")
	if inNamespace, _ := pods.ByIndex(cache.NamespaceIndex, "default"); len(byNode) != 2 || len(inNamespace) != 2 || err != nil {
		t.Errorf("the indexes show %v and %v: %v", byNode, inNamespace, err)
	}
	if got := pods.LastStoreSyncResourceVersion(); got != "7" {
		t.Errorf("the resource version of the store is %q", got)
	}
}

func ExampleNewInformer() {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	informer := store.NewInformer(newFakeServer(), &corev1.Pod{}, 0, cache.Indexers{"node": byNode})
	events := make(chan string)
	_, err := informer.AddEventHandler(cache.ResourceEventHandlerFuncs{
		AddFunc: func(obj any) { events <- obj.(*corev1.Pod).Name },
	})
	if err != nil {
		fmt.Println(err)
	}
	go informer.RunWithContext(ctx)
	fmt.Println(<-events, <-events)
	// Output: web db
}
