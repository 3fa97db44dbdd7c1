package query

import "slices"

// sink moves plain inner joins below the lateral joins that stand before them in FROM, so that the lateral side is executed for
// the rows that they leave: of FROM a, LATERAL l, c WHERE a.x = c.x it makes a joined with c, and l for each row of that. A
// join is moved if a condition connects it with what the lateral join is over. sink returns where each column of n stands in
// the result, nil if nothing was moved.
func sink(n node) (moved node, at []int) {
	top, ok := n.(*joinNode)
	if !ok || top.keepL || top.keepR || top.args != nil {
		return n, nil
	}
	l, placed := sink(top.l)
	on := top.on
	if placed != nil {
		for i := range top.r.columns() {
			placed = append(placed, len(l.columns())+i)
		}
		on = relocateAll(on, placed)
		top = &joinNode{l: l, r: top.r, on: on, cols: append(slices.Clone(l.columns()), top.r.columns()...)}
	}
	lateral, ok := l.(*joinNode)
	if !ok || lateral.args == nil {
		return top, placed
	}
	s := sinking{lateral: lateral, r: top.r, left: len(lateral.l.columns()), right: len(lateral.r.columns())}
	if !s.divide(on) {
		return top, placed
	}
	moved, at = s.build()
	if placed == nil {
		return moved, at
	}
	for i, k := range placed {
		placed[i] = at[k]
	}
	return moved, placed
}

// A sinking is a join of a lateral join with r, which is to be moved below it. Its columns are left of what the lateral join is
// over, right of what it executes for each row, and those of r.
type sinking struct {
	lateral     *joinNode
	r           node
	left, right int
	below, rest []expr // the conditions that need nothing of the lateral side, and the others
}

// divide divides the conditions, and reports whether one of them connects r with what the lateral join is over.
func (s *sinking) divide(on []expr) (connected bool) {
	for _, e := range on {
		var over, lateral, r bool
		walk(e, func(x expr) {
			if c, ok := x.(*columnExpr); ok {
				over = over || c.index < s.left
				lateral = lateral || c.index >= s.left && c.index < s.left+s.right
				r = r || c.index >= s.left+s.right
			}
		})
		if lateral {
			s.rest = append(s.rest, e)
			continue
		}
		s.below = append(s.below, e)
		connected = connected || over && r
	}
	return connected
}

// build makes the joins anew. at says where each column of the join stands now.
func (s *sinking) build() (n node, at []int) {
	width := len(s.r.columns())
	up := make([]int, s.left+s.right+width) // of the join's columns: their places in the new lower join
	for i := range up {
		if up[i] = i; i >= s.left+s.right {
			up[i] = i - s.right
		}
	}
	join := &joinNode{l: s.lateral.l, r: s.r, on: relocateAll(s.below, up)}
	join.cols = append(slices.Clone(s.lateral.l.columns()), s.r.columns()...)
	lower, placed := sink(join)
	if placed == nil {
		lower = reorder(lower)
	}
	at = make([]int, len(up))
	for i := range at {
		switch {
		case i >= s.left && i < s.left+s.right:
			at[i] = i + width
		case placed != nil:
			at[i] = placed[up[i]]
		default:
			at[i] = up[i]
		}
	}
	out := &joinNode{l: lower, r: s.lateral.r, keepL: s.lateral.keepL, on: relocateAll(s.lateral.on, at)}
	out.cols = append(slices.Clone(lower.columns()), s.lateral.r.columns()...)
	for _, a := range s.lateral.args {
		out.args = append(out.args, outerArg{a.slot, relocate(a.x, at)})
	}
	rest := relocateAll(s.rest, at)
	if len(rest) > 0 && out.keepL { // they remove rows, where those of an outer join would fill them with nulls
		return &filterNode{in: out, where: rest}, at
	}
	out.on = append(out.on, rest...)
	return out, at
}

// relocate returns e with column i replaced by column at[i].
func relocate(e expr, at []int) expr {
	return rebuild(e, func(x expr) expr {
		if c, ok := x.(*columnExpr); ok {
			return &columnExpr{index: at[c.index], t: c.t, name: c.name, fields: c.fields}
		}
		return x
	})
}

func relocateAll(list []expr, at []int) []expr {
	out := make([]expr, len(list))
	for i, e := range list {
		out[i] = relocate(e, at)
	}
	return out
}

// replaced puts the columns of a node that was built anew back in their order: column i is now column at[i] of n.
func replaced(n node, cols []Column, at []int) node {
	p := &projectNode{in: n, cols: cols}
	for i, c := range cols {
		p.exprs = append(p.exprs, &columnExpr{index: at[i], t: c.Type, name: c.Name, fields: c.Fields})
	}
	return p
}
