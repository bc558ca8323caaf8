package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// page is the page whose recipes are tested.
const page = "../docs/migrating.md"

// tools is the folder of the programs that the recipes call.
var tools string

func TestMain(m *testing.M) {
	os.Exit(runWithTools(m))
}

func runWithTools(m *testing.M) int {
	var err error
	if tools, err = os.MkdirTemp("", "migrate"); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(tools)
	build := exec.Command("go", "build", "-o", tools, ".", "golang.org/x/tools/cmd/goimports")
	download := exec.Command("go", "mod", "download") // what the library requires
	download.Dir = root
	for _, command := range []*exec.Cmd{build, download} {
		if out, err := command.CombinedOutput(); err != nil {
			fmt.Fprintf(os.Stderr, "%s: %v\n%s", command, err, out)
			return 1
		}
	}
	return m.Run()
}

// root is the folder of the library.
const root = ".."

// A bench is a copy of the program in testdata/app, and what is needed to work on it.
type bench struct {
	dir string // of the copy
	env []string
}

// newBench copies the program. To it the library is the one of this repository, and there is no other version: go asks no
// server, as it has what the library requires.
func newBench(t *testing.T) *bench {
	t.Helper()
	b := &bench{dir: filepath.Join(t.TempDir(), "app")}
	path := "PATH=" + tools + string(os.PathListSeparator) + os.Getenv("PATH")
	b.env = append(os.Environ(), "GOFLAGS=-mod=mod", "GOWORK=off", "GOPROXY=off", "GOSUMDB=off", path)
	if err := os.CopyFS(b.dir, os.DirFS("testdata/app")); err != nil {
		t.Fatal(err)
	}
	library, err := filepath.Abs(root)
	if err != nil {
		t.Fatal(err)
	}
	b.run(t, "go", "mod", "edit", "-replace=github.com/shardmap-go/shardmap="+library)
	return b
}

func (b *bench) run(t *testing.T, name string, args ...string) (output string) {
	t.Helper()
	command := exec.Command(name, args...)
	command.Dir, command.Env = b.dir, b.env
	out, err := command.CombinedOutput()
	if err != nil {
		t.Fatalf("%s: %v\n%s", command, err, out)
	}
	return string(out)
}

// source returns the program's code.
func (b *bench) source(t *testing.T) string {
	t.Helper()
	var code strings.Builder
	files, err := filepath.Glob(filepath.Join(b.dir, "*.go"))
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		code.Write(text)
	}
	return code.String()
}

// recipe returns the commands of the page that are marked with name.
func recipe(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	block := regexp.MustCompile("(?s)<!-- recipe: " + name + " -->\n\n```sh\n(.*?)```\n").FindSubmatch(text)
	if block == nil {
		t.Fatalf("%s has no recipe %q", page, name)
	}
	return string(block[1])
}

func TestTheRecipeKeepsWhatAProgramDoes(t *testing.T) {
	b := newBench(t)
	want := b.run(t, "go", "run", ".")
	b.run(t, "sh", "-ec", recipe(t, "any"))
	if code := b.source(t); strings.Contains(code, "sync.Map") || !strings.Contains(code, "shardmap.Map[any, any]") {
		t.Errorf("the program was not rewritten:\n%s", code)
	}
	if got := b.run(t, "go", "run", "."); got != want {
		t.Errorf("the program prints\n%s\nwhere it printed\n%s", got, want)
	}
}
