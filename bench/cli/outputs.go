package cli

import (
	"fmt"
	"io"
	"os"

	"github.com/shardmap-go/shardmap/bench/report"
)

// outputs are the files that the results go to. They are opened before anything is measured, so that a bad name costs
// no time, and not emptied until there are results.
type outputs struct{ files []output }

type output struct {
	*os.File
	write func(*report.File, io.Writer) error
}

// An outputFlag is a flag of run that names a file to write the results to.
type outputFlag struct {
	flag, as string
	write    func(*report.File, io.Writer) error
	file     string // what the user gave, or nothing
}

// outputFlags returns all there are, new for each command line.
func outputFlags() []outputFlag {
	return []outputFlag{
		{flag: "o", as: "as JSON", write: (*report.File).WriteJSON},
		{flag: "bench", as: "in Go's benchmark format, for benchstat", write: (*report.File).WriteBenchmarks},
		{flag: "csv", as: "as CSV", write: (*report.File).WriteCSV},
		{flag: "html", as: "as a page with charts, for a browser", write: (*report.File).WriteHTML},
	}
}

// outputTo returns the flag of a command that has results of another kind, which write knows.
func outputTo(file string, write func(io.Writer) error) []outputFlag {
	return []outputFlag{{file: file, write: func(_ *report.File, w io.Writer) error { return write(w) }}}
}

func openOutputs(flags []outputFlag) (*outputs, error) {
	o := new(outputs)
	for _, wanted := range flags {
		if wanted.file == "" {
			continue
		}
		f, err := os.OpenFile(wanted.file, os.O_WRONLY|os.O_CREATE, 0o666)
		if err != nil {
			o.close()
			return nil, err
		}
		o.files = append(o.files, output{f, wanted.write})
	}
	return o, nil
}

// write writes the results to all files.
func (o *outputs) write(results *report.File) error {
	for _, f := range o.files {
		if info, err := f.Stat(); err == nil && info.Mode().IsRegular() {
			if err := f.Truncate(0); err != nil {
				return err
			}
		}
		if err := f.write(results, f); err != nil {
			return fmt.Errorf("%s: %w", f.Name(), err)
		}
	}
	return nil
}

// close closes the files. What could not be written was an error of write already.
func (o *outputs) close() {
	for _, f := range o.files {
		_ = f.Close()
	}
}
