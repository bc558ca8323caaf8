// Package strategy holds the maps that mapbench compares, each behind one small interface and in a file of its own.
//
// A strategy is a name and constructors, one for each pair of key and value type that it takes. To compare a map of
// your own, write the methods of [Map] and call [Register]; the example shows all of it.
package strategy

import (
	"fmt"
	"iter"
	"path"
	"reflect"
	"regexp"
	"slices"
	"strings"
)

// Map is what a map must be able to do to be compared. Every method is called by many goroutines at once.
type Map[K comparable, V comparable] interface {
	Load(key K) (value V, ok bool)
	Store(key K, value V)
	// LoadOrStore returns the value stored for key and true, or else stores value and returns it and false.
	LoadOrStore(key K, value V) (actual V, loaded bool)
	Delete(key K)
	Range(f func(key K, value V) bool)
	Len() int
}

// An Updater is a [Map] that can change one entry as a function of its value. Workloads that increment need it.
type Updater[K comparable, V comparable] interface {
	// Update stores f(old) for key, with nothing happening to the entry in between. The old value of an absent key is
	// the zero value. It may call f several times.
	Update(key K, f func(old V) V)
}

// A LoadAndDeleter is a [Map] that can delete a key and tell what it deleted, with nothing happening in between.
type LoadAndDeleter[K comparable, V comparable] interface {
	LoadAndDelete(key K) (value V, loaded bool)
}

// A Swapper is a [Map] that can store a value and tell which one it replaced, with nothing happening in between.
type Swapper[K comparable, V comparable] interface {
	Swap(key K, value V) (previous V, loaded bool)
}

// A CompareAndSwapper is a [Map] that can store a value on condition that the key has a certain other one.
type CompareAndSwapper[K comparable, V comparable] interface {
	CompareAndSwap(key K, old, new V) (swapped bool)
}

// A Snapshotter is a [Map] that can show all its entries as of one instant, while others write. The entries are
// visited after that instant, and may be visited for as long as it takes. Workloads with a snapshot cadence use Range
// with maps that cannot do it.
type Snapshotter[K comparable, V comparable] interface {
	Snapshot() iter.Seq2[K, V]
}

// A Filler is a [Map] that has a faster way to take many entries at once, before a measurement begins.
type Filler[K comparable, V comparable] interface {
	Fill(entries iter.Seq2[K, V])
}

// A Sizer is a [Map] that can be made with room for entries in advance.
type Sizer[K comparable, V comparable] interface {
	// Sized returns a new, empty map of the same kind that has room for so many entries.
	Sized(entries int) Map[K, V]
}

// The types of keys and values that workloads can ask for, besides int and string keys, and *int and int values.
type (
	// NamespacedName is the struct by which Kubernetes operators name their objects.
	NamespacedName struct{ Namespace, Name string }
	// Triple is a value of 24 bytes, which does not fit into a word.
	Triple struct{ A, B, C int64 }
)

// A Strategy is a kind of map that can be compared.
type Strategy struct {
	Name  string // without spaces and commas; unique
	About string // one line for a person

	makers map[reflect.Type]any // of Map[K, V] → func() Map[K, V]
}

// A Maker makes empty maps for one type of key and one type of value. See [Of].
type Maker struct {
	typ  reflect.Type
	make any
}

// Of returns the [Maker] that calls make.
func Of[K comparable, V comparable](make func() Map[K, V]) Maker {
	return Maker{reflect.TypeFor[Map[K, V]](), make}
}

var (
	registered []Strategy
	goodName   = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9.:+_-]*$`)
)

// Register adds a strategy to those that are compared. Call it before measuring anything, from an init function or at the
// start of main. It panics if the name is taken, empty, or not made of letters, digits and . : + _ - alone.
func Register(name, about string, makers ...Maker) {
	if !goodName.MatchString(name) {
		panic(fmt.Sprintf("strategy: Register(%q): a name is made of letters, digits and . : + _ -", name))
	}
	if slices.ContainsFunc(registered, func(s Strategy) bool { return s.Name == name }) {
		panic(fmt.Sprintf("strategy: Register(%q): the name is taken", name))
	}
	registered = append(registered, New(name, about, makers...))
}

// New returns a strategy without registering it.
func New(name, about string, makers ...Maker) Strategy {
	s := Strategy{Name: name, About: about, makers: make(map[reflect.Type]any, len(makers))}
	for _, m := range makers {
		s.makers[m.typ] = m.make
	}
	return s
}

// MakerFor returns the function that makes an empty map of s with keys of type K and values of type V, or nil if s
// cannot have such.
func MakerFor[K comparable, V comparable](s Strategy) func() Map[K, V] {
	make, _ := s.makers[reflect.TypeFor[Map[K, V]]()].(func() Map[K, V])
	return make
}

// All returns the registered strategies, in the order of their names, those of this project first.
func All() []Strategy {
	all := slices.Clone(registered)
	slices.SortFunc(all, func(a, b Strategy) int {
		if ours := Own(a.Name); ours != Own(b.Name) {
			if ours {
				return -1
			}
			return 1
		}
		return strings.Compare(strings.ToLower(a.Name), strings.ToLower(b.Name))
	})
	return all
}

// Own reports whether a strategy of that name is a map that this project provides.
func Own(name string) bool { return slices.Contains(own, name) }

// own are the names of the maps that this project provides.
var own = []string{"Map", "Map:maphash", "Map:64", "RWMap", "AtomicMap"}

// Named returns the registered strategies that the comma-separated list names, each once. A name may be a pattern as in
// [path.Match]. The error is one sentence.
func Named(list string) ([]Strategy, error) {
	var chosen []Strategy
	for name := range strings.SplitSeq(list, ",") {
		name = strings.TrimSpace(name)
		found := false
		for _, s := range All() {
			ok, err := path.Match(name, s.Name)
			if err != nil {
				return nil, fmt.Errorf("bad pattern %q in the list of strategies", name)
			}
			found = found || ok
			if ok && !slices.ContainsFunc(chosen, func(c Strategy) bool { return c.Name == s.Name }) {
				chosen = append(chosen, s)
			}
		}
		if !found {
			return nil, fmt.Errorf("unknown strategy %q: \"mapbench list\" shows all", name)
		}
	}
	return chosen, nil
}
