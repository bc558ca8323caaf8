package shardmap_test

import (
	"fmt"

	"github.com/shardmap-go/shardmap"
)

func ExampleVersionedPtr() {
	var leader shardmap.VersionedPtr[string]
	ada, bob := new("ada"), new("bob")
	leader.Store(ada)

	_, version := leader.Load()
	leader.Store(bob)
	leader.Store(ada) // the pointer is as before, but not untouched

	current, ok := leader.CompareAndSwap(version, nil)
	fmt.Println(ok, version, current)
	// Output: false 1 3
}

// An update that is computed from the value it replaces.
func ExampleVersionedPtr_CompareAndSwap() {
	type totals struct{ calls, errors int }
	var p shardmap.VersionedPtr[totals]
	record := func(failed bool) {
		for {
			old, version := p.Load()
			next := new(totals)
			if old != nil {
				*next = *old
			}
			next.calls++
			if failed {
				next.errors++
			}
			if _, ok := p.CompareAndSwap(version, next); ok {
				return
			}
		}
	}
	record(false)
	record(true)
	t, version := p.Load()
	fmt.Printf("%+v, version %d\n", *t, version)
	// Output: {calls:2 errors:1}, version 2
}
