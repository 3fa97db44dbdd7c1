package query

import (
	"slices"

	"github.com/jurat-ledger/jurat/query/fn"
	"github.com/jurat-ledger/jurat/query/value"
)

// An expr is a typed expression over the columns of its node's input. Expressions are made by the analyzer, never
// changed, and shared by all executions of a statement; compile makes an evaluator of one for one execution.
type expr interface {
	typ() *value.Type
}

type (
	// A constExpr is a constant. Literals whose type is not known yet have the type unknown.
	constExpr struct {
		d   value.Datum
		pos int // byte offset in the statement, for errors about the literal
	}

	// A columnExpr is a column of the input.
	columnExpr struct {
		index  int
		t      *value.Type
		name   string   // as EXPLAIN shows it
		fields []Column // of a record, where known
	}

	// A computedExpr is a column that a table computes out of others.
	computedExpr struct {
		t      *value.Type
		name   string
		column int // its index in the table
		kernel fn.Kernel
		from   []expr
	}

	// A paramExpr is $n. Its type is unknown until a use shows it.
	paramExpr struct {
		n     int // from 0
		types *[]*value.Type
	}

	// A callExpr is a function or operator call; the arguments have the types that the call wants.
	callExpr struct {
		call     *fn.Call
		args     []expr
		operator bool
	}

	// A castExpr changes the type or applies a modifier.
	castExpr struct {
		x      expr
		t      *value.Type
		cast   *fn.Cast  // nil if the type stays
		modify fn.Kernel // nil if there is no modifier
		typmod int32     // of modify, or what cast is fitted to
	}

	// A logicExpr is AND, OR or NOT.
	logicExpr struct {
		op   logicOp
		args []expr
	}

	// A caseExpr is CASE without operand.
	caseExpr struct {
		conds, results []expr
		els            expr // nil is NULL
		t              *value.Type
	}

	// A coalesceExpr is the first argument that is not null.
	coalesceExpr struct {
		args []expr
		t    *value.Type
	}

	// A testExpr is IS [NOT] NULL, TRUE, FALSE, UNKNOWN.
	testExpr struct {
		x    expr
		test isTest
		not  bool
	}

	// A distinctExpr is a IS [NOT] DISTINCT FROM b, over the equality operator.
	distinctExpr struct {
		eq  *fn.Call
		l   expr
		r   expr
		not bool
	}

	// A quantifiedExpr is x op ANY (array) or x op ALL (array).
	quantifiedExpr struct {
		op       *fn.Call
		all      bool
		x, array expr
	}

	// An arrayExpr is ARRAY[…] of elements of one type.
	arrayExpr struct {
		elems []expr
		t     *value.Type
	}

	// A subscriptExpr is x[i] of a one- or more-dimensional array; a wrong number of subscripts gives null.
	subscriptExpr struct {
		x    expr
		subs []expr
		t    *value.Type
	}

	// A letExpr computes x once and then body, in which slot stands for it.
	letExpr struct {
		x    expr
		slot *slotExpr
		body expr
	}

	// A slotExpr is the value of x in the body of the letExpr that it belongs to.
	slotExpr struct {
		t      *value.Type
		fields []Column // of a record, where known
	}

	// An extremeExpr is GREATEST or LEAST of arguments of one type; nulls do not count.
	extremeExpr struct {
		args  []expr
		least bool
		t     *value.Type
	}

	// A rowExpr is ROW(…), or the row of a table. A nullable one is that of a table in an outer join, and null if all of
	// its elements are.
	rowExpr struct {
		elems    []expr
		t        *value.Type // the row type of the table, record if it has none
		names    []string    // nil for f1, f2 …
		nullable bool
	}

	// A subqueryExpr is a query. Without args it does not depend on the row at hand and runs once, when first needed.
	subqueryExpr struct {
		plan     node
		kind     subqueryKind
		t        *value.Type
		args     []outerArg
		volatile bool // it may differ between two rows with the same args
	}

	// An aggregateExpr is a call of an aggregate. It stands in expressions only until the aggregation is planned, which
	// makes a column of it.
	aggregateExpr struct {
		call     *fn.Call
		args     []expr
		distinct bool
		filter   expr
		order    []sortKey
	}

	// A seriesExpr is a set-returning function in a select list, until it is planned.
	seriesExpr struct {
		call *fn.Call
		args []expr
	}
)

type logicOp uint8

const (
	opAnd logicOp = iota
	opOr
	opNot
)

type isTest uint8

const (
	testNull isTest = iota
	testTrue
	testFalse
	testUnknown
)

type subqueryKind uint8

