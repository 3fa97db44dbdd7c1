package query

import (
	"fmt"
	"strings"

	"github.com/jurat-ledger/jurat/query/value"
)

// explained is what EXPLAIN shows of an operator.
type explained struct {
	title    string
	keys     []planKeys
	lines    []string // "Filter: …"
	rows     float64  // estimate
	startup  float64  // estimated cost before the first row
	total    float64  // estimated cost of all rows, with everything below
	width    int
	measured string         // of EXPLAIN ANALYZE
	actual   map[string]any // the same as properties
	subplan  string         // what it is to the operator above, if that is not an input
	plan     node           // of a subplan
	number   int            // of a subplan
	sample   *tableSample   // of a scan, nil for none
	children []explained
}

// planKeys are what an operator sorts or groups by.
type planKeys struct {
	name string // "Sort Key"
	keys []string
}

// append adds the lines of a plan, in the form of Postgres.
func (e *explained) append(lines []string, indent int, costs bool) []string {
	pad := strings.Repeat(" ", indent)
	head := pad + e.title
	if indent > 0 {
		head = strings.Repeat(" ", indent-4) + "->  " + e.title
	}
	if costs {
		head += fmt.Sprintf("  (cost=%.2f..%.2f rows=%.0f width=%d)", e.startup, e.total, e.rows, e.width)
	}
	lines = append(lines, head+e.measured)
	for _, k := range e.keys {
		lines = append(lines, pad+"  "+k.name+": "+strings.Join(k.keys, ", "))
	}
	for _, l := range e.lines {
		lines = append(lines, pad+"  "+l)
	}
	for i := range e.children {
		below := indent + 6
		if name := e.children[i].subplan; name != "" {
			lines = append(lines, fmt.Sprintf("%s  %s %d", pad, name, e.children[i].number))
			below += 2
		}
		lines = e.children[i].append(lines, below, costs)
	}
	return lines
}

// widthOf estimates the bytes of a row.
func widthOf(cols []Column) int {
	w := 0
	for _, c := range cols {
		if c.Type.Len > 0 {
			w += int(c.Type.Len)
		} else {
			w += 32
		}
	}
	return w
}

// under makes the description of an operator over its inputs; rows is the estimate of what it gives. blocking operators
// give their first row after they have read all.
func under(title string, n node, rows float64, lines []string, blocking bool, children ...operator) explained {
	inputs := make([]explained, len(children))
	for i, c := range children {
		inputs[i] = c.explain()
	}
	return over(title, n, rows, lines, blocking, inputs...)
}

// over is under for inputs that are described.
func over(title string, n node, rows float64, lines []string, blocking bool, inputs ...explained) explained {
	e := explained{title: title, lines: lines, rows: max(1, rows), width: widthOf(n.columns())}
	for _, child := range inputs {
		e.startup += child.startup
		e.total += child.total + child.rows*0.01
		e.children = append(e.children, child)
	}
	if blocking {
		e.startup = e.total
	}
	return e
}

func (op *oneRowOp) explain() explained {
	return explained{title: "Result", rows: 1, total: 0.01}
}

func (op *valuesOp) explain() explained {
	rows := float64(len(op.n.rows))
	return explained{title: "Values Scan on \"*VALUES*\"", rows: rows, total: rows * 0.0125, width: widthOf(op.n.cols)}
}

func (op *seriesOp) explain() explained {
	e := explained{title: "Function Scan on " + op.n.name, rows: 100, total: 1, width: widthOf(op.n.cols)}
	if op.n.in == nil {
		return e
	}
	loop := under("Nested Loop", op.n, 0, nil, false, op.in)
	loop.rows = loop.children[0].rows * e.rows
	loop.total += loop.children[0].rows * e.total
	loop.children = append(loop.children, e)
	return loop
}

