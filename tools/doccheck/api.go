package main

import (
	"bytes"
	"errors"
	"fmt"
	"go/ast"
	"go/doc"
	"go/format"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

const apiFile = "docs/api.txt"

// checkAPI compares the exported declarations of the module with the file
// that records them.
func (t *tree) checkAPI() (findings []string, err error) {
	api, err := t.api()
	if err != nil {
		return nil, err
	}
	recorded, err := os.ReadFile(filepath.Join(t.root, filepath.FromSlash(apiFile)))
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return []string{apiFile + ": missing: 'make api' writes it"}, nil
	case err != nil:
		return nil, err
	}
	was, is := lineSet(string(recorded)), lineSet(api)
	for line := range strings.Lines(api) {
		if !was[line] {
			findings = append(findings, fmt.Sprintf("%s: lacks: %s", apiFile, strings.TrimSpace(line)))
		}
	}
	for line := range strings.Lines(string(recorded)) {
		if !is[line] {
			findings = append(findings, fmt.Sprintf("%s: no longer so: %s", apiFile, strings.TrimSpace(line)))
		}
	}
	if len(findings) == 0 && string(recorded) != api {
		findings = append(findings, apiFile+": the order of the lines differs")
	}
	if len(findings) > 0 {
		findings = append(findings, apiFile+": if the change of the API is meant, run 'make api' and commit the file")
	}
	return findings, nil
}

// writeAPI writes the file that checkAPI compares with.
func writeAPI(root string) error {
	t, err := readTree(root)
	if err != nil {
		return err
	}
	api, err := t.api()
	if err != nil {
		return err
	}
	name := filepath.Join(root, filepath.FromSlash(apiFile))
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		return err
	}
	return os.WriteFile(name, []byte(api), 0o644)
}

func lineSet(text string) map[string]bool {
	set := map[string]bool{}
	for line := range strings.Lines(text) {
		set[line] = true
	}
	return set
}

// api lists the exported declarations of every package that others can
// import, without comments and bodies. Each line of a struct or interface
// names its type, so that a line says everything alone.
func (t *tree) api() (string, error) {
	module, err := modulePath(filepath.Join(t.root, "go.mod"))
	if err != nil {
		return "", err
	}
	var out strings.Builder
	for _, p := range t.packages {
		if p.files[0].Name.Name == "main" || strings.Contains("/"+p.dir+"/", "/internal/") {
			continue
		}
		importPath := strings.TrimSuffix(module+"/"+p.dir, "/.")
		bare, err := p.withoutComments(t.root)
		if err != nil {
			return "", err
		}
		d, err := doc.NewFromFiles(bare.fset, bare.files, importPath)
		if err != nil {
			return "", err
		}
		fmt.Fprintf(&out, "package %s\n", importPath)
		for _, decl := range declarations(d) {
			text, err := declaration(bare.fset, decl)
			if err != nil {
				return "", err
			}
			out.WriteString(text)
		}
	}
	return out.String(), nil
}

func declarations(d *doc.Package) (decls []ast.Decl) {
	values := func(list []*doc.Value) {
		for _, v := range list {
			decls = append(decls, v.Decl)
		}
	}
	funcs := func(list []*doc.Func) {
		for _, f := range list {
			decls = append(decls, f.Decl)
		}
	}
	values(d.Consts)
	values(d.Vars)
	funcs(d.Funcs)
	for _, t := range d.Types {
		decls = append(decls, t.Decl)
		values(t.Consts)
		values(t.Vars)
		funcs(t.Funcs)
		funcs(t.Methods)
	}
	return decls
}

// declaration prints one declaration and, if it spans lines, begins the
// further ones with its first words.
func declaration(fset *token.FileSet, decl ast.Decl) (string, error) {
	var source bytes.Buffer
	if err := format.Node(&source, fset, decl); err != nil {
		return "", err
	}
	first, rest, _ := strings.Cut(source.String(), "\n")
	if rest == "" {
		return first + "\n", nil
	}
	head := strings.TrimSuffix(strings.TrimSuffix(first, " {"), " (")
	out := head + "\n"
	for line := range strings.Lines(rest) {
		line = strings.Join(strings.Fields(line), " ")
		if line != "" && line != "}" && line != ")" {
			out += head + ": " + line + "\n"
		}
	}
	return out, nil
}

func (p *pkg) withoutComments(root string) (*pkg, error) {
	bare := &pkg{dir: p.dir, fset: token.NewFileSet()}
	for _, file := range p.files {
		name := p.fset.Position(file.Package).Filename
		src, err := os.ReadFile(filepath.Join(root, name))
		if err != nil {
			return nil, err
		}
		parsed, err := parser.ParseFile(bare.fset, name, src, 0)
		if err != nil {
			return nil, err
		}
		bare.files = append(bare.files, parsed)
	}
	return bare, nil
}

func modulePath(goMod string) (string, error) {
	text, err := os.ReadFile(goMod)
	if err != nil {
		return "", err
	}
	for line := range strings.Lines(string(text)) {
		if path, ok := strings.CutPrefix(line, "module "); ok {
			return strings.TrimSpace(path), nil
		}
	}
	return "", fmt.Errorf("%s names no module", goMod)
}
