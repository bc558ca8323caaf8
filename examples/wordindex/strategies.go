package main

import (
	"context"
	"fmt"
	"io"
	"runtime"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/shardmap-go/shardmap"
)

// A counter counts words for many goroutines at once. All of them hold plain
// ints that are replaced, never changed in place.
type counter interface {
	add(word string)
	count(word string) int
	distinct() int
}

// computeCounter is the counter over any map with Compute.
type computeCounter struct {
	shardmap.ConcurrentMap[string, int]
}

func (c computeCounter) add(word string) {
	c.Compute(word, func(n int, _ bool) (int, shardmap.Op) { return n + 1, shardmap.Set })
}

func (c computeCounter) count(word string) int {
	n, _ := c.Load(word)
	return n
}

func (c computeCounter) distinct() int { return c.Len() }

// syncMapCounter is the same over sync.Map, which has no Compute: its users
// write the loop.
type syncMapCounter struct{ m sync.Map }

func (c *syncMapCounter) add(word string) {
	for {
		n, ok := c.m.Load(word)
		if !ok {
			if n, ok = c.m.LoadOrStore(word, 1); !ok {
				return
			}
		}
		if c.m.CompareAndSwap(word, n, n.(int)+1) {
			return
		}
	}
}

func (c *syncMapCounter) count(word string) int {
	n, _ := c.m.Load(word)
	count, _ := n.(int)
	return count
}

func (c *syncMapCounter) distinct() (n int) {
	c.m.Range(func(any, any) bool { n++; return true })
	return n
}

// A strategy is a kind of counter and how long it took, round by round.
type strategy struct {
	name string
	new  func() counter
	took []time.Duration
}

func (s *strategy) median() time.Duration {
	sorted := slices.Sorted(slices.Values(s.took))
	return sorted[len(sorted)/2]
}

// compare times the same work over three maps and fails if any of them
// counts something else than one goroutine with a Go map does.
func compare(ctx context.Context, words *corpus, workers int, out io.Writer, progress meter) error {
	syncMap := &strategy{name: "sync.Map", new: func() counter { return new(syncMapCounter) }}
	strategies := []*strategy{
		{name: "shardmap.Map", new: func() counter { return computeCounter{new(shardmap.Map[string, int])} }},
		syncMap,
		{name: "shardmap.RWMap", new: func() counter { return computeCounter{new(shardmap.RWMap[string, int])} }},
	}
	want := map[string]int{}
	for _, file := range words.files {
		for _, word := range file {
			want[word]++
		}
	}
	for range rounds {
		for _, s := range strategies {
			c := s.new()
			runtime.GC() // so that no map pays for the garbage of the one before
			took, err := words.forEach(ctx, workers, c.add, func() {}, progress)
			if err != nil {
				return err
			}
			if err := mustAgree(c, want); err != nil {
				return fmt.Errorf("%s miscounts: %w", s.name, err)
			}
			s.took = append(s.took, took)
		}
	}

	fmt.Fprintf(out, "\nthe same counting over three maps: %d workers, medians of %d rounds in turn\n", workers, rounds)
	fmt.Fprintf(out, "(the identifiers are in memory beforehand, so the map is all that differs)\n")
	fmt.Fprintf(out, "map               median  identifiers/s  against sync.Map\n")
	for _, s := range strategies {
		fmt.Fprintf(out, "%-14s  %6.2f s  %13s  %15.1fx\n", s.name, s.median().Seconds(),
			perSecond(words.total, s.median()), float64(syncMap.median())/float64(s.median()))
	}
	fmt.Fprintf(out, "all agree with a Go map filled by one goroutine: %s distinct, %s in all\n", grouped(len(want)), grouped(words.total))
	return nil
}

// mustAgree tells the first difference between what c counted and want.
func mustAgree(c counter, want map[string]int) error {
	if got := c.distinct(); got != len(want) {
		return fmt.Errorf("%d distinct identifiers, want %d", got, len(want))
	}
	for word, n := range want {
		if got := c.count(word); got != n {
			return fmt.Errorf("%q counted %d times, want %d", word, got, n)
		}
	}
	return nil
}

// topWords returns the n words with the highest counts, highest first.
func topWords(s *shardmap.Snapshot[string, int], n int) []string {
	counts := s.ToMap()
	words := shardmap.SortedKeys(s) // so that ties come in the order of the alphabet
	slices.SortStableFunc(words, func(a, b string) int { return counts[b] - counts[a] })
	return words[:min(n, len(words))]
}

// A meter rewrites one line of a terminal while work goes on. Without a
// terminal it says nothing.
type meter struct{ terminal io.Writer }

func (m meter) watch(what string, done *atomic.Int64, total int, work func()) {
	if m.terminal == nil {
		work()
		return
	}
	finished, erased := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(erased)
		tick := time.NewTicker(100 * time.Millisecond)
		defer tick.Stop()
		for {
			fmt.Fprintf(m.terminal, "\r%s: %s of %s", what, grouped(int(done.Load())), grouped(total))
			select {
			case <-tick.C:
			case <-finished:
				fmt.Fprintf(m.terminal, "\r%60s\r", "")
				return
			}
		}
	}()
	work()
	close(finished)
	<-erased
}

// grouped writes a number of zero or more with a comma every three digits.
func grouped(n int) string {
	digits := strconv.Itoa(n)
	for i := len(digits) - 3; i > 0; i -= 3 {
		digits = digits[:i] + "," + digits[i:]
	}
	return digits
}

func perSecond(n int, d time.Duration) string {
	return grouped(int(float64(n) / max(d.Seconds(), 1e-9)))
}
