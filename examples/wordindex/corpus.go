package main

import (
	"bytes"
	"context"
	"errors"
	"go/scanner"
	"go/token"
	"io/fs"
	"path"
	"sync"
	"sync/atomic"
	"time"
	"unicode"
)

const (
	maxFileSize = 16 << 20 // larger ones are data, not source
	sniffed     = 8 << 10  // a zero byte this near the beginning: not text
)

var errNotSource = errors.New("not text, or too large")

// A corpus is a source tree in memory, each file as the identifiers in it.
type corpus struct {
	files           [][]string
	total           int // identifiers in all files
	leftOut         int // files that are not source
	unreadable      int // files and folders
	firstUnreadable error
}

// readCorpus reads and splits every file below the root of fsys. Only an
// unreadable root is an error; what else cannot be read is counted.
func readCorpus(ctx context.Context, fsys fs.FS, workers int, progress meter) (*corpus, error) {
	c := new(corpus)
	var names []string
	err := fs.WalkDir(fsys, ".", func(name string, entry fs.DirEntry, err error) error {
		switch {
		case ctx.Err() != nil:
			return errInterrupted
		case err != nil && name == ".":
			return err
		case err != nil:
			c.missed(err)
		case entry.IsDir() && entry.Name() == ".git":
			return fs.SkipDir
		case entry.Type().IsRegular():
			names = append(names, name)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}

	var mu sync.Mutex // guards c
	read := func(name string, words []string, err error) {
		mu.Lock()
		defer mu.Unlock()
		switch {
		case errors.Is(err, errNotSource):
			c.leftOut++
		case err != nil:
			c.missed(err)
		default:
			c.files = append(c.files, words)
			c.total += len(words)
		}
	}
	var done atomic.Int64
	progress.watch("reading files", &done, len(names), func() {
		share(ctx, workers, len(names), func() func(int) {
			known := map[string]string{} // one copy of each word per worker, not one per occurrence
			return func(i int) {
				words, err := splitFile(fsys, names[i], known)
				read(names[i], words, err)
				done.Add(1)
			}
		})
	})
	if ctx.Err() != nil {
		return nil, errInterrupted
	}
	return c, nil
}

func (c *corpus) missed(err error) {
	if c.unreadable++; c.firstUnreadable == nil {
		c.firstUnreadable = err
	}
}

// forEach calls visit for every identifier, from as many goroutines as
// workers, and halfWay once, from one of them, when half are done.
// It returns the time that took.
func (c *corpus) forEach(ctx context.Context, workers int, visit func(word string), halfWay func(), progress meter) (time.Duration, error) {
	half := int64(c.total+1) / 2
	var done atomic.Int64
	began := time.Now()
	progress.watch("counting", &done, c.total, func() {
		share(ctx, workers, len(c.files), func() func(int) {
			return func(i int) {
				for _, word := range c.files[i] {
					visit(word)
				}
				n := int64(len(c.files[i]))
				if after := done.Add(n); after-n < half && half <= after {
					halfWay()
				}
			}
		})
	})
	if ctx.Err() != nil {
		return 0, errInterrupted
	}
	return time.Since(began), nil
}

// share hands the numbers below n to workers, each number to one of them,
// until none is left or ctx is done. Every worker is made by newWorker.
func share(ctx context.Context, workers, n int, newWorker func() func(i int)) {
	var next atomic.Int64
	var wg sync.WaitGroup
	for range workers {
		wg.Go(func() {
			work := newWorker()
			for ctx.Err() == nil {
				i := int(next.Add(1)) - 1
				if i >= n {
					return
				}
				work(i)
			}
		})
	}
	wg.Wait()
}

// splitFile returns the identifiers of a file in the order of the text.
func splitFile(fsys fs.FS, name string, known map[string]string) ([]string, error) {
	info, err := fs.Stat(fsys, name)
	if err != nil {
		return nil, err
	}
	if info.Size() > maxFileSize {
		return nil, errNotSource
	}
	src, err := fs.ReadFile(fsys, name)
	if err != nil {
		return nil, err
	}
	if bytes.IndexByte(src[:min(len(src), sniffed)], 0) >= 0 {
		return nil, errNotSource
	}
	split := identifiers
	if path.Ext(name) == ".go" {
		split = goIdentifiers
	}
	var words []string
	split(src, func(word string) {
		if _, ok := known[word]; !ok {
			known[word] = word
		}
		words = append(words, known[word])
	})
	return words, nil
}

// goIdentifiers finds the identifiers of Go source, broken or not: neither
// keywords nor words in comments and strings.
func goIdentifiers(src []byte, found func(word string)) {
	var s scanner.Scanner
	files := token.NewFileSet()
	s.Init(files.AddFile("", files.Base(), len(src)), src, nil, 0)
	for {
		switch _, tok, text := s.Scan(); tok {
		case token.EOF:
			return
		case token.IDENT:
			found(text)
		}
	}
}

// identifiers finds what looks like one in text of any other language: a
// letter or underscore, then letters, digits and underscores.
func identifiers(src []byte, found func(word string)) {
	for word := range bytes.FieldsFuncSeq(src, func(r rune) bool { return r != '_' && !unicode.IsLetter(r) && !unicode.IsDigit(r) }) {
		if word[0] < '0' || word[0] > '9' {
			found(string(word))
		}
	}
}
