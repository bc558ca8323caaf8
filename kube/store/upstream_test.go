package store

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestClientGosOwnTestsOfItsCache runs all tests of k8s.io/client-go/tools/cache over the stores of this package: those of
// the stores themselves, and those of reflectors, controllers, informers and listers.
//
// It copies client-go's module to a temporary folder, makes the files of this package that implement the stores files of
// client-go's, and renames client-go's constructors so that ours take their place. Three of client-go's tests look into the
// fields of the store; they look through whiteBox instead, and demand the same. See testdata/upstream.
//
// Some of client-go's tests fail if they do not get a processor within 10 or 50 milliseconds. What has failed is run again, alone, and
// must pass then.
//
// It takes about a minute, and the time to compile client-go the first time.
func TestClientGosOwnTestsOfItsCache(t *testing.T) {
	if testing.Short() {
		t.Skip("-short: it takes about a minute")
	}
	if raceEnabled {
		t.Skip("-race: it starts a process without the race detector, as the run without -race has done")
	}
	copied := filepath.Join(t.TempDir(), "client-go")
	if err := os.CopyFS(copied, os.DirFS(moduleFolder(t, "k8s.io/client-go"))); err != nil {
		t.Fatal(err)
	}
	root, cache := moduleFolder(t, "github.com/shardmap-go/shardmap"), filepath.Join(copied, "tools", "cache")
	if err := os.CopyFS(filepath.Join(cache, "internal", "core"), os.DirFS("internal/core")); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"threadsafe.go", "indexer.go"} {
		write(t, filepath.Join(cache, "shardmap_"+name), ofPackageCache(t, read(t, name)))
	}
	for _, name := range []string{"glue.go", "glue_test.go"} {
		write(t, filepath.Join(cache, "shardmap_"+name), read(t, "testdata/upstream/"+name+".txt"))
	}
	edit(t, filepath.Join(cache, "thread_safe_store.go"), "func NewThreadSafeStore(", "func newStockThreadSafeStore(", 1)
	edit(t, filepath.Join(cache, "store.go"), "func NewIndexer(", "func newStockIndexer(", 1)
	edit(t, filepath.Join(cache, "thread_safe_store_test.go"), "(*threadSafeMap)", "(*threadSafe)", 8)
	edit(t, filepath.Join(cache, "thread_safe_store_test.go"), "store.index.indices[testIndexer]", "whiteBox(store, testIndexer)", 5)

	write(t, filepath.Join(copied, "go.sum"), read(t, filepath.Join(copied, "go.sum"))+read(t, filepath.Join(root, "go.sum")))
	const module = "github.com/shardmap-go/shardmap"
	run(t, copied, "mod", "edit", "-require="+module+"@v0.0.0", "-replace="+module+"="+root)
	out, which := "", "."
	for attempt := 1; ; attempt++ {
		said, err := try(copied, "test", "-mod=mod", "-count=1", "-v", "-run", which, "./tools/cache/")
		out += said
		if err == nil {
			break
		}
		failed, panicked := failedTests(said), strings.Contains(said, "\npanic: ")
		if attempt == 3 || failed == nil && !panicked {
			t.Fatalf("client-go's tests: %v\n%s", err, failures(said))
		}
		t.Logf("%v failed, and are run again:\n%s", failed, failures(said))
		if !panicked { // which would have left tests out
			which = "^(" + strings.Join(failed, "|") + ")$"
		}
	}
	for _, name := range []string{"TestTheStoresUnderTestAreTheReplacements", "TestThreadSafeStoreRV", "TestListAll"} {
		if !strings.Contains(out, "--- PASS: "+name+" ") {
			t.Errorf("%s was not run", name)
		}
	}
	t.Logf("%d tests of client-go passed", strings.Count(out, "\n--- PASS: "))
}

// ofPackageCache makes a file of this package one of client-go's package cache.
func ofPackageCache(t *testing.T, source string) string {
	for _, r := range [][2]string{
		{"package store\n", "package cache\n"},
		{"\t\"k8s.io/client-go/tools/cache\"\n", ""},
		{`"github.com/shardmap-go/shardmap/kube/store/internal/core"`, `"k8s.io/client-go/tools/cache/internal/core"`},
		{"cache.", ""},
	} {
		source = strings.ReplaceAll(source, r[0], r[1])
	}
	if strings.Contains(source, "shardmap-go/shardmap") {
		t.Fatalf("client-go cannot import:\n%s", source)
	}
	return source
}

// moduleFolder returns the folder of one of the modules that this one requires, with its sources downloaded.
func moduleFolder(t *testing.T, path string) string {
	t.Helper()
	var module struct{ Dir string }
	if err := json.Unmarshal([]byte(run(t, ".", "list", "-m", "-json", path)), &module); err != nil {
		t.Fatal(err)
	}
	return module.Dir
}

// run runs the go command in a folder and returns what it says.
func run(t *testing.T, dir string, args ...string) string {
	t.Helper()
	out, err := try(dir, args...)
	if err != nil {
		t.Fatalf("go %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return out
}

// try runs the go command in a folder and returns what it says, and whether it fails.
func try(dir string, args ...string) (out string, err error) {
	cmd := exec.Command("go", args...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "GOWORK=off")
	said, err := cmd.CombinedOutput()
	return string(said), err
}

// failedTests returns the names of the tests of which go test -v says that they failed.
func failedTests(out string) (names []string) {
	for line := range strings.Lines(out) {
		if rest, ok := strings.CutPrefix(line, "--- FAIL: "); ok {
			name, _, _ := strings.Cut(rest, " ")
			names = append(names, name)
		}
	}
	return names
}

// failures returns what go test -v says about the tests that failed, or everything if it is not that.
func failures(out string) string {
	_, after, ok := strings.Cut(out, "--- FAIL")
	if !ok {
		return out
	}
	return "--- FAIL" + after
}

func read(t *testing.T, name string) string {
	t.Helper()
	data, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

func write(t *testing.T, name, content string) {
	t.Helper()
	if err := os.WriteFile(name, []byte(content), 0o644); err != nil {
		t.Fatal(err)
	}
}

// edit replaces old in a file, where it must occur n times.
func edit(t *testing.T, name, old, new string, n int) {
	t.Helper()
	content := read(t, name)
	if got := strings.Count(content, old); got != n {
		t.Fatalf("%s: %q occurs %d times, not %d: client-go has changed", name, old, got, n)
	}
	write(t, name, strings.ReplaceAll(content, old, new))
}
