package shardmap

import (
	"runtime"
	"sync/atomic"
	"time"
	"unsafe"
)

// Lanes keep writers and snapshots apart.
//
// Every write is inside one lane from before it looks at the directory until after it took effect. Whoever needs the
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
// and waits at Map.gate, which the closer holds. So once the closer has seen a closed lane with nobody inside, nobody
// will be inside until it opens the lane again, though the number may still go up and down.
//
// A map begins with one lane, and gets a full set when it has grown past one shard or when goroutines take turns at
// the lane quickly. The lanes of a set that was exchanged stay closed for ever.
//
// Order of locks: gate, lane, shard, Map.grow. Nobody enters a lane while inside one.
type lane struct {
	state atomic.Int64
	_     [128 - 8]byte // two cache lines, because processors fetch them in pairs
}

const (
	laneClosed = 1 << 24
	laneInside = laneClosed - 1
	laneEntry  = 1 << laneEntryShift // one entry more

	laneEntryShift = 25
)

type laneSet struct {
	lanes []lane
	shift uint8 // 64 - log2(len(lanes))

	left chan struct{} // told, without waiting, by writers that were the last inside a closed lane

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
	maxLanes = 64

	stackUnit = 11 // log2 of the smallest stack
)

func newLaneSet(n, entries int) *laneSet {
	ls := &laneSet{lanes: make([]lane, n), shift: 64 - ceilLog2(uint64(n)), left: make(chan struct{}, 1)}
	ls.add(entries)
	return ls
}

// fullLanes returns the number of lanes for a map that many write: four for each processor, which makes it unlikely
// that two goroutines that run at the same time meet in one.
func fullLanes() int {
	return min(maxLanes, 4<<ceilLog2(uint64(runtime.GOMAXPROCS(0))))
}

// stack returns a number that is the same for a goroutine most of the time, and mostly differs between goroutines.
func stack() uintptr {
	var here byte
	return uintptr(unsafe.Pointer(&here)) >> stackUnit
}

func (ls *laneSet) pick() *lane {
	if len(ls.lanes) == 1 {
		return &ls.lanes[0]
	}
	return &ls.lanes[uint64(stack())*mix1>>(ls.shift&63)]
}

// foughtOver reports whether writers of different goroutines take turns quickly.
func (ls *laneSet) foughtOver() bool {
	me := stack()
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
	return int(max(n, 0))
}

// add changes the number of entries by n.
func (ls *laneSet) add(n int) { ls.lanes[0].state.Add(int64(n) * laneEntry) }

// A pass is the right to write: it says which lane its holder is inside.
type pass struct {
	lane    *lane
	lanes   *laneSet
	entries int64 // inserted less deleted
}

// enter waits until a lane is open, and enters it.
func (m *Map[K, V]) enter() pass {
	for {
		ls := m.laneSet()
		if len(ls.lanes) == 1 && ls.foughtOver() {
			m.widen()
			continue
		}
		p := pass{lane: ls.pick(), lanes: ls}
		if p.lane.state.Add(1)&laneClosed == 0 {
			return p
		}
		p.leave()
		m.gate.Lock() // held while lanes are closed
		m.gate.Unlock()
	}
}

// leave leaves the lane.
func (p *pass) leave() {
	if s := p.lane.state.Add(p.entries*laneEntry - 1); s&laneClosed != 0 && s&laneInside == 0 {
		select {
		case p.lanes.left <- struct{}{}:
		default: // the closer has been told and has not looked yet
		}
	}
}

// laneSet returns the lanes, and makes the first one.
func (m *Map[K, V]) laneSet() *laneSet {
	for {
		if ls := m.lanes.Load(); ls != nil {
			return ls
		}
		m.lanes.CompareAndSwap(nil, newLaneSet(1, 0))
	}
}

// exclude closes all lanes and waits until nobody is inside. The caller opens them.
func (m *Map[K, V]) exclude() *laneSet {
	m.gate.Lock()
	ls := m.laneSet()
	for i := range ls.lanes {
		ls.lanes[i].state.Add(laneClosed)
	}
	for i := range ls.lanes {
		for spins := 0; ls.lanes[i].state.Load()&laneInside != 0; spins++ {
			if spins > 100 { // a write takes less, unless it splits a shard or its goroutine is not running
				<-ls.left
			}
		}
	}
	return ls
}

// open ends what exclude began.
func (m *Map[K, V]) open(ls *laneSet) {
	for i := range ls.lanes {
		ls.lanes[i].state.Add(-laneClosed)
	}
	m.gate.Unlock()
}

// widen exchanges a single lane for a full set.
func (m *Map[K, V]) widen() {
	ls := m.exclude()
	if n := fullLanes(); len(ls.lanes) < n {
		m.lanes.Store(newLaneSet(n, ls.len()))
		m.gate.Unlock() // and leave the old lane closed
		return
	}
	m.open(ls)
}
