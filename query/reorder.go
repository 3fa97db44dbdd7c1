package query

import "slices"

// reorder changes the order in which three or more tables are joined where the order of FROM makes a product of two that
// no condition connects, although another order would not, and joins last what is lateral. The columns keep their order.
func reorder(n node) node {
	if f, ok := n.(*filterNode); ok {
		f.in = reorder(f.in)
		return f
	}
	top, ok := n.(*joinNode)
	if !ok {
		return n
	}
	if moved, at := sink(top); at != nil {
		return replaced(moved, top.cols, at)
	}
	j := &joinOrder{}
	j.flatten(top, 0)
	if len(j.leaves) < 3 || !j.hasProduct() {
		return n
	}
	return j.build(top.columns())
}

// joinOrder is a tree of inner joins taken apart.
type joinOrder struct {
	leaves []node
	first  []int // of each leaf: the number of its first column
	conds  []joinCond
}

// A joinCond is a condition with the leaves, by number, whose columns it uses.
type joinCond struct {
	e      expr // over the columns of the whole tree
	leaves []int
}

// flatten takes apart the tree of inner joins under n, whose columns begin with number base.
func (j *joinOrder) flatten(n node, base int) {
	join, ok := n.(*joinNode)
	if !ok || join.keepL || join.keepR || join.args != nil {
		j.leaves, j.first = append(j.leaves, n), append(j.first, base)
		return
	}
	j.flatten(join.l, base)
	j.flatten(join.r, base+len(join.l.columns()))
	for _, e := range join.on {
		e = shift(e, base)
		j.conds = append(j.conds, joinCond{e, j.uses(e)})
	}
}

// uses returns the leaves, of those known so far, whose columns e uses.
func (j *joinOrder) uses(e expr) (leaves []int) {
	walk(e, func(x expr) {
		if c, ok := x.(*columnExpr); ok {
			at, found := slices.BinarySearch(j.first, c.index)
			if !found {
				at--
			}
			// A table without columns begins where the next one does.
			for at+1 < len(j.first) && j.first[at+1] == j.first[at] {
				at++
			}
			if !slices.Contains(leaves, at) {
				leaves = append(leaves, at)
			}
		}
	})
	return leaves
}

// connected reports whether an equality connects a leaf with those placed.
func (j *joinOrder) connected(leaf int, placed []int) bool {
	return slices.ContainsFunc(j.conds, func(c joinCond) bool {
		call, ok := c.e.(*callExpr)
		if !ok || !call.operator || call.call.Func.Name != "=" || len(c.leaves) < 2 || !slices.Contains(c.leaves, leaf) {
			return false
		}
		return !slices.ContainsFunc(c.leaves, func(l int) bool { return l != leaf && !slices.Contains(placed, l) })
	})
}

// hasProduct reports whether the order of FROM joins two tables that nothing connects, while the later of them is connected
// with one that follows.
func (j *joinOrder) hasProduct() bool {
	var all []int
	for i := range j.leaves {
		all = append(all, i)
	}
	for i := 1; i < len(j.leaves); i++ {
		others := slices.DeleteFunc(slices.Clone(all), func(k int) bool { return k == i })
		if !j.connected(i, all[:i]) && j.connected(i, others) {
			return true
		}
	}
	return false
}

// narrow reports whether a condition with a constant is put to a leaf.
func (j *joinOrder) narrow(leaf int) bool {
	s, ok := j.leaves[leaf].(*scanNode)
	return ok && len(s.where) > 0
}

// order returns the leaves in an order that joins what is connected, and narrowed tables first.
func (j *joinOrder) order() (placed []int) {
	for len(placed) < len(j.leaves) {
		best, rank := -1, -1
		for i := range j.leaves {
			if slices.Contains(placed, i) {
				continue
			}
			r := 0
			if j.connected(i, placed) {
				r = 2
			}
			if j.narrow(i) {
				r++
			}
			if r > rank {
				best, rank = i, r
			}
		}
		placed = append(placed, best)
	}
	return placed
}

// build joins the leaves anew and puts the columns back in their order.
func (j *joinOrder) build(cols []Column) node {
	at := make([]int, len(cols)) // where each column stands now
	place := func(leaf, next int) {
		for k := range j.leaves[leaf].columns() {
			at[j.first[leaf]+k] = next + k
		}
	}
	order := j.order()
	acc := j.leaves[order[0]]
	place(order[0], 0)
	left := j.conds
	for n, leaf := range order[1:] {
		place(leaf, len(acc.columns()))
		r := j.leaves[leaf]
		join := &joinNode{l: acc, r: r, cols: append(slices.Clone(acc.columns()), r.columns()...)}
		var later []joinCond
		for _, c := range left {
			if slices.ContainsFunc(c.leaves, func(l int) bool { return !slices.Contains(order[:n+2], l) }) {
				later = append(later, c)
				continue
			}
			join.on = append(join.on, relocate(c.e, at))
		}
		acc, left = join, later
	}
	return replaced(acc, cols, at)
}
