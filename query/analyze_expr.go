package query

import (
	"slices"
	"strconv"
	"strings"

	"github.com/jurat-ledger/jurat/query/fn"
	"github.com/jurat-ledger/jurat/query/parse"
	"github.com/jurat-ledger/jurat/query/value"
)

// expr analyzes an expression. What it returns may still be of type unknown: a literal or parameter whose use decides.
func (a *analyzer) expr(s *scope, e parse.Expr) (expr, error) {
	switch e := e.(type) {
	case *parse.Literal:
		return a.literal(e)
	case *parse.Param:
		return a.param(e)
	case *parse.ColumnRef:
		return a.columnRef(s, e)
	case *parse.Unary:
		return a.operator(s, e, e.Op, nil, e.X)
	case *parse.Binary:
		return a.operator(s, e, e.Op, e.L, e.R)
	case *parse.Logic:
		return a.logic(s, e)
	case *parse.Call:
		return a.call(s, e)
	case *parse.ValueFunc:
		return a.valueFunc(e)
	case *parse.Cast:
		return a.cast(s, e)
	case *parse.Case:
		return a.caseOf(s, e)
	case *parse.Subquery:
		return a.subquery(s, e, "subquery must return only one column")
	case *parse.In:
		return a.in(s, e)
	case *parse.Quantified:
		return a.quantified(s, e)
	case *parse.Array:
		return a.array(s, e)
	case *parse.Row:
		return a.row(s, e)
	case *parse.Subscript:
		return a.subscript(s, e)
	case *parse.Between:
		return a.between(s, e)
	case *parse.Like:
		return a.like(s, e)
	case *parse.Is:
		return a.is(s, e)
	case *parse.Distinct:
		return a.distinct(s, e)
	case *parse.Collate:
		return a.collate(s, e)
	case *parse.Star:
		return a.starRow(s, e)
	case *parse.Default:
		return nil, a.fail(errf(codeSyntax, "DEFAULT is not allowed in this context"), e)
	case *parse.GroupingSet:
		return nil, a.unsupported(e, "GROUPING SETS, ROLLUP and CUBE are")
	case *parse.Field:
		return a.field(s, e)
	}
	return nil, a.unsupported(e, "this expression is")
}

// columnRef analyzes a name: a column, or a table, which stands for its row.
func (a *analyzer) columnRef(s *scope, e *parse.ColumnRef) (expr, error) {
	c, err := a.lookup(s, e)
	if err == nil {
		return c.x, nil
	}
	if code := asError(err).Code; code != codeUndefinedColumn && code != codeUndefinedTable || len(e.Parts) > 2 {
		return nil, err
	}
	schema, table := "", e.Parts[len(e.Parts)-1]
	if len(e.Parts) == 2 {
		schema = e.Parts[0]
	}
	if r, _ := a.wholeRow(s, schema, table); r != nil {
		return r, nil
	}
	return nil, err
}

func (a *analyzer) literal(e *parse.Literal) (expr, error) {
	d := value.Datum{Type: value.Unknown}
	switch e.Kind {
	case parse.Null:
		d.Null = true
	case parse.Bool:
		d = value.NewBool(e.Text == "true")
	case parse.String:
		d.B = []byte(e.Text)
		a.bytes += int64(len(e.Text))
	case parse.Integer:
		if i, err := strconv.ParseInt(e.Text, 10, 64); err == nil {
			d = value.NewInt(value.Int8, i)
			if i == int64(int32(i)) {
				d.Type = value.Int4
			}
			break
		}
		return a.constant(e, value.NumericT, e.Text)
	case parse.Float:
		return a.constant(e, value.NumericT, e.Text)
	case parse.Bit:
		return a.constant(e, value.Bit, "b"+e.Text)
	case parse.Hex:
		return a.constant(e, value.Bit, "x"+e.Text)
	}
	return &constExpr{d: d, pos: e.Pos()}, nil
}

// constant makes a literal a value of type t.
func (a *analyzer) constant(e *parse.Literal, t *value.Type, text string) (expr, error) {
	d, err := value.ParseText(a.session.valueSettings(), t, -1, []byte(text))
	return &constExpr{d: d, pos: e.Pos()}, a.fail(err, e)
}