func (op *scanOp) explain() explained {
	e := explained{title: op.path.Name, rows: op.path.Rows, total: op.path.Rows * 0.01}
	if op.n.sample != nil {
		if relation, ok := strings.CutPrefix(e.title, "Seq Scan "); ok {
			e.title = "Sample Scan " + relation
		}
		e.sample, e.lines = op.n.sample, append(e.lines, op.n.sample.line())
	}
	if op.parallel {
		e.title = "Parallel " + e.title
	}
	if op.n.alias != "" && op.n.alias != op.n.table.Def().Name {
		e.title += " " + op.n.alias
	}
	var visible []Column
	for i, c := range op.n.table.Def().Columns {
		if !c.Hidden {
			visible = append(visible, op.n.cols[i])
		}
	}
	e.width = widthOf(visible)
	var conds []string
	for _, c := range op.used {
		conds = append(conds, exprText(c.cond))
	}
	if op.lookups != "" {
		conds = append(conds, "("+op.lookups+" = ANY (keys of the join))")
	}
	if len(conds) > 0 {
		e.lines = append(e.lines, "Index Cond: "+conjunction(conds))
	}
	if len(op.rest) > 0 {
		e.lines = append(e.lines, "Filter: "+conditionText(op.rest))
		e.rows = max(1, e.rows/3)
	}
	return e
}

func conditionText(list []expr) string {
	parts := make([]string, len(list))
	for i, e := range list {
		parts[i] = exprText(e)
	}
	return conjunction(parts)
}

func conjunction(parts []string) string {
	if len(parts) == 1 {
		return parts[0]
	}
	return "(" + strings.Join(parts, " AND ") + ")"
}

// explain shows a filter as part of its input, as Postgres does.
func (op *filterOp) explain() explained {
	e := op.in.explain()
	e.lines = append(e.lines, "Filter: "+conditionText(op.n.where))
	e.total, e.rows = e.total+e.rows*0.01, max(1, e.rows/3)
	return e
}

// explain shows a projection as its input, as Postgres does, except above nothing.
func (op *projectOp) explain() explained {
	e := op.in.explain()
	e.width = widthOf(op.n.cols)
	return e
}

func (op *projectSetOp) explain() explained {
	e := under("ProjectSet", op.n, 0, nil, false, op.in)
	e.rows = e.children[0].rows * 10
	return e
}

func (op *aggregateOp) explain() explained {
	e := under("Aggregate", op.n, 1, nil, true, op.in)
	if len(op.n.groups) > 0 {
		e.title, e.keys = "HashAggregate", groupKey(op.n.groups)
		if op.n.sets != nil {
			e.keys = []planKeys{op.n.setKeys()}
		}
		e.rows = max(1, e.children[0].rows/10)
	}
	return e
}

func (op *distinctOp) explain() explained {
	e := under("HashAggregate", op.n, 0, nil, false, op.in)
	e.keys = groupKey(op.n.keys)
	e.rows = max(1, e.children[0].rows/10)
	return e
}

func groupKey(list []expr) []planKeys {
	k := planKeys{name: "Group Key"}
	for _, e := range list {
		k.keys = append(k.keys, exprText(e))
	}
	return []planKeys{k}
}

// setKeys shows the grouping sets.
func (n *aggregateNode) setKeys() planKeys {
	k := planKeys{name: "Grouping Sets"}
	for _, set := range n.sets {
		var keys []string
		for _, i := range set {
			keys = append(keys, exprText(n.groups[i]))
		}
		k.keys = append(k.keys, "("+strings.Join(keys, ", ")+")")
	}
	return k
}

func (op *sortOp) explain() explained {
	if op.sorted == len(op.keys) {
		return op.in.explain() // the input keeps the order
	}
	keys := sortText(op.n.keys)
	e := under("Sort", op.n, 0, nil, op.sorted == 0, op.in)
	e.keys = []planKeys{{"Sort Key", keys}}
	if op.sorted > 0 {
		e.title, e.keys = "Incremental Sort", append(e.keys, planKeys{"Presorted Key", keys[:op.sorted]})
	}
	e.rows = e.children[0].rows
	return e
}

func (op *limitOp) explain() explained {
	e := under("Limit", op.n, 0, nil, false, op.in)
	in := e.children[0]
	e.rows, e.total = in.rows, in.total
	if op.left >= 0 && float64(op.left) < in.rows {
		e.rows = float64(op.left)
		e.total = in.startup + (in.total-in.startup)*e.rows/in.rows
	}
	return e
}

