package lincheck

import (
	"cmp"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/shardmap-go/shardmap"
)

// A writer is the only one who writes to its keys, so that the order of all writes to them is known. It stores the
// numbers of its writes, which go on through deletions and insertions.
//
// The first half of the keys are stored once in the beginning and then always there; the others come and go. Writes to the
// two halves alternate. That makes the content of the keys after one write differ from that after any other: between
// equal contents no key of the first half is written, so that there is one write between them at most, and it changes
// something. So whoever sees all keys of a writer can tell how many writes there had been.
type writer struct {
	id, writers int
	script
	log   []write
	state []code // by key
}

// A write is one operation of a writer. It left the value with the code of its number, or nothing.
type write struct {
	key       int32 // of the writer's keys
	deletes   bool
	call, ret int64
}

// codeOf returns the code of the value that write number n stores.
func codeOf(n int) code { return zero + code(n) }

// global returns the number of the writer's key in the map.
func (w *writer) global(key int) int { return key*w.writers + w.id }

// begin stores the keys that are always there.
func (w *writer) begin(m target, keys int) {
	w.log, w.state = w.log[:0], make([]code, keys)
	for key := range w.stable() {
		if err := w.write(m, store, key, shardmap.Set); err != nil {
			panic(err)
		}
	}
}

// stable returns the number of keys that are always there.
func (w *writer) stable() int { return len(w.state) / 2 }

// The ways to do what a writer does; all have the same effect if nobody else writes the key.
var (
	waysToInsert = []method{store, swap, compute, loadOrStore, loadOrCompute}
	waysToUpdate = []method{store, swap, compute, compareAndSwap}
	waysToDelete = []method{remove, loadAndDelete, compute, compareAndDelete}
)

// step writes a key, and returns an error if the map's answer is not that which only one who writes the key can get.
func (w *writer) step(m target) error {
	stable := w.stable()
	if (len(w.log)-stable)%2 == 0 {
		return w.write(m, waysToUpdate[w.rng.IntN(len(waysToUpdate))], w.rng.IntN(stable), shardmap.Set)
	}
	key := stable + w.rng.IntN(len(w.state)-stable)
	switch {
	case w.state[key] == absent:
		return w.write(m, waysToInsert[w.rng.IntN(len(waysToInsert))], key, shardmap.Set)
	case w.rng.IntN(2) == 0:
		return w.write(m, waysToDelete[w.rng.IntN(len(waysToDelete))], key, shardmap.Remove)
	}
	return w.write(m, waysToUpdate[w.rng.IntN(len(waysToUpdate))], key, shardmap.Set)
}

func (w *writer) write(m target, way method, key int, action shardmap.Op) error {
	o := op{method: way, action: action, key: int32(w.global(key)), arg: codeOf(len(w.log)), old: w.state[key], pause: w.rng.IntN(8) == 0}
	m.do(&o)
	ok, next := keyStep(w.state[key], &o)
	if want := map[bool]code{true: o.arg, false: absent}[action == shardmap.Set]; !ok || next != want {
		return fmt.Errorf("%v by the only writer of a key that holds %d", &o, w.state[key])
	}
	w.state[key] = next
	w.log = append(w.log, write{int32(key), action == shardmap.Remove, o.call, o.ret})
	return nil
}

// A world is a map with its writers, and with readers who look at all of their keys.
type world struct {
	m       target
	before  shardmap.Stats
	writers []writer
	readers []reader
	disturb disturber
}

// A reader takes snapshots of the map, or ranges over it.
type reader struct {
	script
	views []view
}

const (
	worldWriters = 8
	worldReaders = 2
)

// newWorld returns a world in which the readers look so many times, at keys of so many writes.
func newWorld(s *subject, rng *rand.Rand, live bool, looks int) *world {
	w := &world{m: s.make(), writers: make([]writer, worldWriters), readers: make([]reader, worldReaders)}
	keys := 2 * (1 + rng.IntN(12)) // of each writer: 16 to 192 together
	for i := range w.writers {
		w.writers[i] = writer{id: i, writers: worldWriters}
		w.writers[i].rng = newRand(rng)
		w.writers[i].begin(w.m, keys)
	}
	for i := range w.readers {
		r := &w.readers[i]
		r.rng = newRand(rng)
		r.views = make([]view, looks/worldReaders)
		codes := make([]code, len(r.views)*keys*worldWriters)
		for j := range r.views {
			n := keys * worldWriters
			r.views[j] = view{live: live, codes: codes[j*n : (j+1)*n : (j+1)*n]}
		}
	}
	w.disturb.rng = newRand(rng)
	w.disturb.keys, w.disturb.others = worldWriters, firstOther+1<<20
	w.before = w.m.stats()
	return w
}

// run has the writers write until the readers have looked often enough, and returns an error if one of them was given
// a wrong answer.
func (w *world) run() error {
	var over atomic.Bool
	var readers, others sync.WaitGroup
	errs := make([]error, len(w.writers))
	for i := range w.writers {
		others.Go(func() {
			defer witness()
			for errs[i] == nil && !over.Load() {
				errs[i] = w.writers[i].step(w.m)
				w.writers[i].waver(4)
			}
		})
	}
	others.Go(func() {
		defer witness()
		for !over.Load() {
			w.disturb.wave(w.m)
		}
	})
	for i := range w.readers {
		readers.Go(func() {
			defer witness()
			w.readers[i].look(w.m)
		})
	}
	readers.Wait()
	over.Store(true)
	others.Wait()
	return cmp.Or(errs...)
}

func (r *reader) look(m target) {
	for i := range r.views {
		v := &r.views[i]
		m.view(v)
		if r.rng.IntN(16) > 0 {
			v.kept = nil
		}
		r.waver(4)
	}
}

// views returns all that the readers have seen, in the order of the calls.
func (w *world) views() []*view {
	var all []*view
	for i := range w.readers {
		for j := range w.readers[i].views {
			all = append(all, &w.readers[i].views[j])
		}
	}
	slices.SortFunc(all, func(a, b *view) int { return cmp.Compare(a.call, b.call) })
	return all
}

// logs returns the logs of all writers.
func (w *world) logs() []log {
	logs := make([]log, len(w.writers))
	for i := range logs {
		logs[i] = newLog(w.writers[i].log, len(w.writers[i].state))
	}
	return logs
}

// A log is what one writer did, for checking.
type log struct {
	writes []write
	byKey  [][]int32 // the numbers of the writes to each key
}

func newLog(writes []write, keys int) log {
	l := log{writes, make([][]int32, keys)}
	for n, w := range writes {
		l.byKey[w.key] = append(l.byKey[w.key], int32(n))
	}
	return l
}

// left returns what write number n left under its key.
func (l *log) left(n int32) code {
	if l.writes[n].deletes {
		return absent
	}
	return codeOf(int(n))
}

// after returns what a key held after the first n writes.
func (l *log) after(n, key int) code {
	numbers := l.byKey[key]
	i, _ := slices.BinarySearch(numbers, int32(n))
	if i == 0 {
		return absent
	}
	return l.left(numbers[i-1])
}
