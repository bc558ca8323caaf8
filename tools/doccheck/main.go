// Command doccheck fails when the documentation does not match the code.
//
//	go run -C tools ./doccheck [-write] [folder]
//
// It checks the module in the folder (by default the one above) for
//
//   - exported names without a comment, in every package but the examples and internal ones;
//   - an API that differs from docs/api.txt: -write, which checks nothing,
//     brings the file up to date, so that review sees a change of the API;
//   - Go programs in Markdown files that do not build;
//   - links in Markdown files to files and headings that are not there.
//
// Each finding is one line; the exit code is 1 if there is any.
package main

import (
	"flag"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

func main() {
	write := flag.Bool("write", false, "write docs/api.txt and check nothing")
	flag.Parse()
	root := ".."
	if flag.NArg() > 0 {
		root = flag.Arg(0)
	}
	root, err := filepath.Abs(root)
	var findings []string
	switch {
	case err != nil:
	case *write:
		err = writeAPI(root)
	default:
		findings, err = check(root)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "doccheck:", err)
		os.Exit(1)
	}
	for _, finding := range findings {
		fmt.Println(finding)
	}
	if len(findings) > 0 {
		fmt.Fprintf(os.Stderr, "doccheck: %d findings\n", len(findings))
		os.Exit(1)
	}
}

// check returns what is wrong in the module at root, one line each.
func check(root string) (findings []string, err error) {
	t, err := readTree(root)
	if err != nil {
		return nil, err
	}
	for _, p := range t.packages {
		findings = append(findings, p.undocumented()...)
	}
	api, err := t.checkAPI()
	if err != nil {
		return nil, err
	}
	programs, err := t.checkPrograms()
	if err != nil {
		return nil, err
	}
	return slices.Concat(findings, api, programs, t.checkLinks()), nil
}

// A tree is what there is to check. All paths are relative to the root, with
// slashes.
type tree struct {
	root     string
	modules  []string // folders with a go.mod, the root's is "."
	packages []*pkg
	markdown map[string]*document
}

// A pkg is one package of the root module, without its tests.
type pkg struct {
	dir   string
	fset  *token.FileSet
	files []*ast.File
}

func readTree(root string) (*tree, error) {
	t := &tree{root: root, markdown: map[string]*document{}}
	packages := map[string]*pkg{}
	err := fs.WalkDir(os.DirFS(root), ".", func(name string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir() && isIgnored(name):
			return fs.SkipDir
		case entry.Name() == "go.mod":
			t.modules = append(t.modules, filepath.ToSlash(filepath.Dir(name)))
		case strings.HasSuffix(name, ".md"):
			text, err := os.ReadFile(filepath.Join(root, name))
			if err != nil {
				return err
			}
			t.markdown[name] = parseMarkdown(string(text))
		case strings.HasSuffix(name, ".go") && !strings.HasSuffix(name, "_test.go"):
			dir := filepath.ToSlash(filepath.Dir(name))
			if packages[dir] == nil {
				packages[dir] = &pkg{dir: dir, fset: token.NewFileSet()}
			}
			return packages[dir].parse(root, name)
		}
		return nil
	})
	for _, p := range packages {
		if t.moduleOf(p.dir) == "." && !strings.HasPrefix(p.dir+"/", "examples/") && !strings.HasPrefix(p.dir+"/", "internal/") {
			t.packages = append(t.packages, p)
		}
	}
	slices.SortFunc(t.packages, func(a, b *pkg) int { return strings.Compare(a.dir, b.dir) })
	return t, err
}

// isIgnored tells folders that hold nothing of ours.
func isIgnored(dir string) bool {
	base := filepath.Base(dir)
	return base == "testdata" || base == "vendor" || base == "node_modules" ||
		base != "." && base != ".github" && strings.HasPrefix(base, ".")
}

// parse adds a file, named below root, to the package.
func (p *pkg) parse(root, name string) error {
	src, err := os.ReadFile(filepath.Join(root, name))
	if err != nil {
		return err
	}
	file, err := parser.ParseFile(p.fset, name, src, parser.ParseComments|parser.SkipObjectResolution)
	if err != nil {
		return err
	}
	p.files = append(p.files, file)
	return nil
}

// moduleOf returns the folder of the module that dir belongs to.
func (t *tree) moduleOf(dir string) string {
	owner := "."
	for _, m := range t.modules {
		if strings.HasPrefix(dir+"/", m+"/") && len(m) > len(owner) {
			owner = m
		}
	}
	return owner
}
