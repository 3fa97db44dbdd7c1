package query

import (
	"context"
	"fmt"
	"runtime"
	"runtime/debug"
	"strconv"
	"sync"

	"github.com/jurat-ledger/jurat/query/fn"
	"github.com/jurat-ledger/jurat/query/value"
)

// A partial operator comes down to few rows, and parts of its input can be worked at apart.
type partial[P any] interface {
	operator
	input() operator
	mergeable() bool
	prepare() error // reads all of the input
	merge(from P) error
}

// newParallel makes the operator of an aggregateNode or a sortNode: one that works at parts of a scan at the same time, if
// there is a scan that can be split and nothing depends on the order in which its rows are seen, else the plain one.
func (x *execution) newParallel(n node, w wish) (operator, error) {
	switch n := n.(type) {
	case *aggregateNode:
		if x.repeatable(n) {
			return x.newPasses(n)
		}
		return parallel(x, func(x *execution) (*aggregateOp, error) { return x.newAggregate(n, nil) }, n.in)
	case *sortNode:
		return parallel(x, func(x *execution) (*sortOp, error) { return x.newSort(n, w) }, n.in)
	}
	panic("query: no parallel operator for the node")
}

// parallel makes an operator above in, in parts if possible.
func parallel[P partial[P]](x *execution, make func(*execution) (P, error), in node) (operator, error) {
	first, err := make(x)
	if err != nil {
		return nil, err
	}
	workers := x.workers()
	scan := scanBelow(first.input())
	if workers < 2 || scan == nil || scan.path.Split == nil || !first.mergeable() || !forkableNode(in) {
		return first, nil
	}
	opens, err := scan.path.Split(x.env.Ctx, workers)
	if err != nil || len(opens) < 2 {
		return first, err
	}
	first.close()
	op := &parallelOp[P]{x: x}
	for _, open := range opens {
		part := x.fork()
		p, err := make(part)
		if err != nil {
			op.close()
			return nil, err
		}
		scan := scanBelow(p.input())
		scan.open, scan.parallel = open, true
		op.parts, op.forks = append(op.parts, p), append(op.forks, part)
	}
	return op, nil
}

// workers is how many goroutines may work at one operator: the session's and as many helpers as the setting allows, but not
// more than there are processors.
func (x *execution) workers() int {
	text, ok := x.session.settings.get("max_parallel_workers_per_gather")
	if !ok || x.forked || x.outer != nil {
		return 1
	}
	helpers, err := strconv.Atoi(text)
	if err != nil {
		return 1
	}
	return min(1+helpers, runtime.GOMAXPROCS(0))
}

// fork returns an execution of the same statement for another goroutine. They share parameters, settings and the limit of
// memory.
func (x *execution) fork() *execution {
	s := x.statementRun
	f := &execution{statementRun: &statementRun{
		session: s.session, params: s.params, asOf: s.asOf, env: s.env.Fork(s.env.Ctx), values: s.values, grant: s.grant, limit: s.limit,
		seeds: s.seeds, forked: true,
	}}
	if e := s.explaining; e != nil {
		f.explaining = &explaining{analyze: e.analyze, timing: e.timing, counts: map[any]*counts{}, numbers: e.numbers}
	}
	f.values.Budget, f.env.Settings = f.statementRun, &f.values
	return f
}

// scanBelow returns the scan that op filters and projects, nil if it does something else.
func scanBelow(op operator) *scanOp {
	for {
		switch o := op.(type) {
		case *scanOp:
			return o
		case *measured:
			op = o.operator
		case *filterOp:
			op = o.in
		case *projectOp:
			op = o.in
		default:
			return nil
		}
	}
}

// forkableNode reports whether the filters and projections down to a scan are forkable.
func forkableNode(n node) bool {
	var list []expr
	for {
		switch m := n.(type) {
		case *scanNode:
			list = append(list, exprsOf(m)...)
			for _, e := range list {
				if !forkable(e) {
					return false
				}
			}
			return true
		case *filterNode:
			list, n = append(list, m.where...), m.in
		case *projectNode:
			list, n = append(list, m.exprs...), m.in
		case *sharedNode:
			n = m.query.plan
		default:
			return false
		}
	}
}

