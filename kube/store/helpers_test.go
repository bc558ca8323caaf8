package store

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/tools/cache"
)

// newRand returns a generator whose seed is logged; a run is repeated with SHARDMAP_SEED=<seed> go test -run <test>.
func newRand(t *testing.T) *rand.Rand {
	t.Helper()
	seed := uint64(time.Now().UnixNano())
	if s := os.Getenv("SHARDMAP_SEED"); s != "" {
		var err error
		if seed, err = strconv.ParseUint(s, 10, 64); err != nil {
			t.Fatalf("SHARDMAP_SEED=%s: %v", s, err)
		}
	}
	t.Logf("SHARDMAP_SEED=%d", seed)
	return rand.New(rand.NewPCG(seed, seed))
}

// An object is an API object of the tests. Its labels say under which indexed values it is to be found.
type object struct {
	metav1.ObjectMeta
	node string
	tags []string
}

func newObject(name, version, node string, tags ...string) *object {
	return &object{metav1.ObjectMeta{Namespace: "ns", Name: name, ResourceVersion: version}, node, tags}
}

var errBad = errors.New("bad")

// keyOf has no key for what is no object, and panics for an object called panic.
func keyOf(obj any) (string, error) {
	switch o := obj.(type) {
	case *object:
		if o.Name == "panic" {
			panic("the key function panics")
		}
		return o.Name, nil
	case string: // without resource version
		return o, nil
	}
	return "", errBad
}

func byNode(obj any) ([]string, error) {
	if o, ok := obj.(*object); ok {
		return []string{o.node}, nil
	}
	return nil, nil
}

// byTag gives several values or none, and some twice.
func byTag(obj any) ([]string, error) {
	if o, ok := obj.(*object); ok {
		return o.tags, nil
	}
	return []string{"a string"}, nil
}

func byEverything(any) ([]string, error) { return []string{""}, nil }

func testIndexers() cache.Indexers {
	return cache.Indexers{"node": byNode, "tag": byTag, "all": byEverything}
}

// randomObject returns one of a few hundred objects, on one of a few nodes.
func randomObject(rng *rand.Rand, names int) any {
	name := "o" + strconv.Itoa(rng.IntN(names))
	if rng.IntN(10) == 0 {
		return name
	}
	tags := make([]string, rng.IntN(4))
	for i := range tags {
		tags[i] = "t" + strconv.Itoa(rng.IntN(5))
	}
	version := strconv.Itoa(rng.IntN(1000))
	if rng.IntN(20) == 0 {
		version = []string{"", "not a number"}[rng.IntN(2)]
	}
	return newObject(name, version, "n"+strconv.Itoa(rng.IntN(4)), tags...)
}

// requireInStep fails unless every way to look at the store, on which nobody writes, shows the same objects.
func requireInStep(t *testing.T, s cache.Indexer) {
	t.Helper()
	list, keys := s.List(), s.ListKeys()
	if len(list) != len(keys) {
		t.Fatalf("%d objects have %d keys", len(list), len(keys))
	}
	contents, found := map[string]any{}, map[string]map[string][]string{}
	for _, key := range keys {
		obj, ok, err := s.GetByKey(key)
		if err != nil || !ok || contents[key] != nil {
			t.Fatalf("GetByKey(%q) of a listed key: %v, %v", key, ok, err)
		}
		contents[key] = obj
		for name, fn := range s.GetIndexers() {
			if found[name] == nil {
				found[name] = map[string][]string{}
			}
			values, err := fn(obj)
			if err != nil && obj != nil {
				t.Fatal(err)
			}
			for _, value := range values {
				if had := found[name][value]; !slices.Contains(had, key) && obj != nil {
					found[name][value] = append(had, key)
				}
			}
		}
	}
	for _, obj := range list {
		key, err := keyOf(obj)
		if err != nil && obj != nil || obj != nil && contents[key] != obj {
			t.Fatalf("List shows %v, Get %v", obj, contents[key])
		}
	}
	for name := range s.GetIndexers() {
		requireIndex(t, s, name, found[name], contents)
	}
}

// requireIndex fails unless an index consists of the given keys by their indexed values.
func requireIndex(t *testing.T, s cache.Indexer, name string, want map[string][]string, contents map[string]any) {
	t.Helper()
	if values := s.ListIndexFuncValues(name); len(values) != len(want) {
		t.Fatalf("index %q: the values are %q, want those of %v", name, values, want)
	}
	for value, keys := range want {
		slices.Sort(keys)
		got, err := s.IndexKeys(name, value)
		if err != nil || !slices.Equal(got, keys) {
			t.Fatalf("IndexKeys(%q, %q): %q, %v, want %q", name, value, got, err, keys)
		}
		objects, err := s.ByIndex(name, value)
		if err != nil || len(objects) != len(keys) {
			t.Fatalf("ByIndex(%q, %q): %v, %v, want those of %q", name, value, objects, err, keys)
		}
		wanted := map[any]int{}
		for _, key := range keys {
			wanted[contents[key]]++
		}
		for _, obj := range objects {
			if wanted[obj]--; wanted[obj] < 0 {
				t.Fatalf("ByIndex(%q, %q) has %v, which is not there, or twice", name, value, obj)
			}
		}
	}
}

// sorted returns a text of a list whose order means nothing.
func sorted[T any](list []T) string {
	texts := make([]string, len(list))
	for i, e := range list {
		texts[i] = fmt.Sprintf("%p %v", any(e), e)
	}
	slices.Sort(texts)
	return strings.Join(texts, "\n")
}

// catch returns what f panics with, or nil.
func catch(f func()) (value any) {
	defer func() { value = recover() }()
	f()
	return nil
}
