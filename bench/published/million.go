package published

import (
	"context"
	"fmt"
	"slices"

	"github.com/shardmap-go/shardmap/bench/internal/text"
)

// A millionLoad is a number of insertions into an empty map, and then as many loads, by goroutines with keys of their
// own.
type millionLoad struct {
	goroutines, operations int
}

func prepareMillion(quick bool) (string, []contestant) {
	l := millionLoad{goroutines: 8, operations: 1_000_000}
	if quick {
		l = millionLoad{goroutines: 8, operations: 800}
	}
	return fmt.Sprintf("%d goroutines insert %s entries into an empty map, and then load each once", l.goroutines, text.Thousands(l.operations)),
		each(l.measure, "RWMutex", "sync.Map", "Map", "RWMap")
}

func (l millionLoad) measure(_ context.Context, newMap func() intMap) (Sample, error) {
	m := newMap()
	share := l.operations / l.goroutines
	writes := together(l.goroutines, func(id int) {
		for key := id * share; key < (id+1)*share; key++ {
			m.Store(key, value(key, 1))
		}
	})
	var wrong fault
	reads := together(l.goroutines, func(id int) {
		for key := id * share; key < (id+1)*share; key++ {
			if v, ok := m.Load(key); !ok || v != value(key, 1) {
				wrong.report("Load(%d) is %d, %t", key, v, ok)
			}
		}
	})
	if err := wrong.err(); err != nil {
		return nil, err
	}
	return Sample{"reads": milliseconds(reads), "writes": milliseconds(writes)},
		expect(m, current(slices.Repeat([]int{1}, share*l.goroutines)))
}
