package run

import (
	"fmt"

	"github.com/shardmap-go/shardmap/bench/strategy"
)

// check compares the map with what the workers know. The error says what is wrong first.
func (b *bench[K, V]) check(m strategy.Map[K, V]) error {
	if err := b.blame(); err != nil {
		return err
	}
	if b.counts {
		return b.checkCount(m)
	}
	lost, wrong, ghosts := 0, 0, 0
	for _, w := range b.workers {
		for place, version := range w.versions {
			if version == 0 {
				continue
			}
			key, i, gone, hasGone := w.final(place)
			if hasGone {
				if _, ok := m.Load(gone); ok {
					ghosts++
				}
			}
			switch value, ok := m.Load(key); {
			case !ok:
				lost++
			case value != b.values.Of(i, version):
				wrong++
			}
		}
	}
	switch {
	case lost > 0:
		return fmt.Errorf("lost %d of %d entries", lost, b.entries())
	case wrong > 0:
		return fmt.Errorf("%d of %d entries have a value that is not the last one stored", wrong, b.entries())
	case ghosts > 0:
		return fmt.Errorf("%d entries are there although they were deleted", ghosts)
	}
	return b.checkWhole(m)
}

// final returns the key that is in the map for a place, the number by which its value knows it, and a key that must not be
// in the map, if there is one.
func (w *worker[K, V]) final(place int) (key K, number int, gone K, hasGone bool) {
	number = place*w.goroutines + w.id
	switch {
	case w.slots != nil:
		current := w.slots[place].Load()
		return *current, number, w.keys[number], current != &w.keys[number]
	case w.twins == nil:
		return w.keys[number], number, gone, false
	case w.twins[place].Load() == 1:
		return w.keys[number+w.number], number + w.number, w.keys[number], true
	}
	return w.keys[number], number, w.keys[number+w.number], true
}

// checkCount compares the sum of all counters with the number of increments.
func (b *bench[K, V]) checkCount(m strategy.Map[K, V]) error {
	want, got := b.increments, int64(0)
	for _, w := range b.workers {
		want += w.increments
	}
	for _, key := range b.keys {
		value, _ := m.Load(key)
		n, _ := any(value).(int) // the only type that counts
		got += int64(n)
	}
	if got != want {
		return fmt.Errorf("counted %d after %d increments", got, want)
	}
	return nil
}

// checkWhole compares Len and Range with what must be there.
func (b *bench[K, V]) checkWhole(m strategy.Map[K, V]) error {
	entries := b.entries()
	if n := m.Len(); n != entries {
		return fmt.Errorf("Len says %d, but there are %d entries", n, entries)
	}
	there := make([]*K, len(b.keys))
	for _, w := range b.workers {
		for place, version := range w.versions {
			if key, i, _, _ := w.final(place); version > 0 {
				there[i] = &key
			}
		}
	}
	visits, repeats, strange := 0, 0, 0
	seen := make([]bool, len(b.keys))
	m.Range(func(key K, value V) bool {
		visits++
		switch i := b.values.Key(value); {
		case i < 0 || i >= len(there) || there[i] == nil || *there[i] != key:
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
		return fmt.Errorf("Range showed %d entries with the value of another key", strange)
	case repeats > 0:
		return fmt.Errorf("Range showed %d entries twice", repeats)
	case visits != entries:
		return fmt.Errorf("Range showed %d of %d entries", visits, entries)
	}
	return nil
}
