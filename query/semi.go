package query

import (
	"slices"

	"github.com/jurat-ledger/jurat/query/value"
)

// A semiNode passes the rows of l for which r has a row that satisfies all conditions, which are over the columns of l and then
// those of r; with anti set those for which it has none.
type semiNode struct {
	l, r node
	on   []expr
	anti bool
}

func (n *semiNode) columns() []Column { return n.l.columns() }

// A semiJoin is a condition of WHERE that can become a semiNode: [NOT] EXISTS, or IN, over a query that refers to the row around
// by equalities.
type semiJoin struct {
	plan  node       // without the conditions that refer to the row around
	conds []expr     // those: over the columns of plan, and slots
	args  []outerArg // what the slots hold, over the columns of the row around
	anti  bool
}

// semiJoins takes the conditions that can be semi-joins out of those of a WHERE.
func semiJoins(where []expr) (list []*semiJoin, rest []expr) {
	for i, e := range where {
		s := semiJoinOf(e)
		switch {
		case s != nil && list == nil:
			list, rest = append(list, s), slices.Clone(where[:i])
		case s != nil:
			list = append(list, s)
		case list != nil:
			rest = append(rest, e)
		}
	}
	if list == nil {
		return nil, where
	}
	return list, rest
}

// semiJoinOf returns a condition as a semi-join, nil if it cannot be one.
func semiJoinOf(e expr) *semiJoin {
	anti := false
	if not, ok := e.(*logicExpr); ok && not.op == opNot {
		anti, e = true, not.args[0]
	}
	var sub *subqueryExpr
	var outputs []expr // what is compared with the row around
	switch x := e.(type) {
	case *subqueryExpr:
		if x.kind == existsSubquery {
			sub = x
		}
	case *quantifiedExpr:
		array, ok := x.array.(*subqueryExpr)
		if !ok || anti || x.all || x.op.Func.Name != "=" || !haveEqualKeys(x.op.Args[0], x.op.Args[1]) {
			return nil
		}
		sub = array
	case *rowsExpr:
		if anti || x.all {
			return nil
		}
		sub = x.sub
	}
	if sub == nil || isVolatilePlan(sub.plan) {
		return nil
	}
	s := &semiJoin{anti: anti, plan: sub.plan, args: sub.args}
	if sub.kind != existsSubquery {
		if len(sub.args) == 0 && sub.kind == arraySubquery {
			return nil // its values are kept in a set, and may choose a path
		}
		outputs = columnsOf(sub.plan)
		if p, ok := sub.plan.(*projectNode); ok && !p.set && len(sub.args) > 0 {
			outputs, s.plan = p.exprs, p.in
		}
	}
	s.plan, s.conds = lift(s.plan, slotsOf(sub.args))
	free := freeSlots(s.plan)
	for _, a := range sub.args {
		if free[a.slot] {
			return nil
		}
	}
	s.compare(e, outputs)
	if !s.hashable() {
		return nil
	}
	return s
}

// compare adds the conditions that IN stands for.
func (s *semiJoin) compare(e expr, outputs []expr) {
	switch x := e.(type) {
	case *quantifiedExpr:
		slot := &outerSlot{name: "x"}
		s.args = append(slices.Clone(s.args), outerArg{slot, x.x})
		ref := &outerExpr{slot: slot, t: x.x.typ()}
		s.conds = append(s.conds, &callExpr{call: x.op, args: []expr{ref, outputs[0]}, operator: true})
	case *rowsExpr:
		s.args = slices.Clone(s.args)
		refs := make([]expr, len(x.xs))
		for i, y := range x.xs {
			slot := &outerSlot{name: "x" + itoa(i+1)}
			s.args = append(s.args, outerArg{slot, y})
			refs[i] = &outerExpr{slot: slot, t: y.typ(), fields: fieldsOf(y)}
		}
		s.conds = append(s.conds, conjuncts(substitute(x.cond, append(refs, outputs...)))...)
	}
}

func slotsOf(args []outerArg) map[*outerSlot]bool {
	slots := map[*outerSlot]bool{}
	for _, a := range args {
		slots[a.slot] = true
	}
	return slots
}

// hashable reports whether one of the conditions sets something of the row around equal to something of the query.
func (s *semiJoin) hashable() bool {
	width := s.width()
	return slices.ContainsFunc(s.conditions(width, 0), func(e expr) bool {
		_, _, ok := equiKeys(e, width)
		return ok
	})
}

