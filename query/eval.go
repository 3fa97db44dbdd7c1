package query

import (
	"github.com/jurat-ledger/jurat/query/fn"
	"github.com/jurat-ledger/jurat/query/value"
)

// An evaluator computes an expression for the rows of a batch, in one execution. It gives a vector of at least b.N
// values, of which those of the rows that b.Sel selects are computed; it stays valid until the next call. Evaluators
// share what they give freely and never write to their inputs.
type evaluator interface {
	eval(b *value.Batch) (*value.Vector, error)
}

// evalAll evaluates each of list over b into out.
func evalAll(out []*value.Vector, list []evaluator, b *value.Batch) error {
	for i, e := range list {
		v, err := e.eval(b)
		if err != nil {
			return err
		}
		out[i] = v
	}
	return nil
}

// oneRow is the batch of one row without columns.
var oneRow = value.Batch{N: 1}

// compile makes an evaluator of e. Parts that do not depend on the row are computed here and now. If that fails, the error
// is one of planning (execution.fault) where Postgres computes the part then, else it comes when a row needs the value.
func (x *execution) compile(e expr) evaluator {
	if _, ok := e.(*columnExpr); !ok {
		x.wide += listBytes(e.typ())
	}
	ev, decided, ok := x.compileBranches(e)
	if !ok {
		ev = x.build(e)
	}
	if decided || !foldable(e) {
		return ev
	}
	late := dependsOnMoment(e)
	for _, c := range constituents(ev) {
		k, ok := c.(*constEval)
		if !ok {
			return ev
		}
		late = late || k.late
	}
	v, err := ev.eval(&oneRow)
	if err == nil {
		return &constEval{d: v.Datum(0), late: late}
	}
	if !late && x.fault == nil {
		x.fault = err
	}
	return ev
}

// dependsOnMoment reports whether e calls a function whose value Postgres does not take for known while it plans.
func dependsOnMoment(e expr) bool {
	switch e := e.(type) {
	case *callExpr:
		return e.call.Func.Volatility != fn.Immutable
	case *castExpr:
		return e.cast != nil && e.cast.Volatility != fn.Immutable
	}
	return false
}

// foldable reports whether e itself, its parts aside, gives the same for every row.
func foldable(e expr) bool {
	switch e := e.(type) {
	case *columnExpr, *computedExpr, *subqueryExpr, *rowsExpr, *sliceExpr, *constExpr, *paramExpr, *outerExpr, *slotExpr, *letExpr:
		return false
	case *callExpr:
		return e.call.Func.Volatility != fn.Volatile && e.call.Func.Name != "current_setting" // which set_config changes
	}
	return true
}

// constituents returns the evaluators that ev is made of.
func constituents(ev evaluator) []evaluator {
	switch e := ev.(type) {
	case *callEval:
		return e.args
	case *castEval:
		return []evaluator{e.arg}
	case *fieldEval:
		return []evaluator{e.arg}
	case *notEval:
		return []evaluator{e.arg}
	case *logicEval:
		return e.args
	case *caseEval:
		all := append(append([]evaluator{}, e.conds...), e.results...)
		if e.els != nil {
			all = append(all, e.els)
		}
		return all
	case *coalesceEval:
		return e.args
	case *testEval:
		return []evaluator{e.arg}
	case *distinctEval:
		return []evaluator{e.l, e.r}
	case *quantifiedEval:
		return []evaluator{e.arg, e.array}
	case *arrayEval:
		return e.elems
	case *subscriptEval:
		return append([]evaluator{e.arg}, e.subs...)
	case *rowEval:
		return e.elems
	case *extremeEval:
		return e.args
	}
	return nil
}

