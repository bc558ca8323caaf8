package shardmap

import (
	"runtime"
	"time"

	"github.com/shardmap-go/shardmap/internal/sched/atomic"
	"github.com/shardmap-go/shardmap/internal/sched/sync"
)

// Lanes keep writers and snapshots apart.
//
// Every write is inside one lane from before it looks at the directory until after it took effect, and a delete until its
// entry is out of every bucket. (Those that go on from a lookup look before, and inside whether the directory is the same
// still, which makes it as if they had looked there.) Whoever needs the
// whole map at one instant – Snapshot, Clear, Replace, a rebuild – closes all lanes and waits until nobody is inside;
// then no write is under way anywhere, and whatever a writer sees afterwards was published before. It is a readers–
// writer lock with the writers of the map in the part of the readers, spread over several cache lines: entering and
// leaving costs two atomic additions on a line that, as a rule, no other core touches, for goroutines pick their
// lanes by the address of their stack, which is cheap and stable.
//
// The lanes also count the entries: the addition that leaves a lane adds what was inserted or deleted inside.
//
//	state:  63                      25   24   23               0
//	       ┌──────────────────────────┬────────┬────────────────┐
//	       │ inserted less deleted    │ closed │ writers inside │
//	       └──────────────────────────┴────────┴────────────────┘
//
// A writer that finds its lane closed by the very addition that enters it leaves again without having done anything,
// and waits at the gate, which the closer holds. So once the closer has seen a closed lane with nobody inside, nobody
// will be inside until it opens the lane again, though the number may still go up and down.
//
// A map begins with one lane, and gets a full set when it has grown past one shard or when goroutines take turns at
// the lane quickly. The lanes of a set that was exchanged stay closed for ever.
//
// Order of locks: gate, lane, shard, Map.grow. Nobody enters a lane while inside one.
// Package-internal use:
//
//	l := m.enter()              ls := m.exclude()
//	…                           …
//	l.leave(inserted - deleted) m.open(ls)
type writers struct {
	lanes atomic.Pointer[laneSet] // nil until the first write
	gate  sync.Mutex              // held while the lanes are closed
}

type lane struct {
	state atomic.Int64
	left  sync.Signal       // given by the last one who leaves the closed lane
	_     [128 - 8 - 8]byte // two cache lines, because processors fetch them in pairs
}

const (
	laneClosed = 1 << 24
	laneInside = laneClosed - 1
	laneEntry  = 1 << laneEntryShift // one entry more

	laneEntryShift = 25
)

type laneSet struct {
	lanes []lane
	mask  uint64 // len(lanes) - 1

	// Signs that a single lane is fought over.
	last  atomic.Uintptr // the stack of the last writer
	turns atomic.Uint32  // times that it changed
	since atomic.Int64   // when turns was last a multiple of turnsChecked
}

const (
	// turnsChecked changes of writer within turnsTime make a lane fought over: one change in 4 µs, a rate at which
	// the exchange of its cache line begins to be seen in the writers' time. Chosen by hand, not measured.
	turnsChecked = 256
	turnsTime    = time.Millisecond

	// maxLanes bounds the time that a snapshot needs to close and open them all.
	maxLanes = 64 - 62*exploring
)

func newLaneSet(n, entries int) *laneSet {
	ls := &laneSet{lanes: make([]lane, n), mask: uint64(n) - 1}
	left := sync.NewSignal()
	for i := range ls.lanes {
		ls.lanes[i].left = left
	}
	ls.add(entries)
	return ls
}

// fullLanes returns the number of lanes for a map that many write: four for each processor, which makes it unlikely
// that two goroutines that run at the same time meet in one.
func fullLanes() int {
	return min(maxLanes, 4<<ceilLog2(uint64(runtime.GOMAXPROCS(0))))
}

func (ls *laneSet) pick() *lane {
	return &ls.lanes[uint64(sync.Stack())*mix1>>58&ls.mask]
}

// foughtOver reports whether writers of different goroutines take turns quickly.
func (ls *laneSet) foughtOver() bool {
	me := sync.Stack()
	if ls.last.Load() == me {
		return false
	}
	ls.last.Store(me)
	if ls.turns.Add(1)%turnsChecked != 0 {
		return false
	}
	now := time.Now().UnixNano()
	return now-ls.since.Swap(now) < int64(turnsTime)
}

// len returns the number of entries: exact if all lanes are closed or nobody writes.
func (ls *laneSet) len() int {
	n := int64(0)
	for i := range ls.lanes {
		n += ls.lanes[i].state.Load() >> laneEntryShift
	}
	n = n << laneEntryShift >> laneEntryShift // each lane may have wrapped; the sum is right modulo 2³⁹
	return int(max(n, 0))
}

// add changes the number of entries by n.
func (ls *laneSet) add(n int) { ls.lanes[0].state.Add(int64(n) * laneEntry) }

// enter waits until a lane is open, and enters it.
func (w *writers) enter() *lane {
	if ls := w.lanes.Load(); ls != nil && ls.mask != 0 {
		l := ls.pick()
		if l.state.Add(1)&laneClosed == 0 {
			return l
		}
		w.wait(l)
	}
	return w.enterSlowly()
}

func (w *writers) enterSlowly() *lane {
	for {
		switch ls := w.lanes.Load(); {
		case ls == nil:
			w.first()
		case ls.mask == 0 && ls.foughtOver():
			w.widen()
		default:
			l := ls.pick()
			if l.state.Add(1)&laneClosed == 0 {
				return l
			}
			w.wait(l)
		}
	}
}

// wait leaves a lane that turned out to be closed, and waits until the lanes are opened.
func (w *writers) wait(l *lane) {
	l.leave(0)
	w.gate.Lock() // held while lanes are closed
	//lint:ignore SA2001 waiting is all there is to do
	w.gate.Unlock()
}

// leave leaves the lane, and adds to the number of entries what was inserted less what was deleted inside.
func (l *lane) leave(entries int64) {
	if s := l.state.Add(entries*laneEntry - 1); s&(laneClosed|laneInside) == laneClosed {
		l.left.Notify()
	}
}

// first returns the lanes, and makes the first one.
func (w *writers) first() *laneSet {
	w.lanes.CompareAndSwap(nil, newLaneSet(1, 0))
	return w.lanes.Load()
}

// exclude closes all lanes and waits until nobody is inside. The caller opens them.
func (w *writers) exclude() *laneSet {
	w.gate.Lock()
	ls := w.lanes.Load()
	if ls == nil {
		ls = w.first()
	}
	for i := range ls.lanes {
		ls.lanes[i].state.Add(laneClosed)
	}
	for i := range ls.lanes {
		for spins := 0; ls.lanes[i].state.Load()&laneInside != 0; spins++ {
			if spins > sync.Spins { // a write takes less, unless it splits a shard or its goroutine is not running
				ls.lanes[i].left.Wait()
			}
		}
	}
	return ls
}

// open ends what exclude began.
func (w *writers) open(ls *laneSet) {
	for i := range ls.lanes {
		ls.lanes[i].state.Add(-laneClosed)
	}
	w.gate.Unlock()
}

// widen exchanges a single lane for a full set.
func (w *writers) widen() {
	ls := w.exclude()
	if n := fullLanes(); len(ls.lanes) < n {
		w.lanes.Store(newLaneSet(n, ls.len()))
		w.gate.Unlock() // and leave the old lane closed
		return
	}
	w.open(ls)
}
