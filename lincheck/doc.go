// Package lincheck has no code to import, only tests: they record what goroutines ask of the maps of shardmap and what
// they are answered, and have it proved that the answers fit together.
//
// A history is a list of operations, each with its arguments, its results, and the ticks of one shared counter at its
// call and its return. It is linearizable if every operation can be given an instant between the two such that a plain
// map, asked for one operation after another in the order of these instants, would have given the same answers. For
// short histories of any operations, porcupine searches for such an order; a search that does not end counts as a
// failure. For long histories of snapshots, in which every key has one writer, whether there is one can be computed in
// almost linear time, and is.
//
//	key_test.go      every operation on a single key, one history for each key
//	whole_test.go    Snapshot, Clone, Clear and Replace among operations on single keys
//	cut_test.go      hundreds of thousands of snapshots against eight writers
//	range_test.go    Range, which promises less: see there
//
// They do so for every kind of value slot, for keys that are hashed as numbers and as strings, with hashers that tell no or
// few keys apart, with a directory of one level and of two, and on maps of a size at which a few more entries make them
// grow, split a shard or move to another hash function, while somebody takes snapshots and clones, shrinks the map, and
// inserts and deletes other keys. Each test counts how often that happened, and fails if it never did. checker_test.go
// shows the checkers histories that no map can have produced.
//
//	go test                                 the line that begins with "lincheck:" says what was checked
//	SHARDMAP_SOAK=100 go test -timeout 0    a hundred times as much
//	go test -race, go test -short           a twentieth
//	SHARDMAP_SEED=… go test                 the same choices again, though goroutines do not run in the same order again
//	go test -artifacts                      pictures of histories that are not linearizable go to the artifact directory
package lincheck
