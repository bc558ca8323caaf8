package lincheck

import (
	"fmt"

	"github.com/anishathalye/porcupine"
	"github.com/shardmap-go/shardmap"
)

// keyStep is what a map does with one key: it says whether o could be answered as it was when the key held state, and
// what the key holds afterwards.
func keyStep(state code, o *op) (ok bool, next code) {
	present := state != absent
	switch o.method {
	case load:
		return o.got == state && o.ok == present, state
	case store:
		return true, o.arg
	case loadOrStore:
		if present {
			return o.ok && o.got == state, state
		}
		return !o.ok && o.got == o.arg, o.arg
	case loadAndDelete:
		return o.got == state && o.ok == present, absent
	case remove:
		return true, absent
	case swap:
		return o.got == state && o.ok == present, o.arg
	case compareAndSwap:
		if state == o.old {
			return o.ok, o.arg
		}
		return !o.ok, state
	case compareAndDelete:
		if state == o.old {
			return o.ok, absent
		}
		return !o.ok, state
	case compute:
		switch next = state; o.action {
		case shardmap.Set:
			next = o.arg
		case shardmap.Remove:
			next = absent
		}
		return o.saw == state && o.got == next && o.ok == (next != absent), next
	case loadOrCompute:
		switch {
		case o.failed: // whoever is told of an error found the key absent
			return !present && !o.ok && o.got == absent, state
		case o.ok:
			return present && o.got == state, state
		}
		return !present && o.got == o.arg && o.calls == 1, o.arg
	}
	panic(fmt.Sprintf("%s is no operation on a single key", methodNames[o.method]))
}

// keyModel is one key of a map. An operation is its own input and output.
var keyModel = porcupine.Model{
	Init: func() any { return absent },
	Step: func(state, input, _ any) (bool, any) {
		ok, next := keyStep(state.(code), input.(*op))
		return ok, next
	},
	Hash:              func(state any) uint64 { return uint64(state.(code)) * spread },
	DescribeOperation: func(input, _ any) string { return input.(*op).String() },
}

// firstOther is the first of the keys under which entries are only counted. Everything stored there is stored under a
// key that was never used before.
const firstOther = 100

// wholeStep is what a map does as a whole.
func wholeStep(state contents, o *op) (ok bool, next contents) {
	switch o.method {
	case snapshot, clone:
		return *o.content == state, state
	case clear:
		return true, contents{}
	case replace:
		return *o.content == state, *o.next
	}
	if o.key < firstOther {
		ok, state.codes[o.key] = keyStep(state.codes[o.key], o)
		return ok, state
	}
	switch {
	case o.method == store:
		state.others++
	case o.method == loadAndDelete && o.ok:
		state.others--
	}
	return state.others >= 0, state
}

// wholeModel is a map as a whole.
var wholeModel = porcupine.Model{
	Init: func() any { return contents{} },
	Step: func(state, input, _ any) (bool, any) {
		ok, next := wholeStep(state.(contents), input.(*op))
		return ok, next
	},
	Hash: func(state any) uint64 {
		c := state.(contents)
		h := uint64(c.others)
		for _, code := range c.codes {
			h = h*spread + uint64(code)
		}
		return h * spread
	},
	DescribeOperation: func(input, _ any) string { return input.(*op).String() },
	DescribeState:     func(state any) string { c := state.(contents); return c.String() },
}

// spread is an odd number with about half its bits set, from the fractional part of the golden ratio.
const spread = 0x9e3779b97f4a7c15
