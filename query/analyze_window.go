package query

import (
	"slices"

	"github.com/jurat-ledger/jurat/query/fn"
	"github.com/jurat-ledger/jurat/query/parse"
	"github.com/jurat-ledger/jurat/query/value"
)

// A windowExpr is a call with OVER. Like an aggregateExpr it stands in expressions only until it is planned.
type windowExpr struct {
	call      *fn.Call
	args      []expr
	filter    expr // nil for none
	partition []expr
	order     []sortKey
	frame     frameSpec
}

// A frameSpec is the frame of a window. Offsets do not depend on the row.
type frameSpec struct {
	mode       parse.FrameMode
	start, end frameBound
	exclude    parse.FrameExclude
	key        expr // of RANGE with offsets: the value that is ordered by, as the limits have it
}

// A frameBound is an end of a frame.
type frameBound struct {
	kind   parse.BoundKind
	offset expr // of type int8, but for RANGE
	limit  expr // of RANGE with an offset: the row's value less or plus the offset
}

func (e *windowExpr) typ() *value.Type { return e.call.Ret }

// parts returns the expressions of e.
func (e *windowExpr) parts() []expr {
	all := append(slices.Clone(e.args), e.partition...)
	all = append(all, keyExprs(e.order)...)
	return append(all, nonNil(e.filter, e.frame.key, e.frame.start.offset, e.frame.start.limit, e.frame.end.offset, e.frame.end.limit)...)
}

// mapped returns e with its parts replaced.
func (e *windowExpr) mapped(f func(expr) expr) *windowExpr {
	each := func(list []expr) []expr {
		out := make([]expr, len(list))
		for i, x := range list {
			out[i] = f(x)
		}
		return out
	}
	c := *e
	c.args, c.partition, c.order = each(e.args), each(e.partition), slices.Clone(e.order)
	for i := range c.order {
		c.order[i].x = f(c.order[i].x)
	}
	for _, p := range []*expr{&c.filter, &c.frame.key, &c.frame.start.offset, &c.frame.start.limit, &c.frame.end.offset, &c.frame.end.limit} {
		if *p != nil {
			*p = f(*p)
		}
	}
	return &c
}

// windowCall chooses the function of a call with OVER.
func (a *analyzer) windowCall(s *scope, e *parse.Call, args []expr) (expr, error) {
	types := make([]*value.Type, len(args))
	for i, x := range args {
		types[i] = x.typ()
	}
	call, err := a.fns.ResolveFunction(e.Name.Name, types, e.Variadic)
	if err != nil {
		return nil, a.fail(err, e)
	}
	if !call.Func.Window && !call.Func.IsAggregate() {
		return nil, a.fail(errf(codeWrongObject, "OVER specified, but %s is not a window function nor an aggregate function", e.Name.Name), e)
	}
	c, err := a.bind(e, call, args, false)
	if err != nil {
		return nil, err
	}
	return a.over(s, e, call, c.args)
}

// over finishes a call with OVER.
func (a *analyzer) over(s *scope, e *parse.Call, call *fn.Call, args []expr) (expr, error) {
	switch a.clause {
	case clauseTarget, clauseOrder:
	case clauseAggregate:
		return nil, a.fail(errf(codeGrouping, "aggregate function calls cannot contain window function calls"), e)
	case clauseWindow:
		return nil, a.fail(errf(codeWindow, "window function calls cannot be nested"), e)
	default:
		return nil, a.fail(errf(codeWindow, "window functions are not allowed in %s", clauseNames[a.clause]), e)
	}
	w := &windowExpr{call: call, args: args}
	switch {
	case e.Distinct:
		return nil, a.fail(errf(codeUnsupported, "DISTINCT is not implemented for window functions"), e)
	case e.OrderBy != nil:
		return nil, a.fail(errf(codeUnsupported, "aggregate ORDER BY is not implemented for window functions"), e)
	case e.Filter != nil && !call.Func.IsAggregate():
		return nil, a.fail(errf(codeUnsupported, "FILTER is not implemented for non-aggregate window functions"), e)
	case slices.ContainsFunc(args, hasSeries):
		return nil, a.fail(errf(codeUnsupported, "window function calls cannot contain set-returning function calls"), e)
	}
	if e.Filter != nil {
		x, err := a.condition(s, e.Filter, clauseWindow, "FILTER")
		if err != nil {
			return nil, err
		}
		w.filter = x
	}
	def, err := a.windowDefinition(e.Over)
	if err != nil {
		return nil, err
	}
	return w, a.window(s, def, w)
}

