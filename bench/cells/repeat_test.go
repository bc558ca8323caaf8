package cells

import (
	"strings"
	"testing"

	"github.com/shardmap-go/shardmap/bench/strategy"
)

func TestRepeatDoesEveryOperationOfACellAndChecksTheMap(t *testing.T) {
	named, _ := strategy.Named("Map")
	for _, op := range Operations() {
		c := Cell{Operation: op.Name, Keys: "int", Values: "int", Entries: minEntries, Procs: 1}
		err := Repeat(t.Context(), named[0], c, 1, 3)
		if op.Name == "rangeWrites" { // which takes two processors
			if err == nil || err.Error() != "there is no such cell" {
				t.Errorf("%v: %v", c, err)
			}
		} else if err != nil {
			t.Errorf("%v: %v", c, err)
		}
	}
}

func TestRepeatCallsTheMapAsOftenAsItSays(t *testing.T) {
	loads := 0
	counting := faultyStrategy(t, func(m *faulty) {
		right := m.load
		m.load = func(k int) (int, bool) { loads++; return right(k) }
	})
	c := Cell{Operation: "hit", Keys: "int", Values: "int", Entries: 200, Procs: 1}
	const check = 2 * 200 // the check afterwards loads each key, and each that must not be there
	if err := Repeat(t.Context(), counting, c, 1, 7); err != nil || loads != 7*200+check {
		t.Errorf("%d loads, %v, want %d", loads, err, 7*200+check)
	}
}

func TestRepeatSaysWhatIsWrong(t *testing.T) {
	right, _ := strategy.Named("Map")
	wrong := faultyStrategy(t, func(m *faulty) { m.store = func(int, int) {} })
	good := Cell{Operation: "hit", Keys: "int", Values: "int", Entries: 200, Procs: 1}
	bad := good
	bad.Operation = "hits"
	for want, err := range map[string]error{
		"0 times, want 1 at least":        Repeat(t.Context(), right[0], good, 1, 0),
		`unknown operation "hits"`:        Repeat(t.Context(), right[0], bad, 1, 1),
		"faulty 200 lookups with a wrong": Repeat(t.Context(), wrong, good, 1, 1),
	} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %q", err, want)
		}
	}
}
