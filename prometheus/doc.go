// Package shardmapprom exports what goes on in shardmaps to Prometheus: the size, shape and memory of any number of named
// maps, and, for maps that are wrapped, what is done with them and how long it takes.
//
//	maps := shardmapprom.NewCollector(nil)
//	prometheus.MustRegister(maps)
//
//	var pods shardmap.Map[types.NamespacedName, *corev1.Pod]
//	err := maps.Register("pods", &pods) // sizes, at no cost between scrapes
//
//	secrets := shardmapprom.Instrument(new(shardmap.Map[types.NamespacedName, []byte]))
//	err = maps.Register("secrets", secrets) // operations and latencies, too
//	defer maps.Unregister("secrets")
//
// The package is not named after its folder, because every file that uses it needs a package prometheus besides.
//
// # Guarantees
//
// A map that is only registered pays nothing: the collector asks it for its Stats when it is scraped. Memory of a map is
// held by its registration, and by a scrape that is under way, and by nothing else.
//
// A [Map] behaves as the map inside it. Each operation is counted exactly once, under its kind and its result, when it
// ends; what a panicking callback interrupts counts as result "panic", and the panic goes on. Counters lose nothing: once
// nobody uses the map, they are exact. Counting takes no lock, and one atomic addition on a cache line that, as a rule, no
// other goroutine uses.
//
// # When not to use it
//
// The wrapper is for the maps in question, not for all. An atomic addition takes about as long as a hit in a small map;
// README.md has the figures. A map in the innermost loop is better registered bare.
package shardmapprom
