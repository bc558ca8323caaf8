package lincheck

import (
	"fmt"
	"math/rand/v2"
	"runtime"
	"testing"

	"github.com/shardmap-go/shardmap"
)

// Snapshot, Clone, Clear and Replace take effect for all keys at one instant, and are linearizable together with the
// operations on single keys. Of the two other implementations, ToMap and Update take the part of Snapshot and Replace.
//
// Three or four goroutines run operations on two to four keys and on the whole map, which nobody can check key by key.
// The insertions and deletions of other keys by the disturber are part of the history: a snapshot, a clone, and what
// Replace returns must have exactly so many entries. At the end, snapshots still show what they showed, and Len and
// Range agree with another snapshot.
func TestHistoriesOfWholeMapsAreLinearizable(t *testing.T) {
	seed := newSeed(t)
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(0))
	var y tally
	all := subjects()
	want := int64(amount(t, 20_000))
	for batch := uint64(0); y[wholeHistories].Load() < want; batch++ {
		rng := rand.New(rand.NewPCG(seed, batch))
		s := all[batch%uint64(len(all))]
		if s.large || s.plain() && rng.IntN(4) > 0 {
			continue
		}
		where := fmt.Sprintf("batch %d, %s", batch, s.name)
		crowd(batch)
		ended := mustEnd(seed, where)
		b := newWholeBatch(s, rng)
		b.run()
		ended()
		if err := inParallel(wholeRuns, func(i int) error { return b.runs[i].check(&y) }); err != nil {
			failNow(t, seed, where, err)
		}
	}
	y.finish(t, overlapping, casSuccesses, cadSuccesses, retries, wholeWrites, growths, splits, copies, rehashes)
}

// wholeRuns is how many runs there are in a batch of runs by the same goroutines.
const wholeRuns = 25

type wholeBatch struct {
	subject *subject
	scripts []script
	disturb disturber
	runs    [wholeRuns]wholeRun
}

// A wholeRun is what happens to one map.
type wholeRun struct {
	m       target
	before  shardmap.Stats
	keys    int
	seldom  int    // one in so many operations wipes the map
	filling op     // puts there what is there at the beginning
	ops     [][]op // by member
	others  []*op  // of the disturber
}

func newWholeBatch(s *subject, rng *rand.Rand) *wholeBatch {
	b := &wholeBatch{subject: s, scripts: make([]script, 3+rng.IntN(2))}
	for i := range b.scripts {
		b.scripts[i].rng = newRand(rng)
	}
	b.disturb.rng = newRand(rng)
	for i := range b.runs {
		r := &b.runs[i]
		r.m = s.make()
		r.keys = 2 + rng.IntN(maxKeys-1)
		r.seldom = []int{8, 32, 1 << 30}[rng.IntN(3)]
		n := s.almostFull(rng)
		r.filling = op{method: replace, call: tick(), content: new(contents), next: &contents{others: int32(n)}}
		fill(r.m, n)
		r.filling.ret = tick()
		r.before = r.m.stats()
		r.ops = make([][]op, len(b.scripts))
		for member := range r.ops {
			r.ops[member] = make([]op, 6+rng.IntN(4))
		}
	}
	return b
}

// run does what check then looks at.
func (b *wholeBatch) run() {
	members := len(b.scripts)
	together(members+1, wholeRuns, func(member, round int) {
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
			switch {
			case s.rng.IntN(r.seldom) == 0:
				s.wiping(o, b.subject.wipes)
			case s.rng.IntN(4) == 0:
				*o = op{method: b.subject.looks[s.rng.IntN(len(b.subject.looks))], pause: o.pause}
			}
			r.m.do(o)
			s.learn(o)
			s.waver(4)
		}
	})
}

func (b *wholeBatch) disturbRun(r *wholeRun) {
	d := &b.disturb
	d.start(len(b.scripts), len(b.scripts)+1, r.keys)
	d.stored = d.stored[:0]
	for range 8 {
		if o := d.disturb(r.m); o != nil {
			r.others = append(r.others, o)
		}
		d.waver(4)
	}
}

// wiping makes up an operation that replaces the content of the whole map.
func (s *script) wiping(o *op, methods []method) {
	*o = op{method: methods[s.rng.IntN(len(methods))], pause: o.pause, key: int32(s.others), next: new(contents)}
	if o.method == replace {
		for key := range s.keys {
			if s.rng.IntN(2) == 0 {
				o.next.codes[key] = s.value()
			}
		}
		o.next.others = int32([]int{0, 1, 5, 20, 157}[s.rng.IntN(5)])
		s.others += int(o.next.others)
	}
}

// check checks the history, and what is there at the end.
func (r *wholeRun) check(y *tally) error {
	h := history{model: wholeModel}
	h.add(0, &r.filling)
	for member, ops := range r.ops {
		for i := range ops {
			h.add(member, &ops[i])
			y.addOp(&ops[i])
		}
	}
	if h.overlaps() {
		y.add(overlapping, 1)
	}
	for _, o := range r.others {
		h.add(len(r.ops), o)
	}
	final := op{method: snapshot}
	r.m.do(&final)
	h.add(0, &final)
	if err := h.check(patience); err != nil {
		return err
	}
	y.add(wholeHistories, 1)
	y.addStats(r.before, r.m.stats())
	return r.checkEnd(&final)
}

// checkEnd checks what shows the content of a map that nobody writes any more.
func (r *wholeRun) checkEnd(final *op) error {
	if got, want := r.m.len(), final.content.len(); got != want {
		return fmt.Errorf("Len() = %d with %d entries", got, want)
	}
	ranged := view{live: true, codes: make([]code, maxKeys)}
	r.m.view(&ranged)
	if c := (contents{[maxKeys]code(ranged.codes), int32(ranged.others)}); ranged.twice >= 0 || c != *final.content {
		return fmt.Errorf("Range shows %v, and key %d twice; a snapshot shows %v", &c, ranged.twice, final.content)
	}
	for _, ops := range r.ops {
		for i := range ops {
			if o := &ops[i]; o.kept != nil {
				if now := r.m.again(o); *now != *o.content {
					return fmt.Errorf("a snapshot showed %v, and shows %v at the end", o.content, now)
				}
			}
		}
	}
	return nil
}
