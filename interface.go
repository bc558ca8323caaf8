package shardmap

import (
	"fmt"
	"iter"
)

// ConcurrentMap is the method set that [Map], [RWMap] and [AtomicMap] share: the ten methods of
// [sync.Map], generic, and seven more. Use it where code should not care which of them it is
// given, and to run one test over all of them. What the methods promise is said here once; what
// they lock, allocate and cost differs from type to type and is said there.
//
// # Use
//
// A map is safe for use by any number of goroutines. Its zero value is empty and ready to use. It
// must not be copied after first use; go vet reports copies. Calling a method on a nil pointer
// panics, as for a nil *sync.Map.
//
// # Consistency
//
// Every method that takes a key is linearizable: it takes effect at one instant between its call
// and its return, and all goroutines agree on the order. Len, Range, All, Keys, Values, Clear and
// DeleteFunc concern many keys; each says what it promises.
//
// In the terminology of [the Go memory model], a write operation “synchronizes before” any read
// operation that observes the effect of the write, where
//
//   - Load, LoadOrStore, LoadAndDelete, Swap, CompareAndSwap, CompareAndDelete, Compute,
//     LoadOrCompute and, for each entry that they show, Range, All, Keys, Values and DeleteFunc
//     are read operations;
//   - Store, Delete, LoadAndDelete, Swap and Clear are write operations;
//   - LoadOrStore is a write operation when it returns loaded set to false, CompareAndSwap when
//     it returns swapped set to true, CompareAndDelete when it returns deleted set to true,
//     Compute when its callback chose [Set] or [Remove], LoadOrCompute when it returns a nil error
//     and loaded set to false, and DeleteFunc for each entry that it deletes.
//
// # Presence
//
// Whether a key is present is told by the boolean result and by nothing else. A nil pointer, a nil
// interface and any other zero value are values like all others once stored.
//
// # Callbacks
//
// No lock is held while a callback runs. The callbacks of Range, All, Keys, Values, DeleteFunc,
// Compute and LoadOrCompute may call any method of the map, stop early where their result allows
// it, panic, or call [runtime.Goexit]; the map stays usable and no entry is left half-changed. The
// one exception is said at LoadOrCompute: waiting for oneself.
//
// # Keys
//
// Keys are compared with ==, as in a Go map. A key that is not equal to itself, such as a NaN, is
// stored anew by every Store, found by no Load, shown by Range, and removed by DeleteFunc and
// Clear. If K is an interface type, a key whose dynamic type is not comparable panics, as it does
// in a Go map; the map is not changed and no lock stays held.
//
// [the Go memory model]: https://go.dev/ref/mem
type ConcurrentMap[K comparable, V any] interface {
	// Load returns the value stored for key. The ok result tells whether key is present; if it is
	// not, value is the zero value.
	Load(key K) (value V, ok bool)

	// Store sets the value for key.
	Store(key K, value V)

	// LoadOrStore returns the value stored for key if it is present. Otherwise it stores and
	// returns value. The loaded result is true if the value was loaded, false if it was stored.
	LoadOrStore(key K, value V) (actual V, loaded bool)

	// LoadAndDelete deletes the entry for key and returns the value that it had. The loaded result
	// tells whether key was present.
	LoadAndDelete(key K) (value V, loaded bool)

	// Delete deletes the entry for key. If key is not present it does nothing.
	Delete(key K)

	// Swap sets the value for key and returns the value that it replaced. The loaded result tells
	// whether key was present.
	Swap(key K, value V) (previous V, loaded bool)

	// CompareAndSwap sets the value for key to new if key is present and its value is equal to
	// old.
	//
	// Values are compared with ==, interfaces by dynamic type and value. CompareAndSwap panics if
	// old is not comparable: if V is a slice, map or function type or has one inside, or if V is or
	// has inside an interface that holds such a value. It does so before it looks at the map,
	// whether or not key is present.
	CompareAndSwap(key K, old, new V) (swapped bool)

	// CompareAndDelete deletes the entry for key if key is present and its value is equal to old.
	// An absent key is never deleted, whatever old is. Values are compared, and panics happen, as
	// for CompareAndSwap.
	CompareAndDelete(key K, old V) (deleted bool)

	// Range calls f for each key and value in the map, in no particular order, until f returns
	// false.
	//
	// No key is visited twice, and each value is one that its key had at some time during the call.
	// Entries stored or deleted meanwhile, by f or by others, may or may not be seen.
	Range(f func(key K, value V) bool)

	// Clear deletes all entries, at one instant.
	Clear()

	// Len returns the number of entries. It is never negative, and exact if nobody writes while it
	// runs.
	Len() int

	// All returns an iterator over the keys and values, which promises what Range promises, anew
	// each time it is run.
	All() iter.Seq2[K, V]

	// Keys returns an iterator over the keys, as All does over the entries.
	Keys() iter.Seq[K]

	// Values returns an iterator over the values, as All does over the entries.
	Values() iter.Seq[V]

	// Compute changes the entry for key to what fn makes of it. It calls fn with the value for key
	// and true, or with the zero value and false if key is not present, and then does what fn's
	// second result says: [Keep] leaves the entry alone and ignores fn's first result, [Set] sets
	// the value to fn's first result, [Remove] deletes the entry if there is one. Compute returns
	// the value that key has afterwards and whether it is present.
	//
	// Compute is optimistic. It runs fn without a lock and applies the outcome only if fn's
	// arguments still describe the entry; otherwise it calls fn again with what is there by then.
	// So fn may run more than once, and must be a function of its arguments: it must not count on
	// being called once, and must not modify anything that old refers to (appending within the
	// spare capacity of a slice is such a modification).
	//
	// If fn panics or calls runtime.Goexit the entry is left alone. Compute panics if fn returns an
	// Op other than the three.
	Compute(key K, fn func(old V, loaded bool) (V, Op)) (actual V, present bool)

	// LoadOrCompute returns the value stored for key with loaded set to true if key is present.
	// Otherwise it calls load, stores the value that load returns, and returns it with loaded set
	// to false.
	//
	// One goroutine at a time runs load for a key. Others that ask for the same key meanwhile wait
	// and get the same value, with loaded set to true, or the same error. If load returns an error,
	// nothing is stored, and LoadOrCompute returns that error with the zero value and loaded set to
	// false; the next caller tries again. If load panics or calls runtime.Goexit, it does so in its
	// own goroutine only: nothing is stored, and the waiters wake and try again, one of them
	// calling its own load. If key is stored by somebody else while load runs, that value stays and
	// is returned, with loaded set to true.
	//
	// load may use the map, including LoadOrCompute for other keys. But if it calls LoadOrCompute
	// for its own key, or for a key whose load waits for this one, it waits for itself forever.
	// Callers with a key that is not equal to itself, such as a NaN, share nothing: each runs load.
	//
	// LoadOrCompute panics if load is nil, even if key is present.
	LoadOrCompute(key K, load func() (V, error)) (actual V, loaded bool, err error)

	// DeleteFunc deletes the entries for which pred returns true and returns how many it deleted.
	// An entry is deleted only if it is still as pred saw it; otherwise pred is asked again about
	// the new value. Entries stored under new keys meanwhile may or may not be seen.
	//
	// If pred panics or calls runtime.Goexit, some of the entries for which it returned true may
	// have been deleted and others not.
	DeleteFunc(pred func(key K, value V) bool) int
}

// Op is what a Compute callback wants done with the entry. The zero value is [Keep].
type Op uint8

const (
	// Keep leaves the entry, or its absence, as it is.
	Keep Op = iota
	// Set stores the value that the callback returned.
	Set
	// Remove deletes the entry if there is one.
	Remove
)

// badOp is what Compute panics with if its callback returned none of the three.
func badOp(op Op) string {
	return fmt.Sprintf("shardmap: Compute: Op(%d) is none of Keep, Set, Remove", op)
}
