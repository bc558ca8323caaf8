package cells

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"slices"

	"github.com/shardmap-go/shardmap/bench/report"
)

// A File is what a file of cells holds: the results, how they were measured, and where.
type File struct {
	report.Origin
	Rounds  int      `json:"rounds"`
	Batch   string   `json:"batch"`
	Seed    uint64   `json:"seed"`
	Results []Result `json:"cells"`
}

// NewFile returns a file without results, for measuring with o here and now.
func NewFile(o Options) *File {
	return &File{Origin: report.Here(), Rounds: o.Rounds, Batch: o.Batch.String(), Seed: o.Seed}
}

// WriteJSON writes the file as [Read] reads it, a line for each cell.
func (f *File) WriteJSON(w io.Writer) error {
	header := *f
	header.Results = nil
	text, err := json.Marshal(header)
	if err != nil {
		return err
	}
	// The header ends in "cells":null}, which is where the cells go.
	const end = "null}"
	if _, err := fmt.Fprintf(w, "%s[", text[:len(text)-len(end)]); err != nil {
		return err
	}
	separator := "\n"
	for _, r := range f.Results {
		line, err := json.Marshal(r)
		if err != nil {
			return err
		}
		if _, err := fmt.Fprintf(w, "%s%s", separator, line); err != nil {
			return err
		}
		separator = ",\n"
	}
	_, err = io.WriteString(w, "\n]}\n")
	return err
}

// Read reads what [File.WriteJSON] has written.
func Read(name string) (*File, error) {
	text, err := os.ReadFile(name)
	if err != nil {
		return nil, err
	}
	f := new(File)
	if err := json.Unmarshal(text, f); err != nil {
		return nil, fmt.Errorf("%s is not a file of cells: %w", name, err)
	}
	for _, r := range f.Results {
		if len(r.Times) == 0 {
			return nil, fmt.Errorf("%s is not a file of cells: one has no times", name)
		}
	}
	return f, nil
}

// Sort brings cells of several files into the order of the operations.
func (f *File) Sort() {
	names := operationNames()
	slices.SortStableFunc(f.Results, func(a, b Result) int {
		return slices.Index(names, a.Operation) - slices.Index(names, b.Operation)
	})
}
