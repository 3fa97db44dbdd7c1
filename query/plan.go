package query

import (
	"slices"

	"github.com/jurat-ledger/jurat/query/fn"
	"github.com/jurat-ledger/jurat/query/value"
)

// A node is a step of a plan. Nodes are made by the analyzer, never changed, and shared by all executions of a
// statement; execution.operator makes the running form of one.
type node interface {
	columns() []Column
}

// A Column describes a column of a result.
type Column struct {
	Name         string
	Type         *value.Type
	TypeModifier int32     // -1 for none
	Table        value.OID // of the table it comes from unchanged, else 0
	Attribute    int16
	Fields       []Column // of a record, where known
}

type (
	// A scanNode reads a table.
	scanNode struct {
		table  Table
		alias  string
		cols   []Column     // all of the table, hidden and computed ones too; computed ones are never delivered
		where  []expr       // conditions on the row, all to hold
		sample *tableSample // which rows to read; nil for all
	}

	// A oneRowNode is one row without columns: SELECT without FROM.
	oneRowNode struct{}

	// A valuesNode is the rows of VALUES.
	valuesNode struct {
		rows [][]expr
		cols []Column
	}

	// A seriesNode is one or more set-returning functions in FROM, side by side; the shorter ones are filled up with
	// nulls. Functions that return one row stand among them too. With in set, the functions are called for each of its
	// rows, whose columns stand before theirs.
	seriesNode struct {
		in         node
		calls      []expr // *seriesExpr, or any other expression for one row
		widths     []int  // columns of each
		records    []bool // of each: it gives records, whose fields are the columns
		ordinality bool
		cols       []Column // of the functions
		name       string   // of the first function
		renameable bool     // the alias of the table names the column too
	}

	// A filterNode passes the rows for which all conditions hold.
	filterNode struct {
		in    node
		where []expr
	}

	// A projectNode computes columns. With set set, some of the expressions hold a seriesExpr, and a row becomes as many
	// rows as the longest of them has.
	projectNode struct {
		in    node
		exprs []expr
		cols  []Column
		set   bool
	}

	// An aggregateNode groups. Its columns are the group expressions and then the aggregates. Without group expressions
	// there is exactly one group. With several grouping sets, the number of a row's set stands before the aggregates, and
	// expressions that the set does not have are null.
	aggregateNode struct {
		in     node
		groups []expr
		sets   [][]int // numbers of expressions; nil for one set of all
		aggs   []*aggregateExpr
		cols   []Column
	}

	// A distinctNode passes the first row of each set of rows whose key expressions are equal.
	distinctNode struct {
		in   node
		keys []expr
	}

	// A sortNode sorts.
	sortNode struct {
		in   node
		keys []sortKey
	}

	// A limitNode passes some of the rows. Limit and offset are of type int8; nil is none.
	limitNode struct {
		in            node
		limit, offset expr
	}

	// An appendNode is UNION ALL.
	appendNode struct {
		ins []node
	}

	// A setNode is INTERSECT or EXCEPT.
	setNode struct {
		l, r   node
		except bool
		all    bool
	}

	// A joinNode joins. Its columns are those of l and then those of r. With args, r refers to the rows of l: it is executed
	// for each of them.
	joinNode struct {
		l, r         node
		args         []outerArg
		keepL, keepR bool // outer join: rows of this side without a match come too
		on           []expr
		cols         []Column
		each         *joinNode // the lateral join that this one stands for; nil if it is none
	}

	// A sharedNode is a query of WITH that is computed once and read any number of times.
	sharedNode struct {
		query *sharedQuery
	}
)

// A sharedQuery is the query behind sharedNodes. Executions know it by its address.
type sharedQuery struct {
	name    string
	plan    node
	cols    []string      // new names of the first columns
	uses    int           // references
	always  bool          // MATERIALIZED
	args    []outerArg    // the values around that it depends on
	filters []*filterNode // right above references
	self    *recursion    // while it is being analyzed, of WITH RECURSIVE
	later   bool          // it follows the query that is being analyzed
}

// A sortKey is an expression of ORDER BY.
type sortKey struct {
	x          expr
	desc       bool
	nullsFirst bool
}

func (n *scanNode) columns() []Column      { return n.cols }
func (n *oneRowNode) columns() []Column    { return nil }
func (n *valuesNode) columns() []Column    { return n.cols }
func (n *filterNode) columns() []Column    { return n.in.columns() }
func (n *projectNode) columns() []Column   { return n.cols }
func (n *aggregateNode) columns() []Column { return n.cols }
func (n *distinctNode) columns() []Column  { return n.in.columns() }
func (n *sortNode) columns() []Column      { return n.in.columns() }
func (n *limitNode) columns() []Column     { return n.in.columns() }
func (n *appendNode) columns() []Column    { return n.ins[0].columns() }
func (n *setNode) columns() []Column       { return n.l.columns() }
func (n *joinNode) columns() []Column      { return n.cols }

