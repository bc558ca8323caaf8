package shardmap

// Tombstone returns the word by which m tells the entries that were deleted, so that a test can store that very word,
// which chance would not do in a lifetime. See entry.go.
func Tombstone[K comparable](m *Map[K, uint64]) uint64 { return m.directory().dead }

// CheckInvariants returns what is wrong with m inside, or nil; see invariants.go.
func CheckInvariants[K comparable, V any](m *Map[K, V], rehash bool, snapshots ...*Snapshot[K, V]) error {
	return m.checkInvariants(rehash, snapshots...)
}
