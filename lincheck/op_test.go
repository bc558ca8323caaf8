package lincheck

import (
	"fmt"
	"sync/atomic"

	"github.com/shardmap-go/shardmap"
)

// clock orders all calls and returns. What comes later on it did come later: every tick is one atomic addition to the
// same counter. A real clock would have equal readings, and readings that differ between processors.
var clock atomic.Int64

func tick() int64 { return clock.Add(1) }

// method is what an operation does.
type method uint8

const (
	load method = iota
	store
	loadOrStore
	loadAndDelete
	remove
	swap
	compareAndSwap
	compareAndDelete
	compute
	loadOrCompute
	snapshot
	clone
	clear
	replace
	methods // the number of methods
)

var methodNames = [methods]string{"Load", "Store", "LoadOrStore", "LoadAndDelete", "Delete", "Swap", "CompareAndSwap",
	"CompareAndDelete", "Compute", "LoadOrCompute", "Snapshot", "Clone", "Clear", "Replace"}

// An op is an operation: what was asked, what was answered, and when.
type op struct {
	method method
	action shardmap.Op // what the callback of a compute returns
	pause  bool        // whether callbacks, and readers of a snapshot, let others run first
	fails  bool        // whether the load function returns an error
	key    int32
	arg    code      // the value to store
	old    code      // the value to compare with
	next   *contents // the content to put in the place of all

	call, ret int64
	got       code      // the value in the result, absent if there is none
	ok        bool      // the boolean in the result: loaded, swapped, deleted
	failed    bool      // the result is the error of a load function
	saw       code      // what the last call of the callback of a compute was told
	calls     int       // of the callback
	content   *contents // the content in the result
	kept      any       // the snapshot in the result
}

// maxKeys is the number of keys that histories look at; entries under other keys are only counted.
const maxKeys = 4

// contents is what a whole map holds.
type contents struct {
	codes  [maxKeys]code
	others int32 // the number of entries under other keys
}

// len returns the number of entries.
func (c *contents) len() int {
	n := int(c.others)
	for _, code := range c.codes {
		if code != absent {
			n++
		}
	}
	return n
}

func (c *contents) String() string { return fmt.Sprintf("%v and %d others", c.codes, c.others) }

// String says what the operation did, for people.
func (o *op) String() string {
	name := methodNames[o.method]
	switch o.method {
	case load, loadAndDelete:
		return fmt.Sprintf("%s(%d) → %d", name, o.key, o.got)
	case store:
		return fmt.Sprintf("%s(%d, %d)", name, o.key, o.arg)
	case loadOrStore:
		return fmt.Sprintf("%s(%d, %d) → %d, %v", name, o.key, o.arg, o.got, o.ok)
	case remove:
		return fmt.Sprintf("%s(%d)", name, o.key)
	case swap:
		return fmt.Sprintf("%s(%d, %d) → %d", name, o.key, o.arg, o.got)
	case compareAndSwap:
		return fmt.Sprintf("%s(%d, %d, %d) → %v", name, o.key, o.old, o.arg, o.ok)
	case compareAndDelete:
		return fmt.Sprintf("%s(%d, %d) → %v", name, o.key, o.old, o.ok)
	case compute:
		does := [...]string{"keep", fmt.Sprintf("set %d", o.arg), "remove"}[o.action]
		return fmt.Sprintf("%s(%d, %d: %s) → %d", name, o.key, o.saw, does, o.got)
	case loadOrCompute:
		if o.failed {
			return fmt.Sprintf("%s(%d, %d) → error", name, o.key, o.arg)
		}
		return fmt.Sprintf("%s(%d, %d) → %d, %v", name, o.key, o.arg, o.got, o.ok)
	case snapshot, clone:
		return fmt.Sprintf("%s() → %v", name, o.content)
	case replace:
		return fmt.Sprintf("%s(%v) → %v", name, o.next, o.content)
	}
	return name + "()"
}