func (a *analyzer) param(e *parse.Param) (expr, error) {
	if e.Number > len(a.params) {
		return nil, a.fail(errf(codeUndefinedParameter, "there is no parameter $%d", e.Number), e)
	}
	return &paramExpr{n: e.Number - 1, types: &a.params}, nil
}

func (a *analyzer) logic(s *scope, e *parse.Logic) (expr, error) {
	op := [...]logicOp{parse.And: opAnd, parse.Or: opOr, parse.Not: opNot}[e.Op]
	l := &logicExpr{op: op}
	for _, arg := range e.Args {
		x, err := a.expr(s, arg)
		if err != nil {
			return nil, err
		}
		if x, err = a.boolean(x, arg, [...]string{"AND", "OR", "NOT"}[op]); err != nil {
			return nil, err
		}
		l.args = append(l.args, x)
	}
	return l, nil
}

// operator analyzes l op r, or op r if l is nil.
func (a *analyzer) operator(s *scope, at parse.Node, op parse.Operator, l, r parse.Expr) (expr, error) {
	if op.Schema != "" && op.Schema != "pg_catalog" {
		return nil, a.fail(errf(codeUndefinedFunction, "operator does not exist: %s.%s", op.Schema, op.Name), at)
	}
	if lr, ok := l.(*parse.Row); ok {
		switch r := r.(type) {
		case *parse.Row:
			return a.rowComparison(s, at, op, lr, r)
		case *parse.Subquery:
			if r.Kind == parse.ScalarSubquery {
				return a.rowWithQuery(s, at, op.Name, lr, r)
			}
		}
	}
	y, err := a.expr(s, r)
	if err != nil {
		return nil, err
	}
	if l == nil {
		return a.apply(at, op.Name, nil, y)
	}
	x, err := a.expr(s, l)
	if err != nil {
		return nil, err
	}
	return a.apply(at, op.Name, x, y)
}

// apply chooses an operator by its operands; x is nil for a prefix operator.
func (a *analyzer) apply(at parse.Node, op string, x, y expr) (expr, error) {
	var left *value.Type
	args := []expr{y}
	if x != nil {
		left, args = x.typ(), []expr{x, y}
	}
	call, err := a.fns.ResolveOperator(op, left, y.typ())
	if err != nil {
		return nil, a.fail(err, at)
	}
	return a.bind(at, call, args, true)
}

// bind coerces the arguments of a call to what it wants.
func (a *analyzer) bind(at parse.Node, call *fn.Call, args []expr, operator bool) (*callExpr, error) {
	for i, x := range args {
		if c, ok := x.(*constExpr); ok && c.d.Type == value.Unknown && call.Func.Name == "pg_typeof" {
			continue
		}
		y, err := a.coerce(x, call.Args[i], fn.Implicit)
		if err != nil {
			return nil, a.fail(err, at)
		}
		args[i] = y
	}
	for _, d := range call.Func.Default[len(call.Func.Default)-call.Missing:] {
		args = append(args, &constExpr{d: d})
	}
	return &callExpr{call: call, args: args, operator: operator}, nil
}

// rowComparison is (a, b) = (c, d) and (a, b) <> (c, d).
func (a *analyzer) rowComparison(s *scope, at parse.Node, op parse.Operator, l, r *parse.Row) (expr, error) {
	left, err := a.elements(s, l.Elems)
	if err != nil {
		return nil, err
	}
	right, err := a.elements(s, r.Elems)
	if err != nil {
		return nil, err
	}
	return a.compareRows(at, op.Name, left, right)
}

func (a *analyzer) compareRows(at parse.Node, op string, l, r []expr) (expr, error) {
	if len(l) != len(r) {
		return nil, a.fail(errf(codeSyntax, "unequal number of entries in row expressions"), at)
	}
	switch op {
	case "<", "<=", ">", ">=":
		return a.rowOrder(at, op, l, r)
	}
	if op != "=" && op != "<>" || len(l) == 0 {
		return nil, a.unsupported(at, "comparing rows by "+op+" is")
	}
	join := &logicExpr{op: opAnd}
	if op == "<>" {
		join.op = opOr
	}
	for i := range l {
		x, err := a.apply(at, op, l[i], r[i])
		if err != nil {
			return nil, err
		}
		join.args = append(join.args, x)
	}
	return join, nil
}

