package workload

import (
	"embed"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"strings"
)

//go:embed builtin/*.json
var builtin embed.FS

// Builtin returns the workloads that come with mapbench, by name.
func Builtin() []*Workload {
	files, err := builtin.ReadDir("builtin")
	if err != nil {
		panic(err) // embedded above
	}
	all := make([]*Workload, 0, len(files))
	for _, f := range files {
		w, err := readBuiltin(strings.TrimSuffix(f.Name(), ".json"))
		if err != nil {
			panic(err) // a test reads them all
		}
		all = append(all, w)
	}
	return all
}

func readBuiltin(name string) (*Workload, error) {
	file := path.Join("builtin", name+".json")
	text, err := builtin.ReadFile(file)
	if err != nil {
		return nil, err
	}
	return named(name, file, text)
}

// Open returns the workload in the file, or the built-in one of that name.
func Open(nameOrFile string) (*Workload, error) {
	if !strings.ContainsAny(nameOrFile, `/\.`) {
		w, err := readBuiltin(nameOrFile)
		if err != nil {
			return nil, fmt.Errorf("unknown workload %q: \"mapbench list\" shows all, and a file's name ends in .json", nameOrFile)
		}
		return w, nil
	}
	text, err := os.ReadFile(nameOrFile)
	if err != nil {
		return nil, err
	}
	return named(strings.TrimSuffix(filepath.Base(nameOrFile), ".json"), nameOrFile, text)
}

// named parses a workload and gives it the name unless it has one.
func named(name, file string, text []byte) (*Workload, error) {
	w, err := Parse(file, text)
	if err != nil {
		return nil, err
	}
	if w.Name == "" {
		w.Name = name
	}
	return w, nil
}
