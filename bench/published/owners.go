package published

import (
	"context"
	"fmt"
	"maps"
	"time"

	"github.com/shardmap-go/shardmap"
	"github.com/shardmap-go/shardmap/bench/internal/text"
	"github.com/shardmap-go/shardmap/bench/strategy"
	"github.com/shardmap-go/shardmap/index"
)

// An ownerLoad is objects of which each owner has some, and a controller that looks for those of one owner after the
// other.
type ownerLoad struct {
	objects, owners int
	lookUps         int
}

// An object is copied for whoever gets it, as by a client that reads from a cache.
type object struct {
	owner  int
	labels map[string]string
}

func (o *object) copied() *object { return &object{o.owner, maps.Clone(o.labels)} }

type objectName = strategy.NamespacedName

func prepareOwners(quick bool) (string, []contestant) {
	l := ownerLoad{objects: 10_000, owners: 250, lookUps: 10}
	if quick {
		l = ownerLoad{objects: 60, owners: 6, lookUps: 2}
	}
	objects := make(map[objectName]*object, l.objects)
	for i := range l.objects {
		o := &object{owner: i % l.owners, labels: map[string]string{}}
		for _, label := range []string{"app", "component", "instance", "managed-by", "part-of", "version"} {
			o.labels["app.kubernetes.io/"+label] = fmt.Sprintf("%s-%d", label, i)
		}
		objects[objectName{Namespace: fmt.Sprintf("namespace-%d", i%50), Name: fmt.Sprintf("object-%d", i)}] = o
	}
	var all []contestant
	for _, one := range []struct {
		name   string
		newSet func() ownedSet
	}{
		{"full scan", func() ownedSet { return new(listedSet) }},
		{"owner index", func() ownedSet { return new(indexedSet) }},
		{"scan of a Snapshot", func() ownedSet { return new(scannedSet) }},
	} {
		all = append(all, contestant{one.name, func(ctx context.Context) (Sample, error) { return l.measure(ctx, one.newSet(), objects) }})
	}
	return fmt.Sprintf("%s objects of %d owners; whoever gets an object gets a copy", text.Thousands(l.objects), l.owners), all
}

func (l ownerLoad) measure(ctx context.Context, set ownedSet, objects map[objectName]*object) (Sample, error) {
	for name, o := range objects {
		set.add(name, o)
	}
	took := time.Duration(0)
	for owner := 0; owner < l.lookUps && ctx.Err() == nil; owner++ {
		start := time.Now()
		owned := set.ownedBy(owner)
		took += time.Since(start)
		if want := (l.objects - owner + l.owners - 1) / l.owners; len(owned) != want {
			return nil, fmt.Errorf("the owner %d was found to own %d objects, want %d", owner, len(owned), want)
		}
		for name, o := range owned {
			original, ok := objects[name]
			if !ok || original.owner != owner || o.owner != owner || o == original || !maps.Equal(o.labels, original.labels) {
				return nil, fmt.Errorf("the owner %d was found to own %v, which is %v", owner, name, original)
			}
		}
	}
	return Sample{"time": milliseconds(took) / float64(l.lookUps)}, nil
}

// An ownedSet is one of the ways to find the objects of an owner.
type ownedSet interface {
	add(name objectName, o *object)
	ownedBy(owner int) map[objectName]*object // copies
}

// A listedSet gets a list of everything, all of it copies, and takes from it what is owned.
type listedSet struct {
	m shardmap.RWMap[objectName, *object]
}

func (s *listedSet) add(name objectName, o *object) { s.m.Store(name, o) }

func (s *listedSet) ownedBy(owner int) map[objectName]*object {
	list := make(map[objectName]*object)
	for name, o := range s.m.All() {
		list[name] = o.copied()
	}
	maps.DeleteFunc(list, func(_ objectName, o *object) bool { return o.owner != owner })
	return list
}

// A scannedSet looks at everything in a snapshot, and copies what is owned.
type scannedSet struct {
	m shardmap.Map[objectName, *object]
}

func (s *scannedSet) add(name objectName, o *object) { s.m.Store(name, o) }

func (s *scannedSet) ownedBy(owner int) map[objectName]*object {
	owned := make(map[objectName]*object)
	for name, o := range s.m.Snapshot().All() {
		if o.owner == owner {
			owned[name] = o.copied()
		}
	}
	return owned
}

// An indexedSet keeps the names of each owner's objects beside the objects.
type indexedSet struct {
	m      shardmap.Map[objectName, *object]
	owners index.Owners[int, objectName]
}

func (s *indexedSet) add(name objectName, o *object) {
	s.m.Store(name, o)
	s.owners.Link(o.owner, name)
}

func (s *indexedSet) ownedBy(owner int) map[objectName]*object {
	owned := make(map[objectName]*object)
	for name := range s.owners.OwnedBy(owner) {
		if o, ok := s.m.Load(name); ok {
			owned[name] = o.copied()
		}
	}
	return owned
}
