// Package versioned provides a concurrent map whose writes know their version: what arrives late does no harm.
//
// State that is fed by events – from watches, several informers, retries, timers – is wrong as soon as two events
// change places: an old update overwrites a newer one, an add that comes after its delete brings back what is gone,
// and a worker that deletes what it has worked on deletes what came in meanwhile. A [Map] compares versions instead
// of trusting in the order of arrival:
//
//	nodes := versioned.NewFunc[string, *Node](versioned.CompareDecimal) // resourceVersions
//	onUpdate := func(n *Node) { nodes.Observe(n.Name, n.ResourceVersion, n) }
//	onDelete := func(n *Node) { nodes.DeleteAt(n.Name, n.ResourceVersion) }
//	node, ok := nodes.Load("node-7") // the newest that was observed, in whatever order
//
//	work := versioned.New[string, Item, uint64]()
//	item, version, ok := work.LoadVersion(key)
//	process(item)
//	work.CompareAndDelete(key, version) // not if a newer one came in meanwhile
//
// # Guarantees
//
// For each key, whatever the order and the number of times in which they arrive, a set of observations and deletions
// leaves the same result: that of the newest version, and of a deletion if that and an observation have the same
// version. To know a late observation, a deleted key is remembered by a tombstone – its key and the version at which
// it was deleted, but not its value. Tombstones are bounded, see [WithTombstones] and [WithTombstoneAge]. When one
// has been forgotten, the key is like one that never was: an observation from before its deletion is then taken, and
// stays until a newer event for the key or a resync removes it. The bound has to be larger than the number of
// deletions that the latest event can be behind.
//
// Operations on one key are linearizable, as those of [shardmap.Map] are, on which this is built: Load takes no lock
// and allocates nothing, and callbacks run under no lock.
//
// # Which versions
//
// Kubernetes compares resourceVersions as decimal numerals of any length; [CompareDecimal] does the same. They are of
// one resource in one cluster, and go on rising when an object is deleted and created again under its name. What
// [CompareDecimal] takes for a malformed version is older than any other; programs that import
// k8s.io/apimachinery/pkg/util/resourceversion can have its function reject them at the door. A timer, a queue or a
// cache of one process takes its versions from a counter. Versions that are compared as text ("10" < "9") are the
// trap that [New] does not let you walk into: it takes integers only.
//
// # Incarnations
//
// Some versions begin anew when an object is created again: metadata.generation does, and so does a count of its own
// that a controller keeps in an object's status. Then the version alone does not tell the new object from the old
// one, but the UID does. Make it part of the key:
//
//	type id struct {
//		types.NamespacedName
//		UID types.UID
//	}
//
// Each incarnation then has its own line of versions and its own tombstone: a new object inherits nothing, and late
// events of the old one meet its tombstone and never the new object. What a reconciler is given is a name; the object
// that it gets by that name tells the UID.
//
// # When not
//
// Where one goroutine gets all events of a key in order, as the handlers of one informer do, a [shardmap.Map] will
// do. So it will where the source has no versions: a time of arrival is not one.
package versioned