// forkable reports whether several goroutines may compute e for different rows: it neither changes anything nor reads other
// tables.
func forkable(e expr) bool {
	ok := true
	walk(e, func(x expr) {
		switch x := x.(type) {
		case *constExpr, *columnExpr, *computedExpr, *paramExpr, *castExpr, *logicExpr, *caseExpr, *coalesceExpr, *testExpr, *distinctExpr,
			*quantifiedExpr, *arrayExpr, *subscriptExpr, *letExpr, *slotExpr, *extremeExpr, *rowExpr:
		case *callExpr:
			ok = ok && x.call.Func.Volatility != fn.Volatile
		default:
			ok = false
		}
	})
	return ok
}

// parallelOp has parts of its input worked at by a goroutine each, and merges what they come to.
type parallelOp[P partial[P]] struct {
	x     *execution
	parts []P
	forks []*execution
	done  bool
}

func (op *parallelOp[P]) next() (*value.Batch, error) {
	if !op.done {
		op.done = true
		if err := op.run(); err != nil {
			return nil, err
		}
		for _, p := range op.parts[1:] {
			if err := op.parts[0].merge(p); err != nil {
				return nil, err
			}
			addMeasured(op.parts[0].input(), p.input())
		}
	}
	return op.parts[0].next()
}

// run has every part read its input and returns the first error, which ends the others.
func (op *parallelOp[P]) run() error {
	ctx, cancel := context.WithCancel(op.x.env.Ctx)
	defer cancel()
	errs := make([]error, len(op.parts))
	var first error
	var once sync.Once
	work := func(i int) {
		defer func() {
			if r := recover(); r != nil {
				op.x.session.engine.Logger.Error("part of a statement panicked", "panic", r, "stack", string(debug.Stack()))
				errs[i] = errf(codeInternal, "internal error: %v", r)
			}
			if errs[i] != nil {
				once.Do(func() { first = errs[i] })
				cancel()
			}
		}()
		errs[i] = op.parts[i].prepare()
	}
	for _, f := range op.forks {
		f.env.Ctx = ctx
	}
	var helpers sync.WaitGroup
	for i := 1; i < len(op.parts); i++ {
		helpers.Go(func() { work(i) })
	}
	work(0)
	helpers.Wait()
	for _, f := range op.forks {
		f.env.Ctx = op.x.env.Ctx
	}
	return first
}

// addMeasured adds what EXPLAIN ANALYZE counted below an operator of another part to what it counted below this one.
func addMeasured(to, from operator) {
	for {
		switch t := to.(type) {
		case *measured:
			f := from.(*measured)
			t.counts.add(f.counts)
			to, from = t.operator, f.operator
		case *filterOp:
			to, from = t.in, from.(*filterOp).in
		case *projectOp:
			to, from = t.in, from.(*projectOp).in
		default:
			return
		}
	}
}

func (op *parallelOp[P]) ordered() int { return op.parts[0].ordered() }

func (op *parallelOp[P]) close() {
	for _, p := range op.parts {
		p.close()
	}
}

func (op *parallelOp[P]) explain() explained {
	e := op.parts[0].explain()
	below, title := e, e.title
	below.title = "Partial " + title
	gather := explained{title: "Gather", rows: e.rows, startup: e.startup, total: e.total, width: e.width, children: []explained{below}}
	gather.lines = []string{fmt.Sprintf("Workers Planned: %d", len(op.parts)-1)}
	if op.x.analyzes() {
		gather.lines = append(gather.lines, fmt.Sprintf("Workers Launched: %d", len(op.parts)-1))
	}
	e.title, e.children = "Finalize "+title, []explained{gather}
	if _, ok := any(op.parts[0]).(*sortOp); ok { // parts are sorted as the whole is
		e.title, e.children[0].children[0].title = title, title
	}
	return e
}
