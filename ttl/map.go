package ttl

import (
	"iter"
	"time"

	"github.com/shardmap-go/shardmap"
)

// Map is a concurrent map whose entries expire.
//
// The zero value is an empty map ready to use, in which entries expire only if they are stored with a [Lifetime] of their
// own; [New] takes options. A Map must not be copied after first use. A nil *Map panics.
//
// Entries that have expired are collected by whoever comes upon them, and by the janitor, [Map.Start]; or, where there is
// none, by calls of [Map.Collect]. Without either, what expires and is never asked for again stays in memory.
//
// Every operation on one key is linearizable. Map is made of a [shardmap.Map], and its operations lock what the operations
// of the same name lock there; those that store or remove something hold one of several more mutexes for some ten
// nanoseconds, if there is anything that expires or can be evicted. [Map.Load] is said to lock nothing, and does not. No
// lock is held while a function runs that was passed to the map or to a method.
//
// With string keys and pointer values an entry takes 64 bytes, and 32 more if it has an idle time, besides what it
// takes in a shardmap.Map. The timers take about a kilobyte for each of four parts per processor.
//
// # Keys
//
// A key that is not equal to itself, such as a NaN, could neither be found nor collected: loads do not find it, and
// whatever would store it returns [ErrKey]. A key whose dynamic type is not comparable panics before anything is changed.
type Map[K comparable, V any] struct {
	entries  shardmap.Map[K, *entry[K, V]]
	lifetime Lifetime
	clock    func() time.Time // nil: the monotonic clock
	base     time.Time        // the zero of clock
	interval time.Duration    // 0: defaultInterval
	onEvict  func(K, V, Reason)

	capacity
	agenda[K, V]
	loads flights[K, V]
}

// New returns an empty map that is set up by opts. It panics if an option is bad, with a sentence that names the
// option and the value.
func New[K comparable, V any](opts ...Option) *Map[K, V] {
	var c config
	for _, o := range opts {
		o(&c)
	}
	c.check()
	m := &Map[K, V]{lifetime: c.lifetime, clock: c.clock, interval: c.interval, onEvict: onEvictFor[K, V](&c)}
	m.capacity.max, m.capacity.policy = int64(c.max), c.policy
	if m.clock != nil {
		m.base = m.clock()
	}
	return m
}

// epoch is the zero of the monotonic clock.
var epoch = time.Now()

// now returns the time in nanoseconds.
func (m *Map[K, V]) now() int64 {
	if m.clock == nil {
		return int64(time.Since(epoch))
	}
	return min(max(int64(m.clock().Sub(m.base)), 1-never), never-1)
}

// Load returns the value stored for key, and whether there is one that has not expired.
//
// It is linearizable, never blocks and allocates nothing. It writes memory that others use only in two cases: it moves the
// deadline of an entry with an idle time, see [Lifetime]; and it marks an entry of a map that evicts as used, if it was
// not. If it is the first to find the entry expired, it removes it, which locks as [shardmap.Map.Delete] does, and calls
// the function given [WithOnEvict]. The clock is read only if there is an entry that expires.
func (m *Map[K, V]) Load(key K) (value V, ok bool) {
	if e := m.find(key); e != nil && !e.failed() {
		return e.value, true
	}
	return value, false
}

// find returns key's entry if it has not expired, and counts that as a use.
func (m *Map[K, V]) find(key K) *entry[K, V] {
	for {
		e, ok := m.entries.Load(key)
		if !ok {
			return nil
		}
		if m.use(e) {
			return e
		}
		// The clock was read after the entry was loaded, and the key may have been stored anew in between. Removing
		// the entry shows that it was not: if it fails, the key has to be looked up again. It also keeps an update that
		// took the entry for live, just before the deadline, from going on from it once absence was reported.
		if m.expire(e) {
			return nil
		}
	}
}

// use reports whether e has not expired, and if so, prolongs its life where loads do that.
func (m *Map[K, V]) use(e *entry[K, V]) bool {
	if m.evicts() {
		e.markUsed()
	}
	switch d := e.deadline(); {
	case e.slides():
		return e.slide(m.now())
	case d == never:
		return true
	default:
		return m.now() < d
	}
}

// Range calls f for each entry that has not expired until f returns false, with the promises of [shardmap.Map.Range]. An
// entry that expires during the call may or may not be shown. It is not a use, as a Load is, and collects nothing.
func (m *Map[K, V]) Range(f func(key K, value V) bool) {
	m.entries.Range(func(key K, e *entry[K, V]) bool {
		return !m.shows(e) || f(key, e.value)
	})
}

// shows reports whether e has a value that has not expired.
func (m *Map[K, V]) shows(e *entry[K, V]) bool {
	return !e.failed() && (e.deadline() == never || !e.expired(m.now()))
}

// All returns an iterator over the entries, with the promises of [Map.Range].
func (m *Map[K, V]) All() iter.Seq2[K, V] { return m.Range }

// Len returns the number of entries that the map holds. Those that have expired and were not collected yet are
// counted, and so are the errors that LoadOrCompute caches; call [Map.Collect] before it for a closer number. It waits for
// nobody, like [shardmap.Map.Len].
func (m *Map[K, V]) Len() int { return m.entries.Len() }

// Clear deletes all entries, at one instant: no entry stored before Clear began is there after it, and none stored after
// it returned is lost. Then it calls the function given [WithOnEvict] for each. It takes time and memory in proportion to
// the entries.
func (m *Map[K, V]) Clear() {
	var gone notices[K, V]
	defer gone.report(m.onEvict)
	old := m.entries.Replace(func(func(K, *entry[K, V]) bool) {})
	m.release(old.Len())
	now := m.now()
	for _, e := range old.All() {
		m.reschedule(e, nil)
		m.note(&gone, e, now, Cleared)
	}
}
