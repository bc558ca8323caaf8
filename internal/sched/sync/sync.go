//go:build !explore

// Package sync has what the core uses to wait: sync.Mutex, and wake-ups. See package sched.
package sync

import (
	"runtime"
	"sync"
	"unsafe"
)

type Mutex = sync.Mutex

// Spins is how often it is worth to look again before going to sleep.
const Spins = 100

// Gosched lets others run.
func Gosched() { runtime.Gosched() }

const stackUnit = 11 // log2 of the smallest stack

// Stack returns a number that is the same for a goroutine most of the time, and mostly differs between goroutines.
func Stack() uintptr {
	var here byte
	return uintptr(unsafe.Pointer(&here)) >> stackUnit
}

// A Signal wakes a waiter. It is a binary semaphore: a second notification before the first was waited for is lost.
type Signal struct{ c chan struct{} }

func NewSignal() Signal { return Signal{make(chan struct{}, 1)} }

// Notify wakes who waits, or the next one to wait.
func (s Signal) Notify() {
	select {
	case s.c <- struct{}{}:
	default:
	}
}

// Wait waits for a notification.
func (s Signal) Wait() { <-s.c }