func (a *analyzer) cast(s *scope, e *parse.Cast) (expr, error) {
	t, typmod, err := a.typeName(e.Type)
	if err != nil {
		return nil, err
	}
	var y expr
	if arr, ok := e.X.(*parse.Array); ok && t.IsArray() {
		y, err = a.arrayOf(s, arr, t, typmod)
	} else {
		if y, err = a.expr(s, e.X); err != nil {
			return nil, err
		}
		if c, ok := y.(*constExpr); ok && t == value.IntervalT && typmod >= 0 && y.typ() == value.Unknown && !c.d.Null {
			// The fields give a number its unit.
			d, err := value.ParseText(a.session.valueSettings(), t, typmod, c.d.B)
			if err != nil {
				return nil, a.fail(err, e.X)
			}
			y = &constExpr{d: d, pos: c.pos}
		}
		y, err = a.convert(y, t, typmod)
	}
	if err != nil {
		return nil, a.fail(err, e)
	}
	if modify := fn.Modify(t, typmod, true); modify != nil {
		y = &castExpr{x: y, t: t, modify: modify, typmod: typmod}
	}
	return y, nil
}

// convert makes x a value of type t by a cast in the statement. That the value has the modifier is left to fn.Modify.
func (a *analyzer) convert(x expr, t *value.Type, typmod int32) (expr, error) {
	y, err := a.coerce(x, t, fn.Explicit)
	if c, ok := y.(*castExpr); ok && y != x {
		if fitted := c.cast.Fit(typmod); fitted != c.cast {
			c.cast, c.typmod = fitted, typmod
		}
	}
	return y, err
}

// informationDomains are the domains of information_schema, which stand for their base types here.
var informationDomains = map[string]*value.Type{
	"cardinal_number": value.Int4, "character_data": value.Varchar, "sql_identifier": value.Name, "time_stamp": value.Timestamptz, "yes_or_no": value.Varchar,
}

// typeName finds a type. The modifier is -1 if there is none.
func (a *analyzer) typeName(n *parse.TypeName) (*value.Type, int32, error) {
	if n.SetOf {
		return nil, 0, a.fail(errf(codeDatatypeMismatch, "SETOF is not allowed here"), n)
	}
	var t *value.Type
	if n.Schema == "" || n.Schema == "pg_catalog" {
		t = value.ByName(n.Name.Name)
	}
	if n.Schema == "information_schema" {
		t = informationDomains[n.Name.Name]
	}
	if t == nil && (n.Schema == "" || n.Schema == "pg_catalog") && fn.IsForeignType(n.Name.Name) {
		return nil, 0, a.unsupported(n, "type "+n.Name.Name+" is")
	}
	if t == nil {
		t = a.rowType(n)
	}
	if t == nil {
		name := n.Name.Name
		if n.Schema != "" {
			name = n.Schema + "." + name
		}
		return nil, 0, a.fail(errf(codeUndefinedObject, "type %q does not exist", name), n)
	}
	typmod, err := a.typeModifier(t, n)
	if err != nil {
		return nil, 0, a.fail(err, n)
	}
	if n.Dims > 0 {
		if t.Array == 0 {
			return nil, 0, a.fail(errf(codeUndefinedObject, "could not find array type for data type %s", t.SQL), n)
		}
		t = value.MustType(t.Array)
	}
	return t, typmod, nil
}

