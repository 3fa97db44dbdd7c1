package query

import (
	"math"
	"slices"

	"github.com/jurat-ledger/jurat/query/fn"
	"github.com/jurat-ledger/jurat/query/value"
)

// A lateral side that merely filters and computes is no different from a join: of FROM a, LATERAL (SELECT b.y + a.y FROM b WHERE b.x =
// a.x) l it makes a joined with b on b.x = a.x, and l's columns computed from the joined rows. So b is read once, and not for each row
// of a.

// maxPulled bounds the parts of expressions of what is pulled up: what nested queries compute stands there as often as it is named.
const maxPulled = 500

// A pulledPlan is a lateral join in another form. Without FROM in the lateral side it is a projection, and join is nil.
type pulledPlan struct {
	node // nil if the lateral side is to be executed for each row
	join *joinNode
}

// newPulled makes the operator of a lateral join in another form. It returns nil if there is none, or few rows are wanted, or those of
// the left side come in the order that is wished for, which a join would not keep.
func (x *execution) newPulled(n *joinNode, w wish) (operator, error) {
	ordered := inOrder(n.l, w.order)
	if x.session.engine.maxEach == math.MaxInt || w.few > 0 && w.few < value.BatchSize && (ordered || len(w.order) == 0) {
		return nil, nil
	}
	plan, ok := x.pulled[n]
	if !ok {
		p := &pulling{x: x, slots: slotsOf(n.args)}
		plan = p.pull(n)
		if x.pulled == nil {
			x.pulled = map[*joinNode]pulledPlan{}
		}
		x.pulled[n] = plan
	}
	switch {
	case plan.node == nil || plan.join != nil && ordered:
		return nil, nil
	case plan.join == nil:
		return x.operator(plan.node, w)
	}
	part := x.keeping()
	op, err := part.operator(plan.node, w)
	if err != nil {
		return nil, err
	}
	if x.fault == nil {
		x.fault = part.fault
	}
	return &pulledOp{operator: op, x: x, n: n, w: w, part: part, once: isVolatilePlan(n.l)}, nil
}

// A pulledOp is a lateral join as a plain one, unless the left side turns out to have few rows, as long as the memory of the statement is
// enough for its right side.
type pulledOp struct {
	operator
	x    *execution
	n    *joinNode
	w    wish
	part *execution // whose memory is that of the join
	once bool       // the left side must not be executed again, or is executed for each row
}

func (op *pulledOp) next() (*value.Batch, error) {
	b, err := op.operator.next()
	op.once = op.once || b != nil
	if few, ok := err.(*fewRows); ok {
		op.operator.close()
		return op.each(few.left)
	}
	if e, ok := err.(*Error); !ok || e.Code != codeOutOfMemory || op.once {
		return b, err
	}
	op.x.pulled[op.n] = pulledPlan{} // nor does the next execution for a row around
	op.x.forget()
	op.close()
	return op.each(nil)
}

// each goes on with the lateral side executed for each row of left, of the left side from its beginning if that is nil.
func (op *pulledOp) each(left operator) (*value.Batch, error) {
	op.operator, op.once = &oneRowOp{}, true // there is nothing left to close
	each, err := op.x.newEach(op.n, op.w, left)
	if err != nil {
		if left != nil {
			left.close()
		}
		return nil, err
	}
	op.operator = each
	return each.next()
}

// explain shows the join, unless the lateral side was executed for each row where the operator ran before.
func (op *pulledOp) explain() explained {
	if _, each := op.operator.(*lateralOp); !each && op.x.analyzes() && op.x.explaining.countsOf(op.n.r).loops > 0 {
		if each, err := op.x.newEach(op.n, op.w, nil); err == nil {
			defer each.close()
			return each.explain()
		}
	}
	return op.operator.explain()
}

func (op *pulledOp) close() {
	op.operator.close()
	op.part.end()
}

// A pulling is the lateral side of a join on its way to be a plain one.
type pulling struct {
	x       *execution
	slots   map[*outerSlot]bool
	refused bool
}

// A flatPlan is a plan in parts: the rows of n for which all conditions hold, in their order, give columns.
type flatPlan struct {
	n     node   // without the slots
	gates []expr // conditions that are looked at before a row is read
	conds []expr // over the columns of n, and slots
	outs  []expr // too
	all   bool   // outs are computed of all rows of n, whatever conds say
	keys  []expr // further columns of n to be, which conds compare with the row around
}

