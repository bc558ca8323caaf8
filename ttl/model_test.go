package ttl_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/shardmap-go/shardmap"
	"github.com/shardmap-go/shardmap/ttl"
)

// The model test walks through random operations, with a clock that it moves, and compares every result with a plain Go
// map of values and deadlines. Every value is stored once. So the walk knows of each value whether it is live, and that
// it is reported exactly once, with the right reason, and when. This file has the model, model_ops_test.go the operations.

// modelEntry is what the model knows of a key.
type modelEntry struct {
	value     int
	err       error // cached for LoadOrCompute; then there is no value
	deadline  int64
	idle, end int64
}

const never = int64(1) << 61

type walk struct {
	t     *testing.T
	seed  uint64
	rng   *rand.Rand
	step  int
	what  string
	clock fakeClock
	m     *ttl.Map[int, int]

	lifetime ttl.Lifetime
	max      int
	policy   ttl.Policy

	content map[int]modelEntry // those that have expired and were not reported yet, too
	keyOf   map[int]int        // of each value ever stored
	wanted  map[int]ttl.Reason // values that the present operation has to report
	next    int                // value
}

type modelConfig struct {
	name     string
	lifetime ttl.Lifetime
	max      int
	policy   ttl.Policy
	keys     int
}

func TestModelRandomOperationsAgreeWithAPlainMapOfDeadlines(t *testing.T) {
	seed := testSeed(t)
	for _, c := range []modelConfig{
		{name: "default", keys: 12},
		{name: "fixed", keys: 12, lifetime: ttl.Lifetime{TTL: 3 * time.Second}},
		{name: "idle", keys: 12, lifetime: ttl.Lifetime{Idle: time.Second}},
		{name: "both", keys: 100, lifetime: ttl.Lifetime{TTL: 3 * time.Second, Idle: time.Second}},
		{name: "reject", keys: 12, lifetime: ttl.Lifetime{TTL: time.Second}, max: 6, policy: ttl.Reject},
		{name: "reject one", keys: 3, lifetime: ttl.Lifetime{Idle: time.Second}, max: 1, policy: ttl.Reject},
		{name: "evict", keys: 200, lifetime: ttl.Lifetime{TTL: 3 * time.Second, Idle: time.Second}, max: 60, policy: ttl.Evict},
		{name: "evict one", keys: 3, max: 1, policy: ttl.Evict},
		{name: "many", keys: 3000, lifetime: ttl.Lifetime{TTL: time.Minute}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			for i := range uint64(amount(24)) {
				newWalk(t, seed+i, c).run(c.keys, 1500)
			}
		})
	}
}

func newWalk(t *testing.T, seed uint64, c modelConfig) *walk {
	w := &walk{t: t, seed: seed, rng: rand.New(rand.NewPCG(seed, 1)), lifetime: c.lifetime, max: c.max, policy: c.policy,
		content: map[int]modelEntry{}, keyOf: map[int]int{}, wanted: map[int]ttl.Reason{}}
	w.clock.ns.Store(w.rng.Int64N(1 << 60))
	options := []ttl.Option{ttl.WithClock(w.clock.now), ttl.WithLifetime(c.lifetime), ttl.WithOnEvict(w.onEvict)}
	if c.max > 0 {
		options = append(options, ttl.WithMaxEntries(c.max, c.policy))
	}
	w.m = ttl.New[int, int](options...)
	return w
}

func (w *walk) failf(format string, args ...any) {
	w.t.Helper()
	w.t.Fatalf("seed %d, step %d, %s: %s", w.seed, w.step, w.what, fmt.Sprintf(format, args...))
}

func (w *walk) now() int64 { return w.clock.ns.Load() }

func (w *walk) run(keys, steps int) {
	for w.step = range steps {
		key := w.rng.IntN(keys)
		operation := modelOperations[w.rng.IntN(len(modelOperations))]
		w.what = fmt.Sprintf("%s(%d)", operation.name, key)
		operation.run(w, key)
		w.checkWanted()
		if n := w.m.Len(); n > len(w.content) || w.max > 0 && n > w.max {
			w.failf("Len() = %d, the model holds %d entries, the limit is %d", n, len(w.content), w.max)
		}
	}
	w.what = "at the end"
	w.collect()
	w.checkWanted()
	w.clear()
	w.checkWanted()
	if len(w.keyOf) > 0 {
		w.failf("never reported: %v", w.keyOf)
	}
}

func (w *walk) checkWanted() {
	w.t.Helper()
	if len(w.wanted) > 0 {
		w.failf("not reported: %v", w.wanted)
	}
}

// onEvict checks one report.
func (w *walk) onEvict(key, value int, reason ttl.Reason) {
	if want, ok := w.wanted[value]; ok {
		if want != reason || w.keyOf[value] != key {
			w.failf("value %d reported as %v of %d, want %v of %d", value, reason, key, want, w.keyOf[value])
		}
		delete(w.wanted, value)
		delete(w.keyOf, value)
		return
	}
	// The operation was free to remove it. The callback sees the map without it.
	e, ok := w.content[key]
	switch {
	case !ok || e.value != value || e.err != nil:
		w.failf("value %d of %d reported as %v, the model has %+v", value, key, reason, e)
	case reason == ttl.Expired && w.now() < e.deadline:
		w.failf("value %d of %d reported as %v %v before its deadline", value, key, reason, time.Duration(e.deadline-w.now()))
	case reason == ttl.Evicted && (w.policy != ttl.Evict || e.deadline <= w.now()):
		w.failf("value %d of %d with deadline %d evicted at %d", value, key, e.deadline, w.now())
	case reason != ttl.Expired && reason != ttl.Evicted:
		w.failf("value %d of %d reported as %v", value, key, reason)
	}
	delete(w.content, key)
	delete(w.keyOf, value)
}

