package published

import (
	"context"
	"fmt"
	"runtime"
	"sync/atomic"

	"github.com/shardmap-go/shardmap"
	"github.com/shardmap-go/shardmap/bench/internal/text"
)

// A resourceLoad is a control plane that keeps the resources of its proxies, and gets a list of all of them again and
// again. The rest of its memory is a block of a fixed size.
type resourceLoad struct {
	resources, lists int
	rest             int // bytes
}

// listsPerSecond is how often a list comes. It only turns what a list costs into what a second costs: they come one
// after the other.
const listsPerSecond = 20

// changing is how many resources there are for each one that a list changes.
const changing = 100

// A resource is allocated anew whenever it changes: 896 bytes, which is a size that the runtime allocates without loss.
type resource struct {
	version int64
	_       [888]byte // what it says
}

func prepareResources(quick bool) (string, []contestant) {
	l := resourceLoad{lists: 60, rest: 16 << 20}
	sizes := []int{1_000, 10_000}
	if quick {
		l = resourceLoad{lists: 3, rest: 1 << 10}
		sizes = []int{10, 100}
	}
	var all []contestant
	for _, way := range []struct {
		name   string
		newSet func() resourceSet
	}{
		{"full rewrite", func() resourceSet { return new(rewrittenSet) }},
		{"Map.Replace", func() resourceSet { return new(replacedSet) }},
		{"Map, changes only", func() resourceSet { return new(updatedSet) }},
	} {
		for i, name := range []string{"1 k", "10 k"} {
			sized := l
			sized.resources = sizes[i]
			all = append(all, contestant{way.name + ", " + name, func(ctx context.Context) (Sample, error) {
				return sized.measure(ctx, way.newSet)
			}})
		}
	}
	return fmt.Sprintf("%s and %s resources of 0.9 kB in %d lists, as if %d came in a second; "+
		"one resource in %d changes; %d MiB of other data",
		text.Thousands(sizes[0]), text.Thousands(sizes[1]), l.lists, listsPerSecond, changing, l.rest>>20), all
}

func (l resourceLoad) measure(ctx context.Context, newSet func() resourceSet) (Sample, error) {
	names := make([]string, l.resources)
	for i := range names {
		names[i] = fmt.Sprintf("cluster-%06d", i)
	}
	rest := make([]byte, l.rest)
	set := newSet()
	set.apply(names, 0)
	runtime.GC()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	for list := 1; list <= l.lists && ctx.Err() == nil; list++ {
		set.apply(names, list)
	}
	runtime.ReadMemStats(&after)
	runtime.KeepAlive(rest)
	if n := set.len(); n != l.resources {
		return nil, fmt.Errorf("there are %d resources, want %d", n, l.resources)
	}
	for i, name := range names {
		want := set.version(i, l.lists)
		if r, ok := set.load(name); !ok || r.version != int64(want) {
			return nil, fmt.Errorf("the resource %s is not there in version %d", name, want)
		}
	}
	seconds := float64(l.lists) / listsPerSecond
	return Sample{
		"GC cycles": float64(after.NumGC-before.NumGC) / seconds,
		"GC pause":  float64(after.PauseTotalNs-before.PauseTotalNs) / 1e3 / seconds,
		"allocated": float64(after.TotalAlloc-before.TotalAlloc) / 1e6 / seconds,
	}, nil
}

// A resourceSet is one of the ways to bring what is there up to date with a list.
type resourceSet interface {
	apply(names []string, list int) // of resources whose i-th has the version changed(i, list)
	version(i, list int) int        // what the i-th resource must have after that
	load(name string) (*resource, bool)
	len() int
}

// changed returns the last of the lists up to this one that changed the i-th resource. The first one, 0, has them all.
func changed(i, list int) int { return max(0, list-(list-i%changing+changing)%changing) }

// A rewrittenSet makes all resources and a Go map of them anew with each list, and publishes it.
type rewrittenSet struct {
	m atomic.Pointer[map[string]*resource]
}

func (s *rewrittenSet) apply(names []string, list int) {
	m := make(map[string]*resource, len(names))
	for _, name := range names {
		m[name] = &resource{version: int64(list)}
	}
	s.m.Store(&m)
}

func (s *rewrittenSet) version(_, list int) int { return list }

func (s *rewrittenSet) load(name string) (*resource, bool) {
	r, ok := (*s.m.Load())[name]
	return r, ok
}

func (s *rewrittenSet) len() int { return len(*s.m.Load()) }

// A replacedSet makes all resources anew, too, and has them replace the content of a map.
type replacedSet struct {
	m shardmap.Map[string, *resource]
}

func (s *replacedSet) apply(names []string, list int) {
	s.m.Replace(func(yield func(string, *resource) bool) {
		for _, name := range names {
			if !yield(name, &resource{version: int64(list)}) {
				return
			}
		}
	})
}

func (s *replacedSet) version(_, list int) int { return list }

func (s *replacedSet) load(name string) (*resource, bool) { return s.m.Load(name) }

func (s *replacedSet) len() int { return s.m.Len() }

// An updatedSet stores the resources that have changed.
type updatedSet struct{ replacedSet }

func (s *updatedSet) apply(names []string, list int) {
	for i, name := range names {
		version := changed(i, list)
		if r, ok := s.m.Load(name); !ok || r.version != int64(version) {
			s.m.Store(name, &resource{version: int64(version)})
		}
	}
}

func (s *updatedSet) version(i, list int) int { return changed(i, list) }