func (p *pulling) pull(n *joinNode) (plan pulledPlan) {
	if n.keepR || slices.ContainsFunc(argExprs(n.args), func(e expr) bool { return !isColumn(e) }) || isVolatilePlan(n.r) {
		return plan
	}
	f, args, left := p.flatten(n.r), n.args, len(n.l.columns())
	_, one := f.n.(*oneRowNode)
	if !one {
		args = append(slices.Clone(args), p.join(&f, n.on, left)...)
	}
	for slot := range freeSlots(f.n) {
		p.refused = p.refused || p.slots[slot]
	}
	if p.refused {
		return plan
	}
	over := func(list []expr) []expr { return (&semiJoin{conds: list, args: args}).conditions(left, 0) }
	gates, conds, outs := over(f.gates), over(f.conds), slices.Concat(columnsOf(n.l), over(f.outs))
	if anyFolds(gates) || anyFolds(conds) || anyFolds(outs) || slices.ContainsFunc(gates, early) || n.keepL && len(gates) > 0 && raises(f.n) {
		return plan
	}
	if one {
		return pulledPlan{node: computed(n, append(gates, conds...), outs)}
	}
	j := &joinNode{l: n.l, r: f.n, keepL: n.keepL, each: n, cols: append(slices.Clone(n.l.columns()), f.n.columns()...), on: conds}
	if n.keepL {
		j.on = append(gates, conds...)
	} else {
		j.l = filtered(n.l, gates)
	}
	match := j.matchKey(!n.keepL || len(gates) == 0)
	if match == nil || slices.ContainsFunc(j.on, isCostly) || tooLarge(j.on) || anyFolds(j.on) {
		return plan
	}
	for i, e := range outs[left:] {
		if c, ok := e.(*columnExpr); n.keepL && !(ok && c.index >= left) { // which is null already for a row without a match
			outs[left+i] = &caseExpr{conds: []expr{match}, results: []expr{e}, t: e.typ()}
		}
	}
	return pulledPlan{&projectNode{in: j, exprs: outs, cols: n.cols}, j}
}

// early reports whether a condition on the left side alone may fail there before one that stands in front of it is looked at.
func early(e expr) bool { return isCostly(e) || side(e, 0) == 0 && mayRaise(e) }

func isColumn(e expr) bool {
	_, ok := e.(*columnExpr)
	return ok
}

// computed is a lateral join with one row, or with none where the conditions do not hold.
func computed(n *joinNode, conds, outs []expr) node {
	if n.keepL && len(conds)+len(n.on) > 0 {
		return nil
	}
	return filtered(&projectNode{in: filtered(n.l, conds), exprs: outs, cols: n.cols}, n.on)
}

// matchKey returns the condition that a joined row has a match, nil if the join would not be by hash of columns, which never fail. What
// the first condition compares of the left side may fail if that is looked at for each of its rows, as soon as there is one on the right.
func (n *joinNode) matchKey(each bool) (match expr) {
	left := len(n.l.columns())
	for i, e := range n.on {
		l, r, ok := equiKeys(e, left)
		if !ok {
			continue
		}
		if mayRaise(l) && !(each && i == 0) || mayRaise(r) {
			return nil
		}
		if isColumn(r) && !r.typ().IsRow() {
			match = &testExpr{x: shift(r, left), test: testNull, not: true}
		}
	}
	return match
}

// join adds the conditions of the join to its lateral side, which is the same, as ones on the row around. It returns what their slots hold.
func (p *pulling) join(f *flatPlan, on []expr, left int) (args []outerArg) {
	where := make([]expr, len(on))
	for i, e := range on {
		where[i] = rebuild(e, func(x expr) expr {
			c, ok := x.(*columnExpr)
			switch {
			case !ok:
				return x
			case c.index >= left:
				return shift(c, -left)
			}
			slot := &outerSlot{name: c.name}
			p.slots[slot], args = true, append(args, outerArg{slot, c})
			return &outerExpr{slot: slot, t: c.t, fields: c.fields}
		})
	}
	own := p.part(f, where)
	f.n = filtered(f.n, own)
	*f = f.withKeys()
	return args
}

