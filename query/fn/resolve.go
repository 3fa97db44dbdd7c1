package fn

import (
	"strings"

	"github.com/jurat-ledger/jurat/query/value"
)

// A candidate is a function with its argument types as one call would use them: variadic tail expanded.
type candidate struct {
	f       *Function
	args    []value.OID
	missing int
}

// ResolveFunction chooses the function or aggregate of this name for arguments of these types by the rules of Postgres'
// manual, chapter "Type Conversion". Literals without a type and parameters not yet typed are value.Unknown. variadic
// says that the last argument was marked VARIADIC. A type name with one argument is a cast, as in Postgres. Errors are
// 42883 and 42725, with hint.
func (r *Registry) ResolveFunction(name string, args []*value.Type, variadic bool) (*Call, error) {
	if !variadic {
		if f := exactly(r.funcs[name], args); f != nil {
			return r.bind(candidate{f: f, args: f.Args}, args, false)
		}
	}
	list := candidates(r.funcs[name], len(args), variadic)
	for _, c := range list {
		if exact(c.args, args) {
			return r.bind(c, args, variadic)
		}
	}
	if call := r.castCall(name, args); call != nil {
		return call, nil
	}
	best, n := r.choose(list, args)
	if n == 1 {
		return r.bind(best, args, variadic)
	}
	if n > 1 {
		return nil, &value.Error{
			Code: value.CodeAmbiguousFunction, Message: "function " + signature(name, args) + " is not unique",
			Hint: "Could not choose a best candidate function. You might need to add explicit type casts.",
		}
	}
	if len(r.funcs[name]) == 0 && isForeign(foreignFunctions(), name) {
		e := value.Errorf(value.CodeUnsupported, "function %s is not supported", name)
		if strings.Contains(name, "advisory") {
			e.Hint = "Filing needs no locks. Migrations and queues, which take them, belong into a database of yours."
		}
		return nil, e
	}
	return nil, &value.Error{
		Code: value.CodeUndefinedFunction, Message: "function " + signature(name, args) + " does not exist",
		Hint: "No function matches the given name and argument types. You might need to add explicit type casts.",
	}
}

func signature(name string, args []*value.Type) string {
	names := make([]string, len(args))
	for i, t := range args {
		names[i] = t.SQL
	}
	return name + "(" + strings.Join(names, ", ") + ")"
}

// ResolveOperator chooses the operator for operands of these types; left is nil for a prefix operator. LIKE is "~~",
// ILIKE "~~*", NOT LIKE "!~~", NOT ILIKE "!~~*". Errors are 42883 and 42725, with hint.
func (r *Registry) ResolveOperator(name string, left, right *value.Type) (*Call, error) {
	args := []*value.Type{left, right}
	if left == nil {
		args = args[1:]
	}
	if f := exactly(r.ops[name], assumed(args)); f != nil {
		return r.bind(candidate{f: f, args: f.Args}, args, false)
	}
	best, n := r.choose(candidates(r.ops[name], len(args), false), args)
	if n == 1 {
		return r.bind(best, args, false)
	}
	if name == "@?" || name == "@@" {
		return nil, value.Errorf(value.CodeUnsupported, "operator %s is not supported", name)
	}
	shown := name + " " + right.SQL
	if left != nil {
		shown = left.SQL + " " + shown
	}
	if n > 1 {
		return nil, &value.Error{
			Code: value.CodeAmbiguousFunction, Message: "operator is not unique: " + shown,
			Hint: "Could not choose a best candidate operator. You might need to add explicit type casts.",
		}
	}
	hint := "No operator matches the given name and argument types. You might need to add explicit type casts."
	if left == nil {
		hint = "No operator matches the given name and argument type. You might need to add an explicit type cast."
	}
	return nil, &value.Error{Code: value.CodeUndefinedFunction, Message: "operator does not exist: " + shown, Hint: hint}
}

// assumed returns the types of operands where a single unknown one is assumed to have the type of the other.
func assumed(args []*value.Type) []*value.Type {
	if len(args) == 2 {
		switch l, r := args[0], args[1]; {
		case l == value.Unknown && r != value.Unknown:
			return []*value.Type{r, r}
		case r == value.Unknown && l != value.Unknown:
			return []*value.Type{l, l}
		}
	}
	return args
}

