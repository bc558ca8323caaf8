package ttl

import (
	"math/bits"
	"math/rand/v2"
	"runtime"
	"sync"
)

// The agenda knows which entries are due when, and in a map that evicts, which to evict. It is spread over several
// stripes, each with a mutex of its own, so that writers seldom meet. An entry belongs to a random stripe.
//
// An entry is put on the agenda after it came into the map, and taken off after it left. Meanwhile somebody else may have
// taken it out of the map, and off the agenda; therefore what is taken off is marked as gone, and not put on any more. So
// nothing stays on the agenda when it has left the map. An entry that the agenda offers may have left the map already:
// whoever takes it from there has to remove it from the map by comparing, like everybody.
//
// The mutex of a stripe is a leaf: nobody waits for anything while holding it.
type agenda[K comparable, V any] struct {
	once sync.Once
	all  []*stripe[K, V] // a power of two of them; made with the first entry
}

type stripe[K comparable, V any] struct {
	mu    sync.Mutex
	wheel wheel[K, V]
	ring  ring[K, V]
	_     [128]byte // keeps the mutexes of two stripes off one cache line, and off the pair that processors fetch
}

// state says where an entry is on the agenda.
type state uint8

const (
	inWheel state = 1 << iota
	inRing
	gone // taken off for good
)

// maxStripes is what entry.stripe can tell apart, and more than enough.
const maxStripes = 64

// stripes returns the stripes, and makes them when it is called first.
func (m *Map[K, V]) stripes() []*stripe[K, V] {
	m.once.Do(func() {
		// Four for each processor, as with the lanes of shardmap.Map: two goroutines that run at once seldom meet.
		m.all = make([]*stripe[K, V], min(1<<bits.Len(uint(4*runtime.GOMAXPROCS(0)-1)), maxStripes))
		now := tickOf(m.now())
		for i := range m.all {
			m.all[i] = &stripe[K, V]{wheel: wheel[K, V]{time: now}}
		}
	})
	return m.all
}

func (m *Map[K, V]) stripeOf(e *entry[K, V]) *stripe[K, V] {
	all := m.stripes()
	return all[int(e.stripe)%len(all)]
}

// randomStripe is for entry.stripe.
func randomStripe() uint8 { return uint8(rand.Uint32()) % maxStripes }

// exchange takes old off the agenda for good, and puts next on it, unless it is there or was taken off. Either may be nil.
func (s *stripe[K, V]) exchange(old, next *entry[K, V], evictable bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if old != nil {
		s.cancel(old)
	}
	if next != nil && next.state&gone == 0 {
		s.schedule(next, evictable)
	}
}

// cancel takes e off. s.mu must be held.
func (s *stripe[K, V]) cancel(e *entry[K, V]) {
	if e.state&inWheel != 0 {
		s.wheel.remove(e)
	}
	if e.state&inRing != 0 {
		s.ring.remove(e)
	}
	e.state = gone
}

// schedule puts e on where it is not yet. s.mu must be held.
func (s *stripe[K, V]) schedule(e *entry[K, V], evictable bool) {
	if e.state&inWheel == 0 && e.deadline() != never {
		s.wheel.insert(e)
		e.state |= inWheel
	}
	if evictable && e.state&inRing == 0 {
		s.ring.push(e)
		e.state |= inRing
	}
}

// takeDue takes entries whose deadline has passed out of the wheel, until due is full, and reports whether there may be
// more. They are still in the ring.
func (s *stripe[K, V]) takeDue(now int64, due []*entry[K, V]) (taken []*entry[K, V], more bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	taken, more = s.wheel.advance(now, due)
	for _, e := range taken {
		e.state &^= inWheel
	}
	return taken, more
}

// victim returns an entry to evict, or nil if there is none.
func (s *stripe[K, V]) victim(now int64) *entry[K, V] {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.ring.next(now)
}

// evictable returns how many entries can be evicted.
func (s *stripe[K, V]) evictable() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.ring.entries)
}

// A ring holds the entries that can be evicted, in about the order in which they came.
//
// When the entry under the hand goes, the last one – the newest – takes its place, and the hand is past it already: so
// it is the last that the hand comes to. An entry that goes in another way may bring a newer one nearer to the hand; the
// order is an approximation anyhow.
type ring[K comparable, V any] struct {
	entries []*entry[K, V]
	hand    int
}

func (r *ring[K, V]) push(e *entry[K, V]) {
	e.place = uint32(len(r.entries))
	r.entries = append(r.entries, e)
}

func (r *ring[K, V]) remove(e *entry[K, V]) {
	last := len(r.entries) - 1
	r.entries[e.place] = r.entries[last]
	r.entries[e.place].place = e.place
	r.entries[last] = nil
	r.entries = r.entries[:last]
}

// maxSpared bounds how long the hand looks for an entry that was not used. Chosen by hand, not measured.
const maxSpared = 64

// next moves the hand past the next entry that was not used since it last came by, or has expired, and returns it.
func (r *ring[K, V]) next(now int64) *entry[K, V] {
	for spared := 0; len(r.entries) > 0; spared++ {
		if r.hand >= len(r.entries) {
			r.hand = 0
		}
		e := r.entries[r.hand]
		r.hand++
		if used := e.forgetUsed(); !used || spared == maxSpared || e.deadline() <= now {
			return e
		}
	}
	return nil
}