// flatten takes a plan apart as far as it only filters, computes and joins.
func (p *pulling) flatten(n node) flatPlan {
	switch n := n.(type) {
	case *filterNode:
		f := p.flatten(n.in)
		where, gates := split(n.where, func(e expr) bool { return side(e, 0) != 0 || !isConstant(e) })
		own := p.part(&f, where)
		f.n, f.gates = filtered(f.n, own), append(gates, f.gates...)
		return f.withKeys()
	case *scanNode:
		if n.sample != nil {
			break
		}
		bare := *n
		bare.where = nil
		f := flatPlan{n: &bare, outs: columnsOf(n), all: true}
		bare.where = p.part(&f, n.where)
		p.refused = p.refused || p.x.seeks(n, f.conds)
		return f.withKeys()
	case *projectNode:
		if n.set {
			break
		}
		f := p.flatten(n.in)
		outs := f.outs
		f.outs, f.all = make([]expr, len(n.exprs)), len(f.conds) == 0 || f.all && !slices.ContainsFunc(n.exprs, mayRaise)
		for i, e := range n.exprs {
			f.outs[i] = substitute(e, outs)
		}
		p.refused = p.refused || tooLarge(f.outs)
		return f
	case *joinNode:
		if n.keepL || n.keepR || len(n.args) > 0 {
			break
		}
		return p.flattenJoin(n)
	case *sharedNode:
		if n.query.uses == 1 && !n.query.always {
			return p.flatten(n.query.plan)
		}
	}
	return flatPlan{n: n, outs: columnsOf(n), all: true}
}

func (p *pulling) flattenJoin(n *joinNode) flatPlan {
	l, r := p.flatten(n.l), p.flatten(n.r)
	j := &joinNode{l: l.n, r: r.n, cols: append(slices.Clone(l.n.columns()), r.n.columns()...)}
	f := flatPlan{n: j, gates: append(l.gates, r.gates...), conds: l.conds, outs: l.outs, all: l.all && r.all}
	width := len(l.n.columns())
	for _, e := range r.conds {
		f.conds = append(f.conds, shift(e, width))
	}
	for _, e := range r.outs {
		f.outs = append(f.outs, shift(e, width))
	}
	j.on = p.part(&f, n.on)
	return f.withKeys()
}

// part adds those of some conditions to a plan that depend on the row around, and those that may fail: for the rows alone that the others
// leave. It returns the rest, which a table may find its rows by.
func (p *pulling) part(f *flatPlan, where []expr) (own []expr) {
	for _, e := range where {
		all := len(f.conds) == 0 || f.all && !mayRaise(e)
		e = substitute(e, f.outs)
		switch {
		case all && usesSlots(e, p.slots):
			f.conds = append(f.conds, p.asKey(f, e))
		case usesSlots(e, p.slots) || mayRaise(e) && !isSought(e):
			f.conds = append(f.conds, e)
		default:
			own = append(own, e)
		}
	}
	return own
}

// asKey returns a condition that all rows of f.n are looked at for. What it sets equal to the row around becomes a column: it is computed
// once for each of these rows, as it was, and a join is by it even if that may fail.
func (p *pulling) asKey(f *flatPlan, e expr) expr {
	c, ok := e.(*callExpr)
	if !ok || !c.operator || c.call.Func.Name != "=" || !haveEqualKeys(c.args[0].typ(), c.args[1].typ()) || isVolatile(e) {
		return e
	}
	args := slices.Clone(c.args)
	for i, key := range args {
		if _, _, plain := plainColumn(key); !plain && side(key, 0) != 0 && !usesSlots(key, p.slots) && side(args[1-i], 0) == 0 {
			args[i] = &columnExpr{index: len(f.n.columns()) + len(f.keys), t: key.typ(), name: exprText(key), fields: fieldsOf(key)}
			f.keys = append(f.keys, key)
		}
	}
	return &callExpr{call: c.call, args: args, operator: true}
}

// withKeys adds the keys to the columns of n.
func (f flatPlan) withKeys() flatPlan {
	if len(f.keys) > 0 {
		cols := slices.Clone(f.n.columns())
		for _, e := range f.keys {
			cols = append(cols, Column{Name: exprText(e), Type: e.typ(), TypeModifier: -1, Fields: fieldsOf(e)})
		}
		f.n, f.keys = &projectNode{in: f.n, exprs: append(columnsOf(f.n), f.keys...), cols: cols}, nil
	}
	return f
}