func (n *seriesNode) columns() []Column {
	if n.in == nil {
		return n.cols
	}
	return append(slices.Clone(n.in.columns()), n.cols...)
}

func (n *sharedNode) columns() []Column {
	cols := slices.Clone(n.query.plan.columns())
	for i, name := range n.query.cols {
		cols[i].Name = name
	}
	return cols
}

// A statementRun is what all executions of the plans of one run of a statement share: its parameters, the memory it may
// take, what is computed once.
type statementRun struct {
	session     *Session
	params      []value.Datum
	asOf        *Snapshot // what its scans see; nil for the ledger as it stands
	env         fn.Env
	values      value.Settings // of env
	*grant                     // its memory
	limit       int64          // of total
	taken       int            // of total, by the function that is being computed
	shared      map[*sharedQuery]*sharedRows
	results     map[*subqueryExpr]value.Datum // of subqueries that depend on no row
	rights      map[node]*joinTable           // right sides of joins in subqueries
	work        map[*workTable]*rowStore      // of the recursive queries that are running
	pulled      map[*joinNode]pulledPlan      // lateral joins in another form
	memos       map[*joinNode]*memoRecord     // of lateral joins
	free        map[node]map[*outerSlot]bool  // what freeSlots found
	seeds       map[*tableSample]uint64       // of samples without REPEATABLE
	forked      bool                          // works at a part of the rows, beside others
	ranges      map[*joinNode]node            // what rangeJoin found
	*explaining                               // nil unless the statement is EXPLAIN
}

// An execution is one run of a plan: that of a statement, or that of a subquery for one row around it.
type execution struct {
	*statementRun
	memory int64                   // bytes reserved by this execution
	outer  *outerRow               // nil for the plan of the statement
	slots  map[*slotExpr]evaluator // of the letExprs being compiled
	wide   int                     // bytes that operators and evaluators hold for each row of a batch
	seen   int                     // rows of the largest batch, for which they are reserved
	fault  error                   // the first of what constants of the plan give, which Postgres computes while it plans
}

// reserve notes that the execution holds so many more bytes.
func (x *execution) reserve(bytes int) error {
	x.memory += int64(bytes)
	return x.grant.add(x.session, bytes, x.limit)
}

// Take implements value.Budget: a function that is being computed is about to take so many bytes. What it took is held until its values
// are replaced, by hold.
func (r *statementRun) Take(bytes int) error {
	r.taken += bytes
	return r.grant.add(r.session, bytes, r.limit)
}

// freeze has scans that begin from now on see the ledger as it stands now, if none of the statement has begun so: what is read several times, in
// parts, has to be the same.
func (x *execution) freeze() {
	if x.asOf == nil {
		taken := x.session.engine.Ledger.Snapshot()
		x.asOf = &taken
	}
}

// forget gives back what functions have taken.
func (x *execution) forget() {
	x.grant.release(int64(x.taken))
	x.taken = 0
}

// hold gives back what held says, and has it say what functions have taken since.
func (x *execution) hold(held *int) {
	x.memory += int64(x.taken)
	x.release(*held)
	*held, x.taken = x.taken, 0
}

// holdOut is hold for a function whose values are in out: what they take counts, if the function has not counted it.
func (x *execution) holdOut(held *int, out *value.Vector) error {
	more := max(0, out.Taken()-x.taken)
	x.hold(held)
	*held += more
	return x.reserve(more)
}

// room returns how many bytes more the statement may take.
func (x *execution) room() int64 { return x.limit - x.total.Load() }

// release gives memory back.
func (x *execution) release(bytes int) {
	x.memory -= int64(bytes)
	x.grant.release(int64(bytes))
}

// leave ends a run of which only some rows are kept, whatever its operators still hold.
func (x *execution) leave(rows *rowStore) {
	x.shared, x.results, x.rights, x.work = nil, nil, nil, nil
	x.release(int(x.total.Load()) - rows.bytes)
	x.seen = 0
}

// check returns the reason if the statement is to stop.
func (x *execution) check() error {
	if x.env.Ctx.Err() != nil {
		return canceled(x.env.Ctx)
	}
	return nil
}

// A wish is what the operators above would like of the one below. It obliges to nothing.
type wish struct {
	need  []bool     // columns that are used; nil for all
	order []OrderKey // order of the rows
	limit int64      // so many rows in that order suffice; -1 for all
	few   int64      // about so many rows are going to be asked for; 0 if that is not known
}

// all is the wish for all rows and columns, in any order.
var everything = wish{limit: -1}

