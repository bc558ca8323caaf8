package lincheck

import (
	"math/rand/v2"
	"runtime"

	"github.com/shardmap-go/shardmap"
)

// A script makes up the operations of one goroutine in one history.
type script struct {
	rng    *rand.Rand
	keys   int
	fresh  code          // the next value that nobody has stored
	limit  code          // the first value that belongs to somebody else
	seen   [maxKeys]code // the last value that the goroutine knows the key to have had
	others int           // the next key that is only counted
}

func newRand(rng *rand.Rand) *rand.Rand { return rand.New(rand.NewPCG(rng.Uint64(), rng.Uint64())) }

// start sets up the script of a member for a history. Each member has its own values.
func (s *script) start(member, members, keys int) {
	const repeated = first + 3 // the values below are everybody's
	span := (poison - repeated) / code(members)
	s.keys = keys
	s.fresh = repeated + code(member)*span
	s.limit = s.fresh + span
	s.seen = [maxKeys]code{}
	s.others = firstOther + (member+1)<<16
}

// weights says how often each method on a single key is taken.
var weights = [...]method{load, load, load, load, store, store, loadOrStore, loadOrStore, loadAndDelete, loadAndDelete, remove,
	swap, swap, compareAndSwap, compareAndSwap, compareAndSwap, compareAndDelete, compareAndDelete, compute, compute, compute,
	loadOrCompute, loadOrCompute}

// onKey makes up an operation on one key.
func (s *script) onKey(o *op) {
	key := s.rng.IntN(s.keys)
	*o = op{method: weights[s.rng.IntN(len(weights))], key: int32(key), arg: s.value(), old: s.seen[key], pause: s.rng.IntN(2) == 0}
	if o.old == absent || s.rng.IntN(8) == 0 {
		o.old = zero + code(s.rng.IntN(3))
	}
	o.action = []shardmap.Op{shardmap.Keep, shardmap.Set, shardmap.Set, shardmap.Remove}[s.rng.IntN(4)]
	o.fails = s.rng.IntN(4) == 0
}

// value returns a value to store: mostly one that nobody has stored, sometimes one that many have, so that a key comes
// back to an old value between somebody's look and somebody's compare-and-swap.
func (s *script) value() code {
	if s.fresh == s.limit || s.rng.IntN(4) == 0 {
		return zero + code(s.rng.IntN(3))
	}
	s.fresh++
	return s.fresh - 1
}

// learn notes what the answer tells about the key.
func (s *script) learn(o *op) {
	switch {
	case o.method >= snapshot || o.key >= maxKeys:
	case o.got >= zero && o.method != swap && o.method != loadAndDelete:
		s.seen[o.key] = o.got
	case o.method == store, o.method == swap, o.method == compareAndSwap && o.ok:
		s.seen[o.key] = o.arg
	}
}

// waver lets others run, one time in n, which on few processors they seldom would.
func (s *script) waver(n int) {
	if s.rng.IntN(n) == 0 {
		runtime.Gosched()
	}
}

// A disturber changes what the tested keys live in, but not what they hold: it makes the map grow, split shards, share
// memory with snapshots and clones, and shrink.
type disturber struct {
	script
	stored []int32 // other keys that are in the map
	held   [4]any  // snapshots
}

// disturb takes one step. It returns the operation if it was one on an entry.
func (d *disturber) disturb(m target) *op {
	switch n := d.rng.IntN(16); {
	case n < 7:
		return d.insert(m)
	case n < 10 && len(d.stored) > 0:
		return d.delete(m)
	case n < 14:
		d.held[d.rng.IntN(len(d.held))] = m.share(false, d.keys)
	case n < 15:
		m.share(true, d.keys)
	default:
		m.shrink()
	}
	return nil
}

func (d *disturber) insert(m target) *op {
	o := &op{method: store, key: int32(d.others), arg: unchecked}
	d.others++
	d.stored = append(d.stored, o.key)
	m.do(o)
	return o
}

func (d *disturber) delete(m target) *op {
	last := len(d.stored) - 1
	o := &op{method: loadAndDelete, key: d.stored[last]}
	d.stored = d.stored[:last]
	m.do(o)
	return o
}

// wave inserts many keys and deletes them again, and often shrinks the map then, so that the next wave splits shards
// like the first one.
func (d *disturber) wave(m target) {
	for range d.rng.IntN(1000) {
		d.insert(m)
		d.waver(16)
	}
	d.disturb(m)
	for len(d.stored) > 0 {
		d.delete(m)
		d.waver(16)
	}
	if d.rng.IntN(2) == 0 {
		m.shrink()
	}
}

// fill stores n entries under other keys.
func fill(m target, n int) {
	o := op{method: store, arg: unchecked}
	for i := range n {
		o.key = int32(firstOther + i)
		m.do(&o)
	}
}

// almostFull returns how many entries to begin with so that a few more make the map change its shape.
func (s *subject) almostFull(rng *rand.Rand) int {
	return max(0, s.full[rng.IntN(len(s.full))]-rng.IntN(5))
}
