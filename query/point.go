package query

import (
	"context"
	"math"

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
	open func(ctx context.Context) (Scan, error) // of the scan, whatever the parameter's value
	last Scan                                    // what open returned last
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
	if !ok || len(scan.where) != 1 || scan.sample != nil {
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
	table, finds := scan.table.(pointTable)
	if !ok || !isParam || param.typ() != t || !finds || !table.isPoint(column) || t != scan.table.Def().Columns[column].Type {
		return nil
	}
	return &pointSelect{project: p, cols: rowColumns(p), param: param.n, where: t}
}

// A pointTable finds rows by a value of one of some columns, by the same path whatever the value.
type pointTable interface {
	Table
	isPoint(column int) bool
	// openPoint opens the path for a request whose one constraint is Equal on such a column, in the memory of last, what it returned
	// before, closed, and whose rows nobody looks at any more; nil if there is none.
	openPoint(ctx context.Context, r *ScanRequest, last Scan) (Scan, error)
}

func (t *leafTable) isPoint(column int) bool     { return column == colDigest || column == colReceipt }
func (t *roundTable) isPoint(column int) bool    { return column <= colSecond }
func (t *calendarTable) isPoint(column int) bool { return column <= colSecond }

func (t *leafTable) openPoint(ctx context.Context, r *ScanRequest, last Scan) (Scan, error) {
	s, _ := last.(*leafScan)
	if s == nil {
		s = &leafScan{q: new(leafQuery)}
	}
	if err := t.begin(s.q, r); err != nil {
		return nil, err
	}
	s.q.by, s.q.values = r.Where[0].Column, r.Where[0].Values
	return s, s.open(ctx)
}

func (t *roundTable) openPoint(ctx context.Context, r *ScanRequest, _ Scan) (Scan, error) {
	s := pointSpan(r.Where[0])
	if s.from > s.to {
		return &listScan{}, nil
	}
	return t.open(ctx, r, s, false)
}

func (t *calendarTable) openPoint(ctx context.Context, r *ScanRequest, _ Scan) (Scan, error) {
	s := pointSpan(r.Where[0])
	if s.from > s.to {
		return &listScan{}, nil
	}
	return t.open(ctx, r, s, false)
}

// pointSpan returns the second that a constraint on round or second names, and an empty span if it is none.
func pointSpan(c Constraint) secondSpan {
	s := secondSpan{0, math.MaxInt64}
	narrowRounds(&s.from, &s.to, c, c.Values[0].Type)
	return s
}

// runPoint starts a pointSelect.
func (s *run) runPoint(ctx context.Context, p *pointSelect) (*Result, error) {
	params := s.params
	if p.param >= len(params) || params[p.param].Null || params[p.param].Type != p.where {
		return s.runPlan(ctx, p.project, params)
	}
	r := p.idle
	p.idle = nil
	if r != nil {
		r.again(ctx, params)
	} else {
		x := s.execution(ctx, params)
		op, err := x.newProject(p.project, everything)
		if err != nil {
			return nil, err
		}
		recycle(op)
		project := op.(*projectOp)
		r = &pointRun{projectOp: project, scan: project.in.(*scanOp), home: p}
		table, request := r.scan.n.table.(pointTable), r.scan.request
		r.open = func(ctx context.Context) (scan Scan, err error) {
			scan, err = table.openPoint(ctx, request, r.last)
			r.last = scan
			return scan, err
		}
	}
	result := s.own
	if result == nil {
		result = new(Result)
	}
	*result = Result{session: s.Session, cols: p.cols, x: r.x, op: r, tag: "SELECT", counted: true}
	return result, nil
}

// again makes an execution that has ended ready for another value of the parameter.
func (r *pointRun) again(ctx context.Context, params []value.Datum) {
	x, scan, s := r.x, r.scan, r.x.session
	x.params, x.asOf, x.memory, x.env = params, s.snapshot(), 0, s.env(ctx)
	x.total.Store(0)
	for _, e := range r.exprs {
		if c, ok := e.(*computedEval); ok {
			c.held = 0
		}
	}
	scan.request.Where[0].Values[0], scan.request.AsOf = params[r.home.param], x.asOf
	scan.open = r.open
}
