package lincheck

import (
	"cmp"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/shardmap-go/shardmap"
)

// A count is something that tests count: what they checked, and what happened meanwhile.
type count int

const (
	keyHistories   count = iota
	wholeHistories       // of whole maps
	snapshots            // against eight writers
	ranges
	operations // in all of these
	writes     // against which snapshots and ranges were checked
	overlapping
	casSuccesses
	cadSuccesses
	retries
	sharedErrors // calls of LoadOrCompute that were given the error of another's load
	amidWrites
	wholeWrites
	growths
	splits
	copies
	rehashes
	counts
)

var countNames = [counts]string{"key-histories", "whole-map-histories", "snapshots", "ranges", "operations", "writes", "overlapping-histories",
	"compare-and-swaps", "compare-and-deletes", "compute-retries", "shared-errors", "snapshots-and-ranges-amid-writes", "clears-and-replaces",
	"growths", "splits", "copies", "rehashes"}

// A tally has a number for each count.
type tally [counts]atomic.Int64

var total tally

func (y *tally) add(c count, n int) { y[c].Add(int64(n)) }

// String lists what is not zero.
func (y *tally) String() string {
	var text strings.Builder
	for c := range counts {
		if n := y[c].Load(); n > 0 {
			fmt.Fprintf(&text, " %s=%d", countNames[c], n)
		}
	}
	return strings.TrimSpace(text.String())
}

// finish logs the tally of a test, adds it to the total, and demands that everything in must has happened: a test of
// splits that never met a split has shown nothing.
func (y *tally) finish(t *testing.T, must ...count) {
	t.Log(y.String())
	for c := range counts {
		total.add(c, int(y[c].Load()))
	}
	if !hasherWasUsed.Load() {
		t.Error("no map has called the hasher that it was given")
	}
	for _, c := range must {
		if y[c].Load() == 0 {
			t.Errorf("no %s", countNames[c])
		}
	}
}

// addOp counts an operation and what was remarkable about it.
func (y *tally) addOp(o *op) {
	y.add(operations, 1)
	switch {
	case o.method == compareAndSwap && o.ok:
		y.add(casSuccesses, 1)
	case o.method == compareAndDelete && o.ok:
		y.add(cadSuccesses, 1)
	case o.method == compute && o.calls > 1:
		y.add(retries, 1)
	case o.method == loadOrCompute && o.calls == 0 && o.failed:
		y.add(sharedErrors, 1)
	case o.method == clear, o.method == replace:
		y.add(wholeWrites, 1)
	}
}

// addStats counts how the map has changed its shape between two moments at which nobody wrote.
func (y *tally) addStats(before, after shardmap.Stats) {
	y.add(splits, int(after.Splits-before.Splits))
	y.add(copies, int(after.Copies-before.Copies))
	y.add(rehashes, int(after.Rehashes-before.Rehashes))
	if after.Shards == 1 && slots(after) > slots(before) {
		y.add(growths, 1)
	}
}

// slots returns the number of slots for entries in the buckets of a map.
func slots(s shardmap.Stats) int {
	if s.Fill == 0 {
		return 6
	}
	return int(math.Round(float64(s.Entries) / s.Fill))
}

// amount is how much to check: n, less under the race detector, which makes it ten times slower, and in short tests;
// and as many times more as SHARDMAP_SOAK says.
func amount(t *testing.T, n int) int {
	if raceDetector || testing.Short() {
		n /= 20
	}
	return n * int(variable(t, "SHARDMAP_SOAK", 1))
}

// newSeed returns the seed of a randomised test and prints it, so that a failure can be had again with
// SHARDMAP_SEED=<seed> go test -run <test>.
func newSeed(t *testing.T) uint64 {
	seed := variable(t, "SHARDMAP_SEED", rand.Uint64())
	t.Logf("SHARDMAP_SEED=%d", seed)
	return seed
}

// variable returns the number in an environment variable, or another if it is not set.
func variable(t *testing.T, name string, otherwise uint64) uint64 {
	n, err := strconv.ParseUint(cmp.Or(os.Getenv(name), strconv.FormatUint(otherwise, 10)), 10, 64)
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return n
}

// TestMain prints what has been checked in one line, for scripts: "lincheck: key-histories=100000 …".
func TestMain(m *testing.M) {
	code := m.Run()
	if text := total.String(); code == 0 && text != "" {
		fmt.Println("lincheck:", text)
	}
	os.Exit(code)
}
