//go:build !js && !wasip1

package shardmap_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// The standard library's own tests, run against Map: those of sync.Map, and those of the HashTrieMap behind it, which
// are generic and come with bad hash functions. They are copied from GOROOT when the test runs, into a module of their
// own that is replaced to lead here, and patched: the types and constructors are exchanged, internal packages taken
// out. A patch that does not match fails the test, so that a new Go release cannot silently turn it into nothing.

// A patch replaces every match of a pattern.
type patch struct{ pattern, replacement string }

const importShardmap = "import (\n\t\"github.com/shardmap-go/shardmap\"\n"

func TestStandardLibraryTestsOfSyncMapPass(t *testing.T) {
	m := newStdModule(t, "syncmap")
	names := m.copyTests(t, "sync/map_test.go",
		patch{`import \(\n`, importShardmap},
		patch{`\tisync "internal/sync"\n`, ""},
		patch{`\t"internal/testenv"\n`, ""},
		patch{`\ttestenv\.SkipIfOptimizationOff\(t\)\n`, ""},
		patch{`isync\.HashTrieMap\[`, "shardmap.Map["},
		patch{`\bsync\.Map\b`, "shardmap.Map[any, any]"})
	m.copyTests(t, "sync/map_reference_test.go",
		patch{`import \(\n`, importShardmap},
		patch{`\tisync "internal/sync"\n`, ""},
		patch{`isync\.HashTrieMap\[`, "shardmap.Map["})
	require.GreaterOrEqual(t, len(names), 10, "tests in sync/map_test.go: %v", names)
	m.run(t, names)
}

func TestStandardLibraryTestsOfHashTrieMapPass(t *testing.T) {
	m := newStdModule(t, "hashtriemap")
	patches := []patch{
		{`import \(\n`, importShardmap},
		{`\tisync "internal/sync"\n`, ""},
		{`isync\.HashTrieMap\[`, "shardmap.Map["},
		{`isync\.NewBadHashTrieMap\[string, int\]\(\)`, "newBadHashMap(t)"},
		{`isync\.NewTruncHashTrieMap\[string, int\]\(\)`, "newTruncHashMap(t)"},
	}
	if raceDetector { // which allows 8,128 goroutines at a time
		patches = append(patches, patch{`const N = 100_000`, "const N = 8_000"}, patch{`const P = 5_000`, "const P = 400"})
	}
	names := m.copyTests(t, "internal/sync/hashtriemap_test.go", patches...)
	m.write(t, "hashers_test.go", `package sync_test

import (
	"hash/maphash"
	"sync/atomic"
	"testing"

	"github.com/shardmap-go/shardmap"
)

func newBadHashMap(t *testing.T) *shardmap.Map[string, int] {
	return newHashedMap(t, func(string) uint64 { return 0 })
}

func newTruncHashMap(t *testing.T) *shardmap.Map[string, int] {
	seed := maphash.MakeSeed()
	return newHashedMap(t, func(s string) uint64 { return maphash.String(seed, s) & 15 })
}

// newHashedMap returns a map with that hash function. The test fails at its end if the map has never called it.
func newHashedMap(t *testing.T, hash func(string) uint64) *shardmap.Map[string, int] {
	var calls atomic.Int64
	t.Cleanup(func() {
		if calls.Load() == 0 {
			t.Error("the map does not use the hasher it was given")
		}
	})
	return shardmap.New[string, int](shardmap.WithHasher(func(s string) uint64 { calls.Add(1); return hash(s) }))
}
`)
	require.GreaterOrEqual(t, len(names), 4, "tests in internal/sync/hashtriemap_test.go: %v", names)
	for _, hash := range []string{"", "BadHash", "TruncHash"} {
		for _, sub := range []string{"LoadEmpty", "LoadOrStore", "All", "Clear/Concurrent", "CompareAndDelete/Iterate",
			"CompareAndSwap/ConcurrentSharedKeys", "Swap/ConcurrentUnsharedKeysWithDelete", "LoadAndDelete/ConcurrentSharedKeys"} {
			names = append(names, "TestHashTrieMap"+hash+"/"+sub)
		}
	}
	m.run(t, names)
}

