package left

import (
	"fmt"
	"sync"
	"time"
)

type embedded struct{ sync.Map } // want `left alone: only the maps of variables`

type together struct{ a, b sync.Map } // want `left alone: only the maps of variables`

func parameter(m *sync.Map) {} // want `left alone: only the maps of variables`

var slice []sync.Map // want `left alone: only the maps of variables`

var Exported sync.Map // want `left alone: Exported is exported`

var passed sync.Map // want `left alone: passed is more than the receiver of a call at left.go:23`

func pass() {
	passed.Store(1, 2)
	parameter(&passed)
}

var mixed sync.Map // want `left alone: a value is of type string at left.go:30, and of type int elsewhere`

func mix() {
	mixed.Store(1, 2)
	mixed.Store(1, "2")
}

var mixedKeys sync.Map // want `left alone: a key is of type rune at left.go:37, and of type int elsewhere`

func mixKeys() {
	mixedKeys.Store(1, true)
	mixedKeys.Delete('1')
}

var anything sync.Map // want `left alone: a value of type any at left.go:42 may be anything`

func store(v any) { anything.Store(1, v) }

var failures sync.Map // want `left alone: a value of type error at left.go:46 may be anything`

func fail(err error) { failures.Store(1, err) }

var nils sync.Map // want `left alone: a value of type untyped nil at left.go:50 may be anything`

func storeNil() { nils.Store(1, nil) }

var unknownKeys sync.Map // want `left alone: nothing tells the type of its keys`

var unknownValues sync.Map // want `left alone: nothing tells the type of its values`

func deleteOnly() { unknownValues.Delete(1) }

var asked sync.Map // want `left alone: the type of v is a question at left.go:62`

func ask() bool {
	v, _ := asked.Load(1)
	_, ok := v.(int)
	return ok
}

var switched sync.Map // want `left alone: the type of v is a question at left.go:70`

func doSwitch() string {
	v, _ := switched.Load(1)
	switch v.(type) {
	case int:
		return "int"
	}
	return "none"
}

var printed sync.Map // want `left alone: v is used at left.go:82 without an assertion of its type`

func print() {
	printed.Store(1, 2)
	v, _ := printed.Load(3)
	fmt.Println(v) // <nil>, and would be 0
}

var compared sync.Map // want `left alone: v is used at left.go:90 without an assertion of its type`

func compare() bool {
	compared.Store(1, new(int))
	v, _ := compared.Load(1)
	return v == nil
}

var returned sync.Map // want `left alone: the result of Load at left.go:96 does not go into a new variable`

func result() (any, bool) {
	return returned.Load(1)
}

var assigned sync.Map // want `left alone: the result of Load at left.go:103 does not go into a new variable`

func assign() {
	var v any
	v, _ = assigned.Load(1)
	_ = v
}

var visited sync.Map // want `left alone: the function of Range at left.go:109 is not written there`

func visit(f func(k, v any) bool) { visited.Range(f) }

var uncomparable sync.Map // want `left alone: its keys are of type \[\]int, which is not comparable`

func panics() { uncomparable.Store([]int{}, 1) }

var both sync.Map // want `left alone: both is more than the receiver of a call at left.go:117`

var method = both.Load

var spread sync.Map // want `left alone: the arguments at left.go:123 are those that a function returns`

func pair() (any, any) { return 1, 2 }

func storePair() { spread.Store(pair()) }

// The type is that of the argument, local to the function.
var hidden sync.Map // want `left alone: rewritten, it does not compile: left.go:[0-9]+:[0-9]+: undefined: secret`

func hide() {
	type secret struct{}
	hidden.Store(1, secret{})
}

// The result may be nil, and CompareAndSwap of nil fails, where that of zero would not.
var swapped sync.Map // want `left alone: a value of type any at left.go:138 may be anything`

func swap() {
	old, _ := swapped.Load(1)
	swapped.CompareAndSwap(1, old, 2)
}

var shadowed sync.Map // want `left alone: rewritten, it does not compile`

func shadow() {
	type pod struct{ time.Time }
	shadowed.Store(1, pod{})
}

type group[K comparable] struct {
	members sync.Map // want `left alone: a key of type K at left.go:152 may be anything`
}

func (g *group[K]) add(k K, leader bool) { g.members.Store(k, leader) }
