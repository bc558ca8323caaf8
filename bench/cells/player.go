package cells

import (
	"fmt"
	"sync/atomic"

	"github.com/shardmap-go/shardmap/bench/internal/data"
	"github.com/shardmap-go/shardmap/bench/strategy"
)

const (
	maxProcs   = 64
	minEntries = 2 * maxProcs // each goroutine exchanges keys of its own
	hotKey     = 0            // the one that is incremented
)

// A field is what all maps of a cell are played on.
type field[K, V comparable] struct {
	// The keys, in random order: those that are in the maps to begin with, and as many others. Lookups use the former two, which
	// are never the same strings as the latter, or comparing them would cost nothing.
	present, absent []K
	stored, spare   []K
	values          data.ValueKind[V]
}

// A player is one map, and what has been done to it.
type player[K, V comparable] struct {
	*field[K, V]
	name       string
	newMap     func() strategy.Map[K, V]
	m          strategy.Map[K, V]
	updater    strategy.Updater[K, V]        // nil if m is none
	taker      strategy.LoadAndDeleter[K, V] // nil if m is none
	workers    []worker
	increments atomic.Int64
	updates    bool   // whether workers update every key that they come by
	wrong      string // the first thing that it got wrong
}

// A worker is what one goroutine of a player knows. All of them look up and update all keys, each beginning somewhere else; the keys
// from..to it exchanges alone.
type worker struct {
	at       int    // of the next key to look up
	version  uint32 // of the next value
	left     int    // in mixes: lookups until the next update, and one; 0 at first
	start    int    // what at and version were at first
	first    uint32
	from, to int
	next     int  // of from..to to be exchanged
	replaced bool // whether keys before next are present again, after all were absent; else they are absent
	wrong    int  // outcomes that should not be
	_        [64]byte
}

func newPlayer[K, V comparable](f *field[K, V], name string, newMap func() strategy.Map[K, V], workers int) *player[K, V] {
	p := &player[K, V]{field: f, name: name, newMap: newMap, m: newMap(), workers: make([]worker, workers)}
	p.updater, _ = p.m.(strategy.Updater[K, V])
	p.taker, _ = p.m.(strategy.LoadAndDeleter[K, V])
	n := len(f.present)
	for i := range p.workers {
		from := i * n / workers
		first := 1 + uint32(i)
		p.workers[i] = worker{at: from, version: first, start: from, first: first, from: from, to: (i + 1) * n / workers, next: from}
	}
	return p
}

// step is by how much the version of a worker grows whenever it has been through the keys. Workers begin with different versions, so that none
// stores what another has just stored; and as step is odd, the four pointers for a key take turns.
func (p *player[K, V]) step() uint32 { return uint32(len(p.workers)) | 1 }

// cannot returns why the map cannot do an operation, or nothing.
func (p *player[K, V]) cannot(operation string) string {
	switch {
	case operation == "hot" && p.updater == nil:
		return "has no Update"
	case operation == "queue" && p.taker == nil:
		return "has no LoadAndDelete"
	}
	return ""
}

// fill stores the keys from..to.
func (p *player[K, V]) fill(from, to int) {
	for i := from; i < to; i++ {
		p.m.Store(p.stored[i], p.values.Of(i, 0))
	}
}

// do does n times the operation. The loops are written out, as a call for each operation would be in all times.
func (p *player[K, V]) do(operation string, w *worker, n int) {
	m, present, values := p.m, p.present, p.values
	at, version, step, wrong := w.at, w.version, p.step(), 0
	switch operation {
	case "hit", "miss":
		keys, there := present, true
		if operation == "miss" {
			keys, there = p.absent, false
		}
		for range n {
			if _, ok := m.Load(keys[at]); ok != there {
				wrong++
			}
			if at++; at == len(keys) {
				at = 0
			}
		}
	case "update":
		for range n {
			m.Store(present[at], values.Of(at, version))
			if at++; at == len(present) {
				at, version = 0, version+step
			}
		}
	case "loadOrStore":
		for range n {
			if _, loaded := m.LoadOrStore(present[at], values.Of(at, version)); !loaded {
				wrong++
			}
			if at++; at == len(present) {
				at, version = 0, version+step
			}
		}
	case "mix99":
		p.mix(w, n, 100)
		return
	case "mix90":
		p.mix(w, n, 10)
		return
	case "mix50":
		p.mix(w, n, 2)
		return
	case "churn", "queue":
		p.exchange(w, n/2, operation == "queue")
		return
	case "hot":
		for range n {
			p.updater.Update(present[hotKey], values.Increment)
		}
		p.increments.Add(int64(n))
	}
	w.at, w.version = at, version
	w.wrong += wrong
}

