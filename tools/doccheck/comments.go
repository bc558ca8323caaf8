package main

import (
	"fmt"
	"go/ast"
	"go/token"
	"regexp"
	"strings"
)

// undocumented finds the exported names of the package that no comment
// speaks about. Fields and the methods of an interface may be described in
// the comment of their type, constants in that of their group.
func (p *pkg) undocumented() (findings []string) {
	var described bool
	report := func(at token.Pos, format string, args ...any) {
		findings = append(findings, fmt.Sprintf("%s: %s", p.fset.Position(at), fmt.Sprintf(format, args...)))
	}
	for _, file := range p.files {
		described = described || file.Doc != nil
		for _, decl := range file.Decls {
			switch decl := decl.(type) {
			case *ast.FuncDecl:
				checkFunc(decl, report)
			case *ast.GenDecl:
				for _, spec := range decl.Specs {
					checkSpec(decl, spec, report)
				}
			}
		}
	}
	if !described {
		report(p.files[0].Package, "package %s has no comment", p.files[0].Name.Name)
	}
	return findings
}

type reporter func(at token.Pos, format string, args ...any)

func checkFunc(decl *ast.FuncDecl, report reporter) {
	if !decl.Name.IsExported() || decl.Recv != nil && !isExportedReceiver(decl.Recv.List[0].Type) {
		return
	}
	name := decl.Name.Name
	switch text := decl.Doc.Text(); {
	case text == "":
		report(decl.Pos(), "%s has no comment", name)
	case !beginsWith(text, name):
		report(decl.Pos(), "the comment of %s does not begin with its name", name)
	}
}

func checkSpec(decl *ast.GenDecl, spec ast.Spec, report reporter) {
	switch spec := spec.(type) {
	case *ast.TypeSpec:
		name := spec.Name.Name
		if !spec.Name.IsExported() {
			return
		}
		text := spec.Doc.Text()
		if text == "" {
			text = decl.Doc.Text()
		}
		switch {
		case text == "":
			report(spec.Pos(), "type %s has no comment", name)
		case !beginsWith(text, name):
			report(spec.Pos(), "the comment of type %s does not begin with its name", name)
		}
		checkMembers(spec, text, report)
	case *ast.ValueSpec:
		for _, name := range spec.Names {
			if name.IsExported() && decl.Doc == nil && spec.Doc == nil && spec.Comment == nil {
				report(name.Pos(), "%s %s has no comment", decl.Tok, name.Name)
			}
		}
	}
}

func checkMembers(spec *ast.TypeSpec, typeText string, report reporter) {
	var members *ast.FieldList
	switch t := spec.Type.(type) {
	case *ast.StructType:
		members = t.Fields
	case *ast.InterfaceType:
		members = t.Methods
	default:
		return
	}
	for _, member := range members.List {
		for _, name := range member.Names {
			if name.IsExported() && member.Doc == nil && member.Comment == nil && !mentions(typeText, name.Name) {
				report(name.Pos(), "%s.%s has no comment", spec.Name.Name, name.Name)
			}
		}
	}
}

func isExportedReceiver(t ast.Expr) bool {
	for {
		switch inner := t.(type) {
		case *ast.StarExpr:
			t = inner.X
		case *ast.IndexExpr:
			t = inner.X
		case *ast.IndexListExpr:
			t = inner.X
		case *ast.Ident:
			return inner.IsExported()
		default:
			return false
		}
	}
}

// beginsWith tells whether a comment begins with the name it is about, after
// an article if there is one.
func beginsWith(text, name string) bool {
	for _, article := range []string{"A ", "An ", "The "} {
		text = strings.TrimPrefix(text, article)
	}
	rest, ok := strings.CutPrefix(text, name)
	return ok && (rest == "" || strings.ContainsAny(rest[:1], " ,.:;'(\n"))
}

func mentions(text, word string) bool {
	return regexp.MustCompile(`\b` + word + `\b`).MatchString(text)
}
