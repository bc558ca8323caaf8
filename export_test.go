package shardmap

// Tombstone returns the word by which m tells the entries that were deleted, so that a test can store that very word,
// which chance would not do in a lifetime. See entry.go.
func Tombstone[K comparable](m *Map[K, uint64]) uint64 { return m.directory().dead }
