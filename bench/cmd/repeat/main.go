// Command repeat does one operation on one kind of map over and over, for tools that count what a processor does; see
// cells.Repeat. The script .ci/instructions has valgrind count instructions with it.
//
//	repeat strategy operation keys values entries times
package main

import (
	"context"
	"fmt"
	"os"
	"strconv"

	"github.com/shardmap-go/shardmap/bench/cells"
	"github.com/shardmap-go/shardmap/bench/strategy"
)

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "repeat:", err)
		os.Exit(2)
	}
}

func run(args []string) error {
	if len(args) != 6 {
		return fmt.Errorf("%d arguments, want 6: strategy operation keys values entries times", len(args))
	}
	named, err := strategy.Named(args[0])
	if err != nil {
		return err
	}
	entries, err := strconv.Atoi(args[4])
	if err != nil {
		return fmt.Errorf("entries: %w", err)
	}
	times, err := strconv.Atoi(args[5])
	if err != nil {
		return fmt.Errorf("times: %w", err)
	}
	c := cells.Cell{Operation: args[1], Keys: args[2], Values: args[3], Entries: entries, Procs: 1}
	return cells.Repeat(context.Background(), named[0], c, 1, times)
}
