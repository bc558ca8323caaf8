// Command wordindex counts every identifier of a source tree in one concurrent
// map, from one goroutine per core, and looks at the map while it fills.
//
//	go run ./examples/wordindex [folder] [-workers n]
//
// The idea: values in a concurrent map are immutable, and Compute replaces
// them. Then a snapshot taken in the middle of the work costs nothing to
// take, stays what it was, and Diff tells what has happened since. The same
// work is then timed over sync.Map and over one lock around a Go map.
//
// Without a folder it reads the source of the installed Go.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"runtime"
	"strings"
	"time"

	"github.com/shardmap-go/shardmap"
)

const (
	mostFrequent = 10
	rounds       = 3
	maxWorkers   = 4096
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	context.AfterFunc(ctx, stop) // a second Ctrl-C ends the program at once
	progress := meter{}
	if info, err := os.Stderr.Stat(); err == nil && info.Mode()&os.ModeCharDevice != 0 {
		progress.terminal = os.Stderr
	}
	err := run(ctx, os.Args[1:], os.Stdout, progress)
	if err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, "wordindex:", err)
	}
	os.Exit(exitCode(err))
}

// usageError is an error in the command line.
type usageError string

func (e usageError) Error() string {
	return string(e) + " (usage: wordindex [folder] [-workers n])"
}

var errInterrupted = errors.New("interrupted")

func exitCode(err error) int {
	var usage usageError
	switch {
	case err == nil, errors.Is(err, flag.ErrHelp):
		return 0
	case errors.As(err, &usage):
		return 2
	case errors.Is(err, errInterrupted):
		return 130 // what a shell reports for a program ended by Ctrl-C
	default:
		return 1
	}
}

func run(ctx context.Context, args []string, out io.Writer, progress meter) error {
	folder, workers, err := parseArguments(args, out)
	if err != nil {
		return err
	}
	if folder == "" {
		if folder, err = goSource(ctx); err != nil {
			return err
		}
	}
	if err := mustBeFolder(folder); err != nil {
		return err
	}

	fmt.Fprintf(out, "reading %s with %d workers\n", folder, workers)
	began := time.Now()
	words, err := readCorpus(ctx, os.DirFS(folder), workers, progress)
	if err != nil {
		return fmt.Errorf("read %s: %w", folder, err)
	}
	fmt.Fprintf(out, "%s files in %.1f s: %s identifiers in memory (%s files left out: not text, or over %d MB)\n",
		grouped(len(words.files)), time.Since(began).Seconds(), grouped(words.total), grouped(words.leftOut), maxFileSize>>20)
	if words.unreadable > 0 {
		fmt.Fprintf(out, "%s could not be read, the first: %v\n", grouped(words.unreadable), words.firstUnreadable)
	}
	if words.total == 0 {
		return fmt.Errorf("no identifiers in %s", folder)
	}

	if err := countWithSnapshots(ctx, words, workers, out, progress); err != nil {
		return err
	}
	return compare(ctx, words, workers, out, progress)
}

// countWithSnapshots is the main job: it fills one Map and reports from two
// snapshots of it, one taken while the workers go on writing.
func countWithSnapshots(ctx context.Context, words *corpus, workers int, out io.Writer, progress meter) error {
	var index shardmap.Map[string, int]
	var halfWay *shardmap.Snapshot[string, int]
	add := func(word string) {
		index.Compute(word, func(n int, _ bool) (int, shardmap.Op) { return n + 1, shardmap.Set })
	}
	elapsed, err := words.forEach(ctx, workers, add, func() { halfWay = index.Snapshot() }, progress)
	if err != nil {
		return err
	}
	final := index.Snapshot()

	changes := map[shardmap.ChangeKind]int{}
	for _, change := range final.Diff(halfWay) {
		changes[change.Kind]++
	}
	fmt.Fprintf(out, "\ncounted in %.2f s, %s identifiers/s, into one shardmap.Map\n", elapsed.Seconds(), perSecond(words.total, elapsed))
	fmt.Fprintf(out, "snapshot half-way  %12s distinct\n", grouped(halfWay.Len()))
	fmt.Fprintf(out, "snapshot at end    %12s distinct\n", grouped(final.Len()))
	fmt.Fprintf(out, "since half-way     %12s added, %s updated, %s removed\n", grouped(changes[shardmap.Added]),
		grouped(changes[shardmap.Updated]), grouped(changes[shardmap.Removed]))

	fmt.Fprintf(out, "\nmost frequent         half-way          end\n")
	for _, word := range topWords(final, mostFrequent) {
		before, _ := halfWay.Load(word)
		after, _ := final.Load(word)
		fmt.Fprintf(out, "%-16s  %12s %12s\n", word, grouped(before), grouped(after))
	}
	return nil
}

// parseArguments takes the folder before or after the flag.
func parseArguments(args []string, out io.Writer) (folder string, workers int, err error) {
	flags := flag.NewFlagSet("wordindex", flag.ContinueOnError)
	flags.SetOutput(io.Discard)
	flags.IntVar(&workers, "workers", runtime.GOMAXPROCS(0), "goroutines that count")
	var folders []string
	for rest := args; len(rest) > 0; {
		if err := flags.Parse(rest); errors.Is(err, flag.ErrHelp) {
			fmt.Fprintln(out, "usage: wordindex [folder] [-workers n]")
			return "", 0, err
		} else if err != nil {
			return "", 0, usageError(err.Error())
		}
		if rest = flags.Args(); len(rest) > 0 {
			folders, rest = append(folders, rest[0]), rest[1:]
		}
	}
	switch {
	case len(folders) > 1:
		return "", 0, usageError(fmt.Sprintf("one folder at most, not %d: %s", len(folders), strings.Join(folders, ", ")))
	case workers < 1 || workers > maxWorkers:
		return "", 0, usageError(fmt.Sprintf("-workers %d: want 1 to %d", workers, maxWorkers))
	case len(folders) == 1 && folders[0] == "":
		return "", 0, usageError("the folder's name is empty")
	case len(folders) == 1:
		folder = folders[0]
	}
	return folder, workers, nil
}

// goSource returns the folder with the source of the installed Go.
func goSource(ctx context.Context) (string, error) {
	root, err := exec.CommandContext(ctx, "go", "env", "GOROOT").Output()
	if err != nil {
		return "", fmt.Errorf("cannot ask the go command for its source (name a folder instead): %w", err)
	}
	return strings.TrimSpace(string(root)) + "/src", nil
}

func mustBeFolder(name string) error {
	info, err := os.Stat(name)
	if err == nil && !info.IsDir() {
		return fmt.Errorf("%s is not a folder", name)
	}
	return err
}
