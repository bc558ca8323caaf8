package published

import (
	"context"
	"errors"
	"fmt"
	"hash/maphash"
	"iter"
	"sync"
	"sync/atomic"
	"time"

	"github.com/shardmap-go/shardmap/bench/strategy"
)

// intMap is what most scenarios measure.
type intMap = strategy.Map[int, int]

// maker returns what makes maps of the strategy of that name.
func maker[K, V comparable](name string) func() strategy.Map[K, V] {
	found, err := strategy.Named(name)
	if err != nil || len(found) != 1 {
		panic(fmt.Sprintf("published: strategy %q: there are %d of that name", name, len(found)))
	}
	return strategy.MakerFor[K, V](found[0])
}

// each returns a contestant for each of the strategies, all measured by the same function.
func each[K, V comparable](measure func(context.Context, func() strategy.Map[K, V]) (Sample, error), names ...string) []contestant {
	var all []contestant
	for _, name := range names {
		all = append(all, with(name, measure, name))
	}
	return all
}

// with returns a contestant that is a strategy, maybe by another name.
func with[K, V comparable](name string, measure func(context.Context, func() strategy.Map[K, V]) (Sample, error), of string) contestant {
	newMap := maker[K, V](of)
	return contestant{name, func(ctx context.Context) (Sample, error) { return measure(ctx, newMap) }}
}

// A value holds the key it belongs to in its lower half, and how often it was stored before in its upper half. So a
// map that mixes up entries or loses a store is found out.
func value(key, version int) int { return version<<32 | key }

func keyOf(value int) int { return value & (1<<32 - 1) }

// initial yields the keys below n in their first version.
func initial(n int) iter.Seq2[int, int] {
	return func(yield func(int, int) bool) {
		for key := range n {
			if !yield(key, value(key, 0)) {
				return
			}
		}
	}
}

// current yields the keys below len(versions) in their versions.
func current(versions []int) iter.Seq2[int, int] {
	return func(yield func(int, int) bool) {
		for key, version := range versions {
			if !yield(key, value(key, version)) {
				return
			}
		}
	}
}

// fill stores entries in a map, all at once if it can.
func fill[K, V comparable](m strategy.Map[K, V], entries iter.Seq2[K, V]) {
	if f, ok := m.(strategy.Filler[K, V]); ok {
		f.Fill(entries)
		return
	}
	for key, value := range entries {
		m.Store(key, value)
	}
}

// expect returns an error unless the entries, whose keys are all different, are the whole content of the map.
func expect[K, V comparable](m readable[K, V], entries iter.Seq2[K, V]) error {
	// A sum of hashes tells whether Range shows the same entries, without a second map of them.
	type entry struct {
		key   K
		value V
	}
	seed := maphash.MakeSeed()
	var stored, shown struct {
		n   int
		sum uint64
	}
	for key, value := range entries {
		switch got, ok := m.Load(key); {
		case !ok:
			return fmt.Errorf("the entry of %v is lost", key)
		case got != value:
			return fmt.Errorf("the entry of %v is %v, but %v was stored last", key, got, value)
		}
		stored.n++
		stored.sum += maphash.Comparable(seed, entry{key, value})
	}
	m.Range(func(key K, value V) bool {
		shown.n++
		shown.sum += maphash.Comparable(seed, entry{key, value})
		return true
	})
	switch n := m.Len(); {
	case n != stored.n:
		return fmt.Errorf("Len says %d, but there are %d entries", n, stored.n)
	case shown != stored:
		return fmt.Errorf("Range showed %d entries, and not those that are there, which are %d", shown.n, stored.n)
	}
	return nil
}

// together calls f with each number below n, all at once, and returns how long it took until the last call was over.
func together(n int, f func(i int)) time.Duration {
	var all sync.WaitGroup
	begin := make(chan struct{})
	for i := range n {
		all.Go(func() {
			<-begin
			f(i)
		})
	}
	start := time.Now()
	close(begin)
	all.Wait()
	return time.Since(start)
}

// during is together with functions that go on until they are told to stop: after time d, or when ctx is cancelled.
func during(ctx context.Context, d time.Duration, n int, f func(i int, stop *atomic.Bool)) time.Duration {
	var stop atomic.Bool
	end := func() { stop.Store(true) }
	defer context.AfterFunc(ctx, end)()
	var first sync.Once
	return together(n, func(i int) {
		first.Do(func() { time.AfterFunc(d, end) })
		f(i, &stop)
	})
}

// perSecond returns how many of n happen in a second if all take d.
func perSecond(n int, d time.Duration) float64 { return float64(n) / d.Seconds() }

// milliseconds returns d in them.
func milliseconds(d time.Duration) float64 { return float64(d) / 1e6 }

// A fault is the first thing that was found wrong while goroutines use a map.
type fault struct{ first atomic.Pointer[string] }

// report takes down what is wrong.
func (f *fault) report(format string, args ...any) {
	text := fmt.Sprintf(format, args...)
	f.first.CompareAndSwap(nil, &text)
}

// err returns it, or nil.
func (f *fault) err() error {
	if text := f.first.Load(); text != nil {
		return errors.New(*text)
	}
	return nil
}
