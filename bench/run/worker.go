package run

import (
	"fmt"
	"sync/atomic"
	"time"

	"github.com/shardmap-go/shardmap/bench/strategy"
)

// Every goroutine owns a part of the keys: those whose number leaves its own as the remainder of a division by the number
// of goroutines. It reads all keys, but only it writes these, so it knows what must be there. Between two phases all
// goroutines have ended, and what they know is dealt out anew. A key that churns has a twin; one of the two is in the
// map, and each churn changes which. A key with a lifetime is a slot in which one key follows another.

// A worker is one goroutine of a phase.
type worker[K comparable, V comparable] struct {
	*bench[K, V]
	id, goroutines int

	m              strategy.Map[K, V]
	updater        strategy.Updater[K, V] // these are nil if the map does not offer them
	loadDeleter    strategy.LoadAndDeleter[K, V]
	swapper        strategy.Swapper[K, V]
	compareSwapper strategy.CompareAndSwapper[K, V]
	random         random
	position       int                 // in the draws, or the sequence
	versions       []uint32            // of the values of its keys, by place; 0 for a key that is not there yet
	twins          []atomic.Uint32     // 1 for those of its keys whose twin is in the map; nil if nothing churns
	slots          []atomic.Pointer[K] // the key that lives at each place; nil without lifetimes
	next           int                 // the next key that may have to be inserted
	removed        int                 // the key that has been taken away and must be put back, or -1
	deaths         schedule
	started        time.Time // of the phase
	increments     int64
	late           int64
	done           [kinds]int64
	fault          string // the first thing that the map did wrong
	sink           V      // loaded values go here, so that loading them cannot be left out
	latencies      [kinds]*latencies
	timed          bool // whether the current operation is
	began, ended   time.Time
	_              [64]byte
	there          atomic.Int64 // keys of its own that are there, from the first place on; others look at it if the map grows
	_              [64]byte
}

func (w *worker[K, V]) use(m strategy.Map[K, V]) {
	w.m = m
	w.updater, _ = m.(strategy.Updater[K, V])
	w.loadDeleter, _ = m.(strategy.LoadAndDeleter[K, V])
	w.swapper, _ = m.(strategy.Swapper[K, V])
	w.compareSwapper, _ = m.(strategy.CompareAndSwapper[K, V])
}

// learn takes over what is known of the key at a place, from the workers of the phase before or, without any, from how
// the map was filled.
func (w *worker[K, V]) learn(place int, old []*worker[K, V]) {
	i := place*w.goroutines + w.id
	if old == nil {
		if i < w.filled {
			w.versions[place] = 1
		}
		if w.slots != nil {
			w.slots[place].Store(&w.keys[i])
		}
		return
	}
	from, at := old[i%len(old)], i/len(old)
	w.versions[place] = from.versions[at]
	if w.twins != nil {
		w.twins[place].Store(from.twins[at].Load())
	}
	if w.slots != nil {
		w.slots[place].Store(from.slots[at].Load())
	}
}

// present returns how many of the worker's keys are there, from the first place on without a gap.
func (w *worker[K, V]) present() int {
	for place, version := range w.versions {
		if version == 0 {
			return place
		}
	}
	return len(w.versions)
}

// play runs operations at full speed until it is told to stop, or the keys to insert are used up. It runs at least one.
func (w *worker[K, V]) play(c *chooser, stop *atomic.Bool) {
	for {
		r := w.sample()
		if w.timed {
			w.chores(stop)
			w.timed = true
		}
		if op := c.choose(r); w.do(op, r>>32) {
			w.finish(op, w.began)
		} else {
			return
		}
		if stop.Load() {
			return
		}
	}
}

// sample decides whether the latency of the next operation is taken, and returns the random number that did.
func (w *worker[K, V]) sample() uint64 {
	r := w.random.next()
	w.timed = r&w.sampleMask == 0
	return r
}

// playAt runs the operations that are to start between start and end, one after each interval. An operation that starts
// late, because the ones before took long, has its latency counted from when it was to start. What has not been started
// as long after end as end is after start is given up, and counts as having taken until then.
func (w *worker[K, V]) playAt(c *chooser, start, end time.Time, interval time.Duration, stop *atomic.Bool) {
	giveUp := end.Add(end.Sub(start))
	at := start.Add(interval * time.Duration(w.id) / time.Duration(w.goroutines))
	for ; at.Before(end) && !stop.Load(); at = at.Add(interval) {
		r := w.random.next()
		op := c.choose(r)
		if now := time.Now(); now.After(giveUp) {
			w.latencies[op].add(now.Sub(at))
			w.late++
			continue
		}
		waitUntil(at, stop)
		w.chores(stop)
		w.timed = true
		w.do(op, r>>32)
		w.finish(op, at)
	}
}

// finish takes down an operation that is over, whose latency counts from the given time on. What the operation has
// taken away is put back, which is an operation of its own.
func (w *worker[K, V]) finish(op operation, since time.Time) {
	if w.timed {
		w.latencies[op].add(w.ended.Sub(since))
	}
	w.done[op]++
	if i := w.removed; i >= 0 {
		w.removed = -1
		w.putBack(i)
		w.finish(insert, w.began)
	}
}

// operations returns how many the worker has done.
func (w *worker[K, V]) operations() int64 {
	sum := int64(0)
	for _, n := range w.done {
		sum += n
	}
	return sum
}

// choose returns the number of one of the keys that are there for sure.
func (w *worker[K, V]) choose(random uint64) int {
	switch {
	case w.draws != nil:
		w.position++
		i := int(w.draws[w.position&(drawsLen-1)])
		if i >= w.filled {
			i %= w.filled // only while a later phase may choose among more
		}
		return i
	case w.sequential:
		w.position++
		if w.position >= w.filled {
			w.position = 0
		}
		return w.position
	case w.growing:
		random *= uint64(w.goroutines)
		owner := w.workers[random>>32]
		place := (random & (1<<32 - 1)) * uint64(owner.there.Load()) >> 32
		return int(place)*w.goroutines + owner.id
	}
	return int(random * uint64(w.filled) >> 32)
}

// own returns the number of one of the worker's keys near i, and its place among them.
func (w *worker[K, V]) own(i int) (key, place int) {
	place = min(int(uint32(i)/uint32(w.goroutines)), int(w.there.Load())-1)
	return place*w.goroutines + w.id, place
}

// owner returns the number of the worker whose key i is, and its place among that one's keys.
func (w *worker[K, V]) owner(i int) (id, place int) {
	return int(uint32(i) % uint32(w.goroutines)), int(uint32(i) / uint32(w.goroutines))
}

// current returns the key of one of the worker's own that are in the map, near i; the number by which values know it; and
// its place.
func (w *worker[K, V]) current(i int) (key K, number, place int) {
	number, place = w.own(i)
	switch {
	case w.slots != nil:
		return *w.slots[place].Load(), number, place
	case w.twins != nil && w.twins[place].Load() == 1:
		number += w.number
	}
	return w.keys[number], number, place
}

func (w *worker[K, V]) begin() {
	if w.timed {
		w.began = time.Now()
	}
}

func (w *worker[K, V]) end() {
	if w.timed {
		w.ended = time.Now()
	}
}

// wrong takes down the first thing that goes wrong.
func (w *worker[K, V]) wrong(what string) {
	if w.fault == "" {
		w.fault = what
	}
}

// guard turns a panic of the map into a fault.
func (w *worker[K, V]) guard() {
	if r := recover(); r != nil {
		w.wrong(fmt.Sprintf("panicked: %v", r))
	}
}
