// Package shardmap provides concurrent maps for Go programs, Kubernetes operators first.
//
// # The maps
//
// [Map] is the one to reach for: a generic, faster sync.Map that splits its keys across shards. Loads take no lock,
// updates and deletes of a key that is there hardly ever, inserts lock one shard; and [Map.Snapshot] gives the content of
// the whole map at one instant, at a cost that does not depend on its size.
//
// [RWMap] is a Go map behind one RWMutex: the boring one. [AtomicMap] is an immutable Go map behind an atomic pointer,
// copied on every write, for configuration that is read all the time and hardly ever changes. All three have the method
// set of [ConcurrentMap], which contains that of sync.Map, so that one can be put in the place of another.
//
// [VersionedPtr] is an atomic pointer with a version, for algorithms that would suffer from ABA.
//
// # Coming from sync.Map
//
// Map[any, any] has the methods of sync.Map with the same signatures and the same meaning: change the type of the
// variable and keep the code. Then give it the types that keys and values really have, and drop the assertions.
//
// # Which keys and values
//
// Any comparable type is a key. Strings, integers, and structs and arrays of them – types.NamespacedName, say – are
// hashed fastest. Values of any type can be stored. Pointers, maps, channels and values of at most eight bytes without
// pointers are stored in place, so that updating them allocates nothing; others are copied to the heap once for each
// store.
//
// What the map holds is the value, not what it points to: a loaded pointer is shared by everybody who loads it, and
// modifying what it points to needs a lock of its own. Storing a modified copy instead needs none.
package shardmap
