package shardmap

import (
	"math"
	"testing"

	"github.com/stretchr/testify/require"
)

// A NaN cannot be looked for: Diff may leave one out, or show it as removed and as added, but not the one without the other.
func TestDiffShowsNaNsInBothWaysOrNot(t *testing.T) {
	var m Map[float64, int]
	for i := range 200 {
		m.Store(math.NaN(), i)
	}
	older := m.Snapshot()
	for i := range 5000 { // shards are copied, grow and are divided
		m.Store(float64(i), i)
		if i%100 != 0 {
			continue
		}
		newer, shown := m.Snapshot(), map[int]int{}
		for _, pair := range [][2]*Snapshot[float64, int]{{newer, older}, {older, newer}} {
			for key, change := range pair[0].Diff(pair[1]) {
				switch {
				case key == key:
				case change.Kind == Added:
					shown[change.New]++
				case change.Kind == Removed:
					shown[change.Old]--
				default:
					t.Errorf("a NaN was %v", change.Kind)
				}
			}
			for value, n := range shown {
				require.Zero(t, n, "the NaN with the value %d, after %d stores", value, i)
			}
		}
	}
}

// To shrink a map changes nothing in it.
func TestDiffShowsNothingThatOnlyShrinkMoved(t *testing.T) {
	testDiffAfterShrink(t, func(i int) int { return i })
	testDiffAfterShrink(t, func(i int) [3]int { return [3]int{i, i, i} })
	testDiffAfterShrink(t, func(i int) *int { return &i })
}

func testDiffAfterShrink[V any](t *testing.T, value func(int) V) {
	var m Map[int, V]
	for i := range 1000 {
		m.Store(i, value(i))
	}
	older := m.Snapshot()
	m.Delete(1)
	m.Store(2, value(20))
	m.Store(1000, value(1000))
	m.Shrink()
	m.Store(3, value(30))
	m.Shrink()
	want := map[int]ChangeKind{1: Removed, 2: Updated, 3: Updated, 1000: Added}
	got := map[int]ChangeKind{}
	for key, change := range m.Snapshot().Diff(older) {
		got[key] = change.Kind
	}
	require.Equal(t, want, got)
}