const (
	scalarSubquery subqueryKind = iota
	existsSubquery
	arraySubquery
	rowSubquery  // one record
	rowsSubquery // all rows as an array of records
)

func (e *constExpr) typ() *value.Type      { return e.d.Type }
func (e *columnExpr) typ() *value.Type     { return e.t }
func (e *computedExpr) typ() *value.Type   { return e.t }
func (e *callExpr) typ() *value.Type       { return e.call.Ret }
func (e *castExpr) typ() *value.Type       { return e.t }
func (e *logicExpr) typ() *value.Type      { return value.Bool }
func (e *caseExpr) typ() *value.Type       { return e.t }
func (e *coalesceExpr) typ() *value.Type   { return e.t }
func (e *testExpr) typ() *value.Type       { return value.Bool }
func (e *distinctExpr) typ() *value.Type   { return value.Bool }
func (e *quantifiedExpr) typ() *value.Type { return value.Bool }
func (e *arrayExpr) typ() *value.Type      { return e.t }
func (e *subscriptExpr) typ() *value.Type  { return e.t }
func (e *rowExpr) typ() *value.Type        { return e.t }
func (e *letExpr) typ() *value.Type        { return e.body.typ() }
func (e *slotExpr) typ() *value.Type       { return e.t }
func (e *extremeExpr) typ() *value.Type    { return e.t }
func (e *aggregateExpr) typ() *value.Type  { return e.call.Ret }
func (e *seriesExpr) typ() *value.Type     { return e.call.Ret }
func (e *subqueryExpr) typ() *value.Type   { return e.t }

func (e *paramExpr) typ() *value.Type {
	if t := (*e.types)[e.n]; t != nil {
		return t
	}
	return value.Unknown
}

// children returns the expressions right below e.
func children(e expr) []expr {
	switch e := e.(type) {
	case *computedExpr:
		return e.from
	case *callExpr:
		return e.args
	case *castExpr:
		return []expr{e.x}
	case *logicExpr:
		return e.args
	case *caseExpr:
		all := append(append([]expr{}, e.conds...), e.results...)
		if e.els != nil {
			all = append(all, e.els)
		}
		return all
	case *coalesceExpr:
		return e.args
	case *testExpr:
		return []expr{e.x}
	case *distinctExpr:
		return []expr{e.l, e.r}
	case *quantifiedExpr:
		return []expr{e.x, e.array}
	case *arrayExpr:
		return e.elems
	case *subscriptExpr:
		return append([]expr{e.x}, e.subs...)
	case *fieldExpr:
		return []expr{e.x}
	case *rowExpr:
		return e.elems
	case *letExpr:
		return []expr{e.x, e.body}
	case *extremeExpr:
		return e.args
	case *aggregateExpr:
		all := append([]expr{}, e.args...)
		if e.filter != nil {
			all = append(all, e.filter)
		}
		for _, k := range e.order {
			all = append(all, k.x)
		}
		return all
	case *seriesExpr:
		return e.args
	case *subqueryExpr:
		return argExprs(e.args)
	case *windowExpr:
		return e.parts()
	case *rowsExpr:
		return append(slices.Clone(e.xs), e.sub)
	case *groupingExpr:
		return e.args
	case *sliceExpr:
		return append([]expr{e.x}, nonNil(append(slices.Clone(e.lowers), e.upper...)...)...)
	}
	return nil
}

// rebuild returns e with every node replaced by what f makes of it, bottom up.
func rebuild(e expr, f func(expr) expr) expr {
	return f(mapChildren(e, func(c expr) expr { return rebuild(c, f) }))
}

// mapChildren returns e with the expressions right below it replaced by what f makes of them.
func mapChildren(e expr, f func(expr) expr) expr {
	each := func(list []expr) []expr {
		out := make([]expr, len(list))
		for i, x := range list {
			out[i] = f(x)
		}
		return out
	}
	switch x := e.(type) {
	case *computedExpr:
		c := *x
		c.from = each(x.from)
		e = &c
	case *callExpr:
		c := *x
		c.args = each(x.args)
		e = &c
	case *castExpr:
		c := *x
		c.x = f(x.x)
		e = &c
	case *logicExpr:
		e = &logicExpr{op: x.op, args: each(x.args)}
	case *caseExpr:
		c := &caseExpr{conds: each(x.conds), results: each(x.results), t: x.t}
		if x.els != nil {
			c.els = f(x.els)
		}
		e = c
	case *coalesceExpr:
		e = &coalesceExpr{args: each(x.args), t: x.t}
	case *testExpr:
		c := *x
		c.x = f(x.x)
		e = &c
	case *distinctExpr:
		c := *x
		c.l, c.r = f(x.l), f(x.r)
		e = &c
	case *quantifiedExpr:
		c := *x
		c.x, c.array = f(x.x), f(x.array)
		e = &c
	case *arrayExpr:
		e = &arrayExpr{elems: each(x.elems), t: x.t}
	case *subscriptExpr:
		c := *x
		c.x, c.subs = f(x.x), each(x.subs)
		e = &c
	case *rowExpr:
		e = &rowExpr{elems: each(x.elems), t: x.t, names: x.names, nullable: x.nullable}
	case *letExpr:
		e = &letExpr{x: f(x.x), slot: x.slot, body: f(x.body)}
	default:
		e = mapRarer(e, f, each)
	}
	return e
}

