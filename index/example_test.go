package index_test

import (
	"fmt"
	"maps"
	"slices"

	"github.com/shardmap-go/shardmap/index"
)

type Pod struct {
	Node   string
	Labels []string
}

func byNode(_ string, p Pod) []string  { return []string{p.Node} }
func byLabel(_ string, p Pod) []string { return p.Labels }

func ExampleMap() {
	var pods index.Map[string, Pod]
	node := index.Add(&pods, "node", byNode)
	label := index.Add(&pods, "label", byLabel)

	pods.Store("default/web", Pod{"node-1", []string{"app=web", "tier=front"}})
	pods.Store("default/db", Pod{"node-1", []string{"app=db"}})
	fmt.Println(slices.Sorted(node.Get("node-1").Keys()), label.Len("app=web"))

	pods.Store("default/web", Pod{"node-2", nil}) // moves in both indexes and the map at one instant
	fmt.Println(slices.Sorted(node.Get("node-1").Keys()), label.Len("app=web"))
	// Output:
	// [default/db default/web] 1
	// [default/db] 0
}

func ExampleAdd() {
	var pods index.Map[string, Pod]
	pods.Store("default/web", Pod{Node: "node-1"})
	node := index.Add(&pods, "node", byNode) // indexes what is there, while others may write
	fmt.Println(pods.Indexes(), node.Len("node-1"))
	node.Drop()
	fmt.Println(pods.Indexes())
	// Output:
	// [node] 1
	// []
}

func ExampleIndex() {
	var pods index.Map[string, Pod]
	node := index.Add(&pods, "node", byNode)
	pods.Store("default/web", Pod{Node: "node-1"})
	pods.Store("default/db", Pod{Node: "node-1"})
	pods.Store("default/cache", Pod{Node: "node-2"})

	gone := node.DeleteAll("node-1") // the node went away, and all its pods at one instant
	fmt.Println(gone.Len(), pods.Len(), slices.Collect(node.Keys()))
	// Output: 2 1 [node-2]
}

func ExampleSet() {
	var pods index.Map[string, Pod]
	node := index.Add(&pods, "node", byNode)
	pods.Store("default/web", Pod{Node: "node-1"})
	set := node.Get("node-1")
	pods.Clear()
	_, ok := set.Load("default/web") // a set is of one instant, and does not change
	fmt.Println(set.Len(), ok, node.Get("node-1").Len())
	// Output: 1 true 0
}

func ExampleSnapshot() {
	var pods index.Map[string, Pod]
	node := index.Add(&pods, "node", byNode)
	pods.Store("default/web", Pod{Node: "node-1"})

	before := pods.Snapshot() // the map and its indexes
	pods.Store("default/web", Pod{Node: "node-2"})
	for name, change := range pods.Snapshot().Diff(before) {
		fmt.Println(name, change.Kind, change.Old.Node, change.New.Node)
	}
	fmt.Println(node.At(before).Len("node-1"), node.Len("node-1"))
	// Output:
	// default/web updated node-1 node-2
	// 1 0
}

func ExampleView() {
	var pods index.Map[string, Pod]
	label := index.Add(&pods, "label", byLabel)
	pods.Store("default/web", Pod{Labels: []string{"app=web", "tier=front"}})
	pods.Store("default/shop", Pod{Labels: []string{"app=shop", "tier=front"}})

	count := map[string]int{} // for a metric: all of one instant
	for l, set := range label.At(pods.Snapshot()).All() {
		count[l] = set.Len()
	}
	for _, l := range slices.Sorted(maps.Keys(count)) {
		fmt.Println(l, count[l])
	}
	// Output:
	// app=shop 1
	// app=web 1
	// tier=front 2
}

func ExampleOwners() {
	var owners index.Owners[string, string] // owner → owned, both ways
	owners.Link("deployment/web", "replicaset/web-1")
	owners.Link("deployment/web", "replicaset/web-2")
	owners.Link("hpa/web", "replicaset/web-2")

	fmt.Println(slices.Sorted(owners.OwnedBy("deployment/web")))
	fmt.Println(slices.Sorted(owners.OwnersOf("replicaset/web-2")))
	dropped := owners.DropOwner("deployment/web")
	fmt.Println(len(dropped), owners.Len(), slices.Collect(owners.Owned()))
	// Output:
	// [replicaset/web-1 replicaset/web-2]
	// [deployment/web hpa/web]
	// 2 1 [replicaset/web-2]
}