// stdModule is a module in a temporary directory that requires this one.
type stdModule struct{ dir string }

func newStdModule(t *testing.T, name string) stdModule {
	m := stdModule{filepath.Join(t.TempDir(), name)}
	require.NoError(t, os.Mkdir(m.dir, 0o777))
	here, err := os.Getwd() // go test runs a package's tests in its directory
	require.NoError(t, err)
	goMod, err := os.ReadFile("go.mod")
	require.NoError(t, err)
	goSum, err := os.ReadFile("go.sum")
	require.NoError(t, err)

	// Everything this module requires, in the same versions, so that nothing has to be resolved.
	module := regexp.MustCompile(`(?m)^module .*$`)
	require.Regexp(t, module, string(goMod))
	text := module.ReplaceAllString(string(goMod), "module "+name)
	m.write(t, "go.mod", fmt.Sprintf("%s\nrequire github.com/shardmap-go/shardmap v0.0.0\n\nreplace github.com/shardmap-go/shardmap => %q\n", text, here))
	m.write(t, "go.sum", string(goSum))
	return m
}

func (m stdModule) write(t *testing.T, file, text string) {
	t.Helper()
	require.NoError(t, os.WriteFile(filepath.Join(m.dir, file), []byte(text), 0o666))
}

// copyTests copies a file of the standard library's sources, patched, and returns the names of the tests in it.
func (m stdModule) copyTests(t *testing.T, file string, patches ...patch) []string {
	t.Helper()
	root, err := exec.Command("go", "env", "GOROOT").Output()
	require.NoError(t, err)
	source, err := os.ReadFile(filepath.Join(strings.TrimSpace(string(root)), "src", filepath.FromSlash(file)))
	require.NoError(t, err)
	text := strings.ReplaceAll(string(source), "\r\n", "\n")
	for _, p := range patches {
		re := regexp.MustCompile(p.pattern)
		require.Regexp(t, re, text, "patch of %s", file)
		text = re.ReplaceAllString(text, strings.ReplaceAll(p.replacement, "$", "$$"))
	}
	require.NotContains(t, text, "isync.", "patched %s", file)
	require.NotContains(t, text, "testenv.", "patched %s", file)
	m.write(t, filepath.Base(file), text)

	var names []string
	for _, match := range regexp.MustCompile(`(?m)^func (Test\w+)\(`).FindAllStringSubmatch(text, -1) {
		names = append(names, match[1])
	}
	return names
}

// run runs the module's tests and demands that all of those named have passed.
func (m stdModule) run(t *testing.T, names []string) {
	t.Helper()
	args := []string{"test", "-json", "-count=1", "-timeout=20m"}
	if raceDetector {
		args = append(args, "-race")
	}
	if testing.Short() {
		args = append(args, "-short")
	}
	ctx, cancel := context.WithTimeout(t.Context(), 25*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, "go", append(args, ".")...)
	cmd.Dir = m.dir
	// No workspace, and no network: what this module needs is in the module cache, or its tests would not have been built.
	cmd.Env = append(os.Environ(), "GOWORK=off", "GOPROXY=off", "GOFLAGS="+strings.TrimSpace(os.Getenv("GOFLAGS")+" -mod=mod"))
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	stdout, runErr := cmd.Output()

	passed, said := make(map[string]bool), new(strings.Builder)
	for decoder := json.NewDecoder(bytes.NewReader(stdout)); ; {
		var event struct{ Action, Test, Output string }
		if decoder.Decode(&event) != nil {
			break
		}
		said.WriteString(event.Output)
		if event.Action == "pass" {
			passed[event.Test] = true
		}
	}
	require.NoError(t, runErr, "%s\n%s", said, &stderr)
	for _, name := range names {
		require.True(t, passed[name], "%s has not passed\n%s", name, said)
	}
	t.Logf("%d tests and subtests passed", len(passed))
}
