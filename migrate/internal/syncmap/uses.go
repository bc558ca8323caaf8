package syncmap

import (
	"fmt"
	"go/ast"
	"go/types"
	"maps"
	"slices"

	"golang.org/x/tools/go/ast/inspector"
)

// A role is what an argument or a result of a method is.
type role int

const (
	none   role = iota
	key         // a key
	value       // a value that is there
	result      // a value that is nil if the key is absent, and would be zero in a map with types
)

// A signature says what the arguments and the first result of a method are.
type signature struct {
	args  []role
	first role
}

var signatures = map[string]signature{
	"Load":             {[]role{key}, result},
	"LoadAndDelete":    {[]role{key}, result},
	"LoadOrStore":      {[]role{key, value}, value},
	"Swap":             {[]role{key, value}, result},
	"Store":            {[]role{key, value}, none},
	"CompareAndSwap":   {[]role{key, value, value}, none},
	"CompareAndDelete": {[]role{key, value}, none},
	"Delete":           {[]role{key}, none},
	"Clear":            {},
	"Range":            {}, // see rangeFunc
}

// inferTypes finds the types of keys and values, and what has to be rewritten besides the declaration.
func (c *code) inferTypes(s *subject) error {
	if s.variable == nil || s.variable.Embedded() {
		return errNoVariable
	}
	if err := c.isHidden(s.variable); err != nil {
		return err
	}
	tracked := map[*types.Var]role{}
	var calls []inspector.Cursor
	for use := range c.uses(s.variable) {
		if slices.Contains(s.claimed, use.Node().(*ast.Ident)) {
			continue
		}
		call, ok := methodCall(use)
		if !ok {
			return fmt.Errorf("%s is more than the receiver of a call at %s", s.variable.Name(), c.at(use.Node()))
		}
		if err := c.track(s, call, tracked); err != nil {
			return err
		}
		calls = append(calls, call)
	}
	for _, call := range calls {
		if err := c.argumentTypes(s, call, tracked); err != nil {
			return err
		}
	}
	byPosition := func(a, b *types.Var) int { return int(a.Pos() - b.Pos()) }
	for _, v := range slices.SortedFunc(maps.Keys(tracked), byPosition) {
		if err := c.assertedTypes(s, v, tracked[v]); err != nil {
			return err
		}
	}
	switch {
	case s.key == nil:
		return fmt.Errorf("nothing tells the type of its keys")
	case s.value == nil:
		return fmt.Errorf("nothing tells the type of its values")
	case !types.Comparable(s.key):
		return fmt.Errorf("its keys are of type %s, which is not comparable", c.shortName(s.key))
	}
	return nil
}

// uses are the names in the package that stand for v, declarations apart.
func (c *code) uses(v *types.Var) func(yield func(inspector.Cursor) bool) {
	return func(yield func(inspector.Cursor) bool) {
		for at := range c.root.Preorder((*ast.Ident)(nil)) {
			used, ok := c.pass.TypesInfo.Uses[at.Node().(*ast.Ident)].(*types.Var)
			if ok && used.Origin() == v && !yield(at) {
				return
			}
		}
	}
}

// methodCall returns the call of a method of which use is the receiver.
func methodCall(use inspector.Cursor) (call inspector.Cursor, ok bool) {
	at := use
	if field, ok := at.Parent().Node().(*ast.SelectorExpr); ok && field.Sel == use.Node() {
		at = at.Parent()
	}
	method, ok := at.Parent().Node().(*ast.SelectorExpr)
	if !ok || method.X != at.Node() {
		return call, false
	}
	call = at.Parent().Parent()
	node, ok := call.Node().(*ast.CallExpr)
	_, known := signatures[method.Sel.Name]
	return call, ok && known && node.Fun == method
}

func method(call inspector.Cursor) string {
	return call.Node().(*ast.CallExpr).Fun.(*ast.SelectorExpr).Sel.Name
}

// track adds the variables that get the results of a call, or the arguments of its callback, to those to be followed.
func (c *code) track(s *subject, call inspector.Cursor, tracked map[*types.Var]role) error {
	if method(call) == "Range" {
		return c.rangeFunc(s, call, tracked)
	}
	first := signatures[method(call)].first
	if first == none {
		return nil
	}
	var names []ast.Expr
	switch parent := call.Parent().Node().(type) {
	case *ast.ExprStmt:
		return nil
	case *ast.AssignStmt:
		names = parent.Lhs
	case *ast.ValueSpec:
		if parent.Type == nil {
			names = []ast.Expr{parent.Names[0], nil}
		}
	}
	if len(names) == 2 {
		if name, ok := names[0].(*ast.Ident); ok && name.Name == "_" {
			return nil
		} else if ok {
			if v, ok := c.pass.TypesInfo.Defs[name].(*types.Var); ok {
				tracked[v] = first
				return nil
			}
		}
	}
	return fmt.Errorf("the result of %s at %s does not go into a new variable", method(call), c.at(call.Node()))
}

