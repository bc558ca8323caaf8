package shardmap

import "sync"

// How LoadOrCompute runs a load once per key.
//
// The first caller that misses a key puts a flight into calls and becomes its leader; callers that
// find the flight there become waiters. The leader runs load with no lock held, seals the flight,
// stores the value, takes the flight out of calls and wakes the waiters.
//
//	leader    look ── board ── look again ── load ── seal ── store ── land
//	waiters          └──── may join ─────────────────┘└── come too late ──┘
//
// Looking again: between a caller's first look and its boarding, another flight may have stored the
// key and landed. Without the second look the load would run twice in a row.
//
// Sealing: whoever joins before the seal began before the value was stored and returns after, so
// the instant of storing lies inside its own call, and that is where its read takes effect. A
// caller who came between store and landing and was given the value could be given one that had
// been deleted before it called. Hence such callers wait for the landing and then look for
// themselves. The same goes for errors: nobody is given one from a load that had already returned
// when they called.
//
// A leader that panics or exits lands without a result, and the waiters start over.

// flights makes concurrent loads of one key share one call. The zero value is ready to use and owns
// no memory; so does a flights none of whose loads is running.
type flights[K comparable, V any] struct {
	mu    sync.Mutex
	calls map[K]*flight[V] // nil if empty
}

// flight is one running load.
type flight[V any] struct {
	loader loader        // tells in which goroutine load runs, if assertions are on
	sealed bool          // guarded by flights.mu: too late to join
	landed chan struct{} // closed when the fields below are final

	shared bool // whether waiters may take value and err; if not they start over
	value  V
	err    error
}

// loadOrCompute returns the value that get finds for key, or else what load returns, stored by
// getOrPut, which is LoadOrStore. It is the LoadOrCompute described at [ConcurrentMap]. None of the
// functions is called with f.mu held.
func (f *flights[K, V]) loadOrCompute(key K, load func() (V, error), get func(K) (V, bool), getOrPut func(K, V) (V, bool)) (V, bool, error) {
	if load == nil {
		panic("shardmap: LoadOrCompute: nil load function")
	}
	for {
		if value, ok := get(key); ok {
			return value, true, nil
		}
		if key != key { // No other caller can ask for this key.
			return loadAlone(key, load, getOrPut)
		}
		c, role := f.board(key)
		if role == leader {
			return f.lead(key, c, load, get, getOrPut)
		}
		assertElsewhere(&c.loader, key)
		<-c.landed
		if role == waiter && c.shared {
			return c.value, c.err == nil, c.err
		}
	}
}

// loadAlone is loadOrCompute for an absent key whose load cannot be shared.
func loadAlone[K comparable, V any](key K, load func() (V, error), getOrPut func(K, V) (V, bool)) (actual V, loaded bool, err error) {
	value, err := load()
	if err != nil {
		return actual, false, err
	}
	actual, loaded = getOrPut(key, value)
	return actual, loaded, nil
}

// role is what a caller of loadOrCompute is to a flight.
type role int

const (
	leader role = iota // runs load
	waiter             // is given the leader's result
	late               // waits too, but must look for itself
)

// board returns the flight for key and the caller's role in it. A key that is equal to itself can be
// hashed, so the map access cannot panic with f.mu held.
func (f *flights[K, V]) board(key K) (*flight[V], role) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if c, ok := f.calls[key]; ok {
		if c.sealed {
			return c, late
		}
		return c, waiter
	}
	if f.calls == nil {
		f.calls = make(map[K]*flight[V])
	}
	c := &flight[V]{loader: newLoader(), landed: make(chan struct{})}
	f.calls[key] = c
	return c, leader
}

// lead runs load and stores its value. However it ends, the flight lands.
func (f *flights[K, V]) lead(key K, c *flight[V], load func() (V, error), get func(K) (V, bool), getOrPut func(K, V) (V, bool)) (actual V, loaded bool, err error) {
	defer f.land(key, c)
	if value, ok := get(key); ok {
		return value, true, nil
	}
	value, err := load()
	f.seal(c)
	if err != nil {
		c.err, c.shared = err, true
		return actual, false, err
	}
	actual, loaded = getOrPut(key, value)
	c.value, c.shared = actual, true
	return actual, loaded, nil
}

// seal ends the time in which callers may join c.
func (f *flights[K, V]) seal(c *flight[V]) {
	f.mu.Lock()
	c.sealed = true
	f.mu.Unlock()
}

// land takes c out of calls and wakes those who wait for it.
func (f *flights[K, V]) land(key K, c *flight[V]) {
	f.mu.Lock()
	delete(f.calls, key)
	if len(f.calls) == 0 {
		f.calls = nil
	}
	f.mu.Unlock()
	close(c.landed)
}
