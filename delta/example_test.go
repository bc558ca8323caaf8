package delta_test

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/shardmap-go/shardmap/delta"
)

// print shows a delta with its changes in the order of their keys.
func print(d delta.Delta[string, string]) {
	fmt.Println(&d)
	changes := slices.SortedFunc(slices.Values(d.Changes), func(a, b delta.Change[string, string]) int {
		return strings.Compare(a.Key, b.Key)
	})
	for _, c := range changes {
		fmt.Printf("  %s %s: %q -> %q\n", c.Kind, c.Key, c.Old, c.New)
	}
}

func ExampleSet() {
	var clusters delta.Set[string, string]
	clusters.Store("users", "10.0.0.1")
	seen := clusters.Store("carts", "10.0.0.2")

	clusters.Store("users", "10.0.0.9")
	clusters.Store("canary", "10.0.0.3") // comes and goes: no net change
	clusters.Delete("canary")
	clusters.Delete("carts")

	print(clusters.Since(seen))
	// Output:
	// delta 2 to 6: 2 changes
	//   removed carts: "10.0.0.2" -> ""
	//   updated users: "10.0.0.1" -> "10.0.0.9"
}

// A client that is told what is new, and says what it has.
func ExampleSubscriber() {
	clusters := delta.New[string, string](delta.WithEqual(func(a, b string) bool { return a == b }))
	clusters.Store("users", "10.0.0.1")

	ctx := context.Background()
	subscriber := clusters.Subscribe(ctx, 0)
	defer subscriber.Close()
	for i := range 2 {
		d, err := subscriber.Next(ctx)
		if err != nil {
			fmt.Println(err)
			return
		}
		print(d)
		if err := subscriber.Ack(d.To); err != nil { // when the client has said so
			fmt.Println(err)
		}
		clusters.Store("users", "10.0.0.1") // equal to what is there: no change
		clusters.Store("carts", fmt.Sprint("10.0.1.", i))
	}
	// Output:
	// delta 0 to 1: 1 changes
	//   added users: "" -> "10.0.0.1"
	// delta 1 to 2: 1 changes
	//   added carts: "" -> "10.0.1.0"
}

// A client that comes back with a revision that is too old gets the whole state.
func ExampleDelta() {
	clusters := delta.New[string, int](delta.WithHistory(0, 2)) // at most two changes
	have := map[string]int{}
	for i := range 5 {
		clusters.Store("weight", i)
	}
	d := clusters.Since(1)
	d.Apply(have)
	fmt.Println(&d, have)
	// Output: resync to 5: 1 entries map[weight:4]
}

// Several edits that nobody sees one without the other.
func ExampleBatch() {
	var weights delta.Set[string, int]
	weights.Store("blue", 100)

	var shift delta.Batch[string, int]
	shift.Store("blue", 90)
	shift.Store("green", 10)
	revision := weights.Update(&shift)

	content, at := weights.Snapshot()
	fmt.Println(revision, at, content)
	// Output: 2 2 shardmap.Snapshot[blue:90 green:10]
}
