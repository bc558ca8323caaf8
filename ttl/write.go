package ttl

import (
	"errors"
	"fmt"

	"github.com/shardmap-go/shardmap"
)

// ErrKey is returned by whatever would store a key that is not equal to itself.
var ErrKey = errors.New("is not equal to itself, and could never be found again")

// update changes what is stored for key as decide says, and returns what decide was told last: the entry that is there,
// or nil if there is none with a value that has not expired. If decide returns [shardmap.Set], the entry that it returned
// takes the place of what is there. It may be called several times, like the function that [shardmap.Map.Compute] calls.
//
// An update takes effect when it exchanges one entry for another, which fails if the entry that decide was told of is not
// in the map any more. In particular it fails if anybody has found that entry expired: they remove it before they say so.
func (m *Map[K, V]) update(key K, decide func(old *entry[K, V], now int64) (*entry[K, V], shardmap.Op)) (old *entry[K, V], err error) {
	if key != key { // panics if key is not comparable, before anything is changed
		return nil, ErrKey
	}
	var gone notices[K, V]
	defer gone.report(m.onEvict)
	for {
		now := m.now()
		current, _ := m.entries.Load(key)
		expired := current != nil && current.expired(now)
		if old = current; expired || current != nil && current.failed() {
			old = nil
		}
		next, op := decide(old, now)
		reason := Replaced
		switch op {
		case shardmap.Keep:
			if !expired {
				return old, nil
			}
			next = nil // it is about to be said that nothing is there
		case shardmap.Remove:
			if current == nil {
				return nil, nil
			}
			next, reason = nil, Deleted
		}
		done, err := m.exchange(key, current, next, &gone)
		if err != nil {
			return old, err
		}
		if done {
			m.reschedule(current, next)
			if current != nil {
				m.note(&gone, current, now, reason)
			}
			return old, nil
		}
	}
}

// exchange puts next, which may be nil, in the place of old, which may be nil, and reports whether it did. What it removed
// to make room it adds to gone.
func (m *Map[K, V]) exchange(key K, old, next *entry[K, V], gone *notices[K, V]) (done bool, err error) {
	switch {
	case next == nil:
		if done = m.entries.CompareAndDelete(key, old); done {
			m.release(1)
		}
		return done, nil
	case old != nil:
		next.stripe = old.stripe // so that one lock is enough
		return m.entries.CompareAndSwap(key, old, next), nil
	default:
		if err = m.reserve(gone); err != nil {
			return false, err
		}
		_, loaded := m.entries.LoadOrStore(key, next)
		if loaded {
			m.release(1)
		}
		return !loaded, nil
	}
}

// remove removes e, and reports whether it was in the map.
func (m *Map[K, V]) remove(e *entry[K, V]) bool {
	if !m.entries.CompareAndDelete(e.key, e) {
		return false
	}
	m.release(1)
	m.reschedule(e, nil)
	return true
}

// expire removes and reports e, which has expired, and tells whether it was in the map.
func (m *Map[K, V]) expire(e *entry[K, V]) bool {
	removed := m.remove(e)
	if removed && m.onEvict != nil && !e.failed() {
		m.onEvict(e.key, e.value, Expired)
	}
	return removed
}

// onAgenda reports whether e expires or can be evicted. It says the same throughout e's life.
func (m *Map[K, V]) onAgenda(e *entry[K, V]) bool {
	return m.evicts() || e.more != nil || e.deadline() != never
}

// reschedule takes old off the agenda and puts next on it; either may be nil, or else they are of one stripe.
func (m *Map[K, V]) reschedule(old, next *entry[K, V]) {
	if old != nil && !m.onAgenda(old) {
		old = nil
	}
	if next != nil && !m.onAgenda(next) {
		next = nil
	}
	switch {
	case old != nil:
		m.stripeOf(old).exchange(old, next, m.evicts())
	case next != nil:
		m.stripeOf(next).exchange(nil, next, m.evicts())
	}
}

// newEntry returns an entry that is stored at now.
func (m *Map[K, V]) newEntry(key K, value V, l Lifetime, now int64) *entry[K, V] {
	if l == (Lifetime{}) {
		l = m.lifetime
	}
	e := &entry[K, V]{key: key, value: value, stripe: randomStripe()}
	deadline, more := l.span(now)
	e.more = more
	e.life.Store(lifeOf(deadline))
	return e
}

// Store sets the value for key, with the map's default lifetime. It returns an error that wraps [ErrFull] or [ErrKey] if it
// could not; that is, never if the map has no limit or evicts, and the key is equal to itself.
//
// It is linearizable. It allocates an entry, and what [shardmap.Map.Store] allocates for a pointer.
func (m *Map[K, V]) Store(key K, value V) error {
	_, _, err := m.set("Store", key, value, Lifetime{})
	return err
}

// StoreFor sets the value for key, with a lifetime of its own; otherwise it is [Map.Store]. It panics if l.Idle or l.Jitter
// is negative.
func (m *Map[K, V]) StoreFor(key K, value V, l Lifetime) error {
	l.check("StoreFor")
	_, _, err := m.set("StoreFor", key, value, l)
	return err
}

// Swap sets the value for key, like [Map.Store], and returns the previous value, and whether there was one.
func (m *Map[K, V]) Swap(key K, value V) (previous V, loaded bool, err error) {
	return m.set("Swap", key, value, Lifetime{})
}

func (m *Map[K, V]) set(method string, key K, value V, l Lifetime) (previous V, loaded bool, err error) {
	old, err := m.update(key, func(_ *entry[K, V], now int64) (*entry[K, V], shardmap.Op) {
		return m.newEntry(key, value, l, now), shardmap.Set
	})
	if err != nil {
		return previous, false, wrap(method, key, err)
	}
	if old != nil {
		previous, loaded = old.value, true
	}
	return previous, loaded, nil
}

// wrap says what could not be done. Err is one of the errors of this package.
func wrap[K comparable](method string, key K, err error) error {
	return fmt.Errorf("ttl: %s: key %v: %w", method, any(key), err)
}
