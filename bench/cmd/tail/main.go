// Command tail prints how long the slowest inserts take while a map grows from nothing to ten million entries.
//
//	go run -C bench ./cmd/tail [-entries n] [-rounds n] [-gc]
//
// Every insert is timed, by two readings of the clock, which the times include. Maps take turns, each growing once a round, in an order
// that is drawn anew. "nothing" is a map that does nothing: what it shows is what the machine does to a program that does not let go of
// its processor. The garbage collector runs between inserts, every half a million, unless -gc leaves it to itself: its pauses and assists
// hide what the maps themselves do. "Map+snapshots" has a snapshot taken every 10 ms by another goroutine.
package main

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"runtime"
	"runtime/debug"
	"slices"
	"sync"
	"text/tabwriter"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
	"github.com/puzpuzpuz/xsync/v4"

	"github.com/shardmap-go/shardmap"
)

const (
	slow         = 100 * time.Microsecond // chosen by hand: some fifty times what it takes to divide a shard
	collectEvery = 500_000                // inserts: what snapshots make a map copy in that many is a gigabyte
)

// A grower makes an empty map. It returns how to insert, and what to call in the end.
type grower struct {
	name string
	make func() (insert func(key int, value *int), end func())
}

func growers() []grower {
	ended := func() {}
	return []grower{
		{"nothing", func() (func(int, *int), func()) { return func(int, *int) {}, ended }},
		{"Map", func() (func(int, *int), func()) { return new(shardmap.Map[int, *int]).Store, ended }},
		{"Map+snapshots", func() (func(int, *int), func()) {
			m := new(shardmap.Map[int, *int])
			return m.Store, every(10*time.Millisecond, func() { m.Snapshot() })
		}},
		{"sync.Map", func() (func(int, *int), func()) {
			m := new(sync.Map)
			return func(key int, value *int) { m.Store(key, value) }, ended
		}},
		{"xsync.Map", func() (func(int, *int), func()) { return xsync.NewMap[int, *int]().Store, ended }},
		{"Mutex", func() (func(int, *int), func()) {
			var mu sync.Mutex
			m := make(map[int]*int)
			return func(key int, value *int) {
				mu.Lock()
				m[key] = value
				mu.Unlock()
			}, ended
		}},
	}
}

// every calls f at intervals, in a goroutine of its own, until the function that it returns is called.
func every(interval time.Duration, f func()) (end func()) {
	ticker, done := time.NewTicker(interval), make(chan struct{})
	var group sync.WaitGroup
	group.Go(func() {
		for {
			select {
			case <-ticker.C:
				f()
			case <-done:
				return
			}
		}
	})
	return func() {
		ticker.Stop()
		close(done)
		group.Wait()
	}
}

func main() {
	entries := flag.Int("entries", 10_000_000, "how far the maps grow")
	rounds := flag.Int("rounds", 5, "how often each grows")
	gc := flag.Bool("gc", false, "leave the garbage collector to itself")
	flag.Parse()
	if *entries < 1 || *rounds < 1 || flag.NArg() > 0 {
		fmt.Fprintf(os.Stderr, "tail: %d entries, %d rounds, arguments %q: want at least 1, 1, and none\n", *entries, *rounds, flag.Args())
		os.Exit(2)
	}
	if !*gc {
		debug.SetGCPercent(-1)
	}
	keys := rand.Perm(*entries)
	all := growers()
	times := make([]*hdrhistogram.Histogram, len(all))
	worst := make([][]time.Duration, len(all))
	above := make([]int, len(all))
	for i := range all {
		times[i] = hdrhistogram.New(1, int64(time.Minute), 3)
	}
	for range *rounds {
		for _, i := range rand.Perm(len(all)) {
			runtime.GC()
			longest, tooLong := grow(all[i], keys, times[i], !*gc)
			worst[i] = append(worst[i], longest)
			above[i] += tooLong
		}
	}
	w := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintf(w, "map\tP50\tP99\tP99.9\tP99.99\tmax, median of rounds\tmax of all\tof %d above %v\t\n", *entries, slow)
	for i, g := range all {
		h := times[i]
		at := func(p float64) time.Duration { return time.Duration(h.ValueAtQuantile(p)) }
		slices.Sort(worst[i])
		fmt.Fprintf(w, "%s\t%v\t%v\t%v\t%v\t%v\t%v\t%.1f\t\n", g.name, at(50), at(99), at(99.9), at(99.99), worst[i][len(worst[i])/2],
			worst[i][len(worst[i])-1], float64(above[i])/float64(*rounds))
	}
	if err := w.Flush(); err != nil {
		fmt.Fprintln(os.Stderr, "tail:", err)
		os.Exit(1)
	}
}

// grow grows a map once, records the time of each insert, and returns the longest and how many were slow. If collect, it runs the
// garbage collector at times.
func grow(g grower, keys []int, times *hdrhistogram.Histogram, collect bool) (worst time.Duration, above int) {
	insert, end := g.make()
	defer end()
	value := new(int)
	last := time.Now()
	for i, key := range keys {
		if collect && i%collectEvery == collectEvery-1 {
			runtime.GC()
			last = time.Now()
		}
		insert(key, value)
		now := time.Now()
		took := now.Sub(last)
		worst = max(worst, took)
		if took > slow {
			above++
		}
		_ = times.RecordValue(min(int64(max(took, 1)), int64(time.Minute)))
		last = time.Now()
	}
	return worst, above
}
