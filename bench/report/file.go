// Package report turns results into what people and programs read: a table with advice, JSON, CSV and Go's benchmark
// format.
package report

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"runtime/debug"
	"strings"
	"time"

	"github.com/shardmap-go/shardmap/bench/run"
)

// An Origin says where results come from.
type Origin struct {
	Date    time.Time `json:"date"`
	Go      string    `json:"go"`
	GOOS    string    `json:"goos"`
	GOARCH  string    `json:"goarch"`
	CPU     string    `json:"cpu,omitempty"`
	Cores   int       `json:"cores"`
	Commit  string    `json:"commit,omitempty"`  // if mapbench was built with version control information
	Command string    `json:"command,omitempty"` // that measured, as one types it into a shell
}

// A File is what a results file holds: the results and where they come from.
type File struct {
	Origin
	Results []*run.Result `json:"results"`
}

// NewFile returns a file without results that says where it was made.
func NewFile() *File { return &File{Origin: Here()} }

// Here returns the origin of what this process measures now.
func Here() Origin {
	f := Origin{
		Date: time.Now().UTC().Truncate(time.Second), Command: command(os.Args),
		Go: runtime.Version(), GOOS: runtime.GOOS, GOARCH: runtime.GOARCH, CPU: cpu(), Cores: runtime.NumCPU(),
	}
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, s := range info.Settings {
			if s.Key == "vcs.revision" {
				f.Commit = s.Value
			}
		}
	}
	return f
}

// command writes a command line, with quotes where a shell needs them and without the folder of the program.
func command(args []string) string {
	words := make([]string, len(args))
	for i, arg := range args {
		if i == 0 {
			arg = filepath.Base(arg)
		}
		if !plainWord.MatchString(arg) {
			arg = "'" + strings.ReplaceAll(arg, "'", `'\''`) + "'"
		}
		words[i] = arg
	}
	return strings.Join(words, " ")
}

var plainWord = regexp.MustCompile(`^[A-Za-z0-9_./:,=+@%-]+$`)

// cpu returns the name of the processor where the system tells it in a file.
func cpu() string {
	text, err := os.ReadFile("/proc/cpuinfo")
	if err != nil {
		return ""
	}
	for line := range strings.Lines(string(text)) {
		if name, value, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(name) == "model name" {
			return strings.TrimSpace(value)
		}
	}
	return ""
}

// String says in one line where the results come from.
func (f *Origin) String() string {
	machine := f.CPU
	if machine == "" {
		machine = f.GOOS + "/" + f.GOARCH
	}
	s := fmt.Sprintf("%s, %d cores, %s, %s", machine, f.Cores, f.Go, f.Date.Format(time.DateOnly))
	if f.Commit != "" {
		s += ", commit " + f.Commit[:min(12, len(f.Commit))]
	}
	return s
}

// WriteJSON writes the file as [Read] reads it.
func (f *File) WriteJSON(w io.Writer) error {
	enc := json.NewEncoder(w)
	enc.SetIndent("", "  ")
	return enc.Encode(f)
}

// Read reads what [File.WriteJSON] has written.
func Read(name string) (*File, error) {
	text, err := os.ReadFile(name)
	if err != nil {
		return nil, err
	}
	f := new(File)
	if err := json.Unmarshal(text, f); err != nil {
		return nil, fmt.Errorf("%s is not a file of results: %w", name, err)
	}
	for _, r := range f.Results {
		if r == nil || r.Workload == nil {
			return nil, fmt.Errorf("%s is not a file of results: a result has no workload", name)
		}
	}
	if len(f.Results) == 0 {
		return nil, fmt.Errorf("%s has no results", name)
	}
	return f, nil
}
