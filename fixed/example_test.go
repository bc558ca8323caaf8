package fixed_test

import (
	"errors"
	"fmt"

	"github.com/shardmap-go/shardmap/fixed"
)

func ExampleMap() {
	sessions := fixed.New[string, int](2)
	fmt.Println(sessions.Store("ann", 1))
	fmt.Println(sessions.Store("ben", 2))

	err := sessions.Store("cay", 3)
	fmt.Println(err, errors.Is(err, fixed.ErrFull))
	fmt.Println(sessions.Store("ann", 10)) // there already

	sessions.Delete("ben")
	fmt.Println(sessions.Store("cay", 3))
	fmt.Println(sessions.Load("cay"))
	fmt.Println(sessions.Len(), sessions.Cap())
	// Output:
	// <nil>
	// <nil>
	// fixed: the map is full true
	// <nil>
	// <nil>
	// 3 true
	// 2 2
}

// To make room, somebody who knows what can be spared deletes it; the map does not choose.
func ExampleMap_Range() {
	type session struct{ idle int }
	m := fixed.New[string, session](3)
	for name, idle := range map[string]int{"ann": 5, "ben": 90, "cay": 7} {
		if err := m.Store(name, session{idle}); err != nil {
			fmt.Println(err)
		}
	}
	for name, s := range m.All() {
		if s.idle > 60 {
			m.CompareAndDelete(name, s) // not if it was used meanwhile
		}
	}
	fmt.Println(m.Len())
	// Output:
	// 2
}
