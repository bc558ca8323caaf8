package ttl

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"sync"

	"github.com/shardmap-go/shardmap"
)

// ErrNoResult is returned by LoadOrCompute if the loader called [runtime.Goexit].
var ErrNoResult = errors.New("ttl: LoadOrCompute: the loader has ended its goroutine without a result")

// A PanicError is what LoadOrCompute panics with if the loader panicked, or the function given [WithOnEvict] when the
// value was stored.
type PanicError struct {
	Value any    // what was passed to panic
	Stack []byte // of the goroutine that panicked
}

// Error returns the value and the stack.
func (p *PanicError) Error() string {
	return fmt.Sprintf("ttl: LoadOrCompute: panic: %v\n\n%s", p.Value, p.Stack)
}

// Unwrap returns the value if it is an error, or nil.
func (p *PanicError) Unwrap() error {
	err, _ := p.Value.(error)
	return err
}

// How a loader runs once per key: see flight.go of package shardmap, where the argument about sealing is written out.
// What is different is that the loader has a goroutine of its own, so that all its callers can leave. When the last one
// has left, the loader's context ends and the flight is taken out of calls, so that who comes later is not given the
// error that this makes. Its value, if it has one all the same, is stored unless there is one by then.

// flights are the loads that are under way.
type flights[K comparable, V any] struct {
	mu    sync.Mutex
	calls map[K]*flight[V]
}

// flight is one load.
type flight[V any] struct {
	callers int             // guarded by flights.mu: who wait for it
	sealed  bool            // guarded by flights.mu: the loader has returned, and it is too late to join
	ctx     context.Context // of the loader
	cancel  context.CancelFunc
	landed  chan struct{} // closed when the fields below are final

	again    bool // there is no result, and no need for one
	value    V
	err      error
	panicked *PanicError
}

// board returns the flight for key, whether the caller has to launch it, and otherwise whether it came too late for it.
func (f *flights[K, V]) board(ctx context.Context, key K) (c *flight[V], first, late bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if c = f.calls[key]; c != nil {
		c.callers++
		return c, false, c.sealed
	}
	if f.calls == nil {
		f.calls = make(map[K]*flight[V])
	}
	c = &flight[V]{callers: 1, landed: make(chan struct{})}
	c.ctx, c.cancel = context.WithCancel(context.WithoutCancel(ctx))
	f.calls[key] = c
	return c, true, false
}

// leave is what a caller does that waits no more.
func (f *flights[K, V]) leave(key K, c *flight[V]) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if c.callers--; c.callers == 0 && !c.sealed {
		f.forget(key, c)
		c.cancel()
	}
}

// seal ends the time in which callers may join.
func (f *flights[K, V]) seal(c *flight[V]) {
	f.mu.Lock()
	defer f.mu.Unlock()
	c.sealed = true
}

// land wakes those who wait.
func (f *flights[K, V]) land(key K, c *flight[V]) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.forget(key, c)
	c.cancel()
	close(c.landed)
}

// forget takes c out of calls, unless it is out. f.mu must be held.
func (f *flights[K, V]) forget(key K, c *flight[V]) {
	if f.calls[key] != c {
		return
	}
	if delete(f.calls, key); len(f.calls) == 0 {
		f.calls = nil
	}
}

// LoadOrCompute returns the value stored for key if there is one that has not expired. Otherwise it calls load, in a
// goroutine of its own, stores the value that it returns for the lifetime that it returns, and returns that value. Of
// several goroutines that miss the same key at the same time, one has its load called, and all wait for the result.
//
// An error of load is returned to all who wait, and stores nothing; unless load returns a lifetime with it that is not
// zero: then, for that long, LoadOrCompute returns the error without calling load. Every other method takes the key for
// absent meanwhile, and storing or deleting the key ends it.
//
// A caller whose ctx ends returns the error of ctx at once, and load goes on for the others. The context of load has the
// values of the ctx of the first caller, but not its deadline; it ends when the last caller has left, or load has
// returned. A load that wants to finish in any case, so that its value is there for later calls, can ignore it.
//
// If load panics, nothing is stored, and all who wait panic with a [*PanicError]; if nobody waits any more the panic is
// dropped, as an error would be. If load calls [runtime.Goexit], nothing is stored, and all who wait return [ErrNoResult].
// If the key is stored by other means while load runs, that value stays and is returned. If the value could not be stored,
// see [Map.Store], it is returned with the error that says so.
//
// A present key is a Load: no lock, no allocation. No lock is held while load runs, and it may use the map; but a
// LoadOrCompute of the same key from inside load waits until ctx ends. It panics if load or ctx is nil.
func (m *Map[K, V]) LoadOrCompute(ctx context.Context, key K, load func(ctx context.Context) (V, Lifetime, error)) (value V, err error) {
	switch {
	case load == nil:
		panic("ttl: LoadOrCompute: load function <nil>: want a function")
	case ctx == nil:
		panic("ttl: LoadOrCompute: context <nil>: want a context")
	}
	if key != key {
		return value, wrap("LoadOrCompute", key, ErrKey)
	}
	for {
		if e := m.find(key); e != nil {
			return e.outcome()
		}
		if err := ctx.Err(); err != nil {
			return value, err
		}
		c, first, late := m.loads.board(ctx, key)
		if first {
			go m.fly(key, c, load)
		}
		select {
		case <-ctx.Done():
			m.loads.leave(key, c)
			return value, ctx.Err()
		case <-c.landed:
		}
		switch {
		case late || c.again: // look for oneself
		case c.panicked != nil:
			panic(c.panicked)
		default:
			return c.value, c.err
		}
	}
}

// outcome returns the value or the error that the entry stands for.
func (e *entry[K, V]) outcome() (value V, err error) {
	if e.failed() {
		return value, e.more.err
	}
	return e.value, nil
}

// fly runs load and stores its value. However it ends, the flight lands.
func (m *Map[K, V]) fly(key K, c *flight[V], load func(context.Context) (V, Lifetime, error)) {
	c.err = ErrNoResult
	defer m.loads.land(key, c)
	defer func() {
		if p := recover(); p != nil {
			c.panicked = &PanicError{p, debug.Stack()}
		}
	}()
	if m.find(key) != nil {
		// Another flight has landed since the caller looked. Everybody has to look for themselves: somebody may join
		// this flight, which is not sealed, after the entry that was found is gone again.
		c.again = true
		return
	}
	value, l, err := load(c.ctx)
	m.loads.seal(c)
	l.check("LoadOrCompute: load")
	if err != nil {
		c.err = err
		m.storeError(key, err, l)
		return
	}
	c.value, c.err = value, nil
	switch old, err := m.storeAbsent(key, value, l); {
	case err != nil:
		c.err = wrap("LoadOrCompute", key, err)
	case old != nil:
		c.value = old.value
	}
}

// storeError has LoadOrCompute return err for as long as l says, unless that is the zero Lifetime, or there is a value, or
// no room.
func (m *Map[K, V]) storeError(key K, err error, l Lifetime) {
	if l == (Lifetime{}) {
		return
	}
	_, _ = m.update(key, func(old *entry[K, V], now int64) (*entry[K, V], shardmap.Op) {
		if old != nil {
			return nil, shardmap.Keep
		}
		var none V
		e := m.newEntry(key, none, l, now)
		e.more = &more{err: err}
		return e, shardmap.Set
	})
}
