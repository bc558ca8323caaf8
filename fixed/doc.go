// Package fixed provides a concurrent map of fixed capacity that does not allocate once it is made.
//
// It is for paths on which memory must neither grow nor be garbage: a table of connections, sessions or rate limits
// whose size is a decision and not an outcome, per-packet state, callers that run under a memory limit. All slots are
// there from the beginning; when they are taken, [Map.Store] of a new key says [ErrFull] and nothing else happens:
//
//	sessions := fixed.New[ID, Session](10_000)
//	if err := sessions.Store(id, session); err != nil {
//		return err // fixed.ErrFull: refuse, or delete something first
//	}
//	session, ok := sessions.Load(id)
//	sessions.Delete(id) // the slot is free again, and what it held can be collected
//
// # Guarantees
//
//   - No operation allocates, however the keys are hashed and however full the map is. Large entries are the exception:
//     the two operations that compare values allocate if these are larger than 1 KB, and [Map.Range] if key and value
//     are larger than 4 KB.
//   - The capacity is that of the whole map: as many different keys as [New] was asked for always fit, however they are
//     hashed, and one more never does. ErrFull means that there was an instant during the call when all slots were
//     taken.
//   - Every operation on one key is linearizable, and so are Len and Clear.
//   - A deleted or replaced key or value is dropped at once: the map keeps nothing alive that cannot be loaded.
//
// Readers lock one shard for reading, writers one shard for writing; no function of the user's runs under a lock.
// Readers are not lock-free, as those of [github.com/shardmap-go/shardmap.Map] are: a slot is used again in place as
// soon as its entry is deleted, so that somebody has to keep a reader from seeing half of the old value and half of
// the new one. Lock-free readers need values that nobody overwrites, hence new memory for each write, hence a garbage
// collector.
//
// # When not
//
// If allocations are no problem, [github.com/shardmap-go/shardmap.Map] is faster, has snapshots, and grows. Where
// hardly anybody reads while others write, a Go map that was made with room, behind one lock, inserts and deletes
// faster still; it does not say when it is full, and promises not to allocate by habit only. A fixed map does not
// evict: it leaves the choice of the victim to those who know. Its memory is taken from the start, see [New], and slots
// that can hold pointers are looked at by each garbage collection.
package fixed
