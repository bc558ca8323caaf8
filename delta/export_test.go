package delta

// Locked runs f while the mutex of the set is held.
func Locked[K comparable, V any](s *Set[K, V], f func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	f()
}

// LogRoom returns for how many records the history has room in memory, the ones in use included, and how many keys it
// knows.
func LogRoom[K comparable, V any](s *Set[K, V]) (records, keys int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return cap(s.history.records) + s.history.dropped, len(s.history.newest)
}