// live returns the entry of key if it has a value that has not expired.
func (w *walk) live(key int) (modelEntry, bool) {
	e, ok := w.content[key]
	return e, ok && e.err == nil && w.now() < e.deadline
}

// failure returns the error that is cached for key.
func (w *walk) failure(key int) error {
	if e, ok := w.content[key]; ok && w.now() < e.deadline {
		return e.err
	}
	return nil
}

// liveEntries returns how many entries take up room, errors included.
func (w *walk) liveEntries() int {
	n := 0
	for _, e := range w.content {
		if w.now() < e.deadline {
			n++
		}
	}
	return n
}

// hasRoom says whether key can be stored.
func (w *walk) hasRoom(key int) bool {
	e, ok := w.content[key]
	return w.policy != ttl.Reject || ok && w.now() < e.deadline || w.liveEntries() < w.max
}

// leaves is what the model does before key gets another entry, or none.
func (w *walk) leaves(key int, reason ttl.Reason) {
	e, ok := w.content[key]
	if !ok {
		return
	}
	if w.now() >= e.deadline {
		reason = ttl.Expired
	}
	if e.err == nil {
		w.wanted[e.value] = reason
	}
	delete(w.content, key)
}

// enters is what the model does when value is stored.
func (w *walk) enters(key, value int, l ttl.Lifetime) {
	w.keyOf[value] = key
	w.content[key] = w.entry(value, l)
}

func (w *walk) entry(value int, l ttl.Lifetime) modelEntry {
	if l == (ttl.Lifetime{}) {
		l = w.lifetime
	}
	e := modelEntry{value: value, end: never}
	if l.TTL != 0 && l.TTL != ttl.Forever {
		e.end = w.now() + int64(max(l.TTL, 0))
	}
	if e.deadline = e.end; l.Idle > 0 {
		e.idle = int64(l.Idle)
		e.deadline = min(w.now()+e.idle, e.end)
	}
	return e
}

// used is what the model does when a load has found key.
func (w *walk) used(key int) {
	e := w.content[key]
	if next := min(w.now()+e.idle, e.end); e.idle > 0 && next-e.deadline >= e.idle/16 {
		e.deadline = next
	}
	w.content[key] = e
}

func (w *walk) newValue() int {
	w.next++
	return w.next
}

// randomLifetime is without jitter, which no model can know.
func (w *walk) randomLifetime() ttl.Lifetime {
	d := func() time.Duration { return time.Duration(w.rng.Int64N(1 << w.rng.IntN(45))) }
	switch w.rng.IntN(6) {
	case 0:
		return ttl.Lifetime{TTL: d()}
	case 1:
		return ttl.Lifetime{Idle: d()}
	case 2:
		return ttl.Lifetime{TTL: d(), Idle: d()}
	case 3:
		return ttl.Lifetime{TTL: ttl.Forever}
	case 4:
		return ttl.Lifetime{TTL: -d()}
	}
	return ttl.Lifetime{}
}

var errModel = errors.New("no such thing")

func (w *walk) checkStored(key int, err error, room bool) bool {
	w.t.Helper()
	if room != (err == nil) || !room && !errors.Is(err, ttl.ErrFull) {
		w.failf("error %v; there is room: %v", err, room)
	}
	return room
}

// collect is Collect, of which the model knows exactly what is left; unless errors were evicted, of which nobody is told.
// A map that is full collects without being asked.
func (w *walk) collect() {
	values, errs := 0, 0
	for key, e := range w.content {
		switch {
		case w.now() < e.deadline:
			continue
		case e.err == nil:
			values++
		default:
			errs++
		}
		w.leaves(key, ttl.Expired)
	}
	n := w.m.Collect()
	if n < values || n > values+errs || w.max == 0 && n != values+errs {
		w.failf("Collect() = %d, want %d values and %d errors", n, values, errs)
	}
	if w.policy != ttl.Evict && w.m.Len() != len(w.content) {
		w.failf("Len() = %d after Collect, want %d", w.m.Len(), len(w.content))
	}
}

func (w *walk) clear() {
	for key := range w.content {
		w.leaves(key, ttl.Cleared)
	}
	if w.m.Clear(); w.m.Len() != 0 {
		w.failf("Len() = %d", w.m.Len())
	}
}

// compute is Compute of a key that has e, or no value that has not expired.
func (w *walk) compute(key int, e modelEntry, loaded bool, op shardmap.Op, value int) (int, bool, error) {
	return w.m.Compute(key, func(old int, has bool) (int, shardmap.Op) {
		if has != loaded || has && old != e.value {
			w.failf("fn is told %d, %v, want %d, %v", old, has, e.value, loaded)
		}
		return value, op
	})
}

func (w *walk) loadOrCompute(key, value int, l ttl.Lifetime, err error) (got int, called bool, gotErr error) {
	got, gotErr = w.m.LoadOrCompute(context.Background(), key, func(context.Context) (int, ttl.Lifetime, error) {
		called = true
		return value, l, err
	})
	return got, called, gotErr
}
