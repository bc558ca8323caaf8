package lincheck

import (
	"fmt"
	"math/rand/v2"
	"runtime"
	"testing"

	"github.com/shardmap-go/shardmap"
)

// Every operation on a single key is linearizable: Load, Store, LoadOrStore, LoadAndDelete, Delete, Swap,
// CompareAndSwap, CompareAndDelete, Compute and LoadOrCompute, of Map, RWMap and AtomicMap.
//
// Two to eight goroutines run a few operations each on up to three keys. At the end every key is loaded, so that a
// lost update shows. The disturber makes the map grow, split, copy, rehash and shrink meanwhile. In most
// batches every run has a new map, which is about to change its shape; in some all share one, which grows as they go.
func TestHistoriesOfSingleKeysAreLinearizable(t *testing.T) {
	seed := newSeed(t)
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(0))
	var y tally
	all := subjects()
	want := int64(amount(t, 100_000))
	for batch := uint64(0); y[keyHistories].Load() < want; batch++ {
		rng := rand.New(rand.NewPCG(seed, batch))
		s := all[batch%uint64(len(all))]
		if s.plain() && rng.IntN(4) > 0 {
			continue
		}
		where := fmt.Sprintf("batch %d, %s", batch, s.name)
		crowd(batch)
		ended := mustEnd(seed, where)
		b := newKeyBatch(s, rng)
		b.run()
		ended()
		if err := b.check(&y); err != nil {
			failNow(t, seed, where, err)
		}
	}
	y.finish(t, overlapping, casSuccesses, cadSuccesses, retries, growths, splits, copies, rehashes)
}

// keyRuns is how many runs there are in a batch: enough to make up for starting the goroutines.
const keyRuns = 50

// A keyBatch is a number of runs by the same goroutines, one after the other.
type keyBatch struct {
	scripts []script
	disturb disturber
	shared  bool // all runs are on one map
	runs    [keyRuns]keyRun
}

// A keyRun is what happens to a few keys.
type keyRun struct {
	m      target
	before shardmap.Stats
	keys   int
	ops    [][]op // by member
	finals []op   // by key: a load at the end
	others int    // entries under other keys
}

func newKeyBatch(s *subject, rng *rand.Rand) *keyBatch {
	members := 2 + rng.IntN(7)
	b := &keyBatch{scripts: make([]script, members), shared: s.large || rng.IntN(5) == 0}
	for i := range b.scripts {
		b.scripts[i].rng = newRand(rng)
	}
	b.disturb.rng = newRand(rng)
	one := s.make()
	for i := range b.runs {
		r := &b.runs[i]
		if b.shared {
			r.m = one.from(i << 24)
		} else {
			r.m = s.make()
			r.others = s.almostFull(rng)
			fill(r.m, r.others)
		}
		r.before = r.m.stats()
		r.keys = 1 + rng.IntN(3)
		r.finals = make([]op, r.keys)
		r.ops = make([][]op, members)
		for member := range r.ops {
			r.ops[member] = make([]op, max(4, 36/members))
		}
	}
	return b
}

// run does what check then looks at.
func (b *keyBatch) run() {
	members := len(b.scripts)
	together(members+1, keyRuns, func(member, round int) {
		r := &b.runs[round]
		if member == members {
			b.disturbRun(r)
			return
		}
		s := &b.scripts[member]
		s.start(member, members, r.keys)
		for i := range r.ops[member] {
			o := &r.ops[member][i]
			s.onKey(o)
			r.m.do(o)
			s.learn(o)
			s.waver(4)
		}
	})
	for i := range b.runs {
		for key := range b.runs[i].finals {
			o := &b.runs[i].finals[key]
			*o = op{method: load, key: int32(key)}
			b.runs[i].m.do(o)
		}
	}
}

func (b *keyBatch) disturbRun(r *keyRun) {
	d := &b.disturb
	d.start(len(b.scripts), len(b.scripts)+1, r.keys)
	d.stored = d.stored[:0]
	for range 8 {
		d.disturb(r.m)
		d.waver(4)
	}
	r.others += len(d.stored)
}

// check checks the histories of all keys, and Len.
func (b *keyBatch) check(y *tally) error {
	if err := inParallel(keyRuns, func(i int) error { return b.runs[i].check(y) }); err != nil {
		return err
	}
	n := 0
	for i := range b.runs {
		r := &b.runs[i]
		for _, o := range r.finals {
			if o.got != absent {
				n++
			}
		}
		n += r.others
		if last := i == keyRuns-1; !b.shared || last {
			if got := r.m.len(); got != n {
				return fmt.Errorf("Len() = %d with %d entries", got, n)
			}
			before := r.before
			if b.shared {
				before = b.runs[0].before
			}
			y.addStats(before, r.m.stats())
			n = 0
		}
	}
	return nil
}

// check checks the history of each key.
func (r *keyRun) check(y *tally) error {
	for key := range r.finals {
		h := history{model: keyModel}
		for member, ops := range r.ops {
			for i := range ops {
				if o := &ops[i]; int(o.key) == key {
					h.add(member, o)
					y.addOp(o)
				}
			}
		}
		h.add(len(r.ops), &r.finals[key])
		if h.overlaps() {
			y.add(overlapping, 1)
		}
		if err := h.check(patience); err != nil {
			return err
		}
		y.add(keyHistories, 1)
	}
	return nil
}
