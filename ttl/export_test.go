package ttl

// Held returns how many entries the map holds at one instant, those that have expired included.
func (m *Map[K, V]) Held() int { return m.entries.Snapshot().Len() }
