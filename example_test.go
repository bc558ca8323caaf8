package shardmap_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/shardmap-go/shardmap"
)

func Example() {
	var m shardmap.Map[string, int]
	m.Store("apples", 3)
	m.Store("pears", 5)

	before := m.Snapshot() // the whole map at one instant
	m.Store("apples", 4)
	m.Delete("pears")
	m.Store("plums", 1)

	changes := maps.Collect(m.Snapshot().Diff(before))
	for _, key := range slices.Sorted(maps.Keys(changes)) {
		c := changes[key]
		fmt.Println(key, c.Kind, c.Old, "→", c.New)
	}
	// Output:
	// apples updated 3 → 4
	// pears removed 5 → 0
	// plums added 0 → 1
}

func ExampleMap() {
	type NamespacedName struct{ Namespace, Name string }
	type state struct{ failures int }

	var m shardmap.Map[NamespacedName, *state] // the zero value is ready to use
	key := NamespacedName{"default", "web"}

	s, loaded := m.LoadOrStore(key, &state{failures: 1})
	fmt.Println(s.failures, loaded)

	_, ok := m.Load(NamespacedName{"default", "db"})
	fmt.Println(ok, m.Len())

	s, _ = m.LoadAndDelete(key)
	fmt.Println(s.failures, m.Len())
	// Output:
	// 1 false
	// false 1
	// 1 0
}

// Map[any, any] is the textual replacement of sync.Map.
func ExampleMap_syncMap() {
	var m shardmap.Map[any, any] // was: var m sync.Map
	m.Store("answer", 42)
	v, ok := m.Load("answer")
	fmt.Println(v.(int), ok)
	// Output: 42 true
}

func ExampleMap_Compute() {
	var count shardmap.Map[string, int]
	for _, word := range strings.Fields("the quick the lazy the dog") {
		count.Compute(word, func(n int, _ bool) (int, shardmap.Op) { return n + 1, shardmap.Set })
	}
	n, _ := count.Load("the")
	fmt.Println(n, count.Len())
	// Output: 3 4
}

func ExampleOp() {
	var credit shardmap.Map[string, int]
	credit.Store("alice", 2)
	spend := func(old int, loaded bool) (int, shardmap.Op) {
		switch {
		case !loaded:
			return 0, shardmap.Keep // nothing to spend, nothing to change
		case old == 1:
			return 0, shardmap.Remove // that was the last
		default:
			return old - 1, shardmap.Set
		}
	}
	for range 3 {
		fmt.Println(credit.Compute("alice", spend))
	}
	// Output:
	// 1 true
	// 0 false
	// 0 false
}

func ExampleMap_LoadOrCompute() {
	var secrets shardmap.Map[string, string]
	fetch := func() (string, error) { return "", errors.New("no such secret") }
	_, _, err := secrets.LoadOrCompute("db-password", fetch)
	fmt.Println(err, secrets.Len())

	fetch = func() (string, error) { return "hunter2", nil }
	v, loaded, err := secrets.LoadOrCompute("db-password", fetch)
	fmt.Println(v, loaded, err)
	v, loaded, err = secrets.LoadOrCompute("db-password", fetch)
	fmt.Println(v, loaded, err)
	// Output:
	// no such secret 0
	// hunter2 false <nil>
	// hunter2 true <nil>
}

func ExampleMap_DeleteFunc() {
	var m shardmap.Map[string, int]
	for i, name := range []string{"a", "b", "c", "d"} {
		m.Store(name, i)
	}
	n := m.DeleteFunc(func(_ string, v int) bool { return v%2 == 0 })
	fmt.Println(n, m.Len())
	// Output: 2 2
}

func ExampleMap_Replace() {
	var m shardmap.Map[string, int]
	m.Store("old", 1)
	m.Store("both", 2)
	before := m.Replace(maps.All(map[string]int{"both": 2, "new": 3}))
	fmt.Println(before, &m)
	// Output: shardmap.Snapshot[both:2 old:1] shardmap.Map[both:2 new:3]
}

func ExampleMap_Clone() {
	var m shardmap.Map[string, int]
	m.Store("a", 1)
	c := m.Clone()
	c.Store("b", 2)
	fmt.Println(m.Len(), c.Len())
	// Output: 1 2
}

func ExampleMap_MarshalJSON() {
	var m shardmap.Map[string, int]
	m.Store("a", 1)
	data, err := json.Marshal(map[string]any{"counts": &m})
	fmt.Println(string(data), err)
	// Output: {"counts":{"a":1}} <nil>
}

// The safe way to clean up a map that others write.
func ExampleSnapshot() {
	var cache shardmap.Map[string, int]
	cache.Store("live", 1)
	cache.Store("stale", 2)
	isLive := func(key string) bool { return key == "live" }

	for key := range cache.Snapshot().Keys() {
		if !isLive(key) {
			cache.Delete(key)
		}
	}
	fmt.Println(&cache)
	// Output: shardmap.Map[live:1]
}

func ExampleSortedKeys() {
	var m shardmap.Map[string, int]
	for _, name := range []string{"cherry", "apple", "banana"} {
		m.Store(name, len(name))
	}
	s := m.Snapshot()
	for _, key := range shardmap.SortedKeys(s) {
		v, _ := s.Load(key)
		fmt.Println(key, v)
	}
	// Output:
	// apple 5
	// banana 6
	// cherry 6
}

func ExampleChange() {
	var m shardmap.Map[string, int]
	m.Store("replicas", 2)
	older := m.Snapshot()
	m.Store("replicas", 3)
	for key, change := range m.Snapshot().Diff(older) {
		fmt.Println(key, change.Old, change.New)
	}
	// Output: replicas 2 3
}

func ExampleChangeKind() {
	fmt.Println(shardmap.Added, shardmap.Updated, shardmap.Removed)
	// Output: added updated removed
}

func ExampleOption() {
	m := shardmap.New[string, int](
		shardmap.WithShards(16),
		shardmap.WithCapacity(10_000),
		shardmap.WithHasher(func(key string) uint64 { return uint64(len(key)) }), // a poor one
	)
	m.Store("a", 1)
	fmt.Println(m.Stats().Shards >= 16, m.Len())
	// Output: true 1
}

func ExampleMapHash() {
	m := shardmap.New[string, int](shardmap.WithHasher(shardmap.MapHash[string]))
	m.Store("a key that somebody else has chosen", 1)
	fmt.Println(m.Load("a key that somebody else has chosen"))
	// Output: 1 true
}

func ExampleStats() {
	var m shardmap.Map[int, int]
	for i := range 100_000 {
		m.Store(i, i)
	}
	st := m.Stats()
	fmt.Println(st.Entries, st.Shards == int(st.Splits)+1, st.Skew < 2, st.Rehashes)
	// Output: 100000 true true 0
}

// Code that takes a ConcurrentMap does not care which one it gets.
func ExampleConcurrentMap() {
	count := func(m shardmap.ConcurrentMap[string, int], words ...string) int {
		for _, w := range words {
			m.Compute(w, func(n int, _ bool) (int, shardmap.Op) { return n + 1, shardmap.Set })
		}
		return m.Len()
	}
	fmt.Println(
		count(new(shardmap.Map[string, int]), "a", "b", "a"),
		count(new(shardmap.RWMap[string, int]), "a", "b", "a"),
		count(new(shardmap.AtomicMap[string, int]), "a", "b", "a"),
	)
	// Output: 2 2 2
}
