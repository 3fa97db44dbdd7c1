package fn

import (
	"cmp"
	"slices"

	"github.com/jurat-ledger/jurat/query/value"
)

// A Registry holds functions, operators and casts and chooses among them. It is safe for concurrent use: it is never
// changed once made.
type Registry struct {
	funcs map[string][]*Function
	ops   map[string][]*Function
	casts map[castKey]*castEntry
}

type castKey struct{ from, to value.OID }

// Builtins returns the registry of this package.
func Builtins() *Registry { return builtins() }

// With returns a registry that holds those of r and more functions. A function of the same name and arguments replaces.
func (r *Registry) With(more ...*Function) *Registry {
	w := &Registry{funcs: make(map[string][]*Function, len(r.funcs)+len(more)), ops: r.ops, casts: r.casts}
	for name, list := range r.funcs {
		w.funcs[name] = list[:len(list):len(list)]
	}
	for _, f := range more {
		w.funcs[f.Name] = addFunction(w.funcs[f.Name], f)
	}
	return w
}

func addFunction(list []*Function, f *Function) []*Function {
	out := make([]*Function, 0, len(list)+1)
	for _, g := range list {
		if !sameOIDs(g.Args, f.Args) {
			out = append(out, g)
		}
	}
	return append(out, f)
}

func sameOIDs(a, b []value.OID) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if a[i] != b[i] {
			return false
		}
	}
	return true
}

// Functions returns the functions and aggregates of a name.
func (r *Registry) Functions(name string) []*Function { return r.funcs[name] }

// AllFunctions returns every function and aggregate, in order of names.
func (r *Registry) AllFunctions() []*Function { return sorted(r.funcs) }

// AllOperators returns every operator, in order of names, for the catalog.
func (r *Registry) AllOperators() []*Function { return sorted(r.ops) }

// AllCasts returns every listed cast, in order of the OIDs of its types, for the catalog.
func (r *Registry) AllCasts() []*Cast {
	var all []*Cast
	for key := range r.casts {
		all = append(all, r.findCast(value.MustType(key.from), value.MustType(key.to)))
	}
	slices.SortFunc(all, func(a, b *Cast) int {
		return cmp.Or(cmp.Compare(a.From.OID, b.From.OID), cmp.Compare(a.To.OID, b.To.OID))
	})
	return all
}
