// Package vetcopy copies what must not be copied. TestVetSeesCopies demands that go vet says so of each line that ends
// in "copy".
package vetcopy

import "github.com/shardmap-go/shardmap"

func byAssignment(m *shardmap.Map[string, int], rw *shardmap.RWMap[string, int], am *shardmap.AtomicMap[string, int], p *shardmap.VersionedPtr[int]) {
	m2 := *m   // copy
	rw2 := *rw // copy
	am2 := *am // copy
	p2 := *p   // copy
	use(&m2, &rw2, &am2, &p2)
}

func byParameter(m shardmap.Map[string, int]) {} // copy

func byResult(rw *shardmap.RWMap[string, int]) shardmap.RWMap[string, int] {
	return *rw // copy
}

func byRange(ms []shardmap.AtomicMap[string, int]) {
	for _, m := range ms { // copy
		use(&m)
	}
}

type inside struct {
	name string
	p    shardmap.VersionedPtr[int]
}

func (i inside) byReceiver() {} // copy

func use(...any) {}