// mix updates one key in every, and looks up the others.
func (p *player[K, V]) mix(w *worker, n, every int) {
	m, present, values := p.m, p.present, p.values
	at, version, step, wrong, left := w.at, w.version, p.step(), 0, w.left
	if left == 0 {
		left = every
	}
	for range n {
		if left--; left == 0 {
			m.Store(present[at], values.Of(at, version))
			left = every
		} else if _, ok := m.Load(present[at]); !ok {
			wrong++
		}
		if at++; at == len(present) {
			at, version, left = 0, version+step, left%every+1 // other keys are updated next time
		}
	}
	w.at, w.version, w.left = at, version, left
	w.wrong += wrong
}

// exchange replaces n of the worker's keys by others: all of them by absent ones, then these by the former, and so on.
func (p *player[K, V]) exchange(w *worker, n int, take bool) {
	for range n {
		out, in, value := p.present, p.spare, w.next+len(p.present)
		if w.replaced {
			out, in, value = p.absent, p.stored, w.next
		}
		if !take {
			p.m.Delete(out[w.next])
		} else if _, loaded := p.taker.LoadAndDelete(out[w.next]); !loaded {
			w.wrong++
		}
		p.m.Store(in[w.next], p.values.Of(value, w.version))
		if w.next++; w.next == w.to {
			w.next, w.replaced, w.version = w.from, !w.replaced, w.version+1
		}
	}
}

// walk visits all entries once, and returns how many it saw.
func (p *player[K, V]) walk() (n int) {
	p.m.Range(func(K, V) bool { n++; return true })
	return n
}

// inPlace reports which of the keys with number i is in the map now: the one to begin with, or the other.
func (p *player[K, V]) inPlace(i int) bool {
	for j := range p.workers {
		if w := &p.workers[j]; w.from <= i && i < w.to {
			return (i < w.next) == w.replaced
		}
	}
	return true
}

// check compares the map with what has to be in it.
func (p *player[K, V]) check() error {
	for i := range p.workers {
		if n := p.workers[i].wrong; n > 0 {
			return fmt.Errorf("%d lookups with a wrong outcome", n)
		}
	}
	n := len(p.present)
	if got := p.m.Len(); got != n {
		return fmt.Errorf("has a length of %d, want %d", got, n)
	}
	for i := range n {
		in, out, number := p.present[i], p.absent[i], i
		if !p.inPlace(i) {
			in, out, number = out, in, i+n
		}
		if _, ok := p.m.Load(out); ok {
			return fmt.Errorf("still has key %v, which was deleted", out)
		}
		value, ok := p.m.Load(in)
		switch {
		case !ok:
			return fmt.Errorf("has lost key %v", in)
		case p.increments.Load() > 0 && i == hotKey:
			if count, ok := any(value).(int); ok && int64(count) != p.increments.Load() {
				return fmt.Errorf("counted %d, want %d", count, p.increments.Load())
			}
		case p.values.Key(value) != number:
			return fmt.Errorf("has the value %v for key %v, which is of another key", value, in)
		case p.updates && !p.isLast(i, value):
			return fmt.Errorf("has lost an update of key %v", in)
		}
	}
	return nil
}

// isLast reports whether the value is the last that one of the workers stored for key number i; or the one to begin with, if none has
// come by.
func (p *player[K, V]) isLast(i int, value V) bool {
	untouched := true
	for j := range p.workers {
		if version, ok := p.workers[j].last(i, p.step()); ok {
			if value == p.values.Of(i, version) {
				return true
			}
			untouched = false
		}
	}
	return untouched && value == p.values.Of(i, 0)
}

// last returns the version that the worker stored for key number i when it came by last, and whether it ever did.
func (w *worker) last(i int, step uint32) (version uint32, ok bool) {
	version = w.version
	if i >= w.at {
		version -= step // in the round before
	}
	return version, version-w.first < 1<<31 && (version != w.first || i >= w.start)
}
