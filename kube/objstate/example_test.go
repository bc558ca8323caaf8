package objstate_test

import (
	"context"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/tools/cache"

	"github.com/shardmap-go/shardmap/kube/objstate"
)

// What is known of an object goes with it, and does not come back.
func ExampleMap() {
	var failures objstate.Map[int]
	count := func(n int, _ bool) (int, error) { return n + 1, nil }
	web := types.NamespacedName{Namespace: "default", Name: "web"}

	fmt.Println(failures.Observe(pod("web", "uid-1", "9"), count))
	fmt.Println(failures.Observe(pod("web", "uid-1", "10"), count))
	fmt.Println(failures.Observe(pod("web", "uid-1", "9"), count)) // late
	fmt.Println(failures.Load(web))

	fmt.Println(failures.Delete(pod("web", "uid-1", "11")))
	fmt.Println(failures.Observe(pod("web", "uid-1", "10"), count)) // very late
	fmt.Println(failures.Observe(pod("web", "uid-2", "12"), count)) // another object of that name
	fmt.Println(failures.Load(web))
	// Output:
	// true <nil>
	// true <nil>
	// false <nil>
	// 2 true
	// true <nil>
	// false <nil>
	// true <nil>
	// 1 true
}

// A reconciler that ends after its object does not write into the next one's state.
func ExampleMap_Update() {
	var states objstate.Map[string]
	set := func(s string) func(string, bool) (string, error) {
		return func(string, bool) (string, error) { return s, nil }
	}
	done := func(string) (string, error) { return "done", nil }
	states.Observe(pod("job", "uid-1", "1"), set("running"))
	states.Observe(pod("job", "uid-2", "5"), set("pending")) // deleted and created again meanwhile

	fmt.Println(states.Update(types.NamespacedName{Namespace: "default", Name: "job"}, "uid-1", done))
	fmt.Println(states.LoadEntry(types.NamespacedName{Namespace: "default", Name: "job"}))
	// Output:
	// false <nil>
	// {uid-2 5 pending} true
}

// All objects that an owner has, without a second map to keep in step.
func ExampleMap_ByOwner() {
	var ready objstate.Map[bool]
	set := func(s bool) func(bool, bool) (bool, error) {
		return func(bool, bool) (bool, error) { return s, nil }
	}
	ready.Observe(pod("web-0", "uid-0", "1", "replica-set"), set(true))
	ready.Observe(pod("web-1", "uid-1", "2", "replica-set"), set(false))
	ready.Observe(pod("db-0", "uid-2", "3", "stateful-set"), set(true))

	pods, unready := 0, 0
	for _, isReady := range ready.ByOwner("replica-set") {
		pods++
		if !isReady {
			unready++
		}
	}
	fmt.Println(pods, "pods,", unready, "not ready")
	// Output: 2 pods, 1 not ready
}

// A sweep at the start of a program, or now and then, drops the state of what was deleted unnoticed.
func ExampleMap_Prune() {
	var states objstate.Map[int]
	set := func(int, bool) (int, error) { return 1, nil }
	states.Observe(pod("old", "uid-1", "5"), set)
	states.Observe(pod("kept", "uid-2", "6"), set)
	states.Observe(pod("new", "uid-3", "12"), set) // created after the list below

	list := func(context.Context, metav1.ListOptions) (*corev1.PodList, error) { // clientset.CoreV1().Pods("").List
		return &corev1.PodList{ListMeta: metav1.ListMeta{ResourceVersion: "10"}, Items: []corev1.Pod{*pod("kept", "uid-2", "6")}}, nil
	}
	fmt.Println(states.Prune(context.Background(), objstate.ListAll(list)))
	fmt.Println(states.Len())
	// Output:
	// 1 <nil>
	// 2
}

// With an informer nobody has to remember to drop anything.
func ExampleBinding() {
	var states objstate.Map[int]
	informer := cache.NewSharedInformer(&cache.ListWatch{}, &corev1.Pod{}, 0) // factory.Core().V1().Pods().Informer()
	binding, err := states.BindInformer(informer)
	fmt.Println(err)
	fmt.Println(binding.Unbind())
	// Output:
	// <nil>
	// <nil>
}

// A view of all states at one instant.
func ExampleSnapshot() {
	var states objstate.Map[string]
	web := types.NamespacedName{Namespace: "default", Name: "web"}
	states.Observe(pod("web", "uid-1", "1"), func(string, bool) (string, error) { return "pending", nil })
	then := states.Snapshot()
	states.Observe(pod("web", "uid-1", "2"), func(string, bool) (string, error) { return "running", nil })
	fmt.Println(then.Load(web))
	fmt.Println(states.Load(web))
	// Output:
	// pending true
	// running true
}
