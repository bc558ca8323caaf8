package shardmapprom

import (
	"math/bits"
	"runtime"
	"sync/atomic"
	"time"
	"unsafe"

	"github.com/prometheus/client_golang/prometheus"
)

// A recorder counts operations and measures some of them.
//
// Each goroutine counts in one of a few stripes, which it picks by the address of its stack: cheap, mostly stable, and
// mostly different for goroutines that run at the same time. Which one it picks does not matter for the sum, for every
// stripe is changed by atomic additions only; the choice only keeps a cache line from being fought over.
//
// The same additions decide what is measured. When an outcome's number in a stripe becomes a multiple of n, the
// operation's bit in the stripe's due is set, and the next operation of this kind in the stripe takes the bit and looks at
// the clock. So an operation that is not measured pays no more than the read of a word that, as a rule, no other core has
// written. Of N operations of a kind at most N/n are measured: each takes a bit that n of them have set.
//
// Only an operation that is measured touches memory that all goroutines share: the histogram that it is observed in.
type recorder struct {
	stripes []stripe
	spread  uint64 // len(stripes) - 1
	mask    uint64 // n - 1
	always  uint32 // bits of the operations that are all measured

	config     config
	histograms [operations * outcomes]atomic.Pointer[prometheus.Histogram] // made when first observed in
}

// A stripe is what goroutines that pick it have counted. The padding keeps it apart from the next one by two cache lines,
// because processors fetch them in pairs, however the slice happens to be aligned.
type stripe struct {
	due   atomic.Uint32 // a bit for each operation
	cells [operations * outcomes]atomic.Uint64
	_     [128]byte
}

// maxStripes bounds the memory of a wrapped map, at 816 bytes per stripe, to 52 KB.
const maxStripes = 1 << maxStripesLog2

const maxStripesLog2 = 6

func (r *recorder) init(c config) {
	// Four for each processor make it unlikely that two goroutines that run at the same time meet in one.
	r.stripes = make([]stripe, 1<<bits.Len(uint(min(4*runtime.GOMAXPROCS(0), maxStripes)-1)))
	r.spread = uint64(len(r.stripes) - 1)
	r.config, r.mask = c, c.mask()
	for o := range operation(operations) {
		if c.sampling == 1 || c.sampling > 1 && o.onWholeMap() {
			r.always |= 1 << o
		}
	}
	for i := range r.stripes {
		r.stripes[i].due.Store(r.always)
	}
}

// A measurement is an operation that is under way.
type measurement struct {
	stripe *stripe
	start  time.Duration // since epoch, or 0 if the operation is only counted
}

// epoch is an instant before all operations: time.Since is faster than time.Now.
var epoch = time.Now().Add(-time.Second)

// begin is called before an operation, and end after it, with the measurement that begin returned.
func (r *recorder) begin(o operation) measurement {
	s := r.pick()
	if s.due.Load()>>o&1 != 0 {
		return r.beginMeasured(s, o)
	}
	return measurement{stripe: s}
}

// pick returns the stripe of the calling goroutine. The address is used as a number only: it is the same for as long as
// the stack neither moves nor grows or shrinks by more than 2 KiB, which is the size of the smallest stack.
func (r *recorder) pick() *stripe {
	var here byte
	number := uint64(uintptr(unsafe.Pointer(&here)) >> 11)
	return &r.stripes[number*0x9e3779b97f4a7c15>>(64-maxStripesLog2)&r.spread]
}

func (r *recorder) beginMeasured(s *stripe, o operation) measurement {
	bit := uint32(1) << o
	if r.always&bit == 0 && s.due.And(^bit)&bit == 0 {
		return measurement{stripe: s} // another goroutine has taken it
	}
	return measurement{s, time.Since(epoch)}
}

func (r *recorder) end(m measurement, c cell) {
	if n := m.stripe.cells[c].Add(1); n&r.mask == 0 || m.start != 0 {
		r.endMeasured(m, c, n)
	}
}

func (r *recorder) endMeasured(m measurement, c cell, n uint64) {
	if n&r.mask == 0 {
		m.stripe.due.Or(1 << c.operation())
	}
	if m.start != 0 {
		r.histogram(c).Observe((time.Since(epoch) - m.start).Seconds())
	}
}

// histogram returns the histogram of the cell's result, and makes it if there is none.
func (r *recorder) histogram(c cell) prometheus.Histogram {
	if o := c.operation(); c == cellOf(o, zero) {
		c = cellOf(o, hit)
	}
	p := &r.histograms[c]
	if h := p.Load(); h != nil {
		return *h
	}
	h := prometheus.NewHistogram(r.config.histogram())
	p.CompareAndSwap(nil, &h)
	return *p.Load()
}

// counts adds up the stripes. Each number is one that the cell's count had at some time during the call, or less than it
// by what was counted meanwhile; it never goes down from one call to the next, since no stripe's does.
func (r *recorder) counts() (sums [operations * outcomes]uint64) {
	for i := range r.stripes {
		for c := range sums {
			sums[c] += r.stripes[i].cells[c].Load()
		}
	}
	return sums
}