// build makes an evaluator of e, whose parts are compiled, except for those of compileBranches.
func (x *execution) build(e expr) evaluator {
	switch e := e.(type) {
	case *constExpr:
		return &constEval{d: e.d}
	case *paramExpr:
		return &constEval{d: x.param(e)}
	case *columnExpr:
		return columnEval(e.index)
	case *computedExpr:
		return &computedEval{x: x, t: e.t, kernel: e.kernel, from: x.compileAll(e.from), in: make([]*value.Vector, len(e.from))}
	case *callExpr:
		return &callEval{parts: parts{x: x}, call: e.call, args: x.compileAll(e.args), in: make([]*value.Vector, len(e.args)), grows: grows[e.call.Func.Name]}
	case *castExpr:
		return &castEval{parts: parts{x: x}, cast: e.cast, modify: e.modify, t: e.t, arg: x.compile(e.x), width: value.Width(e.t, e.typmod)}
	case *logicExpr: // NOT
		return &notEval{arg: x.compile(e.args[0])}
	case *testExpr:
		return &testEval{test: e.test, not: e.not, arg: x.compile(e.x)}
	case *distinctExpr:
		return &distinctEval{x: x, eq: e.eq, not: e.not, l: x.compile(e.l), r: x.compile(e.r)}
	case *quantifiedExpr:
		return &quantifiedEval{x: x, op: e.op, all: e.all, arg: x.compile(e.x), array: x.compile(e.array)}
	case *arrayExpr:
		return &arrayEval{t: e.t, elems: x.compileAll(e.elems), in: make([]*value.Vector, len(e.elems))}
	case *subscriptExpr:
		return &subscriptEval{t: e.t, arg: x.compile(e.x), subs: x.compileAll(e.subs)}
	case *fieldExpr:
		return &fieldEval{e: e, arg: x.compile(e.x)}
	case *rowExpr:
		return &rowEval{t: e.t, names: e.names, nullable: e.nullable, elems: x.compileAll(e.elems), in: make([]*value.Vector, len(e.elems))}
	case *subqueryExpr:
		return x.compileSubquery(e)
	case *outerExpr:
		return &constEval{d: x.outerValue(e), late: true}
	case *rowsExpr:
		return x.compileRows(e)
	case *sliceExpr:
		return x.compileSlice(e)
	case *letExpr:
		return x.compileLet(e)
	case *slotExpr:
		return x.slots[e]
	case *extremeExpr:
		return &extremeEval{t: e.t, least: e.least, args: x.compileAll(e.args), in: make([]*value.Vector, len(e.args))}
	}
	panic("query: no evaluator for the expression")
}

func (x *execution) compileAll(list []expr) []evaluator {
	out := make([]evaluator, len(list))
	for i, e := range list {
		out[i] = x.compile(e)
	}
	return out
}

// evalOne computes an expression that does not depend on a row.
func (x *execution) evalOne(e expr) (value.Datum, error) {
	ev := x.compile(e)
	if c, ok := ev.(*constEval); ok {
		return c.d, nil
	}
	v, err := ev.eval(&oneRow)
	if err != nil {
		return value.Datum{}, err
	}
	return v.Datum(0), nil
}

// constEval gives one value for every row.
type constEval struct {
	d    value.Datum
	v    *value.Vector
	late bool // it is not known while Postgres plans: of a stable function, or of a row around
}

func (e *constEval) eval(b *value.Batch) (*value.Vector, error) {
	if e.v == nil || e.v.Len() < b.N {
		n := b.N
		if n > 1 {
			n = max(n, value.BatchSize)
		}
		e.v = value.NewConst(e.d, n)
	}
	return e.v, nil
}

// columnEval gives a column of the input.
type columnEval int

func (e columnEval) eval(b *value.Batch) (*value.Vector, error) { return b.Cols[e], nil }

// computedEval gives a column that a table computes. It is null in the rows that an outer join fills with nulls.
type computedEval struct {
	x      *execution
	t      *value.Type
	kernel fn.Kernel
	from   []evaluator
	in     []*value.Vector
	out    value.Vector
	known  []int32 // the rows that are no nulls, if some are
	held   int     // reserved for the values that were given
}

func (e *computedEval) eval(b *value.Batch) (*value.Vector, error) {
	if err := evalAll(e.in, e.from, b); err != nil {
		return nil, err
	}
	e.out.Reset(e.t, b.N)
	sel := b.Sel
	for _, v := range e.in {
		if v.Nulls != nil {
			if sel = e.dropNulls(b); len(sel) == 0 {
				return &e.out, nil
			}
			break
		}
	}
	err := e.kernel(&e.x.env, &e.out, e.in, b.N, sel)
	if held := e.x.holdOut(&e.held, &e.out); err == nil {
		err = held
	}
	return &e.out, err
}

// dropNulls makes the value null where one that it is computed of is, and returns the other rows.
func (e *computedEval) dropNulls(b *value.Batch) []int32 {
	e.known = e.known[:0]
	rows(b, func(i int) {
		for _, v := range e.in {
			if v.IsNull(i) {
				e.out.SetNull(i)
				return
			}
		}
		e.known = append(e.known, int32(i))
	})
	return e.known
}

// callEval calls a function or operator.
type callEval struct {
	parts
	call  *fn.Call
	args  []evaluator
	in    []*value.Vector
	out   value.Vector
	grows bool
}