// mapRarer is mapChildren for the rarer expressions.
func mapRarer(e expr, f func(expr) expr, each func([]expr) []expr) expr {
	switch x := e.(type) {
	case *groupingExpr:
		e = &groupingExpr{args: each(x.args)}
	case *extremeExpr:
		e = &extremeExpr{args: each(x.args), least: x.least, t: x.t}
	case *seriesExpr:
		e = &seriesExpr{call: x.call, args: each(x.args)}
	case *subqueryExpr:
		if len(x.args) > 0 {
			c := *x
			c.args = withArgExprs(x.args, f)
			e = &c
		}
	case *windowExpr:
		e = x.mapped(f)
	case *fieldExpr:
		e = &fieldExpr{x: f(x.x), index: x.index, col: x.col}
	case *rowsExpr:
		c := *x
		c.xs = each(x.xs)
		if sub, ok := f(x.sub).(*subqueryExpr); ok {
			c.sub = sub
		}
		e = &c
	case *sliceExpr:
		c := &sliceExpr{x: f(x.x)}
		for i, b := range append(slices.Clone(x.lowers), x.upper...) {
			if b != nil {
				b = f(b)
			}
			if i < len(x.lowers) {
				c.lowers = append(c.lowers, b)
			} else {
				c.upper = append(c.upper, b)
			}
		}
		e = c
	case *aggregateExpr:
		c := &aggregateExpr{call: x.call, args: each(x.args), distinct: x.distinct}
		if x.filter != nil {
			c.filter = f(x.filter)
		}
		for _, k := range x.order {
			k.x = f(k.x)
			c.order = append(c.order, k)
		}
		e = c
	}
	return e
}

// walk calls f for e and everything below it.
func walk(e expr, f func(expr)) {
	if e == nil {
		return
	}
	f(e)
	for _, c := range children(e) {
		walk(c, f)
	}
}

// isConstant reports whether e has the same value for every row of one execution.
func isConstant(e expr) bool {
	constant := true
	walk(e, func(x expr) {
		switch x := x.(type) {
		case *columnExpr, *computedExpr:
			constant = false
		case *callExpr:
			constant = constant && x.call.Func.Volatility != fn.Volatile
		case *aggregateExpr:
			constant = false
		}
	})
	return constant
}

// isCostly reports whether e asks a table to compute something, or runs a subquery for each row.
func isCostly(e expr) bool {
	costly := false
	walk(e, func(x expr) {
		switch x := x.(type) {
		case *computedExpr:
			costly = true
		case *subqueryExpr:
			costly = costly || len(x.args) > 0
		}
	})
	return costly
}

// shift returns e with every column moved by n.
func shift(e expr, n int) expr {
	return rebuild(e, func(x expr) expr {
		if c, ok := x.(*columnExpr); ok {
			return &columnExpr{index: c.index + n, t: c.t, name: c.name, fields: c.fields}
		}
		return x
	})
}

// substitute returns e with column i replaced by by[i].
func substitute(e expr, by []expr) expr {
	return rebuild(e, func(x expr) expr {
		if c, ok := x.(*columnExpr); ok {
			return by[c.index]
		}
		return x
	})
}

// conjuncts returns the parts of a condition that all have to hold.
func conjuncts(e expr) []expr {
	if e == nil || isBool(e, true) {
		return nil
	}
	if l, ok := e.(*logicExpr); ok && l.op == opAnd {
		var all []expr
		for _, a := range l.args {
			all = append(all, conjuncts(a)...)
		}
		return all
	}
	return []expr{e}
}

// isPlain reports whether e is a column or a constant.
func isPlain(e expr) bool {
	switch e.(type) {
	case *columnExpr, *computedExpr, *constExpr, *paramExpr, *outerExpr:
		return true
	}
	return false
}