// exactly returns the function that is declared for exactly these types, nil if there is none. No other is better than it.
func exactly(list []*Function, args []*value.Type) *Function {
	for _, f := range list {
		if !f.Variadic && len(f.Args) == len(args) && exact(f.Args, args) {
			return f
		}
	}
	return nil
}

func exact(declared []value.OID, args []*value.Type) bool {
	for i, t := range args {
		if declared[i] != t.OID {
			return false
		}
	}
	return true
}

// candidates returns the functions that take n arguments.
func candidates(list []*Function, n int, spread bool) []candidate {
	var out []candidate
	for _, f := range list {
		declared := len(f.Args)
		switch {
		case f.Variadic && !spread && n >= declared:
			c := candidate{f: f, args: append([]value.OID{}, f.Args[:declared-1]...)}
			elem := f.Args[declared-1]
			if t := value.ByOID(elem); t != nil && t.Elem != 0 {
				elem = t.Elem
			} else if elem == value.AnyArrayOID {
				elem = value.AnyElementOID
			}
			for len(c.args) < n {
				c.args = append(c.args, elem)
			}
			out = appendCandidate(out, c)
		case spread && !f.Variadic:
		case n <= declared && n >= declared-f.Defaults:
			out = appendCandidate(out, candidate{f: f, args: f.Args[:n], missing: declared - n})
		}
	}
	return out
}

// appendCandidate adds c unless there is one with the same arguments; a function written for them wins over a variadic
// one, and one without missing arguments over one with.
func appendCandidate(list []candidate, c candidate) []candidate {
	for i, o := range list {
		if !sameOIDs(o.args, c.args) {
			continue
		}
		if o.f.Variadic && !c.f.Variadic || o.missing > c.missing {
			list[i] = c
		}
		return list
	}
	return append(list, c)
}

// choose returns the best candidate for arguments of these types; n is how many are equally good.
func (r *Registry) choose(list []candidate, args []*value.Type) (best candidate, n int) {
	var fit []candidate
	for _, c := range list {
		if r.accepts(c.args, args) {
			fit = append(fit, c)
		}
	}
	if len(fit) > 1 {
		fit = r.narrow(fit, args)
	}
	if len(fit) == 0 {
		return candidate{}, 0
	}
	return fit[0], len(fit)
}

func (r *Registry) accepts(declared []value.OID, args []*value.Type) bool {
	for i, t := range args {
		if !r.implicit(t, declared[i]) {
			return false
		}
	}
	return r.consistent(declared, args)
}

// implicit reports whether a value of type t may stand where a function wants declared.
func (r *Registry) implicit(t *value.Type, declared value.OID) bool {
	if t.OID == declared || t == value.Unknown || declared == value.AnyOID || isPolymorphic(declared) {
		return true
	}
	to := value.ByOID(declared)
	if declared == value.RecordArrayOID {
		return false
	}
	_, ok := r.FindCast(t, to, Implicit)
	return ok
}

// narrow is Postgres' func_select_candidate, step by step.
func (r *Registry) narrow(list []candidate, args []*value.Type) []candidate {
	unknowns := 0
	for _, t := range args {
		if t == value.Unknown {
			unknowns++
		}
	}
	list = keepBest(list, func(c candidate) int {
		n := 0
		for i, t := range args {
			if t != value.Unknown && c.args[i] == t.OID {
				n++
			}
		}
		return n
	})
	if len(list) == 1 {
		return list
	}
	list = keepBest(list, func(c candidate) int {
		n := 0
		for i, t := range args {
			if t != value.Unknown && (c.args[i] == t.OID || preferredIn(t.Category, c.args[i])) {
				n++
			}
		}
		return n
	})
	if len(list) == 1 || unknowns == 0 {
		return list
	}
	list = narrowUnknown(list, args)
	if len(list) == 1 || unknowns == len(args) {
		return list
	}
	return r.assumeKnown(list, args)
}

func preferredIn(category byte, oid value.OID) bool {
	t := value.ByOID(oid)
	return t != nil && t.Preferred && t.Category == category
}

func keepBest(list []candidate, score func(candidate) int) []candidate {
	best := -1
	var kept []candidate
	for _, c := range list {
		switch n := score(c); {
		case n > best:
			best, kept = n, append(kept[:0:0], c)
		case n == best:
			kept = append(kept, c)
		}
	}
	return kept
}

