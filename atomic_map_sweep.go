package shardmap

// DeleteFunc deletes the entries for which pred returns true and returns how many it deleted. Of an
// entry that was changed since pred saw it, pred is asked again. Entries stored under new keys
// meanwhile are left alone.
//
// The entries that it shows are those of one instant, and all that it deletes disappear at one
// instant. It calls pred with no lock held, notes which entries to delete, and then, if there are
// any, queues behind other writers and copies the rest of the map.
func (m *AtomicMap[K, V]) DeleteFunc(pred func(key K, value V) bool) int {
	s := sweep[K, V]{seen: m.current.Load(), doomed: make(map[K]V)}
	for key, value := range s.seen.all() {
		s.judge(key, value, pred(key, value))
	}
	for len(s.doomed)+s.nans > 0 {
		deleted, again := m.finish(&s)
		if len(again) == 0 {
			return deleted
		}
		for _, e := range again {
			s.judge(e.key, e.value, pred(e.key, e.value))
		}
	}
	return 0
}

// sweep is a DeleteFunc under way: what pred has said so far. Entries whose key is not equal to
// itself are kept apart, because a Go map lists them but cannot look one up. What pred said about
// them holds as long as nothing at all is changed.
type sweep[K comparable, V any] struct {
	seen   *edition[K, V] // what pred has seen
	doomed map[K]V        // entries to delete
	nans   int            // number of entries to delete whose key is not equal to itself
	spared []item[K, V]   // those of such entries that stay
}

// judge notes what pred said about an entry.
func (s *sweep[K, V]) judge(key K, value V, doomed bool) {
	switch {
	case key != key && doomed:
		s.nans++
	case key != key:
		s.spared = append(s.spared, item[K, V]{key, value})
	case doomed:
		s.doomed[key] = value
	default:
		delete(s.doomed, key)
	}
}

// finish publishes the map without the doomed entries and returns how many it had. If some of them
// were changed since pred saw them, it publishes nothing and returns those, to be judged again.
func (m *AtomicMap[K, V]) finish(s *sweep[K, V]) (int, []item[K, V]) {
	m.writers.Lock()
	defer m.writers.Unlock()
	for {
		e := m.current.Load()
		next, again := s.without(e)
		if len(again) > 0 {
			return 0, again
		}
		deleted := len(e.all()) - len(next.entries)
		if deleted == 0 || m.current.CompareAndSwap(e, next) {
			return deleted, nil
		}
	}
}

// without returns a copy of e that lacks the doomed entries, and those that must be judged again.
func (s *sweep[K, V]) without(e *edition[K, V]) (next *edition[K, V], again []item[K, V]) {
	unchanged := e == s.seen
	kept := make(map[K]V, max(0, len(e.all())-len(s.doomed)-s.nans))
	for key, value := range e.all() {
		old, doomed := s.doomed[key]
		switch {
		case key != key && s.nans == 0, key == key && !doomed:
			kept[key] = value
		case !unchanged && (key != key || !sameBits(&value, &old)):
			again = append(again, item[K, V]{key, value})
		}
	}
	if unchanged && s.nans > 0 {
		for _, e := range s.spared {
			kept[e.key] = e.value
		}
	}
	if len(again) > 0 {
		s.seen, s.nans, s.spared = e, 0, nil
	}
	return &edition[K, V]{entries: kept, room: len(kept)}, again
}
