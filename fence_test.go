//go:build !js && !wasip1

// These tests read the source and ask the go command, which needs a machine
// that can run one.

package shardmap_test

import (
	"encoding/json"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// fenced are the packages whose use is easy to get wrong. Code of the library
// may import them only in the files below, each for the reason given there.
var fenced = []string{"unsafe", "sync/atomic", seamAtomic, "reflect"}

// seamAtomic is sync/atomic in a normal build.
const seamAtomic = "github.com/shardmap-go/shardmap/internal/sched/atomic"

var fence = []struct{ file, imports, reason string }{
	{"assert_off.go", "reflect", "names a kind of type"},
	{"assert_on.go", "sync/atomic", "a map's pointer to itself; only with the tag shardmap_assert"},
	{"assert_values.go", "unsafe reflect", "fingerprints of values, beside them in their boxes; only with the tag shardmap_assert"},
	{"atomic_map.go", "sync/atomic", "the pointer that publishes the current content"},
	{"bucket.go", "unsafe seam", "a line that readers search without a lock; a bucket nobody else sees yet is filled without atomics"},
	{"compare.go", "unsafe", "compares values bit by bit that == does not compare"},
	{"directory.go", "unsafe seam", "the shard pointers that readers follow without a lock; a new table is filled without atomics"},
	{"entry.go", "unsafe seam reflect", "one slot for all kinds of value, chosen by the value's type"},
	{"format.go", "reflect", "names the types of keys and values"},
	{"hash.go", "unsafe sync/atomic reflect", "reads keys as the words and strings that they are made of, as their type says"},
	{"index/map.go", "sync/atomic", "the pointer to the current state"},
	{"index/version.go", "sync/atomic", "the word that commits a write of several entries and buckets"},
	{"internal/sched/atomic/atomic.go", "sync/atomic", "the seam, in a normal build"},
	{"internal/sched/atomic/explore.go", "sync/atomic", "the seam, when schedules are explored"},
	{"internal/sched/sync/sync.go", "unsafe", "tells goroutines apart by the address of their stack"},
	{"invariants.go", "reflect", "what the types of keys and values demand"},
	{"lanes.go", "seam", "counts and locks of the writers"},
	{"options.go", "reflect", "names the key type in a panic"},
	{"rebuild.go", "unsafe", "Sizeof only"},
	{"rwmutex.go", "seam", "the lock of a shard: sync.RWMutex costs its writers twice as much"},
	{"shard.go", "unsafe seam", "a shard is followed by its buckets in one block of memory"},
	{"shardmap.go", "unsafe seam", "Load, written out: directory, bucket, entry and slot without a call in between"},
	{"stats.go", "unsafe", "Sizeof only"},
	{"ttl/capacity.go", "sync/atomic", "the counter of places"},
	{"ttl/entry.go", "sync/atomic", "the deadline, which loads move"},
	{"versioned_ptr.go", "seam", "the pointer to the box of pointer and version"},
	{"write.go", "unsafe", "writes into the slot of an entry"},
}

func TestFenceUnsafeAtomicAndReflectAreImportedOnlyWhereListed(t *testing.T) {
	allowed := map[string]string{}
	for _, f := range fence {
		require.NotEmpty(t, f.reason, "%s: a file inside the fence needs a reason", f.file)
		require.NotContains(t, allowed, f.file, "listed twice")
		allowed[f.file] = f.imports
	}
	for name, imports := range importsOfLibrary(t) {
		var found []string
		for _, pkg := range fenced {
			if slices.Contains(imports, pkg) {
				found = append(found, strings.ReplaceAll(pkg, seamAtomic, "seam"))
			}
		}
		require.Equal(t, allowed[name], strings.Join(found, " "), "%s: the fence in fence_test.go lists what it may import", name)
		delete(allowed, name)
	}
	require.Empty(t, allowed, "listed in fence_test.go, but not there")
}

func TestFenceNobodyReachesIntoTheRuntimeOrWritesAssembly(t *testing.T) {
	const linkname = "//go:" + "linkname" // split, so as not to find itself
	for _, name := range filesOfRepository(t) {
		switch path.Ext(name) {
		case ".s", ".S", ".c", ".h", ".syso":
			t.Errorf("%s: Go only", name)
		case ".go":
			src, err := os.ReadFile(name)
			require.NoError(t, err)
			if strings.Contains(string(src), linkname) {
				t.Errorf("%s: uses %s", name, linkname)
			}
		}
	}
}

func TestFenceUsersLinkNoTestCode(t *testing.T) {
	out, err := exec.CommandContext(t.Context(), "go", "list", "-deps", ".").Output()
	require.NoError(t, err)
	for dep := range strings.Lines(string(out)) {
		dep = strings.TrimSpace(dep)
		switch {
		case dep == "testing", strings.HasPrefix(dep, "testing/"), dep == "net/http", strings.HasPrefix(dep, "github.com/stretchr/"):
			t.Errorf("package shardmap imports %s, directly or not", dep)
		}
	}
}

func TestFenceTheModuleRequiresThreeOthers(t *testing.T) {
	out, err := exec.CommandContext(t.Context(), "go", "mod", "edit", "-json").Output()
	require.NoError(t, err)
	var mod struct {
		Require []struct {
			Path     string
			Indirect bool
		}
		Replace, Tool []any
	}
	require.NoError(t, json.Unmarshal(out, &mod))
	var direct []string
	for _, r := range mod.Require {
		if !r.Indirect {
			direct = append(direct, r.Path)
		}
	}
	require.ElementsMatch(t, []string{
		"github.com/cespare/xxhash/v2",
		"github.com/stretchr/testify", // tests only
		"golang.org/x/exp",            // constraints
	}, direct)
	require.Empty(t, mod.Replace, "a replace directive does not reach the users of the module")
	require.Empty(t, mod.Tool, "tools belong into tools/go.mod")
}

// importsOfLibrary maps the files of the root module, without tests and
// examples, to the packages that they import.
func importsOfLibrary(t *testing.T) map[string][]string {
	t.Helper()
	imports := map[string][]string{}
	for _, name := range filesOfRepository(t) {
		if path.Ext(name) != ".go" || strings.HasSuffix(name, "_test.go") || strings.HasPrefix(name, "examples/") || inNestedModule(name) {
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.ImportsOnly)
		require.NoError(t, err)
		imports[name] = []string{}
		for _, spec := range file.Imports {
			imported, err := strconv.Unquote(spec.Path.Value)
			require.NoError(t, err)
			imports[name] = append(imports[name], imported)
		}
	}
	require.Contains(t, imports, "shardmap.go", "the test must run in the folder of the package")
	return imports
}

// filesOfRepository lists all files but hidden ones and test data.
func filesOfRepository(t *testing.T) (names []string) {
	t.Helper()
	require.NoError(t, filepath.WalkDir(".", func(name string, entry fs.DirEntry, err error) error {
		hidden := name != "." && strings.HasPrefix(entry.Name(), ".")
		switch {
		case err != nil:
			return err
		case entry.IsDir() && (hidden || entry.Name() == "testdata" || entry.Name() == "node_modules"):
			return fs.SkipDir
		case !entry.IsDir():
			names = append(names, filepath.ToSlash(name))
		}
		return nil
	}))
	return names
}

func inNestedModule(name string) bool {
	for dir := path.Dir(name); dir != "."; dir = path.Dir(dir) {
		if _, err := os.Stat(filepath.Join(filepath.FromSlash(dir), "go.mod")); err == nil {
			return true
		}
	}
	return false
}
