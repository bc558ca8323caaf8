package run

import (
	"fmt"

	"github.com/shardmap-go/shardmap/bench/strategy"
)

// check compares the map with what must be there at the end, and returns the number of entries. The error says what is
// wrong first.
func (b *replayBench[K, V]) check(m strategy.Map[K, V]) (entries int, err error) {
	there := make([]bool, len(b.keys))
	held := make([]V, len(b.keys))
	lost, wrong, ghosts := 0, 0, 0
	for i := range b.keys {
		demand := b.keys[i].ending()
		value, ok := m.Load(b.known[i])
		switch {
		case demand&known != 0 && !ok && demand&present != 0:
			lost++
		case demand&known != 0 && ok && demand&present == 0:
			ghosts++
		case ok && demand&exact != 0 && value != b.values.Of(i, b.keys[i].version):
			wrong++
		case ok && b.values.Key(value) != i:
			wrong++
		}
		if there[i], held[i] = ok, value; ok {
			entries++
		}
	}
	switch {
	case lost > 0:
		return entries, fmt.Errorf("lost %d of %d entries", lost, lost+entries)
	case wrong > 0:
		return entries, fmt.Errorf("%d of %d entries have a value that is not the last one stored", wrong, entries)
	case ghosts > 0:
		return entries, fmt.Errorf("%d entries are there although they were deleted", ghosts)
	}
	return entries, b.checkWhole(m, there, held, entries)
}

// checkWhole compares Len and Range with what Load has found.
func (b *replayBench[K, V]) checkWhole(m strategy.Map[K, V], there []bool, held []V, entries int) error {
	if n := m.Len(); n != entries {
		return fmt.Errorf("Len says %d, but there are %d entries", n, entries)
	}
	seen := make([]bool, len(there))
	visits, repeats, strange := 0, 0, 0
	m.Range(func(key K, value V) bool {
		visits++
		switch i := b.values.Key(value); {
		case i < 0 || i >= len(seen) || b.known[i] != key || !there[i] || held[i] != value:
			strange++
		case seen[i]:
			repeats++
		default:
			seen[i] = true
		}
		return true
	})
	switch {
	case strange > 0:
		return fmt.Errorf("Range showed %d entries that Load does not show", strange)
	case repeats > 0:
		return fmt.Errorf("Range showed %d entries twice", repeats)
	case visits != entries:
		return fmt.Errorf("Range showed %d of %d entries", visits, entries)
	}
	return nil
}
