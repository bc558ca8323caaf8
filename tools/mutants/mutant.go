package main

import (
	"context"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

// A mutant is a patch that breaks the library.
type mutant struct {
	name   string // of the file, without its ending
	patch  string // path of the file
	expect *stage
	tests  string // regular expression of the tests in which expect should notice; may be empty
}

// The header of a patch must have a line that says who will notice it, as in "Expect: explore" or "Expect: test TestFlood".
var expectation = regexp.MustCompile(`(?m)^Expect: (\w+)(?: (\S+))?$`)

func readMutants(dir string, only *regexp.Regexp) ([]mutant, error) {
	paths, err := filepath.Glob(filepath.Join(dir, "*.patch"))
	if err != nil {
		return nil, err
	}
	var mutants []mutant
	for _, path := range paths {
		m := mutant{name: strings.TrimSuffix(filepath.Base(path), ".patch"), patch: path}
		if !only.MatchString(m.name) {
			continue
		}
		if err := m.read(); err != nil {
			return nil, err
		}
		mutants = append(mutants, m)
	}
	if len(mutants) == 0 {
		return nil, fmt.Errorf("no mutant in %s matches %q", dir, only)
	}
	return mutants, nil
}

func (m *mutant) read() error {
	text, err := os.ReadFile(m.patch)
	if err != nil {
		return err
	}
	header, _, _ := strings.Cut(string(text), "diff --git ")
	found := expectation.FindStringSubmatch(header)
	if found == nil {
		return fmt.Errorf(`%s: the header has no line "Expect: <stage>"`, m.patch)
	}
	i := slices.IndexFunc(stages, func(s stage) bool { return s.name == found[1] })
	if i < 0 {
		return fmt.Errorf("%s: expects %q: no such stage", m.patch, found[1])
	}
	m.expect, m.tests = &stages[i], found[2]
	return nil
}

// A step of a mutant's plan is a stage, or some tests of it.
type step struct {
	stage *stage
	tests string
}

// plan returns what to run until something goes red.
func (m *mutant) plan() []step {
	steps := []step{{m.expect, m.tests}}
	for i := range stages {
		if s := &stages[i]; s != m.expect || m.tests != "" {
			steps = append(steps, step{stage: s})
		}
	}
	return steps
}

// apply patches the copy of the repository in dir.
func (m *mutant) apply(ctx context.Context, dir string) error {
	cmd := exec.CommandContext(ctx, "git", "apply", m.patch)
	cmd.Dir = dir
	// A repository that happens to lie above the copy would make git look for the files there.
	cmd.Env = append(os.Environ(), "GIT_CEILING_DIRECTORIES="+filepath.Dir(dir))
	if output, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("the patch does not apply (%w): %s", err, strings.TrimSpace(string(output)))
	}
	return nil
}

// copy copies the repository into a new folder, apart from what git keeps of it, and returns the folder. It does not ask git
// for the files: a clone that belongs to another user has no readable version control, an archive none at all.
func (r *rig) copy(name string) (string, error) {
	dir := filepath.Join(r.scratch, name)
	return dir, filepath.WalkDir(r.source, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if entry.Name() == ".git" {
			if entry.IsDir() {
				return fs.SkipDir
			}
			return nil
		}
		if !entry.Type().IsRegular() {
			return nil
		}
		relative, err := filepath.Rel(r.source, path)
		if err != nil {
			return err
		}
		return copyFile(filepath.Join(dir, relative), path)
	})
}

// copyFile copies a file, unless it is gone by now.
func copyFile(to, from string) (err error) {
	in, err := os.Open(from)
	if err != nil {
		return ignoreMissing(err)
	}
	defer in.Close()
	if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
		return err
	}
	out, err := os.Create(to)
	if err != nil {
		return err
	}
	if _, err := io.Copy(out, in); err != nil {
		out.Close()
		return err
	}
	return out.Close()
}

func ignoreMissing(err error) error {
	if os.IsNotExist(err) {
		return nil
	}
	return err
}