func (op *appendOp) explain() explained {
	e := explained{title: "Append"}
	for _, in := range op.ins {
		c := in.explain()
		e.rows, e.total, e.width, e.children = e.rows+c.rows, e.total+c.total, c.width, append(e.children, c)
	}
	return e
}

func (op *setOp) explain() explained {
	title := "HashSetOp Intersect"
	if op.n.except {
		title = "HashSetOp Except"
	}
	return under(title, op.n, 100, nil, true, op.l)
}

func (op *joinOp) explain() explained {
	kind := ""
	switch {
	case op.n.keepL && op.n.keepR:
		kind = "Full "
	case op.n.keepL:
		kind = "Left "
	case op.n.keepR:
		kind = "Right "
	}
	title := "Nested Loop " + kind + "Join"
	if kind == "" {
		title = "Nested Loop"
	}
	if len(op.rkeys) > 0 {
		title = "Hash " + kind + "Join"
	}
	lines := joinLines(op.n.on, len(op.n.l.columns()))
	e, err := op.explainSides(title, lines)
	if err != nil && len(e.children) == 0 {
		e = under(title, op.n, 0, lines, true, op.l)
	}
	e.rows = e.children[0].rows
	return e
}

// joinLines shows the conditions of a join whose left side has so many columns: those by which rows are found, and the others.
func joinLines(on []expr, left int) (lines []string) {
	keys, rest := split(on, func(e expr) bool {
		_, _, ok := equiKeys(e, left)
		return ok
	})
	if len(keys) > 0 {
		lines = append(lines, "Hash Cond: "+conditionText(keys))
	}
	if len(rest) > 0 {
		lines = append(lines, "Join Filter: "+conditionText(rest))
	}
	return lines
}

func (op *recursiveOp) explain() explained {
	e := under("Recursive Union", op.n, 100, nil, false, op.first)
	if r, err := op.x.operator(op.n.r, everything); err == nil {
		e.children = append(e.children, r.explain())
		r.close()
	}
	return e
}

func (op *workOp) explain() explained {
	return explained{title: "WorkTable Scan on " + op.n.table.slot.name, rows: 10, total: 0.1, width: widthOf(op.n.table.cols)}
}

func (op *windowOp) explain() explained {
	in := op.in.explain()
	if len(op.by) > 0 {
		in = explained{title: "Sort", keys: []planKeys{{"Sort Key", sortText(op.by)}}, rows: in.rows,
			startup: in.total, total: in.total + in.rows*0.01, width: in.width, children: []explained{in}}
	}
	return explainWindow(op.n, in)
}

func (op *streamOp) explain() explained { return explainWindow(op.n, op.in.explain()) }

func explainWindow(n *windowNode, in explained) explained {
	return explained{title: "WindowAgg", rows: in.rows, startup: in.startup, total: in.total + in.rows*0.01,
		width: widthOf(n.cols), children: []explained{in}}
}

// sortText shows the keys of a sort.
func sortText(keys []sortKey) []string {
	out := make([]string, len(keys))
	for i, k := range keys {
		out[i] = exprText(k.x)
		if k.desc {
			out[i] += " DESC"
		}
		if k.nullsFirst != k.desc {
			out[i] += map[bool]string{true: " NULLS FIRST", false: " NULLS LAST"}[k.nullsFirst]
		}
	}
	return out
}

func (op *lateralOp) explain() explained {
	title, lines := "Nested Loop", []string(nil)
	if op.n.keepL {
		title = "Nested Loop Left Join"
	}
	if len(op.n.on) > 0 {
		lines = []string{"Join Filter: " + conditionText(op.n.on)}
	}
	e := under(title, op.n, 0, lines, false, op.l)
	if r, err := op.x.operator(op.n.r, everything); err == nil {
		right := r.explain()
		r.close()
		if op.memo != nil {
			right = op.memo.explain(op.n, right)
		}
		e.children = append(e.children, right)
	}
	e.rows = e.children[0].rows
	return e
}

func (op *sharedOp) explain() explained {
	return explained{title: "CTE Scan on " + op.query.name, rows: 100, total: 1, width: widthOf(op.query.plan.columns())}
}

func countRows(b *value.Batch) int {
	if b.Sel != nil {
		return len(b.Sel)
	}
	return b.N
}