// windowDefinition resolves the names in a window definition.
func (a *analyzer) windowDefinition(w *parse.Window) (*parse.Window, error) {
	if w.Name != "" {
		return a.namedWindow(w, w.Name)
	}
	if w.Base == "" {
		return w, nil
	}
	base, err := a.namedWindow(w, w.Base)
	if err != nil {
		return nil, err
	}
	switch {
	case w.PartitionBy != nil:
		return nil, a.fail(errf(codeWindow, "cannot override PARTITION BY clause of window %q", w.Base), w)
	case w.OrderBy != nil && base.OrderBy != nil:
		return nil, a.fail(errf(codeWindow, "cannot override ORDER BY clause of window %q", w.Base), w)
	case base.Frame != nil:
		return nil, a.fail(errf(codeWindow, "cannot copy window %q because it has a frame clause", w.Base), w)
	}
	out := *w
	out.Base, out.PartitionBy = "", base.PartitionBy
	if out.OrderBy == nil {
		out.OrderBy = base.OrderBy
	}
	return &out, nil
}

// namedWindow finds a window of the WINDOW clause. Only those before it may be the base of one.
func (a *analyzer) namedWindow(at parse.Node, name string) (*parse.Window, error) {
	for i, w := range a.windows {
		if w.Name != name {
			continue
		}
		def := *w
		def.Name = ""
		saved := a.windows
		a.windows = a.windows[:i]
		defer func() { a.windows = saved }()
		return a.windowDefinition(&def)
	}
	return nil, a.fail(errf(codeUndefinedObject, "window %q does not exist", name), at)
}

