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

func openOutputs(s *settings) (*outputs, error) {
	o := new(outputs)
	for _, wanted := range []struct {
		name  string
		write func(*report.File, io.Writer) error
	}{
		{s.json, (*report.File).WriteJSON}, {s.benchmark, (*report.File).WriteBenchmarks}, {s.csv, (*report.File).WriteCSV},
	} {
		if wanted.name == "" {
			continue
		}
		f, err := os.OpenFile(wanted.name, os.O_WRONLY|os.O_CREATE, 0o666)
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
