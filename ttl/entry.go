package ttl

import (
	"math"
	"sync/atomic"
)

// An entry is one value of one key, with its deadline. Key and value never change: a store makes a new entry, and puts it
// into the map in the place of the old one by compare-and-swap. So an entry enters the map at most once and leaves it at
// most once, and whoever took it out, and nobody else, accounts for it and reports it.
//
// The deadline of an entry never changes either, unless the entry has an idle time; then loads move it, to later. Those
// two may meet: a load that read the clock just before the deadline, and somebody who read it just after. The word life
// decides: the one who finds the deadline passed marks it spent by compare-and-swap, before anything else; and the load
// moves the deadline by compare-and-swap, which fails if it is spent, whereupon the load looks again. So a load that
// returned the value has prolonged its life, and an entry that was found expired stays so.
type entry[K comparable, V any] struct {
	key   K
	value V
	life  atomic.Int64 // see lifeOf
	more  *more        // nil if the deadline is fixed and there is a value, as is most often so

	// Bookkeeping, guarded by the mutex of the entry's stripe; stripe itself never changes.
	next, prev  *entry[K, V] // in the slot of the wheel
	place       uint32       // in the ring
	stripe      uint8
	level, slot uint8 // in the wheel
	state       state
}

// more is what few entries have.
type more struct {
	idle int64 // the deadline is this long after the last load; 0 if it is fixed
	end  int64 // no load moves the deadline beyond this
	err  error // of a loader; then there is no value, and only LoadOrCompute knows the entry
}

// The word life is a deadline, in nanoseconds of the map's clock, and two flags:
//
//	63                                2      1       0
//	┌──────────────────────────────────┬──────┬───────┐
//	│ deadline                         │ used │ spent │
//	└──────────────────────────────────┴──────┴───────┘
const (
	spentFlag = 1 << iota // the deadline has been found passed, and does not move any more
	usedFlag              // loaded since the hand of the ring last came by
	flagBits  = iota

	never = math.MaxInt64 >> flagBits // the deadline of entries that do not expire: 73 years
)

func lifeOf(deadline int64) int64   { return deadline << flagBits }
func deadlineOf(life int64) int64   { return life >> flagBits }
func (e *entry[K, V]) slides() bool { return e.more != nil && e.more.idle > 0 }
func (e *entry[K, V]) failed() bool { return e.more != nil && e.more.err != nil }

func (e *entry[K, V]) deadline() int64 { return deadlineOf(e.life.Load()) }

// expired reports whether the deadline has passed at now. If so it stays where it is from then on.
func (e *entry[K, V]) expired(now int64) bool {
	for {
		life := e.life.Load()
		if d := deadlineOf(life); now < d || d == never {
			return false
		}
		if !e.slides() || life&spentFlag != 0 || e.life.CompareAndSwap(life, life|spentFlag) {
			return true
		}
	}
}

// slideParts says how far a load has to move a deadline, at least, before it writes: by a 16th of the idle time. An
// entry that is loaded all the time is written 16 times in its idle time, and not by every load, which would have the
// processors pass its cache line around. Chosen by hand, not measured.
const slideParts = 16

// slide is what a load at now does to an entry that has an idle time: it moves the deadline, or reports false if that has
// passed.
func (e *entry[K, V]) slide(now int64) bool {
	for {
		life := e.life.Load()
		d := deadlineOf(life)
		if life&spentFlag != 0 || now >= d && d != never {
			return false
		}
		next := min(after(now, e.more.idle), e.more.end)
		if next-d < e.more.idle/slideParts || e.life.CompareAndSwap(life, lifeOf(next)|life&usedFlag) {
			return true
		}
	}
}

// markUsed tells the ring that the entry was loaded. It writes only if the ring has forgotten.
func (e *entry[K, V]) markUsed() {
	if e.life.Load()&usedFlag == 0 {
		e.life.Or(usedFlag)
	}
}

// forgetUsed reports whether the entry was loaded since the last call.
func (e *entry[K, V]) forgetUsed() bool {
	return e.life.Load()&usedFlag != 0 && e.life.And(^usedFlag)&usedFlag != 0
}

// after returns the time d after now, or never. Durations below 0 are over at once.
func after(now, d int64) int64 {
	if d >= never-now {
		return never
	}
	return now + max(d, 0)
}