// grows names the functions whose values may be far longer than their arguments. They are computed for a few rows at a
// time, so that the memory of a batch is reserved before much of it is taken.
var grows = map[string]bool{
	"repeat": true, "lpad": true, "rpad": true, "replace": true, "format": true, "concat": true, "concat_ws": true,
	"||": true, "regexp_replace": true, "overlay": true, "string_to_array": true, "array_fill": true, "array_cat": true,
	"array_append": true, "array_prepend": true, "array_to_string": true, "regexp_split_to_array": true, "encode": true,
	"^": true, "power": true, "pow": true, "factorial": true, "exp": true,
}

func (e *callEval) eval(b *value.Batch) (*value.Vector, error) {
	if err := evalAll(e.in, e.args, b); err != nil {
		return nil, err
	}
	in := longest(b, e.in)
	if grown := !isWord(e.call.Ret); in > partBytes/8 || grown && (e.grows || in*b.N > partBytes) {
		return &e.out, e.evalParts(b, &e.out, e.call.Ret, max(1, partBytes/max(1, in)), func(out *value.Vector, part []int32) error {
			return e.call.Eval(&e.x.env, out, e.in, b.N, part)
		})
	}
	err := e.call.Eval(&e.x.env, &e.out, e.in, b.N, b.Sel)
	if held := e.x.holdOut(&e.held, &e.out); err == nil {
		err = held
	}
	return &e.out, err
}

// isWord reports whether each value of a type is a machine word.
func isWord(t *value.Type) bool { return t.Kind == value.Int64 || t.Kind == value.Float64 }

// longest returns the bytes of the longest value among those of b.
func longest(b *value.Batch, in []*value.Vector) (most int) {
	for _, v := range in {
		switch {
		case isWord(v.Type):
		case v.Type.Kind == value.Bytes && b.Sel == nil:
			for _, s := range v.Bytes[:b.N] {
				most = max(most, len(s))
			}
		default:
			rows(b, func(i int) { most = max(most, sizeOf(v, i)) })
		}
	}
	return most
}

// partBytes is about how much a function that grows makes, and how much any function reads, between two looks at the limit of
// memory and for the end of the statement.
const partBytes = 1 << 20

// A parts is what an evaluator needs to compute some rows at a time.
type parts struct {
	x    *execution
	part value.Vector // the values of some rows
	rows []int32
	held int // reserved for the values that were given
}

// evalParts computes values of type t into out by f, a few rows at a time: the first alone, then as many as seem to make partBytes, but
// at most so many.
func (p *parts) evalParts(b *value.Batch, out *value.Vector, t *value.Type, most int, f func(out *value.Vector, part []int32) error) error {
	p.x.hold(&p.held)
	p.rows = selection(b, p.rows)
	out.Reset(t, b.N)
	for rest, n := p.rows, 1; len(rest) > 0; {
		if err := p.x.check(); err != nil {
			return err
		}
		part := rest[:min(n, len(rest))]
		rest = rest[len(part):]
		if err := f(&p.part, part); err != nil {
			return err
		}
		size := 0
		for _, i := range part {
			out.Copy(int(i), &p.part, int(i))
			size += sizeOf(&p.part, int(i))
		}
		p.x.forget()
		p.held += size
		if err := p.x.reserve(size); err != nil {
			return err
		}
		n = min(most, max(1, partBytes/max(1, size/len(part))))
	}
	return nil
}

// castEval changes a type or applies a modifier.
type castEval struct {
	parts
	cast        *fn.Cast
	modify      fn.Kernel
	t           *value.Type
	arg         evaluator
	out, second value.Vector
	in          [1]*value.Vector
	width       int // bytes up to which values are filled up
}

func (e *castEval) eval(b *value.Batch) (*value.Vector, error) {
	v, err := e.arg.eval(b)
	if err != nil {
		return nil, err
	}
	if e.cast != nil {
		if err := e.convert(b, v); err != nil {
			return nil, err
		}
		v = &e.out
	}
	if e.modify == nil {
		return v, nil
	}
	e.in[0] = v
	if e.width*b.N > partBytes {
		return &e.second, e.evalParts(b, &e.second, e.t, max(1, partBytes/e.width), func(out *value.Vector, part []int32) error {
			out.Reset(e.t, b.N)
			return e.modify(&e.x.env, out, e.in[:], b.N, part)
		})
	}
	e.second.Reset(e.t, b.N)
	err = e.modify(&e.x.env, &e.second, e.in[:], b.N, b.Sel)
	e.x.hold(&e.held)
	return &e.second, err
}

