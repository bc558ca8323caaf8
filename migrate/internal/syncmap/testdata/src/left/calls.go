package left

import (
	"cmp"
	"lib"
	"sync"
	"unsafe"
)

var inferred sync.Map // want `left alone: n is used at calls.go:14 without an assertion of its type`

func infer() any {
	n, _ := inferred.LoadOrStore(1, 0)
	return cmp.Or(n, 5) // 0, and would be 5
}

var measured sync.Map // want `left alone: n is used at calls.go:21 without an assertion of its type`

func measure() uintptr {
	n, _ := measured.LoadOrStore(1, int8(0))
	return unsafe.Sizeof(n) // 16, and would be 1
}

var shown sync.Map // want `left alone: n is used at calls.go:28 without an assertion of its type`

func show() {
	n, _ := shown.LoadOrStore(1, 0)
	println(n) // two addresses, and would be 0
}

var unnamed sync.Map // want `left alone: types of package lib/internal cannot be named here`

func name() { unnamed.Store(1, lib.New()) }
