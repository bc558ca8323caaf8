// Package migrating tests what docs/migrating.md says about the maps that one migrates from.
package migrating

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"

	cmap "github.com/orcaman/concurrent-map/v2"
	"github.com/puzpuzpuz/xsync/v4"

	"github.com/shardmap-go/shardmap"
)

func panics(f func()) (panicked bool) {
	defer func() { panicked = recover() != nil }()
	f()
	return false
}

func expect(t *testing.T, what string, got, want any) {
	t.Helper()
	if got != want {
		t.Errorf("%s: %v, want %v", what, got, want)
	}
}

func TestOnlyTheZeroValuesOfShardmapAndSyncAreReady(t *testing.T) {
	expect(t, "shardmap panics", panics(func() { new(shardmap.Map[string, int]).Store("a", 1) }), false)
	expect(t, "sync panics", panics(func() { new(sync.Map).Store("a", 1) }), false)
	expect(t, "xsync panics", panics(func() { new(xsync.Map[string, int]).Store("a", 1) }), true)
	expect(t, "cmap panics", panics(func() { new(cmap.ConcurrentMap[string, int]).Set("a", 1) }), true)
}

func TestNilKeysAndValuesAreAsInSyncMap(t *testing.T) {
	var m shardmap.Map[any, any]
	var s sync.Map
	m.Store(nil, nil)
	s.Store(nil, nil)
	got, ok := m.Load(nil)
	want, wantOK := s.Load(nil)
	expect(t, "value", got, want)
	expect(t, "presence", ok, wantOK)
	expect(t, "presence", ok, true)
	typed := shardmap.Map[string, *int]{}
	typed.Store("a", nil)
	_, ok = typed.Load("a")
	expect(t, "presence of a nil pointer", ok, true)
}

func TestAnAbsentKeyOfATypedMapHasTheZeroValue(t *testing.T) {
	var s sync.Map
	absent, _ := s.Load("a")
	expect(t, "the assertion panics", panics(func() { _ = absent.(int) }), true)
	var m shardmap.Map[string, int]
	n, ok := m.Load("a")
	expect(t, "value", n, 0)
	expect(t, "presence", ok, false)
}

func TestOldValuesThatCannotBeComparedPanicWhetherOrNotTheKeyIsThere(t *testing.T) {
	var m shardmap.Map[any, any]
	var s sync.Map
	slice := any([]int{1})
	expect(t, "sync, absent", panics(func() { s.CompareAndSwap("a", slice, 2) }), false)
	expect(t, "shardmap, absent", panics(func() { m.CompareAndSwap("a", slice, 2) }), true)
	expect(t, "sync deletes, absent", panics(func() { s.CompareAndDelete("a", slice) }), false)
	expect(t, "shardmap deletes, absent", panics(func() { m.CompareAndDelete("a", slice) }), true)
	s.Store("a", slice)
	m.Store("a", slice)
	expect(t, "sync, present", panics(func() { s.CompareAndSwap("a", slice, 2) }), true)
	expect(t, "shardmap, present", panics(func() { m.CompareAndSwap("a", slice, 2) }), true)
	expect(t, "shardmap, a comparable value", m.CompareAndSwap("a", 1, 2), false)
}

func TestEncodersSeeTheContentOfShardmapAndNothingOfSync(t *testing.T) {
	type state struct {
		Sync    *sync.Map                   `json:",omitempty"`
		Untyped *shardmap.Map[any, any]     `json:",omitempty"`
		Typed   *shardmap.Map[string, bool] `json:",omitempty"`
	}
	s := state{new(sync.Map), new(shardmap.Map[any, any]), new(shardmap.Map[string, bool])}
	s.Sync.Store("a", true)
	s.Untyped.Store("a", true)
	s.Typed.Store("a", true)
	for _, c := range []struct {
		of   state
		want string // empty for an error
	}{
		{state{Sync: s.Sync}, `{"Sync":{}}`},
		{state{Untyped: s.Untyped}, ""},
		{state{Untyped: new(shardmap.Map[any, any])}, ""},
		{state{Typed: s.Typed}, `{"Typed":{"a":true}}`},
	} {
		got, err := json.Marshal(&c.of)
		expect(t, "JSON", string(got), c.want)
		expect(t, "it is refused", err != nil, c.want == "")
	}
	stored := func(name string) error { return json.Unmarshal([]byte(`{"`+name+`":{"b":true}}`), &s) }
	expect(t, "sync refuses", stored("Sync"), nil)
	_, ok := s.Sync.Load("b")
	expect(t, "sync stores", ok, false)
	expect(t, "shardmap of any refuses", stored("Untyped") != nil, true)
	expect(t, "shardmap refuses", stored("Typed"), nil)
	_, ok = s.Typed.Load("b")
	expect(t, "shardmap stores", ok, true)

	expect(t, "fmt", fmt.Sprint(s.Untyped), "shardmap.Map[a:true]")
	expect(t, "fmt shows the content of sync", strings.Contains(fmt.Sprint(s.Sync), "a:true"), false)
}