// rangeFunc gives the parameters of the function of Range their types.
func (c *code) rangeFunc(s *subject, call inspector.Cursor, tracked map[*types.Var]role) error {
	f, ok := call.Node().(*ast.CallExpr).Args[0].(*ast.FuncLit)
	if !ok {
		return fmt.Errorf("the function of Range at %s is not written there", c.at(call.Node()))
	}
	roles, names := []role{key, value}, []string{}
	for _, field := range f.Type.Params.List {
		for _, name := range field.Names {
			if v, ok := c.pass.TypesInfo.Defs[name].(*types.Var); ok && name.Name != "_" {
				tracked[v] = roles[len(names)]
			}
			names = append(names, name.Name)
		}
	}
	if len(names) == 0 {
		names = []string{"_", "_"}
	}
	s.rewrites = append(s.rewrites, rewrite{f.Type.Params.Opening + 1, f.Type.Params.Closing, func(k, v string) string {
		if k == v {
			return names[0] + ", " + names[1] + " " + k
		}
		return names[0] + " " + k + ", " + names[1] + " " + v
	}})
	return nil
}

// argumentTypes learns from the arguments of a call.
func (c *code) argumentTypes(s *subject, call inspector.Cursor, tracked map[*types.Var]role) error {
	node := call.Node().(*ast.CallExpr)
	for i, r := range signatures[method(call)].args {
		if len(node.Args) <= i {
			return fmt.Errorf("the arguments at %s are those that a function returns", c.at(node))
		}
		if name, ok := node.Args[i].(*ast.Ident); ok && c.isTracked(name, r, tracked) {
			continue
		}
		if err := c.learn(s, r, node.Args[i], c.pass.TypesInfo.TypeOf(node.Args[i])); err != nil {
			return err
		}
	}
	return nil
}

// isTracked reports whether name is a variable that is followed, and will be of the type that an argument of role r has.
func (c *code) isTracked(name *ast.Ident, r role, tracked map[*types.Var]role) bool {
	v, ok := c.pass.TypesInfo.Uses[name].(*types.Var)
	return ok && tracked[v] == r // not a result: it may be nil, which is another key or value than zero
}

// assertedTypes learns from the uses of a variable that is followed. Each must be an assertion, which is then left out; if the
// value is one that was stored, it may also be passed on to what takes interfaces, since it is the same in one as before.
func (c *code) assertedTypes(s *subject, v *types.Var, r role) error {
	for use := range c.uses(v) {
		switch parent := use.Parent().Node().(type) {
		case *ast.TypeAssertExpr:
			t := c.pass.TypesInfo.TypeOf(parent)
			if _, two := t.(*types.Tuple); two || parent.Type == nil {
				return fmt.Errorf("the type of %s is a question at %s", v.Name(), c.at(parent))
			}
			if err := c.learn(s, r, parent, t); err != nil {
				return err
			}
			s.rewrites = append(s.rewrites, rewrite{parent.Pos(), parent.End(), func(_, _ string) string { return v.Name() }})
			continue
		case *ast.CallExpr:
			if r != result && c.takesAny(parent) {
				continue
			}
		}
		return fmt.Errorf("%s is used at %s without an assertion of its type", v.Name(), c.at(use.Node()))
	}
	return nil
}

// takesAny reports whether the arguments of a call that are of type any now are interfaces there whatever their own types: not if
// the callee is a built-in function that does not ask for interfaces, or a generic one, which may infer its types from them.
func (c *code) takesAny(call *ast.CallExpr) bool {
	callee := nameOf(call.Fun)
	if callee == nil {
		return false
	}
	if _, generic := c.pass.TypesInfo.Instances[callee]; generic {
		return false
	}
	return !c.pass.TypesInfo.Types[call.Fun].IsBuiltin() || callee.Name == "append" || callee.Name == "panic"
}

// learn takes in that something of role r is of type t.
func (c *code) learn(s *subject, r role, where ast.Node, t types.Type) error {
	known, what := &s.value, "value"
	if r == key {
		known, what = &s.key, "key"
	}
	switch {
	case types.IsInterface(t) || types.Identical(t, types.Typ[types.UntypedNil]):
		return fmt.Errorf("a %s of type %s at %s may be anything", what, c.shortName(t), c.at(where))
	case *known == nil:
		*known = t
	case !types.Identical(*known, t):
		return fmt.Errorf("a %s is of type %s at %s, and of type %s elsewhere", what, c.shortName(t), c.at(where), c.shortName(*known))
	}
	return nil
}
