package syncmap

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"go/types"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/tools/go/analysis"
)

// verify checks the types of the package as it would be with the edits. The library is not among what the package imports, so
// that stub stands for it. Imports that are no longer needed are no error: who applies fixes removes them.
func (c *code) verify(edits map[*ast.File]*fileEdits) error {
	imports, err := c.imports(edits)
	if err != nil {
		return err
	}
	fset := token.NewFileSet()
	var files []*ast.File
	for _, old := range c.pass.Files {
		name := c.pass.Fset.File(old.FileStart).Name()
		source, err := c.pass.ReadFile(name)
		if err != nil {
			return err
		}
		if e := edits[old]; e != nil {
			source = c.apply(source, e.withImports(old))
		}
		file, err := parser.ParseFile(fset, name, source, parser.SkipObjectResolution)
		if err != nil {
			return fmt.Errorf("the rewritten file would be: %w", err)
		}
		files = append(files, file)
	}
	var first error
	config := types.Config{
		Importer: imports, Sizes: c.pass.TypesSizes, GoVersion: c.pass.Pkg.GoVersion(),
		Error: func(err error) {
			if first == nil && !strings.Contains(err.Error(), "imported and not used") {
				first = err
			}
		},
	}
	_, _ = config.Check(c.pass.Pkg.Path(), fset, files, nil) // its error is the first that Error was given
	if first != nil {
		return fmt.Errorf("rewritten, it does not compile: %s", shortPath(first))
	}
	return nil
}

// shortPath returns the message without the folders of the file that it begins with.
func shortPath(err error) string {
	text := err.Error()
	if i := strings.Index(text, ".go:"); i >= 0 {
		text = text[strings.LastIndexAny(text[:i], `/\`)+1:]
	}
	return text
}

// apply returns source with edits, which do not overlap.
func (c *code) apply(source []byte, edits []analysis.TextEdit) []byte {
	edits = slices.SortedFunc(slices.Values(edits), func(a, b analysis.TextEdit) int { return int(b.Pos - a.Pos) })
	out := slices.Clone(source)
	for _, e := range edits { // the last first
		file := c.pass.Fset.File(e.Pos)
		out = slices.Replace(out, file.Offset(e.Pos), file.Offset(e.End), e.NewText...)
	}
	return out
}

// importer finds packages by the paths that are written in import declarations.
type importer map[string]*types.Package

// Import returns the package.
func (i importer) Import(path string) (*types.Package, error) {
	if p := i[path]; p != nil {
		return p, nil
	}
	return nil, fmt.Errorf("no package %s", path)
}

// imports returns the packages that the files import now, and those that the edits add.
func (c *code) imports(edits map[*ast.File]*fileEdits) (importer, error) {
	library, err := checkStub()
	if err != nil {
		return nil, err
	}
	all := importer{libraryPath: library, "unsafe": types.Unsafe}
	for _, e := range edits {
		for path, p := range e.imports {
			if path != libraryPath {
				all[path] = p
			}
		}
	}
	for _, file := range c.pass.Files {
		for _, spec := range file.Imports {
			path, err := strconv.Unquote(spec.Path.Value)
			if err != nil || path == "C" {
				return nil, fmt.Errorf("the package uses cgo")
			}
			if name := c.pass.TypesInfo.PkgNameOf(spec); name != nil {
				all[path] = name.Imported()
			}
		}
	}
	return all, nil
}

func checkStub() (*types.Package, error) {
	fset := token.NewFileSet()
	file, err := parser.ParseFile(fset, "shardmap.go", stub, 0)
	if err != nil {
		return nil, err
	}
	return new(types.Config).Check(libraryPath, fset, []*ast.File{file}, nil)
}

// stub declares what sync.Map and shardmap.Map have in common.
const stub = `package shardmap

type Map[K comparable, V any] struct{ _ int }

func (*Map[K, V]) Load(key K) (value V, ok bool)                         { return }
func (*Map[K, V]) Store(key K, value V)                                  {}
func (*Map[K, V]) LoadOrStore(key K, value V) (actual V, loaded bool)    { return }
func (*Map[K, V]) LoadAndDelete(key K) (value V, loaded bool)            { return }
func (*Map[K, V]) Delete(key K)                                          {}
func (*Map[K, V]) Swap(key K, value V) (previous V, loaded bool)         { return }
func (*Map[K, V]) CompareAndSwap(key K, old, new V) (swapped bool)       { return }
func (*Map[K, V]) CompareAndDelete(key K, old V) (deleted bool)          { return }
func (*Map[K, V]) Range(f func(key K, value V) bool)                     {}
func (*Map[K, V]) Clear()                                                {}
`