// checkWindows analyzes the definitions of a WINDOW clause for what is wrong with them, used or not.
func (a *analyzer) checkWindows(s *scope, list []*parse.Window) error {
	for i, w := range list {
		if slices.ContainsFunc(list[:i], func(o *parse.Window) bool { return o.Name == w.Name }) {
			return a.fail(errf(codeWindow, "window %q is already defined", w.Name), w)
		}
		def, err := a.namedWindow(nil, w.Name)
		if err == nil {
			err = a.window(s, def, &windowExpr{})
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// window analyzes a window definition into w.
func (a *analyzer) window(s *scope, def *parse.Window, w *windowExpr) error {
	for _, e := range def.PartitionBy {
		x, err := a.exprIn(s, e, clauseWindow)
		if err == nil {
			x, err = a.coerceText(x)
		}
		if err != nil {
			return err
		}
		w.partition = append(w.partition, x)
	}
	for _, k := range def.OrderBy {
		key, err := a.sortKey(s, k, clauseWindow)
		if err != nil {
			return err
		}
		w.order = append(w.order, key)
	}
	w.frame = frameSpec{end: frameBound{kind: parse.CurrentRow}}
	if def.Frame != nil {
		return a.frame(s, def, w)
	}
	return nil
}

// frame analyzes a frame clause.
func (a *analyzer) frame(s *scope, def *parse.Window, w *windowExpr) error {
	f := def.Frame
	w.frame = frameSpec{mode: f.Mode, exclude: f.Exclude, start: frameBound{kind: f.Start.Kind}, end: frameBound{kind: f.End.Kind}}
	offsets := f.Start.Offset != nil || f.End.Offset != nil
	switch {
	case f.Mode == parse.FrameGroups && len(w.order) == 0:
		return a.fail(errf(codeWindow, "GROUPS mode requires an ORDER BY clause"), def)
	case f.Mode == parse.FrameRange && offsets && len(w.order) != 1:
		return a.fail(errf(codeWindow, "RANGE with offset PRECEDING/FOLLOWING requires exactly one ORDER BY column"), def)
	}
	for _, b := range []struct {
		offset parse.Expr
		to     *frameBound
	}{{f.Start.Offset, &w.frame.start}, {f.End.Offset, &w.frame.end}} {
		if b.offset == nil {
			continue
		}
		if err := a.frameOffset(s, b.offset, w, b.to); err != nil {
			return err
		}
	}
	return nil
}

var frameModes = [...]string{parse.FrameRange: "RANGE", parse.FrameRows: "ROWS", parse.FrameGroups: "GROUPS"}

// frameOffset analyzes the offset of a bound.
func (a *analyzer) frameOffset(s *scope, e parse.Expr, w *windowExpr, to *frameBound) error {
	x, err := a.exprIn(s, e, clauseWindow)
	if err != nil {
		return err
	}
	mode := frameModes[w.frame.mode]
	if usesColumns(x) {
		return a.fail(errf(codeInvalidColumnRef, "argument of %s must not contain variables", mode), e)
	}
	if w.frame.mode == parse.FrameRange {
		return a.rangeOffset(e, x, w, to)
	}
	given := x.typ()
	if x, err = a.coerce(x, value.Int8, fn.Implicit); err != nil {
		if given == value.Unknown {
			return a.fail(err, e)
		}
		return a.fail(errf(codeDatatypeMismatch, "argument of %s must be type bigint, not type %s", mode, given.SQL), e)
	}
	to.offset = x
	return nil
}

// rangeOffset makes the limit of a bound of RANGE: the value of the row, less or plus the offset, in a type that holds
// the result.
func (a *analyzer) rangeOffset(e parse.Expr, x expr, w *windowExpr, to *frameBound) error {
	key := w.order[0].x
	t, wide, offset := key.typ(), key.typ(), key.typ()
	switch t {
	case value.Int2, value.Int4:
		wide, offset = value.Int8, value.Int8
	case value.Int8:
		wide, offset = value.NumericT, value.NumericT
	case value.Float4, value.Float8:
		wide, offset = value.Float8, value.Float8
	case value.NumericT:
	case value.Date:
		wide, offset = value.Timestamp, value.IntervalT
	case value.Timestamp, value.Timestamptz, value.Time, value.IntervalT:
		offset = value.IntervalT
	default:
		return a.fail(errf(codeUnsupported, "RANGE with offset PRECEDING/FOLLOWING is not supported for column type %s", t.SQL), e)
	}
	given := x.typ()
	if given == value.Int8 && (t == value.Int2 || t == value.Int4) || given == t && isInteger(t) {
		offset = wide
	}
	x, err := a.coerce(x, offset, fn.Implicit)
	if err != nil && given != value.Unknown {
		err = errf(codeUnsupported, "RANGE with offset PRECEDING/FOLLOWING is not supported for column type %s and offset type %s", t.SQL, given.SQL).
			hint("Cast the offset value to an appropriate type.")
	}
	if err != nil {
		return a.fail(err, e)
	}
	if w.frame.key, err = a.coerce(key, wide, fn.Implicit); err != nil {
		return a.fail(err, e)
	}
	op := "+"
	if (to.kind == parse.OffsetPreceding) != w.order[0].desc {
		op = "-"
	}
	to.offset = x
	to.limit, err = a.apply(e, op, w.frame.key, x)
	return err
}

// windowing puts the window functions of a query below its select list.
func (a *analyzer) windowing(c *coreQuery) {
	var last *windowNode
	nodes := map[fingerprint]*windowNode{}
	columns := map[fingerprint]expr{}
	replace := func(e expr) expr {
		w, ok := e.(*windowExpr)
		if !ok {
			return e
		}
		print := a.prints.of(w)
		if x := columns[print]; x != nil {
			return x
		}
		columns[print] = &columnExpr{t: w.typ(), name: w.call.Func.Name} // its index follows, when all are known
		sorting := a.prints.of(&windowExpr{call: rowNumber, partition: w.partition, order: w.order})
		n := nodes[sorting]
		if n == nil {
			in := c.p.in
			if last != nil {
				in = last
			}
			n = &windowNode{in: in, partition: w.partition, order: w.order}
			nodes[sorting], last = n, n
		}
		n.calls = append(n.calls, w)
		n.out = append(n.out, columns[print].(*columnExpr))
		return columns[print]
	}
	all := func(e expr) expr { return rebuildTop(e, replace) }
	for i, e := range c.p.exprs {
		c.p.exprs[i] = all(e)
	}
	for i := range c.keys {
		c.keys[i].x = all(c.keys[i].x)
	}
	for i, e := range c.on {
		c.on[i] = all(e)
	}
	if last == nil {
		return
	}
	last.number()
	c.p.in = last
}

// rebuildTop is rebuild, but does not look into what f replaces.
func rebuildTop(e expr, f func(expr) expr) expr {
	if x := f(e); x != e {
		return x
	}
	return mapChildren(e, func(c expr) expr { return rebuildTop(c, f) })
}

// rowNumber stands in the fingerprints of windows.
var rowNumber = &fn.Call{Func: &fn.Function{Name: "row_number"}, Ret: value.Int8}

// A windowNode adds columns with the values of window functions over one partition and order.
type windowNode struct {
	in        node
	partition []expr
	order     []sortKey
	calls     []*windowExpr
	out       []*columnExpr // the columns of calls
	cols      []Column
}

func (n *windowNode) columns() []Column { return n.cols }

// number gives the columns of n, and of the windowNodes below it, their places.
func (n *windowNode) number() {
	if below, ok := n.in.(*windowNode); ok && below.cols == nil {
		below.number()
	}
	n.cols = slices.Clone(n.in.columns())
	for i, w := range n.calls {
		n.out[i].index = len(n.cols)
		n.cols = append(n.cols, Column{Name: w.call.Func.Name, Type: w.typ(), TypeModifier: -1})
	}
}
