package ttl

import (
	"context"
	"time"
)

// Start is the janitor: it calls [Map.Collect] at the interval set by [WithInterval], until ctx ends, and then returns
// nil. It starts no goroutine. It is what a controller-runtime manager calls of a Runnable, so that manager.Add takes the
// map as it is. Start may be called again, and several times at once, though one janitor is enough. A panic of the
// function given [WithOnEvict] goes on in the caller of Start.
//
// The time between two passes is that of the system, whatever [WithClock] says.
func (m *Map[K, V]) Start(ctx context.Context) error {
	interval := m.interval
	if interval == 0 {
		interval = defaultInterval
	}
	ticker := time.NewTicker(interval)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C:
			m.Collect()
		}
	}
}

// NeedLeaderElection returns false: a controller-runtime manager runs the janitor whether or not it leads.
func (m *Map[K, V]) NeedLeaderElection() bool { return false }

// Collect removes the entries whose deadline passed before it was called, calls the function given [WithOnEvict] for
// each, and returns how many it removed. What it costs is in proportion to them, and to the entries that were due but for a
// load that moved their deadline. It locks briefly and often, so that it holds up nobody.
func (m *Map[K, V]) Collect() int {
	n := 0
	now := m.now()
	for _, s := range m.stripes() {
		for more := true; more; {
			var collected int
			collected, more = m.collectAndReport(s, now)
			n += collected
		}
	}
	return n
}

// collectAll is Collect without the reports, which it adds to gone.
func (m *Map[K, V]) collectAll(gone *notices[K, V]) int {
	n := 0
	now := m.now()
	for _, s := range m.stripes() {
		for more := true; more; {
			var collected int
			collected, more = m.collect(s, now, gone)
			n += collected
		}
	}
	return n
}

func (m *Map[K, V]) collectAndReport(s *stripe[K, V], now int64) (n int, more bool) {
	var gone notices[K, V]
	defer gone.report(m.onEvict)
	return m.collect(s, now, &gone)
}

// collectBatch is how many entries are taken, or moved, under one hold of a stripe's mutex: some ten microseconds' work.
const collectBatch = 128

// collect removes some of the entries of a stripe that have expired. It returns how many, and whether there may be more.
func (m *Map[K, V]) collect(s *stripe[K, V], now int64, gone *notices[K, V]) (n int, more bool) {
	var space [collectBatch]*entry[K, V]
	due, more := s.takeDue(now, space[:0])
	return m.removeDue(due, now, gone), more
}

// removeDue removes those of the entries that have expired, and puts the others back. It returns how many it removed.
func (m *Map[K, V]) removeDue(due []*entry[K, V], now int64, gone *notices[K, V]) (n int) {
	for _, e := range due {
		switch {
		case !e.expired(now): // a load has moved the deadline since
			m.reschedule(nil, e)
		case m.remove(e):
			m.note(gone, e, now, Expired)
			n++
		}
	}
	return n
}
