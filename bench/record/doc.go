// Package record writes down what a program does to its map, so that mapbench can do the same to other maps:
//
//	file, err := os.Create("sessions.trace")
//	…
//	rec := record.New(file, record.Options{})
//	sessions := record.Map(rec, shardmap.New[string, *Session]()) // instead of the map itself
//	…                                                             // the program, as it was
//	err = rec.Close()                                             // or the trace is not whole
//
// Then "mapbench trace info sessions.trace" says what was done, and "mapbench run -trace sessions.trace" does it to every
// strategy, and says which is fastest.
//
// [Map] takes the maps of package shardmap, [SyncMap] what has the methods of sync.Map, and [SmallMap] whatever has five of
// them; a map with other methods needs a small type around it.
//
// # Who did it
//
// A trace is made of tracks: sequences of operations one after another. What a goroutine does through a map of its own,
// which the method Goroutine returns, is a track. That is what a replay wants:
//
//	sessions := sessions.Goroutine()
//	defer sessions.Release()
//
// Where a program cannot be changed that much, goroutines just use the map, and a track is what happened on one
// processor. (Go does not tell goroutines apart, and to read their number from a stack trace costs a microsecond.) Then there are as
// many tracks as GOMAXPROCS. They work at the same time as the program's processors did, but what a goroutine did
// before and after it moved to another processor is in two tracks, and a replay at full speed may change the order.
//
// # What it costs
//
// Each operation is hashed, timed, and stored in a buffer of the track; BenchmarkRecorder measures it. On two busy
// cores, and with the writer's work included, an operation of 50 to 90 ns took 200 to 330 ns, and 380 to 500 where a
// processor's track had to be found. A buffer of 256 operations at a time is encoded, compressed and written by one
// goroutine. If it falls behind, Options.Memory is what waits for it;
// beyond that, operations are lost and counted, and the trace says where. The program waits only if Options.Block says
// so. A writer that fails – a full disk – disturbs nobody: Recorder.Err and Recorder.Close return the error.
//
// With Options.Sample = n, the operations on one of n keys are recorded, but all of these, so that what is found and not
// found still follows from what was stored and deleted; the others cost their hash. Operations on
// the whole map are recorded all.
//
// # What a trace tells of the data
//
// No key and no value is written, but for each key a number: its hash by package hash/maphash with a seed that is drawn anew for
// each recorder. The seed is written nowhere. That is no cryptographic hash, but there is no way known to tell a key from it,
// or whether a guess is right. A trace does tell the length of each key, Go's name of their type, and which operations
// when concerned the same one. Keys in interfaces count as strings. See package trace.
//
// # When not to use it
//
// Where every operation has to take less than half a microsecond, record a sample of the keys. One recorder is for one map.
// Operations on the map that go past the recorder, or that happen in the callbacks of others, are not seen, or seen in the
// order in which they end. When the program ends without Close, there is no trace: the reader refuses what is there.
package record