func TestMethodsOfXsyncHaveTheirCounterparts(t *testing.T) {
	x := xsync.NewMap[string, int]()
	var m shardmap.Map[string, int]
	for range 2 {
		previous, loaded := x.LoadAndStore("a", 3)
		got, gotLoaded := m.Swap("a", 3)
		if loaded {
			expect(t, "LoadAndStore, Swap", got, previous)
		} else {
			expect(t, "LoadAndStore of a new key returns the new value", previous, 3)
			expect(t, "Swap of a new key returns the zero value", got, 0)
		}
		expect(t, "LoadAndStore, Swap: loaded", gotLoaded, loaded)
	}
	xv, xok := x.Compute("b", func(old int, loaded bool) (int, xsync.ComputeOp) { return old + 1, xsync.UpdateOp })
	mv, mok := m.Compute("b", func(old int, loaded bool) (int, shardmap.Op) { return old + 1, shardmap.Set })
	expect(t, "Compute", mv, xv)
	expect(t, "Compute: present", mok, xok)
	x.Compute("b", func(int, bool) (int, xsync.ComputeOp) { return 0, xsync.DeleteOp })
	m.Compute("b", func(int, bool) (int, shardmap.Op) { return 0, shardmap.Remove })
	expect(t, "Size, Len", m.Len(), x.Size())

	refused := errors.New("refused")
	xv, xok = x.LoadOrCompute("c", func() (int, bool) { return 1, true })
	mv, mok, err := m.LoadOrCompute("c", func() (int, error) { return 1, refused })
	expect(t, "a load that is cancelled, or fails", mv, xv)
	expect(t, "loaded", mok, xok)
	expect(t, "error", err, refused)
	all := func(string, int) bool { return true }
	xn := x.DeleteMatching(func(key string, n int) (del, stop bool) { return true, false })
	expect(t, "DeleteMatching, DeleteFunc", m.DeleteFunc(all), xn)
}

func TestMethodsOfCmapHaveTheirCounterparts(t *testing.T) {
	c := cmap.New[int]()
	var m shardmap.Map[string, int]
	for range 2 {
		stored := c.SetIfAbsent("a", 1)
		_, loaded := m.LoadOrStore("a", 1)
		expect(t, "SetIfAbsent is the opposite of loaded", stored, !loaded)
	}
	add := func(present bool, old, new int) int {
		if !present {
			return new
		}
		return old + new
	}
	got, _ := m.Compute("a", func(old int, loaded bool) (int, shardmap.Op) { return add(loaded, old, 5), shardmap.Set })
	expect(t, "Upsert, Compute", got, c.Upsert("a", 5, add))
	removed := c.RemoveCb("a", func(_ string, n int, present bool) bool { return present && n == 6 })
	expect(t, "RemoveCb, CompareAndDelete", m.CompareAndDelete("a", 6), removed)
	for range 2 {
		value, exists := c.Pop("a")
		got, loaded := m.LoadAndDelete("a")
		expect(t, "Pop, LoadAndDelete", got, value)
		expect(t, "Pop, LoadAndDelete: loaded", loaded, exists)
	}
	expect(t, "Count, Len", m.Len(), c.Count())
	other := c // a cmap may be copied, and the copy is the same map
	other.Set("b", 1)
	expect(t, "Has", c.Has("b"), true)
}

func TestCallbacksMayUseTheMap(t *testing.T) {
	var m shardmap.Map[string, int]
	m.Store("a", 1)
	m.Compute("b", func(int, bool) (int, shardmap.Op) { // with xsync and cmap: a deadlock if a has the same lock
		n, _ := m.Load("a")
		m.Store("a", n+1)
		return n, shardmap.Set
	})
	m.Range(func(key string, _ int) bool { m.Delete(key); return true })
	expect(t, "Len", m.Len(), 0)
}

func TestComputeCallsAgainAfterAConflict(t *testing.T) {
	var m shardmap.Map[string, int]
	calls := 0
	m.Compute("a", func(old int, _ bool) (int, shardmap.Op) {
		if calls++; calls == 1 {
			m.Store("a", 10) // somebody else, meanwhile
		}
		return old + 1, shardmap.Set
	})
	n, _ := m.Load("a")
	expect(t, "calls", calls, 2)
	expect(t, "value", n, 11)
}
