package shardmap

// DeleteFunc deletes the entries for which pred returns true and returns how many it deleted. Of an
// entry that was changed since pred saw it, pred is asked again. Entries stored under new keys
// meanwhile are left alone.
//
// The entries it shows are those of one instant, and each is deleted at another one. It takes the
// read lock to copy all entries, which allocates memory in proportion to their number, calls pred
// with no lock held, and takes the write lock to delete.
func (m *RWMap[K, V]) DeleteFunc(pred func(key K, value V) bool) int {
	deleted := 0
	entries, version := m.entries()
	for len(entries) > 0 {
		var doomed, spared []item[K, V]
		for _, e := range entries {
			if pred(e.key, e.value) {
				doomed = append(doomed, e)
			} else if e.key != e.key {
				spared = append(spared, e)
			}
		}
		var n int
		n, entries, version = m.deleteSeen(doomed, spared, version)
		deleted += n
	}
	return deleted
}

// entries returns all entries and the version of the map they are from.
func (m *RWMap[K, V]) entries() ([]item[K, V], uint64) {
	m.mu.RLock()
	defer m.mu.RUnlock()
	all := make([]item[K, V], 0, len(m.m))
	for key, value := range m.m {
		all = append(all, item[K, V]{key, value})
	}
	return all, m.version
}

// deleteSeen deletes the doomed entries that are still as they were at version. It returns how many
// those were, and the entries that DeleteFunc must ask about again with the version they are from.
// Of the spared entries it needs those whose key is not equal to itself.
func (m *RWMap[K, V]) deleteSeen(doomed, spared []item[K, V], version uint64) (deleted int, again []item[K, V], current uint64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	unchanged := m.version == version
	nans := 0
	for _, e := range doomed {
		now, present := m.m[e.key]
		switch {
		case e.key != e.key:
			nans++
		case unchanged || present && sameBits(&now, &e.value):
			m.deleteLocked(e.key)
			deleted++
		case present:
			again = append(again, item[K, V]{e.key, now})
		}
	}
	switch {
	case nans > 0 && unchanged:
		m.replaceNaNsLocked(spared)
		deleted += nans
	case nans > 0:
		again = append(again, m.nansLocked()...)
	}
	return deleted, again, m.version
}

// A Go map lists entries whose key is not equal to itself, but cannot look one up to delete it. They
// go all at once, with a new map that has only those that shall stay. This is right only if nothing
// was changed since it was decided which; otherwise DeleteFunc asks about them all again.

// nansLocked returns the entries whose key is not equal to itself. m.mu must be held.
func (m *RWMap[K, V]) nansLocked() (nans []item[K, V]) {
	for key, value := range m.m {
		if key != key {
			nans = append(nans, item[K, V]{key, value})
		}
	}
	return nans
}

// replaceNaNsLocked replaces the entries whose key is not equal to itself by nans. m.mu must be held
// for writing.
func (m *RWMap[K, V]) replaceNaNsLocked(nans []item[K, V]) {
	kept := make(map[K]V, len(m.m))
	for key, value := range m.m {
		if key == key {
			kept[key] = value
		}
	}
	for _, e := range nans {
		kept[e.key] = e.value
	}
	m.m = kept
	m.version++
}
