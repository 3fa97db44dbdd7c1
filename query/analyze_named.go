package query

import (
	"slices"
	"strings"

	"github.com/jurat-ledger/jurat/query/fn"
	"github.com/jurat-ledger/jurat/query/parse"
)

// withoutTargets returns the plan of a query of which only counts whether it has rows: without its select list, if rows come
// and go without it, and in any order.
func withoutTargets(n node) node {
	for {
		switch p := n.(type) {
		case *projectNode:
			if p.set {
				return n
			}
			n = p.in
		case *sortNode:
			n = p.in
		case *limitNode:
			if !isOneRow(p) {
				return n
			}
			n = p.in
		default:
			return n
		}
	}
}

// argNames returns the names that a call gives its arguments, "" where it gives none; nil if it gives none at all.
func argNames(list []parse.Expr) (names []string) {
	for i, arg := range list {
		if n, ok := arg.(*parse.NamedArg); ok {
			if names == nil {
				names = make([]string, len(list))
			}
			names[i] = n.Name
		}
	}
	return names
}

// inOrder puts the arguments of a call that names some of them in the order in which the function has them. Those left out
// have their defaults.
func (a *analyzer) inOrder(e *parse.Call, names []string, args []expr) ([]expr, error) {
	first := slices.IndexFunc(names, func(n string) bool { return n != "" })
	for i, name := range names[first:] {
		switch at := first + i; {
		case name == "":
			return nil, a.fail(errf(codeSyntax, "positional argument cannot follow named argument"), e.Args[at])
		case slices.Contains(names[:at], name):
			return nil, a.fail(errf(codeSyntax, "argument name %q used more than once", name), e.Args[at])
		}
	}
	for _, f := range a.fns.Functions(functionName(e.Name)) {
		if out, ok := placeArgs(f, names[first:], args); ok {
			return out, nil
		}
	}
	shown := make([]string, len(args))
	for i, x := range args {
		if shown[i] = x.typ().SQL; names[i] != "" {
			shown[i] = names[i] + " => " + shown[i]
		}
	}
	err := errf(codeUndefinedFunction, "function %s(%s) does not exist", e.Name.Name, strings.Join(shown, ", "))
	return nil, a.fail(err.hint("No function matches the given name and argument types. You might need to add explicit type casts."), e)
}

// placeArgs puts arguments, of which the last have names, where f has them; ok is false if it has no such arguments.
func placeArgs(f *fn.Function, names []string, args []expr) (out []expr, ok bool) {
	positional := len(args) - len(names)
	if positional > len(f.Names) {
		return nil, false
	}
	out = make([]expr, len(f.Names))
	copy(out, args[:positional])
	for i, name := range names {
		at := slices.Index(f.Names, name)
		if at < positional {
			return nil, false
		}
		out[at] = args[positional+i]
	}
	for i, x := range out {
		if x != nil {
			continue
		}
		def := i - (len(out) - f.Defaults)
		if def < 0 {
			return nil, false
		}
		out[i] = &constExpr{d: f.Default[def]}
	}
	return out, true
}