// narrowUnknown gives each unknown argument a category: string if any candidate takes one, else the one all candidates
// agree on, and keeps the candidates that take it, those of the preferred type if there is one.
func narrowUnknown(list []candidate, args []*value.Type) []candidate {
	type slot struct {
		category  byte
		preferred bool
	}
	slots := make([]slot, len(args))
	for i, t := range args {
		if t != value.Unknown {
			continue
		}
		conflict := false
		for j, c := range list {
			cat, pref := categoryOf(c.args[i])
			switch {
			case j == 0:
				slots[i] = slot{cat, pref}
			case cat == slots[i].category:
				slots[i].preferred = slots[i].preferred || pref
			case cat == 'S':
				slots[i] = slot{cat, pref}
			case slots[i].category != 'S':
				conflict = true
			}
		}
		if conflict && slots[i].category != 'S' {
			return list
		}
	}
	var kept []candidate
	for _, c := range list {
		ok := true
		for i, t := range args {
			if t != value.Unknown {
				continue
			}
			cat, pref := categoryOf(c.args[i])
			ok = ok && cat == slots[i].category && (pref || !slots[i].preferred)
		}
		if ok {
			kept = append(kept, c)
		}
	}
	if len(kept) == 0 {
		return list
	}
	return kept
}

func categoryOf(oid value.OID) (byte, bool) {
	t := value.ByOID(oid)
	return t.Category, t.Preferred
}

// assumeKnown is the last resort: if all known arguments have one type, the unknown ones have it too.
func (r *Registry) assumeKnown(list []candidate, args []*value.Type) []candidate {
	var known *value.Type
	for _, t := range args {
		switch {
		case t == value.Unknown || t == known:
		case known == nil:
			known = t
		default:
			return list
		}
	}
	same := make([]*value.Type, len(args))
	for i := range same {
		same[i] = known
	}
	var kept []candidate
	for _, c := range list {
		if r.accepts(c.args, same) {
			kept = append(kept, c)
		}
	}
	if len(kept) == 1 {
		return kept
	}
	return list
}

// bind fixes the polymorphic types of a call.
func (r *Registry) bind(c candidate, args []*value.Type, spread bool) (*Call, error) {
	f := c.f
	if last := len(args) - 1; spread && f.Args[last] == value.AnyOID && !args[last].IsArray() {
		return nil, value.Errorf(value.CodeDatatypeMismatch, "VARIADIC argument must be an array")
	}
	types, ret, err := r.solve(c.args, f.Ret, args)
	if err != nil {
		return nil, err
	}
	call := &Call{Func: f, Args: types, Ret: ret, Missing: c.missing, Spread: spread, kernel: f.Kernel}
	if f.Bind != nil {
		call.kernel = f.Bind(types, ret)
	}
	return call, nil
}

// CommonType chooses the type of a CASE, COALESCE, GREATEST, ARRAY, VALUES, UNION … (construct, as the message spells
// it: "CASE", "COALESCE", "UNION") by the rules of Postgres' manual, "UNION, CASE, and Related Constructs". All unknown
// gives text. The first type wins among equals: of a CASE that is the one of ELSE. The error is 42804: "CASE types integer and text cannot be matched".
func (r *Registry) CommonType(construct string, types []*value.Type) (*value.Type, error) {
	var t *value.Type
	for _, u := range types {
		if u == value.Unknown || u == t {
			continue
		}
		if t == nil {
			t = u
			continue
		}
		if t.Category != u.Category {
			return nil, mismatch(construct, t, u)
		}
		if !t.Preferred && r.implicit(t, u.OID) && !r.implicit(u, t.OID) {
			t = u
		}
	}
	if t == nil {
		return value.Text, nil
	}
	if construct == "CASE" {
		construct = "CASE/WHEN" // Postgres' words differ
	}
	for _, u := range types {
		if !r.implicit(u, t.OID) {
			return nil, &value.Error{
				Code: value.CodeCannotCoerce, Message: construct + " could not convert type " + u.SQL + " to " + t.SQL,
			}
		}
	}
	return t, nil
}

func mismatch(construct string, a, b *value.Type) error {
	return value.Errorf(value.CodeDatatypeMismatch, "%s types %s and %s cannot be matched", construct, a.SQL, b.SQL)
}
