package lincheck

import (
	"fmt"
	"math/rand/v2"
	"runtime"
	"slices"
	"testing"
)

// Range on a map that is being written shows no instant. What it promises is weaker: no key is shown twice; a key that
// is present during the whole call is shown, and one that is absent during the whole call is not; and the value of each
// key is one that it had during the call.
//
// Eight writers, each with keys of its own, write as fast as they can while two readers range over the map. What a key
// may have held during a call is what it held after the last write that returned before the call, and after each write
// that was called before Range returned. (What was written by one that was under way at the call, or at the return, may
// or may not have been there, so the check gives Range the benefit of the doubt.)
func TestRangesAmongEightWritersShowWhatWasThere(t *testing.T) {
	seed := newSeed(t)
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(0))
	var y tally
	all := subjects()
	want := int64(amount(t, 60_000))
	rare := func() bool { return y[copies].Load() > 0 && y[rehashes].Load() > 0 }
	for round := uint64(0); y[ranges].Load() < want || !rare() && round < 1000; round++ {
		s := all[round%uint64(len(all))]
		looks := 200
		if s.plain() {
			looks = 60
		}
		w := newWorld(s, rand.New(rand.NewPCG(seed, round)), true, looks)
		where := fmt.Sprintf("round %d, %s", round, s.name)
		crowd(round)
		ended := mustEnd(seed, where)
		err := w.run()
		ended()
		if err == nil {
			err = w.checkRanges(&y)
		}
		if err != nil {
			failNow(t, seed, where, err)
		}
		w.addTo(&y, ranges)
	}
	y.finish(t, amidWrites, splits, copies, rehashes)
}

// checkRanges checks all that the readers have seen.
func (w *world) checkRanges(y *tally) error {
	logs := w.logs()
	views := w.views()
	return inParallel(len(views), func(i int) error {
		amid, err := checkRange(logs, views[i])
		if amid {
			y.add(amidWrites, 1)
		}
		return err
	})
}

// checkRange checks what one call has shown. It reports whether the call had a choice, because a key was written
// meanwhile.
func checkRange(logs []log, v *view) (choice bool, err error) {
	if v.twice >= 0 {
		return false, fmt.Errorf("Range shows key %d twice", v.twice)
	}
	for i, got := range v.codes {
		l, key := &logs[i%len(logs)], i/len(logs)
		possible := l.during(v.call, v.ret, key)
		choice = choice || len(possible) > 1
		if !slices.Contains(possible, got) {
			// got may also be a value that the key was given and lost again within the call, as a key that was deleted
			// and inserted may not be shown at all; possible has all of these.
			return choice, fmt.Errorf("Range (%d – %d) shows key %d of writer %d with %d; what it held then is in %d",
				v.call, v.ret, key, i%len(logs), got, possible)
		}
	}
	return choice, nil
}

// during returns what a key may have held between two instants.
func (l *log) during(from, to int64, key int) []code {
	numbers := l.byKey[key]
	i, _ := slices.BinarySearchFunc(numbers, from, func(n int32, from int64) int {
		if l.writes[n].ret < from {
			return -1
		}
		return 1
	})
	possible := []code{absent}
	if i > 0 {
		possible[0] = l.left(numbers[i-1])
	}
	for ; i < len(numbers) && l.writes[numbers[i]].call < to; i++ {
		possible = append(possible, l.left(numbers[i]))
	}
	return possible
}
