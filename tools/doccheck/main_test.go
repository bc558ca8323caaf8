package main

import (
	"maps"
	"os"
	"path/filepath"
	"testing"
)

// sound is a small module in which there is nothing to find.
var sound = map[string]string{
	"go.mod": "module example.com/m\n\ngo 1.26\n",
	"m.go": `// Package m is sound.
package m

// Limit is a constant.
const Limit = 3

// These need no comment each.
const (
	First = iota
	Second
)

// A Point has an X.
type Point struct {
	X int
	// Y has its own comment.
	Y int
	z int
}

// Norm is commented.
func (p *Point) Norm() int { return p.X + p.Y + p.z }

func (p *Point) hidden() {}

type private struct{ Field int }

func (private) Method() {}
`,
	"internal/i/i.go":    "package i\n\nfunc Exported() {}\n",
	"examples/e/main.go": "package main\n\nfunc Exported() {}\n\nfunc main() {}\n",
	"nested/go.mod":      "module example.com/m/nested\n\ngo 1.26\n",
	"nested/n.go":        "package nested\n\nfunc Bare() {}\n",
	"docs/api.txt": `package example.com/m
const
const: First = iota
const: Second
const Limit = 3
type Point struct
type Point struct: X int
type Point struct: Y int
type Point struct: // contains filtered or unexported fields
func (p *Point) Norm() int
`,
	"README.md": "# The title, `m`\n\n[code](m.go), [below](#more--less), [up](nested/N.md#twice-1), [web](https://example.com/x)\n" +
		"`[not](a link)`\n\n## More & less\n\n```go\npackage main\n\nimport \"example.com/m\"\n\nfunc main() { println(m.Limit) }\n```\n\n" +
		"```go\nanything := that is not a program [x](y)\n```\n",
	"nested/N.md": "# Twice\n# Twice\n[root](../README.md#the-title-m)\n\n[named]: ../m.go \"title\"\n\n" +
		"```go\npackage p\n\nimport \"example.com/m/nested\"\n\nfunc f() { nested.Bare() }\n```\n",
}

func findingsIn(t *testing.T, changed map[string]string, write bool) []string {
	t.Helper()
	root := t.TempDir()
	files := maps.Clone(sound)
	maps.Copy(files, changed)
	for name, text := range files {
		path := filepath.Join(root, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if text == "" {
			continue
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if write {
		if err := writeAPI(root); err != nil {
			t.Fatal(err)
		}
	}
	findings, err := check(root)
	if err != nil {
		t.Fatal(err)
	}
	return findings
}

func expect(t *testing.T, got []string, want ...string) {
	t.Helper()
	for i := range max(len(got), len(want)) {
		switch {
		case i >= len(got):
			t.Errorf("not found: %s", want[i])
		case i >= len(want):
			t.Errorf("found too much: %s", got[i])
		case got[i] != want[i]:
			t.Errorf("found: %s\nwant:  %s", got[i], want[i])
		}
	}
}

func TestASoundModuleHasNoFindings(t *testing.T) {
	expect(t, findingsIn(t, nil, false))
}

func TestNamesWithoutACommentAreFound(t *testing.T) {
	changed := map[string]string{"other/other.go": `package other

const Bare = 1

type Thing struct{ Field int }

// does something
func (t Thing) Do() {}

// Generic is commented, its method is not.
type Generic[K, V any] struct{}

func (g *Generic[K, V]) Method() {}

func Free() {}

// An Asker asks.
type Asker interface{ Ask() }
`}
	expect(t, findingsIn(t, changed, true),
		"other/other.go:3:7: const Bare has no comment",
		"other/other.go:5:6: type Thing has no comment",
		"other/other.go:5:20: Thing.Field has no comment",
		"other/other.go:8:1: the comment of Do does not begin with its name",
		"other/other.go:13:1: Method has no comment",
		"other/other.go:15:1: Free has no comment",
		"other/other.go:18:23: Asker.Ask has no comment",
		"other/other.go:1:1: package other has no comment",
	)
}

func TestAChangeOfTheAPIIsFoundUntilItIsRecorded(t *testing.T) {
	changed := map[string]string{"more.go": "package m\n\n// More is new.\nfunc More() {}\n"}
	const hint = "docs/api.txt: if the change of the API is meant, run 'make api' and commit the file"
	expect(t, findingsIn(t, changed, false), "docs/api.txt: lacks: func More()", hint)
	expect(t, findingsIn(t, changed, true))

	changed = map[string]string{"docs/api.txt": sound["docs/api.txt"] + "func Less()\n"}
	expect(t, findingsIn(t, changed, false), "docs/api.txt: no longer so: func Less()", hint)
	expect(t, findingsIn(t, map[string]string{"docs/api.txt": ""}, false), "docs/api.txt: missing: 'make api' writes it")
}

func TestProgramsInTheDocumentationThatDoNotBuildAreFound(t *testing.T) {
	changed := map[string]string{"GUIDE.md": "text\n\n```go\npackage main\n\nfunc main() {\n\tundefined()\n}\n```\n"}
	expect(t, findingsIn(t, changed, false), "GUIDE.md:4: program does not build: GUIDE.md:7: undefined: undefined")
}

func TestLinksToNothingAreFound(t *testing.T) {
	changed := map[string]string{"GUIDE.md": "[a](gone.md) [b](README.md#gone) [c](#gone)\n\n[d]: nested/gone\n"}
	expect(t, findingsIn(t, changed, false),
		"GUIDE.md:1: link to gone.md: no such file",
		"GUIDE.md:1: link to README.md#gone: no such heading",
		"GUIDE.md:1: link to #gone: no such heading",
		"GUIDE.md:3: link to nested/gone: no such file",
	)
}
