//go:build !explore

// Package atomic is sync/atomic, unless the build tag explore is set; see package sched.
package atomic

import "sync/atomic"

type (
	Int32          = atomic.Int32
	Int64          = atomic.Int64
	Uint32         = atomic.Uint32
	Uint64         = atomic.Uint64
	Uintptr        = atomic.Uintptr
	Pointer[T any] = atomic.Pointer[T]
)
