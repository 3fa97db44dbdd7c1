package query

import (
	"context"
	"io"
	"strings"

	"github.com/jurat-ledger/jurat/query/fn"
	"github.com/jurat-ledger/jurat/query/parse"
	"github.com/jurat-ledger/jurat/query/value"
)

// A compiled is a statement ready to run any number of times.
type compiled struct {
	text   string
	cols   []Column      // of its rows, nil if it returns none
	params []*value.Type // of its parameters
	// control marks statements that run in a failed transaction: its end.
	control bool
	kind    statementKind
	queries bool        // it reads or files, so modes of its transaction are fixed from then on
	plan    node        // of a query; nil for other statements
	direct  *insertPlan // of an INSERT whose rows are parameters, else nil
	run     func(ctx context.Context, r *run) (*Result, error)
	bytes   int64 // that it takes besides what its tokens and its text do
}

// A run is one execution of a compiled statement.
type run struct {
	*Session
	params []value.Datum
	single bool // no other statement belongs to its implicit transaction, so filings need not wait for its end
	// returning says that RETURNING may file at once although the implicit transaction goes on.
	returning bool
	own       *Result // memory for the result; nil if there is none
}

// compile analyzes a statement. types are those that the client gives for parameters, nil where it leaves them open.
func (s *Session) compile(sql string, stmt parse.Statement, types []*value.Type) (*compiled, error) {
	for _, n := range stmt.Notices {
		s.notice("NOTICE", n.Code, "%s", n.Message)
	}
	a := &analyzer{session: s, fns: s.engine.fns, sql: sql, prints: prints{}, params: make([]*value.Type, max(stmt.Params, len(types)))}
	copy(a.params, types)
	a.tokens = stmt.Tokens
	c, err := a.statement(stmt.Stmt)
	if err != nil {
		return nil, err
	}
	if err := a.paramTypes(); err != nil {
		return nil, err
	}
	c.text, _ = parse.WithoutPassword(stmt.Stmt, stmt.Text)
	c.bytes = a.planBytes()
	c.params, c.kind, c.queries = a.params, kindOf(stmt.Stmt), queries(stmt.Stmt)
	return c, nil
}

// statement analyzes any statement.
func (a *analyzer) statement(stmt parse.Stmt) (*compiled, error) {
	switch stmt := stmt.(type) {
	case *parse.Select:
		return a.selectStatement(stmt)
	case *parse.Insert:
		return a.insert(stmt)
	case *parse.Copy:
		return a.copy(stmt)
	case *parse.Explain:
		return a.explain(stmt)
	case *parse.Update:
		return nil, a.update(stmt)
	case *parse.Delete:
		return nil, a.appendOnly(&stmt.Table.Name, "DELETE")
	case *parse.Transaction:
		return a.transaction(stmt)
	case *parse.SetTransaction:
		return a.setTransaction(stmt)
	case *parse.Set:
		return a.set(stmt)
	case *parse.Show:
		return a.show(stmt)
	case *parse.Reset:
		return a.reset(stmt)
	case *parse.Discard:
		return a.discard(stmt)
	case *parse.Prepare:
		return a.prepare(stmt)
	case *parse.Execute:
		return a.execute(stmt)
	case *parse.Deallocate:
		return a.deallocate(stmt)
	case *parse.CreateRole:
		return a.createRole(stmt)
	case *parse.AlterRole:
		return a.alterRole(stmt)
	case *parse.AlterRoleSet:
		return a.alterRoleSet(stmt)
	case *parse.DropRole:
		return a.dropRole(stmt)
	case *parse.GrantRole:
		return a.grantRole(stmt)
	case *parse.Other:
		return a.other(stmt)
	case *parse.DeclareCursor:
		return a.declare(stmt)
	case *parse.Fetch:
		return a.fetch(stmt)
	case *parse.CloseCursor:
		return a.closeCursor(stmt)
	case *parse.Listen:
		return a.listen(stmt.Channel)
	case *parse.Unlisten:
		return a.unlisten(stmt.Channel)
	case *parse.Notify:
		return a.notify(stmt)
	}
	return nil, a.unsupported(stmt, "this statement is")
}

