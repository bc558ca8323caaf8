package shard

import (
	"context"
	"sync"
	"time"
)

// A gate counts the work in a partition, and keeps new work out of one that is not held.
type gate struct {
	mu     sync.Mutex
	hold   context.Context // ends when work has to end; nil while the gate is closed and nothing is in it
	end    context.CancelCauseFunc
	timer  *time.Timer // ends hold when draining takes too long
	isOpen bool
	inside int
}

// open lets work in. The gate is closed and drained.
func (g *gate) open() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.hold, g.end = context.WithCancelCause(context.Background())
	g.isOpen = true
}

// enter counts one more piece of work, unless the gate is closed. It returns the context that ends when the work has to.
func (g *gate) enter() (hold context.Context, ok bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if !g.isOpen {
		return nil, false
	}
	g.inside++
	return g.hold, true
}

// leave counts one piece of work less. It tells whether the gate has been drained by that.
func (g *gate) leave() (drained bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.inside--
	if g.isOpen || g.inside > 0 {
		return false
	}
	if g.timer != nil {
		g.timer.Stop()
		g.timer = nil
	}
	g.end(ErrLost) // nobody is left to notice; this frees what the context holds
	return true
}

// close lets no more work in, and counts the caller as work: it has to leave. What is inside is told to end after the
// timeout, unless that is 0.
func (g *gate) close(timeout time.Duration) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.isOpen = false
	g.inside++
	if timeout > 0 {
		end := g.end // of this hold, whatever is opened later
		g.timer = time.AfterFunc(timeout, func() { end(ErrLost) })
	}
}

// endNow tells what is inside to end.
func (g *gate) endNow() {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.end != nil {
		g.end(ErrLost)
	}
}

func (g *gate) isDrained() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return !g.isOpen && g.inside == 0
}
