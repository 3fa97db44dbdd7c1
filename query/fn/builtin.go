package fn

import (
	"slices"
	"strings"
	"sync"

	"github.com/jurat-ledger/jurat/query/value"
)

var builtins = sync.OnceValue(func() *Registry {
	r := &Registry{funcs: map[string][]*Function{}, ops: map[string][]*Function{}, casts: map[castKey]*castEntry{}}
	for _, group := range [][]*Function{
		stringFunctions(), byteaFunctions(), bitFunctions(), mathFunctions(), dateFunctions(), jsonFunctions(), arrayFunctions(),
		seriesFunctions(), sessionFunctions(), aggregates(), windowFunctions(),
	} {
		for _, f := range group {
			f.OID = functionOIDs[signatureKey(f)]
			f.Names = argumentNames[signatureKey(f)]
			r.funcs[f.Name] = append(r.funcs[f.Name], f)
		}
	}
	for _, group := range [][]*Function{
		comparisonOperators(), mathOperators(), stringOperators(), bitOperators(), dateOperators(), jsonOperators(), arrayOperators(),
	} {
		for _, f := range group {
			f.OID = operatorOIDs[signatureKey(f)]
			r.ops[f.Name] = append(r.ops[f.Name], f)
		}
	}
	r.addCasts()
	return r
})

// signatureKey is "lower(text)": the name and the declared types by which the tables of OIDs list a function.
func signatureKey(f *Function) string {
	names := make([]string, len(f.Args))
	for i, oid := range f.Args {
		names[i] = value.MustType(oid).Name
	}
	return f.Name + "(" + strings.Join(names, ",") + ")"
}

// declare makes a function of its signature, written like "substring(text,int4,int4) text": the names are those of
// pg_type. Words behind the result type change what is otherwise immutable and strict: stable, volatile, nullable
// (called for null arguments), and "variadic" for the last argument.
func declare(sig string) *Function {
	open := strings.IndexByte(sig, '(')
	end := open + strings.IndexByte(sig[open:], ')')
	f := &Function{Name: sig[:open], Strict: true, Volatility: Immutable}
	if list := sig[open+1 : end]; list != "" {
		for _, name := range strings.Split(list, ",") {
			f.Args = append(f.Args, typeOID(name))
		}
	}
	words := strings.Fields(sig[end+1:])
	f.Ret = typeOID(words[0])
	for _, w := range words[1:] {
		switch w {
		case "stable":
			f.Volatility = Stable
		case "volatile":
			f.Volatility = Volatile
		case "nullable":
			f.Strict = false
		case "variadic":
			f.Variadic = true
		default:
			panic("fn: " + sig + ": word " + w)
		}
	}
	return f
}

func typeOID(name string) value.OID {
	t := value.ByName(name)
	if t == nil {
		t, _ = value.ParseTypeName(name) // the row type of a table
	}
	if t == nil {
		panic("fn: no type " + name)
	}
	return t.OID
}

// def declares a function with one kernel for all types.
func def(sig string, k Kernel) *Function {
	f := declare(sig)
	f.Kernel = k
	return f
}

// bound declares a function whose kernel depends on the types of the call.
func bound(sig string, bind func(args []*value.Type, ret *value.Type) Kernel) *Function {
	f := declare(sig)
	f.Bind = bind
	return f
}

func sorted(m map[string][]*Function) []*Function {
	var all []*Function
	for _, list := range m {
		all = append(all, list...)
	}
	slices.SortFunc(all, func(a, b *Function) int { return strings.Compare(signatureKey(a), signatureKey(b)) })
	return all
}

// windowFunctions declares the functions that the engine computes itself, over a window.
func windowFunctions() []*Function {
	var out []*Function
	for _, sig := range []string{
		"row_number() int8 nullable", "rank() int8 nullable", "dense_rank() int8 nullable", "percent_rank() float8 nullable",
		"cume_dist() float8 nullable",
		"ntile(int4) int4", "lag(anyelement) anyelement", "lag(anyelement,int4) anyelement",
		"lag(anycompatible,int4,anycompatible) anycompatible", "lead(anyelement) anyelement",
		"lead(anyelement,int4) anyelement", "lead(anycompatible,int4,anycompatible) anycompatible",
		"first_value(anyelement) anyelement", "last_value(anyelement) anyelement",
		"nth_value(anyelement,int4) anyelement",
	} {
		f := declare(sig)
		f.Window = true
		out = append(out, f)
	}
	return out
}
