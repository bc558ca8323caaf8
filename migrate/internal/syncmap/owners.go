package syncmap

import (
	"errors"
	"go/ast"
	"go/token"
	"go/types"

	"golang.org/x/tools/go/ast/inspector"
)

// subjects returns what is to be decided about, each mention of sync.Map being part of one, in the order of the mentions.
func (c *code) subjects() (all []*subject) {
	byVariable := map[*types.Var]*subject{}
	for mention := range c.root.Preorder((*ast.SelectorExpr)(nil)) {
		if !c.isSyncMap(mention.Node().(*ast.SelectorExpr)) {
			continue
		}
		name := c.owner(mention)
		v := c.variable(name)
		s := byVariable[v]
		if v == nil || s == nil {
			s = &subject{variable: v}
			byVariable[v] = s
			all = append(all, s)
		}
		s.mentions = append(s.mentions, mention)
		s.claimed = append(s.claimed, name)
	}
	return all
}

func (c *code) isSyncMap(e *ast.SelectorExpr) bool {
	name, ok := c.pass.TypesInfo.Uses[e.Sel].(*types.TypeName)
	return ok && name.Pkg() != nil && name.Pkg().Path() == "sync" && name.Name() == "Map"
}

// variable returns the variable or field that name stands for, that of the generic type if the field is that of an instance.
func (c *code) variable(name *ast.Ident) *types.Var {
	if name == nil {
		return nil
	}
	if v, ok := c.pass.TypesInfo.ObjectOf(name).(*types.Var); ok {
		return v.Origin()
	}
	return nil
}

// owner returns the name of the variable that the mention of sync.Map makes one, or nil if it makes something else. It is the
// name in a declaration with the type, or on the left of a new map.
func (c *code) owner(mention inspector.Cursor) *ast.Ident {
	at := mention
	if _, ok := at.Parent().Node().(*ast.StarExpr); ok {
		at = at.Parent()
	}
	switch parent := at.Parent().Node().(type) {
	case *ast.Field:
		if _, ok := at.Parent().Parent().Parent().Node().(*ast.StructType); ok && len(parent.Names) == 1 {
			return parent.Names[0]
		}
	case *ast.ValueSpec:
		if parent.Type == at.Node() && len(parent.Names) == 1 {
			return parent.Names[0]
		}
	case *ast.CompositeLit: // sync.Map{}, &sync.Map{}
		if parent.Type == at.Node() {
			return leftOf(withAddress(at.Parent()))
		}
	case *ast.CallExpr: // new(sync.Map)
		if f, ok := parent.Fun.(*ast.Ident); ok && c.pass.TypesInfo.Uses[f] == types.Universe.Lookup("new") {
			return leftOf(at.Parent())
		}
	}
	return nil
}

func withAddress(at inspector.Cursor) inspector.Cursor {
	if u, ok := at.Parent().Node().(*ast.UnaryExpr); ok && u.Op == token.AND {
		return at.Parent()
	}
	return at
}

// leftOf returns the name to which an expression is assigned.
func leftOf(at inspector.Cursor) *ast.Ident {
	_, i := at.ParentEdge()
	switch parent := at.Parent().Node().(type) {
	case *ast.ValueSpec:
		if len(parent.Values) == len(parent.Names) && i >= 0 {
			return parent.Names[i]
		}
	case *ast.AssignStmt:
		if len(parent.Lhs) == len(parent.Rhs) && i >= 0 && parent.Rhs[i] == at.Node() {
			return nameOf(parent.Lhs[i])
		}
	case *ast.KeyValueExpr:
		if parent.Value == at.Node() {
			return nameOf(parent.Key)
		}
	}
	return nil
}

// nameOf returns the last name of a variable or field.
func nameOf(e ast.Expr) *ast.Ident {
	switch e := e.(type) {
	case *ast.Ident:
		return e
	case *ast.SelectorExpr:
		return e.Sel
	}
	return nil
}

var errNoVariable = errors.New("only the maps of variables and fields that have a name and a type of their own are rewritten")
