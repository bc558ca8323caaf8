package objstate

import "testing"

// A tombstone can be replaced before its grave is in the list.
func TestAGraveThatIsLeftBeforeItIsDugIsNotDug(t *testing.T) {
	var y graveyard
	var g grave
	y.remove(&g)
	y.add(&g)
	y.remove(&g)
	if y.len() != 0 || y.excess(0) != nil {
		t.Error("the list has a grave whose tombstone has left the map")
	}
}
