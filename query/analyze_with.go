package query

import (
	"slices"

	"github.com/jurat-ledger/jurat/query/fn"
	"github.com/jurat-ledger/jurat/query/parse"
	"github.com/jurat-ledger/jurat/query/value"
)

// A recursion is a query of WITH RECURSIVE that is being analyzed. Its own name is a reference to the rows of the
// iteration before.
type recursion struct {
	work     *workTable // nil while the reference is not allowed
	refused  string     // why, with %q for the name
	uses     int
	frames   int // rows around that the query may refer to
	nullable int // outer joins around it
	depth    int // of the query that used it last
}

// A workTable is the rows of the last iteration of a recursive query. Executions know it by its address.
type workTable struct {
	cols []Column
	slot *outerSlot // stands for the rows where it matters what a plan depends on
}

// A workNode reads a workTable.
type workNode struct{ table *workTable }

// A recursiveNode gives the rows of l, and then those of r again and again, with the rows that the last time gave in the
// work table, until there are none. Without all, rows that were given before are left out.
type recursiveNode struct {
	l, r node
	work *workTable
	all  bool
}

func (n *workNode) columns() []Column      { return n.table.cols }
func (n *recursiveNode) columns() []Column { return n.work.cols }

// with analyzes the queries of a WITH clause.
func (a *analyzer) with(w *parse.With) error {
	for i, c := range w.CTEs {
		sel, ok := c.Query.(*parse.Select)
		if !ok {
			return a.unsupported(c, "a data-modifying statement in WITH is")
		}
		for _, other := range w.CTEs[:i] {
			if other.Name == c.Name {
				return a.fail(errf(codeDuplicateAlias, "WITH query name %q specified more than once", c.Name), c)
			}
		}
		q := &sharedQuery{name: c.Name, cols: c.Cols, always: c.Materialized == parse.MaterializedAlways}
		var err error
		if w.Recursive {
			err = a.recursive(w, i, q, sel)
		} else {
			q.plan, q.args, err = a.inner(&scope{}, sel)
		}
		if err != nil {
			return err
		}
		if len(c.Cols) > len(q.plan.columns()) {
			return a.fail(errf(codeInvalidColumnRef, "WITH query %q has %d columns available but %d columns specified", c.Name, len(q.plan.columns()), len(c.Cols)), c)
		}
		a.ctes = append(slices.Clip(a.ctes), q)
	}
	return nil
}

// recursive analyzes query i of a WITH RECURSIVE, which may refer to itself.
func (a *analyzer) recursive(w *parse.With, i int, q *sharedQuery, sel *parse.Select) error {
	saved := a.ctes
	defer func() { a.ctes = saved }()
	for _, later := range w.CTEs[i+1:] {
		a.ctes = append(slices.Clip(a.ctes), &sharedQuery{name: later.Name, later: true})
	}
	q.self = &recursion{refused: "recursive query %q does not have the form non-recursive-term UNION [ALL] recursive-term", nullable: a.nullable}
	a.ctes = append(slices.Clip(a.ctes), q)
	var err error
	q.args, err = a.within(&scope{}, false, func() error {
		q.self.frames = a.rowsAround()
		if sel.Op != parse.Union || sel.With != nil {
			q.plan, err = a.query(sel, nil)
			return err
		}
		q.plan, err = a.recursiveUnion(q, sel)
		return err
	})
	q.self = nil
	return err
}

// recursiveUnion analyzes a UNION whose right side may refer to the whole.
func (a *analyzer) recursiveUnion(q *sharedQuery, sel *parse.Select) (node, error) {
	self := q.self
	self.refused = "recursive reference to query %q must not appear within its non-recursive term"
	l, err := a.side(sel.Left, nil)
	if err != nil {
		return nil, err
	}
	work := &workTable{slot: &outerSlot{name: q.name}, cols: slices.Clone(l.columns())}
	for k := range work.cols {
		c := &work.cols[k]
		c.Table, c.Attribute = 0, 0
		if c.Type == value.Unknown {
			c.Type = value.Text
		}
		if k < len(q.cols) {
			c.Name = q.cols[k]
		}
	}
	self.work = work
	r, err := a.side(sel.Right, nil)
	if err != nil {
		return nil, err
	}
	if self.uses == 0 {
		return a.combined(sel, l, r)
	}
	switch {
	case sel.OrderBy != nil:
		return nil, a.unsupportedRecursion(sel, "ORDER BY")
	case sel.Limit != nil:
		return nil, a.unsupportedRecursion(sel, "LIMIT")
	case sel.Offset != nil:
		return nil, a.unsupportedRecursion(sel, "OFFSET")
	}
	if l, r, err = a.alignRecursion(q, sel, l, r); err != nil {
		return nil, err
	}
	return &recursiveNode{l: l, r: r, work: work, all: sel.All}, nil
}

func (a *analyzer) unsupportedRecursion(at parse.Node, what string) error {
	return a.fail(errf(codeUnsupported, "%s in a recursive query is not implemented", what), at)
}

// alignRecursion makes the columns of both sides those of the work table, whose types the left side has set.
func (a *analyzer) alignRecursion(q *sharedQuery, sel *parse.Select, l, r node) (node, node, error) {
	cols := q.self.work.cols
	if len(r.columns()) != len(cols) {
		return nil, nil, a.fail(errf(codeSyntax, "each UNION query must have the same number of columns"), sel.Right)
	}
	lp, rp := &projectNode{in: l, cols: cols}, &projectNode{in: r, cols: cols}
	for i, c := range cols {
		pair := []expr{untyped(l, i), untyped(r, i)}
		t, err := a.commonType("UNION", slices.Clone(pair), func(int) parse.Node { return sel })
		if err != nil {
			return nil, nil, err
		}
		if t != c.Type {
			e := errf(codeDatatypeMismatch, "recursive query %q column %d has type %s in non-recursive term but type %s overall", q.name, i+1, c.Type.SQL, t.SQL)
			return nil, nil, a.fail(e.hint("Cast the output of the non-recursive term to the correct type."), sel.Left)
		}
		for k, p := range []*projectNode{lp, rp} {
			x, err := a.coerce(pair[k], t, fn.Implicit)
			if err != nil {
				return nil, nil, a.fail(err, sel)
			}
			p.exprs = append(p.exprs, x)
		}
	}
	return lp, rp, nil
}

// fromWork analyzes a reference of a recursive query to itself.
func (a *analyzer) fromWork(t *parse.Table, q *sharedQuery) (node, *scope, error) {
	self := q.self
	fail := func(format string) (node, *scope, error) {
		return nil, nil, a.fail(errf(codeRecursion, format, q.name), t)
	}
	self.uses++
	switch {
	case self.work == nil:
		return fail(self.refused)
	case a.rowsAround() > self.frames:
		return fail("recursive reference to query %q must not appear within a subquery")
	case a.nullable > self.nullable:
		return fail("recursive reference to query %q must not appear within an outer join")
	case self.uses > 1:
		return fail("recursive reference to query %q must not appear more than once")
	}
	self.depth, a.recursing = a.depth, self
	plan := &workNode{table: self.work}
	s, err := a.derived(t, plan, q.name, t.Alias)
	return plan, s, err
}

// rowsAround counts the frames that are no part of the same FROM.
func (a *analyzer) rowsAround() int {
	n := 0
	for _, fr := range a.outer {
		if !fr.lateral {
			n++
		}
	}
	return n
}