// array analyzes ARRAY[…].
func (a *analyzer) array(s *scope, e *parse.Array) (expr, error) {
	if len(e.Elems) == 0 {
		return nil, a.fail(errf(codeIndeterminateType, "cannot determine type of empty array").
			hint("Explicitly cast to the desired type, for example ARRAY[]::integer[]."), e)
	}
	list, err := a.exprs(s, e.Elems)
	if err != nil {
		return nil, err
	}
	t, err := a.commonType("ARRAY", list, func(i int) parse.Node { return e.Elems[i] })
	if err != nil {
		return nil, err
	}
	if !t.IsArray() {
		if t.Array == 0 {
			return nil, a.fail(errf(codeUndefinedObject, "could not find array type for data type %s", t.SQL), e)
		}
		t = value.MustType(t.Array)
	}
	return newArray(t, list), nil
}

// newArray is the array of elems, of type t. One of constants is a constant itself: lists of a million values are written, and each
// would otherwise be an expression.
func newArray(t *value.Type, elems []expr) expr {
	elem := value.MustType(t.Elem)
	values := value.NewVector(elem, 0)
	for _, e := range elems {
		c, ok := e.(*constExpr)
		if cast, is := e.(*castExpr); is && cast.cast != nil && cast.modify == nil && widens(cast.cast.From, cast.cast.To) {
			c, ok = cast.x.(*constExpr)
		}
		if !ok || c.d.Type != elem && !widens(c.d.Type, elem) {
			return &arrayExpr{elems: elems, t: t}
		}
		values.Append(c.d)
	}
	return &constExpr{d: value.ArrayOf(values)}
}

// arrayOf analyzes an array constructor under a cast to the array type t: the elements are cast, one by one.
func (a *analyzer) arrayOf(s *scope, e *parse.Array, t *value.Type, typmod int32) (expr, error) {
	out := &arrayExpr{t: t, elems: make([]expr, len(e.Elems))}
	want := value.MustType(t.Elem)
	for i, elem := range e.Elems {
		var err error
		if nested, ok := elem.(*parse.Array); ok {
			out.elems[i], err = a.arrayOf(s, nested, t, typmod)
		} else {
			out.elems[i], err = a.expr(s, elem)
		}
		if err != nil {
			return nil, err
		}
		if out.elems[i].typ().IsArray() {
			want = t
		}
	}
	for i, x := range out.elems {
		x, err := a.convert(x, want, typmod)
		if err != nil {
			return nil, a.fail(err, e.Elems[i])
		}
		out.elems[i] = x
	}
	return newArray(t, out.elems), nil
}

func (a *analyzer) exprs(s *scope, list []parse.Expr) ([]expr, error) {
	out := make([]expr, len(list))
	for i, e := range list {
		x, err := a.expr(s, e)
		if err != nil {
			return nil, err
		}
		out[i] = x
	}
	return out, nil
}

func (a *analyzer) row(s *scope, e *parse.Row) (expr, error) {
	list, err := a.elements(s, e.Elems)
	if err != nil {
		return nil, err
	}
	for i, x := range list {
		if list[i], err = a.coerceText(x); err != nil {
			return nil, err
		}
	}
	return &rowExpr{elems: list, t: value.RecordT}, nil
}

// subscript analyzes a chain of subscripts.
func (a *analyzer) subscript(s *scope, e *parse.Subscript) (expr, error) {
	base, list := chain(e)
	x, err := a.expr(s, base)
	if err != nil {
		return nil, err
	}
	if slices.ContainsFunc(list, func(sub *parse.Subscript) bool { return sub.Slice }) {
		return a.slice(s, e, x, list)
	}
	if x.typ() == value.JSONB {
		return a.jsonSubscript(s, e, x, list)
	}
	var subs []expr
	for _, sub := range list {
		y, err := a.bound(s, sub.Lower)
		if err != nil {
			return nil, err
		}
		subs = append(subs, y)
	}
	if x.typ() == value.Name && len(subs) == 1 {
		return a.nameByte(e, x, subs[0])
	}
	if !x.typ().IsArray() {
		return nil, a.notSubscripted(e, x)
	}
	return &subscriptExpr{x: x, subs: subs, t: value.MustType(x.typ().Elem)}, nil
}

func (a *analyzer) notSubscripted(at parse.Node, x expr) error {
	if x.typ() == value.JSONB {
		return a.fail(errf(codeDatatypeMismatch, "jsonb subscript does not support slices"), at)
	}
	return a.fail(errf(codeDatatypeMismatch, "cannot subscript type %s because it does not support subscripting", x.typ().SQL), at)
}

