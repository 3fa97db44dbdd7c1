package query

import (
	"iter"
	"slices"
)

// pushDown adds conditions over the columns of n as far down as they can go.
func pushDown(n node, where []expr) node {
	if len(where) == 0 {
		return n
	}
	switch n := n.(type) {
	case *scanNode:
		if n.where == nil {
			n.where = slices.Clip(where)
			return n
		}
		n.where = append(n.where, where...)
		return n
	case *filterNode:
		n.in = pushDown(n.in, where)
		return n
	case *projectNode:
		return pushIntoProject(n, where)
	case *joinNode:
		return pushIntoJoin(n, where)
	case *semiNode:
		n.l = pushDown(n.l, where)
		return n
	case *seriesNode:
		if n.in != nil {
			return pushIntoSeries(n, where)
		}
	case *sortNode:
		n.in = pushDown(n.in, where)
		return n
	case *aggregateNode:
		return pushBelow(n, &n.in, where, func(k int) expr { return n.plainKey(k) })
	case *windowNode:
		return pushBelow(n, &n.in, where, func(k int) expr { return keyColumn(n.partition, k) })
	case *distinctNode:
		return pushBelow(n, &n.in, where, func(k int) expr { return keyColumn(n.keys, k) })
	case *appendNode:
		return pushIntoAppend(n, where)
	case *sharedNode: // settle looks at it again
		f := &filterNode{in: n, where: where}
		n.query.filters = append(n.query.filters, f)
		return f
	}
	return &filterNode{in: n, where: where}
}

// split parts conditions into those that go below a node and those that stay above it.
func split(where []expr, goes func(expr) bool) (below, above []expr) {
	for _, e := range where {
		if goes(e) {
			below = append(below, e)
		} else {
			above = append(above, e)
		}
	}
	return below, above
}

// filtered returns the rows of n that satisfy all conditions.
func filtered(n node, where []expr) node {
	if len(where) == 0 {
		return n
	}
	return &filterNode{in: n, where: where}
}

// pushBelow pushes conditions below a node that deals with the rows of a group apart from all others, where they hold for a whole
// group or for none of it. key gives what column k of the node is below it if that is the same in all rows of a group, else nil.
func pushBelow(n node, in *node, where []expr, key func(k int) expr) node {
	var below, above []expr
	for _, e := range where {
		grouped, columns := forkable(e), 0
		moved := rebuild(e, func(x expr) expr {
			c, ok := x.(*columnExpr)
			if !ok {
				return x
			}
			columns++
			if by := key(c.index); by != nil {
				return by
			}
			grouped = false
			return x
		})
		if grouped && columns > 0 { // a group without keys is there without rows too
			below = append(below, moved)
		} else {
			above = append(above, e)
		}
	}
	*in = pushDown(*in, below)
	return filtered(n, above)
}

// plainKey returns the expression that column k is grouped by if that is plain and all rows of a group have it, else nil.
func (n *aggregateNode) plainKey(k int) expr {
	if n.sets == nil && k < len(n.groups) && isPlain(n.groups[k]) {
		return n.groups[k]
	}
	return nil
}

// keyColumn returns the key that is column k, nil if none is.
func keyColumn(keys []expr, k int) expr {
	for _, e := range keys {
		if c, ok := e.(*columnExpr); ok && c.index == k {
			return c
		}
	}
	return nil
}

// pushIntoAppend pushes conditions to all parts of a UNION ALL.
func pushIntoAppend(n *appendNode, where []expr) node {
	below, above := split(where, forkable)
	for i := range n.ins {
		n.ins[i] = pushDown(n.ins[i], slices.Clone(below))
	}
	return filtered(n, above)
}

// settle pushes what was waiting above the queries of a WITH clause into those that turned out to be referred to once.
func settle(queries []*sharedQuery) {
	for _, q := range slices.Backward(queries) {
		if q.uses != 1 || q.always {
			continue
		}
		for _, f := range q.filters {
			below, above := split(f.where, forkable)
			q.plan, f.where = pushDown(q.plan, below), above
		}
	}
}

// pushIntoSeries pushes conditions that do not need what the functions give.
func pushIntoSeries(n *seriesNode, where []expr) node {
	width := len(n.in.columns())
	below, above := split(where, func(e expr) bool { return side(e, width) == 1 })
	n.in = pushDown(n.in, below)
	return filtered(n, above)
}

// pushIntoProject pushes conditions over columns that the projection passes on unchanged: anything else would be computed
// twice, and in nested queries twice as often with each level.
func pushIntoProject(n *projectNode, where []expr) node {
	below, above := split(where, func(e expr) bool {
		plain := !n.set
		walk(e, func(x expr) {
			if c, ok := x.(*columnExpr); ok {
				plain = plain && isPlain(n.exprs[c.index])
			}
		})
		return plain
	})
	for i, e := range below {
		below[i] = substitute(e, n.exprs)
	}
	n.in = pushDown(n.in, below)
	return filtered(n, above)
}

// pushIntoJoin pushes conditions to the side that they are about. Those about no row stay above, where they are looked at before
// a row is read.
func pushIntoJoin(n *joinNode, where []expr) node {
	reduce(n, where)
	left := len(n.l.columns())
	var l, r, above []expr
	for _, e := range where {
		switch s := side(e, left); {
		case s == 0 && isConstant(e):
			above = append(above, e)
		case s == 1 && !n.keepR:
			l = append(l, e)
		case s == 2 && !n.keepL:
			r = append(r, shift(e, -left))
		case !n.keepL && !n.keepR:
			n.on = append(n.on, e)
		default:
			above = append(above, e)
		}
	}
	n.l, n.r = pushDown(n.l, l), pushDown(n.r, r)
	imply(n)
	return filtered(n, above)
}

