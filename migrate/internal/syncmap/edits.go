package syncmap

import (
	"errors"
	"fmt"
	"go/ast"
	"go/token"
	"go/types"
	"maps"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/tools/go/analysis"
)

// A rewrite replaces the source from pos to end by text, which is given the types of keys and values as the file writes them.
type rewrite struct {
	pos, end token.Pos
	text     func(key, value string) string
}

// fileEdits is what changes in a file.
type fileEdits struct {
	edits   []analysis.TextEdit
	imports map[string]*types.Package // by path, to be added
}

// withEdits returns the edits accepted so far and those for s.
func (c *code) withEdits(s *subject) (map[*ast.File]*fileEdits, error) {
	all := map[*ast.File]*fileEdits{}
	for file, e := range c.edits {
		all[file] = &fileEdits{slices.Clone(e.edits), maps.Clone(e.imports)}
	}
	library := types.NewPackage(libraryPath, "shardmap")
	for _, r := range s.allRewrites() {
		file := c.fileOf(r.pos)
		if ast.IsGenerated(file) {
			return nil, fmt.Errorf("it is used in %s, which is generated", c.at(file))
		}
		e := all[file]
		if e == nil {
			e = &fileEdits{imports: map[string]*types.Package{}}
			all[file] = e
		}
		var unnamed error
		qualify := func(p *types.Package) string {
			name, err := c.nameIn(file, e, p)
			unnamed = errors.Join(unnamed, err)
			return name
		}
		text := r.text(types.TypeString(s.key, qualify), types.TypeString(s.value, qualify))
		if strings.HasPrefix(text, mapOf) {
			text = qualify(library) + text
		}
		if unnamed != nil {
			return nil, unnamed
		}
		e.edits = append(e.edits, analysis.TextEdit{Pos: r.pos, End: r.end, NewText: []byte(text)})
	}
	return all, nil
}

const mapOf = ".Map["

// allRewrites returns those of the declarations, too.
func (s *subject) allRewrites() []rewrite {
	all := slices.Clone(s.rewrites)
	for _, mention := range s.mentions {
		all = append(all, rewrite{mention.Node().Pos(), mention.Node().End(), func(k, v string) string {
			return mapOf + k + ", " + v + "]"
		}})
	}
	return all
}

func (c *code) fileOf(pos token.Pos) *ast.File {
	i := slices.IndexFunc(c.pass.Files, func(f *ast.File) bool { return f.FileStart <= pos && pos < f.FileEnd })
	return c.pass.Files[i]
}

// nameIn returns the name that package p has in the file, and notes that it is to be imported if it is not.
func (c *code) nameIn(file *ast.File, e *fileEdits, p *types.Package) (string, error) {
	if p == c.pass.Pkg {
		return "", nil
	}
	for _, spec := range file.Imports {
		name := c.pass.TypesInfo.PkgNameOf(spec)
		if name == nil || name.Imported().Path() != p.Path() {
			continue
		}
		if name.Name() == "." || name.Name() == "_" {
			return "", fmt.Errorf("package %s is imported as %s in %s", p.Path(), name.Name(), filepath.Base(c.at(file)))
		}
		return name.Name(), nil
	}
	if !c.mayImport(p.Path()) {
		return "", fmt.Errorf("types of package %s cannot be named here", p.Path())
	}
	e.imports[p.Path()] = p
	return p.Name(), nil
}

// mayImport reports whether path is not that of an internal package, or of one for what is below its parent, as this package is.
func (c *code) mayImport(path string) bool {
	elements := strings.Split(path, "/")
	last := len(elements) - 1
	for last >= 0 && elements[last] != "internal" { // the last one is the strictest
		last--
	}
	return last < 0 || strings.HasPrefix(c.pass.Pkg.Path()+"/", strings.Join(elements[:last], "/")+"/")
}

// allEdits returns the edits accepted, with those of the imports.
func (c *code) allEdits() (all []analysis.TextEdit) {
	for _, file := range c.pass.Files {
		if e := c.edits[file]; e != nil {
			all = append(all, e.withImports(file)...)
		}
	}
	return all
}

// withImports returns the edits, and those that add the imports.
func (e *fileEdits) withImports(file *ast.File) []analysis.TextEdit {
	return append(slices.Clone(e.edits), importEdits(file, slices.Sorted(maps.Keys(e.imports)))...)
}

// importEdits adds paths to the imports of a file: those of the standard library to the first of a group of imports, others to
// the last, as goimports would. gofmt sorts them.
func importEdits(file *ast.File, paths []string) (edits []analysis.TextEdit) {
	insert := func(pos token.Pos, text string) {
		edits = append(edits, analysis.TextEdit{Pos: pos, End: pos, NewText: []byte(text)})
	}
	standard, others := "", ""
	for _, path := range paths {
		if isStandard(path) {
			standard += "\n" + strconv.Quote(path)
		} else {
			others += "\n" + strconv.Quote(path)
		}
	}
	group := lastImports(file)
	switch {
	case len(paths) == 0:
	case group == nil || !group.Lparen.IsValid():
		after := file.Name.End() // if the file uses such a map and names no package
		if group != nil {
			after = group.End()
		}
		if len(paths) == 1 {
			insert(after, "\n\nimport "+strconv.Quote(paths[0]))
		} else {
			insert(after, "\n\nimport ("+standard+"\n"+others+"\n)")
		}
	default:
		if first := group.Specs[0]; standard != "" && isStandard(pathOf(first)) {
			insert(group.Lparen+1, standard)
		} else if standard != "" {
			insert(group.Lparen+1, standard+"\n")
		}
		if last := group.Specs[len(group.Specs)-1].(*ast.ImportSpec); others != "" && isStandard(pathOf(last)) {
			insert(endOf(last), "\n"+others)
		} else if others != "" {
			insert(endOf(last), others)
		}
	}
	return edits
}

// lastImports returns the last import declaration that has specs, or nil.
func lastImports(file *ast.File) (last *ast.GenDecl) {
	for _, decl := range file.Decls {
		if d, ok := decl.(*ast.GenDecl); ok && d.Tok == token.IMPORT && len(d.Specs) > 0 {
			last = d
		}
	}
	return last
}

func pathOf(spec ast.Spec) string {
	path, _ := strconv.Unquote(spec.(*ast.ImportSpec).Path.Value) // the parser has seen that it is quoted
	return path
}

// endOf returns where a spec ends, with the comment behind it.
func endOf(spec *ast.ImportSpec) token.Pos {
	if spec.Comment != nil {
		return spec.Comment.End()
	}
	return spec.End()
}

// isStandard reports whether path is that of a package of the standard library, as far as one can see.
func isStandard(path string) bool {
	first, _, _ := strings.Cut(path, "/")
	return !strings.Contains(first, ".")
}
