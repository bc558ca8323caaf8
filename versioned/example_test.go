package versioned_test

import (
	"fmt"

	"github.com/shardmap-go/shardmap/versioned"
)

// Events that arrive in the wrong order.
func ExampleMap() {
	pods := versioned.NewFunc[string, string](versioned.CompareDecimal)
	fmt.Println(pods.Observe("web", "102", "Running"))
	fmt.Println(pods.Observe("web", "99", "Pending")) // late
	fmt.Println(pods.Load("web"))

	fmt.Println(pods.DeleteAt("job", "110")) // before its add
	fmt.Println(pods.Observe("job", "108", "Running"))
	fmt.Println(pods.Load("job"))
	fmt.Println(pods.Len(), pods.Tombstones())
	// Output:
	// true
	// false
	// Running true
	// true
	// false
	//  false
	// 1 1
}

// A worker deletes what it has worked on, and not what came in meanwhile.
func ExampleMap_CompareAndDelete() {
	work := versioned.New[string, string, uint64]()
	work.Observe("cert", 1, "issue")
	task, version, _ := work.LoadVersion("cert")

	work.Observe("cert", 2, "renew") // while the worker works
	fmt.Println(task, "is done; deleted:", work.CompareAndDelete("cert", version))
	fmt.Println(work.Load("cert"))
	// Output:
	// issue is done; deleted: false
	// renew true
}

// A value that is made of the one before, which a late event does not disturb.
func ExampleMap_ObserveFunc() {
	restarts := versioned.New[string, int, int64]()
	count := func(old int, _ bool) int { return old + 1 }
	fmt.Println(restarts.ObserveFunc("pod", 1, count))
	fmt.Println(restarts.ObserveFunc("pod", 2, count))
	fmt.Println(restarts.ObserveFunc("pod", 2, count)) // delivered twice
	fmt.Println(restarts.Load("pod"))
	// Output:
	// true
	// true
	// false
	// 2 true
}

// What changed between two instants. Tombstones are no changes.
func ExampleSnapshot() {
	pods := versioned.New[string, string, int]()
	pods.Observe("web", 1, "Pending")
	before := pods.Snapshot()
	pods.Observe("web", 2, "Running")
	pods.DeleteAt("job", 3)
	for key, change := range pods.Snapshot().Diff(before) {
		fmt.Println(key, change.Kind, change.Old, change.New)
	}
	// Output:
	// web updated Pending Running
}

// Nobody has to remember that "9" comes before "10".
func ExampleCompareDecimal() {
	fmt.Println(versioned.CompareDecimal("9", "10"), versioned.CompareDecimal("10", "10"), versioned.CompareDecimal("", "9"))
	// Output:
	// -1 0 -1
}