// chain returns the subscripts that follow one another up to e, one for each dimension, and what they are of.
func chain(e *parse.Subscript) (base parse.Expr, list []*parse.Subscript) {
	for {
		list = append(list, e)
		inner, ok := e.X.(*parse.Subscript)
		if !ok || inner.Closed {
			slices.Reverse(list)
			return e.X, list
		}
		e = inner
	}
}

// bound analyzes a number of a subscript, nil if it is missing.
func (a *analyzer) bound(s *scope, e parse.Expr) (expr, error) {
	if e == nil {
		return nil, nil
	}
	x, err := a.expr(s, e)
	if err == nil {
		x, err = a.coerce(x, value.Int4, fn.Assignment)
	}
	return x, a.fail(err, e)
}

// jsonSubscript is a part of a jsonb, x #> ARRAY[…] with keys and numbers.
func (a *analyzer) jsonSubscript(s *scope, at parse.Node, x expr, list []*parse.Subscript) (expr, error) {
	path := &parse.Array{Loc: parse.Loc(at.Pos())}
	for _, sub := range list {
		y, err := a.expr(s, sub.Lower)
		if err != nil {
			return nil, err
		}
		if t := y.typ(); t != value.Unknown && t != value.Text && t != value.Int4 {
			return nil, a.fail(errf(codeDatatypeMismatch, "subscript type %s is not supported", t.SQL).
				hint("jsonb subscript must be coercible to either integer or text."), sub.Lower)
		}
		path.Elems = append(path.Elems, &parse.Cast{X: sub.Lower, Type: &parse.TypeName{Name: parse.Name{Schema: "pg_catalog", Name: "text"}}})
	}
	y, err := a.array(s, path)
	if err != nil {
		return nil, err
	}
	return a.apply(at, "#>", x, y)
}

// nameByte is one byte of a name, counted from 0, as a "char".
func (a *analyzer) nameByte(at parse.Node, x, i expr) (expr, error) {
	from, err := a.apply(at, "+", i, &constExpr{d: value.NewInt(value.Int4, 1)})
	if err != nil {
		return nil, err
	}
	y, err := a.function(at, "substr", []expr{x, from, &constExpr{d: value.NewInt(value.Int4, 1)}}, false)
	if err != nil {
		return nil, err
	}
	y, err = a.coerce(y, value.Char, fn.Explicit)
	return y, a.fail(err, at)
}

func (a *analyzer) between(s *scope, e *parse.Between) (expr, error) {
	list, err := a.exprs(s, []parse.Expr{e.X, e.Lower, e.Upper})
	if err != nil {
		return nil, err
	}
	return once(list[:1], func(x []expr) (expr, error) {
		within := func(lo, hi expr) (expr, error) {
			first, err := a.apply(e, ">=", x[0], lo)
			if err != nil {
				return nil, err
			}
			second, err := a.apply(e, "<=", x[0], hi)
			return &logicExpr{op: opAnd, args: []expr{first, second}}, err
		}
		y, err := within(list[1], list[2])
		if err == nil && e.Symmetric {
			var z expr
			z, err = within(list[2], list[1])
			y = &logicExpr{op: opOr, args: []expr{y, z}}
		}
		if e.Not {
			y = &logicExpr{op: opNot, args: []expr{y}}
		}
		return y, err
	})
}

// once makes an expression in which those of list may stand any number of times, but are computed once.
func once(list []expr, body func([]expr) (expr, error)) (expr, error) {
	var lets []*letExpr
	stand := make([]expr, len(list))
	for i, x := range list {
		stand[i] = x
		if !isPlain(x) {
			slot := &slotExpr{t: x.typ()}
			stand[i] = slot
			lets = append(lets, &letExpr{x: x, slot: slot})
		}
	}
	e, err := body(stand)
	if err != nil {
		return nil, err
	}
	for _, l := range lets {
		l.body = e
		e = l
	}
	return e, nil
}

