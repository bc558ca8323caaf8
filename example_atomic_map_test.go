package shardmap_test

import (
	"encoding/json"
	"fmt"

	"github.com/shardmap-go/shardmap"
)

func ExampleAtomicMap() {
	var routes shardmap.AtomicMap[string, string] // the zero value is ready
	routes.Store("/", "home")
	routes.Store("/about", "about")

	for path, page := range routes.All() { // the map as of one instant
		routes.Delete(path) // does not disturb the loop
		if path == "/" {
			fmt.Println(page)
		}
	}
	fmt.Println(routes.Len())
	// Output:
	// home
	// 0
}

// Readers see the old configuration or the new one, never a mixture.
func ExampleAtomicMap_Update() {
	var config shardmap.AtomicMap[string, string]
	config.Update(func(m map[string]string) {
		m["host"] = "example.org"
		m["port"] = "80"
	})
	config.Update(func(m map[string]string) {
		m["port"] = "443"
		m["tls"] = "on"
	})
	fmt.Println(&config)
	// Output: shardmap.AtomicMap[host:example.org port:443 tls:on]
}

func ExampleAtomicMap_UnmarshalJSON() {
	var limits shardmap.AtomicMap[string, int]
	limits.Store("requests", 100)
	if err := json.Unmarshal([]byte(`{"connections": 10, "requests": 200}`), &limits); err != nil {
		fmt.Println(err)
	}
	fmt.Println(&limits)

	err := json.Unmarshal([]byte(`{"connections": 0, "requests": "many"}`), &limits)
	fmt.Println(err != nil, &limits) // all or nothing
	// Output:
	// shardmap.AtomicMap[connections:10 requests:200]
	// true shardmap.AtomicMap[connections:10 requests:200]
}
