package run

import (
	"fmt"
	"sync/atomic"
	"time"

	"github.com/shardmap-go/shardmap/bench/strategy"
)

// Every goroutine owns a part of the keys: those whose number leaves its own as the remainder of a division by the number
// of goroutines. It reads all keys, but only it writes these, so it knows what must be there. A key that churns has
// a twin; one of the two is in the map, and each churn changes which.

// A worker is one goroutine of a run.
type worker[K comparable, V comparable] struct {
	*bench[K, V]
	m  strategy.Map[K, V]
	id int

	random   random
	position int             // in the draws, or the sequence
	versions []uint32        // of the values of its keys
	twins    []atomic.Uint32 // 1 for those of its keys whose twin is in the map; nil if nothing churns
	next     int             // the next key to insert

	operations int64
	increments int64
	late       int64
	fault      string // the first thing that the map did wrong
	sink       V      // loaded values go here, so that loading them cannot be left out

	latencies *latencies
	timed     bool // whether the current operation is
	began     time.Time
	ended     time.Time
}

// play runs operations at full speed until it is told to stop, or the keys to insert are used up. It runs at least one.
func (w *worker[K, V]) play(stop *atomic.Bool) {
	for {
		r := w.random.next()
		w.timed = r&w.sampleMask == 0
		if !w.do(w.chooser.choose(r), r>>32) {
			return
		}
		if w.timed {
			w.latencies.add(w.ended.Sub(w.began))
		}
		w.operations++
		if stop.Load() {
			return
		}
	}
}

// playAt runs the operations that are to start between start and end, one after each interval. An operation that starts
// late, because the ones before took long, has its latency counted from when it was to start. What has not been started
// as long after end as end is after start is given up, and counts as having taken until then.
func (w *worker[K, V]) playAt(start, end time.Time, interval time.Duration, stop *atomic.Bool) {
	giveUp := end.Add(end.Sub(start))
	at := start.Add(interval * time.Duration(w.id) / time.Duration(w.goroutines))
	for ; at.Before(end) && !stop.Load(); at = at.Add(interval) {
		if now := time.Now(); now.After(giveUp) {
			w.latencies.add(now.Sub(at))
			w.late++
			continue
		}
		waitUntil(at, stop)
		r := w.random.next()
		w.timed = true
		w.do(w.chooser.choose(r), r>>32)
		w.latencies.add(w.ended.Sub(at))
		w.operations++
	}
}

// choose returns the number of one of the keys that were there at the start.
func (w *worker[K, V]) choose(random uint64) int {
	switch {
	case w.draws != nil:
		w.position++
		return int(w.draws[w.position&(drawsLen-1)])
	case w.sequential:
		w.position++
		if w.position >= w.filled {
			w.position = 0
		}
		return w.position
	}
	return int(random * uint64(w.filled) >> 32)
}

// own returns the number of one of the worker's keys near i, and its place among them.
func (w *worker[K, V]) own(i int) (key, place int) {
	place = int(uint32(i) / uint32(w.goroutines))
	if key = place*w.goroutines + w.id; key >= w.filled {
		place--
		key -= w.goroutines
	}
	return key, place
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

// do runs one operation. It returns false if there is no key left to insert.
func (w *worker[K, V]) do(op operation, random uint64) bool {
	switch op {
	case load:
		w.load(w.choose(random))
	case miss:
		key := w.absent[random*uint64(len(w.absent))>>32]
		w.begin()
		_, ok := w.m.Load(key)
		w.end()
		if ok {
			w.wrong("Load found a key that was never stored")
		}
	case store:
		i, place := w.current(w.choose(random))
		w.versions[place]++
		key, value := w.keys[i], w.values.of(i, w.versions[place])
		w.begin()
		w.m.Store(key, value)
		w.end()
	case loadOrStore:
		i, place := w.current(w.choose(random))
		key, value := w.stored[i], w.values.of(i, w.versions[place]+1)
		w.begin()
		actual, loaded := w.m.LoadOrStore(key, value)
		w.end()
		if !loaded || actual != w.values.of(i, w.versions[place]) {
			w.wrong("LoadOrStore did not find what was stored")
		}
	case churn:
		w.churn(w.choose(random))
	case insert:
		if w.next >= w.number {
			w.timed = false
			return false
		}
		place := w.next / w.goroutines
		w.versions[place]++
		key, value := w.stored[w.next], w.values.of(w.next, w.versions[place])
		w.begin()
		w.m.Store(key, value)
		w.end()
		w.next += w.goroutines
	case increment:
		key := w.keys[w.choose(random)]
		w.increments++
		w.begin()
		w.m.(strategy.Updater[K, V]).Update(key, w.values.increment)
		w.end()
	case walk:
		w.walk()
	}
	return true
}

// current returns the number of one of the worker's keys near i that is in the map, be it a twin, and its place.
func (w *worker[K, V]) current(i int) (key, place int) {
	key, place = w.own(i)
	if w.twins != nil && w.twins[place].Load() == 1 {
		key += w.number
	}
	return key, place
}

// load loads any key. Whether it is there can be told unless it belongs to another goroutine and churns; what its value
// is, only if it is the worker's own. Values are looked at when the latency is taken, so as not to measure that.
func (w *worker[K, V]) load(i int) {
	mine := true
	var owner, place int
	if w.twins != nil {
		owner, place = int(uint32(i)%uint32(w.goroutines)), int(uint32(i)/uint32(w.goroutines))
		i += w.number * int(w.workers[owner].twins[place].Load())
		mine = owner == w.id
	}
	key := w.keys[i]
	w.begin()
	value, ok := w.m.Load(key)
	w.end()
	switch {
	case !ok && mine:
		w.wrong("Load missed a key that was there")
	case !ok, w.counts:
	case w.timed && w.values.key(value) != i:
		w.wrong("Load returned the value of another key")
	case w.timed && i%w.number%w.goroutines == w.id && value != w.values.of(i, w.versions[i%w.number/w.goroutines]):
		w.wrong("Load returned a value that had been overwritten")
	default:
		w.sink = value
	}
}

// churn deletes one of the worker's keys and inserts its twin, or the other way round.
func (w *worker[K, V]) churn(i int) {
	here, place := w.current(i)
	there := here + w.number
	if there >= 2*w.number {
		there = here - w.number
	}
	w.versions[place]++
	out, in, value := w.keys[here], w.stored[there], w.values.of(there, w.versions[place])
	w.begin()
	w.m.Delete(out)
	w.m.Store(in, value)
	w.end()
	w.twins[place].Store(uint32(there / w.number))
}

// walk visits all entries.
func (w *worker[K, V]) walk() {
	n := 0
	w.begin()
	w.m.Range(func(_ K, value V) bool {
		w.sink = value
		n++
		return true
	})
	w.end()
	if w.twins == nil && n < w.filled {
		w.wrong("Range left out entries that were there")
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
