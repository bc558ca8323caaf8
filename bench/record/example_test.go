package record_test

import (
	"bytes"
	"fmt"
	"io"
	"sync"

	"github.com/shardmap-go/shardmap"
	"github.com/shardmap-go/shardmap/bench/record"
	"github.com/shardmap-go/shardmap/bench/trace"
)

// A program's own map is wrapped once, where it is made, and closed at the end. In a program, the trace goes to a file.
func ExampleMap() {
	var file bytes.Buffer
	rec := record.New(&file, record.Options{})

	sessions := record.Map(rec, shardmap.New[string, int]()).Goroutine() // all of this is one goroutine's
	sessions.Store("ann", 1)
	sessions.Load("ann")
	sessions.Load("bob")
	sessions.Compute("ann", func(visits int, _ bool) (int, shardmap.Op) { return visits + 1, shardmap.Set })

	if err := rec.Close(); err != nil {
		fmt.Println(err)
	}
	print(&file)
	// Output:
	// string keys, 4 operations, 0 lost
	// Store key 1 of 3 bytes, found: unknown
	// Load key 1 of 3 bytes, found: true
	// Load key 2 of 3 bytes, found: false
	// Compute key 1 of 3 bytes, found: true
}

// The map of a goroutine has a track of its own.
func ExampleRecorded_Goroutine() {
	var file bytes.Buffer
	rec := record.New(&file, record.Options{})
	sessions := record.Map(rec, shardmap.New[string, int]())

	var all sync.WaitGroup
	for _, name := range []string{"ann", "bob", "cid"} {
		mine := sessions.Goroutine()
		all.Go(func() {
			defer mine.Release()
			mine.Store(name, 1)
			mine.Load(name)
		})
	}
	all.Wait()
	if err := rec.Close(); err != nil {
		fmt.Println(err)
	}
	r, _ := trace.NewReader(&file)
	for b, err := r.Next(); err == nil; b, err = r.Next() {
		for i := 0; i < len(b.Ops); i += 2 { // a track that was released is given to the next goroutine
			fmt.Println(b.Ops[i].Kind, b.Ops[i+1].Kind, b.Ops[i+1].Outcome == trace.Found)
		}
	}
	// Output:
	// Store Load true
	// Store Load true
	// Store Load true
}

// A sync.Map is recorded as it is.
func ExampleSyncMap() {
	var file bytes.Buffer
	rec := record.New(&file, record.Options{})
	m := record.SyncMap(rec, new(sync.Map)).Goroutine()
	m.Store("k", 1)
	m.LoadAndDelete("k")
	if err := rec.Close(); err != nil {
		fmt.Println(err)
	}
	print(&file)
	// Output:
	// string keys, 2 operations, 0 lost
	// Store key 1 of 1 bytes, found: unknown
	// LoadAndDelete key 1 of 1 bytes, found: true
}

// A lockedMap is a map that is written by hand: five methods are enough.
type lockedMap struct {
	mu sync.Mutex
	m  map[int]string
}

func (m *lockedMap) Load(key int) (string, bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	value, ok := m.m[key]
	return value, ok
}

func (m *lockedMap) Store(key int, value string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.m[key] = value
}

func (m *lockedMap) LoadOrStore(key int, value string) (string, bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if actual, ok := m.m[key]; ok {
		return actual, true
	}
	m.m[key] = value
	return value, false
}

func (m *lockedMap) Delete(key int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.m, key)
}

func (m *lockedMap) Range(f func(key int, value string) bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for key, value := range m.m {
		if !f(key, value) {
			return
		}
	}
}

func ExampleSmallMap() {
	var file bytes.Buffer
	rec := record.New(&file, record.Options{})
	m := record.SmallMap(rec, &lockedMap{m: map[int]string{7: "seven"}}).Goroutine()
	m.Load(7)
	m.Delete(7)
	if err := rec.Close(); err != nil {
		fmt.Println(err)
	}
	print(&file)
	// Output:
	// int keys, 3 operations, 0 lost
	// Start key 1 of 8 bytes, found: true
	// Load key 1 of 8 bytes, found: true
	// Delete key 1 of 8 bytes, found: unknown
}

// print prints a trace of one track, with keys numbered as they come.
func print(file io.Reader) {
	r, err := trace.NewReader(file)
	if err != nil {
		fmt.Println(err)
		return
	}
	keys := map[uint64]int{}
	var lines []string
	b, err := r.Next()
	for ; err == nil; b, err = r.Next() {
		for _, op := range b.Ops {
			if keys[op.Key] == 0 {
				keys[op.Key] = len(keys) + 1
			}
			found := "unknown"
			if op.TellsPresence() || op.Kind == trace.Start {
				found = fmt.Sprint(op.Outcome&trace.Found != 0)
			}
			lines = append(lines, fmt.Sprintf("%v key %d of %d bytes, found: %s", op.Kind, keys[op.Key], op.Length, found))
		}
	}
	if err != io.EOF {
		fmt.Println(err)
	}
	fmt.Printf("%s keys, %d operations, %d lost\n", r.Header().Keys, r.Operations(), r.Lost())
	for _, line := range lines {
		fmt.Println(line)
	}
}
