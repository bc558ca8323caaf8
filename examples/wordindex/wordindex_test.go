package main

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/require"
)

const goFile = `package p

// words in comments do not count
func twice(n int) int { return n + n }
`

func TestGoFilesGiveTheirIdentifiersAndOtherTextGivesItsWords(t *testing.T) {
	words, err := readCorpus(t.Context(), fstest.MapFS{
		"p.go":           {Data: []byte(goFile)},
		"asm/add_386.s":  {Data: []byte("ADDQ $0x10, r_1 // größer")},
		"data.bin":       {Data: []byte("not\x00text")},
		"empty.txt":      {},
		".git/objects/a": {Data: []byte("not source")},
	}, 2, meter{})
	require.NoError(t, err)
	require.Equal(t, 1, words.leftOut)
	require.Equal(t, 10, words.total)
	require.ElementsMatch(t, [][]string{
		{"p", "twice", "n", "int", "int", "n", "n"},
		{"ADDQ", "r_1", "größer"},
		nil,
	}, words.files)
}

func TestEveryStrategyCountsEveryWordWhateverTheNumberOfWorkers(t *testing.T) {
	files := fstest.MapFS{}
	for i := range 200 {
		files[fmt.Sprintf("f%d.txt", i)] = &fstest.MapFile{Data: []byte(strings.Repeat(fmt.Sprintf("hot warm%d cold%d ", i%7, i), 50))}
	}
	words, err := readCorpus(t.Context(), files, 4, meter{})
	require.NoError(t, err)
	for _, workers := range []int{1, 2, 8} {
		var out bytes.Buffer
		require.NoError(t, compare(t.Context(), words, workers, &out, meter{}))
		require.Contains(t, out.String(), "all agree with a Go map filled by one goroutine: 208 distinct, 30,000 in all")
	}
}

func TestAMiscountIsAnErrorThatNamesTheWord(t *testing.T) {
	c := new(syncMapCounter)
	c.add("word")
	require.NoError(t, mustAgree(c, map[string]int{"word": 1}))
	require.EqualError(t, mustAgree(c, map[string]int{"word": 2}), `"word" counted 1 times, want 2`)
	require.EqualError(t, mustAgree(c, map[string]int{"word": 1, "more": 1}), "1 distinct identifiers, want 2")
}

func TestHalfWayIsReachedExactlyOnce(t *testing.T) {
	words := &corpus{files: [][]string{{"a", "b"}, nil, {"c"}, {"d", "e", "f"}, nil}, total: 6}
	for _, workers := range []int{1, 3} {
		var halves, visits atomic.Int64
		_, err := words.forEach(t.Context(), workers, func(string) { visits.Add(1) }, func() { halves.Add(1) }, meter{})
		require.NoError(t, err)
		require.EqualValues(t, 6, visits.Load())
		require.EqualValues(t, 1, halves.Load())
	}
}

func TestTheReportOfASmallFolder(t *testing.T) {
	folder := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(folder, "p.go"), []byte(goFile), 0o600))
	for _, args := range [][]string{{folder, "-workers", "3"}, {"-workers=3", folder}} {
		var out, terminal bytes.Buffer
		require.NoError(t, run(t.Context(), args, &out, meter{terminal: &terminal}))
		require.True(t, strings.HasPrefix(out.String(), "reading "+folder+" with 3 workers\n"), out.String())
		require.Contains(t, out.String(), "1 files in")
		require.Contains(t, out.String(), "snapshot at end               4 distinct\n")
		require.Contains(t, out.String(), "most frequent         half-way          end\nn                            3            3\n")
		require.Contains(t, out.String(), "all agree with a Go map filled by one goroutine: 4 distinct, 7 in all\n")
		require.Contains(t, terminal.String(), "\rcounting: ")
	}
}

func TestBadArgumentsAreOneLineAndExitCode2(t *testing.T) {
	for _, args := range [][]string{{"-workers", "0"}, {"-workers", "4097"}, {"-workers", "two"}, {"-colour"}, {"a", "b"}, {""}} {
		var out bytes.Buffer
		err := run(t.Context(), args, &out, meter{})
		require.Error(t, err, args)
		require.Equal(t, 2, exitCode(err), args)
		require.NotContains(t, err.Error(), "\n", args)
		require.Empty(t, out.String(), args)
	}
}

func TestAFolderThatCannotBeReadIsExitCode1(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	require.NoError(t, os.WriteFile(file, nil, 0o600))
	for _, folder := range []string{file, file + ".missing", filepath.Dir(file)} {
		err := run(t.Context(), []string{folder}, &bytes.Buffer{}, meter{})
		require.ErrorContains(t, err, folder)
		require.Equal(t, 1, exitCode(err))
	}
}

func TestHelpIsNoFailure(t *testing.T) {
	var out bytes.Buffer
	err := run(t.Context(), []string{"-h"}, &out, meter{})
	require.ErrorIs(t, err, flag.ErrHelp)
	require.Equal(t, 0, exitCode(err))
	require.Equal(t, "usage: wordindex [folder] [-workers n]\n", out.String())
}

func TestAnInterruptEndsTheWorkWithExitCode130(t *testing.T) {
	ctx, interrupt := context.WithCancel(t.Context())
	words := &corpus{files: [][]string{{"a"}, {"b"}}, total: 2}
	var visits int
	_, err := words.forEach(ctx, 1, func(string) { visits++; interrupt() }, func() {}, meter{})
	require.ErrorIs(t, err, errInterrupted)
	require.Equal(t, 1, visits, "no file is begun after the interrupt")

	err = run(ctx, []string{t.TempDir()}, &bytes.Buffer{}, meter{})
	require.ErrorIs(t, err, errInterrupted)
	require.Equal(t, 130, exitCode(err))
}

// brokenFS cannot open the file named bad.
type brokenFS struct{ fs.FS }

var errBroken = errors.New("broken")

func (b brokenFS) Open(name string) (fs.File, error) {
	if name == "bad" {
		return nil, errBroken
	}
	return b.FS.Open(name)
}

func TestFilesThatCannotBeReadAreCountedAndTheOthersRead(t *testing.T) {
	words, err := readCorpus(t.Context(), brokenFS{fstest.MapFS{
		"bad": {Data: []byte("bad")}, "good": {Data: []byte("good")},
	}}, 2, meter{})
	require.NoError(t, err)
	require.Equal(t, 1, words.unreadable)
	require.ErrorIs(t, words.firstUnreadable, errBroken)
	require.Equal(t, [][]string{{"good"}}, words.files)
}

func TestNumbersAreGroupedByThousands(t *testing.T) {
	for n, want := range map[int]string{0: "0", 999: "999", 1000: "1,000", 1234567: "1,234,567"} {
		require.Equal(t, want, grouped(n))
	}
}