func (e *castEval) convert(b *value.Batch, v *value.Vector) error {
	if !e.cast.Binary && !isWord(e.cast.To) {
		e.in[0] = v
		if in := max(longest(b, e.in[:]), e.width); in*b.N > partBytes {
			return e.evalParts(b, &e.out, e.cast.To, max(1, partBytes/in), func(out *value.Vector, part []int32) error {
				return e.cast.Eval(&e.x.env, out, v, b.N, part)
			})
		}
	}
	err := e.cast.Eval(&e.x.env, &e.out, v, b.N, b.Sel)
	if held := e.x.holdOut(&e.held, &e.out); err == nil {
		err = held
	}
	return err
}

// notEval negates.
type notEval struct {
	arg evaluator
	out value.Vector
}

func (e *notEval) eval(b *value.Batch) (*value.Vector, error) {
	v, err := e.arg.eval(b)
	if err != nil {
		return nil, err
	}
	e.out.Reset(value.Bool, b.N)
	for i, x := range v.Ints[:b.N] {
		e.out.Ints[i] = x ^ 1
	}
	if v.Nulls != nil {
		copy(e.out.ZeroNulls(), v.Nulls[:b.N])
	}
	return &e.out, nil
}

// rows calls f for each row that b selects.
func rows(b *value.Batch, f func(i int)) {
	if b.Sel != nil {
		for _, i := range b.Sel {
			f(int(i))
		}
		return
	}
	for i := range b.N {
		f(i)
	}
}

// selection returns the rows that b selects, in memory that starts at buf.
func selection(b *value.Batch, buf []int32) []int32 {
	if b.Sel != nil {
		return append(buf[:0], b.Sel...)
	}
	buf = buf[:0]
	for i := range b.N {
		buf = append(buf, int32(i))
	}
	return buf
}

// logicEval is AND and OR. A later argument is computed only for the rows that the earlier ones leave open.
type logicEval struct {
	or   bool
	args []evaluator
	out  value.Vector
	open []int32
}

func (e *logicEval) eval(b *value.Batch) (*value.Vector, error) {
	e.out.Reset(value.Bool, b.N)
	neutral, deciding := int64(1), int64(0)
	if e.or {
		neutral, deciding = 0, 1
	}
	e.open = selection(b, e.open)
	for _, i := range e.open {
		e.out.Ints[i] = neutral
	}
	for _, a := range e.args {
		if len(e.open) == 0 {
			break
		}
		v, err := a.eval(&value.Batch{N: b.N, Cols: b.Cols, Sel: e.open})
		if err != nil {
			return nil, err
		}
		still := e.open[:0]
		for _, i := range e.open {
			switch {
			case v.IsNull(int(i)):
				e.out.SetNull(int(i))
			case v.Ints[i] == deciding:
				e.out.Ints[i] = deciding
				if e.out.Nulls != nil {
					e.out.Nulls[i] = false
				}
				continue
			}
			still = append(still, i)
		}
		e.open = still
	}
	return &e.out, nil
}

// caseEval is CASE: a result is computed only for the rows whose condition is the first to hold.
type caseEval struct {
	t              *value.Type
	conds, results []evaluator
	els            evaluator
	out            value.Vector
	open, hits     []int32
}

func (e *caseEval) eval(b *value.Batch) (*value.Vector, error) {
	e.out.Reset(e.t, b.N)
	e.open = selection(b, e.open)
	for k, cond := range e.conds {
		if len(e.open) == 0 {
			return &e.out, nil
		}
		v, err := cond.eval(&value.Batch{N: b.N, Cols: b.Cols, Sel: e.open})
		if err != nil {
			return nil, err
		}
		still := e.open[:0]
		e.hits = e.hits[:0]
		for _, i := range e.open {
			if !v.IsNull(int(i)) && v.Ints[i] != 0 {
				e.hits = append(e.hits, i)
			} else {
				still = append(still, i)
			}
		}
		e.open = still
		if err := fill(&e.out, e.results[k], b, e.hits); err != nil {
			return nil, err
		}
	}
	return &e.out, fill(&e.out, e.els, b, e.open)
}

// fill sets the rows of sel to what ev gives, to null if ev is nil.
func fill(out *value.Vector, ev evaluator, b *value.Batch, sel []int32) error {
	if len(sel) == 0 {
		return nil
	}
	if ev == nil {
		for _, i := range sel {
			out.SetNull(int(i))
		}
		return nil
	}
	v, err := ev.eval(&value.Batch{N: b.N, Cols: b.Cols, Sel: sel})
	if err != nil {
		return err
	}
	for _, i := range sel {
		out.Copy(int(i), v, int(i))
	}
	return nil
}