// width is more than the number of any column of the row around that is used.
func (s *semiJoin) width() int {
	width := 1
	for _, a := range s.args {
		walk(a.x, func(x expr) {
			if c, ok := x.(*columnExpr); ok {
				width = max(width, c.index+1)
			}
		})
	}
	return width
}

// conditions returns the conditions over the columns of a left side of so many columns, which those of the row around follow from
// number from on, and then those of the query.
func (s *semiJoin) conditions(width, from int) []expr {
	by := map[*outerSlot]expr{}
	for _, a := range s.args {
		by[a.slot] = shift(a.x, -from)
	}
	out := make([]expr, len(s.conds))
	for i, e := range s.conds {
		out[i] = rebuild(e, func(x expr) expr {
			switch x := x.(type) {
			case *columnExpr:
				return &columnExpr{index: x.index + width, t: x.t, name: x.name, fields: x.fields}
			case *outerExpr:
				if own := by[x.slot]; own != nil {
					return own
				}
			}
			return x
		})
	}
	return out
}

// place puts a semi-join as far down in a plan as what it looks at allows. The columns of n are those of the row around from number
// from on.
func (s *semiJoin) place(n node, from int) node {
	if j, ok := n.(*joinNode); ok {
		left, sides := len(j.l.columns()), 0
		for _, a := range s.args {
			sides |= side(shift(a.x, -from), left)
		}
		switch {
		case sides == 1 && !j.keepR:
			j.l = s.place(j.l, from)
			return j
		case sides == 2 && !j.keepL && len(j.args) == 0:
			j.r = s.place(j.r, from+left)
			return j
		}
	}
	semi := &semiNode{l: n, r: s.plan, on: s.conditions(len(n.columns()), from), anti: s.anti}
	semi.imply()
	return semi
}

// lift takes the conditions with slots out of a plan; they are over its columns. The plan itself is left as it is.
func lift(n node, slots map[*outerSlot]bool) (node, []expr) {
	split := func(list []expr) (with, without []expr) {
		for _, e := range list {
			if usesSlots(e, slots) {
				with = append(with, e)
			} else {
				without = append(without, e)
			}
		}
		return with, without
	}
	switch n := n.(type) {
	case *filterNode:
		in, lifted := lift(n.in, slots)
		with, without := split(n.where)
		if len(without) > 0 {
			in = &filterNode{in: in, where: without}
		}
		return in, append(lifted, with...)
	case *projectNode:
		if in, lifted := lift(n.in, slots); rise(lifted, n.exprs) {
			c := *n
			c.in = in
			return &c, lifted
		}
	case *scanNode:
		c := *n
		with, without := split(n.where)
		c.where = without
		return &c, with
	case *joinNode:
		if n.keepL || n.keepR || len(n.args) > 0 {
			return n, nil
		}
		c := *n
		var l, r []expr
		c.l, l = lift(n.l, slots)
		c.r, r = lift(n.r, slots)
		for _, e := range r {
			l = append(l, shift(e, len(n.l.columns())))
		}
		with, without := split(n.on)
		c.on = without
		return &c, append(l, with...)
	}
	return n, nil
}

// rise puts conditions below a projection above it, if it passes on all columns that they are over.
func rise(conds, outputs []expr) bool {
	passed := true
	for i, e := range conds {
		conds[i] = rebuild(e, func(x expr) expr {
			c, ok := x.(*columnExpr)
			if !ok {
				return x
			}
			at := slices.IndexFunc(outputs, func(y expr) bool { out, ok := y.(*columnExpr); return ok && out.index == c.index })
			passed = passed && at >= 0
			return &columnExpr{index: at, t: c.t, name: c.name, fields: c.fields}
		})
	}
	return passed
}

func usesSlots(e expr, slots map[*outerSlot]bool) bool {
	found := false
	walk(e, func(x expr) {
		if o, ok := x.(*outerExpr); ok {
			found = found || slots[o.slot]
		}
	})
	return found
}

// isOneRow reports whether a LIMIT leaves at least one row.
func isOneRow(n *limitNode) bool {
	c, ok := n.limit.(*constExpr)
	return n.offset == nil && ok && !c.d.Null && c.d.Type == value.Int8 && c.d.I > 0
}
