package shardmap_test

import (
	"slices"
	"strconv"
	"strings"
)

// fuzzScripts are the programs that fuzzing begins with: each operation by its name, and its arguments. Runs of keys are
// given by their first key and their length less one.
var fuzzScripts = []string{
	// One key.
	`Load 1 0, Delete 1 0, LoadAndDelete 1 0, Store 1 1, LoadOrStore 1 2, LoadOrStore 2 2, Swap 1 3, Swap 3 3,
	CompareAndSwap 1 4, CompareAndSwap 1 5, CompareAndDelete 1 7, CompareAndDelete 1 8, LoadAndDelete 2 0, LoadAndDelete 2 0,
	Delete 3 0, Delete 3 0, All`,

	// Callbacks.
	`Each/Compute 0 99 1, Each/Compute 50 99 2, Each/ComputeInTheWay 0 99 3, Each/LoadOrCompute 0 199 0,
	Each/LoadOrCompute 30 99 1, DeleteFunc 3, DeleteFunc and write 4, DeleteFunc and write 5, Snapshot, DeleteFunc and write 6, All,
	Fill 0 199 0, Drain 0 189, Store 5 5, Store 6 5, All`,

	// Growing, splitting, chains, and a hash function given up.
	`Fill 0 49 0, Stats, Fill 0 99 1, Snapshot, Fill 20 199 2, Fill 100 199 3, Stats, Each/Load 0 199 0, Snapshot, Drain 10 99,
	Each/Swap 0 199 5, Shrink, Each/LoadOrStore 0 199 7, Stats, Clear, Fill 0 9 1`,

	// What a snapshot shares.
	`Fill 0 159 0, Snapshot, Each/Store 0 49 1, Snapshot, Each/Delete 20 49 0, Fill 100 199 2, Snapshot, Diff 14, Diff 3,
	Each/CompareAndSwap 0 199 4, Each/CompareAndDelete 0 99 2, Look at snapshots, Snapshot, Snapshot, Diff 1, Shrink, Snapshot`,

	// What a split, a rebuild and a larger shard take over from a snapshot.
	`Fill 0 159 0, Snapshot, Fill 170 3 0, Each/Swap 0 199 1, Look at snapshots, Snapshot, Shrink, Each/Swap 0 199 2,
	Look at snapshots, Clear, Fill 0 5 0, Snapshot, Fill 6 5 0, Each/Swap 0 9 1, Diff 3`,

	// What a clone shares.
	`Fill 0 99 0, Clone, Each/Store 0 49 1, Exchange with clone, Fill 30 199 2, Snapshot, Exchange with clone, Drain 0 99,
	Snapshot, Diff 11, Clone, Replace 10 99 0, Exchange with clone, Replace 10 99 1, Replace 0 199 2, Diff 13, Look at snapshots`,

	// Iteration over what changes: the operations inside come after those that they are inside of.
	`Fill 0 79 0, Range and write 5 7 0 90 199 1 2 1 0 99 3 1 0 50, Range stopped early 10,
	Range and write 1 3 1 0 199 3 0 0 199 4 5, Snapshot, Range and write 2 7 2 4 0 199 0 0 0 199 8, All`,

	// Encoding, and changes of many keys at once.
	`Fill 0 9 1, MarshalJSON, UnmarshalJSON 3 5 20, MarshalJSON, Update 0 30 0, Update 5 30 1, Update 5 30 2, Snapshot,
	Look at snapshots`,

	// The value that marks what is deleted, stored in all ways.
	`Fill 0 199 0, Write the tombstone 1 0 99 0, All, Write the tombstone 5 9 9 0, Snapshot, Write the tombstone 1 0 99 0,
	Look at snapshots, Snapshot, Write the tombstone 6 50 99 0, Each/Delete 0 49 0, Diff 7, Write the tombstone 2 0 99 0,
	Fill 100 199 0, Stats`,
}

// fuzzSeeds returns the scripts for kinds of map that, taken together, include each kind of key with each hash, each
// kind of value and each size. What the target cannot do is left out.
func fuzzSeeds(target fuzzTarget) (seeds [][]byte) {
	table := fuzzOperations[int, uint64](target)
	for i, script := range fuzzScripts {
		for j := range 3 {
			n := 3*i + j
			program := []byte{byte(n % 5), byte((i + j) % 3), byte(j), byte(n / 2 % 4), byte(n / 4 % 2)}
			for step := range strings.SplitSeq(script, ",") {
				program = append(program, fuzzStep(table, strings.TrimSpace(step))...)
			}
			seeds = append(seeds, program)
		}
	}
	return seeds
}

// fuzzStep returns the bytes of one operation, or none if it is not in the table.
func fuzzStep(table []fuzzOperation[int, uint64], step string) (program []byte) {
	name, arguments := step, ""
	if digit := strings.IndexAny(step, "0123456789"); digit > 0 {
		name, arguments = step[:digit-1], step[digit:]
	}
	name, single, _ := strings.Cut(name, "/")
	code := slices.IndexFunc(table, func(op fuzzOperation[int, uint64]) bool { return op.name == name })
	if code < 0 {
		return nil
	}
	program = append(program, byte(code))
	if single != "" {
		program = append(program, byte(slices.IndexFunc(fuzzKeyOperations[int, uint64](),
			func(op fuzzKeyOperation[int, uint64]) bool { return op.name == single })))
	}
	for _, argument := range strings.Fields(arguments) {
		n, err := strconv.ParseUint(argument, 10, 8)
		if err != nil {
			panic(step + ": " + err.Error())
		}
		program = append(program, byte(n))
	}
	return program
}