// textBytes is what a statement takes as text and by its tokens. What is kept of it refers to the memory of the whole string.
func (a *analyzer) textBytes() int64 { return int64(len(a.sql)) + int64(a.tokens)*tokenBytes }

// planBytes is what the plan takes besides what its tokens and its text do.
func (a *analyzer) planBytes() int64 { return a.bytes + int64(len(a.params))*8 }

// queries reports whether a statement reads or files.
func queries(stmt parse.Stmt) bool {
	switch stmt.(type) {
	case *parse.Select, *parse.Insert, *parse.Copy, *parse.Explain, *parse.DeclareCursor, *parse.Prepare, *parse.Execute:
		return true
	}
	return false
}

// rowColumns returns the columns of a plan's rows, never nil: rows without columns are rows.
func rowColumns(plan node) []Column {
	if cols := plan.columns(); cols != nil {
		return cols
	}
	return []Column{}
}

// selectStatement analyzes a query as a statement.
func (a *analyzer) selectStatement(stmt *parse.Select) (*compiled, error) {
	plan, err := a.query(stmt, nil)
	if err != nil {
		return nil, err
	}
	if point := pointOf(plan); point != nil {
		return &compiled{plan: plan, cols: point.cols, run: func(ctx context.Context, r *run) (*Result, error) {
			return r.runPoint(ctx, point)
		}}, nil
	}
	return &compiled{plan: plan, cols: rowColumns(plan), run: func(ctx context.Context, r *run) (*Result, error) {
		return r.runPlan(ctx, plan, r.params)
	}}, nil
}

// runPlan starts a plan.
func (s *Session) runPlan(ctx context.Context, plan node, params []value.Datum) (*Result, error) {
	x := s.execution(ctx, params)
	limit, cancel := s.limit(ctx, x)
	defer cancel()
	x.env.Ctx = limit // constants are computed already here
	op, err := x.start(plan, everything)
	if err != nil {
		return nil, stopped(limit, err)
	}
	recycle(op)
	return &Result{session: s, cols: rowColumns(plan), x: x, op: op, tag: "SELECT", counted: true}, nil
}

// recycle has the memory of columns that a table computes used again by each batch: a Result's rows are copied to the client one by one.
func recycle(op operator) {
	switch op := op.(type) {
	case *limitOp:
		recycle(op.in)
	case *projectOp:
		for _, e := range op.exprs {
			if c, ok := e.(*computedEval); ok {
				c.out.Recycle()
				op.recycled = append(op.recycled, &c.out)
			}
		}
	}
}

// A Result is a statement in execution. Rows are pulled one after the other.
type Result struct {
	session *Session
	cols    []Column
	x       *execution
	op      operator // nil if there are no rows
	b       *value.Batch
	at      int   // in b
	count   int64 // rows given out since the last Execute
	room    int   // bytes asked for by Room
	tag     string
	binary  bool // the rows are of a cursor that was declared BINARY
	counted bool // the number of rows follows the tag
	done    bool
	err     error
	copyIn  *CopyIn
	copyOut *CopyOptions
	text    string
}

// Columns describes the rows; nil if the statement returns none.
func (r *Result) Columns() []Column { return r.cols }

// Binary reports whether the simple protocol sends the rows in binary.
func (r *Result) Binary() bool { return r.binary }

// CopyIn returns where the rows of a COPY FROM go, nil for other statements.
func (r *Result) CopyIn() *CopyIn { return r.copyIn }

// CopyOut returns the format of a COPY TO, nil for other statements.
func (r *Result) CopyOut() *CopyOptions { return r.copyOut }

// Next moves to the next row, which is row i of b until the following call. io.EOF ends the rows.
func (r *Result) Next(ctx context.Context) (b *value.Batch, i int, err error) {
	if r.err != nil {
		return nil, 0, r.err
	}
	if r.b == nil || r.at >= countRows(r.b) {
		if err := r.pull(ctx); err != nil {
			if err != io.EOF {
				r.err = err
			}
			return nil, 0, err
		}
	}
	i = r.at
	if r.b.Sel != nil {
		i = int(r.b.Sel[r.at])
	}
	r.at++
	r.count++
	return r.b, i, nil
}

