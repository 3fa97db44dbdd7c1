package query

import (
	"context"

	"github.com/jurat-ledger/jurat/query/value"
)

// A pointSelect is a query for columns of the leaves with one digest or one receipt, or of one round, given as parameter: SELECT
// signature FROM proofs WHERE digest = $1. What its execution is made of depends on the parameter's value nowhere but in the look-up, so
// a session keeps it for the next one.
type pointSelect struct {
	project *projectNode
	cols    []Column
	param   int
	where   *value.Type // of the parameter
	idle    *pointRun   // of an execution that has ended; nil if there is none
}

// A pointRun is a pointSelect in execution.
type pointRun struct {
	*projectOp
	scan *scanOp
	home *pointSelect
}

// close keeps the execution for the next one, unless it has the parameter's value in a condition.
func (r *pointRun) close() {
	r.projectOp.close()
	if len(r.scan.rest) == 0 {
		r.home.idle = r
	}
}

// pointOf returns the query that a plan is if it is a pointSelect, else nil.
func pointOf(plan node) *pointSelect {
	p, ok := plan.(*projectNode)
	if !ok || p.set {
		return nil
	}
	scan, ok := p.in.(*scanNode)
	if !ok || len(scan.where) != 1 {
		return nil
	}
	for _, e := range p.exprs {
		switch e.(type) {
		case *columnExpr, *computedExpr:
		default:
			return nil
		}
	}
	call, ok := scan.where[0].(*callExpr)
	if !ok || !call.operator || call.call.Func.Name != "=" || len(call.args) != 2 {
		return nil
	}
	column, t, ok := plainColumn(call.args[0])
	param, isParam := call.args[1].(*paramExpr)
	if !ok || !isParam || param.typ() != t || !isPoint(scan.table, column) || t != scan.table.Def().Columns[column].Type {
		return nil
	}
	return &pointSelect{project: p, cols: rowColumns(p), param: param.n, where: t}
}

// isPoint reports whether a table finds rows by a value of a column.
func isPoint(t Table, column int) bool {
	switch t.(type) {
	case *leafTable:
		return column == colDigest || column == colReceipt
	case *roundTable, *calendarTable:
		return column <= colSecond
	}
	return false
}

// runPoint starts a pointSelect.
func (s *Session) runPoint(ctx context.Context, p *pointSelect, params []value.Datum) (*Result, error) {
	if p.param >= len(params) || params[p.param].Null || params[p.param].Type != p.where {
		return s.runPlan(ctx, p.project, params)
	}
	r := p.idle
	p.idle = nil
	if r != nil {
		if ok, err := r.again(ctx, params); err != nil {
			return nil, err
		} else if !ok {
			r = nil
		}
	}
	if r == nil {
		x := s.execution(ctx, params)
		op, err := x.newProject(p.project, everything)
		if err != nil {
			return nil, err
		}
		project := op.(*projectOp)
		r = &pointRun{projectOp: project, scan: project.in.(*scanOp), home: p}
	}
	return &Result{session: s, cols: p.cols, x: r.x, op: r, tag: "SELECT", counted: true}, nil
}

// again makes an execution that has ended ready for other parameters. It returns false if the path does not see to them.
func (r *pointRun) again(ctx context.Context, params []value.Datum) (bool, error) {
	x, scan, s := r.x, r.scan, r.x.session
	x.params, x.asOf, x.memory, x.env = params, s.snapshot(), 0, s.env(ctx)
	x.total.Store(0)
	scan.request.Where[0].Values[0], scan.request.AsOf = params[r.home.param], x.asOf
	path, err := scan.n.table.Plan(scan.request)
	if err != nil || !path.Used[0] {
		return false, err
	}
	scan.path, scan.open = path, path.Open
	return true, nil
}