// reduce makes an outer join keep no rows without a match where conditions refuse those: programs join that way and then look for values of
// the other side.
func reduce(n *joinNode, where []expr) {
	left := len(n.l.columns())
	for _, e := range where {
		for _, column := range refusesNull(e) {
			if column < left {
				n.keepR = false
			} else {
				n.keepL = false
			}
		}
	}
}

// refusesNull returns columns whose null a condition does not accept. There may be others.
func refusesNull(e expr) (columns []int) {
	note := func(x expr) {
		if c, ok := x.(*columnExpr); ok {
			columns = append(columns, c.index)
		}
	}
	switch e := e.(type) {
	case *callExpr:
		if _, compares := constraintOps[e.call.Func.Name]; compares && e.operator && e.call.Func.Strict {
			for _, x := range e.args {
				note(x)
			}
		}
	case *quantifiedExpr:
		if !e.all && e.op.Func.Strict {
			note(e.x)
		}
	case *testExpr:
		if e.test == testNull && e.not && !e.x.typ().IsRow() {
			note(e.x)
		}
	}
	return columns
}

// pushOn pushes those conditions of an outer join that are about the side alone whose rows may go without a match.
func pushOn(n *joinNode) {
	if n.keepL == n.keepR {
		return
	}
	left := len(n.l.columns())
	var on, own []expr
	for _, e := range n.on {
		switch s := side(e, left); {
		case s == 2 && n.keepL && len(n.args) == 0:
			own = append(own, shift(e, -left))
		case s == 1 && n.keepR:
			own = append(own, e)
		default:
			on = append(on, e)
		}
	}
	n.on = on
	if n.keepL {
		n.r = pushDown(n.r, own)
	} else {
		n.l = pushDown(n.l, own)
	}
}

// imply has a condition on a column of one side of a join hold for the column of the other side that has to be equal, where rows of
// that side which do not satisfy it match nothing: so a range of rounds is read of both.
func imply(n *joinNode) {
	if len(n.args) > 0 {
		return
	}
	for l, r := range equalColumns(n.on, len(n.l.columns())) {
		left, right := boundsOf(n.l, l.index), boundsOf(n.r, r.index)
		if !n.keepR {
			n.r = pushDown(n.r, missing(left, right, r))
		}
		if !n.keepL {
			n.l = pushDown(n.l, missing(right, left, l))
		}
	}
}

// imply is that of a join.
func (n *semiNode) imply() {
	for l, r := range equalColumns(n.on, len(n.l.columns())) {
		n.r = pushDown(n.r, missing(boundsOf(n.l, l.index), boundsOf(n.r, r.index), r))
	}
}

// equalColumns gives the columns of both sides of a join, the left one having so many, of one type, that its conditions set equal.
func equalColumns(on []expr, left int) iter.Seq2[*columnExpr, *columnExpr] {
	return func(yield func(l, r *columnExpr) bool) {
		for _, e := range on {
			l, r, ok := equiKeys(e, left)
			if !ok {
				continue
			}
			lc, isL := l.(*columnExpr)
			rc, isR := r.(*columnExpr)
			if isL && isR && lc.t == rc.t && !yield(lc, rc) {
				return
			}
		}
	}
}

// A bound is a comparison of a column with a value that no row changes.
type bound struct {
	call *callExpr
	at   int // which argument is the column
}

// missing returns the bounds of some that others lack, as conditions on another column.
func missing(some, others []bound, column *columnExpr) (out []expr) {
	for _, b := range some {
		value := b.call.args[1-b.at]
		if slices.ContainsFunc(others, func(o bound) bool {
			return o.at == b.at && o.call.call.Func == b.call.call.Func && o.call.args[1-o.at] == value
		}) {
			continue
		}
		c := *b.call
		c.args = []expr{value, value}
		c.args[b.at] = column
		out = append(out, &c)
	}
	return out
}

// boundsOf returns the bounds that are known to hold for a column of a plan.
func boundsOf(n node, column int) (list []bound) {
	own := func(where []expr) {
		for _, e := range where {
			if b, ok := boundOf(e, column); ok {
				list = append(list, b)
			}
		}
	}
	switch n := n.(type) {
	case *scanNode:
		own(n.where)
	case *filterNode:
		own(n.where)
		list = append(list, boundsOf(n.in, column)...)
	case *sortNode:
		return boundsOf(n.in, column)
	case *semiNode:
		return boundsOf(n.l, column)
	case *projectNode:
		if c, ok := n.exprs[column].(*columnExpr); ok && !n.set {
			return boundsOf(n.in, c.index)
		}
	case *joinNode:
		left := len(n.l.columns())
		switch {
		case column < left && !n.keepR:
			return boundsOf(n.l, column)
		case column >= left && !n.keepL && len(n.args) == 0:
			return boundsOf(n.r, column-left)
		}
	}
	return list
}

// boundOf understands column op value and value op column.
func boundOf(e expr, column int) (bound, bool) {
	c, ok := e.(*callExpr)
	if !ok || !c.operator || len(c.args) != 2 {
		return bound{}, false
	}
	if _, compares := constraintOps[c.call.Func.Name]; !compares {
		return bound{}, false
	}
	for at, x := range c.args {
		if col, ok := x.(*columnExpr); ok && col.index == column && isConstant(c.args[1-at]) && forkable(c.args[1-at]) {
			return bound{c, at}, true
		}
	}
	return bound{}, false
}
