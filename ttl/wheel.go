package ttl

import "math/bits"

// The wheel is a hierarchical timing wheel (Varghese and Lauck, "Hashed and Hierarchical Timing Wheels", 1987). Its unit
// is the tick of 2²⁰ ns, about a millisecond. An entry whose deadline is in a later tick than the wheel's time belongs to
// the level of the highest 6 bits in which the two differ, and there into the slot that those 6 bits of the deadline
// name. So
//
//   - all in level 0 are due before all in level 1, and so on, and the slots of a level are due in their order;
//   - the time can go on to any tick that is not past the beginning of an occupied slot, and all entries are still where
//     they belong: the time differs from their deadline in the same 6 bits as before;
//   - when it reaches the beginning of an occupied slot, the entries there move down by a level or more.
//
// An entry moves at most once per level, and empty slots cost nothing, for a word per level tells which are occupied: what
// a pass costs is in proportion to the entries that it moves, however far the time goes on.
//
// An entry whose deadline was moved, which can only be to later, stays where it is until its slot comes due, and moves then.
//
// Everything here is guarded by the mutex of the stripe that holds the wheel.
type wheel[K comparable, V any] struct {
	time     uint64                                    // ticks; what is due before has been taken out
	occupied [wheelLevels]uint64                       // a bit for each slot
	slots    [wheelLevels]*[slotsPerLevel]*entry[K, V] // lists; a level is made when it is first needed
}

const (
	tickBits      = 20
	levelBits     = 6
	slotsPerLevel = 1 << levelBits
	wheelLevels   = (64 - flagBits - tickBits + levelBits - 1) / levelBits // for all deadlines that there can be
)

// tickOf returns the tick of a time, which may be negative.
func tickOf(t int64) uint64 { return uint64(t+never) >> tickBits }

// insert puts e where its deadline says.
func (w *wheel[K, V]) insert(e *entry[K, V]) {
	due := max(tickOf(e.deadline()), w.time)
	level := 0
	if differ := due ^ w.time; differ != 0 {
		level = (bits.Len64(differ) - 1) / levelBits
	}
	slot := due >> (level * levelBits) % slotsPerLevel
	if w.slots[level] == nil {
		w.slots[level] = new([slotsPerLevel]*entry[K, V])
	}
	head := &w.slots[level][slot]
	if e.next = *head; e.next != nil {
		e.next.prev = e
	}
	*head = e
	e.level, e.slot = uint8(level), uint8(slot)
	w.occupied[level] |= 1 << slot
}

// remove takes out e, which is there.
func (w *wheel[K, V]) remove(e *entry[K, V]) {
	if e.next != nil {
		e.next.prev = e.prev
	}
	if e.prev != nil {
		e.prev.next = e.next
	} else if w.slots[e.level][e.slot] = e.next; e.next == nil {
		w.occupied[e.level] &^= 1 << e.slot
	}
	e.next, e.prev = nil, nil
}

// first returns the occupied slot that begins first, and when; or false. While the entries of a slot are being moved
// down, those that are left begin with the same tick as some of those that were moved; they come first.
func (w *wheel[K, V]) first() (level, slot int, start uint64, ok bool) {
	for l, occupied := range w.occupied {
		if occupied == 0 {
			continue
		}
		s := bits.TrailingZeros64(occupied)
		at := w.time>>((l+1)*levelBits)<<((l+1)*levelBits) | uint64(s)<<(l*levelBits)
		if !ok || at <= start {
			level, slot, start, ok = l, s, at, true
		}
	}
	return level, slot, start, ok
}

// advance moves the time on to now and takes out entries whose deadline has passed, in no particular order. It appends
// them to due and stops when that is full, or when it has moved as many entries; then it reports true, for there may be
// more.
func (w *wheel[K, V]) advance(now int64, due []*entry[K, V]) ([]*entry[K, V], bool) {
	target := tickOf(now)
	for range cap(due) {
		level, slot, start, ok := w.first()
		if !ok || start > target {
			w.time = max(w.time, target)
			return due, false
		}
		w.time = max(w.time, start)
		if level == 0 && start == target {
			return w.takeFromTick(now, slot, due)
		}
		e := w.slots[level][slot]
		w.remove(e)
		if e.deadline() <= now {
			due = append(due, e)
		} else {
			w.insert(e)
		}
	}
	return due, true
}

// takeFromTick does the work of advance in the tick of now: the deadlines there may be before or after now. It looks at all
// entries of one tick, a millisecond's, though they be many.
func (w *wheel[K, V]) takeFromTick(now int64, slot int, due []*entry[K, V]) ([]*entry[K, V], bool) {
	for e, next := w.slots[0][slot], (*entry[K, V])(nil); e != nil; e = next {
		next = e.next
		switch d := e.deadline(); {
		case d <= now && len(due) == cap(due):
			return due, true
		case d <= now:
			w.remove(e)
			due = append(due, e)
		case tickOf(d) > w.time:
			w.remove(e)
			w.insert(e)
		}
	}
	return due, false
}
