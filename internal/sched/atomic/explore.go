//go:build explore

// Package atomic has the part of sync/atomic that the core uses. Each operation is a step of the scheduler.
package atomic

import (
	"sync/atomic"

	"github.com/shardmap-go/shardmap/internal/sched"
)

type integer[T any] interface {
	Load() T
	Store(T)
	Add(T) T
	Swap(T) T
	CompareAndSwap(old, new T) bool
}

// number makes steps of the operations of A, a *atomic.Int64 or the like. It has the layout of what A points to.
type number[T, S any, A interface {
	*S
	integer[T]
}] struct{ v S }

func (n *number[T, S, A]) Load() T    { sched.Step(); return A(&n.v).Load() }
func (n *number[T, S, A]) Store(v T)  { sched.Step(); A(&n.v).Store(v) }
func (n *number[T, S, A]) Add(d T) T  { sched.Step(); return A(&n.v).Add(d) }
func (n *number[T, S, A]) Swap(v T) T { sched.Step(); return A(&n.v).Swap(v) }
func (n *number[T, S, A]) CompareAndSwap(old, new T) bool {
	sched.Step()
	return A(&n.v).CompareAndSwap(old, new)
}

type (
	Int32   = number[int32, atomic.Int32, *atomic.Int32]
	Int64   = number[int64, atomic.Int64, *atomic.Int64]
	Uint32  = number[uint32, atomic.Uint32, *atomic.Uint32]
	Uint64  = number[uint64, atomic.Uint64, *atomic.Uint64]
	Uintptr = number[uintptr, atomic.Uintptr, *atomic.Uintptr]
)

// Pointer has the layout of the standard one.
type Pointer[T any] struct{ v atomic.Pointer[T] }

func (p *Pointer[T]) Load() *T     { sched.Step(); return p.v.Load() }
func (p *Pointer[T]) Store(v *T)   { sched.Step(); p.v.Store(v) }
func (p *Pointer[T]) Swap(v *T) *T { sched.Step(); return p.v.Swap(v) }
func (p *Pointer[T]) CompareAndSwap(old, new *T) bool {
	sched.Step()
	return p.v.CompareAndSwap(old, new)
}
