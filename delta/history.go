package delta

import "sort"

// The history is a log of the commits: one record for each key that a commit changed, in the order of their revisions.
//
// A record tells what the key was before, and at which revision it was changed the time before that. So the records
// after a revision r, read once from front to back, tell the net change of each key without a table of keys: the key's
// first record among them is the one whose previous revision is not after r. It holds what the key was at r; what the
// key is now, the current state holds.
//
// A record is never written again once a commit has published it, and what is dropped is only cut off the front. So
// whoever has been handed a part of the log reads it without a lock, while others append to it and cut it.

// A record is the change of one key in one revision.
type record[K comparable, V any] struct {
	key      K
	old      V      // the value before, if there was one
	had      bool   // whether there was one
	revision uint64 // of the commit that made the change
	previous uint64 // the revision of the record before this one for the same key; 0 if that is not in the log
}

// history is guarded by the mutex of its set.
type history[K comparable, V any] struct {
	records []record[K, V]
	newest  map[K]uint64 // the revision of the last record of each key in the log
	floor   uint64       // all records with later revisions are in the log, and no others
	dropped int          // records cut off since the log was last copied
}

// add appends a record.
func (h *history[K, V]) add(revision uint64, key K, old V, had bool) {
	if h.newest == nil {
		h.newest = make(map[K]uint64)
	}
	h.records = append(h.records, record[K, V]{key, old, had, revision, h.newest[key]})
	h.newest[key] = revision
}

// after returns the records of the revisions after that one, which is not before the floor.
func (h *history[K, V]) after(revision uint64) []record[K, V] {
	return h.records[h.index(revision):len(h.records):len(h.records)]
}

// index returns the number of records that are not after revision.
func (h *history[K, V]) index(revision uint64) int {
	return sort.Search(len(h.records), func(i int) bool { return h.records[i].revision > revision })
}

// mayHaveChanged reports whether key was changed after revision. It errs only to the side of yes.
func (h *history[K, V]) mayHaveChanged(key K, revision uint64) bool {
	return h.floor > revision || h.newest[key] > revision
}

// drop raises the floor, and forgets the records up to it.
//
// The array behind the log is left to its readers, and copied when more was cut off it than is left: so it is never
// much longer than what it is for, and a record is copied once for each that was dropped.
func (h *history[K, V]) drop(floor uint64) {
	n := h.index(floor)
	for i := range h.records[:n] {
		if r := &h.records[i]; h.newest[r.key] == r.revision {
			delete(h.newest, r.key)
		}
	}
	h.floor = floor
	h.records = h.records[n:]
	if h.dropped += n; h.dropped > len(h.records) {
		h.records = append([]record[K, V](nil), h.records...)
		h.dropped = 0
	}
	if len(h.records) == 0 {
		h.newest = nil
	}
}

// floorFor returns the highest floor at which at least keep records remain, and no record after acked is lost unless
// there are more than most.
func (h *history[K, V]) floorFor(acked uint64, keep, most int) uint64 {
	floor, n := h.floor, len(h.records)
	if n > keep {
		if keep > 0 {
			acked = min(acked, h.records[n-keep].revision-1)
		}
		floor = max(floor, acked)
	}
	if n > most {
		floor = max(floor, h.records[n-most-1].revision)
	}
	return floor
}
