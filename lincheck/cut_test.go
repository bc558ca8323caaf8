package lincheck

import (
	"cmp"
	"fmt"
	"math"
	"math/rand/v2"
	"runtime"
	"slices"
	"testing"
)

// Every snapshot shows the whole map at one instant of its own call, and all snapshots and writes together are
// linearizable.
//
// Eight writers, each with keys of its own, write as fast as they can while two readers take snapshots, one after the
// other. How many writes of each writer a snapshot shows follows from its content (see writer); the list of the eight
// numbers is a cut. Then what remains to be done is to find an instant for each snapshot, and that is easy:
//
//   - Instants of different cuts come in the order of the cuts, so all cuts must have an order: of two, one shows no
//     less than the other of any writer.
//   - The instant lies between call and return of the snapshot, after the call of every write that it shows, and before
//     the return of every write that it does not show.
//   - If each snapshot, in the order of the cuts, takes the earliest instant that is left, all find one if they can.
//
// The writes then fit in between: a write goes after the last snapshot that does not show it and its own call, and
// before the first snapshot that does show it and its own return.
func TestSnapshotsAmongEightWritersAreLinearizable(t *testing.T) {
	seed := newSeed(t)
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(0))
	var y tally
	want := int64(amount(t, 300_000))
	var all []*subject
	for _, s := range subjects() {
		if !s.plain() {
			all = append(all, s)
		}
	}
	for round := uint64(0); y[snapshots].Load() < want; round++ {
		s := all[round%uint64(len(all))]
		w := newWorld(s, rand.New(rand.NewPCG(seed, round)), false, 1000)
		where := fmt.Sprintf("round %d, %s", round, s.name)
		crowd(round)
		ended := mustEnd(seed, where)
		err := w.run()
		ended()
		if err == nil {
			err = w.checkCuts(&y)
		}
		if err != nil {
			failNow(t, seed, where, err)
		}
		w.addTo(&y, snapshots)
	}
	y.finish(t, amidWrites, splits, copies, rehashes)
}

// addTo counts what was checked and what happened.
func (w *world) addTo(y *tally, looks count) {
	for i := range w.readers {
		y.add(looks, len(w.readers[i].views))
	}
	for i := range w.writers {
		y.add(writes, len(w.writers[i].log))
	}
	y.addStats(w.before, w.m.stats())
}

// A cut says which writes a snapshot shows: the first so many of each writer.
type cut struct {
	*view
	shown [worldWriters]int
	sum   int
	// The instant of the snapshot is after the one and before the other.
	after, before int64
}

// checkCuts checks all snapshots.
func (w *world) checkCuts(y *tally) error {
	logs := w.logs()
	views := w.views()
	cuts := make([]cut, len(views))
	err := inParallel(len(views), func(i int) (err error) {
		cuts[i], err = newCut(logs, views[i])
		if err == nil && views[i].kept != nil {
			err = w.checkKept(views[i])
		}
		return err
	})
	if err != nil {
		return err
	}
	for i := range cuts {
		if cuts[i].amid(logs) {
			y.add(amidWrites, 1)
		}
	}
	return checkOrder(cuts)
}

// checkKept demands that a snapshot still shows what it did.
func (w *world) checkKept(v *view) error {
	now := view{codes: make([]code, len(v.codes)), kept: v.kept}
	w.m.view(&now)
	if !slices.Equal(now.codes, v.codes) || now.others != v.others {
		return fmt.Errorf("a snapshot showed %v and %d others, and at the end %v and %d", v.codes, v.others, now.codes, now.others)
	}
	return nil
}

// newCut finds out which writes a view shows, and returns an error if it does not show the first so many of each writer.
func newCut(logs []log, v *view) (cut, error) {
	c := cut{view: v, after: v.call, before: v.ret}
	present := v.others
	for _, code := range v.codes {
		if code != absent {
			present++
		}
	}
	if v.twice >= 0 || present != v.len {
		return c, fmt.Errorf("a snapshot with Len() = %d shows %d keys, and key %d twice", v.len, present, v.twice)
	}
	for id := range logs {
		l := &logs[id]
		n := l.shown(func(key int) code { return v.codes[key*len(logs)+id] })
		for key := range l.byKey {
			if got, want := v.codes[key*len(logs)+id], l.after(n, key); got != want {
				return c, fmt.Errorf("a snapshot (%d – %d) shows writer %d after %d writes, but key %d with %d instead of %d",
					v.call, v.ret, id, n, key, got, want)
			}
		}
		c.shown[id] = n
		c.sum += n
		if n > 0 {
			c.after = max(c.after, l.writes[n-1].call)
		}
		if n < len(l.writes) {
			c.before = min(c.before, l.writes[n].ret)
		}
	}
	if c.after >= c.before {
		return c, fmt.Errorf("a snapshot (%d – %d) shows the writes %v of the writers: one of them was called at %d, and one that it does "+
			"not show had returned at %d", v.call, v.ret, c.shown, c.after, c.before)
	}
	return c, nil
}

// shown returns how many writes there must have been for the keys to hold what they hold, if any number will do.
func (l *log) shown(held func(key int) code) int {
	n := 0
	for key := range l.byKey {
		if c := held(key); c != absent {
			n = max(n, int(c-zero)+1)
		}
	}
	// The last write may have been a deletion, which left no number.
	if n < len(l.writes) && l.writes[n].deletes && held(int(l.writes[n].key)) == absent {
		n++
	}
	return n
}

// amid reports whether a write was under way while the snapshot was taken.
func (c *cut) amid(logs []log) bool {
	for id := range logs {
		writes := logs[id].writes
		if n := c.shown[id]; n > 0 && writes[n-1].ret > c.call || n < len(writes) && writes[n].call < c.ret {
			return true
		}
	}
	return false
}

// checkOrder looks for an instant for each snapshot.
func checkOrder(cuts []cut) error {
	slices.SortFunc(cuts, func(a, b cut) int { return cmp.Or(cmp.Compare(a.sum, b.sum), cmp.Compare(a.call, b.call)) })
	earliest := int64(math.MinInt64)
	for i := range cuts {
		c := &cuts[i]
		if i > 0 {
			for id, n := range c.shown {
				if last := &cuts[i-1]; n < last.shown[id] {
					return fmt.Errorf("of two snapshots (%d – %d and %d – %d) each shows a write that the other does not: %v and %v",
						last.call, last.ret, c.call, c.ret, last.shown, c.shown)
				}
			}
		}
		earliest = max(earliest, c.after)
		if earliest >= c.before {
			return fmt.Errorf("a snapshot (%d – %d) shows the writes %v, and was taken before %d; but one that shows no more was taken after %d",
				c.call, c.ret, c.shown, c.before, earliest)
		}
	}
	return nil
}
