// Command mem prints how many bytes of heap one entry takes, in maps of different sizes and kinds: the map's own memory,
// without the keys' and the values' data. Keys are strings, values pointers.
//
// With -gc it prints instead what maps of one and ten million entries cost the garbage collector.
package main

import (
	"flag"
	"fmt"
	"os"
	"runtime"
	"strconv"
	"text/tabwriter"
)

// sizes are chosen off the powers of two, and one size and a half apart, because every map grows by steps.
var sizes = []int{1, 10, 100, 150, 1_000, 1_500, 10_000, 15_000, 100_000, 150_000, 1_000_000, 1_500_000}

func main() {
	gc := flag.Bool("gc", false, "print the time that a garbage collection takes")
	flag.Parse()
	w := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', tabwriter.AlignRight)
	if *gc {
		collections(w)
	} else {
		sizesOfEntries(w)
	}
	if err := w.Flush(); err != nil {
		fmt.Fprintln(os.Stderr, "mem:", err)
		os.Exit(1)
	}
}

func sizesOfEntries(w *tabwriter.Writer) {
	keys := make([]string, sizes[len(sizes)-1])
	for i := range keys {
		keys[i] = "key-" + strconv.Itoa(i)
	}
	fmt.Fprint(w, "entries\t")
	for _, k := range fillers[string]() {
		fmt.Fprint(w, k.name, "\t")
	}
	fmt.Fprintln(w)
	for _, n := range sizes {
		fmt.Fprint(w, n, "\t")
		for _, k := range fillers[string]() {
			fmt.Fprintf(w, "%.1f\t", bytesPerEntry(k, keys[:n]))
		}
		fmt.Fprintln(w)
	}
}

// bytesPerEntry fills as many maps as it takes to make the measurement's own noise small.
func bytesPerEntry(k filler[string], keys []string) float64 {
	maps := make([]any, max(1, 100_000/len(keys)))
	value := new(int)
	before := heap()
	for i := range maps {
		maps[i] = k.fill(keys, value)
	}
	bytes := heap() - before
	runtime.KeepAlive(maps)
	return float64(bytes) / float64(len(maps)) / float64(len(keys))
}

func heap() int64 {
	var st runtime.MemStats
	runtime.GC()
	runtime.GC()
	runtime.ReadMemStats(&st)
	return int64(st.HeapAlloc)
}