// FreeRoom is the length up to which a row is written without asking for Room.
const FreeRoom = 64 << 10

// Room asks for the memory of n bytes of a row that is being written for the client. The errors are 53200 if the statement may not have so much,
// and 57014 once it has been cancelled or its time is over.
func (r *Result) Room(ctx context.Context, n int) error {
	if r.x == nil {
		return nil
	}
	limit, cancel := r.session.limit(ctx, r.x)
	defer cancel()
	if limit.Err() != nil {
		return canceled(limit)
	}
	if n <= r.room {
		return nil
	}
	more := n - r.room
	r.room = n
	return r.x.grant.add(r.session, more, r.session.maxMemory)
}

// pull takes the next batch.
func (r *Result) pull(ctx context.Context) error {
	if r.done {
		return io.EOF
	}
	r.b, r.at = nil, 0
	err := r.session.guard(r.text, func() error {
		if r.op != nil {
			limit, cancel := r.session.limit(ctx, r.x)
			defer cancel()
			r.x.env.Ctx = limit
			b, err := r.op.next()
			if err != nil {
				return stopped(limit, err)
			}
			r.b = b
		}
		r.done = r.b == nil
		return nil
	})
	if err == nil && r.b == nil {
		err = io.EOF
	}
	return err
}

// afterFiling adds to an error that a client must not file again what INSERT … RETURNING has filed before it in the transaction: there are
// no receipts before the digests are durable, so nothing takes them back.
func (s *Session) afterFiling(e *Error) *Error {
	if s.tx.filed == 0 || s.tx.aborted {
		return e
	}
	told := *e
	told.Detail = strings.TrimSpace(e.Detail + " " + itoa(s.tx.filed) + " digests that INSERT … RETURNING filed before this are filed, for good.")
	return told.hint("Do not file them again: SELECT receipt, signature FROM proofs WHERE digest = … gives what is missing.")
}

// limit bounds ctx by what statement_timeout leaves.
func (s *Session) limit(ctx context.Context, x *execution) (context.Context, context.CancelFunc) {
	t := s.timeout()
	if t == 0 {
		return ctx, func() {}
	}
	t -= s.engine.Clock().Sub(value.ToTime(x.env.Statement))
	return context.WithTimeoutCause(ctx, max(t, 0), errTimeout)
}

// Tag is the command tag. It is valid once the rows have ended.
func (r *Result) Tag() string {
	if r.copyIn != nil {
		return r.copyIn.tag()
	}
	if !r.counted {
		return r.tag
	}
	return r.tag + " " + itoa(int(r.count))
}

// Close ends the statement.
func (r *Result) Close() {
	if r.copyIn != nil {
		r.copyIn.Abort()
	}
	if r.op != nil {
		r.op.close()
		if r.x != nil {
			r.session.endRun(r.x.grant)
		}
		r.op, r.b, r.done = nil, nil, true
	}
}

// tagged is the result of a statement without rows.
func (s *Session) tagged(tag string) *Result { return &Result{session: s, tag: tag, done: true} }

// listed is a result of rows that are there already.
func (s *Session) listed(ctx context.Context, tag string, cols []Column, rows [][]value.Datum) *Result {
	op := &listOp{cols: cols, rows: rows}
	return &Result{session: s, cols: cols, tag: tag, op: op, x: s.execution(ctx, nil)}
}

// listOp gives rows that are there already.
type listOp struct {
	oneRowOp
	cols []Column
	rows [][]value.Datum
}

func (op *listOp) next() (*value.Batch, error) {
	n := min(len(op.rows), value.BatchSize)
	if n == 0 {
		return nil, nil
	}
	b := &value.Batch{N: n, Cols: newVectors(op.cols, n)}
	for i, row := range op.rows[:n] {
		for k, d := range row {
			b.Cols[k].Set(i, d)
		}
	}
	op.rows = op.rows[n:]
	return b, nil
}

// textColumns describes columns of type text.
func textColumns(names ...string) []Column {
	cols := make([]Column, len(names))
	for i, n := range names {
		cols[i] = Column{Name: n, Type: value.Text, TypeModifier: -1}
	}
	return cols
}

var _ fn.Session = (*Session)(nil)
