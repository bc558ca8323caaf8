package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"time"
)

// A stage is one run of "go test" in a copy of the repository.
type stage struct {
	name  string
	dir   string         // of the module, below the root
	tests string         // regular expression of the tests, unless a mutant names others
	limit string         // of the time that the tests may take, compiling not included
	flags []string       // for go test
	args  []string       // the packages, and flags for their tests
	files *regexp.Regexp // names of the test files in the module's root that are compiled; nil for all
}

// The stages, the cheapest first. What costs most is to compile the tests, not to run them: most of the root's need a minute
// for that, because they make maps of many types.
var stages = []stage{
	{
		name:  "explore",
		tests: "^TestExplore",
		limit: "3m",
		flags: []string{"-tags", "explore"},
		args:  []string{".", "-explore.systematic", "3000", "-explore.random", "2000"},
		files: regexp.MustCompile(`^explore_`),
	},
	{
		name:  "unit",
		limit: "2m",
		flags: []string{"-short"},
		args:  []string{"."},
		files: regexp.MustCompile(`^(compare|diff|entry|flight|flood|hash|lanes|rwmutex)_test.go$`),
	},
	{
		name:  "lincheck",
		dir:   "lincheck",
		limit: "3m",
		flags: []string{"-short"},
		args:  []string{"./..."},
	},
	{
		name:  "test",
		limit: "3m",
		// Some look at the source, not at what it does; the torture takes longer than all the others.
		flags: []string{"-short", "-skip", "^TestFence|^TestVet|^TestTorture"},
		args:  []string{"."},
	},
	{
		name:  "race",
		tests: "^TestStress|Concurrent|Readers",
		limit: "4m",
		flags: []string{"-race", "-short"},
		args:  []string{"."},
	},
}

// compileLimit is the time that a stage gets besides its limit. Whoever needs more has an error, not caught a mutant.
const compileLimit = 10 * time.Minute

// An outcome is what came of a stage.
type outcome struct {
	red    bool
	test   string // that failed first, if red
	output string
	took   time.Duration
	err    error // it is neither red nor green: it could not be run
}

// run runs the stage in a copy of the repository: all of it, or just the given tests.
func (s *stage) run(ctx context.Context, root, tests string) (o outcome) {
	begin := time.Now()
	defer func() { o.took = time.Since(begin) }()
	limit, err := time.ParseDuration(s.limit)
	if err != nil {
		return outcome{err: err}
	}
	ctx, cancel := context.WithTimeout(ctx, limit+compileLimit)
	defer cancel()
	if tests == "" {
		tests = s.tests
	}
	args := append([]string{"test", "-vet=off", "-count=1", "-failfast", "-timeout", s.limit, "-run", tests}, s.flags...)
	dir := filepath.Join(root, s.dir)
	if s.files != nil {
		overlay, err := hideTests(dir, s.files)
		if err != nil {
			return outcome{err: err}
		}
		defer os.Remove(overlay)
		args = append(args, "-overlay", overlay)
	}
	cmd := exec.CommandContext(ctx, "go", append(args, s.args...)...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "PWD="+dir)
	endTogether(cmd)
	output, err := cmd.CombinedOutput()
	o.output = string(output)
	switch {
	case ctx.Err() != nil:
		o.err = ctx.Err()
	case err == nil:
	case strings.Contains(o.output, "[build failed]") || strings.Contains(o.output, "[setup failed]") || !strings.Contains(o.output, "FAIL"):
		o.err = fmt.Errorf("%s does not compile:\n%s", s.name, o.output)
	default:
		o.red, o.test = true, failed(o.output)
	}
	return o
}

// endTogether makes cmd, when its time is over, end with all processes that it has started.
func endTogether(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	cmd.WaitDelay = 10 * time.Second
}

// hideTests writes an overlay for the go command without the test files in dir whose names do not match files.
func hideTests(dir string, files *regexp.Regexp) (overlay string, err error) {
	paths, err := filepath.Glob(filepath.Join(dir, "*_test.go"))
	if err != nil {
		return "", err
	}
	hidden := map[string]string{}
	for _, path := range paths {
		if !files.MatchString(filepath.Base(path)) {
			hidden[path] = ""
		}
	}
	text, err := json.Marshal(map[string]any{"Replace": hidden})
	if err != nil {
		return "", err
	}
	f, err := os.CreateTemp(filepath.Dir(dir), "overlay-*.json")
	if err != nil {
		return "", err
	}
	_, err = f.Write(text)
	return f.Name(), errors.Join(err, f.Close())
}

var (
	failure  = regexp.MustCompile(`--- FAIL: (\S+)`)
	timedOut = regexp.MustCompile(`panic: test timed out after .*\n(?:\s*running tests:\n\s*(\S+))?`)
	fatal    = regexp.MustCompile(`(?m)^(?:fatal error|panic): .*$`)
)

// failed returns the test that the output of go test says failed, as exactly as it says so.
func failed(output string) string {
	if found := timedOut.FindStringSubmatch(output); found != nil {
		return found[1] + " (time-out)"
	}
	test := ""
	for _, found := range failure.FindAllStringSubmatch(output, -1) {
		if test == "" || strings.HasPrefix(found[1], test+"/") {
			test = found[1]
		}
	}
	if strings.Contains(output, "WARNING: DATA RACE") {
		test += " (data race)"
	}
	if test == "" {
		test = fatal.FindString(output)
	}
	return test
}
