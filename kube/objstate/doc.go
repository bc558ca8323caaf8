// Package objstate keeps state for Kubernetes objects that lives and dies with its object.
//
// Controllers remember things about objects: what they have seen, when they last failed, what an external system
// answered. Kept in a plain map by name, such state outlives its object, is inherited by the next object of that
// name, comes back with an event that is delivered late, or is overwritten by one that is out of date. A [Map] ties
// the state to the object's incarnation, its UID, and orders what it is told by resourceVersion:
//
//	var pods objstate.Map[PodState] // for the objects of one resource of one cluster
//	binding, err := pods.BindInformer(informer) // the state goes when the informer says that the object has gone
//	defer binding.Unbind()
//
//	took, err := pods.Observe(pod, func(s PodState, ok bool) (PodState, error) {
//		s.Ready = isReady(pod) // s is zero if pod is a new object, whatever its name
//		return s, nil
//	})
//	state, ok := pods.Load(types.NamespacedName{Namespace: "default", Name: "web"})
//	for name, state := range pods.ByOwner(replicaSet.UID) { … } // all that it owns, at one instant
//
// # Guarantees
//
// For each name, whatever the order in which observations and deletions arrive, and however often:
//
//   - An observation of an older resourceVersion than the newest known one is ignored. One of the same version is not:
//     the function runs again, as it does for resyncs and retries, so it should make the state from the object
//     and the state before, and not count its calls. What was learned apart from a new version goes in by [Map.Update].
//   - An object with a new UID and a newer version starts from nothing.
//   - What is gone stays gone: [Map.Delete] and [Map.Forget] leave a tombstone for the UID, so that an add that was
//     overtaken by its own deletion does not bring the state back. UIDs are never used again, so this holds for any
//     version of the object. Tombstones are bounded, see [WithTombstones]; an event that is later than that bound
//     allows is taken, and stays until the next event or [Map.Prune].
//   - If the function fails, panics or calls [runtime.Goexit], nothing has changed.
//
// The map and its index of owners are linearizable as one object, as an [index.Map] is, on which this is built. Load
// takes no lock, and no function of yours runs under one. resourceVersions are compared by apimachinery's own function;
// those that it does not accept are refused with an error.
//
// # When not to use it
//
// To read your own writes from the cache of a controller-runtime manager, do not observe them into a map: the manager
// does that (CacheOptions.EnableReadYourWritesConsistency), and then the objects come from the cache, whole. This
// package is for what is not in the object. State that must survive a restart belongs into the object's status. And
// state that a single goroutine keeps, such as a queue's, needs no concurrent map.
//
// A Map is for one resource: versions of different resources cannot be compared, and names of different resources
// may be equal. Owners may be of any resource, since they are found by UID.
package objstate
