package record

import (
	"hash/maphash"
	"time"

	"github.com/shardmap-go/shardmap/bench/trace"
)

// Small is the least that a map must offer to be recorded. The methods mean what those of sync.Map mean.
type Small[K comparable, V any] interface {
	Load(key K) (value V, ok bool)
	Store(key K, value V)
	LoadOrStore(key K, value V) (actual V, loaded bool)
	Delete(key K)
	Range(f func(key K, value V) bool)
}

// A RecordedSmall is a [Small] map whose operations are recorded. It promises, locks and allocates what the map inside
// does. Recording waits as [Options] say, and holds no lock while the map, or a callback, runs. It allocates nothing, but
// for a closure in methods that call back. An operation that ends in a panic or runtime.Goexit is not recorded, unless
// it visits the whole map.
type RecordedSmall[K comparable, V any] struct {
	tap[K]
	m Small[K, V]
}

// SmallMap returns m with its operations recorded. Those on m itself are not, and make the trace contradict itself, so
// use only what SmallMap returns from then on. It takes down which keys are there, which calls m.Range once. The result is for
// any number of goroutines. SmallMap panics if m is nil or the recorder has a map already.
func SmallMap[K comparable, V any](r *Recorder, m Small[K, V]) *RecordedSmall[K, V] {
	return &RecordedSmall[K, V]{newTap(r, m), m}
}

// Goroutine returns the same map for one goroutine: what is done through it has a track of its own in the trace, in the
// right order. It locks the recorder for a moment, and allocates 6 KB unless a released one can be taken over.
func (m *RecordedSmall[K, V]) Goroutine() *RecordedSmall[K, V] {
	return &RecordedSmall[K, V]{m.handle(), m.m}
}

// Release gives the track of a map that Goroutine returned to the next one that Goroutine returns. Call it when the goroutine
// ends, or tracks will be as many as there ever were goroutines. What is done through m after that counts as the
// processor's. For a map that is not of Goroutine it does nothing.
func (m *RecordedSmall[K, V]) Release() { m.release() }

// Load does what the map's Load does, and records it.
func (m *RecordedSmall[K, V]) Load(key K) (value V, ok bool) {
	k := m.mark(&key)
	value, ok = m.m.Load(key)
	m.ended(k, trace.Load, found(ok))
	return value, ok
}

// Store does what the map's Store does, and records it.
func (m *RecordedSmall[K, V]) Store(key K, value V) {
	k := m.mark(&key)
	m.m.Store(key, value)
	m.ended(k, trace.Store, trace.Stored)
}

// LoadOrStore does what the map's LoadOrStore does, and records it.
func (m *RecordedSmall[K, V]) LoadOrStore(key K, value V) (actual V, loaded bool) {
	k := m.mark(&key)
	actual, loaded = m.m.LoadOrStore(key, value)
	m.ended(k, trace.LoadOrStore, either(loaded, trace.Found, trace.Stored))
	return actual, loaded
}

// Delete does what the map's Delete does, and records it.
func (m *RecordedSmall[K, V]) Delete(key K) {
	k := m.mark(&key)
	m.m.Delete(key)
	m.ended(k, trace.Delete, trace.Deleted)
}

// Range does what the map's Range does, and records it with the number of calls of f, also if f panics or calls
// runtime.Goexit.
func (m *RecordedSmall[K, V]) Range(f func(key K, value V) bool) {
	visited := 0
	defer m.walked(m.now(), trace.Range, &visited)
	m.m.Range(func(key K, value V) bool {
		visited++
		return f(key, value)
	})
}

// A tap is where operations on keys of type K are taken down.
type tap[K comparable] struct {
	recorder *Recorder
	track    *track // nil for that of the processor
	meter    meter[K]
}

// newTap begins the trace: with the keys that are in the map.
func newTap[K comparable, V any](r *Recorder, m Small[K, V]) tap[K] {
	if m == nil {
		panic("record: Map: the map is nil")
	}
	begin[K, V](r)
	t := tap[K]{recorder: r, meter: newMeter[K]()}
	start := r.shared[0]
	m.Range(func(key K, _ V) bool {
		if k := t.mark(&key); k.recorded {
			r.add(start, trace.Op{Key: k.key, Length: k.length, Kind: trace.Start, Outcome: trace.Found}, true)
		}
		return true
	})
	start.mu.Lock()
	r.exchange(start, true) // so that these are written before all that follows
	start.mu.Unlock()
	return t
}

func (t *tap[K]) handle() tap[K] {
	h := *t
	h.track = t.recorder.newTrack()
	return h
}

func (t *tap[K]) release() {
	if t.track != nil {
		t.recorder.release(t.track)
		t.track = nil
	}
}

// A mark is what is known of an operation before it happens.
type mark struct {
	key      uint64
	at       time.Duration
	length   uint32
	recorded bool
}

func (t *tap[K]) now() time.Duration { return time.Since(t.recorder.start) }

// mark takes down an operation that is about to happen. It panics if the key's dynamic type is not comparable, as the
// map would.
func (t *tap[K]) mark(key *K) mark {
	hash := maphash.Comparable(t.recorder.seed, *key)
	if n := t.recorder.options.Sample; n > 1 && hash%uint64(n) != 0 {
		return mark{}
	}
	return mark{hash, t.now(), t.meter.length(key), true}
}

// ended records the operation, now that it has happened.
func (t *tap[K]) ended(k mark, kind trace.Kind, outcome trace.Outcome) {
	if k.recorded {
		t.add(trace.Op{Key: k.key, At: k.at, Length: k.length, Kind: kind, Outcome: outcome})
	}
}

// walked records an operation on the whole map.
func (t *tap[K]) walked(at time.Duration, kind trace.Kind, count *int) {
	t.add(trace.Op{At: at, Length: uint32(*count), Kind: kind})
}

func (t *tap[K]) add(op trace.Op) {
	track := t.track
	if track == nil {
		track = t.recorder.here()
	}
	t.recorder.add(track, op, t.recorder.options.Block)
}

func found(ok bool) trace.Outcome { return either(ok, trace.Found, 0) }

func either(first bool, a, b trace.Outcome) trace.Outcome {
	if first {
		return a
	}
	return b
}