// An operator is a node in execution.
type operator interface {
	// next returns some more rows, nil at the end. They are valid until the following call.
	next() (*value.Batch, error)
	// ordered returns how many of the wished order's first keys the rows keep.
	ordered() int
	close()
	explain() explained
}

// rowBytes is about what the running form of n holds for each row of a batch: its columns, and which rows count.
func rowBytes(n node, w wish) int {
	bytes := 4
	switch n.(type) {
	case *scanNode, *seriesNode, *joinNode, *sortNode, *aggregateNode, *windowNode, *semiNode:
		for i, c := range n.columns() {
			if w.need == nil || i < len(w.need) && w.need[i] {
				bytes += listBytes(c.Type)
			}
		}
	}
	return bytes
}

// listBytes is what a value takes in the list of a vector.
func listBytes(t *value.Type) int {
	switch t.Kind {
	case value.Bytes:
		return 24
	case value.Boxed:
		return 16
	}
	return 8
}

// saw reserves what operators and evaluators hold for a batch of rows, as far as it is larger than those before.
func (x *execution) saw(rows int) error {
	if rows <= x.seen {
		return nil
	}
	more := (rows - x.seen) * x.wide
	x.seen = rows
	return x.reserve(more)
}

// sawScan is saw for a batch of a table, whose values count too: held says how much was reserved for those of the batches before.
func (x *execution) sawScan(b *value.Batch, held *int) error {
	taken := 0
	for _, v := range b.Cols {
		if present(v) {
			taken += v.Taken()
		}
	}
	if more := taken - *held; more > 0 {
		*held = taken
		if err := x.reserve(more); err != nil {
			return err
		}
	}
	return x.saw(b.N)
}

// start makes the running form of a whole plan.
func (x *execution) start(plan node, w wish) (operator, error) {
	op, err := x.operator(plan, w)
	if err == nil && x.fault != nil {
		op.close()
		return nil, x.fault
	}
	return op, err
}

// operator makes the running form of n.
func (x *execution) operator(n node, w wish) (operator, error) {
	op, err := x.newOperator(n, w)
	x.wide += rowBytes(n, w)
	if err != nil || x.explaining == nil {
		return op, err
	}
	return &measured{op, x.tallied(n), x, n}, nil
}

func (x *execution) newOperator(n node, w wish) (operator, error) {
	switch n := n.(type) {
	case *scanNode:
		return x.newScan(n, w)
	case *oneRowNode:
		return &oneRowOp{}, nil
	case *valuesNode:
		return x.newValues(n), nil
	case *seriesNode:
		return x.newSeries(n, w)
	case *filterNode:
		if len(n.where) == 0 {
			return x.operator(n.in, w)
		}
		return x.newFilter(n, w)
	case *projectNode:
		return x.newProject(n, w)
	case *aggregateNode:
		return x.neededAggregates(n, w)
	case *distinctNode:
		return x.newDistinct(n, w)
	case *sortNode:
		return x.newParallel(n, w)
	case *windowNode:
		return x.neededWindows(n, w)
	case *recursiveNode:
		return x.newRecursive(n, w)
	case *workNode:
		return &workOp{x: x, n: n}, nil
	case *limitNode:
		return x.newLimit(n, w)
	case *appendNode:
		return x.newAppend(n, w)
	case *setNode:
		return x.newSet(n)
	case *joinNode:
		if op, err := x.unjoined(n, w); op != nil || err != nil {
			return op, err
		}
		if len(n.args) > 0 {
			return x.newLateral(n, w)
		}
		return x.newJoin(n, w)
	case *semiNode:
		return x.newSemi(n, w)
	case *sharedNode:
		if n.query.uses == 1 && !n.query.always {
			return x.operator(n.query.plan, w)
		}
		return &sharedOp{x: x, query: n.query}, nil
	}
	panic("query: no operator for the node")
}

// needed returns which of n columns the expressions use, besides those that already are needed.
func needed(n int, already []bool, lists ...[]expr) []bool {
	need := make([]bool, n)
	copy(need, already)
	for _, list := range lists {
		for _, e := range list {
			walk(e, func(x expr) {
				if c, ok := x.(*columnExpr); ok {
					need[c.index] = true
				}
			})
		}
	}
	return need
}

// allOf returns need, or all true if it is nil.
func allOf(need []bool, n int) []bool {
	if need != nil {
		return need
	}
	need = make([]bool, n)
	for i := range need {
		need[i] = true
	}
	return need
}

// param returns the value of a parameter; where the statement is only explained, there may be none.
func (x *execution) param(e *paramExpr) value.Datum {
	if e.n < len(x.params) {
		return x.params[e.n]
	}
	return value.Null(e.typ())
}
