package cli

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"os/signal"

	"github.com/shardmap-go/shardmap/bench/run"
	"github.com/shardmap-go/shardmap/bench/strategy"
)

// isolatedArg is the only argument of a process that measures one strategy once, for another mapbench. Nobody types it.
const isolatedArg = "-isolated-run"

// isolator returns the command that starts this program again, to do what [isolated] does. It is killed when ctx ends.
func isolator(ctx context.Context) *exec.Cmd {
	program, err := os.Executable()
	if err != nil {
		program = os.Args[0] // as the shell found it
	}
	return exec.CommandContext(ctx, program, isolatedArg)
}

// isolated does what the process that started this one asks for on the standard input, and returns the exit code.
func isolated() int {
	signal.Ignore(os.Interrupt) // Ctrl-C reaches both; the other one ends this one, and knows that it was no crash
	if err := run.Isolated(context.Background(), strategy.All(), os.Stdin, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "mapbench:", err)
		return exitError
	}
	return exitOK
}
