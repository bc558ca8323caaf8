// Command sweep removes stale entries from a map while others write to it.
//
// The idea: with a Go map, ranging over it while anyone writes ends the whole
// program, and no recover helps:
//
//	fatal error: concurrent map iteration and map write
//
// The safe way is to take the keys of a snapshot and to delete each entry
// only if it is still the one that was found stale. The writers never wait,
// and an entry that is refreshed in the middle of the sweep survives it.
package main

import (
	"fmt"
	"sync"

	"github.com/shardmap-go/shardmap"
)

// seen holds for each object the number of the last resync that listed it.
type seen = shardmap.Map[string, int]

// sweep removes the entries last seen before resync and returns how many.
func sweep(m *seen, resync int) (swept int) {
	for name := range m.Snapshot().Keys() {
		last, ok := m.Load(name)
		if ok && last < resync && m.CompareAndDelete(name, last) {
			swept++
		}
	}
	return swept
}

func main() {
	const objects, listed, recreated = 100_000, 75_000, 10_000
	var m seen
	for i := range objects {
		m.Store(objectName(i), 1)
	}
	for i := range listed {
		m.Store(objectName(i), 2) // resync 2 no longer finds the others
	}

	// Some of the others are created again while the sweep runs.
	var watch sync.WaitGroup
	watch.Go(func() {
		for i := listed; i < listed+recreated; i++ {
			m.Store(objectName(i), 2)
		}
	})
	swept := sweep(&m, 2)
	watch.Wait()

	fmt.Printf("%d entries, %d of them stale; %d came back during the sweep\n", objects, objects-listed, recreated)
	fmt.Printf("swept %d, left %d, want %d\n", swept, m.Len(), listed+recreated)
}

func objectName(i int) string { return fmt.Sprintf("default/object-%d", i) }
