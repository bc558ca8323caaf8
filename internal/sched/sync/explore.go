//go:build explore

// Package sync has what the core uses to wait, as steps of the scheduler. Nothing of it works without the scheduler,
// except as long as there is only one goroutine.
package sync

import "github.com/shardmap-go/shardmap/internal/sched"

// Mutex has the size of the standard one.
type Mutex struct {
	locked int32
	_      int32
}

func (m *Mutex) Lock() {
	sched.Step()
	sched.Await(&m.locked, 0)
	m.locked = 1
}

func (m *Mutex) TryLock() bool {
	sched.Step()
	if m.locked == 1 {
		return false
	}
	m.locked = 1
	return true
}

func (m *Mutex) Unlock() {
	sched.Step()
	if m.locked != 1 {
		panic("sync: unlock of unlocked mutex")
	}
	m.locked = 0
}

const Spins = 0

func Gosched() { sched.Gosched() }

func Stack() uintptr { return sched.Task() }

type Signal struct{ notified *int32 }

func NewSignal() Signal { return Signal{new(int32)} }

func (s Signal) Notify() {
	sched.Step()
	*s.notified = 1
}

func (s Signal) Wait() {
	sched.Step()
	sched.Await(s.notified, 1)
	*s.notified = 0
}