func (a *analyzer) like(s *scope, e *parse.Like) (expr, error) {
	parts := []parse.Expr{e.X, e.Pattern}
	if e.Escape != nil {
		parts = append(parts, e.Escape)
	}
	list, err := a.exprs(s, parts)
	if err != nil {
		return nil, err
	}
	if e.Kind == parse.SimilarPattern {
		return a.similar(e, list)
	}
	pattern := list[1]
	if e.Escape != nil {
		if pattern, err = a.function(e, "like_escape", list[1:], false); err != nil {
			return nil, err
		}
	}
	op := "~~"
	if e.Kind == parse.ILikePattern {
		op = "~~*"
	}
	if e.Not {
		op = "!" + op
	}
	return a.apply(e, op, list[0], pattern)
}

// similar analyzes x [NOT] SIMILAR TO pattern.
func (a *analyzer) similar(e *parse.Like, list []expr) (expr, error) {
	pattern, err := a.function(e, "similar_to_escape", list[1:], false)
	if err != nil {
		return nil, err
	}
	op := "~"
	if e.Not {
		op = "!~"
	}
	return a.apply(e, op, list[0], pattern)
}

func (a *analyzer) is(s *scope, e *parse.Is) (expr, error) {
	x, err := a.expr(s, e.X)
	if err != nil {
		return nil, err
	}
	switch e.Test {
	case parse.IsDocument:
		return nil, a.unsupported(e, "IS DOCUMENT is")
	case parse.IsNull:
		if x, err = a.coerceText(x); err != nil {
			return nil, err
		}
		return &testExpr{x: x, test: testNull, not: e.Not}, nil
	}
	t := [...]isTest{parse.IsTrue: testTrue, parse.IsFalse: testFalse, parse.IsUnknown: testUnknown}[e.Test]
	x, err = a.boolean(x, e.X, [...]string{testTrue: "IS TRUE", testFalse: "IS FALSE", testUnknown: "IS UNKNOWN"}[t])
	return &testExpr{x: x, test: t, not: e.Not}, err
}

func (a *analyzer) distinct(s *scope, e *parse.Distinct) (expr, error) {
	list, err := a.exprs(s, []parse.Expr{e.L, e.R})
	if err != nil {
		return nil, err
	}
	eq, err := a.apply(e, "=", list[0], list[1])
	if err != nil {
		return nil, err
	}
	c := eq.(*callExpr)
	return &distinctExpr{eq: c.call, l: c.args[0], r: c.args[1], not: e.Not}, nil
}

func (a *analyzer) collate(s *scope, e *parse.Collate) (expr, error) {
	x, err := a.expr(s, e.X)
	if err != nil {
		return nil, err
	}
	if t := x.typ(); t != value.Unknown && !t.IsString() && !(t.IsArray() && value.MustType(t.Elem).IsString()) {
		return nil, a.fail(errf(codeDatatypeMismatch, "collations are not supported by type %s", t.SQL), e)
	}
	switch strings.ToLower(e.Collation.Name) {
	case "default", "c", "posix", "ucs_basic":
		return x, nil
	}
	return nil, a.fail(errf(codeUndefinedObject, "collation %q for encoding \"UTF8\" does not exist", e.Collation.Name), e)
}

// typeModifier computes the modifier of a type from the arguments written after its name, -1 if there are none.
func (a *analyzer) typeModifier(t *value.Type, n *parse.TypeName) (int32, error) {
	if n.Fields != 0 && t == value.IntervalT {
		plain := *n
		plain.Fields = 0
		precision, err := a.typeModifier(t, &plain)
		return value.IntervalTypmod(uint8(n.Fields), precision), err
	}
	if len(n.Mods) == 0 {
		return -1, nil
	}
	var args []int64
	for _, m := range n.Mods {
		l, ok := m.(*parse.Literal)
		i, err := int64(0), error(nil)
		if ok {
			i, err = strconv.ParseInt(l.Text, 10, 32)
		}
		if !ok || err != nil {
			return 0, errf(codeSyntax, "type modifiers must be simple constants")
		}
		args = append(args, i)
	}
	return value.Typmod(t, args)
}
