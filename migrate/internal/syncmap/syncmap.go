// Package syncmap finds variables of type sync.Map and infers, from all that is done with them, the types of their keys and
// values.
package syncmap

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"go/types"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/tools/go/analysis"
	"golang.org/x/tools/go/ast/inspector"
)

// A map is rewritten as a whole or not at all. The steps are:
//
//   - owners.go finds each mention of sync.Map, and the variable or field that it makes one;
//   - uses.go goes through the uses of the variable. All must be calls of methods, and what they return must be used by
//     nothing but assertions of one and the same type: then nothing can be seen of the value but that type;
//   - edits.go writes down what has to change, imports included;
//   - verify.go applies that to a copy of the package's files, and checks their types.
//
// Whatever is out of the ordinary is a reason to leave the map alone, and reported.

const libraryPath = "github.com/shardmap-go/shardmap"

// Analyzer reports each sync.Map: with a fix, or with the reason why there is none.
var Analyzer = &analysis.Analyzer{
	Name: "migrate",
	Doc: `make each sync.Map a shardmap.Map with types

The types of keys and values are inferred from all uses of the map in its package. A map is left alone, and the reason
reported, if they are not of one type each, or if the map is visible to other packages or to encoders.

One thing changes: if k is absent, v.(T) after v, _ := m.Load(k) panicked. Rewritten, it is the zero value.`,
	Run: run,
}

// A code is a package, and what the steps share.
type code struct {
	pass  *analysis.Pass
	root  inspector.Cursor
	edits map[*ast.File]*fileEdits // of the maps accepted so far
}

// A subject is a variable or field of type sync.Map or *sync.Map, or a mention of that type that is of none.
type subject struct {
	variable *types.Var         // nil if there is none
	mentions []inspector.Cursor // of sync.Map, to be rewritten
	claimed  []*ast.Ident       // that stand for the variable where a mention makes it one

	key, value types.Type // as inferred so far
	rewrites   []rewrite
}

func run(pass *analysis.Pass) (any, error) {
	if isSeenWithTests(pass) {
		return nil, nil // it is analysed again together with its tests, which are uses, too
	}
	c := &code{pass: pass, root: inspector.New(pass.Files).Root(), edits: map[*ast.File]*fileEdits{}}
	var found []analysis.Diagnostic
	for _, s := range c.subjects() {
		diagnostic := analysis.Diagnostic{Pos: s.mentions[0].Node().Pos(), End: s.mentions[0].Node().End()}
		if err := c.accept(s); err != nil {
			diagnostic.Message = "sync.Map is left alone: " + err.Error()
			pass.Report(diagnostic)
			continue
		}
		diagnostic.Message = fmt.Sprintf("sync.Map can be shardmap.Map[%s, %s]", c.shortName(s.key), c.shortName(s.value))
		found = append(found, diagnostic)
	}
	for i, diagnostic := range found {
		if i == 0 { // one fix for all, since they share imports
			diagnostic.SuggestedFixes = []analysis.SuggestedFix{{Message: "give the maps of the package their types", TextEdits: c.allEdits()}}
		}
		pass.Report(diagnostic)
	}
	return nil, nil
}

// accept adds the edits for s to those accepted so far, or returns why it does not.
func (c *code) accept(s *subject) error {
	if err := c.inferTypes(s); err != nil {
		return err
	}
	edits, err := c.withEdits(s)
	if err != nil {
		return err
	}
	if err := c.verify(edits); err != nil {
		return err
	}
	c.edits = edits
	return nil
}

// isSeenWithTests reports whether the package is without its tests now, and has some.
func isSeenWithTests(pass *analysis.Pass) bool {
	if len(pass.Files) == 0 {
		return false
	}
	name := func(f *ast.File) string { return pass.Fset.File(f.FileStart).Name() }
	if slices.ContainsFunc(pass.Files, func(f *ast.File) bool { return strings.HasSuffix(name(f), "_test.go") }) {
		return false
	}
	tests, _ := filepath.Glob(filepath.Join(filepath.Dir(name(pass.Files[0])), "*_test.go"))
	return slices.ContainsFunc(tests, func(file string) bool {
		f, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.PackageClauseOnly)
		return err == nil && f.Name.Name == pass.Pkg.Name() && !slices.Contains(pass.IgnoredFiles, file)
	})
}

// isHidden returns an error if others than the files of the package may use v.
func (c *code) isHidden(v *types.Var) error {
	if v.Exported() && v.IsField() {
		return fmt.Errorf("%s is an exported field, so that other packages and encoders may use it", v.Name())
	}
	if v.Exported() && c.pass.Pkg.Name() != "main" {
		return fmt.Errorf("%s is exported, so that other packages may use it", v.Name())
	}
	for _, name := range c.pass.IgnoredFiles {
		text, err := os.ReadFile(name)
		if err != nil {
			return err
		}
		if strings.Contains(string(text), v.Name()) {
			return fmt.Errorf("%s may be used in %s, which is not built here", v.Name(), filepath.Base(name))
		}
	}
	return nil
}

// at tells where a node is, for reasons.
func (c *code) at(n ast.Node) string {
	p := c.pass.Fset.Position(n.Pos())
	return fmt.Sprintf("%s:%d", filepath.Base(p.Filename), p.Line)
}

func (c *code) shortName(t types.Type) string {
	return types.TypeString(t, func(p *types.Package) string {
		if p == c.pass.Pkg {
			return ""
		}
		return p.Name()
	})
}