// isSought reports whether a condition compares a column with a value that is the same for all rows.
func isSought(e expr) bool {
	c, ok := e.(*callExpr)
	if !ok || !c.operator || !compares(c.call) {
		return false
	}
	columns, rest := split(c.args, func(a expr) bool {
		_, _, ok := plainColumn(a)
		return ok
	})
	return len(columns) == 1 && len(rest) == 1 && isConstant(rest[0])
}

// anyFolds reports whether expressions have parts over constants alone that may fail: a constant in the place of a column makes such parts,
// and the statement would fail before it reads a row.
func anyFolds(list []expr) bool {
	found := false
	for _, e := range list {
		walk(e, func(x expr) {
			switch x.(type) {
			case *callExpr, *castExpr:
				constant := len(children(x)) > 0 && side(x, 0) == 0 && isConstant(x) && !usesOuter(x) && !dependsOnMoment(x)
				found = found || constant && mayRaise(x)
			}
		})
	}
	return found
}

// tooLarge reports whether expressions have more than maxPulled parts.
func tooLarge(list []expr) bool {
	parts := 0
	for _, e := range list {
		walk(e, func(expr) { parts++ })
	}
	return parts > maxPulled
}

// seeks reports whether a table finds its rows by what one of the conditions compares with the row around.
func (x *execution) seeks(n *scanNode, conds []expr) bool {
	ranges, isRanged := n.table.(rangeTable)
	path, err := n.table.Plan(&ScanRequest{Session: x.session, Need: make([]bool, len(n.cols)), AsOf: x.asOf})
	return err != nil || slices.ContainsFunc(conds, func(e expr) bool {
		if isRanged && isRangeOf(ranges, e) {
			return true
		}
		c, ok := e.(*callExpr)
		return ok && c.call.Func.Name == "=" && slices.ContainsFunc(c.args, func(a expr) bool {
			column, _, ok := plainColumn(a)
			return ok && slices.Contains(path.Keys, column)
		})
	})
}

// raises reports whether something in a plan may fail.
func raises(n node) bool {
	return slices.ContainsFunc(exprsOf(n), mayRaise) || slices.ContainsFunc(inputsOf(n), raises)
}

// mayRaise reports whether e may fail, or is costly. Comparisons of plain values do not.
func mayRaise(e expr) bool {
	raises := false
	walk(e, func(x expr) {
		switch x := x.(type) {
		case *constExpr, *columnExpr, *outerExpr, *paramExpr, *logicExpr, *testExpr, *coalesceExpr, *caseExpr, *arrayExpr:
		case *callExpr:
			raises = raises || !x.operator || !compares(x.call) || slices.ContainsFunc(x.args, isComposite)
		case *quantifiedExpr:
			raises = raises || !compares(x.op) || isComposite(x.x)
		case *castExpr:
			if x.modify != nil || x.cast != nil && !x.cast.Binary && !widens(x.cast.From, x.cast.To) && (!isInteger(x.cast.From) || x.t != value.NumericT) {
				raises = true
			}
		default:
			raises = true
		}
	})
	return raises
}

// compares reports whether a call is of a comparison.
func compares(c *fn.Call) bool {
	_, ok := constraintOps[c.Func.Name]
	return ok || c.Func.Name == "<>"
}

// isComposite reports whether e is an array or a row, whose parts may have no comparison.
func isComposite(e expr) bool { return e.typ().IsRow() || e.typ().Elem != 0 }

// inOrder reports whether the left side of a lateral join may come in the order that is wished for, which a join would not keep.
func inOrder(n node, order []OrderKey) bool {
	if len(order) == 0 || order[0].Column >= len(n.columns()) {
		return false
	}
	for {
		switch m := n.(type) {
		case *filterNode:
			n = m.in
		case *valuesNode, *aggregateNode, *appendNode, *setNode, *oneRowNode, *recursiveNode, *workNode:
			return false
		case *sharedNode:
			if m.query.uses > 1 || m.query.always {
				return false
			}
			n = m.query.plan
		case *seriesNode:
			return m.in != nil
		case *joinNode:
			return len(m.args) > 0
		case *projectNode:
			n = m.in
		default:
			return true
		}
	}
}
