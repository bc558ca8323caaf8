package published

// The published figures, and nothing else that is published: where they come from is not known to us, nor on which
// machines and versions of Go they were measured. Each two values of a figure that follow each other are a claim.

var scenarios = []Scenario{
	{
		Name:  "read-mostly",
		About: "RWMutex against Mutex, read mostly, with 10,000 goroutines",
		Figures: []Figure{
			{Name: "throughput", Unit: "k/s", More: true, Published: []Value{{"RWMutex", 215}, {"Mutex", 89}}},
			{Name: "latency", Unit: "µs", Published: []Value{{"RWMutex", 46}, {"Mutex", 112}}},
			{Name: "throughput with work", Unit: "k/s", More: true, Published: []Value{{"RWMutex", 215}, {"Mutex", 89}}},
			{Name: "latency with work", Unit: "µs", Published: []Value{{"RWMutex", 46}, {"Mutex", 112}}},
		},
		Notes: []string{
			"10,000 goroutines that always have an operation under way, and get 215,000 done in a second, take 10,000 / 215,000 s = 46 ms " +
				"for each, and with 89,000 112 ms: the published latencies look like milliseconds.",
			"So few operations a second are not those of a map alone. With work under the lock, readers that exclude each other cost " +
				"what other processors could have done meanwhile.",
		},
		prepare: prepareReadMostly,
	},
	{
		Name:  "traversal",
		About: "walking over 1 M entries, and writing: a Go map behind an RWMutex against an immutable one behind an atomic pointer",
		Figures: []Figure{
			{Name: "walk alone", Unit: "ms", Published: []Value{{"AtomicMap", 3.1}, {"RWMutex", 12.4}}},
			{Name: "walk beside a writer", Unit: "ms", Published: []Value{{"AtomicMap", 3.1}, {"RWMutex", 12.4}}},
			{Name: "writes, one by one", Unit: "k/s", More: true, Published: []Value{{"AtomicMap", 45.6}, {"RWMutex", 8.2}}},
			{Name: "writes, in batches", Unit: "k/s", More: true, Published: []Value{{"AtomicMap", 45.6}, {"RWMutex", 8.2}}},
		},
		Notes: []string{
			"Both walks are over a Go map, so that without a writer there is nothing that could make the difference.",
			"An immutable map is copied for each write, or once for each batch of them. 45.6 k/s are 22 µs for a write, in which nobody " +
				"copies a million entries: the published rate must be of batches, of a much smaller map, or of a structure that shares parts. " +
				"What the RWMutex takes is the time in which writers wait for a walk to end, and that is shared by a batch, too.",
		},
		prepare: prepareTraversal,
	},
	{
		Name:  "heart-beats",
		About: "heart-beats of devices at 8,000/s in 1, 16 and 64 shards",
		Figures: []Figure{
			{Name: "average", Unit: "ms", Published: []Value{{"1 shard", 12.4}, {"16 shards", 2.1}, {"64 shards", 1.7}}},
			{Name: "P99", Unit: "ms", Published: []Value{{"1 shard", 48.6}, {"16 shards", 8.3}, {"64 shards", 6.9}}},
			{Name: "lock waiting", Unit: "%", Published: []Value{{"1 shard", 29.1}, {"16 shards", 3.2}, {"64 shards", 1.8}}},
		},
		Notes: []string{
			"8,000 stores a second keep no lock busy. For latencies of milliseconds somebody must hold it long: here, a " +
				"monitor that walks over all devices, one shard after the other, under its lock.",
			"The share of lock waiting is of the time that heart-beats take. The runtime estimates it from one goroutine in eight, so that it may " +
				"come out above 100.",
		},
		prepare: prepareHeartbeats,
	},
	{
		Name:  "connections",
		About: "a service with 3,000 connections: sync.Map against shards",
		Figures: []Figure{
			{Name: "response time", Unit: "ms", Published: []Value{{"64 shards", 2.3}, {"sync.Map", 14.2}}},
		},
		Notes: []string{
			"The response time is that of a service with all connections busy: mostly waiting for a processor.",
			"sync.Map was rewritten in Go 1.24. Before, a map whose keys come and go was its worst case.",
		},
		prepare: prepareConnections,
	},
	{
		Name:  "resources",
		About: "a control plane rewrites sets of 1 k and of 10 k resources in full",
		Figures: []Figure{
			{Name: "GC cycles", Unit: "/s", Published: []Value{{"full rewrite, 1 k", 0.8}, {"full rewrite, 10 k", 6.3}}},
			{Name: "GC pause", Unit: "µs/s", Published: []Value{{"full rewrite, 1 k", 120}, {"full rewrite, 10 k", 940}}},
			{Name: "allocated", Unit: "MB/s", Published: []Value{{"full rewrite, 1 k", 18}, {"full rewrite, 10 k", 142}}},
		},
		Notes: []string{
			"How often the sets are rewritten is chosen here so that what is allocated for 1 k comes near the published figure.",
			"Map.Replace makes all resources anew, like the full rewrite, and lets Diff tell what changed; that costs the same garbage. " +
				"To store only what has changed costs next to none.",
		},
		prepare: prepareResources,
	},
	{
		Name:  "contentions",
		About: "contentions of mutexes before and after sharding, as the mutex profile counts them",
		Figures: []Figure{
			{Name: "contentions", Unit: "", Published: []Value{{"64 shards", 3}, {"one lock", 1247}}},
			{Name: "time", Unit: "ms"},
		},
		Notes: []string{
			"The profile counts those who had to sleep: who gets the lock after spinning for a moment is not counted. With few processors, few " +
				"meet at a lock. A Map and a sync.Map compute the new value without a lock, and again if another one came first.",
		},
		prepare: prepareContentions,
	},
	{
		Name:  "million",
		About: "1 M operations by 8 goroutines: a Go map behind an RWMutex against sync.Map",
		Figures: []Figure{
			{Name: "reads", Unit: "ms", Published: []Value{{"sync.Map", 41}, {"RWMutex", 128}}},
			{Name: "writes", Unit: "ms", Published: []Value{{"RWMutex", 203}, {"sync.Map", 317}}},
		},
		Notes:   []string{"sync.Map was rewritten in Go 1.24."},
		prepare: prepareMillion,
	},
	{
		Name:  "insert",
		About: "insertion with memory allocated in advance, and with allocation",
		Figures: []Figure{
			{Name: "time", Unit: "ns", Published: []Value{{"preallocated", 9.2}, {"allocating", 83}}},
			{Name: "allocations", Unit: "per insertion"},
		},
		Notes: []string{
			"Preallocated is a fixed.Map, which locks and allocates nothing; allocating is a Go map behind an RWMutex that starts " +
				"empty and grows. The cleared Go map is such a one that had as many entries before.",
		},
		prepare: prepareInsert,
	},
	{
		Name:  "owners",
		About: "finding what an owner owns among 10,000 objects: full scan against an index",
		Figures: []Figure{
			{Name: "time", Unit: "ms", Published: []Value{{"owner index", 0.3}, {"full scan", 82}}},
		},
		Notes: []string{
			"The full scan lists copies of all objects first, as a client of Kubernetes does that reads from a cache. " +
				"The index is an index.Owners. To scan a Snapshot and copy only what is owned is the way without an index.",
		},
		prepare: prepareOwners,
	},
	{
		Name:  "steady-state",
		About: "an operator with the state of 470,000 devices",
		Figures: []Figure{
			{Name: "memory", Unit: "MB"},
			{Name: "heart-beat", Unit: "ns"},
			{Name: "sweep", Unit: "ms"},
		},
		Notes: []string{
			"Nothing was published but the number of devices. Memory is that of the map, without the data of the names. A heart-beat is the " +
				"time in which all goroutines together do one.",
		},
		prepare: prepareSteady,
	},
}
