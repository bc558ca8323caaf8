package shardmap_test

import (
	"errors"
	"fmt"
	"slices"

	"github.com/shardmap-go/shardmap"
)

func ExampleRWMap() {
	var ports shardmap.RWMap[string, int] // the zero value is ready
	ports.Store("http", 80)
	ports.Store("https", 443)

	if port, ok := ports.Load("https"); ok {
		fmt.Println(port)
	}
	if actual, loaded := ports.LoadOrStore("http", 8080); loaded {
		fmt.Println("kept", actual)
	}
	fmt.Println(slices.Sorted(ports.Keys()), ports.Len())
	fmt.Println(&ports)
	// Output:
	// 443
	// kept 80
	// [http https] 2
	// shardmap.RWMap[http:80 https:443]
}

// A counter that disappears when it gets to zero, without a lock of one's own.
func ExampleRWMap_Compute() {
	var references shardmap.RWMap[string, int]
	acquire := func(old int, _ bool) (int, shardmap.Op) { return old + 1, shardmap.Set }
	release := func(old int, loaded bool) (int, shardmap.Op) {
		switch {
		case !loaded:
			return 0, shardmap.Keep
		case old == 1:
			return 0, shardmap.Remove
		default:
			return old - 1, shardmap.Set
		}
	}
	references.Compute("file", acquire)
	references.Compute("file", acquire)
	fmt.Println(references.Compute("file", release))
	fmt.Println(references.Compute("file", release))
	fmt.Println(references.Len())
	// Output:
	// 1 true
	// 0 false
	// 0
}

func ExampleRWMap_LoadOrCompute() {
	var users shardmap.RWMap[int, string]
	fetch := func(id int) func() (string, error) {
		return func() (string, error) {
			if id == 0 {
				return "", errors.New("no such user")
			}
			return fmt.Sprint("user ", id), nil
		}
	}
	fmt.Println(users.LoadOrCompute(7, fetch(7)))
	fmt.Println(users.LoadOrCompute(7, fetch(7))) // fetches nothing
	fmt.Println(users.LoadOrCompute(0, fetch(0))) // stores nothing
	fmt.Println(&users)
	// Output:
	// user 7 false <nil>
	// user 7 true <nil>
	//  false no such user
	// shardmap.RWMap[7:user 7]
}

func ExampleRWMap_DeleteFunc() {
	var idle shardmap.RWMap[string, int] // seconds
	idle.Store("a", 10)
	idle.Store("b", 300)
	idle.Store("c", 900)
	fmt.Println(idle.DeleteFunc(func(_ string, seconds int) bool { return seconds > 60 }))
	fmt.Println(&idle)
	// Output:
	// 2
	// shardmap.RWMap[a:10]
}
