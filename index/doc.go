// Package index provides a concurrent map with secondary indexes that are always in step with it.
//
// A [Map] is a concurrent map as [shardmap.Map] is. [Add] gives it an index: a function that says under which index keys
// an entry is to be found – the node of a pod, its namespace, each of its labels. An entry may have none or several, and
// index keys are of any comparable type.
//
//	var pods index.Map[NamespacedName, *Pod]
//	byNode := index.Add(&pods, "node", func(_ NamespacedName, p *Pod) []string { return []string{p.Node} })
//	byLabel := index.Add(&pods, "label", func(_ NamespacedName, p *Pod) []Label { return p.Labels })
//
//	pods.Store(NamespacedName{"default", "web"}, &Pod{Node: "node-1"})
//	for name, pod := range byNode.Get("node-1").All() { // all pods of the node, as of one instant
//		fmt.Println(name, pod, byLabel.Len(Label{"app", "web"}))
//	}
//
// [Owners] is the index that operators need most often, in both directions: owner to owned, owned to owners.
//
// # Guarantees
//
// A write changes the entry, and every index that has or had it, at one instant. In other words, the map with its indexes
// is linearizable as one object:
//
//   - an entry that is stored is found under each index key that it carries, and under no other, with the value that
//     Load returns at that instant;
//   - [Index.Get] shows all entries that carried the index key at one instant; its [Set] never changes after that;
//   - [Map.Snapshot] shows the map and all its indexes at one instant, whatever their size, in microseconds;
//   - readers take no lock and wait for nobody; Load and Get allocate nothing;
//   - no function of yours runs under a lock.
//
// What it costs is paid by the writers: for each index key that the entry carries before or after, about a microsecond and
// a few hundred bytes of garbage, growing with the logarithm of the number of entries that carry it. Writers of different
// keys get in each other's way where entries share an index key.
//
// # When not to use it
//
// If nothing is looked up but by key, use [shardmap.Map]: its writes are ten times faster and more. If writers are as
// frequent as readers, and readers can live with a scan of a [shardmap.Snapshot], try that first. If several entries
// have to change at one instant, nothing here but [Index.DeleteAll], [Map.Replace] and [Map.Clear] does that.
package index
